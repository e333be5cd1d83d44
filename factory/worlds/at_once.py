"""Coroutines that never wait, run from plain code, inside an event loop or outside of one."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from factory.errors import BuildError

T = TypeVar("T")


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Runs ``work``: a page of a world, say, which asks nothing outside of this process. Raises BuildError where it
    waits after all."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise BuildError("this waits for something outside of its world, and was to be done at once")
