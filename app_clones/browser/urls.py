"""Addresses, joined and written as browsers do (WHATWG URL), for http and https."""

from __future__ import annotations

from urllib.parse import quote, urljoin, urlsplit, urlunsplit

ORIGIN = "http://world"
"""Where a world's pages are. No socket stands behind it."""

_PATH = "/%!$&'()*+,;=:@-._~|[]\\"
_QUERY = "/%!$&()*+,;=:@-._~|[]\\?^`{}"
_FRAGMENT = "/%!$&'()*+,;=:@-._~|[]\\?^{}#"


def whole(url: str, base: str = f"{ORIGIN}/") -> str:
    """``url`` as a whole address, seen from ``base``."""
    parts = urlsplit(urljoin(base, url.strip(" \t\n\r\f\0").replace("\t", "").replace("\n", "").replace("\r", "")))
    if parts.scheme not in ("http", "https"):
        return urlunsplit(parts)
    address = f"{parts.scheme}://{parts.netloc.lower()}{quote(parts.path or '/', safe=_PATH)}"
    if parts.query:
        address += f"?{quote(parts.query, safe=_QUERY)}"
    if parts.fragment or url.rstrip().endswith("#"):
        address += f"#{quote(parts.fragment, safe=_FRAGMENT)}"
    return address


def without_fragment(url: str) -> str:
    """The address of the document itself."""
    return url.partition("#")[0]


def same_document(url: str, current: str) -> bool:
    """Does ``url`` lead within the document at ``current``: has it a fragment, and is it otherwise the same address?"""
    return "#" in url and without_fragment(url) == without_fragment(current)
