"""The policy's side of an episode: conversation in, one turn out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from factory.environment import Action, ToolSpec


@dataclass(frozen=True, slots=True)
class Message:
    """``user``: the instruction; ``assistant``: a turn's text and calls; ``tool``: one call's observation."""

    role: Literal["user", "assistant", "tool"]
    text: str
    actions: tuple[Action, ...] = ()
    tokens: TokenTrace | None = None  # of an assistant message, when the policy gave one


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a policy may know: the tools, and the messages so far. Nothing else of the task reaches it."""

    tools: tuple[ToolSpec, ...]
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class TokenTrace:
    """What was really sampled in one turn: the whole prompt's ids, the sampled ids, their log-probabilities
    (natural log, under the sampling distribution at the temperature used)."""

    prompt_ids: tuple[int, ...]
    ids: tuple[int, ...]
    logprobs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of a policy. No ``actions`` means it had nothing to call: the episode ends (``gave_up``)."""

    text: str
    actions: tuple[Action, ...]
    tokens: TokenTrace | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """Temperature 0 is greedy; ``max_tokens`` per turn."""

    temperature: float = 1.0
    max_tokens: int = 48


class Policy(Protocol):
    """``version`` names the weights, for the ledger. ``act`` may be awaited by thousands of episodes at once."""

    version: str

    async def act(self, conversation: Conversation, *, seed: int, sampling: Sampling) -> Turn: ...
