"""The canonical form of a net change: what counts, up to order and to renaming of fresh ids."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Protocol

from app_clones.kit.digest import encode
from app_clones.kit.errors import KitError
from app_clones.kit.protocol import Value
from app_clones.kit.schema import Table, is_log


class Change(Protocol):
    """What is compared: a :class:`~app_clones.kit.change.RowChange`."""

    @property
    def table(self) -> str: ...
    @property
    def op(self) -> Any: ...
    @property
    def key(self) -> Mapping[str, Value]: ...
    @property
    def old(self) -> Mapping[str, Value]: ...
    @property
    def new(self) -> Mapping[str, Value]: ...


@dataclass(frozen=True, slots=True)
class Fresh:
    """A row made by the change itself, by whatever id. Once renamed, ``id`` counts within its table."""

    table: str
    id: Value


Cell = Value | Fresh
Cells = tuple[tuple[str, Cell], ...]


@dataclass(frozen=True, slots=True)
class CanonicalRow:
    """One row's change. ``key`` is empty for a fresh row without references to it beyond ``name``."""

    table: str
    op: str
    key: Cells
    new: Cells
    name: Fresh | None = None

    def encoded(self, code: Callable[[Fresh], bytes]) -> bytes:
        """An injective encoding, fresh rows going by ``code``."""
        cells = b"|".join(_encode_cells(part, code) for part in (self.key, self.new))
        return encode(self.table) + encode(self.op) + cells + (b"@" + code(self.name) if self.name else b".")


@dataclass(frozen=True, slots=True)
class Canonical:
    """A net change up to order and renaming of fresh ids. Equal, and hashed, by ``key`` alone."""

    key: bytes
    rows: tuple[CanonicalRow, ...] = field(compare=False)


def canonical(changes: Iterable[Change], schema: Mapping[str, Table], *, times: Collection[str] = ()) -> Canonical:
    """The canonical form of ``changes``: logs dropped, times dropped except the ``table.column`` named in ``times``.

    Ids of inserted rows are renamed by colour refinement, ties broken by singling out one row at a time. Two equal
    forms are always isomorphic changes, whatever their shape. The reverse holds wherever refinement tells rows apart
    that are not interchangeable, as it does for forests (replies, threads, items of a list). An id inside a JSON text
    is text. Raises :class:`KitError` where ``times`` names what is no time column: a slip there would compare less
    than was meant.
    """
    declared = {f"{t.name}.{column.name}" for t in schema.values() for column in t.columns if column.kind == "time"}
    if unknown := sorted(set(times) - declared):
        raise KitError(f"no time columns: {', '.join(unknown)}")
    kept = [change for change in changes if not is_log(schema[change.table])]
    fresh = {(c.table, c.key["id"]) for c in kept if c.op == "insert" and not schema[c.table].key}
    rows = [row for change in kept if (row := _counted(change, schema[change.table], fresh, times)) is not None]
    names = _names(rows)
    renamed = [_rename(row, names) for row in rows]
    coded = sorted((_code(row), number) for number, row in enumerate(renamed))
    return Canonical(b"".join(encode(code) for code, _ in coded), tuple(renamed[number] for _, number in coded))


def _counted(
    change: Change, table: Table, fresh: Collection[tuple[str, Value]], times: Collection[str]
) -> CanonicalRow | None:
    """``change`` reduced to what counts, or None where nothing does."""
    columns = {column.name: column for column in table.columns}

    def cell(name: str, value: Value) -> Cell:
        to = columns[name].to
        return Fresh(to, value) if to is not None and (to, value) in fresh else value

    def counts(name: str) -> bool:
        kind = columns[name].kind
        return kind in ("content", "ref") or (kind == "time" and f"{table.name}.{name}" in times)

    key = tuple((name, cell(name, value)) for name, value in sorted(change.key.items()))
    new = tuple((n, cell(n, v)) for n, v in sorted(change.new.items()) if n not in change.key and counts(n))
    if change.op == "update" and not new:
        return None
    if change.op == "insert" and not table.key:
        return CanonicalRow(table.name, change.op, (), new, Fresh(table.name, change.key["id"]))
    return CanonicalRow(table.name, change.op, key, () if change.op == "delete" else new)


def _names(rows: list[CanonicalRow]) -> dict[Fresh, Fresh]:
    """Fresh row → its canonical name."""
    mentions: defaultdict[Fresh, list[CanonicalRow]] = defaultdict(list)
    for row in rows:
        for fresh in _mentioned(row):
            mentions[fresh].append(row)
    names, counted = {}, Counter[str]()
    for fresh in _ordered(set(mentions), mentions, dict.fromkeys(mentions, b"")):
        counted[fresh.table] += 1
        names[fresh] = Fresh(fresh.table, counted[fresh.table])
    return names


def _mentioned(row: CanonicalRow) -> set[Fresh]:
    cells = {cell for _, cell in (*row.key, *row.new) if isinstance(cell, Fresh)}
    return cells if row.name is None else {*cells, row.name}


def _ordered(
    group: set[Fresh], mentions: Mapping[Fresh, Sequence[CanonicalRow]], colours: dict[Fresh, bytes]
) -> list[Fresh]:
    """``group`` in canonical order; its ``colours`` end up all different within each of its linked parts.

    Rows that are told apart already are fixed points, which link nothing any more. Parts left over are ordered one by
    one, so that a thousand equal rows cost no more than a thousand different ones.
    """
    _refine(group, mentions, colours)
    classes: defaultdict[bytes, list[Fresh]] = defaultdict(list)
    for fresh in group:
        classes[colours[fresh]].append(fresh)
    tied = {fresh for members in classes.values() if len(members) > 1 for fresh in members}
    if not tied:
        return sorted(group, key=lambda fresh: colours[fresh])
    parts = _parts(tied, mentions)
    if parts == [group]:
        one = min(tied, key=lambda fresh: (colours[fresh], encode(fresh.id)))
        colours[one] = _hash(b"one" + colours[one])
        return _ordered(group, mentions, colours)
    orders = [[fresh] for fresh in group - tied] + [_ordered(part, mentions, colours) for part in parts]
    orders.sort(key=lambda order: [colours[fresh] for fresh in order])
    return [fresh for order in orders for fresh in order]


