"""An element of a parsed page, and what of HTML's own rules follows from its name and attributes alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from weakref import ReferenceType

from app_clones.browser.css import Style, is_listbox
from app_clones.browser.markup import StartTag

if TYPE_CHECKING:
    from app_clones.browser.kinds import Kind

#: Elements whose labels a ``label`` element can be.
LABELABLE = frozenset({"button", "input", "meter", "output", "progress", "select", "textarea"})

INPUT_TYPES = frozenset(
    "hidden text search tel url email password date month week time datetime-local number range color checkbox radio "
    "file submit image reset button".split()
)


class Element:
    """One element, never changed once its page is made. ``children`` holds elements, texts, and None for a comment.

    ``style``: what the page's style sheets make of it. ``filled``: there is something in it that takes up space;
    ``boxed``: there is something of it to see. ``kind``: what follows from its style and role, known once the page is
    whole. That it is boxed or hidden holds as far as no ``details`` it lies in is closed, which is a document's state.

    It knows what it lies in, ``above``, by a weak reference: so a page goes as soon as nobody holds it, and leaves
    nothing for the garbage collector, which would look through all pages each time.
    """

    __slots__ = ("__weakref__", "above", "attrs", "boxed", "children", "filled", "kind", "style", "tag")

    boxed: bool
    kind: Kind

    def __init__(self, start: StartTag, style: Style, above: ReferenceType[Element] | None) -> None:
        self.tag = start.name
        self.attrs = start.attrs
        self.style = style
        self.above = above
        # Most elements hold a text or nothing: a tuple of that is nothing that the garbage collector looks through.
        self.children: list[Element | str | None] | tuple[()] | tuple[str] = ()
        self.filled = False

    def add(self, child: Element | str | None) -> None:
        """Puts ``child`` behind what is in it, while its page is read."""
        if isinstance(self.children, list):
            self.children.append(child)
        else:
            self.children = [*self.children, child]

    def __repr__(self) -> str:
        return f"<{self.tag} {self.attrs}>"

    @property
    def parent(self) -> Element | None:
        """What it lies in; None of the root, and once its page is gone."""
        return self.above() if self.above is not None else None

    @property
    def role(self) -> str:
        """Its ARIA role; "" where it has none."""
        return self.kind.role

    @property
    def hidden(self) -> bool:
        """Does assistive technology leave it out?"""
        return self.style.hidden

    def elements(self) -> Iterator[Element]:
        """Its child elements."""
        return (child for child in self.children if isinstance(child, Element))

    def within(self) -> Iterator[Element]:
        """All elements in it, in document order."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.within()

    def ancestors(self) -> Iterator[Element]:
        """What it lies in, innermost first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def closest(self, *tags: str) -> Element | None:
        """The innermost element of one of these names that it is or lies in."""
        node: Element | None = self
        while node is not None and node.tag not in tags:
            node = node.parent
        return node

    def contains(self, other: Element) -> bool:
        """Is ``other`` it, or in it?"""
        return other is self or self in other.ancestors()

    def first(self, tag: str) -> Element | None:
        """Its first child element of that name."""
        return next((child for child in self.elements() if child.tag == tag), None)

    def text(self) -> str:
        """All text in it."""
        return "".join(
            child if isinstance(child, str) else child.text() for child in self.children if child is not None
        )

    @property
    def type(self) -> str:
        """The type of an input or button, as HTML defaults it."""
        given = self.attrs.get("type", "").lower()
        if self.tag == "input":
            return given if given in INPUT_TYPES else "text"
        if self.tag == "button":
            return given if given in ("reset", "button") else "submit"
        return ""

    @property
    def is_listbox(self) -> bool:
        """Is it a select that shows its options at all times?"""
        return self.tag == "select" and is_listbox(self.attrs)


def is_labelable(element: Element) -> bool:
    """Can a ``label`` label it?"""
    return element.tag in LABELABLE and not (element.tag == "input" and element.type == "hidden")


Ref = tuple[str, str, str]
"""The ref of an element, as long as it keeps its role and name: those, then the ref. A bare tuple of texts, which the
garbage collector need not look through."""
