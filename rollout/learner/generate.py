"""Batched sampling with a key-value cache: equal prompts are read once, rows that end leave the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rollout.learner.model import Cache, Model
from rollout.learner.tokenizer import END, PAD


@dataclass(frozen=True, slots=True)
class Request:
    """One turn to sample. ``seed`` alone decides its randomness, not its place in a batch."""

    prompt: tuple[int, ...]
    seed: int
    temperature: float
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Sampled:
    """Ids up to and with ``<end>`` (or cut at the limit), and each one's log-probability under the sampling
    distribution (natural log, at the request's temperature; at temperature 0 that of the greedy choice at 1)."""

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]


def pad(rows: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """Right-padded ``[B, T]``."""
    width = max(len(row) for row in rows)
    return torch.tensor([[*row, *([PAD] * (width - len(row)))] for row in rows], dtype=torch.long, device=device)


def uniforms(requests: Sequence[Request], width: int) -> Tensor:
    """``[B, width]`` numbers in [0, 1): row b's come from Philox keyed by its own seed."""
    out = np.empty((len(requests), width))
    for row, request in zip(out, requests, strict=True):
        row[:] = np.random.Generator(np.random.Philox(key=request.seed)).random(width)
    return torch.from_numpy(out)


def choose(logits_BV: Tensor, temperature_B: Tensor, u_B: Tensor) -> tuple[Tensor, Tensor]:
    """Inverse-CDF sampling: ids ``[B]`` and their log-probabilities ``[B]``. Temperature 0 is greedy."""
    greedy_B = temperature_B <= 0
    scaled = logits_BV / torch.where(greedy_B, 1.0, temperature_B)[:, None]
    logprobs_BV = scaled.log_softmax(-1)
    cdf_BV = logprobs_BV.double().exp().cumsum(-1)
    ids_B = torch.searchsorted(cdf_BV, (u_B * cdf_BV[:, -1])[:, None], right=True)[:, 0].clamp(max=cdf_BV.shape[1] - 1)
    ids_B = torch.where(greedy_B, scaled.argmax(-1), ids_B)
    return ids_B, logprobs_BV.gather(1, ids_B[:, None])[:, 0]


@torch.inference_mode()
def generate(model: Model, requests: Sequence[Request], *, chunk: int = 256) -> list[Sampled]:
    """Samples every request. Prompts must leave room for at least one token in the model's context."""
    order = sorted(range(len(requests)), key=lambda i: len(requests[i].prompt))
    out: list[Sampled] = [Sampled((), ())] * len(requests)
    for start in range(0, len(order), chunk):
        part = order[start : start + chunk]
        for i, sampled in zip(part, _sample(model, [requests[i] for i in part]), strict=True):
            out[i] = sampled
    return out


def _read_prompts(model: Model, prompts: Sequence[tuple[int, ...]]) -> tuple[Tensor, list[Cache]]:
    """Last states ``[B, E]`` and caches of all prompts; each distinct one is read once."""
    device = model.embedding.weight.device
    distinct = {prompt: i for i, prompt in enumerate(dict.fromkeys(prompts))}
    states_UTE, caches = model.hidden(pad(list(distinct), device))
    which_B = torch.tensor([distinct[prompt] for prompt in prompts], device=device)
    last_B = torch.tensor([len(prompt) - 1 for prompt in prompts], device=device)
    return states_UTE[which_B, last_B], [cache.rows(which_B) for cache in caches]


def _sample(model: Model, requests: Sequence[Request]) -> list[Sampled]:
    device = model.embedding.weight.device
    limits = [min(r.max_tokens, model.config.context - len(r.prompt)) for r in requests]
    states_BE, caches = _read_prompts(model, [r.prompt for r in requests])
    caches = [cache.longer(max(limits)) for cache in caches]
    u_BT = uniforms(requests, max(limits)).to(device)
    temperature_B = torch.tensor([r.temperature for r in requests], device=device)
    at_B = torch.tensor([len(r.prompt) for r in requests], device=device)
    limit_B = torch.tensor(limits, device=device)
    alive_B = torch.arange(len(requests), device=device)
    before_B = torch.tensor([r.prompt[-1] for r in requests], device=device)
    ids: list[list[int]] = [[] for _ in requests]
    logprobs: list[list[float]] = [[] for _ in requests]
    for t in range(max(limits)):
        ids_B, logprobs_B = choose(model.logits(states_BE), temperature_B[alive_B], u_BT[alive_B, t])
        for row, id, logprob in zip(alive_B.tolist(), ids_B.tolist(), logprobs_B.tolist(), strict=True):
            ids[row].append(id)
            logprobs[row].append(logprob)
        going_B = (ids_B != END) & (limit_B[alive_B] > t + 1)
        if not bool(going_B.all()):
            keep = going_B.nonzero()[:, 0]
            alive_B, ids_B, before_B, at_B = alive_B[keep], ids_B[keep], before_B[keep], at_B[keep]
            caches = [cache.rows(keep) for cache in caches]
            if len(keep) == 0:
                break
        states_BE = model.step(ids_B, before_B, caches, at_B)
        before_B, at_B = ids_B, at_B + 1
    return [Sampled(tuple(i), tuple(p)) for i, p in zip(ids, logprobs, strict=True)]
