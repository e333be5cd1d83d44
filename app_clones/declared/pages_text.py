"""Words for people: labels from names, times by the virtual clock, values as text, the tint of a status."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from textwrap import shorten
from typing import Any

from app_clones.declared.drawing import moments
from app_clones.declared.model import Value

DAY_MS = 86_400_000
#: Characters of a text that a table shows.
SHOWN = 90

_SHORT = {
    "id",
    "url",
    "uri",
    "api",
    "ip",
    "sku",
    "vat",
    "cpu",
    "gpu",
    "ssl",
    "tls",
    "dns",
    "http",
    "https",
    "json",
    "html",
    "mime",
    "rgb",
    "uid",
    "uuid",
}
# A status is tinted by what its words say, whatever the app: how it stands is seen at a glance.
_TINTS = {
    "good": "active done closed resolved solved paid delivered complete completed success succeeded approved accepted"
    " enabled published ready running available healthy confirmed won shipped fulfilled passed verified",
    "wait": "pending draft waiting hold paused queued scheduled review medium unpaid planned trial invited deferred"
    " warning partial unverified tentative suspended",
    "busy": "open new progress processing started in_progress working building creating updating assigned placed todo",
    "bad": "failed failure error urgent cancelled canceled rejected overdue blocked critical high expired refunded"
    " deleted disabled lost revoked declined terminated aborted escalated banned",
}
# Such a row is past all help: it stands as it does, and nobody need look after it.
FINAL = frozenset(
    {
        "aborted", "banned", "canceled", "cancelled", "declined", "deleted", "disabled", "expired", "lost", "refunded",
        "rejected", "revoked", "terminated",
    }
)  # fmt: skip
_TINT_OF = {word: tint for tint, words in _TINTS.items() for word in words.split()}
#: Characters of JSON that stand in one line.
_LINE = 72
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


#: Markdown that is read best without its marks: links (the last one may be cut), code and stress.
_LINK = re.compile(r"\[([^\]]+)\]\((?:[^)\s]*\)|\S*\Z)")
_MARKED = re.compile(r"(`+|\*\*)([^`*]+)\1")
_SENTENCE = re.compile(r"(?<!e\.g)(?<!i\.e)[.!?](?=\s+[A-Z\"'(*])")
#: Characters from which on a description without an end is one that was cut.
_CUT = 150


@lru_cache(maxsize=4096)
def words(name: str) -> str:
    """``order_item`` as "order item", ``image_url`` as "image URL"."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower().split("_")
    return " ".join(part.upper() if part in _SHORT else part for part in parts if part)


@lru_cache(maxsize=4096)
def label(name: str) -> str:
    """``order_item`` as "Order item"."""
    text = words(name)
    return text[:1].upper() + text[1:]


@lru_cache(maxsize=4096)
def tint(value: str) -> str:
    """The class of a status's tag: ``good``, ``wait``, ``busy``, ``bad`` or nothing."""
    lower = value.lower()
    for part in (lower, *re.split(r"[_\W]+", lower)):
        if part in _TINT_OF:
            return _TINT_OF[part]
    return ""


@lru_cache(maxsize=4096)
def _day(number: int) -> tuple[int, str, str]:
    """Year, "3 Mar" and "3 Mar 2025" of a day since 1970."""
    day = datetime.fromtimestamp(number * 86_400, UTC)
    short = f"{day.day} {_MONTHS[day.month - 1]}"
    return day.year, short, f"{short} {day.year}"


def moment(ms: int, now_ms: int) -> str:
    """A time as people say it at ``now_ms``: "Today 14:05", "3 Mar, 14:05", "3 Mar 2024" (all UTC)."""
    number, rest = divmod(ms, DAY_MS)
    minutes = rest // 60_000
    clock = f"{minutes // 60:02d}:{minutes % 60:02d}"
    apart = number - now_ms // DAY_MS
    if -2 < apart < 2:
        return f"{('Yesterday', 'Today', 'Tomorrow')[apart + 1]} {clock}"
    year, short, long = _day(number)
    return f"{short}, {clock}" if year == _day(now_ms // DAY_MS)[0] else long


def moment_told(text: str, now_ms: int) -> str:
    """The same of a time or a day that is text (RFC 3339); what is neither stays as it is."""
    ms = _read(text)
    if ms is None:
        return short(text)
    return moment(ms, now_ms) if len(text) > moments.DAY_LONG else _day(ms // DAY_MS)[2]


_read = lru_cache(maxsize=16_384)(moments.read)


def moment_in_full(ms: int) -> str:
    """A time to the second: "3 Mar 2025, 14:05:09 UTC"."""
    number, rest = divmod(ms, DAY_MS)
    seconds = rest // 1000
    return f"{_day(number)[2]}, {seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d} UTC"


def short(text: str, most: int = SHOWN) -> str:
    """``text`` in one line of at most so many characters."""
    if len(text) <= most and "\n" not in text:
        return text
    line = " ".join(text[: most * 4].split())
    return line if len(line) <= most and len(text) <= most * 4 else f"{line[: most - 1].rstrip()}…"


def prose(text: str, most: int) -> str:
    """What a description says, without its marks: whole sentences of at most so many characters, else an ellipsis.

    A description may have been cut before, wherever it happened to be long enough.
    """
    line = " ".join(_MARKED.sub(r"\2", _LINK.sub(r"\1", text)).split())
    is_cut = len(text) >= _CUT and line[-1:] not in ".!?:)\"'"
    if len(line) <= most and not is_cut:
        return line
    whole = [end.end() for end in _SENTENCE.finditer(line[: most + 1])]
    if whole and whole[-1] >= most // 4:
        return line[: whole[-1]]
    if line.endswith("…") and len(line) <= most:
        return line
    return shorten(line, min(most, len(line) - 1), placeholder=" …")


def sentence(text: str) -> str:
    """``text`` with a capital at its start and a full stop at its end."""
    return f"{text[:1].upper()}{text[1:]}{'' if text[-1:] in ('.', '!', '?') else '.'}"


def pretty(value: Any, indent: str = "") -> str:
    """JSON to be read by people, and written by them: in one line what fits in one."""
    line = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if not value or not isinstance(value, dict | list) or len(indent) + len(line) <= _LINE:
        return line
    deeper = f"{indent}  "
    if isinstance(value, list):
        start, end, inner = "[", "]", [pretty(item, deeper) for item in value]
    else:
        start, end = "{", "}"
        inner = [f"{json.dumps(name, ensure_ascii=False)}: {pretty(value[name], deeper)}" for name in sorted(value)]
    joint = f",\n{deeper}"
    return f"{start}\n{deeper}{joint.join(inner)}\n{indent}{end}"


def number(value: float) -> str:
    """A number as it is typed: no exponent for what is whole."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def teller(value: Value) -> Callable[[Any], str]:
    """A function that gives the values of such a field, refs and the clock's times aside, as text for a table."""
    if value.repeated:
        inner = teller(value.model_copy(update={"repeated": False}))
        return lambda items: short(", ".join(inner(item) for item in items))
    if value.type == "boolean":
        return lambda held: "Yes" if held else "No"
    if value.type in ("integer", "number"):
        return number
    if value.type == "json":
        return lambda held: short(json.dumps(held, ensure_ascii=False, sort_keys=True))
    return short
