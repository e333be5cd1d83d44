"""Words by which a document lets a client name a row without its id: "primary", "me". What is not said is not
understood."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal

from factory.compiler.infer_names import singular, snake

Key = tuple[str, ...]
Means = Literal["person", "row"]

_QUOTES = "\"'`\u201c\u201d\u2018\u2019"
_WORD = rf"[{_QUOTES}]+([A-Za-z_@][\w@-]{{0,29}})[{_QUOTES}]+"
_KIND = r"(?:special (?:value|id|keyword)|(?:string )?literal|keyword|alias)"
_SAID = (
    re.compile(rf"\b{_KIND}\s+{_WORD}", re.I),
    re.compile(rf"\bthe\s+{_WORD}\s+{_KIND}\b", re.I),
    re.compile(rf"\b(?:use|set (?:it )?to)\s+{_WORD}\s+to (?:refer to|indicate|mean|represent)\b", re.I),
    re.compile(rf"{_WORD}\s+(?:can|may) (?:also )?be used (?:as an alias )?to (?:refer to|indicate|represent)\b", re.I),
)
_WHO = r"(?:the |your )?(?:[\w-]+ ){0,3}(?:user|caller|yourself)\b"
_AFTER = re.compile(
    r"\W*(?:(?:can|may|which|that|also|be|used|as|an|alias|to)\s+)*(?:indicat|refer|represent|mean)\w*\s+(?:to )?"
    rf"{_WHO}"
    rf"|\W*(?:for|to (?:refer to|indicate|mean|represent))\s+(?:{_WHO}|your own\b)",
    re.I,
)
_BEFORE = re.compile(rf"\bto (?:indicate|refer to|represent)\s+{_WHO}[^.]*\Z", re.I)


def words(about: str) -> dict[str, Means]:
    """The words that a description says stand for something: for who asks (``person``), or for a certain ``row``."""
    found: dict[str, Means] = {}
    for pattern in _SAID:
        for match in pattern.finditer(about):
            told = _AFTER.match(about, match.end(1)) or _BEFORE.search(about[: match.start()])
            found[match[1]] = "person" if told else found.get(match[1], "row")
    return found


def persons(about: str) -> tuple[str, ...]:
    """The words that a description says stand for who asks."""
    return tuple(sorted(word for word, means in words(about).items() if means == "person"))


def by_key(named: Iterable[tuple[str, Key, bool]]) -> Mapping[Key, Mapping[str, Means]]:
    """The words for rows of each resource, of what is said where its rows are named: description, resource, whether the
    whole resource name is given, of which the word may stand for a part further up."""
    found: defaultdict[Key, dict[str, Means]] = defaultdict(dict)
    for about, key, whole in named:
        for word, means in words(about).items():
            place = _part(key, word, about) if whole else key
            if found[place].get(word) != "person":
                found[place][word] = means
    return found


def _part(key: Key, word: str, about: str) -> Key:
    """The part of a resource name that ``word`` stands in, by an example (``users/me``) or the part's own name."""
    for depth in range(len(key), 0, -1):
        segment = key[depth - 1].removesuffix("/*").rpartition("/")[2]
        noun = singular(snake(segment))
        if f"{segment}/{word}" in about or re.search(rf"\{{{noun}\}}\W+(?:can|may) be\b", about):
            return key[:depth]
    return key
