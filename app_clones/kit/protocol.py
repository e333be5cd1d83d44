"""What an operation sees of its world, and what a step gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol, TypeVar

Value = int | str | float | bytes | None
T = TypeVar("T")


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

    def insert(self, table: str, /, **values: Value) -> int:
        """Draws the id from the table's counter; returns it."""
        ...

    def put(self, table: str, /, **values: Value) -> None:
        """Inserts into a keyed (WITHOUT ROWID) table; ``Conflict`` if the key is there."""
        ...

    def update(self, table: str, id: int, /, **values: Value) -> None:
        """``NotFound`` if there is no such row."""
        ...

    def delete(self, table: str, /, **key: Value) -> int:
        """Rows deleted; columns by equality."""
        ...

    def index(self, search: str, rowid: int, /, **text: str) -> None:
        """(Re)writes one FTS row."""
        ...

    def unindex(self, search: str, rowid: int) -> None:
        """Removes one FTS row."""
        ...

    def random(self, name: str) -> Random:
        """The named stream's next generator; draws are counted in a row."""
        ...

    def handles(self, event: str) -> bool:
        """Whether some app of this world handles ``event``."""
        ...

    def schedule(self, delay_ms: int, event: str, /, **payload: Any) -> int:
        """Makes a pending event, a row; returns its id."""
        ...

    def perform(self, operation: str, /, **arguments: Any) -> Any:
        """Runs another operation (by tool name) in this same transaction; returns its data."""
        ...

    def protected(self, run: Callable[[], T]) -> T:
        """Runs ``run``; after an exception nothing that it did stays."""
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
