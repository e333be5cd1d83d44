"""Tables as data: what each column holds decides how change is digested, compared and renamed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import apsw

from app_clones.kit.errors import SchemaRuleError

Kind = Literal["content", "id", "ref", "time", "log"]
SqlType = Literal["INTEGER", "TEXT", "REAL", "BLOB"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_SHADOWS = ("data", "idx", "content", "docsize", "config")


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    ``kind``: ``content`` is compared as it is; ``id`` is the row's own name, compared up to renaming where fresh;
    ``ref`` names a row of table ``to`` and follows its renaming; ``time`` (virtual ms) counts only where a task asks;
    ``log`` never counts.
    """

    name: str
    type: SqlType = "TEXT"
    kind: Kind = "content"
    to: str | None = None
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table. ``key`` empty: its column ``id`` is the INTEGER PRIMARY KEY. Else it is WITHOUT ROWID over ``key``."""

    name: str
    columns: Sequence[Column]
    key: Sequence[str] = ()
    unique: Sequence[Sequence[str]] = ()
    indexes: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """An FTS5 index over ``columns``, kept by operations themselves (no triggers); recorded, never digested.

    It stores no text, only where words are: read the text from the table that is indexed.
    """

    name: str
    columns: Sequence[str]


def require(holds: bool, rule: str) -> None:
    """Raises :class:`SchemaRuleError` naming ``rule`` where it does not hold."""
    if not holds:
        raise SchemaRuleError(rule)


def check_name(name: str, what: str) -> None:
    """Names go into SQL and into tool names as they are, so only plain lower-case ones are taken."""
    require(bool(_NAME.match(name)), f"{what} {name!r}: names are lower-case letters, digits and _")
    require(not name.startswith("sqlite_"), f"{what} {name!r}: SQLite keeps this prefix for itself")


def quoted(name: str) -> str:
    """``name`` as SQL takes it: words of SQLite's own (``order``, ``group``) need quotes."""
    return f'"{name}"' if name.upper() in apsw.keywords else name


def columns_sql(names: Iterable[str]) -> str:
    """``names`` as a list in SQL."""
    return ",".join(map(quoted, names))


def key_of(table: Table) -> tuple[str, ...]:
    """The primary-key columns of ``table``."""
    return tuple(table.key) or ("id",)


def is_log(table: Table) -> bool:
    """Whether nothing in ``table`` ever counts: each column, its id aside, is a log."""
    return all(column.kind in ("log", "id") for column in table.columns) and len(table.columns) > 1


def check_table(table: Table) -> None:
    """The rules that one table must keep by itself. Raises :class:`SchemaRuleError`."""
    check_name(table.name, "table")
    names = [column.name for column in table.columns]
    require(len(set(names)) == len(names), f"{table.name}: a column is declared twice")
    for column in table.columns:
        _check_column(table, column)
    _check_key(table)
    for group in (*table.unique, *table.indexes):
        require(bool(group), f"{table.name}: an index over no column")
        for name in group:
            require(name in names, f"{table.name}: index over {name!r}, which is no column of it")


def _check_column(table: Table, column: Column) -> None:
    at = f"{table.name}.{column.name}"
    check_name(column.name, f"{table.name}: column")
    require(column.type in ("INTEGER", "TEXT", "REAL", "BLOB"), f"{at}: unknown type {column.type!r}")
    require(column.kind in ("content", "id", "ref", "time", "log"), f"{at}: unknown kind {column.kind!r}")
    integer = column.kind not in ("id", "ref", "time") or column.type == "INTEGER"
    require(integer, f"{at}: a column of kind {column.kind} is INTEGER, not {column.type}")
    require((column.kind == "ref") == (column.to is not None), f"{at}: refs, and only refs, say which table they name")


def _check_key(table: Table) -> None:
    by_name = {column.name: column for column in table.columns}
    ids = [column.name for column in table.columns if column.kind == "id"]
    if not table.key:
        # A session records nothing of a table without a primary key.
        require(ids == ["id"], f"{table.name}: needs one column of kind id, named id, or a key")
        require(not by_name["id"].nullable, f"{table.name}.id: a primary key cannot be NULL")
        return
    require(not ids, f"{table.name}: has a key, so no column of kind id")
    require(len(set(table.key)) == len(table.key), f"{table.name}: a key column is named twice")
    for name in table.key:
        require(name in by_name, f"{table.name}: key column {name!r} is not declared")
        column = by_name[name]
        require(not column.nullable, f"{table.name}.{name}: sessions lose rows with NULL in their key")
        require(column.type != "REAL", f"{table.name}.{name}: a REAL makes no stable key")
        telling = column.kind in ("content", "ref") or is_log(table)
        require(telling, f"{table.name}.{name}: a key of kind {column.kind} would hide whole rows from comparison")


def check_refs(tables: Mapping[str, Table]) -> None:
    """Every ref names a table of the world that has ids."""
    for table in tables.values():
        for column in table.columns:
            if column.to is not None:
                require(column.to in tables, f"{table.name}.{column.name}: refers to {column.to!r}, which is no table")
                require(not tables[column.to].key, f"{table.name}.{column.name}: {column.to!r} has no ids to refer to")


def check_search(search: Search, tables: Collection[str]) -> None:
    """An index has columns, and its shadow tables do not take a table's name."""
    check_name(search.name, "search")
    require(bool(search.columns), f"{search.name}: an index over no column")
    for column in search.columns:
        check_name(column, f"{search.name}: column")
        require(column not in ("rowid", "rank"), f"{search.name}: FTS5 keeps the name {column!r} for itself")
    for name in (search.name, *shadows(search)):
        require(name not in tables, f"{search.name}: its shadow table {name} would hide a table of that name")


def shadows(search: Search) -> tuple[str, ...]:
    """The tables in which FTS5 keeps ``search``."""
    return tuple(f"{search.name}_{suffix}" for suffix in _SHADOWS)


def ddl(table: Table) -> list[str]:
    """The statements that make ``table`` and its indexes. STRICT, so that a value's type is its column's."""
    lines = [
        f"{column.name} INTEGER PRIMARY KEY NOT NULL"
        if column.kind == "id"
        else f"{quoted(column.name)} {column.type}{'' if column.nullable else ' NOT NULL'}"
        for column in table.columns
    ]
    if table.key:
        lines.append(f"PRIMARY KEY({columns_sql(table.key)})")
    lines += [f"UNIQUE({columns_sql(group)})" for group in table.unique]
    options = "STRICT,WITHOUT ROWID" if table.key else "STRICT"
    made = [f"CREATE TABLE {table.name}({','.join(lines)}){options}"]
    made += [
        f"CREATE INDEX {table.name}_by_{'_'.join(group)} ON {table.name}({columns_sql(group)})"
        for group in table.indexes
    ]
    return made


def search_ddl(search: Search) -> str:
    """The statement that makes ``search``: contentless, so that a changeset holds no text twice."""
    columns = ",".join(search.columns)
    return f"CREATE VIRTUAL TABLE {search.name} USING fts5({columns},content='',contentless_delete=1)"
