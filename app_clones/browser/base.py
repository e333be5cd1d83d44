"""What both drivers are: a browser of one tab, steered by the refs of its last snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app_clones.kit.errors import AppError

#: What of a page is in a picture, in CSS pixels.
VIEWPORT = {"width": 1280, "height": 800}
#: Keys that :meth:`Browser.press_key` takes. Text is typed with ``type``; where a caret stands is nobody's observation.
KEYS = ("Enter", "Escape", "Space", "Tab", "Shift+Tab", "ArrowUp", "ArrowDown")


class BrowserError(AppError):
    """The agent's mistake, the same in both drivers; nothing has changed. ``code`` is one of :data:`CODES`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[BrowserError], tuple[str, str]]:  # type: ignore[override]
        return type(self), (self.code, self.message)


CODES = {
    "unknown_ref": "no element of that ref in the last snapshot, or no snapshot of this page yet",
    "not_interactive": "there is nothing to click in or around that element",
    "not_editable": "no text can be typed there",
    "not_a_select": "that element is no list to select from",
    "no_option": "the list has no such option, or it cannot be selected",
    "disabled": "the element is disabled",
    "bad_value": "the input does not take that value",
    "bad_key": "no such key, or not here",
    "bad_url": "no address that can be gone to",
    "no_history": "there is no page to go back to",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form to be filled: a text, the label of an option, or whether a box is checked."""

    ref: str
    value: str | bool


class Browser(Protocol):
    """One tab. Every action waits until the page that it leads to is there. Raises :class:`BrowserError`."""

    @property
    def url(self) -> str:
        """The address of the page shown; ``about:blank`` before the first."""
        ...

    @property
    def title(self) -> str:
        """The title of the page shown."""
        ...

    async def navigate(self, url: str) -> None:
        """Goes to an address: whole, or a path in the world."""
        ...

    async def back(self) -> None:
        """Goes back by one page of the history, as a browser's back button does."""
        ...

    async def click(self, ref: str) -> None:
        """Clicks a link, a control, a label, a summary, or something in one of these."""
        ...

    async def type(self, ref: str, text: str, submit: bool = False) -> None:
        """Replaces what a text field holds; ``submit`` then presses Enter in it."""
        ...

    async def fill_form(self, fields: Sequence[Field]) -> None:
        """Fills several fields, in order. What was filled before one that cannot be stays filled."""
        ...

    async def select_option(self, ref: str, values: Sequence[str]) -> None:
        """Selects the options of these values or labels, and no others."""
        ...

    async def press_key(self, key: str) -> None:
        """Presses one of :data:`KEYS` where the focus is."""
        ...

    async def hover(self, ref: str) -> None:
        """Moves the pointer over an element."""
        ...

    async def snapshot(self) -> str:
        """The page as an agent reads it: Playwright's ARIA snapshot for models. Its refs hold until the next one."""
        ...

    async def close(self) -> None:
        """Frees all that the tab holds. Closing twice is harmless."""
        ...
