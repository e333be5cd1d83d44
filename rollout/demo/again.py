"""Stage 5: failures replayed, a planted divergence found, one failure forked where it went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from factory.environment import Suite
from factory.errors import GrindError, ReplayDivergence
from rollout.demo.play import Lesson
from rollout.demo.screen import Screen
from rollout.forking import find_wrong_step, fork_at
from rollout.planting import plant
from rollout.progress import progress
from rollout.replay import replay
from rollout.studio.report import TrajectoryView, view
from rollout.trajectory import Trajectory

SHOWN = 5


async def replay_failures(screen: Screen, lesson: Lesson) -> tuple[dict[str, Any], list[TrajectoryView]]:
    """Replays all failures of the last round; returns the report's section and the trajectories to show.

    Raises GrindError unless all are identical, the planted change is found at its step, and the fork earns 1.
    """
    suite = lesson.suite
    failed = [t for t in lesson.last_round if t.reward is not None and t.reward < 1.0]
    reports = []
    with progress("replaying", len(failed)) as advance:
        for trajectory in failed:
            reports.append(await replay(suite, trajectory))
            advance(1, "")
    identical = sum(report.identical for report in reports)
    for report in reports:
        report.require()
    screen.line("replay", f"{identical} of {len(failed)} failed trajectories of the last round identical at every step")

    planted = await _plant(suite, max(lesson.last_round, key=lambda t: (len(t.steps), t.rollout_id)))
    text = f"one row changed silently before step {planted['step']}: found at step {planted['found_step']}"
    if planted["found_step"] != planted["step"]:
        raise ReplayDivergence(text, "this is a bug: please report it")
    screen.line("replay", text)

    broken, wrong = await _wrong(suite, failed)
    fork = await fork_at(suite, broken, wrong)
    if fork.reward != 1.0:
        raise GrindError(f"the oracle from step {wrong} of {broken.rollout_id} earned {fork.reward}: {fork.outcome}")
    screen.line("fork", f"{broken.rollout_id} at its wrong step {wrong}, the oracle from there: reward {fork.reward:g}")
    views = [view(suite, broken, "A failure", wrong), view(suite, fork, "The same, forked there; the oracle goes on")]
    section = {"checked": len(failed), "identical": identical, "planted": planted, "fork_reward": fork.reward}
    return section, views + _others(suite, lesson.last_round, broken, SHOWN - len(views))


async def _plant(suite: Suite, trajectory: Trajectory) -> dict[str, int | None]:
    tamper = plant(suite, trajectory, len(trajectory.steps) // 2)  # not the first, which anything would find
    found = (await replay(suite, trajectory, tamper=tamper)).divergence
    return {"step": tamper.step, "found_step": None if found is None else found.step}


async def _wrong(suite: Suite, failed: Sequence[Trajectory]) -> tuple[Trajectory, int]:
    """A failure that the oracle can make good only from before one of its steps, and that step."""
    for trajectory in failed:
        wrong = await find_wrong_step(suite, trajectory)
        if wrong is not None and wrong < len(trajectory.steps):
            return trajectory, wrong
    raise GrindError("no failed trajectory of the last round has a wrong step", "play one more round")


def _others(suite: Suite, played: Sequence[Trajectory], shown: Trajectory, n: int) -> list[TrajectoryView]:
    """``n`` more to read: another failure, then successes, each of another template, longest first."""
    taken = {suite.tasks[shown.attempt.task_id].template}
    chosen: list[Trajectory] = []
    for trajectory in sorted(played, key=lambda t: (-len(t.steps), t.rollout_id)):
        template = suite.tasks[trajectory.attempt.task_id].template
        failed_already = any(t.reward != 1.0 for t in chosen)
        if len(chosen) < n and template not in taken and (trajectory.reward == 1.0 or not failed_already):
            taken.add(template)
            chosen.append(trajectory)
    return [view(suite, t, "A success" if t.reward == 1.0 else "Another failure") for t in chosen]
