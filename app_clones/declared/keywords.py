"""Words in a request that stand for who acts: "me", where the declaration says that it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app_clones.declared.bodies import Resource
from app_clones.declared.entities import EntityPlan
from app_clones.declared.keys import actors_email
from app_clones.declared.model import Param
from app_clones.kit.protocol import Call

Keywords = Mapping[tuple[str, str], frozenset[str]]
"""The words that stand for who acts, by where they may stand: parameter, and field of the row that it is, or ``""``."""

_CALLED = "(called)"  # in place of a field: what a row calls itself


def keywords_of(entity: EntityPlan | None, params: Mapping[str, Param]) -> Keywords:
    """The words of an operation on rows of ``entity``."""
    fields = {} if entity is None else entity.decl.fields
    keys = {} if entity is None else entity.decl.key.keywords
    own = {word for word, means in keys.items() if means == "actor"}
    found: dict[tuple[str, str], set[str]] = {}
    for name, param in params.items():
        if param.role == "resource":
            found |= {(name, key): set(one.keywords) for key, one in fields.items()} | {(name, _CALLED): own}
        elif param.role == "new_id":
            found[name, ""] = own
        elif param.role in ("field", "filter") and param.field in fields:
            found[name, ""] = {*param.keywords, *fields[param.field].keywords}
        elif param.role != "row":
            found[name, ""] = set(param.keywords)
    return {place: frozenset(words) for place, words in found.items() if words}


def understood(call: Call, words: Keywords, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """``arguments``, checked, with who acts in place of the ``words`` that stand for that person."""
    if not words:
        return arguments
    email = actors_email(call)
    found = dict(arguments)
    for (name, field), known in words.items():
        given = found.get(name)
        if given is None:
            continue
        if not field:
            found[name] = _said(given, known, email)
        elif isinstance(given, Resource) and field == _CALLED:
            called = {wire: _said(one, known, email) for wire, one in given.called.items()}
            found[name] = replace(given, called=called)
        elif isinstance(given, Resource) and field in given.values:
            values = {**given.values, field: _said(given.values[field], known, email)}
            found[name] = replace(given, values=values)
    return found


def _said(given: Any, known: frozenset[str], email: str) -> Any:
    if isinstance(given, list):
        return [_said(one, known, email) for one in given]
    return email if isinstance(given, str) and given in known else given
