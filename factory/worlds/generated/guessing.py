"""What can be earned without looking: by the best of the policies that act on the instruction alone, kind by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from factory.environment import Action, Task
from factory.worlds.generated.diversity import kind_of

if TYPE_CHECKING:
    from factory.worlds.suite import WorldSuite

Blind = Callable[["WorldSuite", Task], Sequence[Action]]


def _by_training(suite: WorldSuite, task: Task) -> Sequence[Action]:
    return suite.best_blind(task)


def _decline(suite: WorldSuite, task: Task) -> Sequence[Action]:
    return (Action("task_decline", {}),)


POLICIES: Mapping[str, Blind] = {"as the instruction tells": _by_training, "always decline": _decline}
"""Policies that observe nothing."""


def best_guesses(suite: WorldSuite) -> dict[str, float]:
    """By kind, the mean reward of the one policy that earns most of it, over all tasks of the suite."""
    rewards: dict[str, dict[str, list[float]]] = {}
    for task in suite.tasks.values():
        earned = rewards.setdefault(kind_of(task.template), {name: [] for name in POLICIES})
        for name, policy in POLICIES.items():
            with suite.fork_world() as world:
                for action in policy(suite, task):
                    world.call(action.name, dict(action.arguments or {}))
                earned[name].append(suite.judge(task, world).reward)
    return {kind: round(max(map(fmean, earned.values())), 4) for kind, earned in sorted(rewards.items())}
