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

Keywords = Mapping[str, frozenset[str]]


def keywords_of(entity: EntityPlan | None, params: Mapping[str, Param]) -> Keywords:
    """By parameter, the words that stand for who acts; a row's fields are under ``parameter.field``."""
    fields = {} if entity is None else entity.decl.fields
    found: dict[str, frozenset[str]] = {}
    for name, param in params.items():
        words = set(param.keywords)
        if param.role in ("field", "filter") and param.field in fields:
            words |= set(fields[param.field].keywords)
        if param.role == "new_id" and entity is not None:
            words |= {word for word, means in entity.decl.key.keywords.items() if means == "actor"}
        if param.role == "resource":
            found |= {f"{name}.{key}": frozenset(one.keywords) for key, one in fields.items() if one.keywords}
        if words and param.role != "row":
            found[name] = frozenset(words)
    return found


def understood(call: Call, words: Keywords, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """``arguments``, checked, with who acts in place of the ``words`` that stand for that person."""
    if not words:
        return arguments
    email = actors_email(call)
    found = dict(arguments)
    for place, known in words.items():
        name, _, field = place.partition(".")
        given = found.get(name)
        if not field:
            found |= {name: _said(given, known, email)} if name in found else {}
        elif isinstance(given, Resource) and field in given.values:
            values = {**given.values, field: _said(given.values[field], known, email)}
            found[name] = replace(given, values=values)
    return found


def _said(given: Any, known: frozenset[str], email: str) -> Any:
    if isinstance(given, list):
        return [_said(one, known, email) for one in given]
    return email if isinstance(given, str) and given in known else given
