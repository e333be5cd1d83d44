"""The state that every episode of a world starts from, to be read by verifiers: what was there before any agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw

from app_clones.kit.schema import quoted
from factory.errors import VerifierError

Value = int | str | float | bytes | None


class Start:
    """A read-only view of a snapshot, straight from its bytes and past the apps. Not thread-safe."""

    def __init__(self, snapshot: bytes) -> None:
        self._db = apsw.Connection(":memory:")
        self._db.deserialize("main", snapshot)
        self._db.pragma("query_only", True)

    def one(self, sql: str, *args: Value) -> tuple[Any, ...]:
        """The only row. Raises VerifierError for none or several."""
        rows = self._db.execute(sql, args).fetchall()
        if len(rows) != 1:
            found = "no row" if not rows else "several rows"
            raise VerifierError(f"{found} for {sql} with {args}", "the task does not fit this world: build it again")
        return rows[0]

    def row(self, table: str, id: int) -> Mapping[str, Any]:
        """All columns of one row. Raises VerifierError if it is not there."""
        cursor = self._db.execute(f"SELECT * FROM {table} WHERE id = ?", (id,))
        for values in cursor:
            return dict(zip((name for name, _ in cursor.get_description()), values, strict=True))
        raise VerifierError(f"no row {id} in {table}", "the task does not fit this world: build it again")

    def rows(self, sql: str, *args: Value) -> tuple[Mapping[str, Any], ...]:
        """All rows, as mappings; ``sql`` orders them."""
        found: list[Mapping[str, Any]] = []
        cursor = self._db.execute(sql, args)
        for values in cursor:
            found.append(dict(zip((name for name, _ in cursor.get_description()), values, strict=True)))
        return tuple(found)

    def has(self, table: str, **key: Value) -> bool:
        """Whether there is a row with these values."""
        where = " AND ".join(f"{quoted(name)} = ?" for name in key)
        return self._db.execute(f"SELECT 1 FROM {table} WHERE {where}", tuple(key.values())).fetchone() is not None

    def close(self) -> None:
        """Frees the copy."""
        self._db.close()
