"""Seeded faults: off unless asked for, the same in every fork, over after a while, never in the way of an ending."""

from __future__ import annotations

import pytest

from app_clones.kit import faults
from app_clones.kit.errors import KitError, RateLimited
from app_clones.kit.faults import Faults
from app_clones.kit.sample import BOARD
from app_clones.kit.world import World

OFTEN = Faults(0.5, window_ms=120_000)
OFTEN_APART = Faults(0.5, ("error",), 60_000)


def build(given: Faults | None = None, seed: int = 3) -> World:
    return World.build([BOARD], seed=seed, start_ms=0, step_ms=60_000, persons=2, faults=given)


def errors(world: World, n: int = 60) -> list[str | None]:
    with world:
        return [world.call("board_find", {"text": "amber"}).result.error for _ in range(n)]


def test_a_world_has_none_unless_it_is_built_with_them():
    assert set(errors(build())) == {None}
    with build() as plain, build(Faults(0.0)) as never:
        assert plain.state_digest == never.state_digest


def test_both_kinds_come_as_often_as_was_said_and_pass_by_themselves():
    found = errors(build(OFTEN), 400)
    assert {"unavailable", "rate_limited"} < set(found)
    assert 0.35 < sum(error is not None for error in found) / len(found) < 0.65
    assert found[0::2] == found[1::2], "a window of two minutes holds two steps of one"


def test_every_fork_meets_the_same_and_another_seed_others():
    with build(OFTEN) as world:
        snapshot = world.snapshot()
    assert errors(World.fork(snapshot, [BOARD])) == errors(World.fork(snapshot, [BOARD]))
    assert errors(build(OFTEN)) != errors(build(OFTEN, seed=4))


def test_each_tool_fails_by_itself_and_what_failed_did_nothing():
    with build(OFTEN_APART) as world:
        apart = 0
        for _ in range(40):
            before = world.net_change()
            failed = world.call("board_add", {"title": "one"}).result.error == "unavailable"
            if failed:
                cards = [change for change in world.net_change() if change.table == "board_card"]
                assert cards == [change for change in before if change.table == "board_card"]
            apart += failed != bool(OFTEN_APART.at(world.seed, world.now_ms - 60_000, "board_find"))
        assert apart


def test_how_an_episode_ends_never_fails():
    with build(Faults(0.9, window_ms=60_000)) as world:
        for _ in range(30):
            assert world.call("clock_wait", {"minutes": 1}).result.error is None
        assert world.call("task_submit", {}).result.error is None


def test_routes_meet_them_by_asking():
    with build(Faults(0.9, ("rate_limit",), 60_000)) as world:
        hit = 0
        for _ in range(20):
            try:
                with world.transaction(1) as call:
                    faults.check(call, "board_add")
            except RateLimited as error:
                hit += error.status == 429
            world.wait(0)
        assert hit >= 10


@pytest.mark.parametrize(
    ("rate", "kinds", "window", "told"),
    [
        (0.95, ("error",), 1000, "0 to 0.9"),
        (-0.1, ("error",), 1000, "0 to 0.9"),
        (0.1, ("error",), 0, "at least 1 ms"),
        (0.1, ("fire",), 1000, "not fire"),
        (0.1, (), 1000, "not none"),
    ],
)
def test_faults_that_never_pass_or_that_nobody_knows_are_refused(rate, kinds, window, told):
    with pytest.raises(KitError, match=told):
        Faults(rate, kinds, window)
