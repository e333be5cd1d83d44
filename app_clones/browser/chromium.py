"""Real Chromium, through Playwright, without JavaScript and without sockets: every request is answered in this process.

One process serves many episodes, each in a context of its own. Playwright finds elements, clicks and types; requests
are taken at the DevTools level, since a redirect that Playwright's own routing answers is not routed again.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from playwright.async_api import Browser as Process
from playwright.async_api import BrowserContext, CDPSession, Locator, Page, async_playwright
from playwright.async_api import Error as PlaywrightError

from app_clones.browser.base import VIEWPORT, BrowserError, Field
from app_clones.browser.probe import PROBE, Target
from app_clones.browser.rules import (
    check_click,
    check_key,
    check_options,
    check_text,
    is_ref,
    normal_url,
    unknown,
    wanted_check,
)
from app_clones.browser.web import Site, Web

EXECUTABLE = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: Whether Tab stopped at what merely scrolls, as Chromium lets it since 130. That depends on where things lie.
_SCROLLS = """() => {
    const e = document.activeElement;
    return e !== null && e !== document.body && e !== document.documentElement && e.tabIndex < 0;
}"""
#: What Playwright says of a page that was left while it was looked at.
_LEFT = ("context", "navigat")
#: Wall time that one action may take before the browser is taken to be broken, in ms. Never content.
_PATIENCE_MS = 20_000
#: Between two looks at whether all is quiet; wall time, never content.
_SECOND_LOOK_S = 0.05


class Chromium:
    """A running Chromium."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @property
    def version(self) -> str:
        """Its version, as every result that came from it names."""
        return self._process.version

    async def open(self, site: Site) -> ChromiumBrowser:
        """A new tab, in a context of its own, that sees ``site`` and nothing else."""
        context = await self._process.new_context(
            java_script_enabled=False,
            viewport=VIEWPORT,  # type: ignore[arg-type]
            device_scale_factor=1,
            locale="en-US",
            timezone_id="UTC",
            color_scheme="light",
            reduced_motion="reduce",
            service_workers="block",
        )
        context.set_default_timeout(_PATIENCE_MS)
        page = await context.new_page()
        browser = ChromiumBrowser(context, page, await context.new_cdp_session(page), Web(site))
        await browser.start()
        return browser


@asynccontextmanager
async def chromium(executable: str = EXECUTABLE) -> AsyncIterator[Chromium]:
    """Starts a Chromium and stops it again."""
    async with async_playwright() as playwright:
        process = await playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        try:
            yield Chromium(process)
        finally:
            await process.close()


