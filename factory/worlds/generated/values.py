"""New values for fields: such as a person would give, and never what is there already."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from app_clones.declared.model import PERSON, FieldDecl, Value
from factory.verifiers.declared.deeds import New
from factory.worlds.generated.abilities import Ability, choices
from factory.worlds.generated.survey import Seen, Survey, is_quotable

Json = Any

# fmt: off
_HEADS = (
    "amber", "autumn", "blue", "bright", "calm", "central", "copper", "early", "eastern", "final", "fresh", "golden",
    "green", "hidden", "inner", "late", "little", "local", "lunar", "major", "modern", "narrow", "northern", "open",
    "outer", "plain", "quiet", "rapid", "second", "shared", "silver", "spring", "steady", "summer", "upper", "winter",
)
_TAILS = (
    "archive", "bridge", "budget", "campaign", "catalog", "corner", "delivery", "draft", "garden", "harbor", "journey",
    "ledger", "market", "meadow", "notice", "outlook", "parade", "pilot", "plan", "project", "quarter", "report",
    "review", "round", "schedule", "season", "shelf", "signal", "survey", "terrace", "tour", "valley", "window",
    "workshop",
)
_SENTENCES = (
    "Please see the notes from the last call.", "This was agreed with everyone involved.",
    "More details follow next week.", "It replaces the earlier version.", "Keep this until the end of the year.",
    "The numbers were checked twice.", "Ask before changing anything here.", "It was moved at the customer's request.",
    "This one is for the spring season.", "Nothing else depends on it.", "It is meant for internal use.",
    "The old text was too long.",
)
# fmt: on
_TRIES = 40
_FEW, _ENOUGH = 6, 8


def draw(survey: Survey, about: Ability, field: str, rng: Random, but: Collection[Json] = ()) -> New | None:
    """A value for ``field`` of ``about``'s rows that is none of ``but`` (in Python's form); None where none is known.

    Where a field is unique, no row has the value yet.
    """
    decl = about.decl.fields[field]
    if decl.type == "ref":
        return _ref(survey, decl, field, rng, but)
    taken = set(but)
    unique = any(field in group for group in about.decl.unique)
    if unique or field == about.decl.label:
        taken |= {one.values[field] for one in survey.rows.get(about.name, ())}
    others = [] if unique else [one.values[field] for one in survey.rows.get(about.name, ())]
    value = plain(decl, rng, survey.now_ms, taken, others)
    return None if value is None else New(field=field, value=value)


def plain(decl: Value, rng: Random, now_ms: int, taken: Collection[Json], others: Sequence[Json] = ()) -> Json:
    """A value of the type that ``decl`` says, none of ``taken``; ``others``: what rows have, to go by."""
    for _ in range(_TRIES):
        value = _one(decl, rng, now_ms, others)
        if value is None:
            return None
        if value not in taken and _fits(decl, value):
            return value
    return None


def slug(survey: Survey, about: Ability, rng: Random) -> str | None:
    """An id for a new row, where the client chooses; None where its form is not known."""
    taken = {one.values.get("slug") for one in survey.rows.get(about.name, ())}
    for _ in range(_TRIES):
        found = f"{rng.choice(_HEADS)}-{rng.choice(_TAILS)}"
        if found not in taken and (about.decl.key.pattern is None or re.search(about.decl.key.pattern, found)):
            return found
    return None


def _ref(survey: Survey, decl: FieldDecl, field: str, rng: Random, but: Collection[Json]) -> New | None:
    rows = [one for one in survey.rows.get(decl.to or PERSON, ()) if one.id not in but]
    for one in rng.sample(rows, min(len(rows), 6)):
        target = survey.target(one)
        if target is not None:
            return New(field=field, row=target)
    return None


def _one(decl: Value, rng: Random, now_ms: int, others: Sequence[Json]) -> Json:
    if decl.type == "enum":
        known = choices(decl) if isinstance(decl, FieldDecl) else decl.values
        return rng.choice(known) if known else None
    if decl.type == "boolean":
        return rng.random() < 0.5
    if decl.type in ("integer", "number"):
        return _number(decl, rng, others)
    if decl.type == "date":
        return f"{_day(rng, now_ms):%Y-%m-%d}"
    if decl.type == "datetime":
        return f"{_day(rng, now_ms):%Y-%m-%dT%H:00:00Z}"
    if decl.type == "email":
        return f"{rng.choice(_HEADS)}.{rng.choice(_TAILS)}@example.com"
    if decl.type == "url":
        return f"https://example.com/{rng.choice(_HEADS)}/{rng.choice(_TAILS)}"
    if decl.type == "text":
        return rng.choice(_SENTENCES)
    return _text(decl, rng, others) if decl.type == "string" else None


def _text(decl: Value, rng: Random, others: Sequence[Json]) -> Json:
    """A name of two words; where the field has a form of its own, or a few values only, what another row has."""
    if decl.pattern is not None or _formed(others) or _is_few(others):
        fit = [one for one in others if isinstance(one, str) and is_quotable(one)]
        return rng.choice(fit) if fit else None
    found = f"{rng.choice(_HEADS)} {rng.choice(_TAILS)}"
    return found.capitalize()[: int(decl.max)] if decl.max is not None else found.capitalize()


def _formed(others: Sequence[Json]) -> bool:
    """Whether what rows have looks like codes rather than words: digits or signs in most."""
    texts = [one for one in others if isinstance(one, str)]
    return bool(texts) and sum(bool(re.search(r"[0-9_/:@#{}]", one)) for one in texts) * 2 > len(texts)


def _is_few(others: Sequence[Json]) -> bool:
    """Whether rows, of which there are enough to tell, hold one of a few words, as a role or a state: another word
    would say nothing."""
    words = [one for one in others if isinstance(one, str)]
    return len(words) >= _ENOUGH and len(set(words)) <= _FEW and all(one.isidentifier() for one in words)


def _number(decl: Value, rng: Random, others: Sequence[Json]) -> Json:
    numbers = [one for one in others if isinstance(one, int | float)]
    low = decl.min if decl.min is not None else min([1, *numbers])
    high = decl.max if decl.max is not None else max([100, *numbers])
    value = rng.randint(int(min(low, high)), int(min(max(low, high), 1 << 53)))
    return value if decl.type == "integer" else float(value)


def _day(rng: Random, now_ms: int) -> datetime:
    hours = timedelta(days=rng.randint(3, 200), hours=rng.randint(0, 9))
    return datetime.fromtimestamp(now_ms // 86_400_000 * 86_400, UTC) + timedelta(hours=8) + hours


def _fits(decl: Value, value: Json) -> bool:
    if isinstance(value, str):
        pattern = decl.pattern is None or re.search(decl.pattern, value) is not None
        return pattern and (decl.min or 0) <= len(value) <= (decl.max if decl.max is not None else 10_000)
    return True


def other_value(survey: Survey, about: Ability, seen: Seen, field: str, rng: Random) -> New | None:
    """A value for ``field`` that the row does not have."""
    return draw(survey, about, field, rng, (seen.values[field],))
