"""Ray's pool: a few fat async actors, one per core, hundreds of episodes in each, work leased in batches."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from app_clones.kit.garbage import settle
from factory.errors import GrindError
from rollout import journal
from rollout.policies import PolicySpec
from rollout.pools import fresh_journal
from rollout.trajectory import Attempt, Trajectory
from rollout.worker import PlayOptions, SuiteRef, Worker, split

_SETTINGS = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_SCHEDULER_EVENTS": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}

LEASES_AHEAD = 2
"""Leases that a worker holds at a time: while it commits the end of one, episodes of the next are under way."""


def start_ray(cpus: int, *, object_store_mb: int = 128, pythonpath: Sequence[str] = ()) -> None:
    """Starts a private Ray on this machine: token authentication, no dashboard, no usage statistics, quiet.

    ``pythonpath``: folders that workers look for modules in first. Takes about four seconds. If Ray runs already in
    this process, that one is used. Raises GrindError where Ray cannot start.
    """
    ray = _ray()
    if ray.is_initialized():
        return
    root = str(Path(__file__).resolve().parent.parent)
    paths = os.pathsep.join([*pythonpath, root, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {"PYTHONPATH": paths}
    try:
        with _quiet_stderr():
            ray.init(
                address="local",
                num_cpus=cpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
                object_store_memory=object_store_mb << 20,
                runtime_env={"env_vars": environment},
            )
    except Exception as error:
        hint = "is there room in /dev/shm and /tmp? `--workers 0` plays in this process, without Ray"
        raise GrindError(f"Ray did not start: {error}", hint) from error


def _ray() -> Any:
    """The module ``ray``, which reads its settings from the environment as it is imported."""
    late = "ray" in sys.modules and os.environ.get("RAY_AUTH_MODE") != "token"
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    ray: Any = import_module("ray")
    if late:  # somebody imported it before us: have it read its settings again
        ray._raylet.Config.initialize("")
    return ray


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Ray's start prints notes that no setting silences; they go nowhere."""
    with suppress(OSError), open(os.devnull, "wb") as null:
        kept = os.dup(2)
        try:
            os.dup2(null.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@dataclass(frozen=True)
class LeaseResult:
    """What a worker hands back: committed trajectories, and the faulted plays of this lease by policy version."""

    trajectories: list[Trajectory]
    faults: Counter[str]


class _Actor:
    """One worker process. Loads the suite itself; policies live here."""

    def __init__(self, suite: SuiteRef, journal_path: str | None, concurrency: int | None) -> None:
        kept = journal.Journal(journal_path) if journal_path else None
        self.worker = Worker(suite.load(), kept, concurrency)
        settle()
        self.specs: dict[str, PolicySpec] = {}

    async def pid(self) -> int:
        return os.getpid()

    async def play(self, attempts: list[Attempt], key: str, spec_ref: list[Any], options_ref: list[Any]) -> LeaseResult:
        """Plays one lease. References come in lists, so that weights are fetched only when they are new here."""
        import ray

        fetch: Any = ray.get
        if key not in self.specs:
            self.specs = {key: await asyncio.to_thread(fetch, spec_ref[0])}
        options: PlayOptions = await asyncio.to_thread(fetch, options_ref[0])
        before = Counter(self.worker.faults)
        done: list[Trajectory] = []
        async for batch in self.worker.play(attempts, self.specs[key], options):
            done += batch
        return LeaseResult(done, self.worker.faults - before)


@dataclass
class _Member:
    """A worker as the driver sees it. ``journal``: its file, readable once it is dead."""

    actor: Any
    journal: Path | None
    leases: dict[asyncio.Task[LeaseResult], list[Attempt]] = field(default_factory=dict)


class RayPool:
    """Ray workers that each load ``suite`` and keep a journal in ``journal`` (none if that is None).

    A worker that dies is replaced; what its journal committed is kept, the rest of its leases is played again on
    another. ``restarts``: how many such deaths a play survives. Starts Ray if it is not running, and then stops it.
    """

    def __init__(
        self,
        suite: SuiteRef,
        journal: Path | None = None,
        *,
        workers: int = 2,
        concurrency: int | None = None,
        restarts: int = 8,
        pythonpath: Sequence[str] = (),
    ) -> None:
        self._suite, self._folder, self._count = suite, journal, workers
        self._concurrency, self._restarts, self._pythonpath = concurrency, restarts, pythonpath
        self._members: list[_Member] = []
        self._dead: list[_Member] = []
        self._faults: Counter[str] = Counter()
        self._owns_ray = False
        self._made = 0

    @property
    def faults(self) -> Mapping[str, int]:
        """Faulted plays by policy version, those that a retry made good included."""
        return Counter(self._faults)

    async def __aenter__(self) -> Self:
        ray = _ray()
        self._owns_ray = not ray.is_initialized()
        await asyncio.to_thread(start_ray, self._count, pythonpath=self._pythonpath)
        try:
            self._members = [self._hire() for _ in range(self._count)]
            await asyncio.gather(*(member.actor.pid.remote() for member in self._members))
        except BaseException as error:
            await self._stop()
            if isinstance(error, ray.exceptions.RayError):
                raise _cause(error) from error
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        import ray

        self._cancel()
        for member in self._members:
            with suppress(Exception):
                ray.kill(member.actor)
        self._members = []
        if self._owns_ray:
            await asyncio.to_thread(ray.shutdown)

    def _cancel(self) -> None:
        for member in self._held():
            for lease in member.leases:
                lease.cancel()
            member.leases.clear()
        self._dead = []

    async def pids(self) -> list[int]:
        """Process ids of the workers."""
        return [await member.actor.pid.remote() for member in self._members]

    def _hire(self) -> _Member:
        ray = _ray()
        path = fresh_journal(self._folder, f"ray{self._made}") if self._folder is not None else None
        self._made += 1
        make = ray.remote(num_cpus=1, max_concurrency=LEASES_AHEAD + 2, max_restarts=0)(_Actor)
        return _Member(make.remote(self._suite, str(path) if path else None, self._concurrency), path)

    async def play(
        self, attempts: Sequence[Attempt], policy: PolicySpec, options: PlayOptions | None = None
    ) -> AsyncIterator[list[Trajectory]]:
        """See :class:`~rollout.pools.Pool`."""
        import ray

        shared = ([ray.put(policy)], [ray.put(options or PlayOptions())])
        leases = deque(split(list(attempts), max(1, len(self._members))))
        seen: set[str] = set()
        deaths = 0
        try:
            while leases or any(member.leases for member in self._held()):
                self._lease(leases, policy.key, shared)
                for member, lease in await self._finished():
                    held = member.leases.pop(lease)
                    batch, left = await self._settle(member, lease, held)
                    fresh = [t for t in batch if t.rollout_id not in seen]
                    seen.update(t.rollout_id for t in fresh)
                    if left is not None:
                        deaths += self._replace(member, deaths)
                        leases += split(left, 1) if left else []
                    if fresh:
                        yield fresh
        finally:
            self._cancel()

    def _lease(self, leases: deque[list[Attempt]], key: str, shared: tuple[list[Any], list[Any]]) -> None:
        """Gives every worker as many leases as it may hold, the idlest first."""
        while leases:
            member = min(self._members, key=lambda one: len(one.leases))
            if len(member.leases) >= LEASES_AHEAD:
                return
            held = leases.popleft()
            call = member.actor.play.remote(held, key, *shared)
            member.leases[asyncio.ensure_future(_answer(call))] = held

    def _held(self) -> list[_Member]:
        """Members that may hold leases: the living, and the dead of whom not all have been settled."""
        return [*self._members, *self._dead]

    async def _finished(self) -> list[tuple[_Member, asyncio.Task[LeaseResult]]]:
        owner = {lease: member for member in self._held() for lease in member.leases}
        done, _ = await asyncio.wait(owner, return_when=asyncio.FIRST_COMPLETED)
        return [(owner[lease], lease) for lease in done]

    async def _settle(
        self, member: _Member, lease: asyncio.Task[LeaseResult], held: list[Attempt]
    ) -> tuple[list[Trajectory], list[Attempt] | None]:
        """What a lease brought; and, if its worker died, which of its attempts are still to be played."""
        import ray

        try:
            result = lease.result()
        except ray.exceptions.RayTaskError as error:
            raise _cause(error) from error
        except ray.exceptions.RayError:
            committed = await asyncio.to_thread(_committed, member.journal, {a.rollout_id for a in held})
            done = {trajectory.rollout_id for trajectory in committed}
            return committed, [attempt for attempt in held if attempt.rollout_id not in done]
        self._faults += result.faults
        return result.trajectories, None

    def _replace(self, member: _Member, deaths: int) -> int:
        """Puts a fresh worker in a dead one's place; returns 1, or 0 if that was done for another of its leases."""
        if member not in self._members:
            return 0
        if deaths >= self._restarts:
            raise GrindError(
                f"{deaths + 1} workers died", "is memory short? take fewer --workers; then go on with --resume"
            )
        self._members[self._members.index(member)] = self._hire()
        self._dead = [one for one in [*self._dead, member] if one.leases]
        return 1


async def _answer(call: Any) -> LeaseResult:
    result: LeaseResult = await call
    return result


def _committed(path: Path | None, ids: set[str]) -> list[Trajectory]:
    """Of ``ids`` what a dead worker's journal holds; one that it never made holds nothing."""
    if path is None or not path.exists():
        return []
    return list(journal.read(path, ids))


def _cause(error: BaseException) -> GrindError:
    """The error that a worker raised, as it raised it."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, GrindError):
        return cause
    first = str(error).strip().splitlines()
    return GrindError(f"a worker failed: {first[-1] if first else type(error).__name__}")


__all__ = ["LEASES_AHEAD", "LeaseResult", "RayPool", "start_ray"]
