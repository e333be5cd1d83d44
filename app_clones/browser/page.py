"""A parsed page: elements with their styles and roles, shared by every document made of the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from weakref import ref

from app_clones.browser.css import Cascade
from app_clones.browser.element import Element, is_labelable
from app_clones.browser.kinds import kind_of
from app_clones.browser.markup import VOID, pieces, serialized, sheets, start_tag, unescaped
from app_clones.browser.text import HTML_SPACE, SPACE, number


@dataclass(frozen=True, slots=True)
class First:
    """The first snapshot of any document of a page: its text, and the elements that it gave refs in turn, each with the
    name that it had then."""

    text: str
    elements: tuple[Element, ...]
    names: tuple[str, ...]


class Page:
    """What one answer's bytes say under its style sheets. Immutable: values, focus, refs are a ``Document``'s.

    Its elements are there once :meth:`apply` was told of its style sheets.
    """

    def __init__(self, html: str) -> None:
        self._html = html
        text = serialized(html)
        self._pieces = pieces(text)
        #: Its style sheets in order, as ``("link", href)`` or ``("text", css)``.
        self.sheets = sheets(text, self._pieces)
        self._under: tuple[str, ...] | None = None
        self.first: First | None = None
        #: What elements say as parts of a name, see ``Namer.said``.
        self.said: dict[Element, str | None] = {}
        #: The options of each select that it is shown with, as far as they were asked for.
        self.chosen: dict[Element, tuple[Element, ...]] = {}

    @cached_property
    def body(self) -> Element:
        """The body; the parser gives every page one."""
        return next(element for element in self.root.elements() if element.tag == "body")

    @cached_property
    def ids(self) -> dict[str, Element]:
        """The elements by id, of several with one id the first."""
        found: dict[str, Element] = {}
        for element in self.elements:
            if "id" in element.attrs:
                found.setdefault(element.attrs["id"], element)
        return found

    @cached_property
    def title(self) -> str:
        """The title, white space stripped and collapsed."""
        for element in self.elements:
            if element.tag == "title":
                return " ".join(element.text().split())
        return ""

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
        """Makes the elements, each with its style and kind under these sheets; once, before the page is used."""
        self._under = sheets
        #: All elements in document order.
        self.elements: list[Element] = []
        self._read(Cascade.of(sheets))
        self._pieces = []
        styles = {element.style for element in self.elements}
        #: The names of all attributes and elements in it.
        self.mentions = frozenset(name for style in styles for name in style.attrs)
        self.tags = frozenset(style.tag for style in styles)
        self.has_details = "details" in self.tags
        self.root = self.elements[0]
        for element in self.elements:
            element.kind = element.style.kind or kind_of(element, self.ids)

    def _read(self, cascade: Cascade) -> None:
        """Makes the elements of the pieces."""
        elements, deciding = self.elements, cascade.attrs
        here = Element(start_tag(""), cascade.root, None)
        path: list[Element] = []
        for source, _, text in self._pieces:
            if source[0] == "/":
                if source == "/template":  # what is in one is in no document
                    del elements[elements.index(here) + 1 :]
                    here.children = ()
                inner, here = here, path.pop()
                _close(inner, here)
            elif source[0] == "!":
                here.add(None)
            else:
                start, above = start_tag(source), here.style
                style = above.under.get(start.keys.get(deciding)) or cascade.style(above, start)
                element = Element(start, style, ref(here) if path else None)
                elements.append(element)
                here.add(element)
                if start.name in VOID:
                    _close(element, here)
                else:
                    path.append(here)
                    here = element
            if text:
                if "&" in text:
                    text = unescaped(text)
                if here.children:
                    here.add(text)
                else:
                    here.children = (text,)
                if not here.filled and (text.strip(HTML_SPACE) or here.tag == "pre"):
                    here.filled = True


def _close(element: Element, parent: Element) -> None:
    """Says whether it is filled and boxed, now that all in it is known, and so whether what it lies in is."""
    style = element.style
    filled = _is_filled(element) if style.takes is None else style.takes
    element.filled = filled
    element.boxed = filled and style.boxable
    if filled:
        parent.filled = True


def _is_filled(element: Element) -> bool:
    """Does it take up space, where that depends on what is in it?

    An empty box, to which a style sheet might give a size, is what the linter forbids.
    """
    if element.tag == "img":
        return _image_has_size(element)
    if element.tag == "details":
        handle = element.first("summary")  # without one, Chromium shows its own
        return handle is None or handle.filled or (element.filled and "open" in element.attrs)
    return element.filled


def _image_has_size(image: Element) -> bool:
    sides = [image.attrs.get("width"), image.attrs.get("height")]
    return all(number(side) > 0 for side in sides) or bool(image.attrs.get("alt", "").strip(SPACE))
