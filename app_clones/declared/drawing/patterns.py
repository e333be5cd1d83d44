"""Text that a regular expression accepts, drawn at random."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from importlib import import_module
from random import Random
from typing import Any

from app_clones.declared.shapes import matcher

# the library's own reading of the syntax; type stubs differ on whether it is there
_SYNTAX = import_module("re._parser")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ANY = _LETTERS + "0123456789"
_CLASSES = {"CATEGORY_DIGIT": "0123456789", "CATEGORY_WORD": _ANY, "CATEGORY_SPACE": " "}
_LONGEST = 6  # repetitions of an open-ended part, beyond its least


def matching(rng: Random, pattern: str, least: int = 0, most: int | None = None) -> str | None:
    """A text of ``least`` to ``most`` characters in which ``pattern`` is found, as JSON Schema means it.

    None where none was found in a few tries: the pattern looks ahead or back, or is no pattern at all.
    """
    tree = _tree(pattern)
    if tree is None:
        return None
    for attempt in range(20):
        text = "".join(_draw(rng, tree, attempt * 3 if least else 0))
        if least <= len(text) <= (len(text) if most is None else most) and accepts(pattern, text):
            return text
    return None


def accepts(pattern: str, text: str) -> bool:
    """Whether ``pattern`` is found in ``text``, as the engine decides it."""
    return bool(matcher(pattern).is_valid(text))


@lru_cache(maxsize=4096)
def _tree(pattern: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _SYNTAX.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return None  # ECMA's syntax has forms that Python's has not


def _draw(rng: Random, tree: Any, more: int) -> list[str]:
    """Pieces of text for the parsed expression; open-ended parts repeat ``more`` times more than they need."""
    pieces: list[str] = []
    groups: dict[int, str] = {}
    for op, value in tree:
        pieces += _piece(rng, str(op), value, more, groups)
    return pieces


def _piece(rng: Random, op: str, value: Any, more: int, groups: dict[int, str]) -> list[str]:
    if op == "LITERAL":
        return [chr(value)]
    if op == "NOT_LITERAL":
        return [rng.choice([c for c in _ANY if c != chr(value)])]
    if op == "ANY":
        return [rng.choice(_LETTERS)]
    if op == "IN":
        return [rng.choice(_members(value))]
    if op == "BRANCH":
        return _draw(rng, rng.choice(value[1]), more)
    if op == "SUBPATTERN":
        drawn = _draw(rng, value[3], more)
        groups[value[0]] = "".join(drawn)
        return drawn
    if op == "GROUPREF":
        return [groups.get(value, "")]
    if op in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, most, inner = value
        times = rng.randint(least, min(int(most), least + _LONGEST + more))
        return [piece for _ in range(times) for piece in _draw(rng, inner, 0)]
    return []  # an anchor, or a look around, which the check afterwards decides


@lru_cache(maxsize=4096)
def _known(items: tuple[tuple[str, Any], ...]) -> str:
    wanted: set[str] = set()
    for op, value in items:
        if op == "LITERAL":
            wanted.add(chr(value))
        elif op == "RANGE":
            wanted.update(map(chr, range(value[0], min(value[1], value[0] + 200) + 1)))
        elif op == "CATEGORY":
            wanted.update(_CLASSES.get(value, "-"))
    plain = [chr(code) for code in range(32, 127)]
    if items and items[0][0] == "NEGATE":
        wanted = {c for c in plain if c not in wanted}
    # letters and digits read best, where the class has any
    return "".join(sorted(wanted & set(_ANY)) or sorted(wanted & set(plain)) or sorted(wanted)) or "x"


def _members(items: Any) -> str:
    return _known(tuple((str(op), str(value) if str(op) == "CATEGORY" else value) for op, value in items))
