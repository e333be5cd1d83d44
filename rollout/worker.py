"""What every worker does, wherever it runs: play attempts concurrently, commit them, hand on what was committed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import cast

from factory.environment import Fault, Suite, Task
from factory.errors import GrindError
from rollout.episode import Observe, play
from rollout.journal import Journal
from rollout.limits import EpisodeLimits
from rollout.policies import PolicySpec, make_policy
from rollout.policies.base import Policy, Sampling
from rollout.policies.scripted import Privileged
from rollout.trajectory import Attempt, Trajectory

WORLDS_AT_ONCE, SANDBOXES_AT_ONCE = 256, 2


@dataclass(frozen=True, slots=True)
class SuiteRef:
    """A suite by name, for any process: ``loader`` (``module:function``) of the store at ``root`` and ``digest``."""

    root: str
    digest: str
    loader: str = "factory.build:load_suite"

    def load(self) -> Suite:
        """The suite. Raises what its loader raises."""
        from factory.store import Store

        module, _, name = self.loader.partition(":")
        return cast(Suite, getattr(import_module(module), name)(Store(self.root), self.digest))


@dataclass(frozen=True, slots=True)
class PlayOptions:
    """How attempts are played. ``fault_retries``: how often a faulted episode is played anew before it counts."""

    sampling: Sampling = field(default_factory=Sampling)
    limits: EpisodeLimits = field(default_factory=EpisodeLimits)
    observe: Observe | None = None
    fault_retries: int = 2


@dataclass
class Worker:
    """Plays with one suite into one journal (or none). ``concurrency``: episodes under way at once; None: many worlds,
    which wait for a policy and share the loop, or few sandboxes, which have processes of their own.

    ``faults`` counts faulted plays by policy version, those that a retry made good included. ``commit_every``: rollouts
    in one commit, at most.
    """

    suite: Suite
    journal: Journal | None = None
    concurrency: int | None = None
    commit_every: int = 64
    faults: Counter[str] = field(default_factory=Counter)
    policies: dict[str, Policy | Privileged] = field(default_factory=dict)

    def policy(self, spec: PolicySpec) -> Policy | Privileged:
        """The policy of ``spec``; the last two are kept, so that weights arrive once per round."""
        if spec.key not in self.policies:
            while len(self.policies) >= 2:
                del self.policies[next(iter(self.policies))]
            self.policies[spec.key] = make_policy(spec, self.suite)
        return self.policies[spec.key]

    def _at_once(self) -> int:
        return self.concurrency or (WORLDS_AT_ONCE if self.suite.kind == "world" else SANDBOXES_AT_ONCE)

    async def play(
        self, attempts: Sequence[Attempt], spec: PolicySpec, options: PlayOptions
    ) -> AsyncGenerator[list[Trajectory], None]:
        """Yields what was committed, batch by batch, until all of ``attempts`` are.

        Raises :class:`GrindError` for an unknown task, a policy that cannot be made, a journal that cannot be written.
        """
        policy = self.policy(spec)
        work = iter([(attempt, task_of(self.suite, attempt)) for attempt in attempts])
        done: asyncio.Queue[Trajectory | BaseException] = asyncio.Queue()

        async def player() -> None:
            try:
                for attempt, task in work:
                    done.put_nowait(await self._play_one(task, attempt, policy, options))
                    await asyncio.sleep(0)
            except Exception as error:
                done.put_nowait(error)

        players = [asyncio.create_task(player()) for _ in range(min(self._at_once(), len(attempts)))]
        try:
            left = len(attempts)
            while left:
                batch = await self._batch(done)
                left -= len(batch)
                yield await self._commit(batch)
        finally:
            for task in players:
                task.cancel()
            await asyncio.gather(*players, return_exceptions=True)

    async def _batch(self, done: asyncio.Queue[Trajectory | BaseException]) -> list[Trajectory]:
        """Finished trajectories: at least one, and what finished beside it or while the last batch was committed."""
        batch: list[Trajectory] = []
        while not batch or (len(batch) < self.commit_every and not done.empty()):
            item = await done.get()
            if isinstance(item, BaseException):
                raise item
            batch.append(item)
        return batch

    async def _commit(self, batch: list[Trajectory]) -> list[Trajectory]:
        """In a thread: episodes go on while the disk is waited for."""
        return batch if self.journal is None else await asyncio.to_thread(self.journal.commit, batch)

    async def _play_one(
        self, task: Task, attempt: Attempt, policy: Policy | Privileged, options: PlayOptions
    ) -> Trajectory:
        for left in range(options.fault_retries, -1, -1):
            trajectory = await play(
                self.suite,
                task,
                attempt,
                policy,
                sampling=options.sampling,
                limits=options.limits,
                observe=options.observe,
            )
            if not isinstance(trajectory.outcome, Fault):
                return trajectory
            self.faults[trajectory.policy_version] += 1
            if left:
                await asyncio.sleep(0.05)
        return trajectory


def task_of(suite: Suite, attempt: Attempt) -> Task:
    """The task of ``attempt``. Raises :class:`GrindError` if ``suite`` has none of that id."""
    task = suite.tasks.get(attempt.task_id)
    if task is None:
        raise GrindError(f"{suite.name} has no task {attempt.task_id!r}", "was the run made with another build of it?")
    return task


def split(attempts: Sequence[Attempt], workers: int) -> list[list[Attempt]]:
    """Leases: a few per worker so that they end together, of at most 200, and of 50 at least where there are enough."""
    size = max(1, min(200, max(50, -(-len(attempts) // (workers * 4))), -(-len(attempts) // workers)))
    return [list(attempts[start : start + size]) for start in range(0, len(attempts), size)]


def fault_counts(trajectories: Sequence[Trajectory]) -> Mapping[str, int]:
    """Recorded faults by policy version."""
    return Counter(t.policy_version for t in trajectories if isinstance(t.outcome, Fault))
