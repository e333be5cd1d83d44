"""One episode in one world: the agent's tool calls in, what it reads out, the net change judged at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app_clones.kit.builtin import iso
from app_clones.kit.world import World
from factory.environment import Action, Checkpoint, Observation, Step, Task, Verdict
from factory.errors import VerifierError, boundary

if TYPE_CHECKING:
    from factory.worlds.suite import WorldSuite

LONGEST_OBSERVATION = 40_000
"""Characters; what an agent made longer (an unknown tool's name of 10 MB) is cut. Pages are not: of 387 of
compiled apps the longest had 25,076, and what is at the end of a list leads to its next page."""

_ENDINGS = {"task_submit": "submitted", "task_decline": "declined"}
_FULL_CHECK_EVERY = 100


class WorldEnvironment:
    """Single use; owns its world."""

    def __init__(self, suite: WorldSuite, task: Task, world: World) -> None:
        self._suite = suite
        self._task = task
        self.world = world

    @property
    def state_digest(self) -> str:
        """Hex, of the state now."""
        return self.world.state_digest

    async def open(self) -> Observation:
        """The date and whose account it is; nothing of the task."""
        return Observation(f"{iso(self.world.now_ms)[:10]} {self._suite.account}", self._suite.tools)

    async def step(self, action: Action) -> Step:
        """One tool call. What was no JSON object is an ``invalid`` call: a step like any other."""
        return step(self.world, action)

    async def freeze(self) -> Checkpoint:
        """The net change so far, on the suite's snapshot."""
        return Checkpoint(snapshot=self._suite.snapshot_digest, changeset=self.world.changeset())

    async def verdict(self) -> Verdict:
        """Judges the net change."""
        with boundary(VerifierError, f"verify {self._task.id}"):
            return verdict_of(self._suite, self._task, self.world)

    async def close(self) -> None:
        """Frees the world."""
        self.world.close()


def step(world: World, action: Action) -> Step:
    """Plays one action on ``world``."""
    done = world.call(action.name, action.arguments)
    reason = ending(action, done.result.error)
    return Step(
        Observation(cut(done.result.text)),
        done=reason is not None,
        stop_reason=reason,
        error=done.result.error,
        changeset=done.changeset,
        state_digest=done.state_digest,
    )


def cut(text: str) -> str:
    """At most :data:`LONGEST_OBSERVATION` characters of ``text``."""
    return text if len(text) <= LONGEST_OBSERVATION else f"{text[:LONGEST_OBSERVATION]}… ({len(text)} characters)"


def ending(action: Action, error: str | None) -> str | None:
    """The stop reason, where ``action``, which came to ``error``, ended the episode."""
    return _ENDINGS.get(action.name) if error is None else None


def verdict_of(suite: WorldSuite, task: Task, world: World) -> Verdict:
    """The verdict on ``world``. In one of a hundred the followed digest is also checked against all rows."""
    if int(world.state_digest[:8], 16) % _FULL_CHECK_EVERY == 0:
        world.check()
    return suite.judge(task, world)
