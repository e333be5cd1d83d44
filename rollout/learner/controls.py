"""The controls that accompany every claim of learning (DESIGN 8)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random

from app_clones.kit.seeds import derive
from factory.environment import Action, Suite
from rollout.episode import DonatedObservations
from rollout.learner.batch import Group
from rollout.learner.evaluate import Evaluation, attempts, collect, summarise
from rollout.learner.grpo import GrpoConfig, group_credit
from rollout.policies import script_payload
from rollout.pools import PlayOptions, PolicySpec, Pool
from rollout.trajectory import Trajectory


def donors(
    suite: Suite, tasks: Sequence[str], played: Mapping[str, Trajectory], seed: int
) -> dict[str, tuple[str, ...]]:
    """For each task, what another task *of its template* observed step by step in ``played``.

    A cyclic shift of a seeded order, so every task has another's observations; a template with a single task takes any
    other task's.
    """
    by_template: dict[str, list[str]] = {}
    for task in sorted(tasks):
        by_template.setdefault(suite.tasks[task].template, []).append(task)
    lone = [names[0] for names in by_template.values() if len(names) == 1]
    out: dict[str, tuple[str, ...]] = {}
    for names in [names for names in by_template.values() if len(names) > 1] + [lone]:
        Random(derive(seed, "donors", *names[:1])).shuffle(names)
        for task, donor in zip(names, [*names[1:], *names[:1]], strict=True):
            out[task] = tuple(step.observation for step in played[donor].steps)
    return out


async def shuffled_observations(
    pool: Pool,
    suite: Suite,
    policy: PolicySpec,
    tasks: Sequence[str],
    *,
    run: str,
    times: int,
    seed: int,
    options: PlayOptions,
) -> Evaluation:
    """Success of ``policy`` where each step shows what an oracle saw at that step of another task."""
    oracle = await collect(pool, attempts(f"{run}-donors", tasks, [0], seed), PolicySpec("oracle"), PlayOptions())
    observed = donors(suite, tasks, {t.attempt.task_id: t for t in oracle}, seed)
    shown = PlayOptions(options.sampling, options.limits, DonatedObservations(observed), options.fault_retries)
    return summarise(await collect(pool, attempts(run, tasks, range(times), seed), policy, shown), suite)


async def best_blind(
    pool: Pool, suite: Suite, tasks: Sequence[str], scripts: Mapping[str, Sequence[Action]], *, run: str
) -> Evaluation:
    """Success of the best observation-blind policy: it knows instruction and training statistics, and looks at nothing.

    ``scripts``: its calls by task id (a world suite's ``best_blind``).
    """
    payload = script_payload({task: list(scripts[task]) for task in tasks})
    policy = PolicySpec("scripted", payload, "best_blind")
    return summarise(await collect(pool, attempts(run, tasks, [0], 0), policy), suite)


def permuted_credit(trajectories: Sequence[Trajectory], config: GrpoConfig, round_: int) -> list[Group]:
    """The shuffled-reward control: each group's advantages handed to its members in another order.

    As many groups live as ever, gradients are as large; only what a reward says about its own trajectory is gone.
    """
    out = []
    for group in group_credit(trajectories, config, round_):
        shuffled = list(group.advantages)
        Random(derive(config.seed, "permute", round_, group.task_id)).shuffle(shuffled)
        out.append(Group(group.task_id, group.members, tuple(shuffled)))
    return out


def z_score(after: Evaluation, before: Evaluation) -> float:
    """How many standard errors ``after`` is above ``before``, each with its clustered standard error."""
    spread = math.hypot(after.stderr, before.stderr)
    return (
        (after.success - before.success) / spread
        if spread
        else math.copysign(math.inf if after.success != before.success else 0.0, after.success - before.success)
    )


def p_above(after: Evaluation, before: Evaluation) -> float:
    """One-sided p-value of "``after`` is not above ``before``" (normal approximation)."""
    return 0.5 * math.erfc(z_score(after, before) / math.sqrt(2))
