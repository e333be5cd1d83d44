"""Operations that are none of the standard ones: by what their verb evidently does, else a recorded call."""

from __future__ import annotations

from collections.abc import Set

from app_clones.declared.model import PERSON, OperationDecl, Param
from factory.compiler import infer_results
from factory.compiler.api import Method
from factory.compiler.infer_bodies import Body, body_of
from factory.compiler.infer_model import Model
from factory.compiler.infer_names import snake
from factory.compiler.infer_paths import Place
from factory.compiler.infer_reads import Refusal, arguments, listing
from factory.compiler.infer_resources import Resource
from factory.compiler.infer_schemas import ref_of
from factory.compiler.infer_verbs import ASKING, Effect, effect

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
    if resource is None or entity is None or place.on != "row":
        return recorded(model, method, resource if entity is not None else None, params, body, word)
    if word.split("_")[0] in _COPYING and ref_of(method.response) == resource.schema:
        return _copied(model, method, place, resource)
    found = effect(word, entity, body, params) if not ASKING.match(word) else Effect()
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
