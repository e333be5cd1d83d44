"""The pages that a tab has been to, and what their forms held when they were left."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from app_clones.browser.document import Document, default_value
from app_clones.browser.element import Element
from app_clones.browser.forms import Submission

#: What a control held: a text, whether it was checked, or the positions of the options selected.
_Held = str | bool | tuple[int, ...]
Saved = dict[tuple[str, str, str], list[_Held]]


@dataclass(slots=True)
class Entry:
    """One page of the history: the request that it answers, redirects followed, and its forms once it was left.

    ``document`` numbers the document shown; entries that lead to places within one share it, and its request but for
    the fragment.
    """

    request: Submission
    document: int
    saved: Saved = field(default_factory=dict)


class History:
    """The pages that a tab has been to, and at which of them it is."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._at = -1

    @property
    def here(self) -> Entry | None:
        """The page shown; None before the first."""
        return self._entries[self._at] if self._entries else None

    @property
    def before(self) -> Entry | None:
        """The page to go back to."""
        return self._entries[self._at - 1] if self._at > 0 else None

    def back(self) -> None:
        """Is now at the page before. What was after it stays until something new is gone to."""
        self._at -= 1

    def add(self, entry: Entry) -> None:
        """The page gone to, in place of all that were after this one."""
        self._at += 1
        self._entries[self._at :] = [entry]

    def replace(self, entry: Entry) -> None:
        """The page gone to, in place of this one."""
        self._entries[self._at] = entry


def save(document: Document) -> Saved:
    """What the document's controls hold, as Chromium keeps it: by form, name and type, in document order."""
    saved: Saved = {}
    for control, key in _keyed(document):
        held = _held(document, control)
        if held is not None:
            saved.setdefault(key, []).append(held)
    return saved


def restore(document: Document, saved: Saved) -> None:
    """Gives the controls of a page gone back to what they held."""
    left = {key: deque(held) for key, held in saved.items()}
    for control, key in _keyed(document):
        if _held(document, control, every=True) is None or not left.get(key):
            continue
        held = left[key].popleft()
        if isinstance(held, str):
            document.set_value(control, held)
        elif isinstance(held, bool):
            document.check(control, held)
        else:
            options = document.options(control)
            document.choose(control, tuple(options[at] for at in held if at < len(options)))


def _held(document: Document, control: Element, every: bool = False) -> _Held | None:
    kind = control.type
    if control.tag == "select":
        options = document.options(control)
        chosen = document.chosen(control)
        return tuple(at for at, option in enumerate(options) if option in chosen)
    if kind in ("checkbox", "radio"):
        return document.is_checked(control)
    if control.tag == "button" or kind in ("submit", "reset", "button", "image", "file", "password"):
        return None
    value = document.value(control)
    return value if every or value != default_value(control) else None


def _keyed(document: Document) -> list[tuple[Element, tuple[str, str, str]]]:
    keys: dict[Element | None, str] = {None: "No owner"}
    count: dict[str, int] = {}
    found = []
    for control in document.page.elements:
        if control.tag not in ("input", "select", "textarea") or not _kept(document, control):
            continue
        form = document.form_of(control)
        if form not in keys:
            signature = _signature(document, form)
            count[signature] = count.get(signature, -1) + 1
            keys[form] = f"{signature} #{count[signature]}"
        kind = control.type or ("select-multiple" if "multiple" in control.attrs else control.tag)
        found.append((control, (keys[form], control.attrs.get("name", ""), kind)))
    return found


def _kept(document: Document, control: Element) -> bool:
    form = document.form_of(control)
    owner_off = form is not None and form.attrs.get("autocomplete", "").lower() == "off"
    stated = control.attrs.get("autocomplete", "").lower()
    return stated != "off" and not (owner_off and not stated)


def _signature(document: Document, form: Element | None) -> str:
    assert form is not None
    action = form.attrs.get("action", "")
    named = []
    for one in document.controls(form):
        if one.tag != "button" and one.attrs.get("name") and one.type != "hidden":
            named.append(one.attrs["name"])
        if len(named) == 2:
            break
    return f"{action.partition('?')[0]} [{' '.join(named)}]"
