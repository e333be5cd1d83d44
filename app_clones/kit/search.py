"""Full-text queries that a user's words cannot break."""

from __future__ import annotations

import re
from unicodedata import normalize

# As FTS5 cuts words: an underscore parts them, a combining accent does not.
_WORDS = re.compile(r"(?:[^\W_][\u0300-\u036f]*)+")
MOST_WORDS = 32


def match(text: str, column: str | None = None, *, unfinished: bool = False) -> str:
    """An FTS5 query for rows that hold every word of ``text`` (in ``column``, if given), or one that begins with the
    last word where that may be ``unfinished``; ``""`` if it has no words.

    Only words pass, each quoted, so no operator, column name or stray quote of the user's reaches FTS5.
    """
    words = [f'"{word}"' for word in _WORDS.findall(normalize("NFC", text[:10_000]))[:MOST_WORDS]]
    if not words:
        return ""
    joined = " AND ".join(words) + ("*" if unfinished else "")
    return f"{column}:({joined})" if column else joined
