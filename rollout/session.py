"""What ``grind run`` and ``grind replay`` do, without their command line: a run played to its end, or played again."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app_clones.kit.seeds import derive
from factory.audit import CERTIFICATE, certified
from factory.build import load_suite
from factory.durable import write_whole
from factory.environment import Fault, Suite
from factory.errors import GrindError, RecordError
from factory.manifest import read_manifest
from factory.store import Store
from rollout.policies import PolicySpec, make_policy
from rollout.pools import LocalPool, PlayOptions, Pool, SuiteRef
from rollout.progress import progress
from rollout.runs import ROOT, Run
from rollout.trajectory import Attempt, Trajectory

POLICY_FILE = "policy.bin"


def attempts(suite: Suite, run: str, n: int, seed: int, split: str | None = None) -> list[Attempt]:
    """``n`` attempts: all tasks of the split once, in an order drawn from ``seed``, then all once more, and so on."""
    ids = [task.id for task in suite.tasks.values() if split in (None, task.split)]
    if not ids:
        raise GrindError(f"{suite.name} has no tasks{f' in split {split}' if split else ''}", "was it audited?")
    ids.sort(key=lambda id: derive(seed, "order", id))
    pairs = [(ids[i % len(ids)], i // len(ids)) for i in range(n)]
    return [Attempt(run, task, number, derive(seed, "policy", run, task, number)) for task, number in pairs]


def served(store: Store, env: str, *, uncertified: bool = False) -> Suite:
    """The environment, with those of its tasks that may be played: the ones whose certificate holds.

    ``uncertified``: all of them, whatever is known of them, for who develops an environment. Raises BuildError where
    there is no certificate.
    """
    suite = load_suite(store, env)
    return suite if uncertified else certified(store, suite)


def about(store: Store, suite: Suite, *, uncertified: bool = False) -> dict[str, Any]:
    """What ``run.json`` says of an environment. ``certificate``: the digest of the one that its tasks were picked by;
    None where they were played without."""
    snapshot = ",".join(read_manifest(store, suite.digest).snapshot)
    return {
        "env_name": suite.name,
        "environment": suite.digest,
        "snapshot": snapshot,
        "start_digest": suite.start_digest,
        "certificate": None if uncertified else store.ref(CERTIFICATE, suite.digest),
    }


def new_run(
    store: Store,
    env: str,
    name: str,
    policy: PolicySpec,
    plan: Mapping[str, Any],
    root: Path = ROOT,
    *,
    uncertified: bool = False,
) -> tuple[Run, Suite]:
    """A new run of ``env`` under ``policy``, whose payload is kept with it. ``plan``: n, seed, split, temperature …

    Raises BuildError where :func:`served` does."""
    suite = served(store, env, uncertified=uncertified)
    info = {**about(store, suite, uncertified=uncertified), "plan": dict(plan)}
    info["policy"] = {"kind": policy.kind, "version": policy.version, "sha256": _sha256(policy.payload)}
    attempts(suite, name, 1, 0, plan.get("split"))  # a split without tasks shows before the run is there,
    make_policy(policy, suite)  # and so does a policy that cannot be made
    run = Run.create(name, info, root)
    write_whole(run.path / POLICY_FILE, policy.payload)
    return run, suite


def old_run(store: Store, name: str, env: str | None = None, root: Path = ROOT) -> tuple[Run, Suite]:
    """A run and the environment that it was played in. Raises GrindError if ``env`` is now another one."""
    run = Run.open(name, root)
    digest = str(run.info.get("environment", ""))
    if not digest:
        raise RecordError(f"{run.path / 'run.json'}: it does not say in which environment the run was played")
    if env is not None and read_manifest(store, env).digest != digest:
        raise GrindError(f"run {name} was played in another build of {env}", "take another --run, or build that again")
    return run, load_suite(store, digest)


def resumed(store: Store, name: str, env: str, root: Path = ROOT) -> tuple[Run, Suite]:
    """:func:`old_run` to be played on, with the tasks that it was begun with: certified ones, unless it says that it
    was begun without a certificate."""
    run, suite = old_run(store, name, env, root)
    return run, suite if is_uncertified(run) else certified(store, suite)


def is_uncertified(run: Run) -> bool:
    """Whether the run says that its tasks were played without a certificate."""
    return run.info.get("certificate", "") is None


def policy_of(run: Run) -> PolicySpec:
    """The policy that a run is played by. Raises RecordError if what was kept of it is gone or altered."""
    kept = run.info.get("policy", {})
    file = run.path / POLICY_FILE
    try:
        payload = file.read_bytes()
    except OSError as error:
        raise RecordError(f"{file}: cannot be read: {error}", "start another run") from error
    if _sha256(payload) != kept.get("sha256"):
        raise RecordError(f"{file}: was altered since the run began", "start another run")
    return PolicySpec(str(kept["kind"]), payload, str(kept["version"]))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def make_pool(store: Store, suite: Suite, run: Run, workers: int, concurrency: int | None = None) -> Pool:
    """Ray with that many workers; with 0, this process alone."""
    if workers == 0:
        return LocalPool(suite, run.journal_folder, concurrency=concurrency)
    from rollout.cluster import RayPool  # ray takes half a second to import

    ref = SuiteRef(str(store.root.absolute()), suite.digest)
    return RayPool(ref, run.journal_folder, workers=workers, concurrency=concurrency)


@contextmanager
def sealed(run: Run) -> Iterator[None]:
    """Whatever happens inside, all that was committed is sealed at the end."""
    try:
        yield
    finally:
        run.drain()


async def play_run(
    store: Store, suite: Suite, run: Run, wanted: Sequence[Attempt], options: PlayOptions, *, workers: int, quiet: bool
) -> dict[str, Any]:
    """Plays what is not there yet of ``wanted``; returns :func:`summary` with ``played`` and ``seconds``."""
    with run.owned():
        run.drain()
        left = run.remaining(wanted)
        faults: Counter[str] = Counter()
        begun = time.perf_counter()
        if left:
            with sealed(run):
                faults = await _play(make_pool(store, suite, run, workers), run, left, options, quiet)
        seconds = time.perf_counter() - begun
        return {**summary(run), "played": len(left), "seconds": round(seconds, 3), "faulted_plays": dict(faults)}


async def _play(pool: Pool, run: Run, left: Sequence[Attempt], options: PlayOptions, quiet: bool) -> Counter[str]:
    policy = policy_of(run)
    rewards: list[float] = []
    async with pool:
        with progress("rollouts", len(left), quiet=quiet) as advance:
            async for batch in pool.play(left, policy, options):
                rewards += [t.reward for t in batch if t.reward is not None]
                advance(len(batch), f"mean reward {sum(rewards) / max(1, len(rewards)):.3f}")
        return Counter(pool.faults)


def summary(run: Run) -> dict[str, Any]:
    """Counts over the run's sealed rollouts, forks aside. ``reward``: mean over those with a verdict, or None."""
    columns = ("task_id", "reward", "stop_reason", "policy_version", "start_digest", "origin_step", "n_steps")
    rows = [row for row in run.tables.rows(columns) if row["origin_step"] is None]
    rewards = [row["reward"] for row in rows if row["reward"] is not None]
    faulted = Counter(row["policy_version"] for row in rows if row["stop_reason"] == "fault")
    return {
        "run": run.name,
        "env_name": run.info.get("env_name"),
        "certified": bool(run.info.get("certificate")),
        "rollouts": len(rows),
        "reward": sum(rewards) / len(rewards) if rewards else None,
        "solved": sum(reward == 1.0 for reward in rewards),
        "stop_reasons": dict(sorted(Counter(row["stop_reason"] for row in rows).items())),
        "faults": dict(faulted),
        "distinct_start_digests": len({row["start_digest"] for row in rows if row["stop_reason"] != "fault"}),
        "tasks": len({row["task_id"] for row in rows}),
        "steps": sum(row["n_steps"] for row in rows),
    }


