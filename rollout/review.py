"""What ``grind replay`` and ``grind show`` find out about a run."""

from __future__ import annotations

from typing import Any

from factory.environment import Suite
from rollout.forking import fork_at
from rollout.journal import Journal
from rollout.past import checkpoint_at, state_diff
from rollout.pools import fresh_journal
from rollout.progress import progress
from rollout.replay import replay
from rollout.runs import Run
from rollout.trajectory import Trajectory


async def replay_run(run: Run, suite: Suite, *, failed_only: bool = False, quiet: bool = True) -> dict[str, Any]:
    """Replays all finished rollouts: ``checked``, ``identical``, ``unstable`` (ids), ``diverged`` (id, step, kind,
    what). What a killed driver left in its journals is finished, too."""
    diverged: list[dict[str, Any]] = []
    unstable: list[str] = []
    checked = 0
    with progress("replayed", len(run.ids()), quiet=quiet) as advance:
        for trajectory in run.trajectories():
            advance(1, f"{len(diverged)} differ")
            if failed_only and trajectory.reward == 1.0:
                continue
            report = await replay(suite, trajectory)
            checked += 1
            if report.unstable:
                unstable.append(report.rollout_id)
            if report.divergence is not None:
                found = {"step": report.divergence.step, "kind": report.divergence.kind}
                diverged.append({"rollout_id": report.rollout_id, **found, "what": str(report.divergence)})
    return {"checked": checked, "identical": checked - len(diverged), "unstable": unstable, "diverged": diverged}


def _failed(row: dict[str, Any]) -> bool:
    return row["reward"] is None or row["reward"] < 1.0


async def show_step(suite: Suite, trajectory: Trajectory, steps: int) -> dict[str, Any]:
    """The state after ``steps`` steps, rebuilt and held against the record; what changed since the start."""
    checkpoint = await checkpoint_at(suite, trajectory, steps)
    last = trajectory.steps[steps - 1] if steps else None
    return {
        "rollout_id": trajectory.rollout_id,
        "steps": steps,
        "state_digest": last.state_digest if last else trajectory.start_digest,
        "changes": list(state_diff(suite, trajectory, steps)),
        "layers": list(checkpoint.files.layers) if checkpoint.files else [],
        "last": list(suite.describe(last.changeset)) if last and last.changeset else [],
    }


async def fork_rollout(run: Run, suite: Suite, trajectory: Trajectory, steps: int) -> Trajectory:
    """The oracle's way on from ``steps``; recorded in ``run`` beside its source."""
    forked = await fork_at(suite, trajectory, steps)
    with run.owned():
        with Journal(fresh_journal(run.journal_folder, "fork")) as journal:
            journal.commit([forked])
        run.drain()
    return forked


def list_rollouts(run: Run, *, failed_only: bool = False, limit: int = 20) -> list[dict[str, Any]]:
    """The first ``limit`` sealed rollouts."""
    found: list[dict[str, Any]] = []
    columns = ("rollout_id", "task_id", "attempt", "stop_reason", "reward", "n_steps", "policy_version")
    for row in run.tables.rows(columns):
        if len(found) == limit:
            break
        if not failed_only or _failed(row):
            found.append(row)
    return found
