"""A page read without a browser: its markup taken apart exactly, what is shared between elements and what is not."""

from __future__ import annotations

import gc
from weakref import ref

from app_clones.browser import aria
from app_clones.browser.document import Document
from app_clones.browser.page import Page


def read(body: str, head: str = "", *sheets: str) -> Page:
    page = Page(f"<!doctype html><html lang=en><head><title>t</title>{head}</head><body>{body}</body></html>")
    page.apply(sheets)
    return page


def roles(page: Page, tag: str) -> list[str]:
    return [element.role for element in page.elements if element.tag == tag]


def test_angle_brackets_in_attributes_and_texts_part_nothing():
    page = read('<p title="a < b > c &amp; d">one &lt; two &amp;amp; &gt; three</p><p>four</p>')
    first, second = (element for element in page.elements if element.tag == "p")
    assert first.attrs == {"title": "a < b > c & d"}
    assert (first.text(), second.text()) == ("one < two &amp; > three", "four")


def test_angle_brackets_in_names_comments_and_raw_texts_part_nothing():
    page = read('<!-- <b> --><script>if (a < b && c > d) "&lt;"</script><p a<b="1">x</p><i<j>y</i<j><p>z</p>')
    assert [element.tag for element in page.body.within()] == ["script", "p", "i<j", "p"]
    assert page.body.text() == 'if (a < b && c > d) "&lt;"xyz'
    assert next(page.body.elements()).text() == 'if (a < b && c > d) "&lt;"'
    assert "a<b" in page.mentions


def test_the_style_sheets_are_those_of_the_document_in_order_and_none_in_a_template():
    head = '<link rel="icon" href="/i"><link rel="stylesheet" href="/a?b&amp;c"><style>p > b { color: red }</style>'
    body = "<template><style>p { display: none }</style></template><p>x</p><link rel=stylesheet href=/b>"
    page = read(body, head)
    assert page.sheets == [("link", "/a?b&c"), ("text", "p > b { color: red }"), ("link", "/b")]
    assert "style" not in [element.tag for element in page.body.within()]


def test_heads_of_one_ancestry_have_roles_by_what_stands_beside_them():
    page = read(
        "<table><tr><th>a</th><th>b</th></tr><tr><th>c</th><td>d</td></tr><tr><th>e</th><th>f</th></tr></table>"
    )
    assert roles(page, "th") == ["columnheader", "columnheader", "rowheader", "columnheader", "columnheader"]


def test_inputs_of_one_ancestry_have_roles_by_the_list_that_there_is():
    page = read('<input list="there"><input list="nowhere"><datalist id="there"><option>x</option></datalist>')
    assert roles(page, "input") == ["combobox", "textbox"]


def test_an_attribute_that_only_a_style_sheet_looks_at_tells_elements_apart():
    page = read('<p data-k="1">a</p><p data-k="2">b</p>', "", '[data-k="2"] { cursor: pointer }')
    assert [element.kind.pointer for element in page.elements if element.tag == "p"] == [False, True]


def test_a_page_that_nobody_holds_is_gone_without_the_garbage_collector():
    gc.disable()
    try:
        page = read("<ul><li><a href=/x>one</a> two</li></ul><form><label>n <input></label></form>")
        assert "one" in aria.snapshot(Document(page, "http://world/"))
        link = next(element for element in page.elements if element.tag == "a")
        assert link.parent is not None
        assert link.parent.tag == "li"
        gone = [ref(element) for element in page.elements]
        del page, link
        assert {found() for found in gone} == {None}
    finally:
        gc.enable()


def test_a_second_document_of_a_page_has_the_refs_that_the_first_one_issued():
    page = read("<h1>x</h1><p><a href=/y>y</a></p>")
    first, second = Document(page, "http://world/"), Document(page, "http://world/", "f1")
    one, two = aria.snapshot(first), aria.snapshot(second)
    assert two == one.replace("[ref=", "[ref=f1")
    assert first.shown == second.shown
    assert first.shown
    second.touch()
    assert aria.snapshot(second) == two
