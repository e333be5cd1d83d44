"""Replay: recorded actions run again, observation and state compared at every step. No policy is ever sampled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol, cast, runtime_checkable

import apsw

from app_clones.kit.seeds import derive
from app_clones.kit.world import World
from factory.environment import Checkpoint, Environment, Fault, Observation, Step, Suite, Task, Verdict
from factory.errors import GrindError, ReplayDivergence, SandboxError, VerifierError, boundary
from rollout.episode import Episode, run
from rollout.limits import EpisodeLimits, cut
from rollout.policies import PolicySpec, make_policy
from rollout.policies.base import Message, Policy, Sampling
from rollout.policies.scripted import Privileged
from rollout.trajectory import Attempt, StepRecord, Trajectory, TurnRecord


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


@runtime_checkable
class InWorld(Protocol):
    """An environment whose state is a world of the kit."""

    world: World


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


def check_suite(suite: Suite, trajectory: Trajectory) -> Task:
    """The trajectory's task. Raises :class:`ReplayDivergence` if it was played in another build."""
    if trajectory.environment != suite.digest:
        raise ReplayDivergence(
            f"rollout {trajectory.rollout_id} was played in {trajectory.environment[:16]}, this is {suite.digest[:16]}",
            "build the environment from the spec and code that it was played with",
        )
    task = suite.tasks.get(trajectory.attempt.task_id)
    if task is None:
        raise ReplayDivergence(f"{suite.name} has no task {trajectory.attempt.task_id}", "was its certificate revoked?")
    return task


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
            verdict = await environment.verdict()
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
        sql = f"SELECT {', '.join(_quoted(c) for c in layout.columns)} FROM {_quoted(name)}"
        before, after = (set(world.connection.execute(sql)) for world in (expected, found))
        for sign, rows in (("-", before - after), ("+", after - before)):
            for row in sorted(rows, key=repr):
                cells = ", ".join(f"{c}={_short(str(v))}" for c, v in zip(layout.columns, row, strict=True))
                lines.append(f"{sign} {name}({cells})")
    return tuple(lines[:most])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _short(text: str, most: int = 72) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


# ---- states of the past


def checkpoint_of(trajectory: Trajectory, steps: int) -> Checkpoint:
    """A world's state after the first ``steps`` steps, from the record alone: the sum of their changesets."""
    builder = apsw.ChangesetBuilder()  # type: ignore[no-untyped-call]  # apsw leaves its constructor untyped
    try:
        for record in trajectory.steps[:steps]:
            if record.changeset:
                builder.add(record.changeset)
        return Checkpoint(changeset=builder.output())
    finally:
        builder.close()


async def checkpoint_at(suite: Suite, trajectory: Trajectory, steps: int) -> Checkpoint:
    """The state after the first ``steps`` steps: a world's from the record, files' by running the steps and freezing.

    Raises :class:`ReplayDivergence` if that state is not the recorded one.
    """
    task = check_suite(suite, trajectory)
    _check_step(trajectory, steps)
    expected = trajectory.steps[steps - 1].state_digest if steps else trajectory.start_digest
    with boundary(SandboxError, f"go back to step {steps} of {trajectory.rollout_id}"):
        if suite.kind == "world":
            checkpoint = checkpoint_of(trajectory, steps)
            environment = suite.fork(task, checkpoint)
        else:
            checkpoint, environment = None, suite.fork(task)
        try:
            await environment.open()
            if checkpoint is None:
                for record in trajectory.steps[:steps]:
                    await environment.step(record.action)
                checkpoint = await environment.freeze()
            found = environment.world.full_digest() if isinstance(environment, InWorld) else environment.state_digest
        finally:
            await environment.close()
    if found != expected:
        raise ReplayDivergence(
            f"rollout {trajectory.rollout_id}: the state after {steps} steps is {found[:16]}, recorded {expected[:16]}",
            "run `grind replay` on it without --step: it says where it began",
        )
    return checkpoint


def state_diff(suite: Suite, trajectory: Trajectory, steps: int) -> tuple[str, ...]:
    """The net change of the first ``steps`` steps, a readable line per row (a world's; nothing for files)."""
    changeset = checkpoint_of(trajectory, steps).changeset
    return tuple(suite.describe(changeset)) if changeset else ()


async def fork_at(
    suite: Suite,
    trajectory: Trajectory,
    steps: int,
    policy: Policy | Privileged | None = None,
    *,
    attempt: int = 0,
    sampling: Sampling | None = None,
    limits: EpisodeLimits | None = None,
) -> Trajectory:
    """Goes back to the state after ``steps`` steps and plays on with ``policy`` (default: the oracle).

    The new trajectory has ``origin`` {"rollout_id", "step"}, holds copies of the steps before, and replays by itself.
    """
    task = check_suite(suite, trajectory)
    checkpoint = await checkpoint_at(suite, trajectory, steps)
    source = trajectory.attempt
    mine = Attempt(
        f"{source.run}/fork/{trajectory.rollout_id}/{steps}",
        task.id,
        attempt,
        derive(source.policy_seed, "fork", steps, attempt),
    )
    episode = Episode(suite, task, mine, sampling or Sampling(), limits or EpisodeLimits())
    return await run(
        episode,
        lambda: suite.fork(task, checkpoint),
        policy or make_policy(PolicySpec("oracle"), suite),
        origin={"rollout_id": trajectory.rollout_id, "step": steps},
        prefix=lambda one: _copy_prefix(one, trajectory, steps),
    )


