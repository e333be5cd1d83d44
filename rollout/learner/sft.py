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
from rollout.learner.renaming import Renaming
from rollout.learner.tokenizer import CALL, OBS, USER, Tokenizer, call_text, turn_ids
from rollout.trajectory import Trajectory


class SftConfig(BaseModel):
    """``steps`` optimizer steps of ``batch`` demonstrations each, up over ``warmup``, then down. ``lr`` is AdamW's,
    for embeddings; ``matrix_lr`` Muon's, for the blocks' matrices: half the steps of AdamW alone, measured here.
    ``part``: rows padded to one length at a time; few, where lengths differ much."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    steps: int = 450
    batch: int = 32
    lr: float = 4e-3
    matrix_lr: float = 2e-2
    warmup: int = 20
    part: int = 32
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

    def __init__(
        self, model: Model, demonstrations: Sequence[Row], config: SftConfig, rename: Renaming | None = None
    ) -> None:
        self._rename = rename
        self.model, self.demonstrations, self.config = model, demonstrations, config
        self.step = 0
        matrices = [p for block in model.blocks for p in block.parameters()]
        taken = {id(p) for p in matrices}
        others = [p for p in model.parameters() if id(p) not in taken]
        self._optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(others, lr=config.lr, betas=(0.9, 0.95), weight_decay=0.0),
            torch.optim.Muon(matrices, lr=config.matrix_lr, weight_decay=0.0),
        ]
        self._rates = (config.lr, config.matrix_lr)

    def _factor(self) -> float:
        """Of the learning rates: up over the warm-up, then down to a twentieth at the last step."""
        return min(1.0, (self.step + 1) / self.config.warmup, max(0.05, 1.05 - self.step / self.config.steps))

    def run(self, steps: int) -> list[Update]:
        """``steps`` more optimizer steps (never past ``config.steps``)."""
        updates = []
        for _ in range(min(steps, self.config.steps - self.step)):
            rng = Random(derive(self.config.seed, "sft", self.step))
            rows = rng.sample(self.demonstrations, min(self.config.batch, len(self.demonstrations)))
            if self._rename is not None:
                rows = [self._rename(row, rng) for row in rows]
            for optimizer, rate in zip(self._optimizers, self._rates, strict=True):
                for group in optimizer.param_groups:
                    group["lr"] = rate * self._factor()
            updates.append(optimise(self.model, self._optimizers, rows, imitation_loss, part=self.config.part))
            self.step += 1
        return updates
