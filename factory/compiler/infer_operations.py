"""Operations from methods: the standard ones by where they act, all others by what their verb evidently does."""

from __future__ import annotations

import re

from app_clones.declared.model import PERSON, Http, OperationDecl
from factory.compiler import infer_params
from factory.compiler.api import Method
from factory.compiler.infer_bodies import body_of
from factory.compiler.infer_custom import custom
from factory.compiler.infer_model import Model, policy_verb
from factory.compiler.infer_names import snake
from factory.compiler.infer_needed import AIMED, with_needed
from factory.compiler.infer_paths import Place
from factory.compiler.infer_reads import Refusal, check_aimed, read
from factory.compiler.infer_resources import OPERATION, Resource, within
from factory.compiler.infer_special import of_operations, of_policy
from factory.compiler.infer_writes import written


def operation(model: Model, at: int) -> OperationDecl:
    """What the method at a position does."""
    method, place = model.method(at)
    resource = model.resources.of(place.key)
    try:
        made = _inferred(model, method, place, resource)
        made = with_needed(method, made, model.entities.get(made.entity or ""))
        if made.kind in AIMED:
            check_aimed(model, made)
    except Refusal as refusal:
        made = _refused(model, method, place, resource, str(refusal))
    said = within(model.resources, place.key)
    if said and (made.result.shape == "operation" or (made.kind == "list" and made.entity == OPERATION)):
        made = made.model_copy(update={"result": made.result.model_copy(update={"within": said})})
    http = Http(verb=method.verb, path=_path(method, place))
    return made.model_copy(update={"http": http, "origin": method.id, "about": _about(method)})


def _path(method: Method, place: Place) -> str:
    """The path, in which only resource names take several segments."""
    spelt = infer_params.spelt(method, place)
    return re.sub(r"\{\+([^}]+)\}", lambda m: m[0] if m[1] in spelt else "{" + m[1] + "}", method.path)


def _inferred(model: Model, method: Method, place: Place, resource: Resource | None) -> OperationDecl:
    if resource is not None and resource.entity == OPERATION:
        return of_operations(model, method, place, resource)
    if resource is not None and policy_verb(method, place):
        return of_policy(model, method, place, resource)
    verb = snake(place.verb) if place.verb else None
    if method.verb == "GET":
        return read(model, method, place, resource, verb)
    if resource is not None and resource.schema is not None and resource.entity != PERSON:
        made = written(model, method, place, resource, verb)
        if made is not None:
            return made
    return custom(model, method, place, resource, verb)


def _refused(model: Model, method: Method, place: Place, resource: Resource | None, reason: str) -> OperationDecl:
    params = infer_params.rows(method, place, model)
    params |= infer_params.queries(method, "refused", resource, model, params, place)
    plain = {
        name: param.model_copy(
            update={"role": "input", "entity": None, "field": None, "int64": False, "required": False}
        )
        for name, param in params.items()
    }
    body = body_of(method, "refused", None, model, plain)
    plain |= {name: param.model_copy(update={"role": "input"}) for name, param in body.params.items()}
    known = resource.entity if resource is not None and resource.entity != PERSON else None
    return OperationDecl(kind="refused", entity=known, params=plain, reason=reason, writes=False)


def _about(method: Method) -> str:
    text = re.sub(r"\s+", " ", method.about).strip()
    return text[:400] or f"{method.id.rpartition('.')[2]}."
