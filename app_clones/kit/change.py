"""The net change of a world as data, and its canonical form up to renaming of fresh ids. SKETCH."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Value = int | str | float | bytes | None


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row's net change. ``key``: primary-key columns; ``old``: values before (update: changed columns only,
    delete: all); ``new``: values after (update: changed columns only, insert: all)."""

    table: str
    op: Literal["insert", "update", "delete"]
    key: Mapping[str, Value]
    old: Mapping[str, Value]
    new: Mapping[str, Value]


# parse(changeset: bytes, schema) -> tuple[RowChange, ...]
# canonical(changes, schema, *, times=frozenset()) -> Canonical (hashable, order-free; logs dropped, times dropped except
#     "table.column" named in `times`; ids of inserted rows renamed by colour refinement so that isomorphic changes are equal)
# difference(expected, found) -> tuple[str, ...]   human-readable lines, empty when equal
