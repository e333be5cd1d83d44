"""Both drivers see each of 200 varied pages alike, and a difference planted in one of them is caught."""

from __future__ import annotations

import asyncio
import struct
import zlib
from functools import cache

import pytest

from app_clones.browser import aria, dom
from app_clones.browser.chromium import chromium
from app_clones.browser.dom import DomBrowser
from app_clones.kit.asgi import Reply
from tests.app_clones.browser_pages import page

PAGES = 200


def dot() -> bytes:
    """One red pixel, as PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")
    )


class Pages:
    """A site of generated pages: /0, /1, ..."""

    async def ask(self, method, path, headers, body):
        if path == "/dot.png":
            return Reply(200, ((b"content-type", b"image/png"),), dot())
        return Reply(200, ((b"content-type", b"text/html; charset=utf-8"),), page(int(path[1:])).encode())


async def look(browser, numbers) -> list[tuple[str, str, str]]:
    """What a browser says of each of these pages."""
    seen = []
    for number in numbers:
        await browser.navigate(f"/{number}")
        seen.append((await browser.snapshot(), browser.title, browser.url))
    return seen


@cache
def by_chromium() -> list[tuple[str, str, str]]:
    """What Chromium says of every page."""

    async def run():
        async with chromium() as process:
            return await look(await process.open(Pages()), range(PAGES))

    return asyncio.run(run())


def differing(count: int = PAGES) -> list[int]:
    """Those of the first pages that the DOM driver tells differently."""
    mine = asyncio.run(look(DomBrowser(Pages()), range(count)))
    return [number for number in range(count) if mine[number] != by_chromium()[number]]


def test_a_page_is_a_pure_function_of_its_seed():
    assert [page(seed) for seed in range(5)] == [page(seed) for seed in range(5)]
    assert len({page(seed) for seed in range(PAGES)}) == PAGES


def test_both_drivers_see_every_page_alike():
    assert differing() == []


@pytest.mark.parametrize("fault", ["role", "ref", "state", "text"])
def test_a_difference_planted_in_one_driver_is_caught(monkeypatch, fault):
    if fault == "role":
        made = aria.Node.__init__
        monkeypatch.setattr(
            aria.Node, "__init__", lambda node, role, name: made(node, "note" if role == "heading" else role, name)
        )
    elif fault == "ref":
        monkeypatch.setattr(aria._Builder, "_is_plain_text", lambda builder, element: False)
    elif fault == "state":
        monkeypatch.setattr(aria, "states", lambda element, document: ("", ""))
    else:
        monkeypatch.setattr("app_clones.browser.outline.squash", lambda text: text.strip())
    dom._parsed.cache_clear()  # what was told before the fault is not told again
    try:
        assert differing(12)
    finally:
        dom._parsed.cache_clear()
