"""Where the Tab key and the arrow keys lead (HTML, sequential focus navigation, as Chromium on Linux does it)."""

from __future__ import annotations

from app_clones.browser.document import Document, is_barred
from app_clones.browser.element import Element
from app_clones.browser.roles import natively_disabled


def is_tabbable(document: Document, element: Element) -> bool:
    """Can Tab stop here, radio groups aside?"""
    return not element.attrs.get("tabindex", "").strip().startswith("-") and is_focusable(document, element)


def is_focusable(document: Document, element: Element) -> bool:
    """Can it hold the focus now?"""
    tag = element.tag
    if not element.attrs and tag not in ("button", "input", "select", "textarea", "summary"):
        return False
    natively = (
        (tag in ("a", "area") and "href" in element.attrs)
        or tag in ("button", "select", "textarea")
        or (tag == "input" and element.type != "hidden")
        or is_handle(element)
    )
    if not natively and "tabindex" not in element.attrs:
        return False
    return not natively_disabled(element) and element.style.shown and not document.is_folded(element)


def is_handle(element: Element) -> bool:
    """Is it the summary that opens and closes a ``details``?"""
    above = element.parent
    return (
        element.tag == "summary" and above is not None and above.tag == "details" and above.first("summary") is element
    )


def next_stop(document: Document, back: bool) -> Element | None:
    """Where Tab, or Shift+Tab, leads from the focus; None where it leaves the page."""
    elements = document.page.elements
    start = elements.index(document.focus) if document.focus is not None else (len(elements) if back else -1)
    ahead = reversed(elements[:start]) if back else iter(elements[start + 1 :])
    for element in ahead:
        if is_tabbable(document, element) and _is_group_stop(document, element, back):
            return element
    return None


def _is_group_stop(document: Document, element: Element, back: bool) -> bool:
    """Tab stops at one radio button of a group: the one checked, else the first that it comes to; never within it."""
    if element.tag != "input" or element.type != "radio":
        return True
    group = [one for one in document.radio_group(element) if is_tabbable(document, one)]
    if document.focus in group and document.focus is not element:
        return False
    checked = next((one for one in group if document.is_checked(one)), None)
    return element is (checked or (group[-1] if back else group[0]))


def next_radio(document: Document, radio: Element, back: bool) -> Element:
    """The radio button of the group that an arrow key leads to; round and round."""
    group = [one for one in document.radio_group(radio) if is_focusable(document, one)]
    return group[(group.index(radio) + (-1 if back else 1)) % len(group)]


def next_option(document: Document, select: Element, back: bool) -> Element | None:
    """The option that an arrow key leads to from the one selected; None at the end."""
    options = document.options(select)
    chosen = document.chosen(select)
    at = options.index(chosen[0]) if chosen else (len(options) if back else -1)
    ahead = reversed(options[:at]) if back else iter(options[at + 1 :])
    return next((one for one in ahead if not is_barred(one)), None)
