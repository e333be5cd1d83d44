"""A page's markup: what lexbor's parser makes of it, read back from the parser's own serialization.

Asked node by node, the parser answers in Python objects, several for each element. Its serialization is one string,
well formed by construction (HTML, serialising HTML fragments), which one expression takes apart exactly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from selectolax.lexbor import LexborHTMLParser

#: Elements that have no end tag.
VOID = frozenset(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr".split()
)
#: Elements whose text is taken as it is, and comments: what may hold ``<`` and ``>``.
_RAW = re.compile(r"<(?:!--|style|script|xmp|iframe|noembed|noframes|plaintext)")
#: An attribute's name holds no blank, ``/``, ``>``, nor ``=`` beyond its start; its value no ``"``.
_ATTRIBUTE = re.compile(r' (=?[^\s/>=]+)="([^"]*)"')
#: A tag or comment, and the text after it. Text holds no ``<``, but in the elements whose text is taken as it is.
_PIECE = re.compile(
    r"<(/[^>]*|!--.*?--|(?:(style|script|xmp|iframe|noembed|noframes|plaintext)(?=[ >])|[^\s/>]+)"
    r'(?: =?[^\s/>=]+="[^"]*")*)>((?(2).*?(?=</\2>)|[^<]*))',
    re.DOTALL,
)
#: How the tags begin that are or hide a style sheet.
_MAY_STYLE = frozenset({"link", "styl", "temp", "/tem"})
_NONE: Mapping[str, str] = {}


class StartTag:
    """A start tag, shared by all elements that begin with it. ``keys``: what styles look it up by, see ``css``."""

    __slots__ = ("attrs", "keys", "name")

    def __init__(self, name: str, attrs: Mapping[str, str]) -> None:
        self.name = name
        self.attrs = attrs
        self.keys: dict[frozenset[str], Any] = {}


def serialized(html: str) -> str:
    """The whole page that the parser makes of ``html``, from ``<html>`` to its end, in HTML's own canonical form."""
    root = LexborHTMLParser(html).root
    return (root and root.html) or ""


def pieces(text: str) -> list[tuple[str, str, str]]:
    """A serialized page as tags without their angle brackets, each with the text after it, escaped; what is between is
    a filler.

    Angle brackets stand for nothing but themselves where none is in a name, nor in a text that is taken as it is.
    """
    if _ESCAPES and text.count("<") == text.count(">") and _RAW.search(text) is None:
        return [piece.partition(">") for piece in text.split("<")[1:]]
    found = _PIECE.findall(text)
    return [(tag, raw, after.replace("&", "&amp;")) if raw else (tag, raw, after) for tag, raw, after in found]


def sheets(text: str, pieces: Sequence[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """The style sheets of a serialized page in order, as ``("link", href)`` or ``("text", css)``."""
    found, apart = [], 0
    last = max(text.rfind("<link"), text.rfind("<style"))
    for source, _, after in pieces[: text.count("<", 0, last + 1)]:
        if source[:4] not in _MAY_STYLE:
            continue
        start = start_tag(source)
        if start.name in ("template", "/template"):  # what is in one is in no document
            apart += 1 if start.name == "template" else -1
        elif apart:
            continue
        elif start.name == "style":
            found.append(("text", unescaped(after)))
        elif start.name == "link" and "stylesheet" in start.attrs.get("rel", "").lower().split():
            found.append(("link", start.attrs.get("href", "")))
    return found


def _escapes() -> bool:
    """Does the parser's serialization escape angle brackets in attributes, as HTML has it since 2025?"""
    return 'title="&lt;&gt;"' in serialized('<p title="&lt;&gt;">')


_ESCAPES = _escapes()


@lru_cache(maxsize=16_384)
def start_tag(source: str) -> StartTag:
    """The start tag that is written so, its angle brackets left out."""
    name, blank, _ = source.partition(" ")
    if not blank:
        return StartTag(name, _NONE)
    return StartTag(name, {key: unescaped(value) for key, value in _ATTRIBUTE.findall(source, len(name))})


def unescaped(text: str) -> str:
    """Text or an attribute's value as it is meant."""
    if "&" not in text:
        return text
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&nbsp;", "\u00a0")
    return text.replace("&amp;", "&")
