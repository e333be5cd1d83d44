"""What becomes of a tab's history: one rule of Chromium's a test, in both drivers, compared after every action."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from app_clones.browser.chromium import chromium
from app_clones.browser.dom import DomBrowser
from app_clones.kit.asgi import Reply
from tests.app_clones.browser_scripts import act

INNER = """<h1>{told}</h1><p id="part">Part</p><label>Note <input name="note"></label>
<p><a href="/a">A</a> <a href="/b">B</a> <a href="/b/../a">A another way</a> <a href="/%61">A in percents</a>
<a href="/a#part">Part of A</a> <a href="/a#">Top of A</a> <a href="/to?url=/a">Sent to A</a>
<a href="/to?url=/a%23part">Sent to part of A</a> <a href="/once">Once</a> <a href="/once#part">Part of once</a>
<a href="/file">File</a></p>
<form action="/a"><input type="hidden" name="q" value="x"><button>Search</button></form>
<form action="/a#part"><input type="hidden" name="q" value="x"><button>Search part</button></form>
<form><button>Itself</button></form> <form action="/a" method="post"><button>Post</button></form>
<form action="/to?url=/a" method="post"><button>Post, then see A</button></form>
<form action="/to?status=307&amp;url=/a" method="post"><button>Post elsewhere</button></form>"""


class Shelf:
    """Pages that link to each other and are titled by what they were asked; ``asked`` counts them. ``/once`` is there
    once, and leads to ``/b`` from then on."""

    def __init__(self) -> None:
        self.asked = 0
        self.there = True

    async def ask(self, method, path, headers, body):
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        if parts.path == "/to":
            return Reply(int(query.get("status", ["303"])[0]), ((b"location", query["url"][0].encode()),), b"")
        if parts.path == "/file":
            return Reply(200, ((b"content-type", b"text/csv"), (b"content-disposition", b"attachment")), b"a,b")
        if parts.path == "/once":
            if not self.there:
                return Reply(303, ((b"location", b"/b"),), b"")
            self.there = False
        self.asked += 1
        told = escape(f"{method} {path}")
        html = (
            f'<!doctype html><html lang="en"><head><title>{told}</title></head><body>{INNER.format(told=told)}</body>'
        )
        return Reply(200, ((b"content-type", b"text/html; charset=utf-8"),), f"{html}</html>".encode())


BUTTONS = ("Search", "Search part", "Itself", "Post", "Post, then see A", "Post elsewhere")
BACK = (("back",),)


def at(*addresses):
    """Goes to each address."""
    return tuple(("navigate", address) for address in addresses)


def press(*names):
    """Clicks each link, button or field."""
    roles = {"Note": "textbox", **dict.fromkeys(BUTTONS, "button")}
    return tuple(("click", f'{roles.get(name, "link")} "{name}"') for name in names)


RULES = {
    # name: (script, where one comes on the way back from its end, requests for pages until then)
    "a link to where one is takes the entry's place": ((*at("/b", "/a"), *press("A", "A another way")), "/b", 5),
    "an address that is where one is takes the entry's place": (at("/b", "/a", "/a", "/b/../a"), "/b", 5),
    "an address written in another way is another": ((*at("/b", "/a"), *press("A in percents")), "/a /b", 5),
    "a form sent to where one is makes an entry, each time": (
        (*at("/b"), *press("Search", "Search", "Search")), "/a?q=x /a?q=x /b", 7),
    "a form sent to the address that one gave makes an entry": ((*at("/a?q=x"), *press("Search")), "/a?q=x", 3),
    "an address that a form led to takes that entry's place": (
        (*at("/b"), *press("Search"), *at("/a?q=x")), "/b", 4),
    "a form sent by post makes an entry": ((*at("/a"), *press("Post", "Post")), "/a /a", 5),
    "a link to where a post was sent takes the entry's place": ((*at("/b"), *press("Post", "A")), "/b", 4),
    "where redirects end does not matter": (
        (*at("/a"), *press("Sent to A", "Sent to A", "Post, then see A")), "/a /a /a", 7),
    "an address that is redirected to where one is makes an entry": (at("/a", "/to?url=/a"), "/a", 3),
    "after a redirect one is where it ended": ((*at("/b"), *press("Sent to A", "A")), "/b", 4),
    "a fragment leads within the document, whatever leads there": (
        (*at("/a"), *press("Part of A"), *at("/a#"), *press("Search", "Search part")),
        "/a?q=x /a# /a#part /a", 3),
    "a link to the same fragment makes no entry": ((*at("/a"), *press("Part of A", "Part of A")), "/a", 1),
    "an address with the same fragment makes an entry": (at("/b", "/a#part", "/a#part"), "/a#part /b", 3),
    "a form sent to the same fragment makes an entry": (
        (*at("/b"), *press("Search part", "Search part")), "/a?q=x#part /b", 3),
    "an address without the fragment is another": ((*at("/a#part"), *press("A")), "/a#part", 3),
    "places within a document are one document again after a way back": (
        (*at("/a"), *press("Part of A", "Top of A", "B")), "/a# /a#part /a", 3),
    "a place within a posted page is asked for by the same post": (
        (*at("/b"), *press("Post", "Part of A", "B")), "/a#part /a /b", 5),
    "what was sent on with its body is asked for so again": ((*at("/b"), *press("Post elsewhere", "B")), "/a /b", 5),
    "what leads elsewhere on the way back is a document of its own": (
        (*at("/a"), *press("Once", "Part of once", "B")), "/b#part /b /a", 6),
    "back within a document the focus goes where the fragment says": (
        (*at("/a#part"), *press("Top of A", "Note")), "/a#part", 1),
    "a file makes no entry": ((*at("/b"), *press("Search", "File")), "/b", 3),
    "going back and then on drops what was after": ((*at("/a"), *press("B"), *BACK, *press("Search")), "/a", 5),
    "going back and then to where one is drops nothing before": (
        (*at("/b", "/a"), *press("B"), *BACK, *press("A")), "/b", 6),
}  # fmt: skip


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def process():
    async with chromium() as running:
        yield running


@pytest.mark.parametrize("rule", RULES)
async def test_both_drivers_keep_the_rule_that(process, rule):
    script, way, asked = RULES[rule]
    mine, theirs = Shelf(), Shelf()
    dom, real = DomBrowser(mine), await process.open(theirs)
    for action in script:
        assert await both(dom, real, action) == ""
    trail = []
    while (error := await both(dom, real, ("back",))) == "":
        trail.append(real.url.removeprefix("http://world"))
    assert error == "no_history"
    assert " ".join(trail) == way
    assert (mine.asked, theirs.asked) == (asked, asked)


async def both(dom, real, action) -> str:
    """Does it in both, which must then show the same; the code of the mistake that it was, or ""."""
    codes = await act(dom, action), await act(real, action)
    mine = (codes[0], dom.url, dom.title, await dom.snapshot())
    assert mine == (codes[1], real.url, real.title, await real.snapshot()), action
    return codes[0]
