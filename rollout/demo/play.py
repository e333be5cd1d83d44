"""Stages 3 and 4: the repository played from a script whose rewards are known; the world learned by a policy."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from app_clones.kit.seeds import derive
from factory.environment import Fault, Suite
from factory.errors import GrindError, ReplayDivergence
from factory.repos.mix import Scripted, scripted_mix
from factory.repos.suite import RepoSuite
from factory.store import Store
from rollout.demo.config import DemoConfig
from rollout.demo.environments import CORES
from rollout.demo.screen import Screen
from rollout.learner.recipe import LearnConfig, Learned, learn
from rollout.policies import PolicySpec, script_payload
from rollout.pools import PlayOptions
from rollout.progress import progress
from rollout.runs import Run
from rollout.session import about, make_pool, sealed, served
from rollout.trajectory import Attempt, Trajectory

MARK = 0.8
"""Sampled success on held-out tasks that the demo is to end with."""


@dataclass(frozen=True, slots=True)
class Played:
    """Rollouts of one environment as the report counts them."""

    n: int
    start_digests: int
    faults: int
    per_second: float

    def section(self) -> dict[str, Any]:
        """The report's form."""
        rate = round(self.per_second, 2)
        return {"n": self.n, "distinct_start_digests": self.start_digests, "faults": self.faults, "per_second": rate}


@dataclass(frozen=True, slots=True)
class Lesson:
    """What learning left: the policy's figures, its run, and the rollouts of GRPO's last round."""

    learned: Learned
    config: LearnConfig
    suite: Suite
    run: Run
    played: Played
    last_round: tuple[Trajectory, ...]

    def section(self) -> dict[str, Any]:
        """The report's form; the curve's points count GRPO's rollouts."""
        per_round = self.config.grpo.prompts * self.config.grpo.group
        heldout = [
            {"split": "heldout", "rollouts": p.round * per_round, "success": p.success, "stderr": p.stderr, "n": p.n}
            for p in self.learned.curve
        ]
        training = [
            {"split": "train", "rollouts": (one.round + 1) * per_round, "success": one.success, "n": one.rollouts}
            for one in self.learned.rounds
        ]
        return {**self.learned.report(), "curve": heldout + training}


def _fresh_run(store: Store, suite: Suite, out: Path) -> Run:
    """A run of the suite's name, in place of the one that an earlier demo left."""
    shutil.rmtree(out / "runs" / suite.name, ignore_errors=True)
    return Run.create(suite.name, about(store, suite), out / "runs")


async def play_repository(screen: Screen, store: Store, digest: str, config: DemoConfig) -> Played:
    """Plays scripted submissions whose rewards are known beforehand. Raises GrindError if one earned another."""
    suite = cast(RepoSuite, served(store, digest))
    mix = scripted_mix(suite, config.submissions, config.seed)
    run = _fresh_run(store, suite, config.out)
    attempts = [Attempt(run.name, one.task_id, k, derive(config.seed, "demo", k)) for k, one in enumerate(mix)]
    scripts = {f"{one.task_id}#{k}": list(one.actions) for k, one in enumerate(mix)}
    policy = PolicySpec("scripted", script_payload(scripts), "scripted-mix")
    played: list[Trajectory] = []
    with run.owned(), sealed(run):
        async with make_pool(store, suite, run, CORES, concurrency=1) as pool:
            began = time.monotonic()
            with progress(f"playing {suite.name}", len(mix)) as advance:
                async for batch in pool.play(attempts, policy, PlayOptions()):
                    played += batch
                    advance(len(batch), "")
            seconds = time.monotonic() - began
    _check_rewards(mix, played)
    kinds = ", ".join(f"{sum(one.label == kind for one in mix)} {kind}" for kind in dict.fromkeys(m.label for m in mix))
    screen.line("play", f"{suite.name}: {len(played)} rollouts ({kinds}), each with the reward known beforehand")
    faults = sum(isinstance(t.outcome, Fault) for t in played)
    starts = start_states(suite, (t.start_digest for t in played))
    return Played(len(played), len(starts), faults, len(played) / seconds)


