"""What each parameter is for. Every one has a role: it is honoured, or refused when given; never ignored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from textwrap import shorten
from typing import Any

from app_clones.declared.model import PERSON, Entity, Param, Role
from factory.compiler import infer_keywords
from factory.compiler.api import Method, Parameter
from factory.compiler.infer_fields import value_of
from factory.compiler.infer_keys import new_id
from factory.compiler.infer_model import Model
from factory.compiler.infer_names import free, short, snake
from factory.compiler.infer_paths import Place
from factory.compiler.infer_resources import Resource

Json = Any

#: Change neither state nor answer, by their own documentation: form and accounting of the request.
_INERT = {
    "prettyPrint", "quotaUser", "key", "userIp", "oauth_token", "access_token", "bearer_token", "pp", "$.xgafv",
    "returnPartialSuccess", "supportsAllDrives", "supportsTeamDrives", "header.bypassBillingFilter", "userProject",
    "clientOperationId",
}  # fmt: skip
_PAGING: Mapping[str, Role] = {
    "page_token": "page_token", "page_size": "page_size", "max_results": "page_size", "start_page_token": "refused",
    "limit": "page_size", "num": "page_size", "count": "page_size", "filter": "expression", "query": "search",
    "q": "search", "search": "search", "search_string": "search", "order_by": "order_by", "search_query": "search",
    "start_index": "offset", "offset": "offset", "skip": "offset",
}  # fmt: skip
_ANYWHERE: Mapping[str, Role] = {
    "update_mask": "mask", "field_mask": "mask", "read_mask": "read_mask", "person_fields": "read_mask",
    "request_id": "request_id", "validate_only": "validate_only", "dry_run": "validate_only", "etag": "etag",
    "fingerprint": "etag", "if_etag_match": "etag", "force": "force", "allow_missing": "allow_missing",
    "name_etag": "etag",
}  # fmt: skip
#: A query that is more than words, by its description: read as words, it would find nothing, and look honoured.
_GRAMMAR = re.compile(
    r"\b(?:syntax|operators?|clauses?|expressions?|query (?:format|statement|rules)|supported queries"
    r"|construct(?:ing)? (?:\w+ )?quer(?:y|ies))\b",
    re.I,
)
#: Where the answer is always the fullest there is, only that can be asked for.
_FULLEST = re.compile(r"(?:\A|_)(?:full|all|complete|detailed)(?:_|\Z)", re.I)


#: Of a parameter that says which properties are answered: that no others are written, either.
_WRITTEN = re.compile(r"\bwrite operation will set\b|\bAPI request and response\b", re.I)


def common(parameters: tuple[Parameter, ...], model: Model) -> dict[str, Param]:
    """The parameters that every method takes."""
    found: dict[str, Param] = {}
    for parameter in parameters:
        name = free(_name(parameter.name), found)
        if parameter.name == "alt":
            made = Param(
                type="enum", values=("json",), place="query", role="inert", wire="alt", about=_short(parameter)
            )
        elif parameter.name == "fields":
            made = Param(place="query", role="read_mask", wire="fields", about=_short(parameter))
        else:
            made = _plain(parameter, model, "inert" if parameter.name in _INERT else "refused")
        found[name] = made
    return found


def rows(method: Method, place: Place, model: Model) -> dict[str, Param]:
    """The parameters of a method's path: the rows that they name."""
    found: dict[str, Param] = {}
    order = [name.strip("+") for name in re.findall(r"\{([^}]+)\}", method.path)]
    placed = [parameter for parameter in method.parameters if parameter.place == "path"]
    for parameter in sorted(placed, key=lambda one: order.index(one.name) if one.name in order else len(order)):
        resource = model.resources.of(place.rows[parameter.name]) if parameter.name in place.rows else None
        name = free(_name(parameter.name), found)
        word = re.fullmatch(r"\^([A-Za-z0-9_/-]+)\$", parameter.pattern or "")
        if resource is None or word:
            named = parameter.pattern if parameter.name in spelt(method, place) else None
            found[name] = _plain(parameter, model, "input").model_copy(update={"pattern": named})
            if word:  # it can be but one word, so it says nothing
                fixed: dict[str, Json] = {"type": "enum", "values": (word[1],), "role": "inert", "pattern": word[0]}
                found[name] = found[name].model_copy(update=fixed)
            continue
        found[name] = row(resource, model, "path", parameter.name, about=_short(parameter))
        if parameter.name in spelt(method, place):
            pattern = parameter.pattern if parameter.pattern and "(?" not in parameter.pattern else None
            # A name, also of what has a number for an id.
            found[name] = found[name].model_copy(update={"type": "string", "int64": False, "pattern": pattern})
    return found


