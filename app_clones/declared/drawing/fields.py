"""Which drawer a field has: by its ``seed``, its values and type, its name, what is said about it, in that order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from random import Random

from app_clones.declared.drawing import moments, patterns
from app_clones.declared.drawing.drawers import DRAWERS
from app_clones.declared.drawing.known import EXAMPLE, LISTS, MOMENTS, MONEY, NUMBERS, SAID, SHARES, TEXTS
from app_clones.declared.drawing.names import Subject, singular, slug, words_of
from app_clones.declared.drawing.phrases import prose
from app_clones.declared.drawing.spot import Drawer, Json, Spot
from app_clones.declared.model import FieldDecl, Value

_RARE = frozenset({"deleted", "archived", "disabled", "hidden", "blocked", "spam", "trashed", "locked", "suspended"})
_PLACED = ("person", "company", "place")
"""Whose state is a part of a country."""
_DIGITS = re.compile(r" (\d)")
_TEXT_TYPES = frozenset({"string", "text", "email", "url", "bytes"})


def drawer(name: str, value: Value, subject: Subject, *, label: bool = False) -> Drawer:
    """Draws one value of a field, property or parameter: of a list, one item. Refs and JSON are drawn elsewhere."""
    seed = value.seed if isinstance(value, FieldDecl) else None
    if seed is not None:
        found = _asked(seed)
    elif value.type == "enum":
        found = _dealt([one for one in value.values if not is_unspecified(one)] or list(value.values))
    elif value.type == "boolean":
        found = _boolean(words_of(name), value)
    elif value.type in ("integer", "number"):
        found = _numeric(words_of(name), value)
    elif value.type in ("date", "datetime"):
        kind = moments.stage(words_of(name))
        found = partial(DRAWERS["date" if value.type == "date" else "moment"], kind=kind)
    else:
        found = _text(words_of(name), value, subject, label)
    return _fitting(found, value) if value.type in _TEXT_TYPES else found


def is_unspecified(value: str) -> bool:
    """Whether a value of an enum stands for none: no row has it."""
    return value.lower().endswith("unspecified")


def _asked(seed: Json) -> Drawer:
    """``seed: phone``, or ``seed: {integer: {min: 1, max: 9}}``."""
    name, arguments = (seed, {}) if isinstance(seed, str) else next(iter(seed.items()))
    return partial(DRAWERS[name], **arguments)


def seed_fault(seed: Json) -> str | None:
    """What is wrong with a field's ``seed``, if anything is."""
    single = isinstance(seed, Mapping) and len(seed) == 1
    name, arguments = next(iter(seed.items())) if single else (seed, {})
    if not isinstance(name, str) or name not in DRAWERS or not isinstance(arguments, Mapping):
        return f"no drawer {name!r}; there are {', '.join(DRAWERS)}"
    try:
        partial(DRAWERS[name], **arguments)(Random(0), _NOWHERE)
    except TypeError as error:
        return f"{name}: {str(error).rpartition('() ')[2]}"
    except (AttributeError, KeyError, ValueError, IndexError):
        pass  # it needed a row to look at
    return None


_NOWHERE: Spot = object()  # type: ignore[assignment]


def _dealt(values: list[str]) -> Drawer:
    """Like cards: each value once before any comes again, so that even a few rows have all of them."""
    deck: list[str] = []

    def deal(rng: Random, at: Spot) -> str:
        if not deck:
            deck.extend(rng.sample(values, len(values)))
        return deck.pop()

    return deal if values else lambda rng, at: ""


def _boolean(tokens: tuple[str, ...], value: Value) -> Drawer:
    default = getattr(value, "default", None)
    chance = 0.12 if set(tokens) & _RARE else 0.5
    if isinstance(default, bool):
        chance = 0.75 if default else 0.25
    return lambda rng, at: rng.random() < chance


def _numeric(tokens: tuple[str, ...], value: Value) -> Drawer:
    bounded = not value.repeated
    low, high = (value.min, value.max) if bounded else (None, None)
    last = tokens[-1] if tokens else ""
    if value.type == "number" and last in ("latitude", "longitude"):
        return DRAWERS[last]
    usual = (0.0, 1.0, 1) if last in SHARES else NUMBERS.get(last, (1, 100, 1))
    least, most = _range(usual[0], usual[1], low, high)
    if value.type == "number":
        if last in MONEY and low is None and high is None:
            return DRAWERS["money"]
        return partial(DRAWERS["number"], min=least, max=most)
    if last in MOMENTS and low is None and high is None:
        return lambda rng, at: moments.between(rng, at.born_ms, at.scene.now_ms)
    step = usual[2] if most - least >= usual[2] else 1
    return partial(DRAWERS["integer"], min=least, max=most, step=step)


