"""What an agent may do to an element, decided the same way for both drivers, before anything is done."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from app_clones.browser.base import KEYS, BrowserError, Field
from app_clones.browser.probe import Target
from app_clones.browser.text import squash
from app_clones.browser.urls import whole
from app_clones.browser.values import is_number, sanitized

#: Input types that text is typed into, and those whose value is set as a whole.
TYPED = frozenset({"text", "search", "email", "tel", "url", "password", "number"})
SET_WHOLE = frozenset({"color", "date", "time", "datetime-local", "month", "range", "week"})
DATES = frozenset({"date", "time", "datetime-local", "month", "week"})
#: Inputs whose click opens a window of the browser's own, or depends on where exactly it is: they are focused instead.
FOCUS_ONLY = TYPED | SET_WHOLE | {"file"}


def normal_url(url: str) -> str:
    """The whole address that ``url`` means; an :class:`BrowserError` where it means none."""
    target = whole(url)
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise BrowserError("bad_url", f"{url[:80]!r} is no address that can be gone to")
    return target


def check_click(target: Target, ref: str) -> str:
    """ "click", or "focus" where a click does no more than that."""
    if not target.tag:
        raise BrowserError(
            "not_interactive", f"{ref} is nothing to click: choose the link, button or field in it or near it"
        )
    if target.disabled:
        raise BrowserError("disabled", f"{ref} is disabled")
    if target.tag in ("select", "textarea") or (target.tag == "input" and target.type in FOCUS_ONLY):
        return "focus"
    return "click"


def check_text(target: Target, ref: str, text: str) -> None:
    """May this text be typed there?"""
    if target.tag == "input" and target.type in TYPED | SET_WHOLE:
        pass
    elif target.tag != "textarea":
        raise BrowserError("not_editable", f"{ref} is no text field")
    if target.disabled:
        raise BrowserError("disabled", f"{ref} is disabled")
    if target.read_only:
        raise BrowserError("not_editable", f"{ref} can only be read")
    if target.tag == "textarea" or target.type in TYPED - {"number"}:
        return
    stripped = text.strip()
    if target.type == "number":
        good = not stripped or is_number(stripped)
    else:
        given = stripped.lower() if target.type == "color" else stripped
        good = sanitized(target.type, given, {}) == given
    if not good:
        raise BrowserError("bad_value", f"{text[:40]!r} is no value for an input of type {target.type}")


def check_options(target: Target, ref: str, values: Sequence[str]) -> list[int]:
    """The positions of the options that these values or labels select."""
    if target.tag != "select" or target.label:
        raise BrowserError("not_a_select", f"{ref} is no list to select from")
    if target.disabled:
        raise BrowserError("disabled", f"{ref} is disabled")
    left = list(values)
    if not left and not target.multiple:
        raise BrowserError("no_option", "one option has to be named")
    found = []
    for position, (value, label, enabled) in enumerate(target.options):
        named = [one for one in left if one == value or squash(one) == squash(label)]
        if not named:
            continue
        if not enabled:
            raise BrowserError("no_option", f"the option {label[:40]!r} cannot be selected")
        found.append(position)
        left = [one for one in left if one not in named] if target.multiple else []
        if not target.multiple:
            break
    if left:
        raise BrowserError("no_option", f"{ref} has no option {left[0][:40]!r}")
    return found


def wanted_check(target: Target, field: Field) -> bool | None:
    """Whether a box is to be checked; None where the field is none."""
    if target.tag != "input" or target.type not in ("checkbox", "radio"):
        if isinstance(field.value, bool):
            raise BrowserError("bad_value", f"{field.ref} is no box to check")
        return None
    word = str(field.value).strip().lower()
    if word not in ("true", "false") or (word == "false" and target.type == "radio" and target.checked):
        raise BrowserError("bad_value", f"{str(field.value)[:40]!r} is no state for {field.ref}")
    return word == "true"


def check_key(key: str, focus: Target | None) -> None:
    """May this key be pressed where the focus is?"""
    if key not in KEYS:
        raise BrowserError("bad_key", f"{key[:20]!r} is no key to press here; those are {', '.join(KEYS)}")
    kind = focus.type if focus is not None and focus.tag == "input" else ""
    tag = focus.tag if focus is not None else ""
    typed = tag == "textarea" or kind in TYPED
    if key in ("Enter", "Space") and (tag == "textarea" or (typed and key == "Space")):
        raise BrowserError("bad_key", "text is typed with the type action")
    if kind in DATES or (key.startswith("Arrow") and (kind in ("number", "range") or typed)):
        raise BrowserError("bad_key", f"{key} does nothing that can be told here: set the value")
    if tag == "select" and (key in ("Space", "Enter") or (focus is not None and focus.multiple)):
        raise BrowserError("bad_key", "options are selected with the select_option action")
    if key in ("Space", "Enter") and kind in ("color", "file"):
        raise BrowserError("bad_key", "this would open a window of the browser's own")


_REF = re.compile(r"(?:f\d{1,9})?e\d{1,9}")


def is_ref(text: str) -> bool:
    """Does this look like a ref?"""
    return _REF.fullmatch(text) is not None


def unknown(ref: str) -> BrowserError:
    """What is said of a ref that is none, or not of this page."""
    return BrowserError("unknown_ref", f"no element {ref[:20]} in the last snapshot: take a new one")