def spelt(method: Method, place: Place) -> set[str]:
    """The parameters of the path whose pattern says more than that they are one segment."""
    plain = {parameter.name for parameter in method.parameters if parameter.pattern in (None, "^[^/]+$", "^.*$")}
    open_ = {name for name in re.findall(r"\{\+([^}]+)\}", method.path) if name not in plain}
    return open_ | place.names


def row(resource: Resource, model: Model, place: str, wire: str, *, about: str = "", **more: Json) -> Param:
    """A parameter that names a row of ``resource``."""
    entity = model.entity(resource)
    number = entity is not None and entity.key.form == "number" and entity.key.path is None
    kind = "string" if resource.entity == PERSON or not number else "integer"
    made: dict[str, Json] = {"required": True, "int64": number, **more}
    return Param(type=kind, place=place, role="row", entity=resource.entity, wire=wire, about=about, **made)  # type: ignore[arg-type]


def queries(
    method: Method, kind: str, resource: Resource | None, model: Model, taken: Mapping[str, Param], place: Place
) -> dict[str, Param]:
    """The parameters of a method outside path and body, by what they do to an operation of ``kind``."""
    entity = model.entity(resource) if resource else None
    chooses = resource is not None and kind == "create" and entity is not None and entity.key.form == "given"
    chosen = new_id(method, place, resource) if chooses and resource is not None else None
    found: dict[str, Param] = {}
    for parameter in method.parameters:
        if parameter.place in ("path", "cookie"):
            continue
        name = free(_name(parameter.name), {**taken, **found})
        if parameter.name == chosen:
            found[name] = Param(
                place=_place(parameter),
                role="new_id",
                wire=parameter.name,
                required=parameter.required,
                about=_short(parameter),
            )
            continue
        found[name] = _query(parameter, kind, entity, resource, model, {param.role for param in found.values()})
    return found


def _query(
    parameter: Parameter, kind: str, entity: Entity | None, resource: Resource | None, model: Model, used: set[Role]
) -> Param:
    name = snake(parameter.name)
    if parameter.name in _INERT:
        return _plain(parameter, model, "inert")
    role = _role(name, kind, entity, used) or _parts(parameter, kind)
    if role == "search" and _GRAMMAR.search(parameter.about):
        role = "refused"
    if role == "expression" and (parameter.repeated or "enum" in parameter.schema):
        role = None  # it takes words of its own, and not a text that compares properties
    if role in ("mask", "read_mask", "parts", "order_by") and parameter.repeated:
        return _plain(parameter, model, role)
    if role == "page_size":
        return Param(type="integer", place="query", role=role, wire=parameter.name, min=0, about=_short(parameter))
    if role is not None:
        bool_role = role in ("validate_only", "force", "allow_missing")
        fits = parameter.schema.get("type") == "boolean" if bool_role else True
        return _plain(parameter, model, role if fits else "refused")
    if kind == "list" and entity is not None:
        filtered = _filter(parameter, name, entity, model, resource)
        if filtered is not None:
            return filtered
    values = [value for value in parameter.schema.get("enum", ()) if isinstance(value, str)]
    full = [value for value in values if _FULLEST.search(value)]
    if name in ("view", "projection") and len(full) >= 1:
        return Param(type="enum", values=(full[0],), place="query", role="inert", wire=parameter.name,
                     about=f"The fullest form, which is always answered. {_short(parameter)}"[:300])  # fmt: skip
    return _plain(parameter, model, "refused")


