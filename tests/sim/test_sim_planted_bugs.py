"""Five bugs, each planted into the real code and each named by the simulator's invariants."""

import itertools
from dataclasses import replace

import pytest
from simulator import mixed, simulate, violations, wanted
from toy_suite import ToySuite

import rollout.episode
import rollout.tables
import rollout.worker
from factory.environment import Checkpoint, Fault, Verdict
from rollout.journal import Journal
from rollout.pools import LocalPool
from rollout.replay import _Replay
from rollout.runs import Run


@pytest.fixture
def run(tmp_path, toy):
    return Run.create("sim", {"env_name": "toy", "environment": toy.digest}, tmp_path)


async def test_a_lost_commit_is_caught(toy, run, monkeypatch):
    commit = Journal.commit

    def forgetful(self, batch):
        commit(self, batch[:-1])
        return list(batch)

    monkeypatch.setattr(Journal, "commit", forgetful)
    delivered = await simulate(toy, run, 100)
    broken = await violations(toy, run, 100, delivered=delivered)
    assert any(line.startswith("lost:") for line in broken)
    assert any(line.startswith("delivered but not kept") for line in broken)


async def test_a_doubled_rollout_is_caught(toy, run, monkeypatch):
    monkeypatch.setattr(rollout.tables, "_first_of_each", lambda trajectories, seen: trajectories)
    for _ in range(2):
        async with LocalPool(toy, run.journal_folder) as pool:
            async for _batch in pool.play(wanted(toy, "sim", 60), mixed(toy)):
                pass
    run.drain()
    assert any(line.startswith("doubled:") for line in await violations(toy, run, 60))


class Leaky(ToySuite):
    """Hands every episode the state in which the one before it ended."""

    def __init__(self):
        super().__init__()
        self.last = None

    def fork(self, task, checkpoint=None):
        left = self.last.world.changeset() if self.last else b""
        environment = super().fork(task, checkpoint or Checkpoint(changeset=left))

        async def close():  # the world stays open: the next one is made from it
            return None

        environment.close = close
        self.last = environment
        return environment


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_world_that_leaks_between_episodes_is_caught(toy, run, monkeypatch, guarded):
    if not guarded:  # without the check at the start of an episode the invariants see it too
        monkeypatch.setattr(rollout.episode, "_check_start", lambda episode: None)
    await simulate(Leaky(), run, 60, retries=0)
    broken = await violations(toy, run, 60)
    expected = "fault that nobody injected" if guarded else "start:"
    assert any(line.startswith(expected) for line in broken)


async def test_a_fault_turned_into_reward_zero_is_caught(toy, run, monkeypatch):
    play, count = rollout.worker.play, itertools.count()

    async def forgiving(suite, task, attempt, policy, **options):
        trajectory = await play(suite, task, attempt, policy, **options)
        if next(count) % 5 == 0:  # an infrastructure that fails now and then, and a loop that hides it
            trajectory = replace(trajectory, outcome=Fault("SandboxError", "gone"), stop_reason="fault")
        if isinstance(trajectory.outcome, Fault):
            trajectory = replace(trajectory, outcome=Verdict(0.0, ()), stop_reason="submitted")
        return trajectory

    monkeypatch.setattr(rollout.worker, "play", forgiving)
    delivered = await simulate(toy, run, 100)
    broken = await violations(toy, run, 100, delivered=delivered, may_fault=True)
    assert any(line.startswith("reward:") and "is gold, earned 0.0" in line for line in broken)


async def test_a_replay_that_ignores_observations_is_caught(toy, run, monkeypatch):
    compare = _Replay._step

    def blind(self, environment, record, step, deep):
        return compare(self, environment, replace(record, observation=step.observation.text), step, deep)

    monkeypatch.setattr(_Replay, "_step", blind)
    delivered = await simulate(toy, run, 60)
    broken = await violations(toy, run, 60, delivered=delivered)
    assert broken
    assert all(line.startswith("replay is blind to observation") for line in broken)


async def test_without_any_of_them_nothing_is_broken(toy, run):
    delivered = await simulate(toy, run, 100)
    assert await violations(toy, run, 100, delivered=delivered) == []
