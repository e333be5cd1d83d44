"""The start's rows with changes on top, in memory: what is left of them in the end is a net change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from app_clones.kit.change import RowChange
from app_clones.kit.schema import Table, quoted
from factory.verifiers.start import Start

Row = Mapping[str, Any]
"""A row by column, ``id`` among them."""


class Rows:
    """Fresh rows have negative ids. Columns that hold a time or a log are neither kept nor compared."""

    def __init__(self, start: Start, tables: Mapping[str, Table]) -> None:
        self._start = start
        self._tables = tables
        self._now: dict[tuple[str, int], Row | None] = {}
        self._made = 0

    def get(self, table: str, id: int) -> Row:
        """A row as it is now. Raises VerifierError where it is not there."""
        if (table, id) in self._now:
            row = self._now[table, id]
            if row is not None:
                return row
        return self._start.row(table, id)

    def insert(self, table: str, values: Row) -> int:
        """A fresh row; what ``values`` leaves out is NULL. Returns its id."""
        self._made -= 1
        self._now[table, self._made] = {"id": self._made, **dict.fromkeys(self._counted(table)), **values}
        return self._made

    def update(self, table: str, id: int, values: Row) -> None:
        """Changes columns of a row."""
        self._now[table, id] = {**self.get(table, id), **values}

    def delete(self, table: str, id: int) -> None:
        """The row goes."""
        self._now[table, id] = None

    def naming(self, table: str, column: str, id: int) -> list[int]:
        """Ids of the rows whose ref ``column`` names ``id``, smallest first."""
        return self.like(table, {column: id})

    def like(self, table: str, values: Row) -> list[int]:
        """Ids of the rows whose columns hold all of ``values``, none of which is NULL, smallest first."""
        where = " AND ".join(f"{quoted(column)} = ?" for column in values)
        sql = f"SELECT id FROM {table} WHERE {where} ORDER BY id"
        found = {int(row["id"]) for row in self._start.rows(sql, *values.values())}
        for (of, one), row in self._now.items():
            if of == table:
                found.discard(one)
                if row is not None and all(row[column] == value for column, value in values.items()):
                    found.add(one)
        return sorted(found)

    def listing(self, table: str, column: str, id: int) -> list[int]:
        """Ids of the rows whose list of refs ``column`` holds ``id``, smallest first."""
        ids = {int(row["id"]) for row in self._start.rows(f"SELECT id FROM {table} ORDER BY id")}
        ids |= {one for of, one in self._now if of == table}
        there = [one for one in ids if self._now.get((table, one), {}) is not None]
        return sorted(one for one in there if id in json.loads(self.get(table, one)[column] or "[]"))

    def changes(self) -> tuple[RowChange, ...]:
        """The net change, in the order in which rows were first touched."""
        return tuple(self._changes())

    def _changes(self) -> Iterator[RowChange]:
        for (table, id), row in self._now.items():
            key, counted = {"id": id}, self._counted(table)
            if id < 0:
                if row is not None:
                    yield RowChange(table, "insert", key, {}, {**key, **{name: row[name] for name in counted}})
                continue
            before = self._start.row(table, id)
            if row is None:
                yield RowChange(table, "delete", key, dict(before), {})
                continue
            new = {name: row[name] for name in counted if row[name] != before[name]}
            if new:
                yield RowChange(table, "update", key, {name: before[name] for name in new}, new)

    def _counted(self, table: str) -> list[str]:
        return [column.name for column in self._tables[table].columns if column.kind in ("content", "ref")]