def start_states(suite: Suite, found: Iterable[str]) -> set[str]:
    """The start states among what rollouts ``found`` on opening; a fault on the way to a start has none. For a
    repository, whose tasks are each a delta of their own, an environment says the suite's start digest only after
    hashing its tree.

    Raises ReplayDivergence unless it is the suite's alone."""
    starts = set(filter(None, found))
    if starts != {suite.start_digest}:
        raise ReplayDivergence(f"{suite.name}: {len(starts)} start states", "an environment leaked between episodes")
    return starts


def _check_rewards(mix: Sequence[Scripted], played: Sequence[Trajectory]) -> None:
    wrong = [
        f"{mix[t.attempt.attempt].label} on {t.attempt.task_id} earned {t.reward}: {t.outcome}"
        for t in played
        if t.reward != mix[t.attempt.attempt].expected_reward
    ]
    if wrong or len(played) != len(mix):
        raise GrindError(f"{len(wrong)} of {len(mix)} rollouts earned what they should not: {'; '.join(wrong[:3])}")


async def learn_world(screen: Screen, store: Store, digest: str, demo: DemoConfig) -> Lesson:
    """Warm start, GRPO and controls, on the learner's own rollouts on Ray."""
    suite = served(store, digest)
    run = _fresh_run(store, suite, demo.out)
    config = demo.learn.model_copy(update={"run": run.name})
    with run.owned(), sealed(run):
        async with make_pool(store, suite, run, CORES) as pool:
            with progress("GRPO rounds", config.grpo.rounds) as advance:
                learned = await learn(pool, suite, config, run.path / "learner", say=_teller(screen, advance))
    played, last = _count(suite, run, learned, config)
    screen.line("play", f"{suite.name}: {played.n} rollouts from one start state, {played.per_second:.0f}/s in GRPO")
    before, after = learned.warm_start, learned.final
    controls = ", ".join(f"{name.replace('_', ' ')} {one.success:.2f}" for name, one in learned.controls.items())
    screen.line(
        "learn", f"held-out success {before.success:.2f} → {after.success:.2f} ± {after.stderr:.2f}; {controls}"
    )
    name, weakest = min(after.by_template.items(), key=lambda one: one[1])
    mark = f"mark of {MARK} {'met' if after.success >= MARK else 'MISSED'}"
    screen.line("learn", f"{mark}; the weakest kind of task is {name}, {weakest:.2f}")
    return Lesson(learned, config, suite, run, played, last)


def _teller(screen: Screen, advance: Callable[[int, str], None]) -> Callable[[str, Mapping[str, Any]], None]:
    def say(stage: str, facts: Mapping[str, Any]) -> None:
        if stage == "demonstrate":
            screen.line("learn", f"{facts['rollouts']} noisy demonstrations, {facts['success']:.2f} of them succeed")
        elif stage == "warm_start":
            screen.line("learn", f"warm start, step {facts['step']}: sampled success {facts['success']:.2f}")
        elif stage == "grpo":
            advance(1, f"success {facts['success']:.2f}")
        elif stage == "curve":
            screen.line("learn", f"GRPO round {facts['round'] + 1}: held-out success {facts['heldout']:.2f}")

    return say


def _count(suite: Suite, run: Run, learned: Learned, config: LearnConfig) -> tuple[Played, tuple[Trajectory, ...]]:
    """All rollouts of the run, counted from its tables; and those of GRPO's last round, of the last with failures."""
    shown = max((one.round for one in learned.rounds if one.success < 1.0), default=learned.rounds[-1].round)
    rows = list(run.tables.rows(("rollout_id", "run", "attempt", "start_digest", "stop_reason")))
    starts = start_states(suite, (row["start_digest"] for row in rows))
    faults = sum(row["stop_reason"] == "fault" for row in rows)
    in_round = {
        row["rollout_id"]
        for row in rows
        if row["run"].endswith("-grpo") and row["attempt"] // config.grpo.group == shown
    }
    last = sorted(run.tables.trajectories(in_round), key=lambda t: t.rollout_id)
    seconds = sum(one.play_s for one in learned.rounds)
    rate = sum(one.rollouts for one in learned.rounds) / seconds
    return Played(len(rows), len(starts), faults, rate), tuple(last)
