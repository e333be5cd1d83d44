"""Pictures of recorded states: of the page that was to be seen then, or of the page asked for."""

import struct
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from test_episode import played, turn

from factory.environment import Action
from factory.errors import GrindError
from factory.spec import TemplateSpec, WorldSpec, WorldTasksSpec
from factory.store import Store
from factory.worlds.suite import build_world, load
from rollout.screenshot import screenshot

START = datetime(2025, 3, 3, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    spec = WorldSpec(
        kind="world", name="small", seed=5, start=START, step_seconds=60, persons=24, apps={"mail": {"messages": 60}},
        tasks=WorldTasksSpec(max_steps=8, templates={"label": TemplateSpec(train=2, heldout=2)}),
    )  # fmt: skip
    store = Store(tmp_path_factory.mktemp("store"))
    return load(build_world(spec, store), store)


def size(png):
    assert png.startswith(b"\x89PNG")
    return struct.unpack(">II", png[16:24])


def thread_page(suite, message):
    with suite.fork_world() as world:
        [(thread,)] = world.connection.execute("SELECT thread_id FROM mail_message WHERE id = ?", (message,))
    return f"/mail/thread/{thread}"


async def test_a_state_reached_by_tools_is_seen_on_the_page_asked_for(suite):
    task = next(iter(suite.tasks.values()))
    trajectory, _ = await played(suite, *(turn(action) for action in suite.oracle(task)), task=task)
    steps = len(trajectory.steps)
    page = thread_page(suite, next(s.action.arguments["id"] for s in trajectory.steps if "id" in s.action.arguments))
    before, after = [await screenshot(suite, trajectory, n, page) for n in (0, steps)]
    assert size(before) == (1280, 800)
    assert before == await screenshot(suite, trajectory, 0, page)
    assert before != after  # it wears its label
    assert await screenshot(suite, trajectory, steps) not in (before, after)  # the front page


async def test_a_page_half_filled_in_is_seen_as_the_agent_left_it(suite):
    pages = replace(suite, view="browser")
    task = next(iter(pages.tasks.values()))
    compose = Action("browser_navigate", {"url": "/mail/compose"})
    opened, _ = await played(pages, turn(compose), task=task)
    field = next(line for line in opened.steps[0].observation.splitlines() if 'textbox "Subject"' in line)
    write = Action("browser_type", {"ref": field.partition("[ref=")[2].partition("]")[0], "text": "Good morning"})
    trajectory, _ = await played(pages, turn(compose), turn(write), task=task)
    empty, filled = await screenshot(pages, trajectory, 1), await screenshot(pages, trajectory, 2)
    assert empty != filled
    assert empty != await screenshot(pages, trajectory, 0)


async def test_files_have_no_pages(toy, suite):
    task = next(iter(suite.tasks.values()))
    trajectory, _ = await played(suite, task=task)
    with pytest.raises(GrindError, match="no pages"):
        await screenshot(toy, trajectory, 0)
