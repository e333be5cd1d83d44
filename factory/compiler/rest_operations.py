"""Operations of a REST API from its methods: lists, rows read and written, verbs by what they evidently do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from app_clones.declared.model import Entity, Http, Kind, OperationDecl, Param, Result
from factory.compiler.api import Method, Schema
from factory.compiler.infer_bodies import Body
from factory.compiler.infer_names import free, short, snake
from factory.compiler.infer_verbs import ASKING, Effect, effect, past_forms
from factory.compiler.rest_entities import Model, Resource
from factory.compiler.rest_lists import listing
from factory.compiler.rest_members import member_change
from factory.compiler.rest_params import Params, Refusal, body_params, others, query_fields, row_param, row_params
from factory.compiler.rest_places import Place
from factory.compiler.rest_schemas import Answered, constant
from factory.compiler.rest_values import bare, default_of

Json = Any

#: Verb → states that it leads to, beside those that all APIs know.
_LEADS_TO: Mapping[str, tuple[str, ...]] = {
    "finalize": ("open", "issued"),
    "pay": ("paid",),
    "ship": ("shipped",),
    "deliver": ("delivered",),
    "adopt": ("adopted",),
    "capture": ("captured", "succeeded"),
    "confirm": ("confirmed",),
    "checkin": ("checked_in",),
    "checkout": ("checked_out",),
    "merge": ("merged", "closed"),
    "resolve": ("resolved", "solved", "closed"),
    "solve": ("solved", "resolved", "closed"),
    "schedule": ("scheduled",),
}
_OPPOSITE = {"lock": "unlock", "star": "unstar", "archive": "unarchive", "pin": "unpin", "block": "unblock"}


def operation(model: Model, method: Method, place: Place) -> OperationDecl:
    """What a method does."""
    resource = model.of(place.key)
    try:
        return _told(_inferred(model, method, place, resource), method)
    except Refusal as refusal:
        return refused(method, str(refusal))


def refused(method: Method, reason: str) -> OperationDecl:
    """A method of which no more is known than that each call is refused."""
    return _told(OperationDecl(kind="refused", params=_refused_params(method), reason=reason, writes=False), method)


def _told(made: OperationDecl, method: Method) -> OperationDecl:
    """With where it is reached, and what the document calls it and says about it."""
    http = Http(verb=method.verb, path=method.path, joined=method.joined)
    return made.model_copy(update={"http": http, "origin": method.id, "about": " ".join(method.about.split())[:400]})


def _refused_params(method: Method) -> Params:
    found: Params = {}
    for parameter in method.parameters:
        name = free(short(snake(parameter.name), 44), found)
        found[name] = Param(place=parameter.place, wire=parameter.name, required=parameter.place == "path")
    if method.request is not None:
        found["body"] = Param(type="json", role="body", shape={})
    return found


def _inferred(model: Model, method: Method, place: Place, resource: Resource | None) -> OperationDecl:
    if place.obscure is not None:
        raise Refusal(f"{place.obscure} in its path is no id of one row")
    if resource is None:
        item = _item(model, method, place)
        if item is None:
            raise Refusal("it is about no row that is kept here")
        return item
    if any(parameter.place == "cookie" and parameter.required for parameter in method.parameters):
        raise Refusal("it needs a cookie")
    if method.media and not any("form" in kind for kind in method.media):
        raise Refusal(f"it takes {', '.join(method.media)}")
    if method.verb == "GET":
        return _read(model, method, place, resource)
    if place.key in resource.ways:
        changed = member_change(model, method, place, resource, partial(_result, model, method, resource))
        if changed is not None:
            return changed
    if place.verb is None or _makes(model, method, place, resource):
        standard = _standard(model, method, place, resource)
        if standard is not None:
            return standard
    return _custom(model, method, place, resource)


# ---- reading


def _read(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl:
    envelope = model.schemas.listed(method.response)
    if envelope is not None and place.on == "collection" and not resource.singleton:
        name = model.schemas.name(envelope.row)
        if name == resource.schema_name and (name is not None or place.verb is None):
            params = row_params(model, place, resource)
            made = listing(model, method, resource, envelope, params)
            if isinstance(made, str):
                raise Refusal(made)
            return made
    told = model.schemas.answered(method.response)
    own = model.schemas.name(told.row) == resource.schema_name and model.schemas.is_object(told.row)
    if own and place.verb is None and (place.on == "row" or resource.singleton):
        params = row_params(model, place, resource)
        params |= others(model, method, place, params)
        return OperationDecl(
            kind="get", entity=resource.entity, params=params, result=_row(model, method, told), writes=False
        )
    raise Refusal("its answer would have to be worked out")


# ---- the standard writes


def _makes(model: Model, method: Method, place: Place, resource: Resource) -> bool:
    """Whether a verb on a collection that takes one of its rows and answers one makes it (``messages/send``)."""
    taken, told = model.schemas.wrapped(method.request)[0], model.schemas.answered(method.response).row
    own = resource.schema_name is not None and {*map(model.schemas.name, (taken, told))} == {resource.schema_name}
    return own and method.verb == "POST" and place.on == "collection" and not ASKING.match(snake(place.verb or ""))


def _standard(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl | None:
    queried = query_fields(model, method, resource)
    kind = _kind(model, method, place, resource, queried=bool(queried))
    if kind is None:
        return None
    params = row_params(model, place, resource)
    if place.on == "collection" and kind in ("update", "replace") and not resource.singleton:
        params[free(snake(resource.id or ""), params)] = row_param(model, resource, resource.id or "")
    if kind == "update" and method.request is None:
        params |= queried
    body, wrap = model.schemas.wrapped(method.request)
    if kind != "delete" and method.request is not None:
        if not model.schemas.is_object(body) and model.schemas.plain(body).get("type") != "object":
            return None
        params[free("resource", params)] = Param(
            type="json", role="resource", wire=wrap, required=method.request_required, shape=bare(method.request)
        )
        key = model.entities[resource.entity].key
        if kind == "create" and key.form == "given":
            wire = f"{wrap}.{key.wire}" if wrap else key.wire
            params["new_id"] = Param(role="new_id", wire=wire, required=True, pattern=key.pattern)
    elif method.request is not None:
        params |= {
            name: one.model_copy(update={"role": "refused"}) for name, one in body_params(model, method, params).items()
        }
    params |= others(model, method, place, params)
    result = _result(model, method, resource, deleted=kind == "delete")
    return OperationDecl(
        kind=kind, entity=resource.entity, params=params, result=result, writes=True,
        set=_belonging(model, place, resource, params) if kind == "create" else {},
    )  # fmt: skip


def _kind(model: Model, method: Method, place: Place, resource: Resource, *, queried: bool) -> Kind | None:
    """Which of the standard writes a method is, if any. ``queried``: whether its query may hold fields."""
    named = method.verb in ("PUT", "PATCH") and resource.id in model.schemas.properties(method.request)
    on_row = place.on == "row" or resource.singleton or named
    if method.verb == "DELETE":
        return "delete" if on_row and not resource.singleton else None
    if method.verb == "POST" and not on_row:
        return "create"
    if on_row and method.request is not None:
        return "replace" if method.verb == "PUT" else "update"
    return "update" if on_row and queried else None


def _belonging(model: Model, place: Place, resource: Resource, params: Params) -> Mapping[str, Json]:
    """What makes a new row belong to the collection in which it is made, where that is one of several."""
    way = resource.ways.get(place.key)
    if way is None or not model.entities[resource.entity].fields[way].repeated:
        return {}  # a single ref is set by the row that the path names
    return {way: next(f"${name}" for name, param in params.items() if param.field == way)}


def _item(model: Model, method: Method, place: Place) -> OperationDecl | None:
    """What puts one item into a list that a row has, or takes it out (``/orders/{id}/tags/{tag}``), if that is it."""
    owner = model.of(place.key[:-1])
    field = model.field_of(owner.entity, place.key[-1]) if owner is not None and place.verb is None else None
    if owner is None or field is None or place.on != "row" or method.verb not in ("PUT", "DELETE") or method.request:
        return None
    listed = model.entities[owner.entity].fields[field]
    if not listed.repeated or listed.type not in ("string", "integer", "enum"):
        return None
    *above, wire = place.ids
    params = row_params(model, Place(place.key[:-1], "row", None, tuple(above)), owner)
    item = free(short(snake(wire), 44), params)
    one = {key: getattr(listed, key) for key in ("type", "values")}
    params[item] = Param(**one, place="path", required=True, wire=wire)
    params |= others(model, method, place, params)
    change = {field: f"${item}"}
    return OperationDecl(
        kind="custom", entity=owner.entity, params=params, result=_result(model, method, owner), writes=True,
        append=change if method.verb == "PUT" else {}, remove=change if method.verb == "DELETE" else {},
    )  # fmt: skip


def _result(model: Model, method: Method, resource: Resource, *, deleted: bool = False) -> Result:
    """What a method that writes answers: nothing, the row, or words that are always alike and the row's id."""
    if method.response is None:
        return Result(shape="empty", status=method.status)
    answered = model.schemas.answered(method.response)
    named = model.schemas.name(method.response)
    row_name = model.schemas.name(answered.row)
    if row_name == resource.schema_name and (resource.schema_name is not None or _alike(model, answered.row, resource)):
        return _row(model, method, answered)
    if row_name is not None and any(row_name == other.schema_name for other in model.resources.values()):
        raise Refusal("it answers a row of another kind")
    schema = model.schemas.plain(method.response)
    if schema.get("type") not in ("object", None):
        raise Refusal("its answer would have to be worked out")
    constants: dict[str, Json] = {}
    values: dict[str, Json] = {}
    for name, told in model.schemas.properties(schema).items():
        one = model.schemas.plain(told)
        if name == resource.id:
            values[name] = "$id"
        elif (value := constant(one)) is not None:
            constants[name] = value
        elif name in schema.get("required", ()):
            field = model.field_of(resource.entity, name)
            default = default_of(one, needed=True)
            if field is not None and not deleted:
                values[name] = f"$row.{field}"
            elif default is None:
                raise Refusal("its answer would have to be worked out")
            else:
                constants[name] = default
    return Result(shape="value", constants=constants, values=values, schema_name=named, status=method.status)


