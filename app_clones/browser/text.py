"""Text as pages and snapshots treat it: white space as JavaScript sees it, and when YAML needs quotes."""

from __future__ import annotations

import re
from functools import lru_cache

#: What JavaScript's ``\\s`` and ``trim`` take for white space (Python's ``str.split`` takes a few others).
SPACE = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
#: What HTML takes for white space between words of an attribute, and CSS collapses between words of a text.
HTML_SPACE = " \t\n\f\r"

_RUN = re.compile(f"[{SPACE}]+")
#: What Python alone takes for white space. What JavaScript alone does (U+FEFF) cannot be printed.
_PYTHON_ONLY = re.compile("[\x1c-\x1f\x85]")
_INVISIBLE = re.compile("[\u200b\u00ad]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_PLAIN = re.compile(r"[A-Za-z(/$€+.][A-Za-z0-9 ()/$€+.,;_=–—·…]*[A-Za-z0-9).]")
_NUMBER = re.compile(
    r"[+-]?(?:Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+", re.ASCII
)
_WORDS = frozenset({"y", "n", "yes", "no", "true", "false", "on", "off", "null", "~"})
_DOTTED = re.compile(r"[-+]?\.(?:inf|nan)", re.IGNORECASE | re.ASCII)
_SPECIAL = re.compile(rf"^-|[\n:](?:[{SPACE}]|$)|[{SPACE}]#|[\n\r]|^[&*\],?!>|@\"'#%\[]|[{{}}`]")
_ESCAPED = re.compile(r"[\\\"\x00-\x1f\x7f-\x9f]")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def squash(text: str) -> str:
    """Runs of white space as one blank, none at the ends, no soft hyphens and zero-width spaces."""
    if "  " not in text and text.isprintable():  # the blank is all the white space that can be printed
        return text.strip(" ")
    joined = " ".join(text.split())
    if joined.isprintable() and _PYTHON_ONLY.search(text) is None:
        return joined
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
    return _RUN.sub(" ", text.strip(SPACE))


def blank(text: str) -> bool:
    """Is there nothing but white space?"""
    return not text.strip(SPACE)


def number(text: str | None) -> int:
    """A non-negative integer attribute; 0 where it is none."""
    text = (text or "").strip(HTML_SPACE)
    return int(text) if text.isascii() and text.isdigit() else 0


def key(text: str) -> str:
    """``text`` as a YAML key."""
    return "'" + text.replace("'", "''") + "'" if _needs_quotes(text) else text


@lru_cache(maxsize=4096)
def value(text: str) -> str:
    """``text`` as a YAML scalar."""
    if not _needs_quotes(text):
        return text
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    return _ESCAPES.get(char) or f"\\x{ord(char):02x}"


def _needs_quotes(text: str) -> bool:
    if _PLAIN.fullmatch(text):
        return text.lower() in _WORDS or _is_number(text)
    return (
        not text
        or text[0] in SPACE
        or text[-1] in SPACE
        or _CONTROL.search(text) is not None
        or _SPECIAL.search(text) is not None
        or _is_number(text)
        or text.lower() in _WORDS
        or _DOTTED.fullmatch(text) is not None
    )


def _is_number(text: str) -> bool:
    stripped = text.strip(SPACE)
    return not stripped or _NUMBER.fullmatch(stripped) is not None