def _range(least: float, most: float, low: float | None, high: float | None) -> tuple[float, float]:
    """What is usual, as far as the bounds allow; else what the bounds allow."""
    if low is not None and (low > most or high is None):
        least, most = low, max(most, low + (most - least))
    if high is not None and high < most:
        most, least = high, min(least, high)
    return (least if low is None else max(least, low)), (most if high is None else min(most, high))


def _text(tokens: tuple[str, ...], value: Value, subject: Subject, label: bool) -> Drawer:
    if value.type in ("email", "url"):
        named = _by_name(tokens)
        return DRAWERS[named if value.type == "email" and named == "someone" else value.type]
    if value.type == "bytes":
        return DRAWERS["base64"]
    if subject == "person" and tokens in (("title",), ("position",)):
        return DRAWERS["name" if label and tokens == ("title",) else "job"]
    if told := listed(value.about) or ([] if label else _example(value.about)):
        return lambda rng, at: rng.choice(told)
    if tokens[-1:] == ("state",) and subject not in _PLACED:
        return DRAWERS["status"]
    found = _by_name(tokens) or _by_text(value.about)
    if found is None and tokens and tokens[-1] in NUMBERS and not label:
        return _written(_numeric(tokens, Value(type="integer")))
    if label and found in ("prose", "sentence") and value.type != "text":
        found = "name"
    if found == "prose" or (found is None and value.type == "text"):
        few, many = (2, 5) if value.type == "text" else (1, 2)
        return lambda rng, at: prose(rng, at.subject, rng.randint(few, many), at.called)
    if found is None:
        found = "name" if label or subject == "resource" else "title"
    return _written(DRAWERS[found]) if found in ("amount", "year") else DRAWERS[found]


def _written(found: Drawer) -> Drawer:
    return lambda rng, at: str(found(rng, at))


def _by_name(tokens: tuple[str, ...]) -> str | None:
    tokens = tuple(_DIGITS.sub(r"\1", " ".join(tokens)).split())  # md5 and ipv4 are words
    if not tokens:
        return None
    for last in (tokens[-1], singular(tokens[-1])):
        for name in (" ".join((*tokens[-2:-1], last)), last):
            if name in TEXTS:
                return TEXTS[name]
        if last in ("id", "code", "number", "key"):
            return "sku"
    return None


def listed(about: str) -> list[str]:
    """The values that a description lists, where it does."""
    found = re.findall(r'- "([^"\s]{1,40})"', about)
    if len(found) < 2 and (head := LISTS.search(about)):
        found = re.findall(r"""[`'"]([A-Za-z0-9_.-]{1,40})[`'"]""", head[1])
    return [one for one in dict.fromkeys(found) if not is_unspecified(one)] if len(found) > 1 else []


def _example(about: str) -> list[str]:
    found = EXAMPLE.search(about)
    return [found[1]] if found else []


def _by_text(about: str) -> str | None:
    head = about[:300]
    return next((name for pattern, name in SAID if re.search(pattern, head)), None)


# ---- bounds and patterns


def _fitting(found: Drawer, value: Value) -> Drawer:
    """``found``, its text made to fit the bounds and the pattern that ``value`` has."""
    low, high = (0, None) if value.repeated else (int(value.min or 0), None if value.max is None else int(value.max))
    if value.pattern is None and not low and high is None:
        return found

    def draw(rng: Random, at: Spot) -> Json:
        return fit(rng, str(found(rng, at)), value.pattern, low, high)

    return draw


def fit(rng: Random, text: str, pattern: str | None, low: int, high: int | None) -> str:
    """``text`` if it may stand as it is; else something near it that may, else something that the pattern accepts."""
    for form in _forms(rng, text) if pattern is not None else (text,):
        cut = _cut(form, low, high)
        if pattern is None or patterns.accepts(pattern, cut):
            return cut
    return patterns.matching(rng, pattern or "", low, high) or _cut(text, low, high)


def _forms(rng: Random, text: str) -> list[str]:
    low = slug(text)
    under, number = low.replace("-", "_"), rng.randrange(1000, 10_000)
    plain = low.replace("-", "")
    return [text, low, under, plain, under.upper(), f"{low}-{number}", f"{plain}{number}", str(number)]


def _cut(text: str, low: int, high: int | None) -> str:
    if high is not None and len(text) > high:
        shorter = text[: high + 1].rpartition(" ")[0].rstrip(" ,;:-")
        text = shorter if len(shorter) >= max(low, 1) else text[:high]
    while len(text) < low:
        text = (text + (" " if high is None or len(text) + 1 < high else "") + (text or "x"))[: high or None]
    return text
