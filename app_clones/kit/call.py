"""What an operation may do: the open transaction of one step."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

import apsw
from pydantic import ValidationError

from app_clones.kit import db as sqlite
from app_clones.kit.errors import AppError, Conflict, KitError, NotFound, UnknownTool
from app_clones.kit.protocol import Value
from app_clones.kit.schema import Search, key_of, quoted
from app_clones.kit.search import match
from app_clones.kit.seeds import derive

if TYPE_CHECKING:
    from app_clones.kit.app import App, Operation
    from app_clones.kit.faults import Faults
    from app_clones.kit.registry import Registry, TableInfo

T = TypeVar("T")

#: The last moment that a date can be written of: the end of the year 9999.
LAST_MS = 253_402_300_799_999


class Transaction:
    """The one implementation of :class:`~app_clones.kit.world.Call` (and, at build time, of ``Build``).

    Agents' mistakes raise :class:`AppError`; an app's own (an unknown table, a write while reading) :class:`KitError`.
    """

    __slots__ = ("actor", "budget", "db", "faults", "now_ms", "readonly", "registry", "seed", "step_ms", "waited_ms")

    def __init__(
        self,
        db: apsw.Connection,
        registry: Registry,
        budget: sqlite.Budget,
        *,
        seed: int,
        actor: int,
        now_ms: int,
        step_ms: int,
        readonly: bool,
        faults: Faults | None = None,
    ) -> None:
        self.budget = budget
        self.db = db
        self.registry = registry
        self.seed = seed
        self.actor = actor
        self.now_ms = now_ms
        self.step_ms = step_ms
        self.readonly = readonly
        self.faults = faults
        self.waited_ms = 0

    def rows(self, sql: str, *args: Value) -> list[tuple[Value, ...]]:
        """Reads; several rows come only from a query that says their order (a unique one, which is the app's duty)."""
        ordered = self.registry.readable.get(sql)
        if ordered is None:
            ordered = self._admit(sql)
        found = self._read(sql, args)
        if not ordered and len(found) > 1:
            raise KitError(f"rows without an ORDER BY may come in any order: {sql[:200]}")
        return found

    def one(self, sql: str, *args: Value) -> tuple[Value, ...] | None:
        """The first row, or None."""
        if sql not in self.registry.readable:
            self._admit(sql)
        found = self._read(sql, args)
        return found[0] if found else None

    def search(self, search: str, text: str) -> list[int]:
        """Row ids in which every word of ``text`` occurs (as a whole word, accents and case aside), largest first."""
        query = match(text)
        if not query:
            return []
        name = self._search(search).name
        return [int(row[0]) for row in self._read(f"SELECT rowid FROM {name}(?) ORDER BY rowid DESC", (query,))]  # type: ignore[arg-type]

    def insert(self, table: str, /, **values: Value) -> int:
        """Writes a row under the next id of the table's counter (or the ``id`` given); returns the id."""
        info = self._table(table, keyed=False)
        id = values.get("id")
        values["id"] = self._draw(table) if id is None else self._reserve(table, id)
        self._insert(info, values)
        return values["id"]  # type: ignore[return-value]

    def put(self, table: str, /, **values: Value) -> None:
        """Writes a row of a keyed table; :class:`Conflict` if there is one of that key."""
        self._insert(self._table(table, keyed=True), values)

    def update(self, table: str, id: int, /, **values: Value) -> None:
        """Changes columns of one row; :class:`NotFound` if there is no such row."""
        info = self._table(table, keyed=False)
        names = tuple(values)
        sql = info.updates.get(names)
        if sql is None:
            self._check_columns(info, values)
            if "id" in values or not values:
                raise KitError(f"{table}: update changes columns, and never the id")
            sql = info.updates[names] = f"UPDATE {table} SET {','.join(f'{quoted(n)}=?' for n in names)} WHERE id=?"
        self._write(sql, (*values.values(), id))
        if not self.db.changes():
            raise NotFound(f"no {info.noun} {id}")

    def delete(self, table: str, /, **key: Value) -> int:
        """Deletes the rows whose columns equal ``key``; returns how many there were."""
        info = self._table(table)
        self._check_columns(info, key)
        if not key:
            raise KitError(f"{table}: delete needs at least one column to go by")
        where = " AND ".join(f"{quoted(name)} IS ?" for name in key)
        self._write(f"DELETE FROM {table} WHERE {where}", tuple(key.values()))
        return self.db.changes()

    def index(self, search: str, rowid: int, /, **text: str) -> None:
        """Writes, or writes anew, the words of one row."""
        found = self._search(search)
        columns = found.columns
        if set(text) != set(columns):
            raise KitError(f"{search}: an entry gives all of {', '.join(columns)}")
        sql = f"INSERT OR REPLACE INTO {search}(rowid,{','.join(columns)}) VALUES(?{',?' * len(columns)})"
        self._write(sql, (rowid, *(text[column] for column in columns)))

    def unindex(self, search: str, rowid: int) -> None:
        """Forgets the words of one row."""
        self._write(f"DELETE FROM {self._search(search).name} WHERE rowid=?", (rowid,))

    def random(self, name: str) -> Random:
        """The next generator of the named stream. How many were drawn is a row, so a restored world draws on."""
        found = self._write("UPDATE kit_stream SET draws=draws+1 WHERE name=? RETURNING draws", (name,))
        if not found:
            self._write("INSERT INTO kit_stream(name,draws) VALUES(?,1)", (name,))
        drawn = int(found[0][0]) if found else 1  # type: ignore[arg-type]
        return Random(derive(self.seed, "stream", name, drawn))

    def handles(self, event: str) -> bool:
        """Whether some app of this world handles ``event``."""
        return event in self.registry.events

    def schedule(self, delay_ms: int, event: str, /, **payload: Any) -> int:
        """Makes ``event`` happen ``delay_ms`` from now, as the present actor; returns the pending event's id."""
        if event not in self.registry.events:
            raise AppError(f"nothing in this world handles {event}")
        if delay_ms < 0:
            raise KitError(f"{event}: an event cannot be due in the past")
        text = json.dumps(payload, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return self.insert("kit_event", due_ms=self.now_ms + delay_ms, event=event, actor=self.actor, payload=text)

    def perform(self, operation: str, /, **arguments: Any) -> Any:
        """Runs another operation (by tool name) in this same transaction; returns its data."""
        _, found = find(self.registry, operation)
        if found.writes and self.readonly:
            raise KitError(f"{operation} writes, and this request only reads")
        params = validate(operation, found, arguments)
        outer, self.readonly = self.readonly, not found.writes
        try:
            return self.protected(lambda: found.run(self, params))
        finally:
            self.readonly = outer

    def protected(self, run: Callable[[], T]) -> T:
        """Runs under a savepoint: after an exception nothing that it did stays, waiting included."""
        waited = self.waited_ms
        self.db.execute("SAVEPOINT operation")
        try:
            done = run()
        except BaseException:
            self.waited_ms = waited
            # SQLite answers an interrupted write by rolling back everything; who began the transaction sees to that.
            if self.db.in_transaction:
                self.db.execute("ROLLBACK TO operation; RELEASE operation")
            raise
        self.db.execute("RELEASE operation")
        return done

    def wait(self, ms: int) -> int:
        """Lets ``ms`` more pass at the end of this step; returns the virtual time that it will then be."""
        if ms < 0:
            raise KitError("the clock does not go back")
        if self.readonly:
            raise KitError("a request that only reads cannot move the clock")
        target = self.now_ms + self.step_ms + self.waited_ms + ms
        if target > LAST_MS:
            raise AppError("the clock ends with the year 9999")
        self.waited_ms += ms
        return target

    def _admit(self, sql: str) -> bool:
        # No DDL, PRAGMA or write gets past here, so that all change goes through counters and sessions.
        if not sqlite.is_plain_read(self.db, sql):
            raise KitError(f"only a SELECT reads rows: {sql[:200]}")
        ordered = "ORDER BY" in sql.upper()
        if len(self.registry.readable) < 10_000:
            self.registry.readable[sql] = ordered
        return ordered

    def _read(self, sql: str, args: tuple[Value, ...]) -> list[tuple[Value, ...]]:
        try:
            return self.db.execute(sql, args).fetchall()
        except apsw.InterruptError as error:
            raise sqlite.TooExpensive("the request needs too much work") from error
        except OverflowError as error:
            raise AppError("a number is too large") from error

    def _write(self, sql: str, args: tuple[Value, ...]) -> list[tuple[Value, ...]]:
        if self.readonly:
            raise KitError(f"a request that only reads tried to write: {sql[:200]}")
        try:
            return self._read(sql, args)
        except apsw.ConstraintError as error:
            kinds = (apsw.SQLITE_CONSTRAINT_UNIQUE, apsw.SQLITE_CONSTRAINT_PRIMARYKEY, apsw.SQLITE_CONSTRAINT_ROWID)
            if getattr(error, "extendedresult", None) in kinds:
                raise Conflict(f"there is one already: {str(error).rpartition('failed: ')[2]}") from error
            raise KitError(f"{error}: {sql[:200]}") from error

    def _insert(self, info: TableInfo, values: Mapping[str, Value]) -> None:
        self._check_columns(info, values)
        missing = info.required - values.keys()
        if missing:
            raise KitError(f"{info.table.name}: a row without {', '.join(sorted(missing))}")
        self._write(info.insert, tuple([values.get(name) for name in info.names]))

    def _draw(self, table: str) -> int:
        found = self._write("UPDATE kit_counter SET next=next+1 WHERE name=? RETURNING next", (table,))
        if found:
            return int(found[0][0]) - 1  # type: ignore[arg-type]
        self._write("INSERT INTO kit_counter(name,next) VALUES(?,2)", (table,))
        return 1

    def _reserve(self, table: str, id: Value) -> int:
        if not isinstance(id, int) or id < 1:
            raise KitError(f"{table}: an id is a positive integer")
        sql = "INSERT INTO kit_counter(name,next) VALUES(?,?) ON CONFLICT DO UPDATE SET next=max(next,excluded.next)"
        self._write(sql, (table, id + 1))
        return id

    def _table(self, table: str, keyed: bool | None = None) -> TableInfo:
        info = self.registry.tables.get(table)
        if info is None:
            raise KitError(f"no table {table}")
        if keyed is not None and bool(info.table.key) != keyed:
            raise KitError(f"{table} has {'a' if info.table.key else 'no'} key: {', '.join(key_of(info.table))}")
        return info

    def _search(self, search: str) -> Search:
        found = self.registry.searches.get(search)
        if found is None:
            raise KitError(f"no search {search}")
        return found

    @staticmethod
    def _check_columns(info: TableInfo, values: Mapping[str, Value]) -> None:
        for name in values:
            if name not in info.names:
                raise KitError(f"{info.table.name} has no column {name}")


def find(registry: Registry, tool: str) -> tuple[App, Operation]:
    """The operation of that tool name, or :class:`UnknownTool`."""
    found = registry.operations.get(tool) if isinstance(tool, str) else None
    if found is None:
        raise UnknownTool(f"no tool {str(tool)[:60]!r}")
    return found


def validate(tool: str, operation: Operation, arguments: Mapping[str, Any] | None) -> Any:
    """``arguments`` as the operation's parameters; what is wrong with them, briefly, as an :class:`AppError`."""
    if not isinstance(arguments, Mapping):
        raise AppError(f"{tool}: the arguments are no JSON object")
    try:
        return operation.params.model_validate(dict(arguments))
    except ValidationError as error:
        # Never the input itself: it may be megabytes.
        faults = error.errors(include_url=False, include_context=False, include_input=False)[:3]
        lines = [f"{'.'.join(str(part)[:40] for part in fault['loc'])}: {fault['msg'][:120]}" for fault in faults]
        raise AppError(f"{tool}: {'; '.join(lines)}") from None
    except (RecursionError, UnicodeError):
        raise AppError(f"{tool}: the arguments are no plain JSON") from None
