"""Sampled success: played through the pool like any rollout, with its standard error."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app_clones.kit.seeds import derive
from factory.environment import Split, Suite
from factory.errors import PolicyError
from rollout.pools import PlayOptions, PolicySpec, Pool
from rollout.trajectory import Attempt, Trajectory


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Mean reward over ``n`` rollouts. ``stderr`` is of the mean over tasks (attempts at one task are not independent).

    ``faults``: rollouts left out."""

    success: float
    n: int
    stderr: float
    by_template: dict[str, float] = field(default_factory=dict)
    faults: int = 0


def task_ids(suite: Suite, split: Split) -> list[str]:
    """Ids of one split, in order."""
    return sorted(task.id for task in suite.tasks.values() if task.split == split)


def attempts(run: str, tasks: Iterable[str], numbers: Iterable[int], seed: int) -> list[Attempt]:
    """Attempts ``numbers`` at each of ``tasks``; policy seeds are derived from ``seed``, run, task, number."""
    kept = list(numbers)
    return [Attempt(run, t, a, derive(seed, "policy", run, t, a)) for t in tasks for a in kept]


async def collect(
    pool: Pool, wanted: Sequence[Attempt], policy: PolicySpec, options: PlayOptions | None = None
) -> list[Trajectory]:
    """Plays all of ``wanted``; in their order, whatever order they were committed in."""
    found: dict[str, Trajectory] = {}
    async for batch in pool.play(wanted, policy, options):
        found.update({t.rollout_id: t for t in batch})
    return [found[a.rollout_id] for a in wanted if a.rollout_id in found]


def summarise(trajectories: Sequence[Trajectory], suite: Suite) -> Evaluation:
    """Raises PolicyError if not one ended in a verdict."""
    by_task: dict[str, list[float]] = defaultdict(list)
    by_template: dict[str, list[float]] = defaultdict(list)
    for t in trajectories:
        if t.reward is not None:
            by_task[t.attempt.task_id].append(t.reward)
            by_template[suite.tasks[t.attempt.task_id].template].append(t.reward)
    n = sum(map(len, by_task.values()))
    if not n:
        raise PolicyError(f"none of {len(trajectories)} rollouts ended in a verdict", "see the faults' messages")
    success = sum(map(sum, by_task.values())) / n
    # Residuals summed by task: the variance of a ratio of sums over independent clusters.
    spread = sum((sum(rewards) - success * len(rewards)) ** 2 for rewards in by_task.values())
    tasks = len(by_task)
    stderr = math.sqrt(spread * tasks / max(tasks - 1, 1)) / n
    means = {name: sum(rewards) / len(rewards) for name, rewards in sorted(by_template.items())}
    return Evaluation(success, n, stderr, means, len(trajectories) - n)


async def evaluate(
    pool: Pool,
    suite: Suite,
    policy: PolicySpec,
    tasks: Sequence[str],
    *,
    run: str,
    times: int,
    seed: int,
    options: PlayOptions | None = None,
) -> Evaluation:
    """``times`` attempts at each of ``tasks``, sampled as ``options`` say."""
    return summarise(await collect(pool, attempts(run, tasks, range(times), seed), policy, options), suite)
