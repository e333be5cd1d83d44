"""Seeded faults: off unless asked for, the same in every fork, over after a while, never in the way of an ending."""

from __future__ import annotations

import re

import pytest

from app_clones.kit import faults
from app_clones.kit.asgi import request
from app_clones.kit.change import RowChange
from app_clones.kit.errors import KitError
from app_clones.kit.faults import Faults
from app_clones.kit.sample import BOARD
from app_clones.kit.schema import is_log
from app_clones.kit.world import World

OFTEN = Faults(0.5, ("error", "rate_limit"), 120_000)
OFTEN_APART = Faults(0.5, ("error",), 60_000)


def build(given: Faults | None = None, seed: int = 3) -> World:
    return World.build([BOARD], seed=seed, start_ms=0, step_ms=60_000, persons=2, faults=given)


BOTH = (("board_add", {"title": "one"}), ("board_find", {"text": "amber"}))


def cards(world: World) -> list[RowChange]:
    return [change for change in world.net_change() if change.table == "board_card"]


def counted(world: World) -> list[RowChange]:
    """What a verifier looks at."""
    return [change for change in world.net_change() if not is_log(world.registry.schema[change.table])]


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
    found = {}
    for tool, arguments in (("board_add", {"title": "one"}), ("board_find", {"text": "amber"})):
        with build(OFTEN_APART) as world:
            found[tool] = []
            for _ in range(40):
                before = cards(world)
                found[tool].append(world.call(tool, arguments).result.error)
                if found[tool][-1]:
                    assert cards(world) == before
    assert set(found["board_add"]) == {None, "unavailable"}
    assert found["board_add"] != found["board_find"]


def test_what_is_rate_limited_works_once_the_time_that_it_names_has_passed():
    with build(Faults(0.6, ("rate_limit",), 300_000)) as world:
        waited = 0
        for _ in range(30):
            result = world.call("board_add", {"title": "one"}).result
            if result.error:
                assert result.error == "rate_limited"
                world.wait(1000 * int(re.search(r"again in (\d+) seconds", result.text)[1]))
                assert world.call("board_add", {"title": "one"}).result.error is None
                waited += 1
            world.wait(600_000)
        assert waited >= 5


@pytest.mark.parametrize(("kind", "code"), [("stale_page", "stale"), ("expired_session", "session_expired")])
def test_what_lasts_until_it_is_dealt_with_is_told_a_tool_once_in_a_window(kind, code):
    with build(Faults(0.5, (kind,), 300_000)) as world:
        found = [world.call("board_add", {"title": "one"}).result.error for _ in range(100)]
        windows = [found[at : at + 5] for at in range(0, 100, 5)]
        assert {tuple(window) for window in windows} == {(None,) * 5, (code, None, None, None, None)}
        assert not any(change.table == "kit_fault_seen" for change in counted(world))


def test_a_session_ends_for_all_tools_at_once_and_reading_meets_nothing_stale():
    with build(Faults(0.5, ("expired_session",), 120_000)) as world:
        windows = {tuple(world.call(tool, arguments).result.error for tool, arguments in BOTH) for _ in range(20)}
        assert windows == {("session_expired", None), (None, None)}
    with build(Faults(0.9, ("stale_page",), 60_000)) as world:
        assert set(errors(world)) == {None}


def test_a_world_put_away_at_any_step_meets_the_same_faults_and_is_in_the_same_state():
    given = Faults(0.6, window_ms=180_000)
    with build(given) as world:
        snapshot = world.snapshot()
    with World.fork(snapshot, [BOARD]) as through, World.fork(snapshot, [BOARD]) as other:
        met = set()
        for number in range(200):
            tool, arguments = BOTH[number % 2]
            expected = through.call(tool, arguments)
            with World.restore(snapshot, [BOARD], [other.changeset()]) as back:
                found = back.call(tool, arguments)
                assert (found.result, found.state_digest) == (expected.result, expected.state_digest)
                back.check()
            other.call(tool, arguments)
            met.add(expected.result.error)
        assert met == {None, *faults.codes()}


def test_how_an_episode_ends_never_fails():
    with build(Faults(0.9, window_ms=60_000)) as world:
        for _ in range(30):
            assert world.call("clock_wait", {"minutes": 1}).result.error is None
        assert world.call("task_submit", {}).result.error is None


async def test_requests_of_any_app_meet_them_and_a_failed_one_is_a_step_that_does_nothing():
    with build(Faults(0.9, window_ms=60_000)) as world:
        statuses = set()
        for _ in range(60):
            before, steps, rows = world.now_ms, len(world.steps()), cards(world)
            reply = await request(world, "POST", "/board/api/cards", body=b'{"title": "one"}')
            assert (world.now_ms, len(world.steps())) == (before + 60_000, steps + 1)
            assert (cards(world) == rows) == (reply.status != 201)
            assert ("retry-after" in reply.headers) == (reply.status == 429)
            statuses.add(reply.status)
        assert statuses == {201, 401, 412, 429, 500}


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
