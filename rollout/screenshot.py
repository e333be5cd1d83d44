"""A picture of any state of a recorded episode: the page that was then to be seen, in real Chromium."""

from __future__ import annotations

from typing import cast

from app_clones.browser.chromium import ChromiumBrowser
from factory.environment import Checkpoint, Suite, Task
from factory.errors import GrindError, SandboxError, boundary
from factory.worlds.browsing import BrowserEnvironment, PixelEnvironment, in_chromium
from factory.worlds.suite import WorldSuite
from rollout.past import check_suite, checkpoint_at
from rollout.trajectory import Trajectory


async def screenshot(suite: Suite, trajectory: Trajectory, steps: int, address: str | None = None) -> bytes:
    """PNG, 1280 by 800 CSS pixels, of the world after ``steps`` steps.

    ``address``: which page (``/mail/labels``). By default the one that the agent was on, as it had filled it in; where
    it works without pages, the first app's front page. Raises GrindError where there are no pages, and
    ReplayDivergence where the state is not the recorded one.
    """
    if not isinstance(suite, WorldSuite):
        raise GrindError(f"{suite.name} is a repository, it has no pages", "--step shows its files' digests")
    task = check_suite(suite, trajectory)
    environment = _in_chromium(suite, task, await checkpoint_at(suite, trajectory, steps))
    try:
        await environment.open()
        page = cast(ChromiumBrowser, environment.page)
        with boundary(SandboxError, f"take a picture of {trajectory.rollout_id}"):
            if address is not None or page.url == "about:blank":
                await page.navigate(address or _front(suite))
            return await page.screenshot()
    finally:
        await environment.close()


def _in_chromium(suite: WorldSuite, task: Task, checkpoint: Checkpoint) -> BrowserEnvironment:
    """A world of tools is in that state at once; in one of pages the actions are done again, for the tab's sake."""
    if suite.view == "tools":
        return BrowserEnvironment(suite, task, suite.fork_world(checkpoint), in_chromium)
    view = PixelEnvironment if suite.view == "pixels" else BrowserEnvironment
    return view(suite, task, suite.fork_world(), in_chromium, checkpoint)


def _front(suite: WorldSuite) -> str:
    for app in suite.apps:
        if app.routes():
            return f"/{app.name}/"
    raise GrindError(f"no app of {suite.name} has pages")