class ChromiumBrowser:
    """One tab of a real browser; a :class:`~app_clones.browser.base.Browser`."""

    def __init__(self, context: BrowserContext, page: Page, devtools: CDPSession, web: Web) -> None:
        self._context = context
        self._page = page
        self._devtools = devtools
        self._web = web
        self._title = ""
        self._asked = 0  # page requests so far
        self._open: set[asyncio.Task[None]] = set()
        self._failure: Exception | None = None
        self._still = asyncio.Event()  # nothing is being loaded, nor about to be
        self._still.set()
        self._arrived = asyncio.Event()  # every page that was asked for is there, or is not to come
        self._arrived.set()

    async def start(self) -> None:
        """Takes over the tab's requests; once, before anything else."""
        self._devtools.on("Fetch.requestPaused", self._on_request)
        for event in ("frameScheduledNavigation", "frameStartedLoading"):
            self._devtools.on(f"Page.{event}", lambda _: self._still.clear())
        self._devtools.on("Page.frameStoppedLoading", lambda _: self._still.set())
        self._devtools.on("Page.frameNavigated", lambda _: self._arrived.set())
        await self._devtools.send("Page.enable")
        await self._devtools.send("Fetch.enable", {"patterns": [{"urlPattern": "*"}]})

    @property
    def url(self) -> str:
        return self._page.url

    @property
    def title(self) -> str:
        return self._title

    async def navigate(self, url: str) -> None:
        target = normal_url(url)
        try:
            await self._page.goto(target)
        except PlaywrightError as error:
            if "ERR_ABORTED" not in error.message:
                raise  # aborted: a download, an empty answer; the page stays
        await self._settle()

    async def back(self) -> None:
        history = await self._devtools.send("Page.getNavigationHistory")
        # The first entry is the blank page that every tab opens with.
        if history["currentIndex"] <= 1:
            raise BrowserError("no_history", "there is no page to go back to")
        await self._page.go_back()
        await self._settle()

    async def click(self, ref: str) -> None:
        element = await self._find(ref)
        target = await self._probe(element)
        await self._click(element, target, ref)
        await self._settle()

    async def type(self, ref: str, text: str, submit: bool = False) -> None:
        element = await self._find(ref)
        await self._fill(element, await self._probe(element), ref, text)
        if submit:
            await self._page.keyboard.press("Enter")
        await self._settle()

    async def fill_form(self, fields: Sequence[Field]) -> None:
        for field in fields:
            element = await self._find(field.ref)
            target = await self._probe(element)
            if (wanted := wanted_check(target, field)) is not None:
                if wanted != target.checked:
                    await self._click(element, target, field.ref)
            elif target.tag == "select":
                await self._select(element, target, field.ref, [str(field.value)])
            else:
                await self._fill(element, target, field.ref, str(field.value))
            await self._settle()

    async def select_option(self, ref: str, values: Sequence[str]) -> None:
        element = await self._find(ref)
        await self._select(element, await self._probe(element), ref, values)
        await self._settle()

    async def press_key(self, key: str) -> None:
        focus = await self._page.evaluate_handle("() => document.activeElement")
        active = focus.as_element()
        check_key(key, Target(**await active.evaluate(PROBE)) if active else None)
        await self._page.keyboard.press(key)
        while key.endswith("Tab") and await self._page.evaluate(_SCROLLS):
            await self._page.keyboard.press(key)
        await self._settle()
        if key.endswith("Tab") and not await self._page.evaluate("document.hasFocus()"):
            # Tab has left the page for the window around it, which is not there for an agent: it starts over.
            await self._page.bring_to_front()
            await self._page.evaluate("window.focus()")

    async def hover(self, ref: str) -> None:
        element = await self._find(ref)
        await element.hover(force=True)

    async def snapshot(self) -> str:
        return await self._page.aria_snapshot(mode="ai")

    async def close(self) -> None:
        await self._context.close()

    async def screenshot(self) -> bytes:
        """What is to be seen in the viewport, as PNG, 1280 by 800 pixels."""
        return await self._page.screenshot(animations="disabled", caret="hide", scale="css")

    async def click_xy(self, x: float, y: float) -> None:
        """Clicks at a point of the viewport, in CSS pixels."""
        await self._page.mouse.click(x, y)
        await self._settle()

    async def type_text(self, text: str) -> None:
        """Types where the focus is."""
        await self._page.keyboard.type(text)
        await self._settle()

    async def press(self, key: str) -> None:
        """Presses any key, named as Playwright names them, or a chord (``Control+A``).

        Raises BrowserError for what is no key.
        """
        try:
            await self._page.keyboard.press(key)
        except PlaywrightError as error:
            if "Unknown key" not in error.message:
                raise
            raise BrowserError("bad_key", f"there is no key {key[:40]!r}") from None
        await self._settle()

    async def scroll(self, dx: float, dy: float) -> None:
        """Scrolls what is under the pointer, in CSS pixels."""
        await self._page.mouse.wheel(dx, dy)
        await self._settle()

    async def _find(self, ref: str) -> Locator:
        if is_ref(ref):
            found = self._page.locator(f"aria-ref={ref}")
            with suppress(PlaywrightError):  # a ref of an earlier page
                if await found.count():
                    return found
        raise unknown(ref)

    async def _probe(self, element: Locator) -> Target:
        return Target(**await element.evaluate(PROBE))

    async def _click(self, element: Locator, target: Target, ref: str) -> None:
        if check_click(target, ref) == "focus":
            await element.evaluate(
                "e => { const c = e.closest('label'); (e.closest('input,select,textarea') || c.control).focus(); }"
            )
        else:
            await element.click()

    async def _fill(self, element: Locator, target: Target, ref: str, text: str) -> None:
        check_text(target, ref, text)
        await element.fill(text)

    async def _select(self, element: Locator, target: Target, ref: str, values: Sequence[str]) -> None:
        check_options(target, ref, values)
        await element.select_option(list(values))

    async def _settle(self) -> None:
        """Waits until what was begun is done: no request open, the page loaded, and nothing new since, looked at twice.

        A form's submission is a task of the renderer's own that a first look may come before.
        """
        quiet = 0
        while True:
            asked = self._asked
            while self._open:
                await asyncio.wait(set(self._open))
            try:
                # To the renderer and back: what an action has begun there has been told by then.
                await self._devtools.send("Runtime.evaluate", {"expression": "1"})
                for event in (self._arrived, self._still):
                    await asyncio.wait_for(event.wait(), _PATIENCE_MS / 1000)
                await self._page.wait_for_load_state("load")
                loaded, title = await self._page.evaluate("[document.readyState, document.title]")
            except PlaywrightError as error:
                if not any(word in error.message.lower() for word in _LEFT):
                    raise
                continue
            done = not self._open and self._arrived.is_set() and self._still.is_set()
            quiet = quiet + 1 if loaded == "complete" and asked == self._asked and done else 0
            if quiet == 2:
                self._title = title
                break
            if quiet:
                await asyncio.sleep(_SECOND_LOOK_S)
        if self._failure is not None:
            raise self._failure

    def _on_request(self, event: dict[str, Any]) -> None:
        if event["resourceType"] == "Document":
            self._asked += 1
            self._arrived.clear()
        task = asyncio.ensure_future(self._reply(event))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _reply(self, event: dict[str, Any]) -> None:
        try:
            await self._devtools.send("Fetch.fulfillRequest", await self._answer(event))
        except PlaywrightError:
            return  # the tab was closed, or has gone elsewhere, meanwhile
        except Exception as error:
            # Kept for the action that waits: a task's own exception would be lost.
            self._failure = error
            self._arrived.set()
            await self._devtools.send("Fetch.failRequest", {"requestId": event["requestId"], "errorReason": "Failed"})

    async def _answer(self, event: dict[str, Any]) -> dict[str, Any]:
        request = event["request"]
        url = request["url"].partition("#")[0]
        if event["resourceType"] == "Other":
            return _fulfilled(event, 404, {}, b"")  # the tab's icon, which no page asked for
        if event["resourceType"] != "Document":
            reply = await self._web.asset(url)
            kind = reply.headers.get("content-type", "text/plain")
            return _fulfilled(event, reply.status, {"content-type": kind}, reply.body)
        headers = {name.lower(): value for name, value in request["headers"].items()}
        answer = await self._web.page(request["method"], url, _body(request), headers.get("content-type", ""))
        if answer.location is not None:
            return _fulfilled(event, answer.status, {"location": answer.location}, b"")
        if answer.html is None:
            self._arrived.set()
            return _fulfilled(event, 204, {}, b"")
        return _fulfilled(event, answer.status, {"content-type": "text/html; charset=utf-8"}, answer.html.encode())


def _fulfilled(event: dict[str, Any], status: int, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    return {
        "requestId": event["requestId"],
        "responseCode": status,
        "responseHeaders": [{"name": name, "value": value} for name, value in headers.items()],
        "body": base64.b64encode(body).decode(),
    }


def _body(request: dict[str, Any]) -> bytes:
    return b"".join(base64.b64decode(entry.get("bytes", "")) for entry in request.get("postDataEntries", ()))
