"""What a behaviour is held to: it is a plain function of the act alone, and what it returns is JSON."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any


def signature_fault(behaviour: Callable[..., Any]) -> str | None:
    """Why ``behaviour`` cannot be called with an act and nothing else, by file and line."""
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(is_kind(behaviour) for is_kind in kinds):
        return f"{_place(behaviour)}: a behaviour is a plain function: no async, no yield"
    signature = inspect.signature(behaviour)
    try:
        signature.bind(object())
    except TypeError:
        return f"{_place(behaviour)}: a behaviour is called with the act alone, and this one takes {signature}"
    return None


def check_json(behaviour: Callable[..., Any], answer: Any) -> None:
    """Raises :class:`TypeError` for an ``answer`` that no client could be sent."""
    try:
        json.dumps(answer, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"what the behaviour at {_place(behaviour)} returns is no JSON: {error}") from error


def _place(behaviour: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(behaviour), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else repr(behaviour)
