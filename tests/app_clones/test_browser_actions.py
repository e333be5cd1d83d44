"""Forms, keys, history and mistakes: the same script in both drivers, compared after every action."""

from __future__ import annotations

import re
from html import escape

import pytest

from app_clones.browser.chromium import chromium
from app_clones.browser.dom import DomBrowser
from app_clones.kit.asgi import Reply
from tests.app_clones.browser_scripts import act

FORM = """<h1>Form</h1><form method="post" action="/echo" enctype="{enctype}">
<label>Name <input name="name" required></label> <label>Age <input type="number" name="age" min="1" max="120"></label>
<label>Mail <input type="email" name="mail"></label> <label>Day <input type="date" name="day"></label>
<label>Code <input name="code" pattern="[a-z]+" maxlength="5" value="abc"></label>
<label><input type="checkbox" name="agree" value="yes"> Agree</label>
<fieldset><legend>Size</legend><label><input type="radio" name="size" value="s"> Small</label>
<label><input type="radio" name="size" value="l" checked> Large</label></fieldset>
<label>Kind <select name="kind"><option value="">none</option><option value="a">Alpha</option><option>Beta</option>
<option disabled>Gamma</option></select></label>
<label>Many <select name="many" multiple><option>one</option><option>two</option><option>three</option></select></label>
<label>Text <textarea name="text"></textarea></label> <input type="hidden" name="secret" value="1">
<label>Off <input name="off" disabled value="x"></label> <label>Fixed <input name="fixed" readonly value="r"></label>
<button name="do" value="save">Save</button> <button name="do" value="other" formaction="/other?x=1">Other</button>
<button type="reset">Reset</button> <button formmethod="get" formnovalidate>Get</button></form>
<details><summary>More</summary><p id="deep">Deep <a href="#top">Top</a></p></details>
<form action="/find" id="find"><label>Find <input type="search" name="q"></label></form>
<button form="find" name="by" value="outside">Outside</button>
<p><a href="/other?a=b#here">Other</a> <a href="#deep">Jump</a> <a href="mailto:x@example.com">Mail</a>
<a href="https://example.com/x">Far</a> <a href="/file">File</a> <a href="/moved">Moved</a> <a href="/text">Plain</a>
<a href="/">Same</a></p>"""


class Desk:
    """A site of one form, whose answers say what was sent."""

    async def ask(self, method, path, headers, body):
        if path == "/moved":
            return Reply(303, ((b"location", b"/other?moved=1"),), b"")
        if path == "/file":
            return Reply(200, ((b"content-type", b"text/csv"), (b"content-disposition", b"attachment")), b"a,b")
        if path == "/text":
            return Reply(200, ((b"content-type", b"application/json"),), b'{"a": [1, 2]}')
        if path.split("?")[0] in ("/", "/files"):
            inner = FORM.format(enctype="multipart/form-data" if path.startswith("/files") else "")
        else:
            sent = re.sub(r"-{4}[A-Za-z0-9]+", "BOUNDARY", body.decode())
            kind = headers.get("content-type", "").split(";")[0]
            told = f"{method} {path} {kind} {headers.get('origin', '')} {sent}"
            inner = f'<h1>Got</h1><p>{escape(told)}</p><p><a href="/">Back to it</a></p>'
        html = f'<!doctype html><html lang="en"><head><title>Desk</title></head><body>{inner}</body></html>'
        return Reply(200, ((b"content-type", b"text/html; charset=utf-8"),), html.encode())


FILLED = (
    ("type", 'textbox "Name"', "Ana & Zoë"), ("type", 'spinbutton "Age"', "41"), ("click", 'checkbox "Agree"'),
    ("click", 'radio "Small"'), ("select_option", 'combobox "Kind"', ["Alpha"]),
    ("select_option", 'listbox "Many"', ["one", "three"]), ("type", 'textbox "Text"', "two\nlines"),
    ("type", 'textbox "Day"', "2026-03-01"),
)  # fmt: skip

