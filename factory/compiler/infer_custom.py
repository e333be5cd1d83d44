"""Operations that are none of the standard ones: by what their verb evidently does, else a recorded call."""

from __future__ import annotations

import re
from collections.abc import Set

from app_clones.declared.model import PERSON, Entity, OperationDecl, Param
from factory.compiler import infer_params, infer_results
from factory.compiler.api import Method
from factory.compiler.infer_bodies import Body, body_of
from factory.compiler.infer_model import Model
from factory.compiler.infer_names import snake
from factory.compiler.infer_paths import Place, words
from factory.compiler.infer_reads import Refusal, arguments, listing
from factory.compiler.infer_resources import Resource
from factory.compiler.infer_schemas import ref_of
from factory.compiler.infer_verbs import ASKING, Effect, effect, mark, told_state

Params = dict[str, Param]

_COPYING = ("copy", "clone", "duplicate")


def custom(model: Model, method: Method, place: Place, resource: Resource | None, verb: str | None) -> OperationDecl:
    """A method that is none of the standard ones, by what its verb evidently does."""
    word = verb or snake(method.id.rpartition(".")[2])
    listed = model.shapes.envelope(method.response)
    if listed is not None and ASKING.match(word):
        known = model.resources.with_schema(listed.item, place.key)
        result = infer_results.page(method, known, model) if known is not None else None
        if known is not None and result is not None:
            return listing(model, method, place, known, result)
    entity = model.entity(resource) if resource is not None else None
    params = arguments(model, method, place, resource, "custom")
    body = body_of(method, "custom", None, model, params)
    if resource is None or entity is None:
        return recorded(model, method, None, params, body, word)
    if place.on != "row":
        many = _of_many(model, method, place, resource, params, word)
        return many or recorded(model, method, resource, params, body, word)
    if word.split("_")[0] in _COPYING and ref_of(method.response) == resource.schema:
        return _copied(model, method, place, resource)
    _check_seen(body, entity)
    found = Effect()
    if word == "move":
        params, found = _moved(model, method, entity, params)
    if not found and not ASKING.match(word):
        found = effect(word, entity, body, params) or told_state(word, entity, body, model.shapes)
    if not found:
        return recorded(model, method, resource, params, body, word)
    left = [argument for argument in body.own if argument not in found.inputs]
    for argument, name in found.fields.items():
        body.params[argument] = body.params[argument].model_copy(update={"role": "field", "field": name})
    return OperationDecl(
        kind="custom",
        entity=resource.entity,
        params={**params, **body.params},
        result=infer_results.row(method, resource, model),
        set=found.change,
        append=found.append,
        remove=found.remove,
        record=bool(left),
        writes=True,
    )


def _of_many(
    model: Model, method: Method, place: Place, resource: Resource, params: Params, word: str
) -> OperationDecl | None:
    """What is done to several rows; None where that is not evident."""
    if place.on == "collection" and word.startswith("batch_"):
        batch = _batch(model, method, resource, params, word.removeprefix("batch_"))
        if batch is not None:
            return batch
    return _swept(model, method, place, resource)


def _batch(model: Model, method: Method, resource: Resource, params: Params, verb: str) -> OperationDecl | None:
    """What is done to every row that the body lists; None where it lists none, or nothing is evident."""
    entity, result = model.entities[resource.entity], infer_results.row(method, resource, model)
    deletes = re.fullmatch(rf"(?:delete|remove)(?:_{re.escape(resource.entity)}s?|_contacts)?", verb) is not None
    body = body_of(method, "delete" if deletes else "custom", None, model, params)
    named = next((argument for argument in body.own if _lists_rows(body, argument, resource)), None)
    if named is None or result.shape != "empty":
        return None
    about = body.params[named].about
    wire = body.own.pop(named)
    body.params[named] = infer_params.row(resource, model, "body", wire, about=about, repeated=True)
    found = Effect() if deletes else effect(verb, entity, body, params)
    if not (deletes or found):
        return None
    return OperationDecl(
        kind="delete" if deletes else "custom",
        entity=resource.entity,
        params={**params, **body.params},
        result=result,
        set=found.change,
        append=found.append,
        remove=found.remove,
        record=any(argument not in found.inputs for argument in body.own),
        writes=True,
    )


