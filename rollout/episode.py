"""One loop for every view: fork, let a policy act until the episode ends, verify, keep all of it as a trajectory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from app_clones.kit.seeds import derive
from factory.environment import Action, Environment, Fault, Observation, Outcome, Step, Suite, Task, Verdict
from factory.errors import GrindError, PolicyError, SandboxError, VerifierError, boundary
from factory.trace import chain
from rollout.intake import admit, checked_turn, checked_verdict
from rollout.limits import EpisodeLimits, cut
from rollout.policies.base import Conversation, Message, Policy, Sampling, Turn
from rollout.policies.scripted import Privileged
from rollout.trajectory import Attempt, StepRecord, Trajectory, TurnRecord

Observe = Callable[[Task, int, str], str]
"""What a policy reads in place of step ``i``'s observation: ``observe(task, i, text)``. Records keep the true text."""


@dataclass(frozen=True)
class DonatedObservations:
    """The shuffled-observation control: each step shows what another task's episode saw at that step.

    ``donors``: task id → observations of the donor's steps, the last one repeated. Picklable.
    """

    donors: dict[str, tuple[str, ...]]

    def __call__(self, task: Task, step: int, text: str) -> str:
        texts = self.donors[task.id]
        return texts[min(step, len(texts) - 1)] if texts else text


@dataclass
class Episode:
    """An episode as it grows. ``done``, ``stop_reason`` and ``outcome`` say how it ended."""

    suite: Suite
    task: Task
    attempt: Attempt
    sampling: Sampling
    limits: EpisodeLimits
    observe: Observe | None = None
    opening: Observation = field(default_factory=lambda: Observation(""))
    start_digest: str = ""
    messages: list[Message] = field(default_factory=list)
    turns: list[TurnRecord] = field(default_factory=list)
    steps: list[StepRecord] = field(default_factory=list)
    stop_reason: str | None = None
    tokens: int = 0

    @property
    def max_steps(self) -> int:
        """Steps this episode may take."""
        return self.task.max_steps if self.limits.steps is None else self.limits.steps

    def opened(self, observation: Observation, state_digest: str) -> None:
        """Starts the conversation: the instruction, then what there is to see on opening."""
        text = cut(observation.text, self.limits.observation)
        self.opening = Observation(text, observation.tools)
        self.start_digest = state_digest
        self.messages = [Message("user", self.task.instruction)]
        if text and text != self.task.instruction:
            self.messages.append(Message("user", text))

    def conversation(self) -> Conversation:
        """What the policy may know now."""
        return Conversation(self.opening.tools, tuple(self.messages))

    def answered(self, turn: Turn) -> tuple[Action, ...]:
        """Takes in a policy's answer, within limits; returns the calls to execute."""
        turn = checked_turn(turn)
        actions = tuple(admit(action, self.limits) for action in turn.actions[: self.max_steps + 1])
        text = cut(turn.text, self.limits.turn_text)
        self.turns.append(TurnRecord(text, turn.tokens))
        self.messages.append(Message("assistant", text, actions, turn.tokens))
        self.tokens += len(turn.tokens.ids) if turn.tokens else 0
        if not actions:
            self.stop_reason = "gave_up"
        return actions

    def stepped(self, action: Action, step: Step) -> None:
        """Takes in one executed call."""
        text = cut(step.observation.text, self.limits.observation)
        index = len(self.steps)
        previous = self.steps[-1].trace_digest if self.steps else self.start_digest
        trace = chain(previous, action, text, step.state_digest)
        turn = len(self.turns) - 1
        self.steps.append(StepRecord(index, turn, action, text, step.error, step.changeset, step.state_digest, trace))
        shown = self.observe(self.task, index, text) if self.observe else text
        self.messages.append(Message("tool", shown))
        if step.done:
            self.stop_reason = step.stop_reason or "submitted"
        elif len(self.steps) >= self.max_steps:
            self.stop_reason = "step_limit"

    def trajectory(self, version: str, outcome: Outcome, origin: dict[str, str | int] | None) -> Trajectory:
        """The record of all of it."""
        stop_reason = "fault" if isinstance(outcome, Fault) else str(self.stop_reason)
        return Trajectory(
            rollout_id=self.attempt.rollout_id,
            attempt=self.attempt,
            environment=self.suite.digest,
            policy_version=version,
            instruction=self.task.instruction,
            opening=self.opening.text,
            start_digest=self.start_digest,
            turns=tuple(self.turns),
            steps=tuple(self.steps),
            stop_reason=stop_reason,
            outcome=outcome,
            origin=origin,
            temperature=self.sampling.temperature,
        )


