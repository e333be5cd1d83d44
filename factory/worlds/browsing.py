"""A world seen through its pages: browser actions in, ARIA snapshots (or pictures) out, the same verdict at the end.

A page half filled in is no row of any world. It is what the actions so far have made of the start, so a checkpoint of
this view carries them, and to go back is to do them again in a fresh fork: the same bytes, a few milliseconds each.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from app_clones.browser.base import KEYS, VIEWPORT, Browser, BrowserError, Field
from app_clones.browser.web import WorldSite
from app_clones.kit.builtin import BUILTIN, LONGEST_WAIT_MINUTES, iso
from app_clones.kit.change import summed
from app_clones.kit.world import World
from factory.environment import Action, Checkpoint, Observation, Step, Task, ToolSpec, Verdict
from factory.errors import ReplayDivergence, SandboxError, VerifierError, boundary
from factory.worlds.episode import cut, ending, verdict_of

if TYPE_CHECKING:
    from app_clones.browser.chromium import ChromiumBrowser
    from factory.worlds.suite import WorldSuite

Driver = Callable[[World], AbstractAsyncContextManager[Browser]]
"""Opens a tab on a world, and closes it."""

_TEXT: Mapping[str, Any] = {"type": "string"}
_NUMBER: Mapping[str, Any] = {"type": "integer"}
_DISTANCE: Mapping[str, Any] = {**_NUMBER, "minimum": -10_000, "maximum": 10_000}
_REF = {"element": {**_TEXT, "description": "What it is, as people say it."},
        "ref": {**_TEXT, "description": "Its ref in the last snapshot."}}  # fmt: skip
_FIELD = {
    "type": "object",
    "properties": {"name": _TEXT, "type": _TEXT, "ref": _TEXT, "value": {"type": ["string", "boolean"]}},
    "required": ["ref", "value"],
    "additionalProperties": False,
}


def _tool(name: str, about: str, required: tuple[str, ...] = (), **properties: Mapping[str, Any]) -> ToolSpec:
    schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return ToolSpec(name, about, schema)


_SAID = {f"{app.name}_{one.name}": one.description for app in BUILTIN for one in app.operations}
_ENDS = (
    _tool("task_submit", _SAID["task_submit"], answer=_TEXT),
    _tool("task_decline", _SAID["task_decline"], reason=_TEXT),
    _tool("clock_wait", _SAID["clock_wait"], ("minutes",),
          minutes={**_NUMBER, "minimum": 1, "maximum": LONGEST_WAIT_MINUTES}),
)  # fmt: skip

BROWSER_TOOLS: tuple[ToolSpec, ...] = (
    _tool("browser_navigate", "Go to an address.", ("url",), url=_TEXT),
    _tool("browser_navigate_back", "Go back to the page before."),
    _tool("browser_snapshot", "Look at the page again."),
    _tool("browser_click", "Click an element.", ("ref",), **_REF),
    _tool("browser_hover", "Move the pointer over an element.", ("ref",), **_REF),
    _tool("browser_type", "Type into a text field, in place of what it holds.", ("ref", "text"),
          **_REF, text=_TEXT, submit={"type": "boolean", "description": "Press Enter after it."}),
    _tool("browser_fill_form", "Fill several fields.", ("fields",), fields={"type": "array", "items": _FIELD}),
    _tool("browser_select_option", "Select options of a list.", ("ref", "values"),
          **_REF, values={"type": "array", "items": _TEXT}),
    _tool("browser_press_key", "Press a key where the focus is.", ("key",), key={"enum": list(KEYS)}),
    *_ENDS,
)  # fmt: skip
"""As in Playwright's MCP server; waiting is the world's clock's, and there is one tab."""

