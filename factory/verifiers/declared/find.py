"""Rows found by their description, with SQL of its own on the start's tables."""

from __future__ import annotations

import json
from typing import Any

from app_clones.declared.model import PERSON, AppDecl, Entity, FieldDecl
from app_clones.declared.people import PERSON_ENTITY
from app_clones.kit.schema import quoted
from factory.errors import VerifierError
from factory.verifiers.declared.deeds import ID, Condition, Described
from factory.verifiers.start import Start

Json = Any
ME = 1


def table_of(decl: AppDecl, entity: str) -> str:
    """The table that holds an entity's rows."""
    return "kit_person" if entity == PERSON else f"{decl.app}_{entity}"


def entity_of(decl: AppDecl, name: str) -> Entity:
    """An entity by name, the world's persons among them."""
    return PERSON_ENTITY if name == PERSON else decl.entities[name]


def stored(field: FieldDecl, value: Json) -> Any:
    """``value``, as a client gives it, as its column holds it."""
    if value is None:
        return None
    if field.repeated or field.type == "json":
        return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if field.type == "number":
        return float(value)
    return int(value) if field.type in ("boolean", "integer") else value


def spoken(value: Any) -> str:
    """What a column holds as an answer puts it."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def matching(decl: AppDecl, start: Start, what: Described) -> list[int]:
    """Ids of all rows that fit the description and that the agent's own account may see, smallest first."""
    clauses, values = [], []
    for condition in what.where:
        clause, value = _clause(decl, start, what.entity, condition)
        clauses.append(clause)
        values.append(value)
    where = f" WHERE {' AND '.join(clauses)}" if clauses else ""
    rows = start.rows(f"SELECT id FROM {table_of(decl, what.entity)}{where} ORDER BY id", *values)
    return [int(row["id"]) for row in rows if visible(decl, start, what.entity, int(row["id"]))]


def one(decl: AppDecl, start: Start, what: Described) -> int:
    """The id of the one row that fits. Raises VerifierError for none or several."""
    found = matching(decl, start, what)
    if len(found) != 1:
        raise VerifierError(
            f"{len(found)} rows of {what.entity} fit {what.model_dump_json(exclude_defaults=True)}",
            "the task does not fit this world: build it again",
        )
    return found[0]


def visible(decl: AppDecl, start: Start, entity: str, id: int, below: tuple[str, ...] = ()) -> bool:
    """Whether the agent's account owns the row and all above it, as far as they have owners; of each kind, one."""
    if entity in below:
        return True
    about = entity_of(decl, entity)
    if about.owner is None and about.parent is None:
        return True
    row = start.row(table_of(decl, entity), id)
    if about.owner is not None and row[about.owner] != ME:
        return False
    above = row[about.parent] if about.parent else None
    return above is None or visible(decl, start, parent_of(about), int(above), (*below, entity))


def parent_of(entity: Entity) -> str:
    """The entity under whose rows this one's lie."""
    assert entity.parent is not None
    return entity.fields[entity.parent].to or PERSON


def _called(about: Entity, name: Json) -> tuple[str, Any]:
    """By how a row is called: a given name, a number, or a code, whose digits are hexadecimal."""
    if about.key.form == "given":
        return "slug = ?", name
    if about.key.form == "number":
        return "id = ?", int(name)
    return "id = ?", int(str(name).removeprefix(about.key.prefix), 16)


def _clause(decl: AppDecl, start: Start, entity: str, condition: Condition) -> tuple[str, Any]:
    if condition.field == ID:
        return _called(entity_of(decl, entity), condition.value)
    field = entity_of(decl, entity).fields[condition.field]
    name = quoted(condition.field)
    if condition.row is not None:
        return f"{name} = ?", one(decl, start, condition.row)
    if condition.value is None:
        return f"{name} IS ?", None
    return f"{name} = ?", stored(field, condition.value)
