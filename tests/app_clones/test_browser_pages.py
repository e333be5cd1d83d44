"""Both drivers see each of 200 varied pages alike, and a difference planted in one of them is caught."""

from __future__ import annotations

import struct
import zlib

import pytest

from app_clones.browser import aria
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


async def differing(numbers) -> list[int]:
    """Those of these pages that the two drivers tell differently."""
    found = []
    async with chromium() as process:
        dom, real = DomBrowser(Pages()), await process.open(Pages())
        for number in numbers:
            await dom.navigate(f"/{number}")
            await real.navigate(f"/{number}")
            if (await dom.snapshot(), dom.title, dom.url) != (await real.snapshot(), real.title, real.url):
                found.append(number)
    return found


def test_a_page_is_a_pure_function_of_its_seed():
    assert [page(seed) for seed in range(5)] == [page(seed) for seed in range(5)]
    assert len({page(seed) for seed in range(PAGES)}) == PAGES


async def test_both_drivers_see_every_page_alike():
    assert await differing(range(PAGES)) == []


@pytest.mark.parametrize("fault", ["role", "ref", "state", "text"])
async def test_a_difference_planted_in_one_driver_is_caught(monkeypatch, fault):
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
    assert await differing(range(12))
