"""What follows from an element's style and role, so that it is looked up and not asked anew of each element."""

from __future__ import annotations

from app_clones.browser.element import Element
from app_clones.browser.names import FROM_CONTENT, NAMING_ATTRS, OWN_RULE, PASSES_CONTENT, PROHIBITED
from app_clones.browser.roles import Ids, follows_from_ancestry, role
from app_clones.browser.states import STATEFUL


class Kind:
    """Elements of one ancestry and role: all of them are treated the same, whatever is in them.

    ``absent``: nothing of it or in it is seen or heard; ``hidden``: assistive technology leaves it out. ``shown``: the
    role in a snapshot. ``wraps``: it is no node there, its content is; ``bare``: nor where it holds one text.
    ``parted``: it parts the text around it. ``nameless``: it has no name, whatever is in it; ``by_content``: its name
    is its content; ``says``: what is heard of it as a part of a name is what is in it. ``stateful``: it may have a
    state; ``told``: an attribute of it is told; ``valued``: its value is. ``pointer``: the mouse pointer says that it
    can be clicked; ``reachable``: a click on it reaches it.
    """

    __slots__ = (
        "absent", "bare", "by_content", "hidden", "nameless", "parted", "pointer", "reachable", "role", "says", "shown",
        "stateful", "told", "valued", "wraps",
    )  # fmt: skip

    def __init__(self, element: Element, role: str) -> None:
        tag, attrs, style = element.tag, element.attrs, element.style
        self.role = role
        self.absent = style.display == "none"
        self.hidden = style.hidden
        self.shown = role or "generic"
        self.wraps = role in ("presentation", "none")
        self.bare = role in ("", "generic") and style.display == "inline" and style.shown
        self.parted = style.display != "inline" or tag == "br"
        plain = NAMING_ATTRS.isdisjoint(attrs) and tag != "summary"
        self.by_content = role in FROM_CONTENT
        self.nameless = role in PROHIBITED or (plain and not self.by_content and tag not in OWN_RULE)
        self.says = plain and role in PASSES_CONTENT and (tag not in OWN_RULE or tag == "button")
        self.stateful = role in STATEFUL
        self.pointer = style.cursor == "pointer"
        self.reachable = style.pointer_events != "none"
        self.valued = tag == "textarea" or (tag == "input" and element.type not in ("checkbox", "radio", "file"))
        place = {"link": "href", "textbox": "placeholder"}.get(role)
        self.told = place in attrs or "aria-hidden" in attrs


def kind_of(element: Element, ids: Ids) -> Kind:
    """The kind of an element of a whole page; kept with its style where no other element decides its role."""
    style = element.style
    found = role(element, ids)
    kind: Kind | None = style.kinds.get(found)
    if kind is None:
        kind = style.kinds[found] = Kind(element, found)
    if follows_from_ancestry(element):
        style.kind = kind
    return kind
