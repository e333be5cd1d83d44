"""What is left of an oracle's way after some actions of someone else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from factory.environment import Action, Checkpoint, Task
from factory.worlds.episode import step

if TYPE_CHECKING:
    from factory.worlds.suite import WorldSuite


def rest_of(suite: WorldSuite, task: Task, way: Sequence[Action], done: Sequence[Action]) -> tuple[Action, ...]:
    """Returns what is left of ``way`` after ``done``: tried out on forks, so that a write counts as done by what it
    changed and not by how it was put; of the rests that come to reward 1, the one with the fewest writes."""
    if not done:
        return tuple(way)
    if tuple(done) == tuple(way[: len(done)]):
        return tuple(way[len(done) :])
    with suite.fork_world() as world:
        ended = any(step(world, action).done for action in done)
        state = Checkpoint(suite.snapshot_digest, world.changeset())
    if ended:
        return ()
    left = tuple(action for action in way if suite.writes(action.name) or action not in done)
    if not any(suite.writes(action.name) for action in done):
        return left
    *writes, _ = (action for action in left if suite.writes(action.name))  # the last one is the outcome
    for k in range(len(writes), -1, -1):
        for dropped in combinations(writes, k):
            rest = tuple(action for action in left if action not in dropped)
            if _solves(suite, task, state, rest):
                return _needed(suite, rest) if dropped else rest
    # Past mending: on with what has not been tried yet, so that whoever follows this comes to an end.
    return tuple(action for action in left if action not in done)


def _solves(suite: WorldSuite, task: Task, state: Checkpoint, rest: Sequence[Action]) -> bool:
    with suite.fork_world(state) as world:
        for action in rest:
            step(world, action)
        return suite.judge(task, world).reward == 1.0


def _needed(suite: WorldSuite, rest: tuple[Action, ...]) -> tuple[Action, ...]:
    """Without the reads that only led to a write that is done, where nothing but the outcome is left."""
    writes = [action for action in rest if suite.writes(action.name)]
    return tuple(writes) if len(writes) == 1 and not writes[0].arguments else rest
