"""Lists of a REST API: what their parameters mean, by name and by the fields of the rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from app_clones.declared.model import Entity, FieldDecl, OperationDecl, Param, Result
from factory.compiler.api import Method, Parameter, Schema
from factory.compiler.infer_names import free, short, snake
from factory.compiler.rest_schemas import Envelope
from factory.compiler.rest_values import type_of

if TYPE_CHECKING:
    from factory.compiler.rest_entities import Model, Resource

Json = Any
Compare = Literal["eq", "ge", "le", "gt", "lt", "contains", "has"]

_SIZE = re.compile(r"(limit|per_page|page_size|page_limit|max_results|size|count|top)")
_NUMBER = re.compile(r"(page|page_number|page_num|page_index)")
_OFFSET = re.compile(r"(offset|skip|start|start_index|start_at)")
_TOKEN = re.compile(r"(cursor|page_token|next_token|continuation_token|after|next|page_cursor)")
_AFTER = re.compile(r"(starting_after|after_id|since_id)")
_SEARCH = re.compile(r"(q|query|search|keywords?|term|text)")
_ORDER = re.compile(r"(sort|sort_by|order_by|sort_field)")
_COUNTED = {"page_number", "offset"}
_LEADING = {*_COUNTED, "page_token"}
_BOUNDS: tuple[tuple[str, Compare], ...] = (
    (r"(?P<field>\w+)\[gte?\]|(?P<field_2>\w+)_(since|after|from|gte|min)|min_(?P<field_3>\w+)", "ge"),
    (r"(?P<field>\w+)\[lte?\]|(?P<field_2>\w+)_(until|before|to|lte|max)|max_(?P<field_3>\w+)", "le"),
)


def listing(
    model: Model, method: Method, resource: Resource, envelope: Envelope, rows: dict[str, Param]
) -> OperationDecl | str:
    """A list of ``resource``; a text where it cannot be one, which says why."""
    params = dict(rows)
    entity = model.entities[resource.entity]
    for parameter in method.parameters:
        if parameter.place == "path":
            continue
        name = free(short(snake(parameter.name), 44), params)
        made = _param(model, entity, parameter, envelope, params) if parameter.place == "query" else None
        if made is None and parameter.required and parameter.place == "query":
            return f"it needs {parameter.name}, of which nothing is known"
        params[name] = made or unknown(model, parameter)
    roles = {one.role for one in params.values()}
    result = Result(
        shape="list" if envelope.items is None else "page",
        items=envelope.items or "items",
        next=envelope.next if "page_token" in roles else None,
        total=envelope.total,
        more=envelope.more,
        next_url=envelope.next_url if roles & _LEADING else None,
        previous_url=envelope.previous_url if roles & _COUNTED else None,  # by a token, nothing leads back
        constants=envelope.constants,
        schema_name=model.schemas.name(method.response),
        status=method.status,
    )
    return OperationDecl(kind="list", entity=resource.entity, params=params, result=result, writes=False)


def _param(
    model: Model, entity: Entity, parameter: Parameter, envelope: Envelope, taken: dict[str, Param]
) -> Param | None:
    """What a parameter of a list means; None where nothing here tells."""
    name = snake(parameter.name)
    schema = model.schemas.plain(parameter.schema)
    kind = schema.get("type")
    roles = {one.role for one in taken.values()}
    base: dict[str, Json] = {"place": "query", "wire": parameter.name, "about": parameter.about[:200]}
    if kind == "integer" and not parameter.repeated:
        bounds = {key: schema[told] for told, key in (("minimum", "min"), ("maximum", "max")) if told in schema}
        # A page of no rows leads nowhere, and rows are not skipped backwards.
        for pattern, role, low in ((_SIZE, "page_size", 1), (_NUMBER, "page_number", 1), (_OFFSET, "offset", 0)):
            if pattern.fullmatch(name) and role not in roles:
                whole = {**base, "type": "integer", "min": low, **bounds, "default": schema.get("default")}
                return Param(**whole, role=role)  # type: ignore[arg-type]
    if made := _onward(name, kind, envelope, base):
        return made
    if field := field_of(entity, parameter.name):
        return _filter(model, entity, field, parameter, base, "eq")
    for bound, compare in _BOUNDS:
        if found := re.fullmatch(bound, parameter.name):
            stem = next(one for one in (found["field"], found["field_2"], found["field_3"]) if one)
            for candidate in (stem, f"{stem}_at", f"{stem}_date"):
                if field := field_of(entity, candidate):
                    return _filter(model, entity, field, parameter, base, compare)
    if kind == "string" and _SEARCH.fullmatch(name) and any(one.search for one in entity.fields.values()):
        return Param(**base, role="search")
    if kind == "string" and _ORDER.fullmatch(name):
        return _order(entity, schema, base)
    return None


def _onward(name: str, kind: Json, envelope: Envelope, base: dict[str, Json]) -> Param | None:
    """What leads on from page to page, where the answer tells how."""
    if kind == "string" and envelope.next and _TOKEN.fullmatch(name):
        return Param(**base, role="page_token")
    if kind in ("string", "integer") and envelope.more and _AFTER.fullmatch(name):
        return Param(**base, type=kind, role="after")
    return None


def field_of(entity: Entity, wire: str) -> str | None:
    """The field, of those that are shown, that a parameter is called like."""
    names = [name for name, one in entity.fields.items() if (one.wire or name) == wire or name == snake(wire)]
    return next((name for name in names if not entity.fields[name].hidden), None)


def _filter(
    model: Model, entity: Entity, name: str, parameter: Parameter, base: dict[str, Json], compare: Compare
) -> Param | None:
    field = entity.fields[name]
    told = type_of(model.schemas, parameter.schema)
    if field.type == "json" or told["type"] == "json" or not _fits(field, told["type"], compare):
        return None
    made = {**base, "type": "ref", "to": field.to} if field.type == "ref" else {**base, **told}
    how: Json = "has" if field.repeated and compare == "eq" else compare
    return Param(**made, role="filter", field=name, compare=how, repeated=parameter.repeated)


def _fits(field: FieldDecl, told: str, compare: Compare) -> bool:
    """Whether a field can be compared with a parameter of that type."""
    if field.type == "ref":
        return compare == "eq"
    times = ("datetime", "date", "integer") if field.is_moment else ("datetime", "date")
    groups = (("string", "text", "email", "url", "enum"), ("integer", "number"), ("boolean",), times)
    return any(field.type in group and told in group for group in groups)


def _order(entity: Entity, schema: Schema, base: dict[str, Json]) -> Param | None:
    values = tuple(str(one) for one in schema.get("enum", ()))
    if not values:
        return Param(**base, role="order_by")
    if all(field_of(entity, one) for one in values):
        return Param(**base, type="enum", values=values, role="order_by")
    return None


def unknown(model: Model, parameter: Parameter) -> Param:
    """A parameter of which nothing is known: not built; but a header that is needed is asked for, and does nothing."""
    made = {**type_of(model.schemas, parameter.schema), "repeated": parameter.repeated}
    if made["type"] == "json":
        made = {"type": "string"}
    asked = parameter.required and parameter.place == "header"
    role: Literal["inert", "refused"] = "inert" if asked else "refused"
    return Param(
        **made, place=parameter.place, role=role, wire=parameter.name, about=parameter.about[:200], required=asked
    )
