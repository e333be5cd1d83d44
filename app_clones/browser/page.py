"""A parsed page: elements with their styles and roles, shared by every document made of the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from app_clones.browser.css import Cascade, Style
from app_clones.browser.element import Element, Ref, is_labelable, number
from app_clones.browser.roles import role
from app_clones.browser.text import HTML_SPACE, SPACE

_NONE: dict[str, str] = {}

#: Elements that have a box of their own size, whatever is in them.
_SIZED = frozenset("button dialog fieldset hr iframe input meter progress select td textarea th".split())
_IGNORED = frozenset({"style", "script", "noscript", "template"})


@dataclass(frozen=True, slots=True)
class First:
    """The first snapshot of any document of a page: its text, and the refs that it issued."""

    text: str
    refs: Mapping[Element, Ref]
    shown: dict[str, Element]


class Page:
    """What one answer's bytes say under its style sheets. Immutable: values, focus, refs are a ``Document``'s."""

    def __init__(self, html: str) -> None:
        self._html = html
        self._under: tuple[str, ...] | None = None
        self.first: First | None = None
        self.elements: list[Element] = []
        self.ids: dict[str, Element] = {}
        self.root = self._read(LexborHTMLParser(html).root)
        self.has_details = any(element.tag == "details" for element in self.elements)

    @cached_property
    def body(self) -> Element:
        """The body; the parser gives every page one."""
        return next(element for element in self.root.elements() if element.tag == "body")

    @cached_property
    def title(self) -> str:
        """The title, white space stripped and collapsed."""
        for element in self.elements:
            if element.tag == "title":
                return " ".join(element.text().split())
        return ""

    @cached_property
    def sheets(self) -> list[tuple[str, str]]:
        """Its style sheets in order, as ``("link", href)`` or ``("text", css)``."""
        found = []
        for element in self.elements:
            if element.tag == "style":
                found.append(("text", element.text()))
            elif element.tag == "link" and "stylesheet" in element.attrs.get("rel", "").lower().split():
                found.append(("link", element.attrs.get("href", "")))
        return found

    @cached_property
    def labels(self) -> dict[Element, list[Element]]:
        """The labels of each control that has some, in document order."""
        found: dict[Element, list[Element]] = {}
        for element in self.elements:
            if element.tag == "label" and (control := self.control_of(element)) is not None:
                found.setdefault(control, []).append(element)
        return found

    def control_of(self, label: Element) -> Element | None:
        """What a label labels."""
        if "for" in label.attrs:
            named = self.ids.get(label.attrs["for"])
            return named if named is not None and is_labelable(named) else None
        return next((element for element in label.within() if is_labelable(element)), None)

    def under(self, sheets: tuple[str, ...]) -> Page:
        """The page under these style sheets: this one, unless it is in use under others."""
        if self._under is None:
            self.apply(sheets)
        if self._under == sheets:
            return self
        return Page(self._html).under(sheets)

    def apply(self, sheets: tuple[str, ...]) -> None:
        """Computes every element's style and role under these sheets; once, before the page is used."""
        self._under = sheets
        cascade = Cascade.of(sheets)
        _style(self.root, cascade.root, cascade, False)
        for element in self.elements:
            element.role = role(element, self.ids)

    def _read(self, root: Any) -> Element:
        elements, ids = self.elements, self.ids
        html = Element("html", _given(root.attributes), None, 0)
        elements.append(html)

        def read(node: Any, into: Element) -> None:
            children = into.children
            child = node.first_child
            while child is not None:
                tag = child.tag
                if tag == "-text":
                    children.append(child.text_content)
                elif tag == "-comment":
                    children.append(None)
                else:
                    element = Element(tag, _given(child.attributes), into, len(elements))
                    if element.attrs and "id" in element.attrs:
                        ids.setdefault(element.attrs["id"], element)
                    elements.append(element)
                    children.append(element)
                    read(child, element)
                child = child.next

        read(root, html)
        return html


def _given(attributes: dict[str, str | None]) -> dict[str, str]:
    if not attributes:
        return _NONE
    return {name: value or "" for name, value in attributes.items()}


def _style(element: Element, parent: Style, cascade: Cascade, gone: bool) -> bool:
    """Styles ``element`` and all in it; returns whether it takes up space.

    It does where there is text in it, or an element that always does (a control, a cell). An empty box, to which a
    style sheet might give a size, is what the linter forbids. ``gone``: it lies in what is not displayed, or
    ``aria-hidden``.
    """
    style = element.style = cascade.style(parent, element.tag, element.attrs)
    none = style.display == "none"
    gone = gone or none or (bool(element.attrs) and element.attrs.get("aria-hidden", "").lower() == "true")
    filled = False
    handle: bool | None = None  # does the summary of a details take up space?
    for child in element.children:
        if isinstance(child, str):
            filled = filled or bool(child.strip(HTML_SPACE)) or element.tag == "pre"
        elif child is not None:
            taken = _style(child, style, cascade, gone)
            filled = filled or taken
            if child.tag == "summary" and handle is None:
                handle = taken
    if none:
        filled = False
    elif element.tag in _SIZED or (style.display == "list-item" and style.marker != "none"):
        filled = True
    elif element.tag == "img":
        filled = _image_has_size(element)
    elif element.tag == "details":
        filled = handle is not False or (filled and "open" in element.attrs)  # without one, Chromium shows its own
    _see(element, filled, gone)
    return filled


def _see(element: Element, filled: bool, gone: bool) -> None:
    """Whether there is something of it to see and to hear, details aside."""
    shown = element.style.shown
    exempt = False
    if element.tag in ("option", "optgroup") and (select := element.closest("select")) is not None:
        shown = shown and select.is_listbox
        # An option is heard even while its select is closed; a group of options is not.
        exempt = element.tag == "option"
    element.boxed = filled and shown
    element.hidden = gone or element.tag in _IGNORED or not (shown or exempt)


def _image_has_size(image: Element) -> bool:
    sides = [image.attrs.get("width"), image.attrs.get("height")]
    return all(number(side) > 0 for side in sides) or bool(image.attrs.get("alt", "").strip(SPACE))
