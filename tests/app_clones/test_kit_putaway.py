"""Putting a world away and bringing it back, after every step of random episodes, changes nothing that follows."""

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app_clones.kit.errors import WorldDiverged
from app_clones.kit.sample import BOARD, WORDS
from app_clones.kit.world import World
from app_clones.notes import NOTES

APPS = (BOARD, NOTES)

cards = st.integers(1, 30)
words = st.sampled_from([*WORDS, "naïve", "Straße", "", "x" * 200])
texts = st.lists(words, max_size=6).map(" ".join)
tags = st.sampled_from((*WORDS[:4], "new", "newer"))
actions = st.one_of(
    st.tuples(
        st.just("board_add"),
        st.fixed_dictionaries({"title": texts, "body": texts, "parent": st.one_of(st.just(0), cards)}),
    ),
    st.tuples(st.just("board_draw"), st.just({})),
    st.tuples(st.just("board_remove"), st.fixed_dictionaries({"id": cards})),
    st.tuples(st.just("board_tag"), st.fixed_dictionaries({"id": cards, "name": tags})),
    st.tuples(st.just("board_rename_tag"), st.fixed_dictionaries({"id": st.integers(1, 14), "name": tags})),
    st.tuples(st.just("board_find"), st.fixed_dictionaries({"text": texts})),
    st.tuples(
        st.just("board_remind"),
        st.fixed_dictionaries({"id": cards, "minutes": st.integers(1, 5), "times": st.integers(1, 3)}),
    ),
    st.tuples(st.just("clock_wait"), st.fixed_dictionaries({"minutes": st.integers(1, 6)})),
    st.tuples(st.just("notes_create"), st.fixed_dictionaries({"text": texts})),
    st.tuples(st.just("notes_delete"), st.fixed_dictionaries({"id": st.integers(1, 3)})),
    st.tuples(st.just("no_such_tool"), st.just({})),
)


@pytest.fixture(scope="module")
def snapshot():
    with World.build(
        APPS, seed=7, start_ms=1_700_000_000_000, step_ms=1000, persons=4, options={"board": {"cards": 12}}
    ) as world:
        return world.snapshot()


def brought_back(world, snapshot):
    changeset = world.changeset()
    world.close()
    return World.restore(snapshot, APPS, [changeset])


def searched(world):
    return [
        world.connection.execute("SELECT rowid FROM board_index(?) ORDER BY rowid", (word,)).fetchall()
        for word in WORDS
    ]


@settings(max_examples=60, deadline=None)
@given(episode=st.lists(actions, min_size=1, max_size=14))
def test_a_world_put_away_after_every_step_goes_on_as_if_it_had_stayed(snapshot, episode):
    stayed, moved = World.fork(snapshot, APPS), World.fork(snapshot, APPS)
    for tool, arguments in episode:
        expected, found = stayed.call(tool, arguments), moved.call(tool, arguments)
        assert found.result == expected.result
        assert found.changeset == expected.changeset
        assert found.state_digest == expected.state_digest
        moved = brought_back(moved, snapshot)
        assert moved.state_digest == expected.state_digest == moved.full_digest()
        assert moved.anchor_digest() == stayed.anchor_digest()
        assert moved.net_change() == stayed.net_change()
        assert searched(moved) == searched(stayed)
        assert moved.now_ms == stayed.now_ms
    moved.connection.execute("INSERT INTO board_index(board_index) VALUES('integrity-check')")
    moved.close()
    stayed.close()


@settings(max_examples=30, deadline=None)
@given(episode=st.lists(actions, min_size=1, max_size=10))
def test_undoing_every_step_leads_back_through_the_same_states_to_the_snapshot(snapshot, episode):
    with World.fork(snapshot, APPS) as world:
        digests = [world.state_digest]
        for tool, arguments in episode:
            digests.append(world.call(tool, arguments).state_digest)
        for expected in reversed(digests[:-1]):
            world.undo()
            assert world.state_digest == expected == world.full_digest()
        assert world.changeset() == b""


@settings(max_examples=30, deadline=None)
@given(episode=st.lists(actions, min_size=1, max_size=10), later=st.lists(actions, min_size=1, max_size=5))
def test_a_snapshot_taken_in_mid_episode_goes_on_like_the_world_it_was_taken_of(snapshot, episode, later):
    with World.fork(snapshot, APPS) as world:
        for tool, arguments in episode:
            world.call(tool, arguments)
        with World.fork(world.snapshot(), APPS) as copy:
            assert copy.state_digest == world.state_digest == copy.full_digest()
            for tool, arguments in later:
                assert copy.call(tool, arguments) == world.call(tool, arguments)


def test_a_long_episode_whose_search_index_merges_its_segments_survives_being_put_away_each_time(snapshot):
    stayed, moved = World.fork(snapshot, APPS), World.fork(snapshot, APPS)
    for number in range(120):
        arguments = {"title": f"{WORDS[number % 12]} {number}", "body": " ".join(WORDS[: number % 12])}
        for tool, sent in (("board_add", arguments), ("board_remove", {"id": number + 1 - number % 3})):
            expected, found = stayed.call(tool, sent), moved.call(tool, sent)
            assert (found.result, found.changeset) == (expected.result, expected.changeset)
            moved = brought_back(moved, snapshot)
    assert searched(moved) == searched(stayed)
    moved.check()


def test_leaving_the_search_tables_out_of_what_is_put_away_would_be_noticed(snapshot):
    with World.fork(snapshot, APPS) as world, World.fork(snapshot, APPS) as back:
        world.call("board_add", {"title": "kelp"})
        apsw.Changeset.apply(
            world.changeset(), back.connection, filter=lambda table: not table.startswith("board_index")
        )
        assert back.full_digest() == world.state_digest  # the digest looks past them, so the searches must be compared
        assert searched(back) != searched(world)


def test_a_world_can_be_brought_back_from_its_single_steps_as_well_as_from_their_sum(snapshot):
    with World.fork(snapshot, APPS) as world:
        world.call("board_add", {"title": "kelp"})
        world.call("board_remove", {"id": 13})
        world.call("board_tag", {"id": 2, "name": "newest"})
        with World.restore(snapshot, APPS, world.steps()) as back:
            assert back.state_digest == world.state_digest == back.full_digest()
            back.undo()
            world.undo()
            assert back.state_digest == world.state_digest


def test_values_swapped_between_unique_rows_come_back_swapped(snapshot):
    with World.fork(snapshot, APPS) as world:
        for id, name in ((1, "aside"), (2, WORDS[0]), (1, WORDS[1])):
            assert world.call("board_rename_tag", {"id": id, "name": name}).result.error is None
        with World.restore(snapshot, APPS, [world.changeset()]) as back:
            assert back.full_digest() == world.state_digest


def test_changes_that_do_not_fit_the_snapshot_are_refused_and_not_forced(snapshot):
    with World.fork(snapshot, APPS) as world:
        world.call("board_add", {"title": "one"})
        changeset = world.changeset()
        taken = world.snapshot()
    with pytest.raises(WorldDiverged):
        World.restore(taken, APPS, [changeset])


def test_bytes_that_are_no_changeset_are_refused(snapshot):
    with pytest.raises(WorldDiverged):
        World.restore(snapshot, APPS, [b"Tgarbage"])
    with World.fork(snapshot, APPS) as world:
        world.call("board_add", {"title": "one"})
        cut = world.changeset()[:-5]
    with pytest.raises(WorldDiverged):
        World.restore(snapshot, APPS, [cut])
