"""Replay: recorded actions run again, observation and state compared at every step. No policy is ever sampled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app_clones.kit.world import World
from factory.environment import Environment, Fault, Step, Suite, Verdict
from factory.errors import ReplayDivergence, SandboxError, VerifierError, boundary
from rollout.intake import checked_verdict
from rollout.limits import EpisodeLimits, cut
from rollout.past import InWorld, check_suite, checkpoint_of
from rollout.trajectory import StepRecord, Trajectory


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first thing that differed. ``step`` is -1 for the opening and the number of steps for the verdict.

    ``kind``: start, opening, observation, error, changeset, state, end, verdict. ``rows``: for a world's state, which
    rows differ, one readable line each.
    """

    step: int
    kind: str
    expected: str
    found: str
    rows: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = {-1: "on opening"}.get(self.step, f"at step {self.step}")
        text = f"{self.kind} differs {where}: recorded {_short(self.expected)}, found {_short(self.found)}"
        return "; ".join((text, *self.rows))


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """``kind``: ``exact`` for worlds, ``restored`` for files; ``unstable``: steps of files whose output differed."""

    rollout_id: str
    kind: str
    steps: int
    divergence: Divergence | None
    unstable: tuple[int, ...] = ()

    @property
    def identical(self) -> bool:
        """Whether everything that must be equal was."""
        return self.divergence is None

    def require(self) -> None:
        """Raises :class:`ReplayDivergence` unless identical."""
        if self.divergence is not None:
            hint = f"grind replay RUN {self.rollout_id} --step {max(0, self.divergence.step)}"
            raise ReplayDivergence(f"rollout {self.rollout_id}: {self.divergence}", hint)


@dataclass(frozen=True, slots=True)
class Tamper:
    """Something done to the environment behind everybody's back just before ``step``; for planted faults only."""

    step: int
    what: str
    apply: Callable[[Environment], None]


async def replay(
    suite: Suite,
    trajectory: Trajectory,
    *,
    tamper: Tamper | None = None,
    verify: bool = True,
    limits: EpisodeLimits | None = None,
) -> ReplayReport:
    """Runs the recorded actions from the task's start and compares, step by step, with the record.

    Worlds follow their digest from change to change; at the end it is held against all rows. If anything differed, a
    second pass computes it from all rows at every step, so the step reported is where the difference began. ``verify``:
    compares the verdict too. Raises :class:`GrindError` where replaying itself cannot go on.
    """
    check_suite(suite, trajectory)
    if isinstance(trajectory.outcome, Fault) and not trajectory.start_digest:  # it never opened: nothing to run again
        return ReplayReport(trajectory.rollout_id, "exact" if suite.kind == "world" else "restored", 0, None)
    again = _Replay(suite, trajectory, tamper, verify, limits or EpisodeLimits())
    report = await again.run(deep=False)
    if report.divergence is not None and suite.kind == "world":
        report = await again.run(deep=True)
    return report


