"""What an input makes of a text that is to be its value: HTML's value sanitization, by type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_FLOOR, Decimal

from app_clones.browser.text import HTML_SPACE

_NUMBER = re.compile(r"-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_DATE = re.compile(r"(\d{4,6})-(\d\d)-(\d\d)", re.ASCII)
_MONTH = re.compile(r"(\d{4,6})-(\d\d)", re.ASCII)
_WEEK = re.compile(r"(\d{4,6})-W(\d\d)", re.ASCII)
_TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?", re.ASCII)
_ONE_LINE = frozenset({"text", "search", "tel", "password", "url", "email"})
_LINES = str.maketrans("", "", "\r\n")


def sanitized(kind: str, text: str, attrs: Mapping[str, str]) -> str:
    """The value that an input of type ``kind`` has once it is given ``text``. ``attrs``: the input's attributes."""
    if kind in _ONE_LINE:
        text = text.translate(_LINES)
        if kind == "email" and "multiple" in attrs:
            return ",".join(part.strip(HTML_SPACE) for part in text.split(","))
        return text.strip(HTML_SPACE) if kind in ("url", "email") else text
    check = _CHECKS.get(kind)
    return check(text, attrs) if check else text


def is_number(text: str) -> bool:
    """Is it a floating-point number as HTML writes them?"""
    return _NUMBER.fullmatch(text) is not None


def _number(text: str, attrs: Mapping[str, str]) -> str:
    return text if is_number(text) else ""


def _range(text: str, attrs: Mapping[str, str]) -> str:
    low = _decimal(attrs.get("min"), Decimal(0))
    high = max(_decimal(attrs.get("max"), Decimal(100)), low)
    found = _decimal(text, low + (high - low) / 2)
    found = min(max(found, low), high)
    stated = attrs.get("step", "")
    if stated.strip().lower() != "any":
        step = _decimal(stated, Decimal(1))
        step = step if step > 0 else Decimal(1)
        base = _decimal(attrs.get("min"), _decimal(attrs.get("value"), Decimal(0)))
        found = base + ((found - base) / step + Decimal("0.5")).to_integral_value(ROUND_FLOOR) * step
        if found > high:
            found -= step
        elif found < low:
            found += step
    plain = format(found.normalize(), "f")
    return "0" if plain == "-0" else plain


def _decimal(text: str | None, otherwise: Decimal) -> Decimal:
    return Decimal(text) if text and is_number(text) else otherwise


def _color(text: str, attrs: Mapping[str, str]) -> str:
    return text.lower() if _COLOR.fullmatch(text) else "#000000"


def _date(text: str, attrs: Mapping[str, str]) -> str:
    return text if is_date(text) else ""


def _month(text: str, attrs: Mapping[str, str]) -> str:
    match = _MONTH.fullmatch(text)
    return text if match and int(match[1]) and 1 <= int(match[2]) <= 12 else ""


def _week(text: str, attrs: Mapping[str, str]) -> str:
    match = _WEEK.fullmatch(text)
    if not match or not 1 <= int(match[1]) <= 9999:
        return ""
    last = date(int(match[1]), 12, 28).isocalendar().week
    return text if 1 <= int(match[2]) <= last else ""


def _time(text: str, attrs: Mapping[str, str]) -> str:
    return text if is_time(text) else ""


def _local(text: str, attrs: Mapping[str, str]) -> str:
    day, joint, clock = text[:10], text[10:11], text[11:]
    if joint not in ("T", " ") or not is_date(day) or not is_time(clock):
        return ""
    if clock.endswith(":00") and len(clock) == 8:
        clock = clock[:5]
    return f"{day}T{clock}"


def is_date(text: str) -> bool:
    """Is it a day that there is, as YYYY-MM-DD?"""
    match = _DATE.fullmatch(text)
    if not match:
        return False
    try:
        date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return False
    return True


def is_time(text: str) -> bool:
    """Is it a time of day, as HH:MM, HH:MM:SS or with a fraction?"""
    match = _TIME.fullmatch(text)
    return match is not None and int(match[1]) < 24 and int(match[2]) < 60 and int(match[3] or 0) < 60


_CHECKS = {
    "number": _number, "range": _range, "color": _color, "date": _date, "month": _month, "week": _week, "time": _time,
    "datetime-local": _local,
}  # fmt: skip
