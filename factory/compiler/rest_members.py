"""Rows that belong to a collection below a row of another kind (``/teams/{id}/members``): they are put in and taken
out there, and go on without it."""

from __future__ import annotations

from collections.abc import Callable

from app_clones.declared.model import OperationDecl, Result
from factory.compiler.api import Method
from factory.compiler.rest_entities import Model, Resource
from factory.compiler.rest_params import Refusal, body_params, others, row_param, row_params
from factory.compiler.rest_places import Key, Place


def member_change(
    model: Model, method: Method, place: Place, resource: Resource, result: Callable[[], Result]
) -> OperationDecl | None:
    """What a method changes about which rows belong where; None where it is about the rows themselves.

    ``result``: makes what it answers. Raises :class:`Refusal` where rows cannot be taken out.
    """
    if place.verb is not None:
        return None
    if _puts(model, method, place, resource):
        return _change(model, method, place, resource, result(), puts=True)
    takes = method.verb == "DELETE" and place.on == "row" and _is_membership(model, resource, place.key)
    return _change(model, method, place, resource, result(), puts=False) if takes else None


def _is_membership(model: Model, resource: Resource, key: Key) -> bool:
    """Whether rows go on without the collection: they may belong to several, or are put in as they are."""
    field = model.entities[resource.entity].fields[resource.ways[key]]
    return field.repeated or any(_puts(model, method, place, resource) for method, place in model.methods(key))


def _puts(model: Model, method: Method, place: Place, resource: Resource) -> bool:
    """Whether a method puts a row that is there already into a collection."""
    body, _ = model.schemas.wrapped(method.request)
    if method.verb == "POST" and place.on == "collection":
        return resource.member_called_by(model.schemas, place.key, body) is not None
    if method.verb in ("PUT", "POST") and place.on == "row":
        return method.request is None or not resource.is_about_rows(model.schemas, place.key, body)
    return False


def _change(
    model: Model, method: Method, place: Place, resource: Resource, result: Result, *, puts: bool
) -> OperationDecl:
    way = resource.ways[place.key]
    params = row_params(model, place, resource)
    through = next(name for name, param in params.items() if param.field == way)
    if puts:  # it need not belong there yet
        params[through] = params[through].model_copy(update={"field": None})
    told = body_params(model, method, params)
    called = resource.member_called_by(model.schemas, place.key, method.request or {}) if puts else None
    for name, param in told.items():
        if place.on == "collection" and param.wire == called:
            told[name] = row_param(model, resource, param.wire or name)
    field = model.entities[resource.entity].fields[way]
    if not (puts or field.repeated or not field.required):
        raise Refusal(f"a {resource.entity} cannot be without a {field.to}")
    params |= told
    params |= others(model, method, place, params)
    named = f"${through}"
    return OperationDecl(
        kind="custom", entity=resource.entity, params=params, result=result,
        set={} if field.repeated else {way: named if puts else None},
        append={way: named} if field.repeated and puts else {},
        remove={way: named} if field.repeated and not puts else {},
        record=any(param.role == "input" for param in told.values()), writes=True,
    )  # fmt: skip
