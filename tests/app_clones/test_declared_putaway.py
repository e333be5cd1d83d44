"""A declared app keeps the kit's promises: put away and brought back after every step, nothing that follows changes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app_clones.declared.engine import declared
from app_clones.declared.load import load_decl
from app_clones.kit.asgi import request
from app_clones.kit.world import World

HERE = Path(__file__).parent / "engine"
APPS = (
    declared(load_decl(HERE / "desk.yaml"), {"mix": lambda act: act.view("tag", act.insert("tag"))}).app(),
    declared(load_decl(HERE / "cloud.yaml")).app(),
)

numbers = st.integers(1, 6)
tasks = numbers.map(lambda number: f"tsk_{number:08x}")
names = st.sampled_from(["one", "two", "three"])
texts = st.sampled_from(["", "dry", "naïve Straße", "x" * 70, "dry wet"])
titles = st.sampled_from(["Paint", "Sand", "Drill", "Saw", ""])
tags = st.one_of(names, numbers.map(lambda number: f"{number:08x}"))
values = {
    "body": texts, "state": st.sampled_from(["open", "doing", "done", "gone"]),
    "order": st.integers(-1, 9), "urgent": st.booleans(), "tag": tags, "words": st.lists(names, max_size=6),
    "blockers": st.lists(tasks, max_size=2), "extra": st.recursive(st.none() | st.integers(), st.lists, max_leaves=3),
}  # fmt: skip


nullable = {name: st.none() | value for name, value in values.items()}


def tool(name, needed=None, **optional):
    return st.tuples(st.just(name), st.fixed_dictionaries(needed or {}, optional=optional))


topics = st.tuples(st.sampled_from(["p1", "p2", "p3"]), names).map(lambda pair: "projects/{}/topics/{}".format(*pair))
parents = st.sampled_from(["projects/p1", "projects/p2"])
resources = st.fixed_dictionaries(
    {}, optional={"displayName": texts, "labels": st.dictionaries(names, names, max_size=2), "region": names}
)
actions = st.one_of(
    tool("desk_board_create", {"name": names}),
    tool("desk_board_delete", {"id": numbers}),
    tool("desk_setup_update", {"board": numbers}, theme=st.sampled_from(["light", "dark"])),
    tool("desk_task_create", {"board": numbers, "title": titles}, **values),
    tool("desk_task_create", {"board": st.just(1), "title": titles}, **values),
    tool("desk_task_update", {"id": tasks}, title=titles, **nullable),
    tool("desk_task_list", {"board": st.just(1)}, search=texts, order_by=st.sampled_from(["title", "order desc"])),
    tool("desk_task_close", {"id": tasks, "reason": texts}),
    tool("desk_task_reopen", {"id": tasks}),
    tool("desk_task_say", {"id": tasks, "word": names}),
    tool("desk_task_unsay", {"id": tasks, "word": names}),
    tool("desk_task_copy", {"id": tasks, "title": titles}),
    tool("desk_task_ping", {"id": tasks}),
    tool("desk_task_scrap", {"id": tasks}),
    tool("desk_task_delete", {"id": tasks}),
    tool("desk_note_delete", {"id": numbers}),
    tool("desk_tag_create", {}, new_id=names),
    tool("desk_tag_delete", {"id": tags}),
    tool("desk_tag_mix", {"one": tags, "two": tags}),
    tool("desk_review_create", {"tag": tags, "stars": st.integers(0, 6)}),
    tool("cloud_topic_create", {"parent": parents, "topic": resources}, topic_id=names, request_id=names,
         validate_only=st.booleans()),
    tool("cloud_topic_patch", {"name": topics, "topic": resources}, allow_missing=st.booleans(),
         update_mask=st.sampled_from(["*", "displayName", "labels.one,displayName", "nothing"])),
    tool("cloud_topic_delete", {"name": topics}, force=st.booleans()),
    tool("cloud_topic_pause", {"name": topics}),
    tool("cloud_subscription_create", {
        "project": st.sampled_from(["p1", "p2"]), "topic": names, "subscription_id": names,
        "subscription": st.fixed_dictionaries({}, optional={"push": topics})}),
    tool("clock_wait", {"minutes": st.sampled_from([1, 30, 60])}),
)  # fmt: skip

READS = (
    "/desk/api/boards", "/desk/api/boards/1/tasks?order_by=title", "/desk/api/boards/1/tasks?search=dry",
    "/desk/api/tags", "/desk/api/openapi.json", "/cloud/v1/projects/p1/topics?filter=displayName:dry",
    "/cloud/v1/projects/p1/subscriptions", "/cloud/v1/projects/p1/topics/one", "/desk/", "/desk/task",
)  # fmt: skip


@pytest.fixture(scope="module")
def snapshot():
    with World.build(APPS, seed=7, start_ms=1_700_000_000_000, step_ms=1000, persons=3) as world:
        return world.snapshot()


def searched(world):
    return [
        world.connection.execute(f"SELECT rowid FROM {search}(?) ORDER BY rowid", (word,)).fetchall()
        for search in world.registry.searches
        for word in ("dry", "Paint", "Straße", "one")
    ]


async def reads(world):
    return [(reply.status, reply.body) for reply in [await request(world, "GET", path) for path in READS]]


@settings(max_examples=60, deadline=None)
@given(episode=st.lists(actions, min_size=1, max_size=14))
def test_a_world_put_away_after_every_step_goes_on_as_if_it_had_stayed(snapshot, episode):
    stayed, moved = World.fork(snapshot, APPS), World.fork(snapshot, APPS)
    for name, arguments in episode:
        expected, found = stayed.call(name, arguments), moved.call(name, arguments)
        assert found.result == expected.result
        assert found.result.error != "internal", (name, arguments, found.result)
        assert found.changeset == expected.changeset
        changeset = moved.changeset()
        moved.close()
        moved = World.restore(snapshot, APPS, [changeset])
        assert moved.state_digest == expected.state_digest == moved.full_digest() == stayed.full_digest()
        assert moved.anchor_digest() == stayed.anchor_digest()
        assert moved.net_change() == stayed.net_change()
        assert searched(moved) == searched(stayed)
    moved.close()
    stayed.close()


@settings(max_examples=25, deadline=None)
@given(episode=st.lists(actions, min_size=1, max_size=10))
def test_no_get_changes_anything_and_what_is_brought_back_answers_alike(snapshot, episode):
    with World.fork(snapshot, APPS) as world:
        for name, arguments in episode:
            world.call(name, arguments)
        before = world.state_digest
        answers = asyncio.run(reads(world))
        assert world.state_digest == before == world.full_digest()
        assert all(status in (200, 404) for status, _ in answers)
        with World.restore(snapshot, APPS, world.steps()) as back:
            assert asyncio.run(reads(back)) == answers


@settings(max_examples=40, deadline=None)
@given(episode=st.lists(actions, min_size=1, max_size=10))
def test_a_refused_step_changes_nothing_but_the_clock(snapshot, episode):
    with World.fork(snapshot, APPS) as world:
        for name, arguments in episode:
            before = world.connection.execute("SELECT count(*) FROM kit_event").fetchone(), world.net_change()
            if world.call(name, arguments).result.error is None:
                continue
            after = world.connection.execute("SELECT count(*) FROM kit_event").fetchone(), world.net_change()
            if before[0] == after[0]:  # else an event fell due in that very step
                assert [c for c in after[1] if c.table != "kit_meta"] == [c for c in before[1] if c.table != "kit_meta"]
