"""Answers as the text that an agent reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from app_clones.declared.entities import EntityPlan
from app_clones.declared.lines import text_of
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
    lines = ready.decl.operations[name].text
    if lines:
        return text_of(lines)

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
        if plan.writes and len(row) == 1:
            return f"ok {_text(next(iter(row.values())), LONG)}"
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
    named = row.get(label or "")
    parts = [] if first is None else [_text(first, LONG)]  # cut short, it would be no id
    parts += [] if named is None else [_text(named, SHORT)]
    told = 0
    for name in entity.telling:
        wire = entity.names[name]
        if wire in row and told < TELLING:
            parts.append(f"{wire}: {_text(row[wire], SHORT)}")
            told += 1
    return " | ".join(parts)


def _text(value: Json, most: int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    if most == SHORT:
        text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