def _check_step(trajectory: Trajectory, steps: int) -> None:
    if not 0 <= steps <= len(trajectory.steps):
        raise GrindError(f"{trajectory.rollout_id} has {len(trajectory.steps)} steps, there is no step {steps}")


def _copy_prefix(episode: Episode, trajectory: Trajectory, steps: int) -> None:
    """Puts the first ``steps`` steps and the turns that held them into ``episode``, as if it had played them."""
    episode.opened(Observation(trajectory.opening, episode.opening.tools), trajectory.start_digest)
    kept = trajectory.steps[:steps]
    for index in sorted({record.turn for record in kept}):
        records = [record for record in kept if record.turn == index]
        whole = len(records) == sum(record.turn == index for record in trajectory.steps)
        turn = trajectory.turns[index]
        tokens = turn.tokens if whole else None  # half a turn's calls are not what those tokens say
        episode.turns.append(TurnRecord(turn.text, tokens))
        episode.messages.append(Message("assistant", turn.text, tuple(r.action for r in records), tokens))
        episode.messages += [Message("tool", record.observation) for record in records]
    episode.steps += kept
    episode.tokens = sum(len(turn.tokens.ids) for turn in episode.turns if turn.tokens)
    if len(kept) >= episode.max_steps:
        episode.stop_reason = "step_limit"


async def find_wrong_step(suite: Suite, trajectory: Trajectory) -> int | None:
    """The step that cost the reward: the oracle, playing on from before it, earns 1, and from after it less.

    The number of steps if the oracle can make it good even from the end (it stopped too early); None if it cannot from
    the start. O(steps) forks.
    """
    for steps in range(len(trajectory.steps) + 1):
        forked = await fork_at(suite, trajectory, steps, limits=EpisodeLimits(steps=_room(suite, trajectory)))
        if forked.reward is None:
            raise GrindError(f"the fork at step {steps} of {trajectory.rollout_id} faulted: {forked.outcome}")
        if forked.reward < 1.0:
            return steps - 1 if steps else None
    return len(trajectory.steps)


def _room(suite: Suite, trajectory: Trajectory) -> int:
    """Steps enough for the oracle after any prefix: whether a state can be made good is asked, not how fast."""
    return 2 * suite.tasks[trajectory.attempt.task_id].max_steps + len(trajectory.steps)


# ---- planted faults


def plant(suite: Suite, trajectory: Trajectory, step: int | None = None, *, seed: int = 0) -> Tamper:
    """One row of the recorded world changed silently before ``step`` (None: one drawn from ``seed``); replaying with it
    must diverge there.

    Raises :class:`GrindError` for what is no world, or has no steps or no text to change.
    """
    task = check_suite(suite, trajectory)
    if suite.kind != "world" or not trajectory.steps:
        raise GrindError(f"{trajectory.rollout_id}: only a world that took steps can be tampered with")
    rng = Random(derive(seed, "plant", trajectory.rollout_id))
    step = rng.randrange(len(trajectory.steps)) if step is None else step
    environment = suite.fork(task)
    assert isinstance(environment, InWorld)
    with environment.world as world:
        table, column, key = _victim(world, rng)

    def apply(environment: Environment) -> None:
        world = cast(InWorld, environment).world
        where = f"{_quoted(key[0])}=?"
        sql = f"UPDATE {_quoted(table)} SET {_quoted(column)}={_quoted(column)}||' ' WHERE {where}"
        world.connection.execute(sql, (key[1],))

    return Tamper(step, f"{table}.{column} of row {key[1]}", apply)


def _victim(world: World, rng: Random) -> tuple[str, str, tuple[str, Any]]:
    """A text cell of the world's largest app table: its table, column and (key column, key)."""
    found: list[tuple[int, str, str]] = []
    for name, table in sorted(world.registry.schema.items()):
        texts = [c.name for c in table.columns if c.type == "TEXT" and c.kind == "content"]
        if texts and not table.key and not name.startswith(("kit_", "task_", "clock_")):
            rows = world.connection.execute(f"SELECT id FROM {_quoted(name)}").fetchall()
            found.append((len(rows), name, texts[0]))
    if not found or max(found)[0] == 0:
        raise GrindError("this world has no text to change")
    _, name, column = max(found)
    ids = [row[0] for row in world.connection.execute(f"SELECT id FROM {_quoted(name)} ORDER BY id")]
    return name, column, ("id", rng.choice(ids))
