"""A trajectory: snapshot + task + policy version + seeds + steps + (Verdict | Fault)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from factory.environment import Action, Outcome
from rollout.policies.base import TokenTrace


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One tool call. ``turn`` indexes the policy's turn that held it; digests are hex."""

    index: int
    turn: int
    action: Action
    observation: str
    error: str | None
    changeset: bytes
    state_digest: str
    trace_digest: str


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One answer of the policy, as sampled."""

    text: str
    tokens: TokenTrace | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One rollout to be played. ``attempt`` counts within (run, task); it seeds the policy, never the world."""

    run: str
    task_id: str
    attempt: int
    policy_seed: int

    @property
    def rollout_id(self) -> str:
        """A pure function of (run, task, attempt)."""
        return hashlib.sha256(f"{self.run}\0{self.task_id}\0{self.attempt}".encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """``start_digest``: state digest found on opening. ``stop_reason``: submitted, declined, gave_up, step_limit,
    token_limit, fault."""

    rollout_id: str
    attempt: Attempt
    environment: str  # digest
    policy_version: str
    instruction: str
    opening: str  # text of the opening observation
    start_digest: str
    turns: tuple[TurnRecord, ...]
    steps: tuple[StepRecord, ...]
    stop_reason: str
    outcome: Outcome
    origin: Mapping[str, str | int] | None = None  # forked from {"rollout_id", "step"}; steps before "step" are copied
    temperature: float = 1.0  # that every turn was sampled at

    @property
    def reward(self) -> float | None:
        """None for a fault."""
        return getattr(self.outcome, "reward", None)