def _parts(group: set[Fresh], mentions: Mapping[Fresh, Sequence[CanonicalRow]]) -> list[set[Fresh]]:
    """``group`` split into parts that no row links."""
    left, parts = set(group), []
    while left:
        edge = [left.pop()]
        part = set(edge)
        while edge:
            linked = {fresh for row in mentions[edge.pop()] for fresh in _mentioned(row)} & left
            left -= linked
            part |= linked
            edge += linked
        parts.append(part)
    return parts


def _refine(group: set[Fresh], mentions: Mapping[Fresh, Sequence[CanonicalRow]], colours: dict[Fresh, bytes]) -> None:
    """Recolours ``group`` by every row that mentions one of it, until no more of them can be told apart."""
    classes = len({colours[fresh] for fresh in group})
    while True:
        found = {fresh: _colour(fresh, mentions[fresh], colours) for fresh in group}
        colours.update(found)
        if len(set(found.values())) == classes:
            return
        classes = len(set(found.values()))


def _colour(fresh: Fresh, rows: Sequence[CanonicalRow], colours: Mapping[Fresh, bytes]) -> bytes:
    # Where in a row it stands counts: the parent of two is not one that has two parents.
    seen = [row.encoded(lambda other: b"!" if other == fresh else encode(colours[other])) for row in rows]
    return _hash(b"".join(map(encode, [colours[fresh], *sorted(seen)])))


def _rename(row: CanonicalRow, names: Mapping[Fresh, Fresh]) -> CanonicalRow:
    def cells(old: Cells) -> Cells:
        return tuple((column, names[cell] if isinstance(cell, Fresh) else cell) for column, cell in old)

    return CanonicalRow(row.table, row.op, cells(row.key), cells(row.new), names[row.name] if row.name else None)


def _code(row: CanonicalRow) -> bytes:
    return row.encoded(lambda fresh: encode(fresh.id))


def _encode_cells(cells: Cells, code: Callable[[Fresh], bytes]) -> bytes:
    parts = [b"%d:" % len(cells)]
    for column, cell in cells:
        body = b"*" + encode(cell.table) + code(cell) if isinstance(cell, Fresh) else encode(cell)
        parts.append(encode(column) + body)
    return b"".join(parts)


def _hash(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def difference(expected: Canonical, found: Canonical) -> tuple[str, ...]:
    """What sets ``found`` apart from ``expected``, one readable line per row; empty exactly when they are equal."""
    wanted, there = Counter(map(_code, expected.rows)), Counter(map(_code, found.rows))
    by_code = {_code(row): row for row in (*expected.rows, *found.rows)}
    missing = [by_code[code] for code in sorted((wanted - there).elements())]
    extra = [by_code[code] for code in sorted((there - wanted).elements())]
    lines = []
    for row in tuple(missing):
        twin = next(
            (o for o in extra if (o.table, o.op, o.key, o.name) == (row.table, row.op, row.key, row.name)), None
        )
        if twin is not None:
            missing.remove(row)
            extra.remove(twin)
            lines += _cell_lines(row, twin)
    lines += [f"missing: {_row_line(row)}" for row in missing]
    return (*lines, *(f"unexpected: {_row_line(row)}" for row in extra))


def _cell_lines(expected: CanonicalRow, found: CanonicalRow) -> list[str]:
    wanted, there = dict(expected.new), dict(found.new)
    at = f"{expected.op} {expected.table} {_place(expected)}"
    lines = []
    for column in sorted(wanted.keys() | there.keys()):
        sides = [_show(cells[column]) if column in cells else "no change" for cells in (wanted, there)]
        if sides[0] != sides[1]:
            lines.append(f"differs: {at}: {column}: expected {sides[0]}, found {sides[1]}")
    return lines or [f"differs: {at}"]


def _row_line(row: CanonicalRow) -> str:
    return (
        f"{row.op} {row.table} {_place(row)}: {_cells(row.new)}" if row.new else f"{row.op} {row.table} {_place(row)}"
    )


def _place(row: CanonicalRow) -> str:
    return _show(row.name) if row.name is not None else _cells(row.key)


def _cells(cells: Iterable[tuple[str, Cell]]) -> str:
    return ", ".join(f"{column}={_show(cell)}" for column, cell in cells)


def _show(cell: Cell) -> str:
    if isinstance(cell, Fresh):
        return f"⟨new {cell.table} {cell.id!r}⟩"
    if isinstance(cell, bytes):
        return f"{len(cell)} bytes"
    shown = repr(cell)
    return shown if len(shown) <= 80 else f"{shown[:60]}… ({len(shown)} characters)"


def line(change: Change) -> str:
    """One change as a person reads it."""
    at = f"{change.op} {change.table} {_cells(change.key.items())}"
    if change.op == "update":
        return f"{at}: " + ", ".join(f"{n}: {_show(change.old.get(n))} → {_show(v)}" for n, v in change.new.items())
    values = {n: v for n, v in (change.new or change.old).items() if n not in change.key}
    return f"{at}: {_cells(values.items())}" if values else at
