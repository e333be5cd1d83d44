"""Operations about long-running operations, and about who may do what."""

from __future__ import annotations

from typing import Any

from app_clones.declared.model import OperationDecl, Param, Result
from factory.compiler import infer_results
from factory.compiler.api import Method
from factory.compiler.infer_bodies import body_of
from factory.compiler.infer_custom import recorded
from factory.compiler.infer_entities import POLICY
from factory.compiler.infer_model import Model, policy_verb
from factory.compiler.infer_names import snake
from factory.compiler.infer_paths import Place
from factory.compiler.infer_reads import Refusal, arguments, get, listing
from factory.compiler.infer_resources import Resource
from factory.compiler.infer_schemas import ref_of
from factory.compiler.infer_writes import delete

Json = Any
Params = dict[str, Param]


def of_operations(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl:
    """A method about a long-running operation."""
    verb = snake(place.verb) if place.verb else ""
    if method.verb == "GET" and place.on == "collection":
        result = infer_results.page(method, resource, model)
        if result is None:
            raise Refusal("it answers no list of operations")
        return listing(model, method, place, resource, result)
    if place.on != "row":
        raise Refusal("it is about no operation that is named")
    if method.verb == "GET" and verb not in ("", "wait"):
        raise Refusal("it would change something, and a GET changes nothing")
    if verb == "wait" or (method.verb == "GET" and not verb):
        if infer_results.tells(method, resource, model):
            raise Refusal("it answers something else than the operation that it is about")
        made = get(model, method, place, resource)
        body = body_of(method, "get", None, model, made.params)
        # As long as it takes is no longer than the time that may be waited: nothing here blocks.
        extra = {name: param.model_copy(update={"role": "inert"}) for name, param in body.params.items()}
        waits = {
            n: p.model_copy(update={"role": "inert"}) if p.wire == "timeout" else p for n, p in made.params.items()
        }
        return made.model_copy(update={"params": {**waits, **extra}})
    if method.verb == "DELETE":
        return delete(model, method, place, resource)
    if verb == "cancel":
        return _cancelled(model, method, place, resource)
    params = arguments(model, method, place, resource, "custom")
    body = body_of(method, "custom", None, model, params)
    return recorded(model, method, resource, params, body, verb)


def _cancelled(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl:
    entity = model.entities[resource.entity]
    params = arguments(model, method, place, resource, "custom")
    body = body_of(method, "custom", None, model, params)
    effects: dict[str, Json] = {}
    if "done" in entity.fields:
        effects["done"] = True
        if "error" in entity.fields:
            effects["error"] = {"code": 1, "message": "The operation was cancelled."}
    else:
        state = entity.fields.get("status")
        done = next((value for value in state.values if "DONE" in value.upper()), None) if state else None
        effects = {"status": done} if done else {}
    return OperationDecl(
        kind="custom",
        entity=resource.entity,
        params={**params, **body.params},
        result=infer_results.row(method, resource, model),
        set=effects,
        when={"done": (False,)} if "done" in entity.fields else {},
        refusal="The operation is done already.",
        record=bool(body.own) or not effects,
    )


def of_policy(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl:
    """A method about who may do what with a row."""
    entity = model.entity(resource)
    which = policy_verb(method, place)
    if entity is None or place.on != "row":
        raise Refusal("it is about no row that is named")
    field = next(name for name, one in entity.fields.items() if one.wire == POLICY)
    params = arguments(model, method, place, resource, "custom")
    body = body_of(method, "custom", None, model, params)
    params |= body.params
    schema = ref_of(method.response)
    if which == "test":
        permissions = next((n for n, p in params.items() if p.wire == "permissions"), None)
        if permissions is None:
            raise Refusal("nothing says which permissions are asked for")
        if method.verb == "GET":
            raise Refusal("its answer is worked out, and a GET keeps no record of what was asked")
        params[permissions] = params[permissions].model_copy(update={"role": "input"})  # also where the query has them
        result = Result(shape="value", values={"permissions": f"${permissions}"}, schema_name=schema)
        return OperationDecl(
            kind="record", entity=resource.entity, params=_needed(params, permissions), result=result, record=True,
            reason="who acts owns what is there, so has every permission that is asked for",
        )  # fmt: skip
    result = Result(shape="value", field=field, schema_name=schema)
    if which == "get":
        plain = {name: _first_version(param) for name, param in params.items()}
        return OperationDecl(kind="get", entity=resource.entity, params=plain, result=result, writes=False)
    # Which parts of a policy to change is not told apart here: it is changed as a whole.
    params = {n: p.model_copy(update={"role": "refused"}) if p.wire == "updateMask" else p for n, p in params.items()}
    policy = next((n for n, p in params.items() if p.wire == "policy"), None)
    if policy is not None:
        params |= {n: params[n].model_copy(update={"role": "refused"}) for n in body.own if n != policy}
        return OperationDecl(
            kind="custom", entity=resource.entity, params=_needed(params, policy), result=result,
            set={field: f"${policy}"},
        )  # fmt: skip
    bindings = {
        argument: prop for argument, prop in body.own.items() if prop in ("bindings", "version", "auditConfigs")
    }
    if not bindings:
        raise Refusal("nothing says what the policy is to be")
    chosen = next(argument for argument, prop in bindings.items() if prop == "bindings")
    return OperationDecl(
        kind="custom", entity=resource.entity, params=_needed(params, chosen), result=result,
        set={field: {"bindings": f"${chosen}"}}, record=len(body.own) > 1,
    )  # fmt: skip


def _needed(params: Params, name: str) -> Params:
    return {**params, name: params[name].model_copy(update={"required": True})}


def _first_version(param: Param) -> Param:
    """Which version of a policy's form is wanted: there is one form, which every version can read."""
    inert = ("equested" in (param.wire or "") and "ersion" in (param.wire or "")) or param.wire == "options"
    return param.model_copy(update={"role": "inert"}) if inert else param
