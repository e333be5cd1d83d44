"""The state digest: a sum over cells, so that it follows from a changeset in O(changes) and from any order of writes.

Cells, not file bytes: page layout depends on commit history.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import cast

import apsw

from app_clones.kit.protocol import Value
from app_clones.kit.schema import Table, columns_sql, key_of

MODULUS = 1 << 256


@dataclass(frozen=True, slots=True)
class Layout:
    """What the digest needs of one table: ``prefixes`` holds an injective encoding of (table, column) per column."""

    name: str
    columns: tuple[str, ...]
    key: tuple[int, ...]
    prefixes: tuple[bytes, ...]
    select: str


def layout(table: Table) -> Layout:
    """The layout of ``table``."""
    columns = tuple(column.name for column in table.columns)
    key = tuple(columns.index(name) for name in key_of(table))
    prefixes = tuple(encode(table.name) + encode(column) for column in columns)
    select = f"SELECT {columns_sql(columns)} FROM {table.name} ORDER BY {columns_sql(key_of(table))}"
    return Layout(table.name, columns, key, prefixes, select)


def encode(value: Value) -> bytes:
    """An injective, self-delimiting encoding of one value; 1 and 1.0, "1" and b"1" all differ."""
    if isinstance(value, int):
        return b"i%d;" % value
    if isinstance(value, str):
        data = value.encode()
        return b"s%d:%b" % (len(data), data)
    if value is None:
        return b"n"
    if isinstance(value, bytes):
        return b"b%d:%b" % (len(value), value)
    return b"f" + struct.pack(">d", value + 0.0)  # SQLite keeps no negative zero


def _cell(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=32).digest(), "big")


def delta(changeset: bytes, layouts: Mapping[str, Layout]) -> int:
    """How far ``changeset`` moves the digest, mod 2^256. Tables without a layout (FTS5's shadows) do not move it."""
    total = 0
    for change in apsw.Changeset.iter(changeset):
        table = layouts.get(change.name)
        if table is not None:
            total += _change_delta(change, table)
    return total % MODULUS


def _change_delta(change: apsw.TableChange, table: Layout) -> int:
    old, new = cast(tuple[Value, ...] | None, change.old), cast(tuple[Value, ...] | None, change.new)
    row = new if old is None else old
    assert row is not None
    key = b"".join([encode(row[i]) for i in table.key])
    if old is None or new is None:
        whole = sum(_cell(prefix + key + encode(value)) for prefix, value in zip(table.prefixes, row, strict=True))
        return whole if old is None else -whole
    total = 0
    for prefix, before, after in zip(table.prefixes, old, new, strict=True):
        # An update names its key in ``old`` although the key did not change.
        if after is not cast(Value, apsw.no_change):
            total += _cell(prefix + key + encode(after)) - _cell(prefix + key + encode(before))
    return total


def full(db: apsw.Connection, layouts: Iterable[Layout]) -> int:
    """The digest computed over every cell there is, mod 2^256. O(rows)."""
    total = 0
    for table in layouts:
        for row in db.execute(table.select):
            key = b"".join([encode(row[i]) for i in table.key])
            for prefix, value in zip(table.prefixes, row, strict=True):
                total += _cell(prefix + key + encode(value))
    return total % MODULUS


def text(value: int) -> str:
    """A digest as 64 hex digits."""
    return f"{value % MODULUS:064x}"
