"""Names as people and wires write them: titles, plurals, camel case."""

from __future__ import annotations

import re
from functools import lru_cache

_IRREGULAR = {
    "person": "people", "child": "children", "datum": "data", "analysis": "analyses",
    "series": "series", "news": "news", "data": "data", "metadata": "metadata", "media": "media",
    "leaf": "leaves", "shelf": "shelves", "bookshelf": "bookshelves", "half": "halves", "life": "lives",
}  # fmt: skip


def title(name: str) -> str:
    """``due_date`` as ``Due date``."""
    return name.replace("_", " ").capitalize()


def plural(name: str) -> str:
    """``category`` as ``categories``."""
    head, joint, last = name.rpartition("_")
    return head + joint + _plural(last)


def _plural(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if re.search(r"[^aeiou]y\Z", word):
        return word[:-1] + "ies"
    if re.search(r"[^aious]s\Z", word):
        return word  # it names several already
    if re.search(r"(s|x|z|ch|sh)\Z", word):
        return word + "es"
    return word + "s"


@lru_cache(maxsize=65_536)
def camel(name: str) -> str:
    """``due_date`` as ``dueDate``."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
