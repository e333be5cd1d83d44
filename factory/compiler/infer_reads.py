"""Operations that read: one row, or lists."""

from __future__ import annotations

from app_clones.declared.model import PERSON, OperationDecl, Param, Result
from factory.compiler import infer_params, infer_results
from factory.compiler.api import Method
from factory.compiler.infer_bodies import body_of
from factory.compiler.infer_model import Model, makes_row
from factory.compiler.infer_paths import Place, is_collection, words
from factory.compiler.infer_resources import Resource
from factory.compiler.infer_schemas import ref_of
from factory.compiler.infer_verbs import ASKING

Params = dict[str, Param]


class Refusal(Exception):
    """Why a method cannot be more than refused."""


def read(model: Model, method: Method, place: Place, resource: Resource | None, verb: str | None) -> OperationDecl:
    """A method that only reads: one row, a list of them, or else a refusal."""
    if verb is not None and not ASKING.match(verb):
        raise Refusal("it would change something, and a GET changes nothing")
    groups = infer_results.grouped(method, model)
    if groups is not None and method.id.endswith(".aggregatedList"):
        known = model.resources.with_schema(groups[0], place.key)
        if known is not None and model.resources.parent(known.key) is not None:
            return listing(model, method, place, known, groups[1])
    listed = model.shapes.envelope(method.response, words(place.key[-1]) if place.key else "")
    name = ref_of(method.response)
    if name is not None and resource is not None and verb is None and place.on == "row" and name == resource.schema:
        return get(model, method, place, resource)
    if listed is not None:
        known = resource if resource is not None and resource.schema == listed.item else None
        known = known or model.resources.with_schema(listed.item, place.key)
        if known is not None and known.entity != PERSON:
            result = infer_results.page(method, known, model)
            if result is not None:
                return listing(model, method, place, known, result)
        raise Refusal(f"it answers {listed.item}, which no row here is")
    if resource is not None and place.on == "row" and name == resource.schema and name is not None:
        return get(model, method, place, resource)
    if verb is None and resource is not None and place.on == "row" and name is None:
        raise Refusal("it answers bytes that no row here holds")
    raise Refusal(f"its answer is worked out: {name or 'bytes'} is no row here")


def get(model: Model, method: Method, place: Place, resource: Resource) -> OperationDecl:
    """One row, or the one thing there is."""
    params = arguments(model, method, place, resource, "get")
    result = infer_results.row(method, resource, model)
    if result.shape == "row" and not _tells(model, resource):
        raise Refusal("it answers nothing but the name that it is asked by")
    return OperationDecl(kind="get", entity=resource.entity, params=params, result=result, writes=False)


def _tells(model: Model, resource: Resource) -> bool:
    """Whether rows of ``resource`` hold more than what they are called, or come and go."""
    entity = model.entity(resource)
    if entity is None or any(not field.hidden for field in entity.fields.values()):
        return True
    about = (model.method(at) for at in resource.methods)
    return any(makes_row(method, place) or method.verb == "DELETE" for method, place in about)


def listing(model: Model, method: Method, place: Place, resource: Resource, result: Result) -> OperationDecl:
    """The rows of ``resource``, as ``result`` answers them."""
    if resource.entity == PERSON or not is_collection(resource.key):
        raise Refusal(f"there are no lists of {resource.entity}")
    params = arguments(model, method, place, resource, "list")
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
    _check_above(model, resource, params)
    return OperationDecl(
        kind="list", entity=resource.entity, params={**params, **body.params}, result=result, writes=False
    )


def _check_needed(method: Method, params: Params) -> None:
    """A method that cannot be called without what is not built is itself not built."""
    needed = {parameter.name for parameter in method.parameters if parameter.required and parameter.place == "query"}
    for param in params.values():
        if param.role in ("refused", "page_token") and param.wire in needed:
            raise Refusal(f"it needs {param.wire}, which nothing here can tell")


def _check_above(model: Model, resource: Resource, params: Params) -> None:
    """Each row that the request names is one which the listed rows lie under, or refer to."""
    entity = model.entity(resource)
    if entity is None or entity.key.scope is not None:
        return
    refs = {field.to for field in entity.fields.values() if field.type == "ref"}
    known = refs | set(_lineage(model, resource.entity))
    for param in params.values():
        if param.role == "row" and param.entity not in known:
            raise Refusal(f"nothing of a {resource.entity} tells which {param.entity} it belongs to")


def check_aimed(model: Model, made: OperationDecl) -> None:
    """Something says whose the one thing is that there is of a kind. Raises :class:`Refusal`."""
    entity = model.entities.get(made.entity or "")
    named = {param.entity for param in made.params.values() if param.role == "row"}
    while entity is not None and entity.singleton and entity.parent is not None:
        above = entity.fields[entity.parent].to
        if above == PERSON or above in named or made.entity in named:
            return
        entity = model.entities.get(above or "")
    if entity is not None and made.entity is not None and model.entities[made.entity].singleton:
        raise Refusal(f"nothing says whose {made.entity} is meant")


def _lineage(model: Model, entity: str | None) -> list[str]:
    """``entity`` and those that its rows lie under."""
    found: list[str] = []
    while entity is not None and entity not in found:
        found.append(entity)
        decl = model.entities.get(entity)
        entity = decl.fields[decl.parent].to if decl is not None and decl.parent is not None else None
    return found


def arguments(model: Model, method: Method, place: Place, resource: Resource | None, kind: str) -> Params:
    """The parameters of a method outside its body. Raises :class:`Refusal` where the path asks for what no list has."""
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
