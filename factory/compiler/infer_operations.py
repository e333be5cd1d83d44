"""Operations from methods: the standard ones by where they act, all others by what their verb evidently does."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from app_clones.declared.model import PERSON, Http, OperationDecl, Param, Result
from factory.compiler import infer_params, infer_results
from factory.compiler.api import Method
from factory.compiler.infer_bodies import Body, body_of, new_id_in
from factory.compiler.infer_entities import POLICY, Model, policy_verb
from factory.compiler.infer_names import snake
from factory.compiler.infer_paths import Place, is_collection, words
from factory.compiler.infer_resources import OPERATION, Resource
from factory.compiler.infer_schemas import ref_of
from factory.compiler.infer_verbs import Effect, effect

Json = Any
Params = dict[str, Param]

#: Verbs that only ask: whatever they answer is worked out, unless it holds rows.
_ASKING = re.compile(
    r"(get|list|fetch|find|search|query|lookup|look_up|retrieve|read|check|validate|test|generate|compute|calculate|predict|"
    r"detect|analyze|annotate|translate|recognize|synthesize|classify|evaluate|explain|count|complete_query|recommend|"
    r"converse|match|suggest|estimate|simulate|preview|verify|resolve|report|raw_predict|stream|infer|parse|deidentify|"
    r"reidentify|inspect|transform|aggregate|download|view|answer|embed|batch_embed|exchange|sign|encrypt|decrypt|mac|"
    r"asymmetric|decapsulate|introspect|autocomplete|assess|score|diagnose|process|render|augment|corroborate|chat|"
    r"direct|server|troubleshoot|rank|ground|optimize|locate|identify|convert|batch_get|batch_stream|partition)(?:_|\Z)"
)
_COPYING = ("copy", "clone", "duplicate")


class Refusal(Exception):
    """Why a method cannot be more than refused."""


def operation(model: Model, at: int) -> OperationDecl:
    """What the method at a position does."""
    method, place = model.method(at)
    resource = model.resources.of(place.key)
    try:
        made = _inferred(model, method, place, resource)
    except Refusal as refusal:
        made = _refused(model, method, place, resource, str(refusal))
    http = Http(verb=method.verb, path=_path(method, place))
    return made.model_copy(update={"http": http, "origin": method.id, "about": _about(method)})


def _path(method: Method, place: Place) -> str:
    """The path, in which only resource names take several segments."""
    spelt = infer_params.spelt(method, place)
    return re.sub(r"\{\+([^}]+)\}", lambda m: m[0] if m[1] in spelt else "{" + m[1] + "}", method.path)


def _inferred(model: Model, method: Method, place: Place, resource: Resource | None) -> OperationDecl:
    if resource is not None and resource.entity == OPERATION:
        return _of_operations(model, method, place, resource)
    if resource is not None and policy_verb(method, place):
        return _of_policy(model, method, place, resource)
    verb = snake(place.verb) if place.verb else None
    if method.verb == "GET":
        return _read(model, method, place, resource, verb)
    if resource is not None and resource.schema is not None and resource.entity != PERSON:
        made = _written(model, method, place, resource, verb)
        if made is not None:
            return made
    return _custom(model, method, place, resource, verb)


# -- reading ---------------------------------------------------------------------------------------------------------


def _read(model: Model, method: Method, place: Place, resource: Resource | None, verb: str | None) -> OperationDecl:
    groups = infer_results.grouped(method, model)
    if groups is not None and method.id.endswith(".aggregatedList"):
        known = model.resources.with_schema(groups[0], place.key)
        if known is not None and model.resources.parent(known.key) is not None:
            return _list(model, method, place, known, groups[1])
    listed = model.shapes.envelope(method.response, words(place.key[-1]) if place.key else "")
    if resource is not None and verb is None and place.on == "row" and ref_of(method.response) == resource.schema:
        return _get(model, method, place, resource)
    if listed is not None:
        known = resource if resource is not None and resource.schema == listed.item else None
        known = known or model.resources.with_schema(listed.item, place.key)
        if known is not None and known.entity != PERSON:
            result = infer_results.page(method, known, model)
            if result is not None:
                return _list(model, method, place, known, result)
        raise Refusal(f"it answers {listed.item}, which no row here is")
    name = ref_of(method.response)
    if resource is not None and place.on == "row" and name == resource.schema and name is not None:
        return _get(model, method, place, resource)
    if verb is None and resource is not None and place.on == "row" and name is None:
        raise Refusal("it answers bytes that no row here holds")
    raise Refusal(f"its answer is worked out: {name or 'bytes'} is no row here")


def _get(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl:
    params = _params(model, method, place, resource, "get")
    return OperationDecl(
        kind="get",
        entity=resource.entity,
        params=params,
        result=infer_results.row(method, resource, model),
        writes=False,
    )


def _list(model: Model, method: Method, place: Place, resource: Resource, result: Result) -> OperationDecl:
    if resource.entity == PERSON or not is_collection(resource.key):
        raise Refusal(f"there are no lists of {resource.entity}")
    params = _params(model, method, place, resource, "list")
    body = body_of(method, "list", None, model, params)
    entity = model.entity(resource)
    for argument, prop in body.own.items():
        name = next((n for n, f in entity.fields.items() if f.wire == prop and not f.hidden), None) if entity else None
        param = body.params[argument]
        if entity and name and param.type == entity.fields[name].type and param.type != "json":
            body.params[argument] = param.model_copy(update={"role": "filter", "field": name})
        else:
            body.params[argument] = param.model_copy(update={"role": "refused"})
    _check_needed(method, {**params, **body.params})
    return OperationDecl(
        kind="list", entity=resource.entity, params={**params, **body.params}, result=result, writes=False
    )


def _check_needed(method: Method, params: Params) -> None:
    """A method that cannot be called without what is not built is itself not built."""
    needed = {parameter.name for parameter in method.parameters if parameter.required and parameter.place == "query"}
    for param in params.values():
        if param.role == "refused" and param.wire in needed:
            raise Refusal(f"it needs {param.wire}, which nothing here can tell")


# -- the standard writes ---------------------------------------------------------------------------------------------


def _written(model: Model, method: Method, place: Place, resource: Resource, verb: str | None) -> OperationDecl | None:
    request = ref_of(method.request)
    own = request is not None and request == resource.schema
    props = model.shapes.properties(request) if request else {}
    wraps = [prop for prop, schema in props.items() if ref_of(schema) == resource.schema] if not own else []
    last = snake(method.id.rpartition(".")[2])
    word = verb or last
    plain = verb is None or bool(re.match(r"(create|insert|update|patch|delete|edit|modify|upsert)(_|\Z)", verb))
    if method.verb == "DELETE":
        return _delete(model, method, place, resource) if plain and _deletes(verb, resource) else None
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


def _bodiless(model: Model, method: Method, place: Place, resource: Resource, verb: str | None) -> OperationDecl | None:
    if place.on == "collection" and verb is None and method.verb == "POST":
        if infer_results.row(method, resource, model).shape != "value":
            return _create(model, method, place, resource)
    return None


def _deletes(verb: str | None, resource: Resource) -> bool:
    if verb is None:
        return True
    rest = re.sub(r"\A(delete|remove)_?", "", verb)
    return rest in ("", resource.entity, snake(resource.schema or ""), "contact") and verb != rest


def _create(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl:
    params = _params(model, method, place, resource, "create")
    target = next((n for n, p in params.items() if p.role == "row" and p.entity == resource.entity), None)
    if target is not None and place.on == "row":  # PUT of a name that is to be
        params[target] = params[target].model_copy(update={"role": "new_id", "entity": None})
    body = body_of(method, "create", resource, model, params)
    chosen = new_id_in(body, resource)
    entity = model.entity(resource)
    if chosen is not None and entity is not None and entity.key.form == "given":
        body.params[chosen] = body.params[chosen].model_copy(update={"role": "new_id"})
        body.own.pop(chosen)
    _refuse_own(body)
    params |= body.params
    if entity is not None and entity.key.form == "given" and entity.key.wire and body.resource is not None:
        if not any(param.role == "new_id" for param in params.values()):
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
    params = _aimed(model, method, place, resource, _params(model, method, place, resource, "update"))
    body = body_of(method, "update", resource, model, params)
    _refuse_own(body)
    params |= body.params
    masked = any(param.role == "mask" for param in params.values())
    kind = "replace" if method.verb == "PUT" and not masked else "update"
    return OperationDecl(
        kind=kind,
        entity=resource.entity,
        params=params,
        result=infer_results.row(method, resource, model),
    )


def _aimed(model: Model, method: Method, place: Place, resource: Resource, params: Params) -> Params:
    """``params`` with one that names the row, where the path does not: a query parameter, or the body's own id."""
    if place.on == "row":
        return params
    entity = model.entity(resource)
    names = {"id", "ids", resource.entity, f"{resource.entity}_id", snake(words(resource.key[-1]))}
    for name, param in params.items():
        if param.place == "query" and snake(param.wire or name) in names:
            row = infer_params.row(resource, model, "query", param.wire or name, about=param.about)
            return {**params, name: row}
    if entity is not None and entity.key.wire and method.request is not None:
        made = infer_params.row(resource, model, "body", entity.key.wire, about="Which one.")
        return {**params, "which": made}
    raise Refusal("nothing says which row is meant")