SCRIPTS = {
    "sent": (*FILLED, ("click", 'button "Save"')),
    "sent elsewhere": (*FILLED, ("click", 'button "Other"')),
    "sent as get": (*FILLED, ("click", 'button "Get"')),
    "multipart": (("navigate", "/files"), *FILLED, ("click", 'button "Save"')),
    "entered": (*FILLED, ("press_key", "Enter"), ("type", 'textbox "Name"', "x", True)),
    "reset": (*FILLED, ("click", 'button "Reset"')),
    "not valid": (
        ("click", 'button "Save"'), ("type", 'textbox "Name"', "x"), ("type", 'spinbutton "Age"', "300"),
        ("click", 'button "Save"'), ("type", 'spinbutton "Age"', ""), ("type", 'textbox "Mail"', "nobody"),
        ("click", 'button "Save"'), ("type", 'textbox "Mail"', "a@b"), ("type", 'textbox "Code"', "ABCDEFGH"),
        ("click", 'button "Save"'),
    ),
    "back": (*FILLED, ("click", 'button "Save"'), ("back",), ("click", 'link "Other"'), ("back",), ("back",)),
    "links": (
        ("click", 'link "Jump"'), ("click", 'link "Mail"'), ("click", 'link "File"'), ("click", 'link "Same"'),
        ("click", 'link "Moved"'), ("back",), ("click", 'link "Plain"'), ("back",), ("click", 'link "Far"'), ("back",),
    ),
    "search": (("type", 'searchbox "Find"', "a b+c", True), ("back",), ("click", 'button "Outside"')),
    "details": (("click", "generic \"More\""), ("click", 'link "Top"'), ("back",), ("click", "generic \"More\"")),
    "keys": (
        ("press_key", "Tab"), ("press_key", "Tab"), ("press_key", "Shift+Tab"), ("click", 'radio "Small"'),
        ("press_key", "ArrowDown"), ("press_key", "ArrowDown"), ("press_key", "Tab"), ("press_key", "ArrowDown"),
        ("press_key", "ArrowDown"), ("press_key", "ArrowUp"), ("click", 'checkbox "Agree"'), ("press_key", "Space"),
        ("type", 'searchbox "Find"', "gone"), ("press_key", "Escape"), ("press_key", "Tab"), ("press_key", "Enter"),
    ),
    "mistakes": (
        ("click", "e9999"), ("click", 'heading "Form"'), ("type", 'textbox "Off"', "x"), ("click", 'textbox "Off"'),
        ("type", 'textbox "Fixed"', "x"), ("type", 'spinbutton "Age"', "many"), ("type", 'textbox "Day"', "soon"),
        ("select_option", 'combobox "Kind"', ["Gamma"]), ("select_option", 'combobox "Kind"', ["Delta"]),
        ("select_option", 'textbox "Name"', ["x"]), ("type", 'button "Save"', "x"), ("press_key", "F5"), ("back",),
        ("navigate", "ftp://x/"),
    ),
    "filled": (
        ("fill_form", [("checkbox \"Agree\"", True), ('radio "Small"', "true"), ('combobox "Kind"', "Beta")]),
        ("fill_form", [("checkbox \"Agree\"", False), ('textbox "Name"', "n"), ('radio "Small"', False)]),
    ),
}  # fmt: skip


@pytest.fixture
async def process():
    async with chromium() as running:
        yield running


async def test_both_drivers_do_alike_at_every_step(process):
    differing = []
    for name, script in SCRIPTS.items():
        dom, real = DomBrowser(Desk()), await process.open(Desk())
        for step, action in enumerate((("navigate", "/"), *script)):
            codes = await act(dom, action), await act(real, action)
            mine = (codes[0], dom.url, dom.title, await dom.snapshot())
            theirs = (codes[1], real.url, real.title, await real.snapshot())
            if mine != theirs:
                differing.append((name, step, action, theirs, mine))
                break
        await real.close()
    assert differing == []


class Strip:
    """Links, and between them text that has to be scrolled; at ``/one`` a single link."""

    async def ask(self, method, path, headers, body):
        long = f'<pre style="overflow: auto; max-height: 40px; white-space: pre-wrap">{"many words " * 300}</pre>'
        inner = f'<p>Here</p><a href="/a">First</a>{"" if path == "/one" else long + """<a href="/b">Last</a>"""}'
        html = f'<!doctype html><html lang="en"><head><title>Strip</title></head><body>{inner}</body></html>'
        return Reply(200, ((b"content-type", b"text/html; charset=utf-8"),), html.encode())


@pytest.mark.parametrize("path", ["/", "/one"])
async def test_tab_stops_at_nothing_that_merely_scrolls_and_starts_over_at_the_ends_of_a_page(process, path):
    for keys in ("TTTTT", "SSSSS", "TTSS", "TTTSST", "STT"):
        dom, real = DomBrowser(Strip()), await process.open(Strip())
        for action in (("navigate", path), *(("press_key", {"T": "Tab", "S": "Shift+Tab"}[key]) for key in keys)):
            assert (await act(dom, action), await act(real, action)) == ("", "")
            assert await dom.snapshot() == await real.snapshot(), (keys, action)
        await real.close()


@pytest.mark.parametrize(("what", "code"), [("e9999", "unknown_ref"), ('heading "Form"', "not_interactive")])
async def test_a_mistake_changes_nothing_and_says_what_it_was(what, code):
    dom = DomBrowser(Desk())
    await dom.navigate("/")
    before = await dom.snapshot()
    assert await act(dom, ("click", what)) == code
    assert await dom.snapshot() == before
