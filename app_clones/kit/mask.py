"""Partial answers: ``messages(id,payload/headers),nextPageToken`` keeps those parts of a JSON value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Protocol

from app_clones.kit.errors import AppError


class Known(Protocol):
    """What a mask may name below a property: the names, and what is below each. A mapping of mappings is one."""

    def __contains__(self, name: object, /) -> bool: ...
    def __getitem__(self, name: str, /) -> Known: ...
    def values(self) -> Iterable[Known]: ...


Mask = dict[str, "Mask"]
"""What to keep of an object, by property; an empty one keeps all of it."""

_TOKEN = re.compile(r"\s*([A-Za-z0-9_]+|[*,/()])")


def parse(text: str) -> Mask:
    """Returns the mask. Raises AppError for one that is not well-formed."""
    tokens: list[str] = []
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _bad(text)
        tokens.append(match.group(1))
        at = match.end()
    mask, rest = _fields(tokens, text, 0)
    if rest:
        raise _bad(text)
    return mask


def _fields(tokens: list[str], text: str, depth: int) -> tuple[dict[str, Any], list[str]]:
    if depth > 20:
        raise _bad(text)
    mask: dict[str, Any] = {}
    while True:
        rest = _field(tokens, text, mask, depth)
        if not rest or rest[0] != ",":
            return mask, rest
        tokens = rest[1:]


def _field(tokens: list[str], text: str, mask: dict[str, Any], depth: int) -> list[str]:
    if not tokens or tokens[0] in ",/()":
        raise _bad(text)
    known = tokens[0] in mask
    inner = mask.setdefault(tokens[0], {})
    rest = tokens[1:]
    if rest and rest[0] == "/":
        nested: dict[str, Any] = {}
        rest = _field(rest[1:], text, nested, depth)
    elif rest and rest[0] == "(":
        nested, rest = _fields(rest[1:], text, depth + 1)
        if not rest or rest[0] != ")":
            raise _bad(text)
        rest = rest[1:]
    else:
        inner.clear()
        return rest
    if not known or inner:
        inner.update(nested)
    return rest


def _bad(text: str) -> AppError:
    return AppError(f"Invalid field selection {text[:120]}")


def check(mask: Mask, known: Known) -> None:
    """Raises AppError for a property that the answer cannot have."""
    for name, inner in mask.items():
        if name != "*" and name not in known:
            raise AppError(f"Invalid field selection {name}")
        for below in known.values() if name == "*" else (known[name],):
            check(inner, below)


def apply(mask: Mask, data: Any) -> Any:
    """Returns the parts of ``data`` that the mask keeps."""
    if not mask:
        return data
    if isinstance(data, list):
        return [apply(mask, item) for item in data]
    if not isinstance(data, dict):
        return data
    every = mask.get("*")
    return {
        name: apply(mask.get(name, every or {}), value)
        for name, value in data.items()
        if name in mask or every is not None
    }
