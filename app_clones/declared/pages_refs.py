"""What pages read of many rows at once: the names of rows referred to, the choices of a select, counts by status.

One query each, with what the actor may not see left out: a page of rows must not ask row by row.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app_clones.declared.entities import EntityPlan, Row
from app_clones.declared.model import FieldDecl
from app_clones.kit.protocol import Call
from app_clones.kit.schema import quoted

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

#: Rows that a select offers; of more, the form takes a name or an id as text.
MOST_CHOICES = 50


def named(plan: EntityPlan, rowid: int, label: Any) -> str:
    """What people call the row: its label, or its kind and number."""
    return str(label) if label not in (None, "") else f"{plan.decl.title} {rowid}"


def names_of(ready: Declared, call: Call, entity: str, ids: Iterable[int]) -> dict[int, str]:
    """Names by row id, of those rows that the actor may see."""
    plan = ready.entities[entity]
    where = f"t.id IN (SELECT value FROM json_each(?)){' AND ' + plan.visible if plan.visible else ''}"
    sql = f"SELECT t.id,{_label(plan)} FROM {plan.table} t WHERE {where} ORDER BY t.id"
    found = call.rows(sql, json.dumps(sorted(set(ids))), *_seen(plan, call))
    return {rowid: named(plan, rowid, label) for rowid, label in found}


def names_in(
    ready: Declared, call: Call, fields: Mapping[str, FieldDecl], rows: Collection[Row]
) -> dict[str, dict[int, str]]:
    """Names by entity and row id of all that the ref ``fields`` of ``rows`` refer to."""
    wanted: dict[str, set[int]] = {}
    for name, field in fields.items():
        if field.to is not None:
            held = wanted.setdefault(field.to, set())
            for row in rows:
                value = row[name]
                if value is not None:
                    held.update(value if field.repeated else (value,))
    return {entity: names_of(ready, call, entity, ids) for entity, ids in wanted.items() if ids}


def choices(ready: Declared, call: Call, entity: str, text: str = "") -> list[tuple[int, str]] | None:
    """Row ids and names in order of name, of those whose name holds ``text``; None where there are too many."""
    plan = ready.entities[entity]
    label = _label(plan)
    conditions = [plan.visible] if plan.visible else []
    args: list[Any] = list(_seen(plan, call))
    if text:
        conditions.append(f"instr(lower({label}),lower(?))>0")
        args.append(text)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    # Unordered first: whether there are too many is known without sorting them.
    sql = f"SELECT t.id,{label} FROM {plan.table} t{where} ORDER BY t.id LIMIT {MOST_CHOICES + 1}"
    found = call.rows(sql, *args)
    if len(found) > MOST_CHOICES:
        return None
    return sorted(((rowid, named(plan, rowid, name)) for rowid, name in found), key=lambda pair: (pair[1], pair[0]))


def told_apart(found: Sequence[tuple[int, str]]) -> list[tuple[str, str]]:
    """Row ids and names as the options of a select: names that several rows bear go with the rows' numbers."""
    borne = Counter(name for _, name in found)
    return [(str(rowid), f"{name} ({rowid})" if borne[name] > 1 else name) for rowid, name in found]


def count(ready: Declared, call: Call, entity: str) -> int:
    """How many rows of ``entity`` the actor sees."""
    plan = ready.entities[entity]
    where = f" WHERE {plan.visible}" if plan.visible else ""
    ((total,),) = call.rows(f"SELECT count(*) FROM {plan.table} t{where}", *_seen(plan, call))
    return int(total)


def are_alike(ready: Declared, call: Call, entity: str) -> bool:
    """Whether of the rows that the actor sees some are called alike, or none is called anything."""
    plan = ready.entities[entity]
    if plan.decl.label is None:
        return True
    where = f" WHERE {plan.visible}" if plan.visible else ""
    sql = f"SELECT 1 FROM {plan.table} t{where} GROUP BY {_label(plan)} HAVING count(*)>1 LIMIT 1"
    return call.one(sql, *_seen(plan, call)) is not None


def counts_by(ready: Declared, call: Call, entity: str, field: str) -> dict[str, int]:
    """How many rows the actor sees of each value that the text ``field`` has."""
    plan = ready.entities[entity]
    where = f" WHERE {plan.visible}" if plan.visible else ""
    column = f"t.{quoted(field)}"
    sql = f"SELECT {column},count(*) FROM {plan.table} t{where} GROUP BY 1 ORDER BY 1"
    return {value: total for value, total in call.rows(sql, *_seen(plan, call)) if value is not None}


def referring(ready: Declared, call: Call, entity: str, rowid: int) -> list[tuple[str, FieldDecl, int]]:
    """Entity, ref field and number of the rows that refer to this one, whoever may see them."""
    found = []
    for link in ready.entities[entity].incoming:
        table, column = ready.entities[link.entity].table, quoted(link.field)
        condition = f"? IN (SELECT value FROM json_each(t.{column}))" if link.decl.repeated else f"t.{column}=?"
        ((total,),) = call.rows(f"SELECT count(*) FROM {table} t WHERE {condition}", rowid)
        if total:
            found.append((link.entity, link.decl, int(total)))
    return found


def _label(plan: EntityPlan) -> str:
    return f"t.{quoted(plan.decl.label)}" if plan.decl.label else "NULL"


def _seen(plan: EntityPlan, call: Call) -> Sequence[int]:
    return [call.actor] * plan.visible_args if plan.visible else ()
