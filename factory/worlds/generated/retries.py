"""How an honest agent deals with a service that fails now and then: it does as it is told, and repeats the call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app_clones.kit.errors import RateLimited, SignedOut, StalePage
from app_clones.kit.faults import SESSION, Faults
from factory.environment import Action

MOST_TRIES = 12
"""Of one thing, before an honest agent gives up."""


@dataclass(frozen=True, slots=True)
class Service:
    """What decides which calls of a world fail: see :meth:`Faults.met`. ``writes``: whether a tool does."""

    faults: Faults
    seed: int
    start_ms: int
    step_ms: int
    writes: Callable[[str], bool]


def persistent(actions: tuple[Action, ...], at: Service) -> tuple[Action, ...]:
    """The same way, each call repeated until the service does not fail it; where it says when to come back, then."""
    done: list[Action] = []
    seen: dict[str, int] = {}
    now_ms = at.start_ms
    for action in actions:
        for _ in range(MOST_TRIES):
            tool = action.name
            fault = at.faults.met(at.seed, now_ms, at.step_ms, tool, writes=at.writes(tool), seen=seen)
            done.append(action)
            if fault is None:
                now_ms += at.step_ms
                break
            if isinstance(fault, SignedOut | StalePage):  # told so, the account is signed in again, and has looked
                seen[SESSION if isinstance(fault, SignedOut) else tool] = now_ms
            now_ms += at.step_ms
            if isinstance(fault, RateLimited):
                done.append(wait(fault.retry_s))
                now_ms += at.step_ms + minutes(fault.retry_s) * 60_000
    return tuple(done)


def wait(seconds: int) -> Action:
    """What lets so many virtual seconds pass."""
    return Action("clock_wait", {"minutes": minutes(seconds)})


def minutes(seconds: int) -> int:
    """Whole minutes in which so many seconds pass."""
    return -(-seconds // 60)
