"""Where attempts are played: the protocol of pools, and the one in this process. Ray's is in ``cluster.py``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from factory.environment import Suite
from rollout.journal import SUFFIX, Journal
from rollout.policies import PolicySpec
from rollout.trajectory import Attempt, Trajectory
from rollout.worker import PlayOptions, SuiteRef, Worker

__all__ = ["Attempt", "LocalPool", "PlayOptions", "PolicySpec", "Pool", "SuiteRef", "fresh_journal"]


class Pool(Protocol):
    """Plays attempts. ``async with`` it; ``faults`` counts faulted plays by policy version, retried ones included."""

    @property
    def faults(self) -> Mapping[str, int]: ...

    def play(
        self, attempts: Sequence[Attempt], policy: PolicySpec, options: PlayOptions | None = None
    ) -> AsyncIterator[list[Trajectory]]:
        """Yields committed batches, each rollout once, until all of ``attempts`` are there. Order is that of commits.

        Raises :class:`~factory.errors.GrindError` where it cannot go on; what was committed is kept.
        """
        ...

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class LocalPool:
    """Everything in this process and on its event loop. ``journal``: the folder for its journal; None keeps none."""

    def __init__(self, suite: Suite, journal: Path | None = None, *, concurrency: int | None = None) -> None:
        self._worker = Worker(suite, None, concurrency)
        self._folder = journal

    @property
    def faults(self) -> Mapping[str, int]:
        """Faulted plays by policy version, those that a retry made good included."""
        return Counter(self._worker.faults)

    async def __aenter__(self) -> Self:
        if self._folder is not None:
            self._worker.journal = Journal(fresh_journal(self._folder, "local"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._worker.journal is not None:
            self._worker.journal.close()

    async def play(
        self, attempts: Sequence[Attempt], policy: PolicySpec, options: PlayOptions | None = None
    ) -> AsyncIterator[list[Trajectory]]:
        """See :class:`Pool`."""
        async with aclosing(self._worker.play(attempts, policy, options or PlayOptions())) as batches:
            async for batch in batches:
                if batch:
                    yield batch


def fresh_journal(folder: Path, worker: str) -> Path:
    """A path for a new journal: each life of a worker has its own, so no two writers ever share one.

    The driver's pid is in it, because workers that outlive a killed driver for a moment still have theirs open: SQLite
    clears up by name when they end, and must not find the next driver's file under that name.
    """
    taken = {path.name for path in folder.glob(f"{worker}-*{SUFFIX}*")}
    paths = (folder / f"{worker}-{number:04d}-{os.getpid()}{SUFFIX}" for number in count())
    return next(path for path in paths if not any(name.startswith(path.name) for name in taken))
