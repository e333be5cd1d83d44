"""Supervised warm start on demonstrations.

Demonstrations come from policies that speak text, so this is the one place where recorded text becomes tokens; their
rows carry no sampler's log-probabilities and can never enter reinforcement learning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

import torch
from pydantic import BaseModel, ConfigDict

from app_clones.kit.seeds import derive
from factory.environment import Fault
from rollout.learner.batch import Row
from rollout.learner.model import Model
from rollout.learner.optimise import Update, imitation_loss, optimise
from rollout.learner.tokenizer import CALL, OBS, USER, Tokenizer, call_text, turn_ids
from rollout.trajectory import Trajectory


class SftConfig(BaseModel):
    """``steps`` optimizer steps of ``batch`` demonstrations each, linear warm-up over ``warmup`` steps."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    steps: int = 600
    batch: int = 64
    lr: float = 1e-3
    warmup: int = 20
    seed: int = 0


def opening_texts(trajectory: Trajectory) -> list[str]:
    """What stands in ``<user>`` messages before the first call, as the episode loop puts it."""
    opening = trajectory.opening
    return [trajectory.instruction, *([opening] if opening and opening != trajectory.instruction else [])]


def demonstration_texts(trajectories: Iterable[Trajectory]) -> Iterable[str]:
    """All text a vocabulary is built from: instructions, calls, observations of demonstrations."""
    for t in trajectories:
        yield from opening_texts(t)
        for step in t.steps:
            yield call_text(step.action)
            yield step.observation


def demonstration_row(tokenizer: Tokenizer, trajectory: Trajectory, context: int) -> Row | None:
    """A demonstration in exactly the layout that a policy meets when it plays; None for a fault or one too long."""
    if isinstance(trajectory.outcome, Fault) or not trajectory.steps:
        return None
    ids: list[int] = []
    sampled: list[bool] = []

    def add(new: Sequence[int], own: bool) -> None:
        ids.extend(new)
        sampled.extend([own] * len(new))

    for text in opening_texts(trajectory):
        add([USER, *tokenizer.encode(text)], False)
    for step in trajectory.steps:
        add([CALL], False)
        add(turn_ids(tokenizer, step.action), True)
        if step.index < len(trajectory.steps) - 1:
            add([OBS, *tokenizer.encode(step.observation)], False)
    if len(ids) > context:
        return None
    return Row(tuple(ids), tuple(sampled), (0.0,) * len(ids))


def demonstration_rows(tokenizer: Tokenizer, trajectories: Iterable[Trajectory], context: int) -> list[Row]:
    """Rows of all demonstrations that can be used."""
    found = (demonstration_row(tokenizer, t, context) for t in trajectories)
    return [row for row in found if row is not None]


class WarmStart:
    """Imitation, resumable step by step: call :meth:`run` for some more steps, look at the policy, go on or stop."""

    def __init__(self, model: Model, demonstrations: Sequence[Row], config: SftConfig) -> None:
        self.model, self.demonstrations, self.config = model, demonstrations, config
        self.step = 0
        self._optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, betas=(0.9, 0.98), weight_decay=0.01)

    def run(self, steps: int) -> list[Update]:
        """``steps`` more optimizer steps (never past ``config.steps``)."""
        updates = []
        for _ in range(min(steps, self.config.steps - self.step)):
            rng = Random(derive(self.config.seed, "sft", self.step))
            rows = rng.sample(self.demonstrations, min(self.config.batch, len(self.demonstrations)))
            for group in self._optimizer.param_groups:
                group["lr"] = self.config.lr * min(1.0, (self.step + 1) / self.config.warmup)
            updates.append(optimise(self.model, self._optimizer, rows, imitation_loss))
            self.step += 1
        return updates
