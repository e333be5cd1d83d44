"""A world: one SQLite database, its apps, and the only ways to change it.

SKETCH (signatures are the contract; the kit's owner fills it in).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from pydantic import BaseModel

from app_clones.kit.app import App

Value = int | str | float | bytes | None
Row = Mapping[str, Value]


class Call(Protocol):
    """What an operation, event handler or route sees of its world: the open transaction of one step."""

    actor: int                                   # kit_person.id of who acts
    now_ms: int                                  # the virtual clock; constant within a call

    def rows(self, sql: str, *args: Value) -> list[tuple[Value, ...]]: ...          # read; unique ORDER BY is the app's duty
    def one(self, sql: str, *args: Value) -> tuple[Value, ...] | None: ...
    def insert(self, table: str, **values: Value) -> int: ...       # draws the id from the table's counter; returns it
    def put(self, table: str, **values: Value) -> None: ...         # insert into a keyed (WITHOUT ROWID) table
    def update(self, table: str, id: int, **values: Value) -> None: ...   # NotFound if there is no such row
    def delete(self, table: str, **key: Value) -> int: ...          # rows deleted; key columns by equality
    def index(self, search: str, rowid: int, **text: str) -> None: ...    # (re)write one FTS row
    def unindex(self, search: str, rowid: int) -> None: ...
    def random(self, name: str) -> Random: ...                      # the named stream's next generator; draws are counted in a row
    def schedule(self, delay_ms: int, event: str, **payload: Any) -> int: ...       # pending event, a row
    def perform(self, operation: str, **arguments: Any) -> Any: ...  # run another operation in this same transaction, returns its data


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


class Person(BaseModel, frozen=True, extra="forbid"):
    """A user of the world (``kit_person``). The first one is the agent's own account."""

    name: str        # "Ana Ruiz"
    email: str


class World:
    """Single owner, not thread-safe. All methods are synchronous and short.

    World.build(apps, seed=, start_ms=, step_ms=, persons=, options={app: {...}}) -> World      (then .snapshot())
    World.fork(snapshot: bytes, apps) -> World                   # deserialize; recording starts here
    World.restore(snapshot, apps, changesets: Sequence[bytes]) -> World      # fresh fork + sum of changesets
    world.snapshot() -> bytes                                    # serialize
    world.call(tool, arguments, actor=None) -> StepResult        # one step: validate, run, advance step_ms, fire due events
    world.wait(ms) -> StepResult                                 # explicit wait (also the tool ``clock_wait``)
    world.transaction(actor) -> ContextManager[Call]             # what routes use: one step per non-GET request; read-only for GET
    world.operations() -> Mapping[str, tuple[App, Operation]]    # by tool name
    world.changeset() -> bytes                                   # net change since the fork (sum of all steps)
    world.net_change() -> tuple[RowChange, ...]                  # the same, parsed; kit/change.py
    world.undo()                                                 # back by one step (fresh fork + sum up to there)
    world.state_digest: str; world.full_digest() -> str; world.anchor_digest() -> str
    world.close()
    """


def fork_many(snapshot: bytes, apps: Sequence[App], n: int) -> list[World]: ...
