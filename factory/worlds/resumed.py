"""Worlds opened in the middle of an episode, for an audit, which opens each such moment dozens of times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from app_clones.kit.registry import Registry, register
from app_clones.kit.world import World

if TYPE_CHECKING:
    from factory.worlds.suite import WorldSuite


@dataclass(frozen=True, slots=True)
class State:
    """A moment: the whole database then, what has changed since the start, and the digest that was followed (hex)."""

    database: bytes
    changeset: bytes
    digest: str

    @classmethod
    def of(cls, world: World) -> Self:
        """The state that ``world`` is in."""
        database = world.connection.serialize("main") if world.steps() else world.snapshot()  # shared at the start
        return cls(database, world.changeset(), world.state_digest)


def resume(suite: WorldSuite, state: State) -> World:
    """A world in ``state``, as restoring a checkpoint gives, but two to three times sooner: nothing is applied.

    Its net change counts from the suite's start. It cannot be undone beyond ``state``; the caller closes it.
    """
    return _Resumed(state, register(suite.apps))


class _Resumed(World):
    __slots__ = ()

    def __init__(self, state: State, registry: Registry) -> None:
        super().__init__(state.database, registry)
        self._digest = int(state.digest, 16)  # the database still bears the start's
        if state.changeset:
            self._steps.append(state.changeset)
