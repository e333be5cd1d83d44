"""The view for those who train on pictures: what each action does in real Chromium, and how mistakes are answered."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from generated_world import built, spec

from factory.environment import Action


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return replace(built(tmp_path_factory.mktemp("club"), spec(per_template=2, max_steps=24))[2], view="pixels")


@asynccontextmanager
async def opened(suite):
    environment = suite.fork(next(iter(suite.tasks.values())))
    try:
        await environment.open()
        yield environment
    finally:
        await environment.close()


async def act(environment, name, **arguments):
    return await environment.step(Action(name, arguments))


async def middle(environment, selector):
    """Where a person would click."""
    box = await environment.page._page.locator(selector).first.bounding_box()
    return {"x": round(box["x"] + box["width"] / 2), "y": round(box["y"] + box["height"] / 2)}


async def test_a_click_on_a_link_leads_on_and_the_observation_is_the_picture(suite):
    async with opened(suite) as environment:
        first = await act(environment, "browser_navigate", url="/club/")
        assert first.observation.image.startswith(b"\x89PNG")
        assert "picture " in first.observation.text
        step = await act(environment, "mouse_click", **await middle(environment, "main a[href]"))
        assert step.error is None
        assert environment.page.url != "/club/"
        assert step.observation.image != first.observation.image


async def test_what_is_typed_goes_where_the_focus_is_and_a_key_submits_it(suite):
    async with opened(suite) as environment:
        await act(environment, "browser_navigate", url="/club/player")
        await act(environment, "mouse_click", **await middle(environment, "input[type=search]"))
        empty = (await act(environment, "keyboard_press", key="End")).observation.image
        filled = await act(environment, "keyboard_type", text="ann")
        assert filled.observation.image != empty
        step = await act(environment, "keyboard_press", key="Enter")
        assert step.error is None
        assert "ann" in environment.page.url


async def test_scrolling_moves_the_page_and_back_is_the_same_picture(suite):
    async with opened(suite) as environment:
        top = (await act(environment, "browser_navigate", url="/club/player")).observation.image
        down = (await act(environment, "mouse_scroll", dx=0, dy=300)).observation.image
        assert down != top
        assert (await act(environment, "mouse_scroll", dx=0, dy=-300)).observation.image == top


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("keyboard_press", {"key": "NoSuchKey"}),
        ("keyboard_press", {"key": ""}),
        ("mouse_click", {"x": "left", "y": 3}),
        ("mouse_click", {"x": 10}),
        ("mouse_click", {"x": -20, "y": 10_000}),
        ("mouse_click", {"x": 10**300, "y": 0}),
        ("mouse_scroll", {"dx": 0, "dy": 10**300}),
        ("browser_click", {"ref": "e1"}),
    ],
)
async def test_a_mistake_is_an_observation_and_the_episode_goes_on(suite, name, arguments):
    async with opened(suite) as environment:
        await act(environment, "browser_navigate", url="/club/")
        step = await act(environment, name, **arguments)
        assert step.error
        assert step.observation.text.startswith("error: ")
        assert (await act(environment, "browser_navigate", url="/club/player")).error is None


async def test_the_same_actions_give_the_same_pictures_and_states(suite):
    seen = []
    for _ in range(2):
        async with opened(suite) as environment:
            await act(environment, "browser_navigate", url="/club/")
            place = await middle(environment, "main a[href]")
            steps = [
                await act(environment, "mouse_click", **place),
                await act(environment, "keyboard_press", key="Tab"),
            ]
            seen.append([(step.observation.text, step.state_digest) for step in steps])
    assert seen[0] == seen[1]
