"""One token loss for every objective, after the published definitions; equal to TRL's in value and gradient.

Shapes in names: B sequences, T tokens, G members of a group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

Objective = Literal["grpo", "dr_grpo", "dapo"]
Penalty = Literal["k1", "k2", "k3"]


class LossConfig(BaseModel):
    """``truncate``: the cap C of the truncated importance weight min(π_old / π_sampler, C), None for none.
    ``kl``: weight of the penalty towards reference log-probabilities; ``kl_weighted`` multiplies it by π / π_old, which
    makes its estimate unbiased off policy. ``max_tokens``: dr_grpo's constant length."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    objective: Objective = "dapo"
    clip_low: float = 0.2
    clip_high: float = 0.28
    truncate: float | None = None
    kl: float = 0.0
    kl_weighted: bool = True
    penalty: Penalty = "k3"
    max_tokens: int = 256


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """What a token loss needs beside the current log-probabilities. ``mask_BT`` is 1.0 where the policy sampled the
    token; everything else (prompts, observations, padding) is 0 and reaches no gradient."""

    mask_BT: Tensor  # noqa: N815
    advantages_B: Tensor  # noqa: N815
    old_logprobs_BT: Tensor  # noqa: N815
    sampler_logprobs_BT: Tensor | None = None  # noqa: N815
    reference_logprobs_BT: Tensor | None = None  # noqa: N815


def advantages(rewards_G: Tensor, *, divide_by_std: bool = True) -> Tensor:
    """``(R - mean) / (std + 1e-4)`` over one group; without the division for dr_grpo. Unbiased std, as TRL takes it."""
    centred_G = rewards_G - rewards_G.mean()
    return centred_G / (rewards_G.std() + 1e-4) if divide_by_std and len(rewards_G) > 1 else centred_G


def is_live(rewards_G: Tensor) -> bool:
    """Whether a group can teach anything: not all its rewards are equal."""
    return bool(rewards_G.max() > rewards_G.min())


def kl_penalty(logprobs_BT: Tensor, reference_BT: Tensor, kind: Penalty) -> Tensor:
    """Per-token estimates of KL(π ‖ π_ref): k1 = log π − log π_ref, k2 = ½ k1², k3 = e^(−k1) + k1 − 1."""
    k1_BT = logprobs_BT - reference_BT
    if kind == "k1":
        return k1_BT
    return 0.5 * k1_BT.square() if kind == "k2" else torch.exp(-k1_BT) + k1_BT - 1


def token_losses(logprobs_BT: Tensor, batch: TokenBatch, config: LossConfig) -> Tensor:
    """Clipped policy loss of each token, not yet averaged."""
    ratio_BT = torch.exp(logprobs_BT - batch.old_logprobs_BT)
    advantages_B1 = batch.advantages_B[:, None]
    clipped_BT = ratio_BT.clamp(1 - config.clip_low, 1 + config.clip_high)
    loss_BT = -torch.minimum(ratio_BT * advantages_B1, clipped_BT * advantages_B1)
    if config.truncate is not None and batch.sampler_logprobs_BT is not None:
        weight_BT = torch.exp(batch.old_logprobs_BT - batch.sampler_logprobs_BT).clamp(max=config.truncate)
        loss_BT = loss_BT * weight_BT.detach()
    if config.kl and batch.reference_logprobs_BT is not None:
        kl_BT = kl_penalty(logprobs_BT, batch.reference_logprobs_BT, config.penalty)
        loss_BT = loss_BT + config.kl * (kl_BT * ratio_BT if config.kl_weighted else kl_BT)
    return loss_BT


def policy_loss(
    logprobs_BT: Tensor,
    batch: TokenBatch,
    config: LossConfig,
    *,
    active_tokens: float | None = None,
    sequences: int | None = None,
) -> Tensor:
    """The scalar to minimise.

    grpo: mean over each sequence's tokens, then over sequences. dr_grpo: token sum / (sequences · max_tokens).
    dapo: token sum / active tokens. ``active_tokens`` and ``sequences`` are the whole optimizer step's, where this
    batch is a part of it: parts then add up to the whole.
    """
    loss_BT = token_losses(logprobs_BT, batch, config) * batch.mask_BT
    count = sequences or loss_BT.shape[0]
    if config.objective == "grpo":
        return (loss_BT.sum(-1) / batch.mask_BT.sum(-1).clamp(min=1.0)).sum() / count
    if config.objective == "dr_grpo":
        return loss_BT.sum() / (count * config.max_tokens)
    return loss_BT.sum() / max(active_tokens or float(batch.mask_BT.sum()), 1.0)