def _delete(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl:
    params = _aimed(model, method, place, resource, _params(model, method, place, resource, "delete"))
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


# -- everything else -------------------------------------------------------------------------------------------------


def _custom(model: Model, method: Method, place: Place, resource: Resource | None, verb: str | None) -> OperationDecl:
    word = verb or snake(method.id.rpartition(".")[2])
    listed = model.shapes.envelope(method.response)
    if listed is not None and _ASKING.match(word):
        known = model.resources.with_schema(listed.item, place.key)
        result = infer_results.page(method, known, model) if known is not None else None
        if known is not None and result is not None:
            return _list(model, method, place, known, result)
    entity = model.entity(resource) if resource is not None else None
    params = _params(model, method, place, resource, "custom")
    body = body_of(method, "custom", None, model, params)
    if resource is None or entity is None or place.on != "row":
        return _recorded(model, method, resource if entity is not None else None, params, body, word)
    if word.split("_")[0] in _COPYING and ref_of(method.response) == resource.schema:
        return _copied(model, method, place, resource)
    found = effect(word, entity, body, params) if not _ASKING.match(word) else Effect()
    if not found:
        return _recorded(model, method, resource, params, body, word)
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
    params = _params(model, method, place, resource, "custom")
    body = body_of(method, "custom", resource, model, params)
    return OperationDecl(
        kind="custom",
        entity=resource.entity,
        params={**params, **body.params},
        result=infer_results.row(method, resource, model),
        copy_row=True,
        record=bool(body.own),
    )


def _recorded(
    model: Model, method: Method, resource: Resource | None, params: Params, body: Body, word: str
) -> OperationDecl:
    """At the least, what was asked is kept; unless the method's point is an answer that would have to be worked out."""
    if infer_results.tells(method, resource, model):
        name = ref_of(method.response) or "what it answers"
        raise Refusal(f"its answer is worked out: {name} is no row here")
    if _ASKING.match(word) and infer_results.row(method, resource, model).shape in ("value", "empty"):
        raise Refusal("it asks for what would have to be worked out")
    if resource is None and infer_results.row(method, None, model).shape == "operation" and not model.resources.running:
        raise Refusal("it answers an operation that nothing tells of")
    inputs = {name: _kept(param) for name, param in {**params, **body.params}.items()}
    aimed = resource is not None and resource.entity != PERSON
    return OperationDecl(
        kind="record",
        entity=resource.entity if aimed and resource is not None else None,
        params=inputs,
        result=infer_results.row(method, resource if aimed else None, model),
        record=True,
        reason="no property of a row tells what it does",
    )


def _kept(param: Param) -> Param:
    """What a recorded call takes: everything, since all of it is kept."""
    return param.model_copy(update={"role": "input"}) if param.role == "refused" else param


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


# -- operations and policies -----------------------------------------------------------------------------------------


def _of_operations(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl:
    verb = snake(place.verb) if place.verb else ""
    if method.verb == "GET" and place.on == "collection":
        result = infer_results.page(method, resource, model)
        if result is None:
            raise Refusal("it answers no list of operations")
        return _list(model, method, place, resource, result)
    if place.on != "row":
        raise Refusal("it is about no operation that is named")
    if method.verb == "GET" and verb not in ("", "wait"):
        raise Refusal("it would change something, and a GET changes nothing")
    if verb == "wait" or (method.verb == "GET" and not verb):
        made = _get(model, method, place, resource)
        body = body_of(method, "get", None, model, made.params)
        # As long as it takes is no longer than the time that may be waited: nothing here blocks.
        extra = {name: param.model_copy(update={"role": "inert"}) for name, param in body.params.items()}
        waits = {
            n: p.model_copy(update={"role": "inert"}) if p.wire == "timeout" else p for n, p in made.params.items()
        }
        return made.model_copy(update={"params": {**waits, **extra}})
    if method.verb == "DELETE":
        return _delete(model, method, place, resource)
    if verb == "cancel":
        return _cancelled(model, method, place, resource)
    params = _params(model, method, place, resource, "custom")
    body = body_of(method, "custom", None, model, params)
    return _recorded(model, method, resource, params, body, verb)


def _cancelled(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl:
    entity = model.entities[resource.entity]
    params = _params(model, method, place, resource, "custom")
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


def _of_policy(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl:
    entity = model.entity(resource)
    which = policy_verb(method, place)
    if entity is None or place.on != "row":
        raise Refusal("it is about no row that is named")
    field = next(name for name in entity.fields if name.startswith(POLICY))
    params = _params(model, method, place, resource, "custom")
    body = body_of(method, "custom", None, model, params)
    params |= body.params
    schema = ref_of(method.response)
    if which == "test":
        permissions = next((n for n, p in params.items() if p.wire == "permissions"), None)
        if permissions is None:
            raise Refusal("nothing says which permissions are asked for")
        if method.verb == "GET":
            raise Refusal("its answer is worked out, and a GET keeps no record of what was asked")
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


# -- shared ----------------------------------------------------------------------------------------------------------


def _params(model: Model, method: Method, place: Place, resource: Resource | None, kind: str) -> Params:
    found = infer_params.rows(method, place, model)
    if kind == "list" and resource is not None:
        # A row of the listed kind itself in the path of its list: what lies under that row is asked for.
        found = {
            name: param.model_copy(update={"role": "refused", "entity": None})
            if param.entity == resource.entity
            else param
            for name, param in found.items()
        }
        if any(param.role == "refused" for param in found.values()):
            raise Refusal("it asks for what lies under a row of the same kind")
    return found | infer_params.queries(method, kind, resource, model, found, place)


def _about(method: Method) -> str:
    text = re.sub(r"\s+", " ", method.about).strip()
    return text[:400] or f"{replace(method).id.rpartition('.')[2]}."