def _swept(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl | None:
    """``emptyTrash``: all rows go that have the mark which ``trash`` makes; None of any other method."""
    named = re.fullmatch(r"empty_(\w+)", snake(method.id.rpartition(".")[2]))
    marks = mark(named[1], model.entities[resource.entity]) if named else {}
    result = infer_results.row(method, resource, model)
    if not marks or result.shape != "empty":
        return None
    return OperationDecl(
        kind="custom",
        entity=resource.entity,
        params=arguments(model, method, place, resource, "custom"),
        result=result,
        when={name: (value,) for name, value in marks.items()},
        delete=True,
    )


def _lists_rows(body: Body, argument: str, resource: Resource) -> bool:
    """Whether a list of texts names rows of the resource: ``ids``, ``names``, ``policyIds``, ``conversations``."""
    param, nouns = (
        body.params[argument],
        {resource.entity, snake(resource.schema or ""), snake(words(resource.key[-1]))},
    )
    nouns |= {noun.rpartition("_")[2] for noun in nouns}
    ways = {"ids", "names", "resource_names", *(f"{noun}{way}" for noun in nouns for way in ("s", "_ids", "_names"))}
    return param.repeated and param.type == "string" and snake(body.own[argument]) in ways | nouns


def _check_seen(body: Body, entity: Entity) -> None:
    """What the body says of the row's etag is that it must still be this one."""
    seen = next((argument for argument, prop in body.own.items() if prop == entity.etag), None)
    if seen is not None and body.params[seen].type == "string":
        body.params[seen] = body.params[seen].model_copy(update={"role": "etag", "keywords": ()})
        body.own.pop(seen)


def _moved(model: Model, method: Method, entity: Entity, params: Params) -> tuple[Params, Effect]:
    """A row is put under another parent, where a parameter that must be given names one by its description."""
    above = entity.fields[entity.parent].to if entity.parent else None
    needed = {one.name for one in method.parameters if one.required and one.place == "query"}
    noun = re.compile(rf"\b{re.escape((above or '').replace('_', ' '))}\b", re.I)
    for name, param in params.items():
        if above in model.entities and param.wire in needed and param.type == "string" and noun.search(param.about):
            update = {"type": "ref", "to": above, "role": "input", "required": True}
            found = Effect(change={entity.parent or "": f"${name}"}, inputs={name})
            return {**params, name: param.model_copy(update=update)}, found
    return params, Effect()


def _copied(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl:
    params = arguments(model, method, place, resource, "custom")
    body = body_of(method, "custom", resource, model, params)
    return OperationDecl(
        kind="custom",
        entity=resource.entity,
        params={**params, **body.params},
        result=infer_results.row(method, resource, model),
        copy_row=True,
        record=bool(body.own),
    )


def recorded(
    model: Model, method: Method, resource: Resource | None, params: Params, body: Body, word: str
) -> OperationDecl:
    """At the least, what was asked is kept; unless the method's point is an answer that would have to be worked out."""
    if infer_results.tells(method, resource, model):
        name = ref_of(method.response) or "what it answers"
        raise Refusal(f"its answer is worked out: {name} is no row here")
    if ASKING.match(word) and infer_results.row(method, resource, model).shape in ("value", "empty"):
        raise Refusal("it asks for what would have to be worked out")
    if resource is None and infer_results.row(method, None, model).shape == "operation" and not model.resources.running:
        raise Refusal("it answers an operation that nothing tells of")
    needed = {one.name for one in method.parameters if one.required and one.place != "path"}
    inputs = {name: _kept(param, needed) for name, param in {**params, **body.params}.items()}
    aimed = resource is not None and resource.entity != PERSON
    return OperationDecl(
        kind="record",
        entity=resource.entity if aimed and resource is not None else None,
        params=inputs,
        result=infer_results.row(method, resource if aimed else None, model),
        record=True,
        reason="no property of a row tells what it does",
    )


def _kept(param: Param, needed: Set[str]) -> Param:
    """What a recorded call takes: everything, since all of it is kept, and whatever a client must give (``needed``)."""
    if param.role != "refused":
        return param
    return param.model_copy(update={"role": "input", "required": param.wire in needed})
