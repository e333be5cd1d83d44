"""Parameters of a REST API's methods: the rows that a path names, what a body holds, what nothing is known of."""

from __future__ import annotations

from collections.abc import Mapping

from app_clones.declared.model import Param, Value
from factory.compiler.api import Method, Parameter
from factory.compiler.infer_names import free, short, snake
from factory.compiler.rest_entities import Model, Resource
from factory.compiler.rest_lists import field_of, unknown
from factory.compiler.rest_places import Place
from factory.compiler.rest_values import type_of

Params = dict[str, Param]


class Refusal(Exception):
    """Why a method cannot be more than refused."""


def row_params(model: Model, place: Place, resource: Resource) -> Params:
    """The rows that the path names, from the root down. Raises :class:`Refusal` where one names nothing kept here."""
    found: Params = {}
    for n, wire in enumerate(place.ids):
        above = model.of(place.above(n))
        if above is None:
            raise Refusal(f"nothing here is called by {wire}")
        name = free(short(snake(wire), 44), found)
        through = resource.ways.get(place.key) if place.above(n) == place.key[:-1] else None
        found[name] = row_param(model, above, wire).model_copy(update={"place": "path", "field": through})
    return found


def row_param(model: Model, resource: Resource, wire: str) -> Param:
    """A parameter that calls a row of ``resource``."""
    kind = "integer" if model.entities[resource.entity].key.form == "number" else "string"
    return Param(type=kind, role="row", entity=resource.entity, required=True, wire=wire)  # type: ignore[arg-type]


def others(model: Model, method: Method, place: Place, taken: Params) -> Params:
    """Parameters that are not ``taken``: on a row, the etag that it must have; else of no known meaning, so that giving
    one is refused, and so is a method that cannot do without, but a header that is needed is asked for. Raises
    :class:`Refusal`."""
    found: Params = {}
    known = {(param.place, param.wire) for param in taken.values()}
    for parameter in method.parameters:
        if parameter.place != "path" and (parameter.place, parameter.name) not in known:
            if parameter.required and parameter.place == "query":
                raise Refusal(f"it needs {parameter.name}, of which nothing is known")
            name = free(short(snake(parameter.name), 44), {**taken, **found})
            found[name] = _etag(parameter) if _is_etag(parameter, place) else unknown(model, parameter)
    return found


def _is_etag(parameter: Parameter, place: Place) -> bool:
    return place.on == "row" and parameter.place == "header" and parameter.name.lower() == "if-match"


def _etag(parameter: Parameter) -> Param:
    return Param(
        place="header", role="etag", wire=parameter.name, about=parameter.about[:200], required=parameter.required
    )


def query_fields(model: Model, method: Method, resource: Resource) -> Params:
    """The parameters of the query that are called like fields which clients write: what a method without a body sets
    (``POST /pets/{id}?status=sold``)."""
    found: Params = {}
    entity = model.entities[resource.entity]
    for parameter in method.parameters if method.request is None else ():
        name = field_of(entity, parameter.name) if parameter.place == "query" else None
        if name is None or entity.fields[name].readonly or entity.fields[name].immutable:
            continue
        value = {key: getattr(entity.fields[name], key) for key in Value.model_fields}
        told = {"wire": parameter.name, "about": parameter.about[:200], "required": parameter.required}
        found[free(short(snake(parameter.name), 44), found)] = Param(
            **{**value, **told}, place="query", role="field", field=name
        )
    return found


def body_params(model: Model, method: Method, taken: Mapping[str, Param]) -> Params:
    """The properties of a body, each a parameter."""
    found: Params = {}
    required = model.schemas.plain(method.request).get("required", ())
    for wire, schema in model.schemas.properties(method.request).items():
        name = free(short(snake(wire), 44), {**taken, **found})
        made = type_of(model.schemas, schema)
        found[name] = Param(**made, wire=wire, required=wire in required and method.request_required)
    return found
