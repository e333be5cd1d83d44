"""What a form sends: its entries, whether they are valid, and the request that they make (HTML, form submission)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import quote_plus

from app_clones.browser.document import Document
from app_clones.browser.element import Element
from app_clones.browser.roles import natively_disabled
from app_clones.browser.text import HTML_SPACE
from app_clones.browser.urls import whole
from app_clones.browser.values import is_number

#: Divides the parts of a multipart body. Browsers draw one; nothing a form holds can be mistaken for it here either.
_BOUNDARY = "----GrindworksFormBoundary7MA4YWxkTrZu0gW"
_EMAIL = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:\S+")
_BUTTONS = frozenset({"submit", "image", "reset", "button"})
_NEVER_REQUIRED = _BUTTONS | {"hidden", "range", "color"}
#: Inputs in which Enter submits the form, and of which a form without a button may have only one for that.
BLOCKING = frozenset("text search url tel email password date month week time datetime-local number".split())


@dataclass(frozen=True, slots=True)
class Submission:
    """A request for a page, as a form or a link makes it."""

    method: str
    url: str
    body: bytes = b""
    content_type: str = ""


def is_submit(element: Element) -> bool:
    """Is it a button that submits its form?"""
    return element.tag in ("button", "input") and element.type in ("submit", "image")


def default_button(document: Document, form: Element) -> Element | None:
    """The button that Enter in a field of the form presses."""
    return next((one for one in document.controls(form) if is_submit(one)), None)


def first_invalid(document: Document, form: Element) -> Element | None:
    """The first control that keeps the form from being sent, which browsers focus."""
    return next((one for one in document.controls(form) if not is_valid(document, one)), None)


def is_valid(document: Document, control: Element) -> bool:
    """Does the control satisfy its constraints, or is it barred from having any?"""
    if natively_disabled(control) or control.tag == "button":
        return True
    kind, attrs = control.type, control.attrs
    if control.tag == "select":
        return "required" not in attrs or _has_choice(document, control)
    if kind in _BUTTONS or kind == "hidden" or ("readonly" in attrs and kind not in ("checkbox", "radio")):
        return True
    if control.closest("datalist") is not None:
        return True
    if kind == "radio":
        group = document.radio_group(control)
        return not any("required" in one.attrs for one in group) or any(document.is_checked(one) for one in group)
    if kind == "checkbox":
        return "required" not in attrs or document.is_checked(control)
    value = document.value(control)
    if not value:
        return "required" not in attrs or kind in _NEVER_REQUIRED
    return _fits(control, kind, value)


def _fits(control: Element, kind: str, value: str) -> bool:
    attrs = control.attrs
    if kind == "email":
        parts = value.split(",") if "multiple" in attrs else [value]
        if not all(_EMAIL.fullmatch(part) for part in parts):
            return False
    if kind == "url" and not _URL.fullmatch(value):
        return False
    if kind in ("text", "search", "url", "tel", "email", "password") and attrs.get("pattern"):
        try:
            if not re.fullmatch(attrs["pattern"], value):
                return False
        except re.error:
            pass  # a pattern that cannot be read asks for nothing
    if kind in ("number", "date", "month", "week", "time", "datetime-local"):
        return _in_range(kind, value, attrs.get("min", ""), attrs.get("max", ""), attrs.get("step", ""))
    return True


def _in_range(kind: str, value: str, low: str, high: str, step: str) -> bool:
    if kind != "number":
        return not (low and value < low) and not (high and value > high)
    found = Decimal(value)
    if is_number(low) and found < Decimal(low):
        return False
    if is_number(high) and found > Decimal(high):
        return False
    if step.strip().lower() == "any":
        return True
    size = Decimal(step) if is_number(step) and Decimal(step) > 0 else Decimal(1)
    base = Decimal(low) if is_number(low) else Decimal(0)
    return (found - base) % size == 0


def _has_choice(document: Document, select: Element) -> bool:
    chosen = document.chosen(select)
    options = document.options(select)
    placeholder = None
    if "multiple" not in select.attrs and not select.is_listbox and options:
        first = options[0]
        if first.parent is select and option_value(first) == "":
            placeholder = first
    return any(one is not placeholder for one in chosen)


def option_value(option: Element) -> str:
    """The value of an option: its own, or its text."""
    given = option.attrs.get("value")
    return option_text(option) if given is None else given


def option_text(option: Element) -> str:
    """The text of an option, white space stripped and collapsed."""
    return " ".join(word for word in re.split(f"[{HTML_SPACE}]+", option.text()) if word)


def option_label(option: Element) -> str:
    """What is shown of an option."""
    return option.attrs.get("label") or option_text(option)


def entries(document: Document, form: Element, submitter: Element | None) -> list[tuple[str, str]]:
    """The names and values that the form sends when ``submitter`` is pressed."""
    found: list[tuple[str, str]] = []
    for one in document.controls(form):
        kind, name = one.type, one.attrs.get("name", "")
        if natively_disabled(one) or one.closest("datalist") is not None:
            continue
        if kind in _BUTTONS and one is not submitter:
            continue
        if kind == "image":
            prefix = f"{name}." if name else ""
            found += [(f"{prefix}x", "0"), (f"{prefix}y", "0")]
        elif not name:
            continue
        elif one.tag == "select":
            found += [(name, option_value(o)) for o in document.chosen(one) if not natively_disabled(o)]
        elif kind in ("checkbox", "radio"):
            if document.is_checked(one):
                found.append((name, one.attrs.get("value", "on")))
        elif kind == "file":
            found.append((name, ""))
        else:
            value = one.attrs.get("value", "") if one.tag == "button" else document.value(one)
            found.append((name, value))
    return found


def submission(document: Document, form: Element, submitter: Element | None) -> Submission | None:
    """The request that submitting the form makes; None where it makes none (``method=dialog``)."""
    overrides = submitter.attrs if submitter is not None else {}
    method = overrides.get("formmethod", form.attrs.get("method", "get")).lower()
    if method == "dialog":
        return None
    action = overrides.get("formaction") or form.attrs.get("action", "")
    url = whole(action, document.url) if action.strip(HTML_SPACE) else document.url
    sent = entries(document, form, submitter)
    if method != "post":
        address, mark, fragment = url.partition("#")
        return Submission("GET", f"{address.partition('?')[0]}?{_urlencoded(sent)}{mark}{fragment}")
    kind = overrides.get("formenctype", form.attrs.get("enctype", "")).lower()
    if kind == "multipart/form-data":
        files = {one.attrs.get("name", "") for one in document.controls(form) if one.type == "file"}
        return Submission("POST", url, _multipart(sent, files), f"multipart/form-data; boundary={_BOUNDARY}")
    if kind == "text/plain":
        lines = "".join(f"{name}={_lines(value)}\r\n" for name, value in sent)
        return Submission("POST", url, lines.encode(), "text/plain")
    return Submission("POST", url, _urlencoded(sent).encode(), "application/x-www-form-urlencoded")


def _lines(text: str) -> str:
    return re.sub(r"\r\n|\r|\n", "\r\n", text)


def _urlencoded(sent: Sequence[tuple[str, str]]) -> str:
    def encode(text: str) -> str:
        return quote_plus(_lines(text), safe="*-._").replace("~", "%7E")

    return "&".join(f"{encode(name)}={encode(value)}" for name, value in sent)


def _multipart(sent: Sequence[tuple[str, str]], files: set[str]) -> bytes:
    parts = []
    for name, value in sent:
        quoted = _lines(name).replace("\r\n", "%0D%0A").replace('"', "%22")
        head = f'Content-Disposition: form-data; name="{quoted}"'
        if name in files:
            head += '; filename=""\r\nContent-Type: application/octet-stream'
        parts.append(f"--{_BOUNDARY}\r\n{head}\r\n\r\n{_lines(value)}\r\n")
    return "".join([*parts, f"--{_BOUNDARY}--\r\n"]).encode()
