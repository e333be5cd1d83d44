"""The states of an element that a snapshot shows, written as it shows them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from app_clones.browser.element import Element
from app_clones.browser.roles import natively_disabled
from app_clones.browser.text import blank

if TYPE_CHECKING:
    from app_clones.browser.document import Document
    from app_clones.browser.page import Page

_CHECKED = frozenset("checkbox menuitemcheckbox option radio switch menuitemradio treeitem".split())
_DISABLED = frozenset(
    "application button composite gridcell group input link menuitem scrollbar separator tab checkbox columnheader "
    "combobox grid listbox menu menubar menuitemcheckbox menuitemradio option radio radiogroup row rowheader searchbox "
    "select slider spinbutton switch tablist textbox toolbar tree treegrid treeitem".split()
)
_EXPANDED = frozenset(
    "application button checkbox combobox gridcell link listbox menuitem row rowheader tab treeitem columnheader "
    "menuitemcheckbox menuitemradio switch".split()
)
_INVALID = frozenset(
    "application checkbox columnheader combobox gridcell listbox radiogroup rowheader searchbox slider spinbutton "
    "switch textbox tree".split()
)
_LEVEL = frozenset("heading listitem row treeitem".split())
_SELECTED = frozenset("gridcell option row tab rowheader columnheader treeitem".split())
#: Roles whose elements may have a state.
STATEFUL = _CHECKED | _DISABLED | _EXPANDED | _INVALID | _LEVEL | _SELECTED
#: The attributes that give an element a state, or take one away from what is in it.
_GIVING = frozenset(
    "aria-checked aria-disabled aria-expanded aria-invalid aria-level aria-pressed aria-selected disabled".split()
)
_HEADINGS = {f"h{level}": str(level) for level in range(1, 7)}
#: Elements that may have one without any of those.
_OF_THEMSELVES = frozenset({*_HEADINGS, "details", "input", "option"})


def has_states(page: Page) -> Collection[str]:
    """The names of those elements of the page that may have a state, if their role may."""
    return _OF_THEMSELVES if page.mentions.isdisjoint(_GIVING) else page.tags


def states(element: Element, document: Document) -> tuple[str, str]:
    """What comes before and after ``[active]``: checked, disabled, expanded; invalid, level, pressed, selected."""
    role = element.role
    before = _checked(element, document) if role in _CHECKED else ""
    if role in _DISABLED and is_disabled(element, document.page):
        before += " [disabled]"
    if role in _EXPANDED and (document.is_open(element) if element.tag == "details" else _is(element, "aria-expanded")):
        before += " [expanded]"
    after = _invalid(element) if role in _INVALID else ""
    if role in _LEVEL and (level := _HEADINGS.get(element.tag) or _level(element)):
        after += f" [level={level}]"
    if role == "button":
        after += _tristate("pressed", element.attrs.get("aria-pressed", ""))
    if role in _SELECTED and _is_selected(element, document):
        after += " [selected]"
    return before, after


def is_disabled(element: Element, page: Page) -> bool:
    """Is it disabled, by HTML or, where its role can be, by ``aria-disabled`` on it or around it?"""
    if "disabled" in page.mentions and natively_disabled(element):
        return True
    if "aria-disabled" not in page.mentions or element.role not in _DISABLED:
        return False
    node: Element | None = element
    while node is not None:
        stated = node.attrs.get("aria-disabled", "").lower()
        if stated in ("true", "false"):
            return stated == "true"
        node = node.parent
    return False


def _is(element: Element, attribute: str) -> bool:
    return element.attrs.get(attribute, "").lower() == "true"


def _tristate(name: str, value: str) -> str:
    value = value.lower()
    return f" [{name}]" if value == "true" else f" [{name}=mixed]" if value == "mixed" else ""


def _checked(element: Element, document: Document) -> str:
    if element.tag == "input" and element.type in ("checkbox", "radio"):
        return " [checked]" if document.is_checked(element) else ""
    return _tristate("checked", element.attrs.get("aria-checked", ""))


def _invalid(element: Element) -> str:
    stated = element.attrs.get("aria-invalid", "").lower()
    if blank(stated) or stated == "false":
        return ""
    return f" [invalid={stated}]" if stated in ("grammar", "spelling") else " [invalid]"


def _level(element: Element) -> str:
    stated = element.attrs.get("aria-level", "").strip()
    return str(int(stated)) if stated.isascii() and stated.isdigit() and int(stated) else ""


def _is_selected(element: Element, document: Document) -> bool:
    if element.tag == "option":
        select = element.closest("select")
        return "selected" in element.attrs if select is None else element in document.chosen(select)
    return _is(element, "aria-selected")
