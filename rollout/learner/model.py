"""A small causal transformer: RoPE, RMSNorm, SwiGLU, tied embeddings, and half of the heads with shifted keys.

A shifted head stands at a token, looks for another like it and reads what *followed* that one: copying in one layer,
where it otherwise takes two that must find each other. Each embedding also holds some of its predecessor's. Shapes are
in names: B rows, T tokens, H heads, D width of a head, E width of the model, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class ModelConfig(BaseModel):
    """``context``: the most tokens of prompt and turn together."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    vocabulary: int
    width: int = 96
    layers: int = 3
    heads: int = 4
    hidden: int = 256
    context: int = 384


class Cache:
    """Keys and values of one layer for a batch of rows, ``[B, H, T, D]``; row b's token at position p lies at p, in
    heads with shifted keys its key at p + 1 (so keys have one place more)."""

    def __init__(self, k_BHTD: Tensor, v_BHTD: Tensor) -> None:
        self.k, self.v = k_BHTD, v_BHTD

    def rows(self, index_B: Tensor) -> Cache:
        return Cache(self.k[index_B], self.v[index_B])

    def longer(self, tokens: int) -> Cache:
        """Room for ``tokens`` more positions."""
        return Cache(F.pad(self.k, (0, 0, 0, tokens)), F.pad(self.v, (0, 0, 0, tokens)))


def _rotate(x: Tensor, turn: Tensor) -> Tensor:
    """RoPE: neighbouring pairs of the last dimension as complex numbers, turned by ``turn`` (broadcast)."""
    return torch.view_as_real(torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2)) * turn).flatten(-2)


def _norm(x: Tensor) -> Tensor:
    """RMSNorm without gains: the linear maps that follow can take them in, and it costs two passes over memory."""
    length: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return x * (math.sqrt(x.shape[-1]) / (length + 1e-5))


class Block(nn.Module):
    """Attention and feed-forward, both pre-normed and residual."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.shifted = config.heads, config.heads // 2
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)
        self.up = nn.Linear(config.width, 2 * config.hidden, bias=False)
        self.down = nn.Linear(config.hidden, config.width, bias=False)

    def _qkv(self, x_BTE: Tensor, turn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        B, T, E = x_BTE.shape
        qkv = self.qkv(_norm(x_BTE)).view(B, T, 3, self.heads, E // self.heads)
        q, k = _rotate(qkv[:, :, :2], turn).permute(2, 0, 3, 1, 4)
        return q, k, qkv[:, :, 2].transpose(1, 2)

    def _rest(self, x_BTE: Tensor, attended_BHTD: Tensor) -> Tensor:
        x_BTE = x_BTE + self.out(attended_BHTD.transpose(1, 2).reshape(x_BTE.shape))
        gate, value = self.up(_norm(x_BTE)).chunk(2, dim=-1)
        out_BTE: Tensor = x_BTE + self.down(F.silu(gate) * value)
        return out_BTE

    def forward(self, x_BTE: Tensor, turn: Tensor) -> tuple[Tensor, Cache]:
        """Whole rows, right-padded: causality alone keeps pads out of what precedes them."""
        q, k, v = self._qkv(x_BTE, turn)
        S, T = self.shifted, x_BTE.shape[1]
        k = torch.cat((F.pad(k[:, :S], (0, 0, 1, 0)), F.pad(k[:, S:], (0, 0, 0, 1))), dim=1)
        return self._rest(x_BTE, F.scaled_dot_product_attention(q, k[:, :, :T], v, is_causal=True)), Cache(k, v)

    def step(self, x_B1E: Tensor, turn: Tensor, cache: Cache, at_B: Tensor, bias_B11T: Tensor) -> Tensor:
        """One more token per row, written into ``cache`` at each row's own position."""
        q, k, v = self._qkv(x_B1E, turn)
        rows = torch.arange(x_B1E.shape[0], device=x_B1E.device)
        cache.k[rows, : self.shifted, at_B + 1] = k[:, : self.shifted, 0]
        cache.k[rows, self.shifted :, at_B] = k[:, self.shifted :, 0]
        cache.v[rows, :, at_B] = v[:, :, 0]
        scores = q @ cache.k[:, :, :-1].transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias_B11T
        return self._rest(x_B1E, scores.softmax(-1) @ cache.v)


