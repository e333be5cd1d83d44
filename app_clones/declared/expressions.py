"""Expressions: strings that start with ``$`` and name what an operation knows, anywhere in a JSON value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Lookup = Callable[[Sequence[str]], Any]
"""Gives the value of a chain of names, ``("row", "customer", "email")``."""

Evaluate = Callable[[Lookup], Any]

_CHAIN = re.compile(r"\$([a-z][A-Za-z0-9_]*)((?:\.[a-z][a-z0-9_]*)*)\Z")


class ExpressionError(ValueError):
    """Text that starts like an expression and is none."""


def chain(text: str) -> tuple[str, ...] | None:
    """The names of an expression, None of plain text. Raises :class:`ExpressionError`."""
    if not text.startswith("$") or text.startswith("$$"):
        return None
    found = _CHAIN.match(text)
    if found is None:
        raise ExpressionError(f"{text!r} is no expression: $name, $row.field; $$ stands for a plain $")
    return (found[1], *found[2].split(".")[1:])


def names_in(expression: Any) -> Iterator[tuple[str, ...]]:
    """Every chain in ``expression``, nested ones too."""
    if isinstance(expression, str):
        found = chain(expression)
        if found is not None:
            yield found
    elif isinstance(expression, dict):
        for inner in expression.values():
            yield from names_in(inner)
    elif isinstance(expression, list | tuple):
        for inner in expression:
            yield from names_in(inner)


def prepare(expression: Any) -> Evaluate:
    """``expression`` made ready: what it gives for a lookup. Raises :class:`ExpressionError`."""
    if isinstance(expression, str):
        found = chain(expression)
        if found is not None:
            return lambda look: look(found)
        plain = expression[1:] if expression.startswith("$$") else expression
        return lambda look: plain
    if isinstance(expression, dict):
        parts = {name: prepare(inner) for name, inner in expression.items()}
        return lambda look: {name: part(look) for name, part in parts.items()}
    if isinstance(expression, list | tuple):
        items = [prepare(inner) for inner in expression]
        return lambda look: [item(look) for item in items]
    return lambda look: expression
