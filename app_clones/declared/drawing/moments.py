"""When things happened: moments around the world's start, in working hours, in an order that makes sense."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
PAST_DAYS = 120
"""How far back rows go."""

_STARTS = frozenset({"start", "begin", "begins", "starts", "from", "since", "opens", "departure", "scheduled"})
_ENDS = frozenset({"end", "ends", "finish", "stop", "until", "closes", "arrival", "checkout", "to"})
_AHEAD = frozenset(
    {"due", "deadline", "expires", "expire", "expiration", "expiry", "renewal", "renews", "next", "target"}
)
_PAST = frozenset({"last", "previous", "first", "joined", "hired", "purchased", "created", "updated", "modified"})
_BIRTH = frozenset({"birth", "birthday", "birthdate", "dob", "born"})


def stage(tokens: tuple[str, ...]) -> str:
    """What a moment of that name is in a row's life: ``birth``, ``start``, ``end``, ``ahead``, ``past`` or ``any``."""
    words = frozenset(tokens)
    for name, known in (("birth", _BIRTH), ("ahead", _AHEAD), ("start", _STARTS), ("end", _ENDS), ("past", _PAST)):
        if words & known:
            return name
    return "past" if any(token.endswith("ed") for token in tokens) else "any"


def before(rng: Random, end_ms: int, days: int = PAST_DAYS) -> int:
    """A working hour at most ``days`` before ``end_ms``; more of them lie near the end."""
    return working_hour(rng, end_ms - int(days * rng.random() ** 1.5) * DAY, end_ms)


def between(rng: Random, start_ms: int, end_ms: int) -> int:
    """A full minute from ``start_ms`` to ``end_ms``; most lie nearer the start."""
    span = max(0, end_ms - start_ms) // MINUTE
    return min(end_ms, start_ms + int(span * rng.random() ** 2) * MINUTE)


def working_hour(rng: Random, day_ms: int, end_ms: int | None = None) -> int:
    """A quarter of an hour between eight and six of that day; the day before where that is not before ``end_ms``."""
    moment = day_ms - day_ms % DAY + rng.randrange(8 * 4, 18 * 4) * 15 * MINUTE
    if end_ms is not None and moment >= end_ms:
        moment -= DAY
    return max(moment, 0)


def drawn(rng: Random, kind: str, born_ms: int, now_ms: int, after_ms: int | None) -> int:
    """A moment of that :func:`stage` for a row made at ``born_ms``; an end comes after ``after_ms``, its start."""
    if kind == "birth":
        return working_hour(rng, now_ms - rng.randrange(20 * 365, 65 * 365) * DAY)
    if kind == "ahead":
        return working_hour(rng, max(born_ms, after_ms or 0) + rng.randrange(2, 46) * DAY)
    if kind == "end":
        start = after_ms if after_ms is not None else born_ms
        return start + rng.choice((30, 45, 60, 60, 90, 120, 24 * 60, 3 * 24 * 60)) * MINUTE
    if kind == "start":
        return working_hour(rng, born_ms + rng.randrange(1, 31) * DAY)
    return between(rng, born_ms, now_ms)


def later(rng: Random, start: Mapping[str, Any], end: Mapping[str, Any]) -> dict[str, Any]:
    """``end`` with the times and days that ``start`` has, each so much later, and none but those."""
    far_ms = rng.choice((30, 45, 60, 60, 90, 120, 24 * 60)) * MINUTE
    moved = {}
    for name, text in start.items():
        if _is_time(text):
            moved[name] = day(parse(text) + DAY) if len(text) == DAY_LONG else rfc3339(parse(text) + far_ms)
    return {**{name: value for name, value in end.items() if not _is_time(value)}, **moved} if moved else dict(end)


DAY_LONG = len("2025-03-01")
"""Characters of a text that is a day."""


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and read(value) is not None


def rfc3339(ms: int) -> str:
    """``2025-03-01T09:30:00Z``."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(ms: int) -> str:
    """``2025-03-01``."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%d")


def parse(text: str) -> int:
    """The moment (ms) that :func:`rfc3339` or :func:`day` wrote."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def read(text: str) -> int | None:
    """The same of a text that may be anything; None where it is no time."""
    try:
        return parse(text)
    except ValueError:
        return None
