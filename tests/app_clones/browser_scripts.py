"""Scripts of browser actions that name elements as a snapshot shows them, for the tests of both drivers."""

from __future__ import annotations

import re

from app_clones.browser.base import BrowserError, Field


def ref_of(shown: str, what: str) -> str:
    """The ref of the first line that begins so, or ``what`` itself."""
    match = re.search(rf"- '?{re.escape(what)}.*?\[ref=(\w+)\]", shown)
    return match[1] if match else what


async def act(browser, action) -> str:
    """Does one action of a script; the code of the mistake that it was, or ""."""
    name, *args = action
    shown = await browser.snapshot()
    if name == "fill_form":
        args = [[Field(ref_of(shown, what), value) for what, value in args[0]]]
    elif args and name not in ("press_key", "navigate"):
        args[0] = ref_of(shown, args[0])
    try:
        await getattr(browser, name)(*args)
    except BrowserError as error:
        return error.code
    return ""
