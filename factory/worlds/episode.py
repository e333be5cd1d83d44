"""One episode in one world: the agent's tool calls in, what it reads out, the net change judged at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app_clones.kit.builtin import iso
from app_clones.kit.world import World
from factory.environment import Action, Checkpoint, Observation, Step, Task, Verdict
from factory.errors import VerifierError, boundary

if TYPE_CHECKING:
    from factory.worlds.suite import WorldSuite

LONGEST_OBSERVATION = 20_000
"""Characters; what an agent made longer (an unknown tool's name of 10 MB) is cut."""

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
        """Judges the net change. In one of a hundred the followed digest is also checked against all rows."""
        with boundary(VerifierError, f"verify {self._task.id}"):
            if int(self.world.state_digest[:8], 16) % _FULL_CHECK_EVERY == 0:
                self.world.check()
            return self._suite.judge(self._task, self.world)

    async def close(self) -> None:
        """Frees the world."""
        self.world.close()


def step(world: World, action: Action) -> Step:
    """Plays one action on ``world``."""
    done = world.call(action.name, action.arguments)
    text = done.result.text
    if len(text) > LONGEST_OBSERVATION:
        text = f"{text[:LONGEST_OBSERVATION]}… ({len(text)} characters)"
    ending = _ENDINGS.get(action.name) if done.result.error is None else None
    return Step(
        Observation(text),
        done=ending is not None,
        stop_reason=ending,
        error=done.result.error,
        changeset=done.changeset,
        state_digest=done.state_digest,
    )
