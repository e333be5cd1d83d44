"""The net change of a world as data: parsed, described, compared. Renaming of fresh ids is in ``canonical.py``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import apsw

from app_clones.kit.canonical import Canonical, CanonicalRow, canonical, difference, line
from app_clones.kit.digest import Layout
from app_clones.kit.protocol import Value

__all__ = ["Canonical", "CanonicalRow", "RowChange", "canonical", "describe", "difference", "parse", "summed"]


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
    return tuple(sorted(found, key=lambda row: (row.table, [(type(v).__name__, v) for v in row.key.values()])))


def summed(changesets: Sequence[bytes]) -> bytes:
    """The sum of ``changesets``, in their order: one that has the effect of them all."""
    if len(changesets) < 2:
        return changesets[0] if changesets else b""
    builder = apsw.ChangesetBuilder()  # type: ignore[no-untyped-call]
    try:
        for item in changesets:
            if item:
                builder.add(item)
        return builder.output()
    finally:
        builder.close()


def describe(changes: Iterable[RowChange]) -> tuple[str, ...]:
    """One readable line per row, for a person reading a trajectory."""
    return tuple(line(change) for change in changes)


def _row_change(change: apsw.TableChange, table: Layout) -> RowChange:
    old, new = cast(tuple[Value, ...] | None, change.old), cast(tuple[Value, ...] | None, change.new)
    row = new if old is None else old
    assert row is not None
    key = {table.columns[i]: row[i] for i in table.key}
    if old is None:
        return RowChange(table.name, "insert", key, {}, dict(zip(table.columns, row, strict=True)))
    if new is None:
        return RowChange(table.name, "delete", key, dict(zip(table.columns, row, strict=True)), {})
    changed = [i for i, value in enumerate(change.new or ()) if value is not apsw.no_change]
    before = {table.columns[i]: old[i] for i in changed}
    return RowChange(table.name, "update", key, before, {table.columns[i]: new[i] for i in changed})
