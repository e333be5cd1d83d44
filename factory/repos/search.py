"""Looking for tasks: which edits of the source the real test suite notices, found by running it.

All candidates of one batch share a few sandboxes, one forked child each; nobody attacks here, the edits are our own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from factory.repos.harness import RunOptions, RunReport, Trial, run_tests, screen
from factory.repos.source import SourceTree
from sandboxes.base import Backend, FileSnapshot, Limits

LIMITS = Limits(memory_mb=1024, processes=128, disk_mb=128, cpu_s=600.0, output_bytes=128 << 20)
_TIMEOUT_S = 600.0
_BOXES = 2


@dataclass(frozen=True, slots=True)
class Bench:
    """Where suites run: pristine sandboxes of one repository. ``tests``: what pytest collects."""

    backend: Backend
    pristine: FileSnapshot
    tree: SourceTree
    tests: tuple[str, ...]

    def options(self) -> RunOptions:
        """Options of a plain run of the whole suite on the pristine source."""
        hidden = {path: data.decode("utf-8", "surrogateescape") for path, data in self.tree.hidden.items()}
        return RunOptions(path=(self.tree.import_root,), tests=self.tests, files=hidden)

    async def run(
        self, options: RunOptions, *, timeout_s: float, hash_seed: int = 0, cpu_s: float = LIMITS.cpu_s
    ) -> RunReport:
        """One run in a sandbox of its own."""
        async with self.backend.fork(self.pristine, replace(LIMITS, cpu_s=cpu_s)) as box:
            return await run_tests(box, options, timeout_s=timeout_s, hash_seed=hash_seed)

    async def screen(self, options: RunOptions, candidates: Sequence[Trial]) -> list[RunReport]:
        """One report per candidate, in order, each tried alone on the pristine source."""
        shares = [range(n, len(candidates), _BOXES) for n in range(min(_BOXES, len(candidates)))]
        parts = await asyncio.gather(*(self._share(options, [candidates[i] for i in share]) for share in shares))
        found = dict(pair for share, part in zip(shares, parts, strict=True) for pair in zip(share, part, strict=True))
        return [found[i] for i in range(len(candidates))]

    async def _share(self, options: RunOptions, candidates: Sequence[Trial]) -> list[RunReport]:
        async with self.backend.fork(self.pristine, LIMITS) as box:
            asked = replace(options, candidates=tuple(candidates))
            return [report async for report in screen(box, asked, timeout_s=_TIMEOUT_S)]
