"""Rows, values and operations as people put them into words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from app_clones.declared.model import PERSON, Entity
from factory.verifiers.declared.deeds import ID, Condition, Described, New, Target
from factory.worlds.generated.abilities import Abilities
from factory.worlds.generated.verbs import PREPOSITIONS, Verb

Json = Any
_RECIPIENTS = ("recipient", "recipients", "assignee", "destination", "new_owner")
_ENDS = {"on": "date", "at": "time"}
_ADJECTIVES = (
    "due",
    "latest",
    "earliest",
    "last",
    "next",
    "previous",
    "primary",
    "hidden",
    "valid",
    "private",
    "public",
)
_HELPERS = ("has", "is", "are", "was")
_VERBS = ("starts", "begins", "opens", "ends", "closes", "expires", "renews", "arrives", "departs", "leaves")


def noun_of(name: str) -> str:
    """A field's name in words: ``i_cal_uid`` is the ical uid, since a lone ``i`` or ``e`` begins a word."""
    return re.sub(r"\b([ei]) (?=[a-z])", r"\1", name.replace("_", " "))


def _time_of(name: str, kind: str) -> str:
    """The same of a field that holds a time: ``starts_on`` is the start date, ``founded`` the founded date."""
    stem, _, end = name.rpartition("_")
    if stem and end in _ENDS:
        return f"{_bare(noun_of(stem))} {_ENDS[end]}"
    words = noun_of(name)
    is_time = words.endswith("ed") or words in _ADJECTIVES or words.rpartition(" ")[2] in _VERBS
    return f"{_bare(words)} {kind}" if is_time else words


def _bare(words: str) -> str:
    return words[:-1] if words.rpartition(" ")[2] in _VERBS else words


def worded(value: Json) -> str:
    """A value as it stands in a sentence: texts in quotes, all else as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if re.fullmatch(r"[A-Z][A-Z0-9_]+|[a-z][a-z0-9]*(_[a-z0-9]+)*", value) else f'"{value}"'
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def quoted(value: Json) -> str:
    """A name in quotes."""
    return f'"{value}"'


def row(can: Abilities, what: Described) -> str:
    """One row: ``the ticket "Printer" of the customer "Acme"``."""
    return f"the {_described(can, what, can.of[what.entity].noun)}"


def rows(can: Abilities, what: Described) -> str:
    """Several rows without an article: ``tickets whose status is open``."""
    return _described(can, what, can.of[what.entity].plural)


def _described(can: Abilities, what: Described, noun: str) -> str:
    about = can.of[what.entity]
    if what.entity == PERSON:
        return f"person {quoted(what.where[0].value)}"
    parents = [one for one in what.where if one.field == about.decl.parent and one.row]
    own = [one for one in what.where if one not in parents]
    called = [one for one in own if one.field in (ID, about.decl.label) and one.row is None]
    text = noun
    if len(own) == len(called) == 1:
        number = called[0].field == ID and about.decl.key.form == "number"
        text += f" number {called[0].value}" if number else f" {quoted(called[0].value)}"
        own = []
    for parent in parents:
        text += f" of {_short(can, parent)}"
    if own:
        text += " whose " + joined(f"{_field(about.decl, one)} is {_held(can, one)}" for one in own)
    return text


def _short(can: Abilities, condition: Condition) -> str:
    assert condition.row is not None
    return row(can, condition.row)


def _field(about: Entity, condition: Condition) -> str:
    return "name" if condition.field == ID else field(about, condition.field)


def field(about: Entity, name: str) -> str:
    """A field in words: one that is true or false is a flag, and what else is called by an adjective a value."""
    kind = about.fields[name].type if name in about.fields else ""
    if kind in ("date", "datetime"):
        return _time_of(name, "date" if kind == "date" else "time")
    if kind == "boolean":
        head, _, rest = name.partition("_")
        return f"{noun_of(rest if rest and head in _HELPERS and rest not in about.fields else name)} flag"
    words = noun_of(name)
    return f"{words} value" if words.endswith("ed") or words in _ADJECTIVES else words


def _held(can: Abilities, condition: Condition) -> str:
    return _named(can, condition.row) if condition.row is not None else worded(condition.value)


def _named(can: Abilities, what: Described) -> str:
    """A row as what a field holds: by its name alone where that is all that is needed."""
    return quoted(what.where[0].value) if _is_name(can, what) else row(can, what)


def _is_name(can: Abilities, what: Described) -> bool:
    if len(what.where) != 1 or what.where[0].row is not None:
        return False
    return what.where[0].field in (ID, can.of[what.entity].decl.label) or what.entity == PERSON


def fields(can: Abilities, entity: str, news: Sequence[New], slug: str | None = None) -> str:
    """What a new row has: ``the name "x", the priority high and the customer "Acme"``."""
    about = can.of[entity].decl
    parts = [f"the id {quoted(slug)}"] if slug is not None else []
    parts += [f"the {field(about, new.field)} {_set(about, new)}{_new(can, new)}" for new in news]
    return joined(parts)


def _set(about: Entity, new: New) -> str:
    return "set to " if about.fields[new.field].type == "boolean" else ""


def changes(can: Abilities, entity: str, news: Sequence[New]) -> str:
    """What is to be changed: ``the priority to high and the status to open``."""
    about = can.of[entity].decl
    return joined(f"the {field(about, new.field)} to {_new(can, new)}" for new in news)


def inputs(can: Abilities, news: Sequence[New], verb: Verb) -> str:
    """What goes behind the row that an operation is on: the verb's own rest, then what it is given: `` to the agent
    "x"``, `` into the ticket "y" with the reason "z"``, or nothing."""
    text, rest, gives = f" {verb.behind}" if verb.behind else "", [], verb.gives
    for new in news:
        head, _, tail = new.field.partition("_")
        if head in PREPOSITIONS:
            text += f" {head} the {noun_of(tail)} {_new(can, new)}" if tail else f" {head} {_row(can, new)}"
        elif new.field in _RECIPIENTS or (gives and new.row is not None):
            text, gives = f"{text} to the {noun_of(new.field)} {_new(can, new)}", False
        else:
            rest.append(f"the {noun_of(new.field)} {_new(can, new)}")
    return text + (f" with {joined(rest)}" if rest else "")


def _row(can: Abilities, new: New) -> str:
    return row(can, new.row.what) if isinstance(new.row, Target) else worded(new.value)


def _new(can: Abilities, new: New) -> str:
    if new.source is not None:
        return f"that {row(can, new.source.what)} has"
    return _named(can, new.row.what) if isinstance(new.row, Target) else worded(new.value)


def joined(parts: Iterable[str], word: str = "and") -> str:
    """``a, b and c``."""
    *most, last = list(parts)
    return f"{', '.join(most)} {word} {last}" if most else last


def sentence(text: str) -> str:
    """Begins with a capital letter."""
    return text[:1].upper() + text[1:]
