"""What a method's body holds: a row itself, a row under a property beside others, or arguments of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app_clones.declared.model import Entity, Param, Role
from factory.compiler import infer_keywords
from factory.compiler.api import Method, Schema
from factory.compiler.infer_fields import value_of
from factory.compiler.infer_model import Model
from factory.compiler.infer_names import free, short, singular, snake
from factory.compiler.infer_resources import Resource
from factory.compiler.infer_schemas import ref_of

Json = Any

_ROLES: Mapping[str, Role] = {
    "update_mask": "mask",
    "field_mask": "mask",
    "request_id": "request_id",
    "validate_only": "validate_only",
    "dry_run": "validate_only",
    "force": "force",
    "allow_missing": "allow_missing",
}
_LISTS: Mapping[str, Role] = {
    "page_token": "page_token",
    "page_size": "page_size",
    "max_results": "page_size",
    "limit": "page_size",
    "filter": "expression",
    "query": "search",
    "order_by": "order_by",
    "offset": "offset",
}
_BOOLEAN = ("validate_only", "force", "allow_missing")


@dataclass(slots=True)
class Body:
    """``params`` of the body by argument; ``resource``: the property that holds the row (``""``: it is the body itself,
    None: nothing does); ``own``: argument → property of those that are the method's own."""

    params: dict[str, Param] = field(default_factory=dict)
    resource: str | None = None
    own: dict[str, str] = field(default_factory=dict)


def body_of(method: Method, kind: str, resource: Resource | None, model: Model, taken: Mapping[str, Param]) -> Body:
    """Reads the body of ``method``, which is to be of ``kind``."""
    found = Body()
    if method.request is None:
        return found
    name = ref_of(method.request)
    if resource is not None and resource.schema is not None and name == resource.schema:
        found.resource = ""
        found.params[free("resource", taken)] = whole(method.request, None)
        return found
    props = model.shapes.properties(name) if name else method.request.get("properties", {})
    entity = model.entity(resource) if resource else None
    used = {param.role for param in taken.values()}
    wires = {param.wire for param in taken.values()}
    for prop, schema in props.items():
        argument = free(short(snake(prop), 40), {**taken, **found.params})
        wraps = resource is not None and resource.schema is not None and ref_of(schema) == resource.schema
        if wraps and found.resource is None:
            found.resource = prop
            found.params[argument] = whole(schema, prop)
            continue
        role = _role(prop, schema, kind, entity, used)
        if prop in wires or (role is None and _says_where(prop, method)):
            # The path says it already: a second word for the same thing is refused, so that the two cannot differ.
            role = "refused"
        if role is not None:
            used.add(role)
        else:
            found.own[argument] = prop
        found.params[argument] = _param(schema, prop, role or "input", model)
    return found


def whole(schema: Schema, wire: str | None) -> Param:
    """The parameter that takes a row's JSON form."""
    return Param(type="json", shape=_ref(schema), place="body", role="resource", wire=wire, required=True)


def new_id_in(body: Body, resource: Resource) -> str | None:
    """The argument of a body that holds the id of a new row beside the row itself."""
    noun = singular(snake(resource.key[-1].removesuffix("/*").rpartition("/")[2]))
    for argument, prop in body.own.items():
        if snake(prop) in (f"{noun}_id", f"{resource.entity}_id", f"{snake(resource.schema or '')}_id"):
            return argument
    return None


def _ref(schema: Schema) -> dict[str, Json]:
    return {"$ref": schema["$ref"]} if "$ref" in schema else {}


def _says_where(prop: str, method: Method) -> bool:
    return prop in ("parent", "name", "resource") and "{+" in method.path


def _role(prop: str, schema: Schema, kind: str, entity: Entity | None, used: set[Role]) -> Role | None:
    name = snake(prop)
    if kind == "list":
        role = _LISTS.get(name)
        if role == "search" and not (entity and any(field.search for field in entity.fields.values())):
            return None
        return role if role not in used else None
    role = _ROLES.get(name)
    if role is None or role in used:
        return None
    if role == "mask" and kind != "update":
        return None
    if (role in ("force",) and kind != "delete") or (role == "allow_missing" and kind not in ("update", "delete")):
        return None
    return None if role in _BOOLEAN and schema.get("type") != "boolean" else role


def _param(schema: Schema, prop: str, role: Role, model: Model) -> Param:
    value = value_of(model.shapes, schema)
    if role == "page_size":
        value = {"type": "integer"}
    elif role not in ("input", "refused"):
        value = {"type": "string"} if role not in _BOOLEAN else {"type": "boolean"}
    about = " ".join(str(schema.get("description", "")).split())[:160]
    if value["type"] == "string" and role == "input":
        value |= {"keywords": infer_keywords.persons(str(schema.get("description", "")))}
    return Param(**value, place="body", role=role, wire=prop, about=about)
