import asyncio
import os
import signal
import subprocess
import sys

import pytest

from factory.environment import Action, Fault
from factory.errors import GrindError, PolicyError
from rollout.cluster import RayPool
from rollout.journal import committed_ids, journals
from rollout.policies import PolicySpec, script_payload
from rollout.pools import LocalPool, PlayOptions, SuiteRef, fresh_journal
from rollout.trajectory import Attempt
from rollout.worker import split

TOY = SuiteRef("/tmp", "toy-7", "toy_suite:load")
SLOW = SuiteRef("/tmp", "toy-7", "toy_suite:load_slow")


def attempts(suite, per_task, run="r"):
    return [Attempt(run, task, n, n) for n in range(per_task) for task in suite.tasks]


async def collect(pool, asked, spec, options=None):
    return [t async for batch in pool.play(asked, spec, options) for t in batch]


def test_leases_cover_all_attempts_once_and_are_of_a_sensible_size(toy):
    for count, workers in ((1, 2), (30, 2), (256, 2), (5000, 4)):
        asked = [Attempt("r", "t", n, 0) for n in range(count)]
        leases = split(asked, workers)
        assert [a for lease in leases for a in lease] == asked
        assert max(map(len, leases)) <= 200
    assert split([], 2) == []


async def test_ray_plays_each_attempt_once_and_like_the_local_pool(ray_cluster, toy, tmp_path):
    asked = attempts(toy, 8)
    async with RayPool(TOY, tmp_path, workers=2) as pool:
        got = await collect(pool, asked, PolicySpec("noisy_oracle"))
    async with LocalPool(toy) as local:
        expected = await collect(local, asked, PolicySpec("noisy_oracle"))
    key = {t.rollout_id: t for t in got}
    assert len(key) == len(got) == len(asked)
    assert key == {t.rollout_id: t for t in expected}
    assert {t.start_digest for t in got} == {toy.start_digest}
    assert set().union(*(committed_ids(path) for path in journals(tmp_path))) == set(key)
    assert len(journals(tmp_path)) == 2


async def test_a_worker_killed_in_the_middle_of_its_lease_loses_nothing_and_doubles_nothing(ray_cluster, toy, tmp_path):
    asked = attempts(toy, 10)
    async with RayPool(SLOW, tmp_path, workers=2, concurrency=8) as pool:
        pids = await pool.pids()

        async def kill_once_something_is_committed():
            for _ in range(1000):
                if any(committed_ids(path) for path in tmp_path.glob("ray0-*.journal")):
                    break
                await asyncio.sleep(0.01)
            os.kill(pids[0], signal.SIGKILL)

        killer = asyncio.create_task(kill_once_something_is_committed())
        got = await collect(pool, asked, PolicySpec("oracle"))
        await killer
        assert pids[0] not in await pool.pids()
    ids = [t.rollout_id for t in got]
    assert sorted(ids) == sorted(a.rollout_id for a in asked)
    by_journal = {path.name: committed_ids(path) for path in journals(tmp_path)}
    assert len(by_journal) == 3
    assert by_journal[min(by_journal)]
    assert sum(map(len, by_journal.values())) == len(asked)  # what the dead one had committed was not played again
    assert all(t.reward == 1.0 for t in got)


def test_a_journal_is_never_named_as_one_that_a_dead_driver_left(tmp_path):
    """Workers outlive a killed driver for a moment; SQLite clears up by name when they end."""
    script = (
        "import sys; from pathlib import Path; from rollout.pools import fresh_journal as f; print(f(Path('.'), 'w'))"
    )
    others = {subprocess.check_output([sys.executable, "-c", script], cwd=tmp_path, text=True) for _ in range(2)}
    mine = fresh_journal(tmp_path, "w")
    (tmp_path / f"{mine.name}-wal").touch()
    assert len({*others, mine.name, fresh_journal(tmp_path, "w").name}) == 4


async def test_workers_that_keep_dying_are_an_error_that_says_so(ray_cluster, toy, tmp_path):
    deadly = SuiteRef("/tmp", "toy-7", "toy_suite:load_deadly")
    async with RayPool(deadly, tmp_path, workers=1, restarts=1) as pool:
        with pytest.raises(GrindError, match="2 workers died"):
            await collect(pool, attempts(toy, 1), PolicySpec("oracle"))


async def test_an_error_of_the_worker_reaches_the_driver_as_it_was(ray_cluster, toy, tmp_path):
    async with RayPool(TOY, tmp_path, workers=1) as pool:
        with pytest.raises(PolicyError, match="no policy of kind 'wizard'"):
            await collect(pool, attempts(toy, 1), PolicySpec("wizard"))
        with pytest.raises(GrindError, match="has no task 'nope'"):
            await collect(pool, [Attempt("r", "nope", 0, 0)], PolicySpec("oracle"))
        assert len(await collect(pool, attempts(toy, 1), PolicySpec("oracle"))) == len(toy.tasks)


async def test_a_suite_that_cannot_be_loaded_is_an_error_before_anything_is_played(ray_cluster, tmp_path):
    with pytest.raises(GrindError):
        async with RayPool(SuiteRef("/tmp", "toy-x", "toy_suite:load"), tmp_path, workers=1):
            pass


async def test_a_fault_is_retried_then_recorded_and_counted_by_policy_version(toy):
    class Flaky:
        def __init__(self, suite, failures):
            self.suite, self.failures = suite, failures

        def __getattr__(self, name):
            return getattr(self.suite, name)

        def fork(self, task, checkpoint=None):
            self.failures -= 1
            if self.failures >= 0:
                raise OSError("no mount")
            return self.suite.fork(task, checkpoint)

    one = attempts(toy, 1)[:1]
    async with LocalPool(Flaky(toy, 2)) as pool:
        [trajectory] = await collect(pool, one, PolicySpec("oracle", version="v9"))
        assert (trajectory.reward, pool.faults) == (1.0, {"v9": 2})
    async with LocalPool(Flaky(toy, 3)) as pool:
        [trajectory] = await collect(pool, one, PolicySpec("oracle", version="v9"), PlayOptions(fault_retries=2))
        assert (trajectory.reward, pool.faults) == (None, {"v9": 3})
        assert isinstance(trajectory.outcome, Fault)


async def test_scripts_are_known_by_task_and_by_attempt(toy):
    task = next(iter(toy.tasks.values()))
    gold = list(toy.oracle(task))
    payload = script_payload({task.id: [Action("task_decline", {})], f"{task.id}#1": gold})
    async with LocalPool(toy) as pool:
        got = await collect(pool, [Attempt("r", task.id, n, 0) for n in range(3)], PolicySpec("scripted", payload))
    assert {t.attempt.attempt: t.reward for t in got} == {0: 0.0, 1: 1.0, 2: 0.0}
    assert {t.stop_reason for t in got} == {"submitted", "declined"}
