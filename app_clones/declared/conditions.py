"""Comparisons of one field as SQL."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from app_clones.declared.entities import EntityPlan
from app_clones.declared.model import FieldDecl
from app_clones.declared.model import Value as Kind
from app_clones.kit.errors import AppError
from app_clones.kit.protocol import Value
from app_clones.kit.schema import quoted

Condition = tuple[str, tuple[Value, ...]]
"""SQL over alias ``t`` and its arguments."""

_SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}
#: How long a time is alike as the API tells it: of a date a day, of seconds one.
_PRECISION_MS = {"date": 86_400_000, "integer": 1000}
#: Types of fields that hold text, whatever it means.
TEXTS = ("string", "text", "email", "url", "enum", "bytes")


def column(plan: EntityPlan, name: str) -> str:
    """The column of a field, or of ``id``, as SQL has it."""
    return f"t.{quoted(name)}"


def sortable(plan: EntityPlan, name: str) -> str:
    """What orders rows by a field. Raises :class:`AppError` where nothing does."""
    field = plan.decl.fields[name]
    if field.repeated or field.type == "json" or field.hidden:
        raise AppError(f"rows have no order by {plan.names[name]}")
    found = column(plan, name)
    return f"julianday({found})" if field.type == "datetime" and not field.is_moment else found


def compare(plan: EntityPlan, name: str, how: str, value: Any) -> Condition:
    """Rows whose field ``name`` compares with ``value`` (Python's; refs as row ids). Raises :class:`AppError`."""
    field = plan.decl.fields[name]
    sql = column(plan, name)
    if value is None:
        return (f"{sql} IS NULL", ()) if how in ("eq", "has") else (f"{sql} IS NOT NULL", ())
    if field.repeated:
        return _compare_list(plan, name, how, value)
    if field.type == "json":
        raise AppError(f"{plan.names[name]}: it holds several values, so say which")
    if how in ("contains", "prefix", "has"):
        return _compare_text(plan, name, how, value)
    if field.is_moment:
        start = moment_ms(field, value, plan.names[name])
        if how in ("eq", "ne"):
            return _within(sql, how, start, _PRECISION_MS.get("int64" if field.int64 else field.type, 1))
        return f"{sql}{_SIGNS[how]}?", (start,)
    if field.type == "datetime":
        sql, mark = f"julianday({sql})", "julianday(?)"
        return (f"{sql} {_SIGNS.get(how, '=' if how == 'eq' else 'IS NOT')} {mark}", (value,))
    if how == "eq":
        return f"{sql}=?", (_encoded(field, value),)
    if how == "ne":
        return f"{sql} IS NOT ?", (_encoded(field, value),)
    return f"{sql}{_SIGNS[how]}?", (_encoded(field, value),)


def contains(sql: str, text: str) -> Condition:
    """Rows of which the text in ``sql`` contains ``text``, the case of ASCII letters aside."""
    return f"instr(lower({sql}),lower(?))>0", (text,)


def moment_ms(field: Kind, value: Any, at: str) -> int:
    """A time as given, in ms: RFC 3339 text, a date, or a number of what ``field`` counts, seconds or (int64) ms.

    Raises :class:`AppError`.
    """
    try:
        if re.fullmatch(r"-?[0-9]{1,15}", str(value)):
            return int(value) * (1000 if field.type == "integer" and not field.int64 else 1)
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        if moment.tzinfo is None:
            moment = datetime.fromisoformat(f"{moment.isoformat()}+00:00")
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise AppError(f"{at}: {str(value)[:40]!r} is no time; it is like 2024-05-01T12:00:00Z") from None


def _within(sql: str, how: str, start: int, length: int) -> Condition:
    negated = "NOT " if how == "ne" else ""
    return f"{negated}({sql}>=? AND {sql}<?)", (start, start + length)


def _encoded(field: FieldDecl, value: Any) -> Value:
    if field.type == "boolean":
        return int(bool(value))
    return float(value) if field.type == "number" else value


def _compare_list(plan: EntityPlan, name: str, how: str, value: Any) -> Condition:
    if how not in ("has", "eq", "ne"):
        raise AppError(f"{plan.names[name]}: a list has or has not")
    held = f"? IN (SELECT value FROM json_each({column(plan, name)}))"
    return (f"NOT coalesce({held},0)" if how == "ne" else held), (_encoded(plan.decl.fields[name], value),)


def _compare_text(plan: EntityPlan, name: str, how: str, value: Any) -> Condition:
    field, sql = plan.decl.fields[name], column(plan, name)
    if field.type not in TEXTS and not (how == "prefix" and field.type in ("date", "datetime")):
        return compare(plan, name, "eq", value)
    if how == "prefix":
        return f"substr({sql},1,length(?))=?", (value, value)
    return contains(sql, str(value))
