"""Tables as data: what each column holds decides how change is digested, compared and renamed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["content", "id", "ref", "time", "log"]
SqlType = Literal["INTEGER", "TEXT", "REAL", "BLOB"]


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
    """One table. ``key`` empty: the single ``id`` column is its INTEGER PRIMARY KEY. Else WITHOUT ROWID over ``key``."""

    name: str
    columns: Sequence[Column]
    key: Sequence[str] = ()
    unique: Sequence[Sequence[str]] = ()
    indexes: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """An FTS5 index over ``columns``, kept by operations themselves (no triggers); recorded, never digested."""

    name: str
    columns: Sequence[str]