def trajectory_json(suite: Suite, trajectory: Trajectory) -> dict[str, Any]:
    """A trajectory as a person or a script reads it: no tokens, changes as text."""
    return {
        "rollout_id": trajectory.rollout_id,
        "task_id": trajectory.attempt.task_id,
        "policy_version": trajectory.policy_version,
        "instruction": trajectory.instruction,
        "stop_reason": trajectory.stop_reason,
        "reward": trajectory.reward,
        "fault": asdict(trajectory.outcome) if isinstance(trajectory.outcome, Fault) else None,
        "origin": trajectory.origin,
        "steps": [
            {
                "step": step.index,
                "action": step.action.name,
                "arguments": step.action.arguments,
                "raw": step.action.raw,
                "observation": step.observation,
                "error": step.error,
                "changes": list(suite.describe(step.changeset)) if step.changeset else [],
                "state_digest": step.state_digest,
            }
            for step in trajectory.steps
        ],
    }


def trajectory_text(suite: Suite, trajectory: Trajectory) -> str:
    """The same as :func:`trajectory_json`, to be read."""
    shown = trajectory_json(suite, trajectory)
    lines = [f"{shown['rollout_id']}  {shown['task_id']}  {shown['stop_reason']}  reward {shown['reward']}"]
    lines.append(f"  {shown['instruction']}")
    if shown["fault"]:
        lines.append(f"  {shown['fault']['kind']}: {shown['fault']['message']}")
    for step in shown["steps"]:
        call = json.dumps(step["arguments"], ensure_ascii=False) if step["arguments"] is not None else step["raw"]
        lines.append(f"  {step['step']:>3} {step['action']} {call}")
        lines += [f"        {line}" for line in step["observation"].splitlines()]
        lines += [f"      ~ {line}" for line in step["changes"]]
    return "\n".join(lines)