def _row(model: Model, method: Method, told: Answered) -> Result:
    """An answer that has the row."""
    return Result(
        wrap=told.wrap, constants=told.constants, schema_name=model.schemas.name(method.response), status=method.status
    )


def _alike(model: Model, row: Schema, resource: Resource) -> bool:
    """Whether an unnamed schema has the properties of the resource's, which has no name either."""
    return set(model.schemas.properties(row)) == set(model.schemas.properties(resource.schema))


# ---- verbs


def _custom(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl:
    word = snake(place.verb or method.id)
    if method.verb == "DELETE" and word in _OPPOSITE:
        word = _OPPOSITE[word]
    params = row_params(model, place, resource)
    params |= others(model, method, place, params)
    own = body_params(model, method, params)
    entity = model.entities[resource.entity]
    on_row = place.on == "row"
    body = Body(dict(own), None, {name: one.wire or name for name, one in own.items()})
    found = effect(word, entity, body, {**params, **own}) if on_row else Effect()
    result = _result(model, method, resource)
    if result.shape == "row" and not on_row:
        raise Refusal("it answers a row, and names none")
    if not found and on_row:
        found.change.update(_named_state(word, entity))
    left = [name for name in own if name not in found.inputs]
    if not found:
        reason = "nothing of a row tells what it does"
        return OperationDecl(
            kind="record", entity=resource.entity, params={**params, **own}, result=result, record=True, writes=True,
            reason=reason,
        )  # fmt: skip
    change = {**found.change, **_moments(word, entity)}
    return OperationDecl(
        kind="custom", entity=resource.entity, params={**params, **own}, result=result, set=change,
        append=found.append, remove=found.remove, record=bool(left), writes=True,
    )  # fmt: skip


def _named_state(word: str, entity: Entity) -> dict[str, Json]:
    """A state that the verb itself names (``void``), or is known to lead to (``finalize``)."""
    for name, field in entity.fields.items():
        if field.type == "enum" and re.search(r"(?:^|_)(?:state|status|phase)$", name):
            values = {value.lower(): value for value in field.values}
            for word_ in (word, *_LEADS_TO.get(word, ())):
                if word_ in values:
                    return {name: values[word_]}
    return {}


def _moments(word: str, entity: Entity) -> dict[str, Json]:
    """The time at which it was done, where rows have a place for it: ``closed_at`` of ``close``."""
    head = word.split("_")[0]
    names = [f"{past}_{tail}" for past in past_forms(head) for tail in ("at", "on", "time", "date")]
    return {name: "$now" for name in names if name in entity.fields and entity.fields[name].type == "datetime"}
