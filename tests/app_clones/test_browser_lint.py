"""The linter accepts the pages of the apps here, and finds each construct that the subset leaves out."""

from __future__ import annotations

import asyncio
from importlib.resources import files

import pytest

from app_clones.browser.lint import lint_page, lint_sheet
from app_clones.kit.asgi import request
from app_clones.kit.world import World
from app_clones.mail import MAIL

PAGES = ("/", "/?q=from%3Ame", "/folder/sent", "/folder/draft", "/labels", "/compose", "/thread/1", "/nowhere")


def sheet() -> str:
    return files("app_clones.mail").joinpath("templates/mail.css").read_text()


def whole(body: str, head: str = "<title>t</title>") -> str:
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'


def rules(html: str) -> set[str]:
    return {fault.rule for fault in lint_page(html)}


def test_mail_keeps_to_the_subset():
    options = {"mail": {"messages": 60}}
    with World.build([MAIL], seed=5, start_ms=1_741_000_000_000, step_ms=1000, persons=8, options=options) as world:
        for path in PAGES:
            html = asyncio.run(request(world, "GET", f"/mail{path}")).text
            assert lint_page(html, (sheet(),)) == [], path
    assert lint_sheet(sheet()) == []


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("<script>1</script>", "element"),
        ('<svg width="9" height="9"><text>x</text></svg>', "element"),
        ('<p id="a">x</p><p id="a">y</p>', "id"),
        ('<input name="a" placeholder="a">', "label"),
        ('<button type="button"><span aria-hidden="true">x</span></button>', "name"),
        ('<a href="/"><button>x</button></a>', "nested"),
        ('<a href="/" tabindex="2">x</a>', "tabindex"),
        ('<a href="/" target="_blank">x</a>', "target"),
        ('<p onclick="x()">x</p>', "script"),
        ('<a href="javascript:x()">x</a>', "script"),
        ("<div></div>", "empty"),
        ('<img src="/x.png" alt="x">', "image"),
        ('<label for="no">x</label>', "reference"),
        ('<div aria-owns="x">x</div>', "attribute"),
        ('<p style="display: contents">x</p>', "value"),
        ('<p style="float: left">x</p>', "property"),
        ("<details><p>x</p></details>", "details"),
        ("<details><summary>More</summary><input placeholder=a></details>", "label"),
    ],
)
def test_what_is_outside_the_subset_is_found_in_a_page(body, rule):
    assert rules(whole(body)) == {rule}


def test_a_field_that_is_folded_away_has_the_name_that_it_has_when_unfolded():
    folded = "<details><summary>More</summary><label for=n>Name</label><input id=n type=text></details>"
    assert rules(whole(folded)) == set()


def test_a_page_says_its_kind_language_and_title():
    assert rules("<p>x</p>") == {"doctype", "lang", "title"}


@pytest.mark.parametrize(
    ("css", "rule"),
    [
        ("p::before { content: 'x' }", "property"),
        ("p { float: left }", "property"),
        ("p { display: contents }", "value"),
        ("p { cursor: wait }", "value"),
        ("p { position: fixed }", "value"),
        ("@media (max-width: 9px) { p { display: none } }", "media"),
        ("@import url(x.css);", "at-rule"),
        ("p:hover { display: none }", "selector"),
        ("li + li { cursor: pointer }", "selector"),
        ("li:nth-child(2) { visibility: hidden }", "selector"),
    ],
)
def test_what_is_outside_the_subset_is_found_in_a_sheet(css, rule):
    assert {fault.rule for fault in lint_sheet(css)} == {rule}


def test_looks_may_depend_on_anything():
    assert lint_sheet("li:hover + li { color: red } @media (max-width: 9px) { p { margin: 0 } }") == []
