"""Operations that create, change and delete rows as their bodies say."""

from __future__ import annotations

import re

from app_clones.declared.model import FieldDecl, Kind, OperationDecl, Param
from factory.compiler import infer_params, infer_results
from factory.compiler.api import Method
from factory.compiler.infer_bodies import Body, body_of, new_id_in
from factory.compiler.infer_custom import recorded
from factory.compiler.infer_model import Model
from factory.compiler.infer_names import snake
from factory.compiler.infer_paths import Place, is_collection, words
from factory.compiler.infer_reads import Refusal, arguments
from factory.compiler.infer_resources import Resource
from factory.compiler.infer_schemas import ref_of
from factory.compiler.infer_verbs import ASKING, write_fields

Params = dict[str, Param]


def written(model: Model, method: Method, place: Place, resource: Resource, verb: str | None) -> OperationDecl | None:
    """A method that creates, changes or deletes a row as its body says; None where it is none of these."""
    request = ref_of(method.request)
    own = request is not None and request == resource.schema
    props = model.shapes.properties(request) if request else {}
    wraps = [prop for prop, schema in props.items() if ref_of(schema) == resource.schema] if not own else []
    last = snake(method.id.rpartition(".")[2])
    word = verb or last
    plain = verb is None or bool(re.match(r"(create|insert|update|patch|delete|edit|modify|upsert)(_|\Z)", verb))
    if method.verb == "DELETE":
        return delete(model, method, place, resource) if plain and _deletes(verb, resource) else None
    if own and not plain and _makes(model, method, place, resource, word):
        return _create(model, method, place, resource)
    if not (own or wraps) or not plain:
        return _bodiless(model, method, place, resource, verb)
    making = method.verb == "POST" and (place.on == "collection" or not is_collection(resource.key))
    if (re.match(r"(create|insert|add|upload|import)", word) and making) or (making and verb is None):
        if not is_collection(resource.key):
            return _update(model, method, place, resource)
        return _create(model, method, place, resource)
    if place.on == "row" and last == "create" and method.verb == "PUT":
        return _create(model, method, place, resource)
    return _update(model, method, place, resource)


def _makes(model: Model, method: Method, place: Place, resource: Resource, word: str) -> bool:
    """Whether a verb on a collection that takes one of its rows makes it: one is answered, which can be read later
    (``messages/send``, ``messages/import``)."""
    answered = method.verb == "POST" and ref_of(method.response) == resource.schema
    read = any(model.doc.methods[at].verb == "GET" for at in resource.methods)
    return answered and read and place.on == "collection" and is_collection(resource.key) and not ASKING.match(word)


def _bodiless(model: Model, method: Method, place: Place, resource: Resource, verb: str | None) -> OperationDecl | None:
    posted = place.on == "collection" and verb is None and method.verb == "POST"
    if posted and infer_results.row(method, resource, model).shape != "value":
        return _create(model, method, place, resource)
    return None


def _deletes(verb: str | None, resource: Resource) -> bool:
    if verb is None:
        return True
    rest = re.sub(r"\A(delete|remove)_?", "", verb)
    return rest in ("", resource.entity, snake(resource.schema or ""), "contact") and verb != rest


def _create(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl:
    params = arguments(model, method, place, resource, "create")
    target = next((n for n, p in params.items() if p.role == "row" and p.entity == resource.entity), None)
    if target is not None and place.on == "row":  # PUT of a name that is to be
        params[target] = params[target].model_copy(update={"role": "new_id", "entity": None})
    body = body_of(method, "create", resource, model, params)
    chosen = new_id_in(body, resource)
    entity = model.entity(resource)
    if chosen is not None and entity is not None and entity.key.form == "given":
        body.params[chosen] = body.params[chosen].model_copy(update={"role": "new_id"})
        body.own.pop(chosen)
    if entity is not None and body.resource is None:
        write_fields(body, entity)
    _refuse_own(body)
    params |= body.params
    given = entity is not None and entity.key.form == "given" and not any(p.role == "new_id" for p in params.values())
    if given and entity is not None and entity.key.wire and body.resource is not None:
        wire = f"{body.resource}.{entity.key.wire}" if body.resource else entity.key.wire
        params["new_id"] = Param(place="body", role="new_id", wire=wire, about="What it is to be called.")
    return OperationDecl(
        kind="create",
        entity=resource.entity,
        params=params,
        result=infer_results.row(method, resource, model),
        reason="",
    )


def _update(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl:
    entity = model.entity(resource)
    if entity is not None and not any(_is_written(field) for field in entity.fields.values()):
        params = arguments(model, method, place, resource, "custom")
        body = body_of(method, "custom", None, model, params)
        return recorded(model, method, resource, params, body, "update")
    params = _aimed(model, method, place, resource, arguments(model, method, place, resource, "update"))
    body = body_of(method, "update", resource, model, params)
    _refuse_own(body)
    params |= body.params
    masked = any(param.role == "mask" for param in params.values())
    kind: Kind = "replace" if method.verb == "PUT" and not masked else "update"
    return OperationDecl(
        kind=kind,
        entity=resource.entity,
        params=params,
        result=infer_results.row(method, resource, model),
    )


def _is_written(field: FieldDecl) -> bool:
    return not (field.readonly or field.hidden or field.auto or field.immutable)


def _aimed(model: Model, method: Method, place: Place, resource: Resource, params: Params) -> Params:
    """``params`` with one that names the row, where the path does not: a query parameter, or the body's own id."""
    if place.on == "row":
        return params
    entity = model.entity(resource)
    nouns = (resource.entity, snake(resource.schema or resource.entity))
    names = {"id", "ids", resource.entity, snake(words(resource.key[-1])), *(f"{noun}_id" for noun in nouns)}
    for name, param in params.items():
        if param.place == "query" and snake(param.wire or name) in names:
            row = infer_params.row(resource, model, "query", param.wire or name, about=param.about)
            return {**params, name: row}
    if entity is not None and entity.key.wire and method.request is not None:
        made = infer_params.row(resource, model, "body", entity.key.wire, about="Which one.")
        return {**params, "which": made}
    raise Refusal("nothing says which row is meant")


def delete(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl:
    """The row goes."""
    params = _aimed(model, method, place, resource, arguments(model, method, place, resource, "delete"))
    body = body_of(method, "delete", None, model, params)
    _refuse_own(body)
    return OperationDecl(
        kind="delete",
        entity=resource.entity,
        params={**params, **body.params},
        result=infer_results.row(method, resource, model),
    )


def _refuse_own(body: Body) -> None:
    """What a body holds beside the row has no effect here, so it is refused."""
    for argument in body.own:
        body.params[argument] = body.params[argument].model_copy(update={"role": "refused"})
