"""The net change of a world as data, and its canonical form up to renaming of fresh ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import apsw

from app_clones.kit.digest import Layout

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


def parse(changeset: bytes, layouts: Mapping[str, Layout]) -> tuple[RowChange, ...]:
    """The rows of ``changeset`` in order of table and key. Tables without a layout (FTS5's shadows) are left out."""
    found = []
    for change in apsw.Changeset.iter(changeset):
        table = layouts.get(change.name)
        if table is not None:
            found.append(_row_change(change, table))
    return tuple(sorted(found, key=lambda row: (row.table, [(type(v).__name__, v) for v in row.key.values()], row.op)))


def _row_change(change: apsw.TableChange, table: Layout) -> RowChange:
    row = change.new if change.old is None else change.old
    assert row is not None
    key = {table.columns[i]: row[i] for i in table.key}
    if change.old is None:
        return RowChange(table.name, "insert", key, {}, dict(zip(table.columns, row, strict=True)))  # type: ignore[arg-type]
    if change.new is None:
        return RowChange(table.name, "delete", key, dict(zip(table.columns, row, strict=True)), {})  # type: ignore[arg-type]
    changed = [i for i, value in enumerate(change.new) if value is not apsw.no_change]
    old = {table.columns[i]: change.old[i] for i in changed}
    new = {table.columns[i]: change.new[i] for i in changed}
    return RowChange(table.name, "update", key, old, new)  # type: ignore[arg-type]
