"""Answers as the text that an agent reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from app_clones.declared.entities import EntityPlan
from app_clones.declared.model import Result

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared
    from app_clones.declared.plans import Plan

Json = Any

#: Characters of one value in a line of a list, and in a line of its own.
SHORT, LONG = 60, 2000
#: Fields in a line of a list, beside the id and the label.
TELLING = 4


def renderer(ready: Declared, name: str) -> Callable[[Json], str]:
    """The text of an answer of the operation ``name``."""

    def render(body: Json) -> str:
        plan = ready.plan(name)
        result = plan.decl.result
        if result.shape in ("page", "list"):
            return _list(plan, result, body)
        if result.shape == "empty" or body == {}:
            return "ok"
        row = body.get(result.wrap, body) if result.wrap and isinstance(body, dict) else body
        if not isinstance(row, dict):
            return _text(row, LONG)
        if plan.writes and result.shape == "row" and plan.entity is not None:
            return f"ok {_line(plan.entity, row)}"
        return "\n".join(f"{key}: {_text(value, LONG)}" for key, value in row.items())

    return render


def _list(plan: Plan, result: Result, body: Json) -> str:
    items = body if isinstance(body, list) else body.get(result.items, [])
    page: Mapping[str, Json] = body if isinstance(body, dict) else {}
    total = page.get(result.total or "", len(items))
    more = page.get(result.next or "")
    head = f"{total} found" + (f", {len(items)} shown" if total != len(items) or more else "")
    lines = [
        _line(plan.entity, item) if plan.entity and isinstance(item, dict) else _text(item, SHORT) for item in items
    ]
    return "\n".join([head, *lines, *([f"more: page_token={more}"] if more else [])])


def _line(entity: EntityPlan, row: Mapping[str, Json]) -> str:
    """``id | label | a few telling fields``."""
    key = entity.decl.key
    label = entity.names[entity.decl.label] if entity.decl.label else None
    first = row.get(key.path or "") or row.get(key.wire or "")
    parts = [_text(value, SHORT) for value in (first, row.get(label or "")) if value is not None]
    told = [name for name in _telling(entity) if entity.names[name] in row][:TELLING]
    parts += [f"{entity.names[name]}: {_text(row[entity.names[name]], SHORT)}" for name in told]
    return " | ".join(parts)


def _telling(entity: EntityPlan) -> list[str]:
    """The fields that tell most of a row, those first: states, people and things, dates, numbers, then texts."""
    ranks = {
        "enum": 0,
        "ref": 1,
        "boolean": 2,
        "email": 2,
        "date": 3,
        "datetime": 3,
        "integer": 4,
        "number": 4,
        "string": 5,
    }
    fields = entity.decl.fields
    aside = (entity.decl.label, entity.decl.owner)
    shown = [
        name
        for name, field in fields.items()
        if field.type in ranks and name not in aside and not (field.hidden or field.auto or field.log)
    ]
    return sorted(shown, key=lambda name: (ranks[fields[name].type], list(fields).index(name)))


def _text(value: Json, most: int) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    if most == SHORT:
        text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
