"""What the demo claims of replays and starts is checked by it, not only printed."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest
from test_episode import attempt

from factory.environment import Fault
from factory.errors import GrindError, ReplayDivergence
from rollout.demo.again import replay_failures
from rollout.demo.play import _count, start_states
from rollout.demo.screen import Screen
from rollout.episode import play
from rollout.learner.grpo import GrpoConfig
from rollout.learner.recipe import LearnConfig
from rollout.policies import PolicySpec, make_policy
from rollout.runs import Run
from rollout.trajectory import Attempt


@pytest.fixture(scope="module")
def last_round(toy):
    policy = make_policy(PolicySpec("noisy_oracle", b'{"noise": 0.6}'), toy)
    tasks = list(toy.tasks.values())

    async def played():
        return [await play(toy, task, attempt(task, n), policy) for n, task in enumerate(tasks)]

    return asyncio.run(played())


async def test_failures_are_replayed_a_planted_change_is_found_and_a_fork_earns_one(toy, last_round):
    lesson = SimpleNamespace(suite=toy, last_round=tuple(last_round))
    section, views = await replay_failures(Screen(), lesson)
    assert section["checked"] == section["identical"] == sum(t.reward < 1.0 for t in last_round)
    assert section["planted"]["step"] == section["planted"]["found_step"]
    assert section["fork_reward"] == 1.0
    assert len(views) > 1


async def test_one_failure_that_does_not_replay_stops_the_demo(toy, last_round):
    failed = next(t for t in last_round if t.reward < 1.0 and t.steps)
    altered = replace(failed, steps=(replace(failed.steps[0], observation="other"), *failed.steps[1:]))
    others = [t for t in last_round if t is not failed]
    with pytest.raises(ReplayDivergence, match="observation differs at step 0"):
        await replay_failures(Screen(), SimpleNamespace(suite=toy, last_round=(altered, *others)))


async def test_a_last_round_without_failures_says_so(toy, last_round):
    good = tuple(t for t in last_round if t.reward == 1.0)
    with pytest.raises(GrindError, match="no failed trajectory"):
        await replay_failures(Screen(), SimpleNamespace(suite=toy, last_round=good))


def test_a_second_start_state_stops_the_demo_and_a_fault_before_the_start_does_not(toy):
    assert start_states(toy, [toy.start_digest, "", toy.start_digest]) == {toy.start_digest}
    with pytest.raises(ReplayDivergence, match="2 start states"):
        start_states(toy, [toy.start_digest, "0" * 64])


def test_a_lesson_is_counted_from_the_tables_and_its_last_round_with_failures_is_read_back(toy, last_round, tmp_path):
    """Two rounds of two attempts of each task; the second has no failures left to show."""
    run = Run.create("lesson", {}, tmp_path)
    rollouts = []
    for n, trajectory in enumerate(last_round):
        task = trajectory.attempt.task_id
        names = [("learn-demo", 0), ("learn-grpo", 0), ("learn-grpo", 1), ("learn-grpo", 2), ("learn-grpo", 3)]
        rollouts += [renamed(trajectory, Attempt(name, task, k, n)) for name, k in names]
    lost = replace(rollouts[-1], start_digest="", outcome=Fault("SandboxError", "no mount"), stop_reason="fault")
    run.tables.seal([*rollouts[:-1], lost])
    rounds = [SimpleNamespace(round=k, success=s, rollouts=2, play_s=1.0) for k, s in ((0, 0.5), (1, 1.0))]
    config = LearnConfig(grpo=GrpoConfig(group=2))
    played, last = _count(toy, run, SimpleNamespace(rounds=rounds), config)
    assert played.section() == {
        "n": 5 * len(last_round), "distinct_start_digests": 1, "faults": 1, "per_second": 2.0,
    }  # fmt: skip
    first_round = [t for t in rollouts if t.attempt.run == "learn-grpo" and t.attempt.attempt < 2]
    assert list(last) == sorted(first_round, key=lambda t: t.rollout_id)


def renamed(trajectory, attempt):
    return replace(trajectory, attempt=attempt, rollout_id=attempt.rollout_id)
