"""A policy that runs a checkpoint of the learner's transformer, batching all episodes of its process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import torch

from factory.errors import PolicyError
from rollout.learner.checkpoint import Checkpoint
from rollout.learner.generate import Request, Sampled, generate
from rollout.learner.tokenizer import END, parse_call, prompt_ids
from rollout.policies.base import Conversation, Sampling, TokenTrace, Turn

_QUIET_TICKS = 4  # turns of the event loop without a new call before a batch is closed


class TorchPolicy:
    """Answers from checkpoint bytes (see :class:`~rollout.learner.checkpoint.Checkpoint`).

    Calls of ``act`` that wait at the same time are sampled as one batch, in a thread, while the event loop goes on. A
    turn's randomness depends on its ``seed`` alone. Nothing constrains the tokens: what is sampled is what is called.
    ``device`` None takes a GPU where there is one. Raises PolicyError if the bytes are no checkpoint.
    """

    def __init__(self, payload: bytes, *, device: str | None = None, threads: int = 1) -> None:
        chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
        checkpoint = Checkpoint.from_bytes(payload, chosen)
        self.version = checkpoint.version()
        self._model = checkpoint.model.eval()
        self._tokenizer = checkpoint.tokenizer
        self._threads = threads
        self._waiting: list[tuple[Request, asyncio.Future[Sampled]]] = []
        self._server: asyncio.Task[None] | None = None

    async def act(self, conversation: Conversation, *, seed: int, sampling: Sampling) -> Turn:
        """One sampled turn. A conversation that fills the context gets an empty turn: no tokens, no call."""
        prompt = tuple(prompt_ids(self._tokenizer, conversation.messages))
        if len(prompt) >= self._model.config.context or sampling.max_tokens < 1:
            return Turn("", (), TokenTrace(prompt, (), ()))
        sampled = await self._ask(Request(prompt, seed, sampling.temperature, sampling.max_tokens))
        ended = sampled.ids[-1] == END
        text = self._tokenizer.decode(sampled.ids[:-1] if ended else sampled.ids)
        return Turn(text, parse_call(text), TokenTrace(prompt, sampled.ids, sampled.logprobs))

    async def _ask(self, request: Request) -> Sampled:
        future: asyncio.Future[Sampled] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if self._server is None or self._server.done():
            self._server = asyncio.create_task(self._serve())
        return await future

    async def _serve(self) -> None:
        while self._waiting:
            quiet, seen = 0, 0
            while quiet < _QUIET_TICKS:  # episodes answered together step together: wait until all have come back
                quiet = quiet + 1 if len(self._waiting) == seen else 0
                seen = len(self._waiting)
                await asyncio.sleep(0)
            batch, self._waiting = self._waiting, []
            try:
                answers = await asyncio.to_thread(self._sample, [request for request, _ in batch])
            except Exception as error:
                failure = PolicyError(f"sampling a batch of {len(batch)}: {type(error).__name__}: {error}")
                for _, future in batch:
                    if not future.done():
                        future.set_exception(failure)
            else:
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)

    def _sample(self, requests: Sequence[Request]) -> list[Sampled]:
        torch.set_num_threads(self._threads)  # per thread: workers share the cores
        return generate(self._model, requests)
