"""Names for apps, entities, fields and operations, made from an API's own."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection

_IRREGULAR = {
    "people": "person",
    "children": "child",
    "data": "data",
    "news": "news",
    "series": "series",
    "media": "media",
    "indices": "index",
    "indexes": "index",
    "matrices": "matrix",
    "aliases": "alias",
    "statuses": "status",
    "addresses": "address",
    "processes": "process",
    "caches": "cache",
    "databases": "database",
    "releases": "release",
    "licenses": "license",
    "responses": "response",
    "purchases": "purchase",
    "cases": "case",
    "leases": "lease",
    "leasess": "lease",
    "analyses": "analysis",
    "buses": "bus",
    "shelves": "shelf",
    "bookshelves": "bookshelf",
    "sendas": "send_as",
}
_APP = 24


#: Letters that are no plain one with a mark, as they are written without them.
_PLAIN = str.maketrans(
    {
        **{"\u00df": "ss", "\u1e9e": "SS", "\u00e6": "ae", "\u00c6": "AE", "\u0153": "oe", "\u0152": "OE"},
        **{"\u00f8": "o", "\u00d8": "O", "\u00f0": "d", "\u00d0": "D", "\u0111": "d", "\u0110": "D"},
        **{"\u00fe": "th", "\u00de": "Th", "\u0142": "l", "\u0141": "L", "\u0127": "h", "\u0126": "H", "\u0131": "i"},
    }
)


def in_ascii(text: str) -> str:
    """``text`` in ASCII: letters without their marks, and of other scripts by their code (``u4e2d``), always alike."""
    if text.isascii():
        return text
    bare = (one for one in unicodedata.normalize("NFKD", text.translate(_PLAIN)) if not unicodedata.combining(one))
    return "".join(one if one.isascii() else f"u{ord(one):x}" if one.isalnum() else " " for one in bare)


def snake(name: str) -> str:
    """``datasetId`` as ``dataset_id``, in ASCII; whatever is no letter or digit becomes ``_``."""
    name = in_ascii(name)
    text = re.sub(r"([a-z0-9])([A-Z])|([A-Z]+)([A-Z][a-z])", r"\1\3_\2\4", name)
    found = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "x"
    return found if found[0].isalpha() else f"x_{found}"


def singular(word: str) -> str:
    """One of what ``word`` (in snake case) names several of."""
    head, joint, last = word.rpartition("_")
    return head + joint + _singular(last)


def _singular(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(ss|sh|ch|x|zz)es\Z", word):
        return word[:-2]
    if word.endswith("s") and not re.search(r"(ss|us|is)\Z", word) and len(word) > 2:
        return word[:-1]
    return word


def short(name: str, most: int) -> str:
    """``name`` in at most so many characters: cut, with a digest of the whole."""
    if len(name) <= most:
        return name
    tail = hashlib.sha256(name.encode()).hexdigest()[:5]
    return f"{name[: most - 6].rstrip('_')}_{tail}"


def free(name: str, taken: Collection[str]) -> str:
    """``name``, or the first of ``name_2``, ``name_3`` … that is not taken."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found


def app_name(name: str, version: str) -> str:
    """The app's name: an API's name and version, letters and digits; a digest where that is too long."""
    text = re.sub(r"[^a-z0-9]", "", f"{name}{version}".lower())
    text = text if text[:1].isalpha() else f"x{text}"
    # Three documents come under a second id, directoryv1 besides directory_v1: that one has the digest.
    plain = re.search(r"(?:\A|_)v?[0-9]", version) is not None or not re.search(r"v[0-9]", version)
    if len(text) <= _APP and plain:
        return text
    digest = hashlib.sha256(f"{name}:{version}".encode()).hexdigest()[:6]
    return f"{text[: _APP - 6]}{digest}"
