"""Which rows a list should have, computed from the rows themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from app_clones.declared.entities import Row
from app_clones.declared.keys import joined
from app_clones.declared.model import PERSON, FieldDecl, Param
from app_clones.declared.rows import time_shown
from factory.compiler.proof_asking import Asked, Asker
from factory.compiler.proof_case import Case
from factory.compiler.proof_choosing import refers
from factory.compiler.proof_subject import Stage

Json = Any


def expected(case: Case, stage: Stage, asked: Asked) -> list[Row]:
    """The rows that a list should have, by the rows that the request names and the filters that it gives."""
    assert case.entity is not None
    plan = case.subject.plan(case.entity)
    related = case.subject.ready.plan(case.name).related
    found = stage.visible(case.entity)
    innermost = next(reversed(list(asked.rows)), None)  # the others say where its row lies
    scope, within = plan.decl.key.scope, case.operation.result.within
    if scope is not None and within and innermost is None:
        found = [one for one in found if one[scope] == within]
    for name, row in asked.rows.items():
        entity = case.operation.params[name].entity or PERSON
        if entity in case.subject.lineage(case.entity):
            found = [one for one in found if _under(stage, case.entity or "", one, entity, row["id"])]
        elif related.get(name):
            found = [one for one in found if refers(one[related[name]], row["id"])]
        elif scope is not None and name == innermost:
            place = joined(stage.name(entity, row), within)
            found = [one for one in found if one[scope] == place]
    asker = Asker(stage, case.name, "expected")
    for name, param in case.operation.params.items():
        if param.role == "filter" and param.field and name in asked.arguments:
            decl, given = plan.decl.fields[param.field], asked.arguments[name]
            value = given[0] if isinstance(given, list) else given
            found = [one for one in found if holds(asker, plan.name, param, decl, one, value)]
    return found


def _under(stage: Stage, entity: str, row: Row, above: str, rowid: int) -> bool:
    plan = stage.subject.plan(entity)
    if plan.above == above:
        return bool(row[plan.decl.parent or ""] == rowid)
    chain = stage.chain(entity, row)
    return above in chain and chain[above]["id"] == rowid


def as_asked(asker: Asker, entity: str, param: Param, decl: FieldDecl, row: Row) -> Json:
    """The value of ``row`` as the parameter takes it."""
    value = row[param.field or ""]
    if decl.is_moment:
        return _moment_text(value) if param.type != "integer" else time_shown(decl, value)
    if isinstance(value, list):
        value = value[0]
        return asker.stage.outside(decl.to or "", value) if decl.type == "ref" else value
    return asker.shown(entity, param.field or "", row)


def _moment_text(ms: int) -> str:
    at = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def holds(asker: Asker, entity: str, param: Param, decl: FieldDecl, row: Row, value: Json) -> bool:
    have = row[param.field or ""]
    if have is None:
        return param.compare == "ne"
    if isinstance(have, list):
        shown = [asker.stage.outside(decl.to or "", one) for one in have] if decl.type == "ref" else have
        return (value in shown) != (param.compare == "ne")
    if decl.type == "ref":
        have = asker.shown(entity, param.field or "", row)
    if decl.is_moment:
        seconds = decl.type == "integer" and not decl.int64
        value = int(value) * 1000 if seconds else _ms(value)
    elif decl.type == "datetime" and param.compare not in ("contains", "prefix", "has"):
        have, value = _ms(have), _ms(value)
    elif decl.int64:
        value = int(value)
    return _COMPARES[param.compare](have, value)


def _ms(value: Json) -> int:
    if isinstance(value, int):
        return value
    moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _contains(have: Json, want: Json) -> bool:
    return str(want).lower() in str(have).lower() if isinstance(have, str) else bool(have == want)


_COMPARES: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda have, want: have == want,
    "ne": lambda have, want: have != want,
    "lt": lambda have, want: have < want,
    "le": lambda have, want: have <= want,
    "gt": lambda have, want: have > want,
    "ge": lambda have, want: have >= want,
    "contains": _contains,
    "has": _contains,
    "prefix": lambda have, want: str(have).startswith(str(want)),
}
