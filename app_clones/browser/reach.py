"""What a click on an element of a document reaches: what ``probe.PROBE`` tells of a real browser's page."""

from __future__ import annotations

from app_clones.browser import forms, tabs
from app_clones.browser.document import Document
from app_clones.browser.element import Element
from app_clones.browser.probe import Target
from app_clones.browser.roles import natively_disabled

_INTERACTIVE = ("a", "button", "input", "select", "textarea", "summary", "label")


def probe(document: Document, element: Element) -> tuple[Element, Target]:
    """What a click on ``element`` reaches, and what it is; ``element`` itself and an empty target where nothing."""
    found: Element | None = element
    while found is not None and (found.tag not in _INTERACTIVE or (found.tag == "a" and "href" not in found.attrs)):
        found = found.parent
    if found is None or (found.tag == "summary" and not tabs.is_handle(found)):
        return element, Target()
    label = found.tag == "label"
    if label:
        found = document.page.control_of(found)
        if found is None:
            return element, Target()
    tag = found.tag
    kind = found.type
    return found, Target(
        tag=tag,
        type=kind,
        disabled=natively_disabled(found) or (tag != "summary" and _stated_disabled(found)),
        read_only=tag in ("input", "textarea") and "readonly" in found.attrs,
        checked=kind in ("checkbox", "radio") and document.is_checked(found),
        multiple=tag in ("select", "input") and "multiple" in found.attrs,
        label=label,
        options=tuple(
            (forms.option_value(one), forms.option_label(one), not natively_disabled(one))
            for one in (document.options(found) if tag == "select" else ())
        ),
    )


def _stated_disabled(element: Element) -> bool:
    node: Element | None = element
    while node is not None:
        stated = node.attrs.get("aria-disabled", "").lower()
        if stated in ("true", "false"):
            return stated == "true"
        node = node.parent
    return False