async def play(
    suite: Suite,
    task: Task,
    attempt: Attempt,
    policy: Policy | Privileged,
    *,
    sampling: Sampling | None = None,
    limits: EpisodeLimits | None = None,
    observe: Observe | None = None,
) -> Trajectory:
    """Plays one episode of ``task`` from its start.

    Never raises for what a policy, tool, sandbox or verifier does: the agent's mistakes are observations, the
    infrastructure's are a :class:`Fault` as outcome, which has no reward. Cancellation goes through.
    """
    episode = Episode(suite, task, attempt, sampling or Sampling(), limits or EpisodeLimits(), observe)
    return await run(episode, lambda: suite.fork(task), policy)


async def run(
    episode: Episode,
    fork: Callable[[], Environment],
    policy: Policy | Privileged,
    *,
    origin: dict[str, str | int] | None = None,
    prefix: Callable[[Episode], None] | None = None,
) -> Trajectory:
    """Plays ``episode`` to its end in the environment that ``fork`` makes; ``prefix`` puts in what went before."""
    version = policy.version
    try:
        outcome: Outcome = await _play(episode, fork, policy, prefix)
    except GrindError as error:
        outcome = Fault(type(error).__name__, cut(str(error), 2_000))
    return episode.trajectory(version, outcome, origin)


@asynccontextmanager
async def _answering(episode: Episode, kind: type[GrindError], doing: str) -> AsyncIterator[None]:
    """One answer of infrastructure's: what it raises is a fault of ``kind``, and so is no answer in time."""
    limit = episode.limits.wall_s
    try:
        async with asyncio.timeout(limit):
            with boundary(kind, doing):
                yield
    except TimeoutError:
        raise kind(f"{doing}: no answer after {limit:g} s", "is the machine overloaded?") from None


async def _play(
    episode: Episode,
    fork: Callable[[], Environment],
    policy: Policy | Privileged,
    prefix: Callable[[Episode], None] | None,
) -> Verdict:
    task = episode.task
    with boundary(PolicyError, f"bind the policy to {task.id}"):
        player = policy.bind(task, episode.attempt) if isinstance(policy, Privileged) else policy
    with boundary(SandboxError, f"fork {task.id}"):
        environment = fork()
    try:
        async with _answering(episode, SandboxError, f"open {task.id}"):
            opening = await environment.open()
            episode.opened(opening, environment.state_digest)
        if prefix is not None:
            prefix(episode)
        else:
            _check_start(episode)
        while episode.stop_reason is None:
            await _turn(episode, environment, player)
        async with _answering(episode, VerifierError, f"verify {task.id}"):
            verdict = checked_verdict(await environment.verdict(), episode.limits)
    except BaseException:
        # The first failure is the one to report; one more while cleaning up says nothing new.
        with suppress(Exception):
            await environment.close()
        raise
    async with _answering(episode, SandboxError, f"close {task.id}"):
        await environment.close()
    return verdict


def _check_start(episode: Episode) -> None:
    """Every rollout of a world starts from the same state, or does not start."""
    expected, found = episode.suite.start_digest, episode.start_digest
    if episode.suite.kind == "world" and found != expected:
        raise SandboxError(
            f"{episode.task.id}: the fork's state {found[:16]} is not the snapshot's {expected[:16]}",
            "a world leaked between episodes; build the environment again",
        )


async def _turn(episode: Episode, environment: Environment, policy: Policy) -> None:
    """One answer of the policy and the calls in it."""
    if episode.tokens >= episode.limits.tokens:
        episode.stop_reason = "token_limit"
        return
    index = len(episode.turns)
    seed = derive(episode.attempt.policy_seed, "turn", index)
    async with _answering(episode, PolicyError, f"turn {index} of {episode.task.id}"):
        turn = await policy.act(episode.conversation(), seed=seed, sampling=episode.sampling)
        actions = episode.answered(turn)
    await execute(episode, environment, actions)


async def execute(episode: Episode, environment: Environment, actions: Sequence[Action]) -> None:
    """Executes calls in order until one ends the episode."""
    for action in actions:
        async with _answering(episode, SandboxError, f"step {len(episode.steps)} of {episode.task.id}"):
            step = await environment.step(action)
            episode.stepped(action, step)
        if episode.stop_reason is not None:
            return