@dataclass
class _Replay:
    suite: Suite
    trajectory: Trajectory
    tamper: Tamper | None
    verify: bool
    limits: EpisodeLimits

    async def run(self, *, deep: bool) -> ReplayReport:
        """One pass. ``deep``: a world's digest is computed from all rows after every step."""
        kind = "exact" if self.suite.kind == "world" else "restored"
        unstable: list[int] = []
        task = self.suite.tasks[self.trajectory.attempt.task_id]
        with boundary(SandboxError, f"replay {self.trajectory.rollout_id}"):
            environment = self.suite.fork(task)
            try:
                found = await self._compare(environment, deep, unstable)
            finally:
                await environment.close()
        return ReplayReport(self.trajectory.rollout_id, kind, len(self.trajectory.steps), found, tuple(unstable))

    async def _compare(self, environment: Environment, deep: bool, unstable: list[int]) -> Divergence | None:
        opening = cut((await environment.open()).text, self.limits.observation)
        if environment.state_digest != self.trajectory.start_digest:
            return Divergence(-1, "start", self.trajectory.start_digest, environment.state_digest)
        if opening != self.trajectory.opening:
            return Divergence(-1, "opening", self.trajectory.opening, opening)
        for record in self.trajectory.steps:
            if self.tamper is not None and self.tamper.step == record.index:
                self.tamper.apply(environment)
            step = await environment.step(record.action)
            found = self._step(environment, record, step, deep)
            if found is not None and found.kind == "observation" and self.suite.kind == "repo":
                unstable.append(record.index)
                found = None if step.state_digest == record.state_digest else self._state(record, step.state_digest)
            if found is not None:
                return found
        return await self._end(environment)

    def _step(self, environment: Environment, record: StepRecord, step: Step, deep: bool) -> Divergence | None:
        text = cut(step.observation.text, self.limits.observation)
        state = step.state_digest
        if deep and isinstance(environment, InWorld):
            state = environment.world.full_digest()
        if text != record.observation:
            return Divergence(record.index, "observation", record.observation, text)
        if step.error != record.error:
            return Divergence(record.index, "error", str(record.error), str(step.error))
        if state != record.state_digest:
            return self._state(record, state, environment)
        if step.changeset != record.changeset:
            return Divergence(record.index, "changeset", record.changeset.hex(), step.changeset.hex())
        return None

    def _state(self, record: StepRecord, found: str, environment: Environment | None = None) -> Divergence:
        rows: tuple[str, ...] = ()
        if isinstance(environment, InWorld):
            rows = self._rows(environment.world, record.index + 1)
        return Divergence(record.index, "state", record.state_digest, found, rows)

    def _rows(self, world: World, steps: int) -> tuple[str, ...]:
        """How ``world`` differs from the recorded one after that many steps."""
        task = self.suite.tasks[self.trajectory.attempt.task_id]
        recorded = self.suite.fork(task, checkpoint_of(self.trajectory, steps))
        assert isinstance(recorded, InWorld)
        with recorded.world as expected:
            return row_differences(expected, world)

    async def _end(self, environment: Environment) -> Divergence | None:
        steps = len(self.trajectory.steps)
        if isinstance(environment, InWorld):
            state, rows = environment.state_digest, environment.world.full_digest()
            if state != rows:
                return Divergence(steps, "state", state, rows)
        if not self.verify or not isinstance(self.trajectory.outcome, Verdict):
            return None
        with boundary(VerifierError, f"verify the replay of {self.trajectory.rollout_id}"):
            verdict = checked_verdict(await environment.verdict(), self.limits)
        details = self.suite.kind == "world"  # a test suite's words may hold times
        expected, found = (_comparable(v, details) for v in (self.trajectory.outcome, verdict))
        return None if expected == found else Divergence(steps, "verdict", expected, found)


def _comparable(verdict: Verdict, details: bool) -> str:
    checks = [(check.name, check.passed, check.detail if details else "") for check in verdict.checks]
    return str([verdict.reward, checks])


def row_differences(expected: World, found: World, most: int = 8) -> tuple[str, ...]:
    """Rows that are not in both worlds, a line each: ``-`` expected, ``+`` found."""
    lines: list[str] = []
    for name, layout in sorted(expected.registry.layouts.items()):
        sql = f"SELECT {', '.join(quoted(c) for c in layout.columns)} FROM {quoted(name)}"
        before, after = (set(world.connection.execute(sql)) for world in (expected, found))
        for sign, rows in (("-", before - after), ("+", after - before)):
            for row in sorted(rows, key=repr):
                cells = ", ".join(f"{c}={_short(str(v))}" for c, v in zip(layout.columns, row, strict=True))
                lines.append(f"{sign} {name}({cells})")
    return tuple(lines[:most])


def quoted(name: str) -> str:
    """``name`` as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def _short(text: str, most: int = 72) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