PIXEL_TOOLS: tuple[ToolSpec, ...] = (
    _tool("browser_navigate", "Go to an address.", ("url",), url=_TEXT),
    _tool(
        "mouse_click",
        "Click at a place of the picture.",
        ("x", "y"),
        x={**_NUMBER, "minimum": 0, "exclusiveMaximum": VIEWPORT["width"]},
        y={**_NUMBER, "minimum": 0, "exclusiveMaximum": VIEWPORT["height"]},
    ),
    _tool("mouse_scroll", "Scroll by so many pixels.", ("dx", "dy"), dx=_DISTANCE, dy=_DISTANCE),
    _tool("keyboard_type", "Type text where the focus is.", ("text",), text=_TEXT),
    _tool("keyboard_press", "Press a key where the focus is.", ("key",), key=_TEXT),
    *_ENDS,
)
"""For those who train on pictures: the place of a click is in CSS pixels from the top left."""


class BrowserEnvironment:
    """Single use; owns its world and its browser. ``tools``: what may be called, and how what it shows is read."""

    tools: tuple[ToolSpec, ...] = BROWSER_TOOLS

    def __init__(
        self, suite: WorldSuite, task: Task, world: World, driver: Driver, checkpoint: Checkpoint | None = None
    ) -> None:
        self._suite, self._task, self._driver = suite, task, driver
        self._checkpoint = checkpoint
        self._done: list[Action] = []
        self._held = AsyncExitStack()
        self._page: Browser | None = None
        self.world = world

    @property
    def state_digest(self) -> str:
        """Hex, of the world's state now."""
        return self.world.state_digest

    async def open(self) -> Observation:
        """The date, whose account it is, and where the apps are; then what the checkpoint's actions made of it."""
        with boundary(SandboxError, f"open a browser for {self._task.id}"):
            self._page = await self._held.enter_async_context(self._driver(self.world))
        lines = [f"{iso(self.world.now_ms)[:10]} {self._suite.account}"]
        lines += [f"{app.name}: /{app.name}/" for app in self._suite.apps if app.routes()]
        if self._checkpoint is not None:
            await self._go_back(self._checkpoint)
        return Observation("\n".join(lines), self.tools)

    async def step(self, action: Action) -> Step:
        """One action. It is one step of the world's clock, whatever it does to the page."""
        before = len(self.world.steps())
        text, image, error = await self._act(action)
        if len(self.world.steps()) == before:  # it changed nothing: time passes all the same
            self.world.wait(0)
        self._done.append(action)
        reason = ending(action, error)
        return Step(
            Observation(cut(text), image=image),
            done=reason is not None,
            stop_reason=reason,
            error=error,
            changeset=summed(self.world.steps()[before:]),
            state_digest=self.world.state_digest,
        )

    async def freeze(self) -> Checkpoint:
        """The world's net change so far, and the actions that made page and world what they are."""
        return Checkpoint(self._suite.snapshot_digest, self.world.changeset(), actions=tuple(self._done))

    async def verdict(self) -> Verdict:
        """Judges the world's net change, as in any other view."""
        with boundary(VerifierError, f"verify {self._task.id}"):
            return verdict_of(self._suite, self._task, self.world)

    async def close(self) -> None:
        """Frees browser and world."""
        self._page = None
        try:
            await self._held.aclose()
        finally:
            self.world.close()

    @property
    def page(self) -> Browser:
        """The tab. Raises SandboxError before :meth:`open`."""
        if self._page is None:
            raise SandboxError(f"{self._task.id} is not open", "call open() first, and nothing after close()")
        return self._page

    async def _go_back(self, to: Checkpoint) -> None:
        for action in to.actions:
            await self.step(action)
        with self._suite.fork_world(to) as expected:
            if expected.state_digest != self.world.state_digest:
                raise ReplayDivergence(
                    f"{self._task.id}: {len(to.actions)} actions came to another state than was kept with them",
                    "was it played in another view, or another browser?",
                )

    async def _act(self, action: Action) -> tuple[str, bytes, str | None]:
        """What is shown then, as text and as a picture, and the code of the agent's mistake, if it was one."""
        if action.name in _ENDS_BY_NAME:
            result = self.world.call(action.name, action.arguments).result
            return result.text, b"", result.error
        wrong = mistake(action, pixels=self.tools is PIXEL_TOOLS)
        if wrong:
            return f"error: {wrong}", b"", "unknown_tool" if wrong.startswith("no tool") else "invalid"
        try:
            await self._do(action.name, dict(action.arguments or {}))
        except BrowserError as error:
            return f"error: {error.message}", b"", error.code
        return await self._seen()

    async def _seen(self) -> tuple[str, bytes, str | None]:
        snapshot = await self.page.snapshot()
        return f"{self.page.url}\n{self.page.title}\n{snapshot}", b"", None

    async def _do(self, name: str, given: dict[str, Any]) -> None:
        page, ref = self.page, str(given.get("ref", ""))
        match name:
            case "browser_navigate":
                await page.navigate(given["url"])
            case "browser_navigate_back":
                await page.back()
            case "browser_click":
                await page.click(ref)
            case "browser_hover":
                await page.hover(ref)
            case "browser_type":
                await page.type(ref, given["text"], given.get("submit", False))
            case "browser_fill_form":
                await page.fill_form([Field(one["ref"], one["value"]) for one in given["fields"]])
            case "browser_select_option":
                await page.select_option(ref, given["values"])
            case "browser_press_key":
                await page.press_key(given["key"])


