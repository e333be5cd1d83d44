"""What the demo claims of replays and starts is checked by it, not only printed."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest
from test_episode import attempt

from factory.environment import Fault
from factory.errors import GrindError, ReplayDivergence
from rollout.demo.again import replay_failures
from rollout.demo.play import start_digests
from rollout.demo.screen import Screen
from rollout.episode import play
from rollout.policies import PolicySpec, make_policy


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


def test_a_second_start_state_stops_the_demo_and_a_fault_before_the_start_does_not(toy, last_round):
    lost = replace(last_round[0], start_digest="", outcome=Fault("SandboxError", "no mount"))
    assert start_digests(toy, [*last_round, lost]) == {toy.start_digest}
    with pytest.raises(ReplayDivergence, match="2 start states"):
        start_digests(toy, [*last_round, replace(last_round[0], start_digest="0" * 64)])
