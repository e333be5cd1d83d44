"""A world: one SQLite database, its apps, and the only ways to change it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import apsw

from app_clones.kit import change, digest, faults
from app_clones.kit import db as sqlite
from app_clones.kit.app import App, Operation
from app_clones.kit.build import Beginning, build_database
from app_clones.kit.call import Transaction
from app_clones.kit.change import RowChange
from app_clones.kit.errors import KitError, WorldDiverged
from app_clones.kit.faults import Faults
from app_clones.kit.persons import Person
from app_clones.kit.protocol import Build, Call, StepResult, ToolResult, Value
from app_clones.kit.registry import Registry, register
from app_clones.kit.step import move_clock, run_tool

__all__ = ["Build", "Call", "Person", "StepResult", "ToolResult", "Value", "World", "fork_many"]


class World:
    """Single owner, not thread-safe. All methods are synchronous and short.

    A fork records every step as a changeset; the net change, undo and putting away all follow from those.
    """

    __slots__ = (
        "_base", "_base_digest", "_budget", "_busy", "_db", "_digest", "_steps",
        "faults", "registry", "seed", "step_ms",
    )  # fmt: skip

    def __init__(self, snapshot: bytes, registry: Registry) -> None:
        self.registry = registry
        self._base = snapshot
        self._steps: list[bytes] = []
        self._busy = False
        self._budget = sqlite.Budget()
        self._db = self._open()
        try:
            seed, self.step_ms, seal, made_by = self._one(
                "SELECT m.seed,m.step_ms,s.digest,s.tables FROM kit_meta m JOIN kit_seal s USING(id) WHERE id=1"
            )
            self.seed = int(seed)
            self._digest = self._base_digest = int(seal, 16)
            self.faults = faults.of(self._db)
            if made_by != registry.fingerprint:
                raise KitError("this snapshot was built with other apps, or with other tables of theirs")
        except (apsw.Error, ValueError) as error:
            self.close()
            raise KitError(f"this database is no world: {error}") from error
        except KitError:
            self.close()
            raise

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
        faults: Faults | None = None,
    ) -> World:
        """A new world: tables made, persons drawn (or taken), each app populated under its options, in the order given.

        Times are virtual ms since 1970. ``faults``: which its users are to meet; none where not given. Raises
        :class:`SchemaRuleError`, :class:`KitError`, or pydantic's error for options that an app does not know.
        """
        registry = register(apps)
        beginning = Beginning(seed, start_ms, step_ms, persons, options or {}, faults or Faults())
        return cls(build_database(registry, beginning), registry)

    @classmethod
    def fork(cls, snapshot: bytes, apps: Sequence[App]) -> World:
        """An identical copy of ``snapshot``; recording starts here. The bytes are shared, never written.

        Raises :class:`KitError` where they are no world of these apps.
        """
        return cls(snapshot, register(apps))

    @classmethod
    def restore(cls, snapshot: bytes, apps: Sequence[App], changesets: Sequence[bytes]) -> World:
        """A fresh fork plus the sum of ``changesets``, which :meth:`undo` then takes back one by one.

        Raises :class:`WorldDiverged` where they do not fit the snapshot.
        """
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
        """Digest of all cells (hex), computed from the rows. O(rows). Raises :class:`KitError` at a damaged row."""
        try:
            return digest.text(digest.full(self._db, self.registry.layouts.values()))
        except (apsw.Error, UnicodeDecodeError) as error:
            raise KitError(f"the database is damaged: {error}") from error

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
        self._check_idle()
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
        return change.summed(self._steps)

    def net_change(self) -> tuple[RowChange, ...]:
        """The net change since the fork, parsed."""
        return change.parse(self.changeset(), self.registry.layouts)

    def undo(self) -> None:
        """Goes back by one step: a fresh fork plus the sum up to there. Raises :class:`KitError` before the first."""
        self._check_idle()
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
        return self._step(1 if actor is None else actor, lambda call: run_tool(call, tool, arguments))

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
        try:
            total = change.summed(changesets)
            if total:
                # Without a handler every conflict aborts: nothing is ever skipped or overwritten.
                apsw.Changeset.apply(total, self._db, filter=self._is_recorded)
                self._digest = (self._digest + digest.delta(total, self.registry.layouts)) % digest.MODULUS
        except (apsw.Error, ValueError) as error:
            raise WorldDiverged(f"these changes do not fit this snapshot: {error}") from error
        self._steps += [item for item in changesets if item]

    def _is_recorded(self, table: str) -> bool:
        if table not in self.registry.recorded:
            raise ValueError(f"no table {table}")  # SQLite itself would skip it, and say nothing
        return True

    def _step(self, actor: int, run: Callable[[Transaction], ToolResult]) -> StepResult:
        with self._open_step(actor, readonly=False) as call:
            result = run(call)
        return StepResult(result, self._steps[-1], self.state_digest)

    def _check_idle(self) -> None:
        if self._busy:
            raise KitError("a world does one thing at a time: a transaction is open already")

    @contextmanager
    def _open_step(self, actor: int, *, readonly: bool) -> Iterator[Transaction]:
        self._check_idle()
        db = self._db
        self._busy = True
        self._budget.refill()
        session = None if readonly else apsw.Session(db, "main")
        try:
            if session is not None:
                session.attach()
            db.execute("BEGIN")
            call = Transaction(
                db,
                self.registry,
                self._budget,
                seed=self.seed,
                actor=actor,
                now_ms=self.now_ms,
                step_ms=self.step_ms,
                readonly=readonly,
                faults=self.faults,
            )
            yield call
            if session is None:
                db.execute("ROLLBACK")
                return
            move_clock(call)
            db.execute("COMMIT")
            self._record(session.changeset())
        except apsw.Error as error:
            # No agent's request: the bytes are damaged, or an app's own SQL is wrong.
            raise KitError(f"the database gave up: {error}") from error
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")
            if session is not None:
                session.close()
            self._budget.rest()
            self._busy = False

    def _record(self, changeset: bytes) -> None:
        self._steps.append(changeset)  # never empty: the clock has moved
        self._digest = (self._digest + digest.delta(changeset, self.registry.layouts)) % digest.MODULUS


def fork_many(snapshot: bytes, apps: Sequence[App], n: int) -> list[World]:
    """``n`` identical worlds; the caller closes each."""
    registry = register(apps)
    return [World(snapshot, registry) for _ in range(n)]