class Model(nn.Module):
    """The decoder. ``hidden`` gives states, ``logits`` maps any of them onto the vocabulary."""

    turns: Tensor

    def __init__(self, config: ModelConfig, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.before = nn.Parameter(torch.full((config.width,), 0.5))  # how much a token takes of its predecessor
        self.sharpness = nn.Parameter(torch.zeros(()))  # of all choices at once; see logits
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        half = config.width // config.heads // 2
        angle = torch.outer(torch.arange(config.context), 10_000.0 ** (-torch.arange(half) / half))
        turns = torch.polar(torch.ones_like(angle), angle)
        self.register_buffer("turns", turns[:, None, None], persistent=False)  # broadcast over q and k, and heads
        self._initialise(seed)

    @torch.no_grad()
    def _initialise(self, seed: int) -> None:
        """Attention starts out looking for tokens like the one it stands at and passing on what it finds there
        ("mimetic" initialisation): queries equal keys, and output undoes value."""
        generator = torch.Generator().manual_seed(seed)
        self.embedding.weight.normal_(0.0, 0.1, generator=generator)
        for block in self._layers():
            match, carry = (nn.init.orthogonal_(torch.empty_like(block.out.weight), generator=generator) for _ in "qv")
            block.qkv.weight.copy_(torch.cat((match, match, carry)))
            block.out.weight.copy_(0.5 * carry.T)
            block.up.weight.normal_(0.0, block.up.in_features**-0.5, generator=generator)
            block.down.weight.normal_(0.0, 0.2 * block.down.in_features**-0.5, generator=generator)

    def _layers(self) -> Sequence[Block]:
        return [block for block in self.blocks if isinstance(block, Block)]

    def hidden(self, ids_BT: Tensor) -> tuple[Tensor, list[Cache]]:
        """States ``[B, T, E]`` of right-padded rows, and their caches."""
        T = ids_BT.shape[1]
        x = self.embedding(ids_BT)
        x = _norm(x + self.before * F.pad(x[:, :-1], (0, 0, 1, 0)))
        caches = []
        for block in self._layers():
            x, cache = block(x, self.turns[:T])
            caches.append(cache)
        return _norm(x), caches

    def step(self, ids_B: Tensor, before_B: Tensor, caches: Sequence[Cache], at_B: Tensor) -> Tensor:
        """States ``[B, E]`` after one more token per row, which stands at ``at_B`` and follows ``before_B``."""
        x = _norm(self.embedding(ids_B) + self.before * self.embedding(before_B))[:, None]
        later = torch.arange(caches[0].v.shape[2], device=ids_B.device) > at_B[:, None]
        bias = torch.zeros(later.shape, device=x.device).masked_fill_(later, -torch.inf)[:, None, None]
        for block, cache in zip(self._layers(), caches, strict=True):
            x = block.step(x, self.turns[at_B][:, None], cache, at_B, bias)
        return _norm(x[:, 0])

    def logits(self, states: Tensor) -> Tensor:
        """``[…, E] -> […, V]`` with the tied embedding. How sure the policy is of all it does is one number, with steps
        large enough (the factor 8) for an optimizer of small ones: what was learned from noisy teachers is mostly to
        be trusted more."""
        return (states @ self.embedding.weight.T) * torch.exp(8.0 * self.sharpness)

    def forward(self, ids_BT: Tensor) -> Tensor:
        """Logits ``[B, T, V]``."""
        return self.logits(self.hidden(ids_BT)[0])
