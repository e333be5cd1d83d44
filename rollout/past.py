"""States of the past: what an episode's world or files were after any of its steps, from the record."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from app_clones.kit.change import summed
from app_clones.kit.world import World
from factory.environment import Checkpoint, Suite, Task
from factory.errors import GrindError, ReplayDivergence, SandboxError, boundary
from rollout.trajectory import Trajectory


@runtime_checkable
class InWorld(Protocol):
    """An environment whose state is a world of the kit."""

    world: World


def check_suite(suite: Suite, trajectory: Trajectory) -> Task:
    """The trajectory's task. Raises :class:`ReplayDivergence` if it was played in another build."""
    if trajectory.environment != suite.digest:
        raise ReplayDivergence(
            f"rollout {trajectory.rollout_id} was played in {trajectory.environment[:16]}, this is {suite.digest[:16]}",
            "build the environment from the spec and code that it was played with",
        )
    task = suite.tasks.get(trajectory.attempt.task_id)
    if task is None:
        raise ReplayDivergence(f"{suite.name} has no task {trajectory.attempt.task_id}", "was its certificate revoked?")
    return task


def checkpoint_of(trajectory: Trajectory, steps: int) -> Checkpoint:
    """A world's state after the first ``steps`` steps, from the record alone: the sum of their changesets, and what
    was done, for views with more state than that (a page half filled in)."""
    records = trajectory.steps[:steps]
    changeset = summed([record.changeset for record in records])
    return Checkpoint(changeset=changeset, actions=tuple(record.action for record in records))


async def checkpoint_at(suite: Suite, trajectory: Trajectory, steps: int) -> Checkpoint:
    """The state after the first ``steps`` steps: a world's from the record, files' by running the steps and freezing.

    Raises :class:`ReplayDivergence` if that state is not the recorded one.
    """
    task = check_suite(suite, trajectory)
    _check_step(trajectory, steps)
    expected = trajectory.steps[steps - 1].state_digest if steps else trajectory.start_digest
    with boundary(SandboxError, f"go back to step {steps} of {trajectory.rollout_id}"):
        if suite.kind == "world":
            checkpoint = checkpoint_of(trajectory, steps)
            environment = suite.fork(task, checkpoint)
        else:
            checkpoint, environment = None, suite.fork(task)
        try:
            await environment.open()
            if checkpoint is None:
                for record in trajectory.steps[:steps]:
                    await environment.step(record.action)
                checkpoint = await environment.freeze()
            found = environment.world.full_digest() if isinstance(environment, InWorld) else environment.state_digest
        finally:
            await environment.close()
    if found != expected:
        raise ReplayDivergence(
            f"rollout {trajectory.rollout_id}: the state after {steps} steps is {found[:16]}, recorded {expected[:16]}",
            "run `grind replay` on it without --step: it says where it began",
        )
    return checkpoint


def state_diff(suite: Suite, trajectory: Trajectory, steps: int) -> tuple[str, ...]:
    """The net change of the first ``steps`` steps, a readable line per row (a world's; nothing for files)."""
    changeset = checkpoint_of(trajectory, steps).changeset
    return tuple(suite.describe(changeset)) if changeset else ()


def _check_step(trajectory: Trajectory, steps: int) -> None:
    if not 0 <= steps <= len(trajectory.steps):
        raise GrindError(f"{trajectory.rollout_id} has {len(trajectory.steps)} steps, there is no step {steps}")
