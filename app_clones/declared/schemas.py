"""JSON Schemas of an app's rows, bodies and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app_clones.declared.entities import EntityPlan
from app_clones.declared.model import FieldDecl, OperationDecl, Result
from app_clones.declared.values import schema_of

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

Json = Any
Schema = dict[str, Json]


def made_schema(ready: Declared, plan: EntityPlan) -> Schema:
    """Schema of a row's JSON form, made of its fields."""
    key = plan.decl.key
    properties: Schema = {}
    if key.wire is not None:
        number = key.form == "number"
        properties[key.wire] = {"type": "integer" if number else "string", "readOnly": True}
    if key.path is not None:
        properties[key.path] = {"type": "string", "readOnly": True}
    for name, field in plan.decl.fields.items():
        if not field.hidden:
            properties[plan.names[name]] = field_schema(ready, field)
    properties.update({name: {"const": value} for name, value in plan.decl.constants.items()})
    if plan.decl.etag is not None:
        properties[plan.decl.etag] = {"type": "string", "readOnly": True}
    shown = [name for name, field in plan.decl.fields.items() if _is_sure(plan, name, field) and not field.hidden]
    own = [name for name in (key.wire, key.path, *plan.decl.constants, plan.decl.etag) if name]
    return {
        "type": "object",
        "properties": properties,
        "required": [*own, *(plan.names[name] for name in shown)],
        "additionalProperties": False,
    }


def field_schema(ready: Declared, field: FieldDecl) -> Schema:
    """Schema of one field as the API shows it."""
    if field.is_moment:
        found: Schema = {"type": "string", "format": "date" if field.type == "date" else "date-time"}
        if field.type == "integer":
            found = {"type": "string", "format": "int64"} if field.int64 else {"type": "integer"}
        if field.about:
            found["description"] = field.about
    else:
        found = schema_of(field, ready.decl, wire=True)
    return {**found, "readOnly": True} if field.auto or field.readonly else found


def _is_sure(plan: EntityPlan, name: str, field: FieldDecl) -> bool:
    """Whether every row shows the field."""
    return field.required or field.auto is not None or (name == plan.decl.parent and plan.above != plan.name)


def body_schema(ready: Declared, entity: str) -> Schema:
    """Schema of a row as a client sends it."""
    plan = ready.entities[entity]
    properties = {}
    for name, field in plan.decl.fields.items():
        if not (field.auto or field.readonly):
            properties[plan.names[name]] = schema_of(field, ready.decl, wire=True)
    return {"type": "object", "properties": properties}


def result_schema(ready: Declared, operation: OperationDecl) -> Schema | None:
    """Schema of an operation's answer; None where it has no body."""
    result = operation.result
    if result.schema_name is not None:
        return {"$ref": f"#/$defs/{result.schema_name}"}
    if result.shape == "empty":
        return None if result.status == 204 else {"type": "object", "maxProperties": 0}
    constants = {name: {"const": value} for name, value in result.constants.items()}
    if result.shape == "value":
        return {"type": "object", "properties": {**constants, **{name: {} for name in result.values}}}
    if result.shape == "operation" and ready.decl.api.long_running is not None:
        return row_ref(ready, ready.decl.api.long_running.entity)
    row = row_ref(ready, operation.entity) if operation.entity else {"type": "object"}
    if result.shape == "list":
        return {"type": "array", "items": row}
    if result.shape == "page":
        return _page(result, row, constants)
    return {"type": "object", "properties": {**constants, result.wrap: row}} if result.wrap else row


def _page(result: Result, row: Schema, constants: Mapping[str, Json]) -> Schema:
    properties: Schema = {**constants, result.items: {"type": "array", "items": row}}
    for name, kind in ((result.next, "string"), (result.total, "integer"), (result.more, "boolean")):
        if name is not None:
            properties[name] = {"type": kind}
    for name in (result.next_url, result.previous_url):
        if name is not None:
            properties[name] = {"type": ["string", "null"], "format": "uri"}
    return {"type": "object", "properties": properties, "required": [result.items]}


def row_ref(ready: Declared, entity: str) -> Schema:
    """A reference to the schema of a row, which stands under ``#/$defs`` by its own name or the entity's."""
    return {"$ref": f"#/$defs/{row_name(ready, entity)}"}


def row_name(ready: Declared, entity: str) -> str:
    """The name of the schema of a row."""
    plan = ready.entities[entity]
    if plan.decl.schema_name in ready.decl.schemas and plan.decl.schema_name is not None:
        return plan.decl.schema_name
    name = "".join(part.capitalize() for part in entity.split("_"))
    return f"{name}Row" if name in ready.decl.schemas else name
