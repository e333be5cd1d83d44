"""Rows, values and operations as people put them into words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from app_clones.declared.model import PERSON, Entity, OperationDecl
from factory.verifiers.declared.deeds import ID, Condition, Described, New, Target
from factory.worlds.generated.abilities import Abilities

Json = Any
_PREPOSITIONS = ("into", "to", "from", "by", "for", "onto", "under")
_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def noun_of(name: str) -> str:
    """A field's name in words."""
    return name.replace("_", " ")


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
        text += f" in {_short(can, parent)}"
    if own:
        text += " whose " + joined(f"{_field(about.decl, one)} is {_held(can, one)}" for one in own)
    return text


def _short(can: Abilities, condition: Condition) -> str:
    assert condition.row is not None
    return row(can, condition.row)


def _field(about: Entity, condition: Condition) -> str:
    return "name" if condition.field == ID else field(about, condition.field)


def field(about: Entity, name: str) -> str:
    """A field in words: one that is true or false is a flag."""
    return noun_of(name) + (" flag" if name in about.fields and about.fields[name].type == "boolean" else "")


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


def inputs(can: Abilities, news: Sequence[New]) -> str:
    """What an operation is given, to go behind it: `` with the reason "x"``, `` into the ticket "y"``, or nothing."""
    into = [f" {new.field} {_row(can, new)}" for new in news if new.field in _PREPOSITIONS]
    rest = [f"the {noun_of(new.field)} {_new(can, new)}" for new in news if new.field not in _PREPOSITIONS]
    return "".join(into) + (f" with {joined(rest)}" if rest else "")


def _row(can: Abilities, new: New) -> str:
    return row(can, new.row.what) if isinstance(new.row, Target) else worded(new.value)


def _new(can: Abilities, new: New) -> str:
    return _named(can, new.row.what) if isinstance(new.row, Target) else worded(new.value)


def verb(name: str, operation: OperationDecl) -> str:
    """What an operation does, in words: from its path's ``:verb``, or from its name without the entity's."""
    path = operation.http.path if operation.http else ""
    if ":" in path.rpartition("/")[2]:
        return " ".join(part.lower() for part in _PARTS.findall(path.rpartition(":")[2]))
    words, entity = name.split("_"), (operation.entity or "").split("_")
    for k in range(len(words) - 1):
        tail = words[k : k + len(entity)]
        if [word.rstrip("s") for word in tail] == [word.rstrip("s") for word in entity] and words[k + len(entity) :]:
            return " ".join(words[k + len(entity) :])
    return words[-1] if len(words) > 2 else " ".join(words)


def one(noun: str) -> str:
    """With its article, by how it is written."""
    return f"{'an' if noun[:1] in 'aeio' else 'a'} {noun}"


def joined(parts: Iterable[str], word: str = "and") -> str:
    """``a, b and c``."""
    *most, last = list(parts)
    return f"{', '.join(most)} {word} {last}" if most else last


def sentence(text: str) -> str:
    """Begins with a capital letter."""
    return text[:1].upper() + text[1:]
