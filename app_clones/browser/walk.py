"""Random walks in two browsers at once: the same actions, and after each the same page, address and state."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import unified_diff
from random import Random

from app_clones.browser.base import KEYS, Browser, BrowserError, Field
from app_clones.browser.chromium import Chromium
from app_clones.browser.dom import DomBrowser
from app_clones.browser.web import WorldSite
from app_clones.kit.app import App
from app_clones.kit.seeds import derive
from app_clones.kit.world import World

#: Of a finding's difference so many lines are kept.
_MOST_LINES = 40
_LINE = re.compile(r"- '?(\w+)(.*?)\[ref=((?:f\d+)?e\d+)\]")
#: What stands on a page: a search for it finds something.
_SAID = re.compile(r'- \w+ "([^"\\]+)"')
_TEXTS = (
    "hello", "two words", "", "x@example.com", "a & b = c", "ünïcode 日本", "<b>", "42", "  padded  ", "line\nbreak",
    "from:ana", "100% #1", "it's \"quoted\"", "-1.5", "2026-03-01",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Action:
    """One action of a walk: a method's name and its arguments."""

    name: str
    args: tuple[object, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}{self.args}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A step after which the two browsers differ. ``what``: snapshot, url, title, digest or error."""

    step: int
    action: str
    what: str
    url: str
    difference: str


@dataclass(slots=True)
class Pair:
    """Two browsers on two forks of one snapshot: the DOM's and Chromium's."""

    dom: DomBrowser
    chromium: Browser
    dom_world: World
    chromium_world: World


@dataclass(slots=True)
class Walk:
    """What came of a walk: of the page after each step, its ``nodes`` (elements of the document, its head included,
    text not counted) and the ``lines`` of its snapshot; and where the two browsers differed."""

    nodes: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """How many were taken."""
        return len(self.nodes)

    async def compare(self, pair: Pair, action: object, errors: Sequence[str]) -> str:
        """Compares the two after a step, which came to these ``errors`` in them; returns what the DOM's shows."""
        shown = await pair.dom.snapshot()
        compared = (
            ("error", *errors),
            ("url", pair.dom.url, pair.chromium.url),
            ("digest", pair.dom_world.state_digest, pair.chromium_world.state_digest),
            ("snapshot", shown, await pair.chromium.snapshot()),
            ("title", pair.dom.title, pair.chromium.title),
        )
        for what, mine, theirs in compared:
            if mine != theirs:
                self.findings.append(Finding(self.steps, str(action), what, pair.dom.url, _differ(theirs, mine)))
        self.nodes.append(pair.dom.nodes)
        self.lines.append(shown.count("\n") + 1)
        return shown


async def walk(
    chromium: Chromium,
    snapshot: bytes,
    apps: Sequence[App],
    starts: Sequence[str],
    *,
    steps: int,
    seed: int,
    actor: int = 1,
) -> Walk:
    """One seeded walk of at most ``steps`` steps over a world, from one of ``starts``; it ends where the two differ.

    The same arguments give the same walk: to go on with many, go on with the next seed.
    """
    with World.fork(snapshot, apps) as one, World.fork(snapshot, apps) as other:
        dom = DomBrowser(WorldSite(one, actor))
        real = await chromium.open(WorldSite(other, actor))
        try:
            return await follow(Pair(dom, real, one, other), Random(derive(seed, "walk")), starts, steps)
        finally:
            await dom.close()
            await real.close()


async def follow(pair: Pair, rng: Random, starts: Sequence[str], steps: int) -> Walk:
    """Walks in both browsers of ``pair`` by the draws of ``rng``, until they differ or ``steps`` are done."""
    done = Walk()
    action = Action("navigate", (rng.choice(list(starts)),))
    while done.steps < steps and not done.findings:
        errors = [await _act(browser, action) for browser in (pair.dom, pair.chromium)]
        shown = await done.compare(pair, action, errors)
        action = draw(rng, shown, starts)
    return done


async def _act(browser: Browser, action: Action) -> str:
    """Does it; returns the code of the mistake that it was, or ""."""
    try:
        await getattr(browser, action.name)(*action.args)
    except BrowserError as error:
        return error.code
    return ""


def draw(rng: Random, shown: str, starts: Sequence[str]) -> Action:
    """A random action on the page shown; now and then one that makes no sense there."""
    refs = [(match[1], match[3]) for match in _LINE.finditer(shown)]
    roll = rng.random()
    if roll < 0.30:
        return Action("navigate", (rng.choice(list(starts)),))
    if roll < 0.36:
        return Action("back")
    if roll < 0.44:
        return Action("press_key", (rng.choice((*KEYS, "Tab", "Tab", "Enter", "q")),))
    if roll < 0.46:
        return Action("hover", (rng.choice(refs)[1],)) if refs else Action("back")
    if roll < 0.49 or not refs:
        return Action(rng.choice(("click", "hover")), (rng.choice(("e999", "f1e1", "nothing")),))
    role, ref = rng.choice(refs)
    useful = [one for one in refs if one[0] in _DRAWN]
    if useful and rng.random() < 0.9:
        role, ref = rng.choice(useful)
    return _on(rng, role, ref, shown)


_DRAWN = ("link", "button", "textbox", "searchbox", "combobox", "listbox", "checkbox", "radio", "spinbutton", "slider")


def _on(rng: Random, role: str, ref: str, shown: str) -> Action:
    said = _SAID.findall(shown)
    text = rng.choice(said) if said and rng.random() < 0.5 else rng.choice(_TEXTS)
    if role in ("textbox", "searchbox", "spinbutton", "slider") and rng.random() < 0.85:
        if rng.random() < 0.3:
            return Action("fill_form", ([Field(ref, text)],))
        return Action("type", (ref, text, rng.random() < 0.3))
    if role in ("combobox", "listbox"):
        names = re.findall(r'- option "([^"\\]*)"', shown)
        chosen = rng.choice(names) if names and rng.random() < 0.9 else "no such option"
        return Action("select_option", (ref, [chosen]))
    if role in ("checkbox", "radio") and rng.random() < 0.5:
        return Action("fill_form", ([Field(ref, rng.random() < 0.7)],))
    return Action("click", (ref,))


def _differ(theirs: str, mine: str) -> str:
    lines = unified_diff(theirs.split("\n"), mine.split("\n"), "chromium", "dom", lineterm="", n=2)
    return "\n".join([line for line, _ in zip(lines, range(_MOST_LINES), strict=False)])
