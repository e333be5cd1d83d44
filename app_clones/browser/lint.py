"""Holds pages and style sheets to the subset in which both drivers see the same (DESIGN 5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import tinycss2

from app_clones.browser.css import DECIDING, declarations, read_sheet
from app_clones.browser.document import Document
from app_clones.browser.element import Element
from app_clones.browser.names import Namer
from app_clones.browser.page import Page
from app_clones.browser.selectors import words
from app_clones.browser.text import blank
from app_clones.browser.values import sanitized

#: The values that deciding properties may take.
ALLOWED = {
    "display": frozenset(
        "none block inline inline-block flex inline-flex grid inline-grid list-item table inline-table table-row "
        "table-cell table-row-group table-header-group table-footer-group table-caption".split()
    ),
    "visibility": frozenset({"visible", "hidden"}),
    "cursor": frozenset({"auto", "default", "pointer", "text", "not-allowed", "help"}),
    "pointer-events": frozenset({"auto", "none"}),
    "position": frozenset({"static", "relative", "absolute", "sticky"}),
}
_BANNED_PROPERTIES = {
    "float": "floats change what a box is",
    "zoom": "it can make a box vanish",
    "transform": "it can make a box vanish",
    "scale": "it can make a box vanish",
    "content-visibility": "it hides what the document shows",
    "animation": "pages stand still",
    "animation-name": "pages stand still",
}
_BANNED_TAGS = frozenset(
    "script noscript iframe frame frameset object embed svg math canvas video audio map area slot base col colgroup "
    "ruby marquee template applet portal".split()
)
_BANNED_ATTRIBUTES = {
    "aria-owns": "the tree would no longer be the document's",
    "contenteditable": "text is typed into inputs and text areas",
    "inert": "only hidden and disabled are understood",
    "popover": "only dialog and details open",
    "download": "links lead to pages",
    "accesskey": "keys are the browser's",
    "ping": "links lead to pages",
}
_CONTROLS = frozenset({"input", "select", "textarea", "button"})
_INTERACTIVE = frozenset({"a", "button", "input", "select", "textarea", "summary", "label"})
#: Elements that may be empty: they are no box, have a size of their own, or are parts of a table or a select.
_MAY_BE_EMPTY = frozenset("br wbr option optgroup datalist td th tr tbody thead tfoot body html".split())


@dataclass(frozen=True, slots=True)
class Fault:
    """Something outside the subset: where (an element's path, or a sheet's line), which rule, and why."""

    where: str
    rule: str
    message: str


def lint_page(html: str, sheets: tuple[str, ...] = ()) -> list[Fault]:
    """The faults of a page under its linked style sheets; the sheets themselves are for :func:`lint_sheet`."""
    page = Page(html)
    own = tuple(text for kind, text in page.sheets if kind == "text")
    page.apply((*sheets, *own))
    faults = list(_document(page, html))
    for text in own:
        faults += lint_sheet(text)
    document = Document(page, "")
    # What is folded away is judged as it is seen once it is unfolded.
    document.opened.update((element, True) for element in page.elements if element.tag == "details")
    namer = Namer(document)
    for element in page.elements:
        for rule, message in (*_markup(element, page), *_content(element, namer)):
            faults.append(Fault(path(element), rule, message))
    return faults


def path(element: Element) -> str:
    """Where an element is, as a selector of its nearest ancestors."""
    parts: list[str] = []
    node: Element | None = element
    while node is not None and len(parts) < 4:
        part = node.tag
        if "id" in node.attrs:
            part += f"#{node.attrs['id']}"
        elif node.attrs.get("class"):
            part += "".join(f".{word}" for word in words(node.attrs["class"]))
        parts.append(part)
        node = node.parent
    return " > ".join(reversed(parts))


def _document(page: Page, html: str) -> Iterator[Fault]:
    if html.lstrip()[:9].lower() != "<!doctype":
        yield Fault("html", "doctype", "a page begins with <!doctype html>")
    if not page.root.attrs.get("lang"):
        yield Fault("html", "lang", "a page says its language")
    if not page.title:
        yield Fault("head", "title", "a page has a title")
    seen: set[str] = set()
    for element in page.elements:
        ident = element.attrs.get("id")
        if ident is not None and ident in seen:
            yield Fault(path(element), "id", f"the id {ident!r} is there twice")
        seen.add(ident or "")
    if sum("autofocus" in element.attrs for element in page.elements) > 1:
        yield Fault("html", "autofocus", "one element at most takes the focus")


def _markup(element: Element, page: Page) -> Iterator[tuple[str, str]]:
    attrs = element.attrs
    if element.tag in _BANNED_TAGS or "-" in element.tag:
        yield "element", f"<{element.tag}> is outside the subset"
    if element.tag == "meta" and attrs.get("http-equiv", "").lower() == "refresh":
        yield "refresh", "a page stays until something is done"
    if not attrs:
        return
    for name, value in attrs.items():
        yield from _attribute(element, name, value, page)
    if attrs.get("target", "_self").lower() != "_self":
        yield "target", "there is one tab"
    if attrs.get("hidden", "").lower() == "until-found":
        yield "hidden", "hidden is hidden"
    tabindex = attrs.get("tabindex", "0").strip()
    if tabindex.isdigit() and int(tabindex):
        yield "tabindex", "the order of focus is the document's"
    if "style" in attrs:
        yield from _values(attrs["style"])


def _attribute(element: Element, name: str, value: str, page: Page) -> Iterator[tuple[str, str]]:
    scripted = name in ("href", "action", "formaction") and value.strip().lower().startswith("javascript:")
    if name in _BANNED_ATTRIBUTES:
        yield "attribute", f"{name}: {_BANNED_ATTRIBUTES[name]}"
    elif name.startswith("on") or scripted:
        yield "script", f"{name}: pages work without scripts"
    elif name in ("aria-labelledby", "aria-describedby") or (name == "for" and element.tag == "label"):
        for word in words(value):
            if word not in page.ids:
                yield "reference", f"{name}: there is no element of the id {word!r}"


def _content(element: Element, namer: Namer) -> Iterator[tuple[str, str]]:
    tag, attrs = element.tag, element.attrs
    if tag in _INTERACTIVE:
        yield from _nesting(element, namer)
    if not element.style.rendered:
        return
    if tag == "img" and not all(attrs.get(name, "").isdigit() and "alt" in attrs for name in ("width", "height")):
        yield "image", "an image has alt, width and height, so that its place is known before it is"
    value = attrs.get("value", "#")
    if tag == "input" and element.type == "color" and sanitized("color", value, {}) != value:
        yield "color", "a colour's value is #rrggbb, in small letters"
    if tag == "input" and attrs.get("pattern") and not _is_pattern(attrs["pattern"]):
        yield "pattern", "this pattern cannot be read"
    if tag == "details" and element.first("summary") is None:
        yield "details", "details have a summary"
    named = tag in _CONTROLS or (tag in ("a", "summary") and element.role in ("link", ""))
    if named and not element.hidden and (tag != "a" or "href" in attrs) and blank(namer.name(element).text):
        yield "name", "a control or link has a name"
    typed = tag in ("input", "textarea") and element.type not in ("submit", "reset", "button", "image", "hidden")
    labelled = element in namer.labels or any(one in attrs for one in ("aria-label", "aria-labelledby", "title"))
    if typed and not element.hidden and not labelled:
        yield "label", "a field has a label; a placeholder is none"
    if not element.boxed and element.style.shown and tag not in _MAY_BE_EMPTY:
        yield "empty", "an empty box: whether it is seen depends on its size"


def _nesting(element: Element, namer: Namer) -> Iterator[tuple[str, str]]:
    for above in element.ancestors():
        if above.tag == "a" and "href" not in above.attrs:
            continue
        if above.tag == "label" and element in namer.labels and above in namer.labels[element]:
            continue
        if above.tag in _INTERACTIVE:
            yield "nested", f"<{element.tag}> in <{above.tag}>: which of them a click means depends on where it is"
            return


def _is_pattern(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def lint_sheet(text: str) -> list[Fault]:
    """The faults of a style sheet."""
    faults = [Fault("style sheet", "selector", problem) for problem in read_sheet(text).problems]
    for rule in tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True):
        where = f"line {rule.source_line}"
        if rule.type == "qualified-rule":
            name = tinycss2.serialize(rule.prelude).strip()
            faults += [Fault(f"{where}: {name}", kind, message) for kind, message in _values(rule.content)]
        elif rule.type == "at-rule":
            faults += [Fault(f"{where}: @{rule.lower_at_keyword}", kind, m) for kind, m in _at_rule(rule)]
    return faults


def _at_rule(rule: tinycss2.ast.AtRule) -> Iterator[tuple[str, str]]:
    if rule.lower_at_keyword not in ("media", "font-face", "charset", "supports", "layer"):
        yield "at-rule", f"@{rule.lower_at_keyword} is outside the subset"
    for inner in tinycss2.parse_rule_list(rule.content or (), skip_comments=True, skip_whitespace=True):
        if inner.type == "at-rule":
            yield from _at_rule(inner)
        elif inner.type == "qualified-rule":
            for item in declarations(inner.content):
                yield "media", f"{item.name} may not depend on @{rule.lower_at_keyword}"
            yield from ((kind, message) for kind, message in _values(inner.content) if kind == "property")


def _values(content: object) -> Iterator[tuple[str, str]]:
    for item in declarations(content):  # type: ignore[arg-type]
        if item.name in ALLOWED and item.value not in ALLOWED[item.name]:
            yield "value", f"{item.name}: {item.value} is outside the subset"
    for item in tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True):
        if item.type == "declaration" and item.lower_name not in DECIDING:
            value = tinycss2.serialize(item.value).strip().lower()
            if item.lower_name == "content" and value not in ("none", "normal"):
                yield "property", "content: what is read is in the document"
            elif item.lower_name in _BANNED_PROPERTIES and value != "none":
                yield "property", f"{item.lower_name}: {_BANNED_PROPERTIES[item.lower_name]}"