class PixelEnvironment(BrowserEnvironment):
    """The same in pictures, on real Chromium: an observation is a screenshot, its text the picture's digest."""

    tools = PIXEL_TOOLS

    @property
    def _pixels(self) -> ChromiumBrowser:
        return self.page  # type: ignore[return-value]  # its driver is :func:`in_chromium`

    async def _seen(self) -> tuple[str, bytes, str | None]:
        image = await self._pixels.screenshot()
        return f"{self.page.url}\n{self.page.title}\npicture {hashlib.sha256(image).hexdigest()}", image, None

    async def _do(self, name: str, given: dict[str, Any]) -> None:
        pixels = self._pixels
        match name:
            case "browser_navigate":
                await self.page.navigate(given["url"])
            case "mouse_click":
                await pixels.click_xy(given["x"], given["y"])
            case "mouse_scroll":
                await pixels.scroll(given["dx"], given["dy"])
            case "keyboard_type":
                await pixels.type_text(given["text"])
            case "keyboard_press":
                await pixels.press(given["key"])


@asynccontextmanager
async def in_process(world: World) -> AsyncIterator[Browser]:
    """The driver without a browser: pages are parsed here."""
    from app_clones.browser.dom import DomBrowser

    page = DomBrowser(WorldSite(world))
    try:
        yield page
    finally:
        await page.close()


@asynccontextmanager
async def in_chromium(world: World) -> AsyncIterator[Browser]:
    """Real Chromium, a process for each tab."""
    from app_clones.browser.chromium import chromium

    async with chromium() as process:
        page = await process.open(WorldSite(world))
        try:
            yield page
        finally:
            await page.close()


_ENDS_BY_NAME = frozenset(tool.name for tool in _ENDS)


def mistake(action: Action, *, pixels: bool = False) -> str:
    """What is wrong with the call itself, briefly, or nothing."""
    known = _validators(pixels)
    if action.name not in known:
        return f"no tool {action.name[:60]!r}"
    if action.arguments is None:
        return f"{action.name}: the arguments are no JSON object"
    try:
        known[action.name].validate(dict(action.arguments))
    except jsonschema_rs.ValidationError as error:
        return f"{action.name}: {'.'.join(str(part) for part in error.instance_path)} {error.message[:160]}".strip()
    except ValueError:  # what is no JSON at all, say a lone surrogate
        return f"{action.name}: the arguments are no plain JSON"
    return ""


@lru_cache(maxsize=2)
def _validators(pixels: bool) -> Mapping[str, Any]:
    tools = PIXEL_TOOLS if pixels else BROWSER_TOOLS
    return {tool.name: jsonschema_rs.validator_for(dict(tool.parameters)) for tool in tools}
