"""The whole pipeline on the toy suite, with a mix of submissions whose rewards are known, and what must hold after it.

``simulate`` plays; ``violations`` names every broken invariant, so a bug anywhere in between shows as a line.
"""

from collections import Counter
from dataclasses import replace

from factory.environment import Action, Fault
from rollout.policies import PolicySpec, script_payload
from rollout.pools import LocalPool, PlayOptions
from rollout.replay import replay
from rollout.trajectory import Attempt

KINDS = ("gold", "wrong", "nothing", "decline", "garbage")
REWARDS = {"gold": 1.0, "wrong": 0.0, "nothing": 0.0, "decline": 0.0, "garbage": 1.0}


def kind_of(attempt):
    return KINDS[attempt.attempt % len(KINDS)]


def wanted(suite, run, n):
    tasks = sorted(suite.tasks)
    return [Attempt(run, tasks[i % len(tasks)], i // len(tasks), i) for i in range(n)]


def mixed(suite, attempts=40):
    """The scripted mix: each attempt's number says which kind of submission it is."""
    scripts = {}
    for task in suite.tasks.values():
        gold = list(suite.oracle(task))
        by_kind = {
            "gold": gold,
            "wrong": [*gold[:-1], Action("memo_write", {"id": 1, "word": "oops"}), gold[-1]],
            "nothing": [],
            "decline": [Action("task_decline", {"reason": "no"})],
            "garbage": [Action("memo_read", None, "{{{"), Action("nope", {}), *gold],
        }
        for number in range(attempts):
            scripts[f"{task.id}#{number}"] = by_kind[KINDS[number % len(KINDS)]]
    return PolicySpec("scripted", script_payload(scripts), "mix")


async def simulate(suite, run, n=200, *, retries=2):
    """Plays ``n`` attempts into ``run`` and seals them; returns what the pool delivered."""
    delivered = []
    async with LocalPool(suite, run.journal_folder, concurrency=16) as pool:
        options = PlayOptions(fault_retries=retries)
        async for batch in pool.play(wanted(suite, run.name, n), mixed(suite), options):
            delivered += batch
    run.drain()
    return delivered


async def violations(suite, run, n, *, delivered=None, may_fault=False, replays=25):
    """Every invariant that does not hold, in words. Empty: the run is sound."""
    attempts = {attempt.rollout_id: attempt for attempt in wanted(suite, run.name, n)}
    broken = _exactly_once(attempts, [row["rollout_id"] for row in run.tables.rows(["rollout_id"])])
    damaged = []
    found = list(run.tables.trajectories(damaged=damaged))
    broken += [f"unreadable: {error}" for error in damaged]
    if delivered is not None:
        broken += _kept(delivered, found)
    for trajectory in found:
        if trajectory.rollout_id in attempts:
            broken += _sound(suite, trajectory, may_fault)
    for trajectory in found[:: max(1, len(found) // replays)]:
        broken += await _replays(suite, trajectory)
    return broken


def _exactly_once(attempts, ids):
    counts = Counter(ids)
    broken = [f"lost: {id}" for id in attempts if not counts[id]]
    broken += [f"doubled: {id} is there {count} times" for id, count in counts.items() if count > 1]
    return broken + [f"unasked: {id}" for id in counts if id not in attempts]


def _kept(delivered, found):
    counts = Counter(trajectory.rollout_id for trajectory in delivered)
    kept = {trajectory.rollout_id: trajectory for trajectory in found}
    broken = [f"delivered {count} times: {id}" for id, count in counts.items() if count > 1]
    return broken + [
        f"delivered but not kept as it was: {trajectory.rollout_id}"
        for trajectory in delivered
        if kept.get(trajectory.rollout_id) != trajectory
    ]


def _sound(suite, trajectory, may_fault):
    id, kind = trajectory.rollout_id, kind_of(trajectory.attempt)
    if isinstance(trajectory.outcome, Fault):
        broken = [] if may_fault else [f"fault that nobody injected: {id}: {trajectory.outcome.message}"]
        return broken + ([f"a fault has a reward: {id}"] if trajectory.reward is not None else [])
    broken = []
    if trajectory.reward != REWARDS[kind]:
        broken.append(f"reward: {id} is {kind}, earned {trajectory.reward}")
    if trajectory.start_digest != suite.start_digest:
        broken.append(f"start: {id} began in another state")
    return broken


async def _replays(suite, trajectory):
    """The trajectory replays identically; and, so that this says something, an altered copy of it does not."""
    broken = []
    report = await replay(suite, trajectory)
    if not report.identical:
        broken.append(f"replay: {trajectory.rollout_id}: {report.divergence}")
    for index, step in enumerate(trajectory.steps):
        steps = list(trajectory.steps)
        for change in ({"observation": step.observation + "!"}, {"state_digest": "0" * 64}):
            steps[index] = replace(step, **change)
            altered = await replay(suite, replace(trajectory, steps=tuple(steps)))
            if altered.divergence is None or altered.divergence.step != index:
                broken.append(f"replay is blind to {next(iter(change))} at step {index}: {trajectory.rollout_id}")
    return broken
