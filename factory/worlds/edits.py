"""Near misses as direct edits of rows: what the oracle changed, changed a little less, a little more, or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from app_clones.kit.change import RowChange
from app_clones.kit.schema import Column, Table, columns_sql, is_log, key_of, quoted
from app_clones.kit.world import Call
from factory.verifiers.start import Start

Value = int | str | float | bytes | None
Key = tuple[Value, ...]
_TRIES = 60
_ALTERED = 3
"""Contents altered of one row, at most; which ones, changes from task to task."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of rows that no operation made; ``run`` writes within one transaction."""

    name: str
    run: Callable[[Call], None]


class Inventory:
    """The primary keys of every table of the start state, to pick other entities from."""

    def __init__(self, start: Start, schema: Mapping[str, Table]) -> None:
        self.schema = schema
        self.keys: dict[str, list[Key]] = {}
        for table in schema.values():
            names = columns_sql(key_of(table))
            rows = start.rows(f"SELECT {names} FROM {table.name} ORDER BY {names}")
            self.keys[table.name] = [tuple(row.values()) for row in rows]
        self._sets = {name: frozenset(keys) for name, keys in self.keys.items()}

    def has(self, table: str, key: Key) -> bool:
        """Whether the start state has that row."""
        return key in self._sets[table]

    def pick(self, table: str, rng: Random, wanted: Callable[[Key], bool]) -> Key | None:
        """A random row's key for which ``wanted`` holds, or None where tries run out."""
        keys = self.keys[table]
        for _ in range(_TRIES if keys else 0):
            key = keys[rng.randrange(len(keys))]
            if wanted(key):
                return key
        return None


def edits(changes: Sequence[RowChange], inventory: Inventory, rng: Random) -> Iterator[Edit]:
    """All edits of the rows in ``changes``, whatever they are: each dropped, each fresh one duplicated, contents
    altered, each reference and each keyed row given to another entity. Logs and times are no part of a state."""
    for change in changes:
        table = inventory.schema[change.table]
        counted = [c for c in table.columns if c.kind in ("content", "ref") and c.name not in key_of(table)]
        if is_log(table) or (change.op == "update" and not any(c.name in change.new for c in counted)):
            continue
        at = f"{change.table}{tuple(change.key.values())}"
        yield Edit(f"drop: {change.op} {at}", _undoing(change, table))
        if change.op == "insert" and not table.key:
            yield Edit(f"duplicate: {at}", _writing(table, {n: v for n, v in change.new.items() if n != "id"}))
        there = [column for column in counted if column.name in change.new]
        refs = [column for column in there if column.to is not None]
        contents = [column for column in there if column.to is None]
        for column in (*refs, *rng.sample(contents, min(_ALTERED, len(contents)))):
            yield from _altering(change, table, column, inventory, rng)
        if table.key:
            yield from _moving(change, table, inventory, rng)


def unrelated(changes: Sequence[RowChange], inventory: Inventory, rng: Random) -> Iterator[Edit]:
    """Per table, one row that ``changes`` left alone: deleted, and one content of it altered."""
    touched = {(change.table, tuple(change.key.values())) for change in changes}
    for table in inventory.schema.values():
        contents = [c.name for c in table.columns if c.kind == "content" and c.name not in key_of(table)]
        if is_log(table):
            continue
        picked = inventory.pick(table.name, rng, lambda key, name=table.name: (name, key) not in touched)  # type: ignore[misc]
        if picked is None:
            continue
        key, at = dict(zip(key_of(table), picked, strict=True)), f"{table.name}{picked}"
        yield Edit(f"delete unrelated: {at}", _deleting(table, key))
        if contents:
            column = contents[rng.randrange(len(contents))]
            yield Edit(f"alter unrelated: {at}.{column}", _altering_there(table, key, column))


def altered(value: Value) -> Value:
    """Something near ``value`` that is not it."""
    if isinstance(value, bytes):
        return bytes([*value, 0])
    if isinstance(value, str):
        return f"{value}x"
    return 1 if value is None else value + 1


def _altering(change: RowChange, table: Table, column: Column, inventory: Inventory, rng: Random) -> Iterator[Edit]:
    value, what = change.new[column.name], f"{change.table}{tuple(change.key.values())}.{column.name}"
    if column.to is None:
        yield Edit(f"alter: {what}", _setting(table, change.key, {column.name: altered(value)}))
        return
    other = inventory.pick(column.to, rng, lambda key: key[0] != value)
    if other is not None:
        yield Edit(f"give: {what} to {other[0]!r}", _setting(table, change.key, {column.name: other[0]}))
    if column.nullable and value is not None:
        yield Edit(f"give: {what} to nobody", _setting(table, change.key, {column.name: None}))


def _moving(change: RowChange, table: Table, inventory: Inventory, rng: Random) -> Iterator[Edit]:
    """A keyed row's change made to another entity's row instead."""
    for column in table.columns:
        if column.name not in table.key or column.to is None:
            continue

        def there(key: Key, name: str = column.name) -> dict[str, Value]:
            return {**change.key, name: key[0]}

        def fits(key: Key, name: str = column.name) -> bool:
            exists = inventory.has(table.name, tuple(there(key, name).values()))
            return key[0] != change.key[name] and exists == (change.op == "delete")

        other = inventory.pick(column.to, rng, fits)
        if other is not None:
            at = f"{change.table}{tuple(change.key.values())}"
            yield Edit(
                f"elsewhere: {change.op} {at} with {column.name} {other[0]!r}", _move(change, table, there(other))
            )


def _move(change: RowChange, table: Table, key: Mapping[str, Value]) -> Callable[[Call], None]:
    def run(call: Call) -> None:
        _undoing(change, table)(call)
        if change.op == "delete":
            call.delete(table.name, **key)
        else:
            _write(call, table, {**change.new, **key})

    return run


def _undoing(change: RowChange, table: Table) -> Callable[[Call], None]:
    if change.op == "insert":
        return _deleting(table, change.key)
    return _writing(table, change.old) if change.op == "delete" else _setting(table, change.key, change.old)


def _deleting(table: Table, key: Mapping[str, Value]) -> Callable[[Call], None]:
    def run(call: Call) -> None:
        call.delete(table.name, **key)

    return run


def _writing(table: Table, row: Mapping[str, Value]) -> Callable[[Call], None]:
    return lambda call: _write(call, table, row)


def _write(call: Call, table: Table, row: Mapping[str, Value]) -> None:
    if table.key:
        call.put(table.name, **row)
    else:
        call.insert(table.name, **row)


def _setting(table: Table, key: Mapping[str, Value], new: Mapping[str, Value]) -> Callable[[Call], None]:
    def run(call: Call) -> None:
        if not table.key:
            call.update(table.name, int(str(key["id"])), **new)
            return
        row = _row(call, table, key)
        call.delete(table.name, **key)
        call.put(table.name, **{**row, **new})

    return run


def _altering_there(table: Table, key: Mapping[str, Value], column: str) -> Callable[[Call], None]:
    return lambda call: _setting(table, key, {column: altered(_row(call, table, key)[column])})(call)


def _row(call: Call, table: Table, key: Mapping[str, Value]) -> dict[str, Value]:
    names = [column.name for column in table.columns]
    where = " AND ".join(f"{quoted(name)} = ?" for name in key)
    row = call.one(f"SELECT {columns_sql(names)} FROM {table.name} WHERE {where}", *key.values())
    assert row is not None
    return dict(zip(names, row, strict=True))
