"""A world: one SQLite database, its apps, and the only ways to change it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Any, Protocol

import apsw

from app_clones.kit import change, digest
from app_clones.kit import db as sqlite
from app_clones.kit.app import App, Operation
from app_clones.kit.build import build_database
from app_clones.kit.call import Transaction, find, validate
from app_clones.kit.change import RowChange
from app_clones.kit.errors import AppError, Conflict, KitError, NotFound, WorldDiverged
from app_clones.kit.persons import Person
from app_clones.kit.registry import Registry, register

__all__ = ["Build", "Call", "Person", "StepResult", "ToolResult", "World", "fork_many"]

Value = int | str | float | bytes | None
Row = Mapping[str, Value]

#: Events that one step may fire: a chain that schedules itself without end is an app's bug, not a hang.
MOST_EVENTS = 100_000


class Call(Protocol):
    """What an operation, event handler or route sees of its world: the open transaction of one step."""

    actor: int  # kit_person.id of who acts
    now_ms: int  # the virtual clock; constant within a call

    def rows(self, sql: str, *args: Value) -> list[tuple[Any, ...]]:
        """Reads; several rows come only from a query that says their order (a unique one, which is the app's duty)."""
        ...

    def one(self, sql: str, *args: Value) -> tuple[Any, ...] | None:
        """The first row, or None."""
        ...

    def search(self, search: str, text: str) -> list[int]:
        """Row ids in which every word of ``text`` occurs, largest first."""
        ...

    def insert(self, table: str, **values: Value) -> int:
        """Draws the id from the table's counter; returns it."""
        ...

    def put(self, table: str, **values: Value) -> None:
        """Inserts into a keyed (WITHOUT ROWID) table; ``Conflict`` if the key is there."""
        ...

    def update(self, table: str, id: int, **values: Value) -> None:
        """``NotFound`` if there is no such row."""
        ...

    def delete(self, table: str, **key: Value) -> int:
        """Rows deleted; columns by equality."""
        ...

    def index(self, search: str, rowid: int, **text: str) -> None:
        """(Re)writes one FTS row."""
        ...

    def unindex(self, search: str, rowid: int) -> None:
        """Removes one FTS row."""
        ...

    def random(self, name: str) -> Random:
        """The named stream's next generator; draws are counted in a row."""
        ...

    def schedule(self, delay_ms: int, event: str, /, **payload: Any) -> int:
        """Makes a pending event, a row; returns its id."""
        ...

    def perform(self, operation: str, **arguments: Any) -> Any:
        """Runs another operation (by tool name) in this same transaction; returns its data."""
        ...

    def wait(self, ms: int) -> int:
        """Lets ``ms`` more pass at the end of this step; returns the time that it will then be."""
        ...


class Build(Call, Protocol):
    """A call at build time, with the world's seed and its persons already there."""

    seed: int


@dataclass(frozen=True, slots=True)
class ToolResult:
    """``text`` is what the agent reads; ``data`` the same as data; ``error`` an AppError's code, else None."""

    text: str
    data: Any
    error: str | None


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step: its result, its SQLite changeset (may be empty), and the state digest after it (hex)."""

    result: ToolResult
    changeset: bytes
    state_digest: str


class World:
    """Single owner, not thread-safe. All methods are synchronous and short.

    A fork records every step as a changeset; the net change, undo and putting away all follow from those.
    """

    __slots__ = ("_base", "_base_digest", "_budget", "_busy", "_db", "_digest", "_steps", "registry", "seed", "step_ms")

    def __init__(self, snapshot: bytes, registry: Registry) -> None:
        self.registry = registry
        self._base = snapshot
        self._steps: list[bytes] = []
        self._busy = False
        self._budget = sqlite.Budget()
        self._db = self._open()
        try:
            seed, self.step_ms, seal = self._one(
                "SELECT seed,step_ms,(SELECT digest FROM kit_seal WHERE id=1) FROM kit_meta WHERE id=1"
            )
        except apsw.Error as error:
            raise KitError(f"this database is no world: {error}") from error
        self.seed = int(seed)
        self._digest = self._base_digest = int(seal, 16)

    @classmethod
    def build(
        cls,
        apps: Sequence[App],
        *,
        seed: int,
        start_ms: int,
        step_ms: int,
        persons: int | Sequence[Person],
        options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> World:
        """A new world: tables made, persons drawn (or taken), each app populated under its options, in the order given.

        Times are virtual ms since 1970. Raises :class:`SchemaRuleError`, :class:`KitError`, or pydantic's error for
        options that an app does not know.
        """
        registry = register(apps)
        snapshot = build_database(
            registry, seed=seed, start_ms=start_ms, step_ms=step_ms, persons=persons, options=options or {}
        )
        return cls(snapshot, registry)

    @classmethod
    def fork(cls, snapshot: bytes, apps: Sequence[App]) -> World:
        """An identical copy of ``snapshot``; recording starts here. The bytes are shared, never written."""
        return cls(snapshot, register(apps))

    @classmethod
    def restore(cls, snapshot: bytes, apps: Sequence[App], changesets: Sequence[bytes]) -> World:
        """A fresh fork plus the sum of ``changesets``. Raises :class:`WorldDiverged` where they do not fit it."""
        world = cls.fork(snapshot, apps)
        try:
            world._advance(changesets)
        except BaseException:
            world.close()
            raise
        return world

    def close(self) -> None:
        """Frees the database. Closing twice is harmless."""
        self._db.close()

    def __enter__(self) -> World:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def apps(self) -> tuple[App, ...]:
        """All apps of the world, the built-in ones first."""
        return self.registry.apps

    @property
    def now_ms(self) -> int:
        """The virtual clock, ms since 1970."""
        return int(self._one("SELECT now_ms FROM kit_meta WHERE id=1")[0])

    @property
    def connection(self) -> apsw.Connection:
        """The database itself. What is written through it is written behind the kit's back: for planted faults only."""
        return self._db

    @property
    def state_digest(self) -> str:
        """Digest of all cells (hex), followed from changeset to changeset."""
        return digest.text(self._digest)

    def persons(self) -> dict[int, Person]:
        """The users of the world by id; the first is the agent's own account."""
        rows = self._db.execute("SELECT id,name,email FROM kit_person ORDER BY id").fetchall()
        return {int(id): Person(name=str(name), email=str(email)) for id, name, email in rows}  # type: ignore[arg-type]

    def full_digest(self) -> str:
        """Digest of all cells (hex), computed from the rows. O(rows)."""
        return digest.text(digest.full(self._db, self.registry.layouts.values()))

    def check(self) -> None:
        """Raises :class:`WorldDiverged` unless the digest that was followed is the one that the rows have. O(rows)."""
        found = self.full_digest()
        if found != self.state_digest:
            raise WorldDiverged(f"the rows give {found[:16]}…, the changes {self.state_digest[:16]}…")

    def anchor_digest(self) -> str:
        """Digest over content and refs only, fresh ids renamed (hex): equal situations of forks of one snapshot."""
        form = change.canonical(self.net_change(), self.registry.schema)
        return sha256(digest.text(self._base_digest).encode() + form.key).hexdigest()

    def snapshot(self) -> bytes:
        """The world now, as bytes to fork from. A world without steps gives the bytes that it came from."""
        if not self._steps:
            return self._base
        copy = sqlite.fork(self._db.serialize("main"))
        try:
            copy.execute("UPDATE kit_seal SET digest=? WHERE id=1", (self.state_digest,))
            return copy.serialize("main")
        finally:
            copy.close()

    def operations(self) -> Mapping[str, tuple[App, Operation]]:
        """Every operation by tool name."""
        return self.registry.operations

    def steps(self) -> tuple[bytes, ...]:
        """The changesets of all steps since the fork."""
        return tuple(self._steps)

    def changeset(self) -> bytes:
        """The net change since the fork: the sum of all steps."""
        return _sum(self._steps)

    def net_change(self) -> tuple[RowChange, ...]:
        """The net change since the fork, parsed."""
        return change.parse(self.changeset(), self.registry.layouts)

    def undo(self) -> None:
        """Goes back by one step: a fresh fork plus the sum up to there. Raises :class:`KitError` before the first."""
        if not self._steps:
            raise KitError("nothing to undo: no step since the fork")
        kept = self._steps[:-1]
        self._db.close()
        self._steps, self._digest = [], self._base_digest
        self._db = self._open()
        self._advance(kept)

    def call(self, tool: str, arguments: Mapping[str, Any] | None, actor: int | None = None) -> StepResult:
        """One step: validates, runs, lets the clock move by ``step_ms``, fires what falls due.

        The agent's mistakes come back as results with ``error`` set and change nothing but the clock.
        """
        return self._step(1 if actor is None else actor, lambda call: self._run(call, tool, arguments))

    def wait(self, ms: int) -> StepResult:
        """One step in which ``ms`` pass on top of ``step_ms``; as the tool ``clock_wait`` does in minutes."""

        def run(call: Transaction) -> ToolResult:
            call.wait(ms)
            return ToolResult("ok", None, None)

        return self._step(1, run)

    @contextmanager
    def transaction(self, actor: int = 1, *, readonly: bool = False) -> Iterator[Call]:
        """What routes use. Writing, it is one step: it commits, moves the clock and fires what falls due.

        ``readonly``: nothing moves, and an attempt to write raises :class:`KitError`. An exception inside rolls all
        back and goes on to the caller.
        """
        with self._open_step(actor, readonly=readonly) as call:
            yield call

    def _open(self) -> apsw.Connection:
        db = sqlite.fork(self._base)
        db.set_progress_handler(self._budget, sqlite.LOOK_EVERY)
        return db

    def _one(self, sql: str) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self._db.execute(sql).fetchone()
        if row is None:
            raise KitError("this database is no world: it has no clock")
        return row

    def _advance(self, changesets: Sequence[bytes]) -> None:
        total = _sum(changesets)
        if total:
            try:
                # Without a handler every conflict aborts: nothing is ever skipped or overwritten.
                apsw.Changeset.apply(total, self._db)
                self._digest = (self._digest + digest.delta(total, self.registry.layouts)) % digest.MODULUS
            except (apsw.Error, ValueError) as error:
                raise WorldDiverged(f"these changes do not fit this snapshot: {error}") from error
        self._steps += [item for item in changesets if item]

    def _step(self, actor: int, run: Callable[[Transaction], ToolResult]) -> StepResult:
        before = len(self._steps)
        with self._open_step(actor, readonly=False) as call:
            result = run(call)
        changeset = self._steps[-1] if len(self._steps) > before else b""
        return StepResult(result, changeset, self.state_digest)

    @contextmanager
    def _open_step(self, actor: int, *, readonly: bool) -> Iterator[Transaction]:
        if self._busy:
            raise KitError("a world does one thing at a time: a transaction is open already")
        db = self._db
        self._busy = True
        self._budget.left = sqlite.LOOKS
        session = None if readonly else apsw.Session(db, "main")
        try:
            if session is not None:
                session.attach()
            db.execute("BEGIN")
            call = Transaction(
                db,
                self.registry,
                seed=self.seed,
                actor=actor,
                now_ms=self.now_ms,
                step_ms=self.step_ms,
                readonly=readonly,
            )
            yield call
            if session is None:
                db.execute("ROLLBACK")
                return
            self._move_clock(call)
            db.execute("COMMIT")
            self._record(session.changeset())
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")
            if session is not None:
                session.close()
            self._busy = False

    def _record(self, changeset: bytes) -> None:
        if changeset:
            self._steps.append(changeset)
            self._digest = (self._digest + digest.delta(changeset, self.registry.layouts)) % digest.MODULUS

    def _run(self, call: Transaction, tool: str, arguments: Mapping[str, Any] | None) -> ToolResult:
        try:
            _, operation = find(self.registry, tool)
            params = validate(tool, operation, arguments)
            self._check_may_act(call.actor)
            if operation.writes:
                data = self._protected(call, lambda: operation.run(call, params))
            else:
                call.readonly = True
                data = operation.run(call, params)
            text = operation.render(data) if operation.render else _compact(data)
            return ToolResult(text, data, None)
        except AppError as error:
            return ToolResult(f"error: {error.message}", {"error": error.code, "message": error.message}, error.code)
        except KitError:
            raise
        except Exception as error:
            # An operation that crashes on what an agent gave it crashes so each time: an observation, not a fault.
            message = f"internal error: {type(error).__name__}"
            return ToolResult(f"error: {message}", {"error": "internal", "message": message}, "internal")
        finally:
            call.readonly = False

    def _protected(self, call: Transaction, run: Callable[[], Any]) -> Any:
        """Runs under a savepoint: after an exception nothing that it did stays, waiting included."""
        self._db.execute("SAVEPOINT operation")
        try:
            data = run()
        except BaseException:
            call.waited_ms = 0
            self._db.execute("ROLLBACK TO operation; RELEASE operation")
            raise
        self._db.execute("RELEASE operation")
        return data

    def _check_may_act(self, actor: int) -> None:
        if self._db.execute("SELECT 1 FROM task_outcome LIMIT 1").fetchone():
            raise Conflict("the task is over: it was submitted or declined")
        if not self._db.execute("SELECT 1 FROM kit_person WHERE id=?", (actor,)).fetchone():
            raise NotFound(f"no person {actor}")

    def _move_clock(self, call: Transaction) -> None:
        """Moves the clock by the step and what was waited, stopping at each event on the way."""
        target = call.now_ms + self.step_ms + call.waited_ms
        actor, fired = call.actor, 0
        while event := self._db.execute(
            "SELECT id,due_ms,event,actor,payload FROM kit_event WHERE due_ms<=? ORDER BY due_ms,id LIMIT 1", (target,)
        ).fetchone():
            fired += 1
            if fired > MOST_EVENTS:
                raise KitError(f"{event[2]}: more than {MOST_EVENTS} events fell due in one step")
            self._fire(call, *event)
        call.now_ms, call.actor = target, actor
        self._set_clock(target)

    def _fire(self, call: Transaction, id: int, due_ms: int, event: str, actor: int, payload: str) -> None:
        call.now_ms, call.actor = due_ms, actor
        self._set_clock(due_ms)
        call.delete("kit_event", id=id)
        handler = self.registry.events.get(event)
        if handler is None:
            raise KitError(f"nothing in this world handles {event}")
        try:
            self._protected(call, lambda: handler(call, json.loads(payload)))
        except AppError:
            # What it was about is gone (a deleted recipient): the event has no effect, and nobody to tell.
            return

    def _set_clock(self, now_ms: int) -> None:
        self._db.execute("UPDATE kit_meta SET now_ms=? WHERE id=1", (now_ms,))


def fork_many(snapshot: bytes, apps: Sequence[App], n: int) -> list[World]:
    """``n`` identical worlds over one copy of the snapshot's bytes' owner; each to be closed by the caller."""
    registry = register(apps)
    return [World(snapshot, registry) for _ in range(n)]


def _sum(changesets: Sequence[bytes]) -> bytes:
    if not changesets:
        return b""
    if len(changesets) == 1:
        return changesets[0]
    builder = apsw.ChangesetBuilder()  # type: ignore[no-untyped-call]
    try:
        for item in changesets:
            if item:
                builder.add(item)
        return builder.output()
    finally:
        builder.close()


def _compact(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
