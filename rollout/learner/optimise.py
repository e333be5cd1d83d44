"""One optimizer step over rows, in parts; and what it did to the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rollout.learner.batch import Batch, Row, by_length, collate, logprobs
from rollout.learner.losses import LossConfig, policy_loss
from rollout.learner.model import Model


@dataclass(frozen=True, slots=True)
class Update:
    """What one optimizer step was and did. ``moved``: relative L2 distance of all weights; ``changed``: share of
    weights whose bf16 value changed; ``tokens``: all that went through the model; ``active``: those with a loss;
    ``ratio_max``: the largest of π / π_old and its inverse among them."""

    loss: float
    grad_norm: float
    tokens: int
    active: int
    moved: float
    changed: float
    ratio_max: float


def make_optimizer(model: Model, lr: float) -> torch.optim.AdamW:
    """AdamW without decay: nothing pulls a policy back to zero."""
    return torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.95), weight_decay=0.0)


def flat(model: Model) -> Tensor:
    """All weights as one detached vector."""
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()]).clone()


Loss = Callable[[Tensor, Batch, "Whole"], Tensor]


@dataclass(frozen=True, slots=True)
class Whole:
    """Sizes of a whole optimizer step, of which a batch may be a part."""

    sequences: int
    active: float


def imitation_loss(logprobs_BT: Tensor, batch: Batch, whole: Whole) -> Tensor:
    """Mean negative log-likelihood per demonstrated token."""
    return -(logprobs_BT * batch.loss.mask_BT).sum() / whole.active


def reinforcement_loss(config: LossConfig) -> Loss:
    """The policy loss of ``config``. Where it has ``truncate``, rows come from :func:`with_old`; else the old
    log-probabilities are the sampler's own (the engines are the same code)."""

    def loss(logprobs_BT: Tensor, batch: Batch, whole: Whole) -> Tensor:
        return policy_loss(logprobs_BT, batch.loss, config, active_tokens=whole.active, sequences=whole.sequences)

    return loss


def with_old(model: Model, given: Sequence[Row], part: int = 32) -> list[Row]:
    """``given`` with their log-probabilities under ``model`` as it is now: π_old of all steps to come on them."""
    device = next(model.parameters()).device
    old: dict[Row, tuple[float, ...]] = {}
    for rows in by_length(given, part):
        with torch.no_grad():
            found_BT = logprobs(model, collate(rows, device))
        for row, values in zip(rows, found_BT.tolist(), strict=True):
            old[row] = (0.0, *values[: len(row.ids) - 1])
    return [replace(row, old=old[row]) for row in given]


def optimise(
    model: Model,
    optimizers: Sequence[torch.optim.Optimizer],
    step_rows: Sequence[Row],
    loss: Loss,
    *,
    part: int = 32,
    max_norm: float = 1.0,
) -> Update:
    """One step on all of ``step_rows``; gradients are gathered over parts of at most ``part`` rows."""
    before = flat(model)
    device = before.device
    whole = Whole(len(step_rows), max(1.0, float(sum(sum(r.sampled) for r in step_rows))))
    model.zero_grad(set_to_none=True)
    total, drift_max = 0.0, 0.0
    for rows in by_length(step_rows, part):
        batch = collate(rows, device)
        logprobs_BT = logprobs(model, batch)
        value = loss(logprobs_BT, batch, whole)
        value.backward()  # type: ignore[no-untyped-call]
        total += float(value.detach())
        drift_BT = (logprobs_BT.detach() - batch.loss.old_logprobs_BT).abs() * batch.loss.mask_BT
        drift_max = max(drift_max, float(drift_BT.max()))
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    for optimizer in optimizers:
        optimizer.step()
    after = flat(model)
    return Update(
        loss=total,
        grad_norm=float(norm),
        tokens=sum(len(r.ids) for r in step_rows),
        active=int(whole.active),
        moved=float((after - before).norm() / before.norm()),
        changed=float((after.bfloat16() != before.bfloat16()).float().mean()),
        ratio_max=math.exp(drift_max),
    )