def _role(name: str, kind: str, entity: Entity | None, used: set[Role]) -> Role | None:
    if kind == "list" and name in _PAGING:
        paging = _PAGING[name]
        if paging == "search" and not (entity and any(field.search for field in entity.fields.values())):
            return None
        return paging if paging not in used else "refused"
    role = _ANYWHERE.get(name)
    if role is None or role in used:
        return None
    if role == "etag":
        return role if entity is not None and entity.etag and kind not in ("create", "list") else None
    fits: Mapping[str, tuple[str, ...]] = {
        "mask": ("update", "replace"),
        "force": ("delete",),
        "allow_missing": ("update", "replace", "delete"),
        "read_mask": ("list", "get", "create", "update", "replace", "custom"),
    }
    if role in fits:
        return role if kind in fits[role] else None
    return role if kind not in ("list", "get") else None


def _parts(parameter: Parameter, kind: str) -> Role | None:
    """What ``part`` names: properties of the answer, or, where its text says so, of what is written as well."""
    if parameter.name != "part" or kind not in ("list", "get", "create", "update", "replace"):
        return None
    return "parts" if kind not in ("list", "get") and _WRITTEN.search(parameter.about) else "read_mask"


def _filter(parameter: Parameter, name: str, entity: Entity, model: Model, resource: Resource | None) -> Param | None:
    """A parameter that says a field's value, or of which rows."""
    if name in ("id", "ids", f"{resource.entity}_ids" if resource else "ids") and resource is not None:
        made = row(resource, model, "query", parameter.name, about=_short(parameter), required=parameter.required,
                   repeated=True)  # fmt: skip
        return made if parameter.repeated else None
    singular = name[:-1] if parameter.repeated and name.endswith("s") else name
    for field_name, field in entity.fields.items():
        if field.hidden or field.type == "json" or field.auto:
            continue
        if field_name in (name, singular) or field.wire == parameter.name:
            value = value_of(model.shapes, parameter.schema)
            if value["type"] == "json" or (value["type"] in ("integer", "number", "boolean")) != (
                field.type in ("integer", "number", "boolean")
            ):
                return None
            if value["type"] == "enum" and not set(value["values"]) <= set(field.values):
                return None
            if field.type == "ref":
                value = {"type": "ref", "to": field.to}
            return Param(**{**value, "repeated": parameter.repeated}, place="query", role="filter", field=field_name,
                         wire=parameter.name, required=parameter.required, about=_short(parameter),
                         compare="has" if field.repeated else "eq")  # fmt: skip
    return None


def _plain(parameter: Parameter, model: Model, role: Role) -> Param:
    value = value_of(model.shapes, parameter.schema)
    if value["type"] == "json" or role in (
        "mask",
        "read_mask",
        "search",
        "expression",
        "order_by",
        "page_token",
        "etag",
    ):
        value = {"type": "string"}
    value.pop("pattern", None)
    if value["type"] == "string" and role == "input":
        value["keywords"] = infer_keywords.persons(parameter.about)
    repeated = parameter.repeated or bool(value.pop("repeated", False))
    required = parameter.required and role != "refused"
    return Param(**value, repeated=repeated, place=_place(parameter), role=role, wire=parameter.name,
                 required=required, about=_short(parameter))  # fmt: skip


def _place(parameter: Parameter) -> Any:
    return "query" if parameter.place == "cookie" else parameter.place


def _name(wire: str) -> str:
    return short(snake(wire), 40)


def _short(parameter: Parameter) -> str:
    """What it is for, cut between words where that is long."""
    return shorten(parameter.about, 160, placeholder=" …")
