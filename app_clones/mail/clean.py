"""Text fit to be stored: every way in goes through here, so that no view has to mistrust what it shows."""

from __future__ import annotations

import re
from unicodedata import normalize

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """Returns the text with plain line ends, without control characters (tabs aside) and lone surrogates."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", lines.encode("utf-8", "replace").decode())


def one_line(text: str) -> str:
    """Returns the clean text with each run of blanks, line ends too, as one space: no subject or name is two lines."""
    return " ".join(clean(text).split())


def key(text: str) -> str:
    """Returns what two spellings of a name have in common: case (of any script), blanks, composed accents."""
    if text.isascii():  # nearly all names, twenty of them at each step
        return " ".join(text.split()).lower()
    return normalize("NFC", one_line(text)).casefold()
