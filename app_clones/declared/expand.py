"""From the terse form, as a person writes it, to the full one that everything else reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from app_clones.declared import words
from app_clones.declared.expressions import names_in
from app_clones.declared.model import PERSON, AppDecl, Entity, FieldDecl, Http, OperationDecl, Param, Result
from app_clones.declared.people import PERSON_ENTITY

Params = dict[str, Param]

_LABELS = ("name", "title", "subject", "label", "display_name", "summary", "email", "code", "number")
#: Nobody calls a thing by these.
_SECRET = re.compile(r"password|secret|token|hash")
#: Of a field, what it may hold.
_HELD = ("type", "repeated", "values", "to", "min", "max", "pattern", "shape", "int64")
_TIMELY = ("now", "response", "target")
#: A text field of at most so many characters can be filtered by.
SHORT = 200


def expand(decl: AppDecl) -> AppDecl:
    """The full form: titles, plurals, labels, standard operations, paths of custom ones, what writes. Idempotent."""
    entities = {name: _entity(name, entity) for name, entity in decl.entities.items()}
    entities |= _told_by_time(decl, entities)
    decl = decl.model_copy(update={"entities": entities})
    operations = {name: _custom(decl, name, operation) for name, operation in decl.operations.items()}
    for entity_name, entity in entities.items():
        for kind in entity.operations:
            name = f"{entity_name}_{kind}"
            if name not in operations:
                operations[name] = _STANDARD[kind](decl, entity_name, entity)
    return decl.model_copy(update={"operations": operations})


def _told_by_time(decl: AppDecl, entities: Mapping[str, Entity]) -> dict[str, Entity]:
    """The entity that tells of work that takes time; what depends on when that was done, or says again what the target
    holds, is a log: two ways to the same rows would differ in it."""
    running = decl.api.long_running
    if running is None:
        return {}
    entity = entities[running.entity]
    values = [*running.pending.items(), *running.finished.items()]
    timely = {name for name, value in values if any(chain[0] in _TIMELY for chain in names_in(value))}
    fields = {
        name: field.model_copy(update={"log": True}) if name in timely else field
        for name, field in entity.fields.items()
    }
    return {running.entity: entity.model_copy(update={"fields": fields})}


def writes(operation: OperationDecl) -> bool:
    """Whether an operation changes anything, by its kind and its effects."""
    if operation.writes is not None:
        return operation.writes
    if operation.kind in ("create", "update", "replace", "delete", "record"):
        return True
    effects = (operation.set, operation.append, operation.remove, operation.make, operation.emit)
    reads = operation.http is not None and operation.http.verb == "GET"
    whole = (operation.copy_row, operation.delete, operation.record, operation.behaviour and not reads)
    return any(effects) or any(whole) or operation.result.shape == "operation"


def sweeps(operation: OperationDecl) -> bool:
    """Whether an operation deletes all rows that meet its conditions: it has such, and names no row."""
    named = any(param.role == "row" and param.entity == operation.entity for param in operation.params.values())
    return operation.kind == "custom" and operation.delete and bool(operation.when) and not named


def is_path_keyed(decl: AppDecl, name: str) -> bool:
    """Whether a row is called from outside by a resource name."""
    return name != PERSON and decl.entities[name].key.path is not None


def row_param(decl: AppDecl, name: str, *, place: str = "path", about: str = "") -> Param:
    """A parameter that names a row of the entity ``name``."""
    number = name != PERSON and decl.entities[name].key.form == "number" and not is_path_keyed(decl, name)
    kind = "integer" if number else "email" if name == PERSON else "string"
    title = (PERSON_ENTITY if name == PERSON else decl.entities[name]).title or words.title(name)
    text = about or f"The {title.lower()}" + ("'s email." if name == PERSON else ".")
    return Param(type=kind, about=text, required=True, place=place, role="row", entity=name)  # type: ignore[arg-type]


def outer_parent(name: str, entity: Entity) -> str | None:
    """The parent field, unless it is to the entity itself: then a row may have none, and it is a field like others."""
    return entity.parent if entity.parent and entity.fields[entity.parent].to != name else None


def writable(name: str, entity: Entity, *, creating: bool) -> dict[str, FieldDecl]:
    """The fields that a client gives: not the engine's own, nor the parent (a path says it) or the owner (who acts)."""
    ruled = (outer_parent(name, entity), entity.owner)
    return {
        field_name: field
        for field_name, field in entity.fields.items()
        if not (field.auto or field.readonly or field_name in ruled) and (creating or not field.immutable)
    }


def field_param(name: str, field: FieldDecl, *, required: bool, place: str = "body") -> Param:
    """A parameter that gives ``field`` its value."""
    copied = {key: getattr(field, key) for key in (*_HELD, "about", "wire")}
    return Param(**copied, required=required, place=place, role="field", field=name)  # type: ignore[arg-type]


def _entity(name: str, entity: Entity) -> Entity:
    found = {
        "title": entity.title or words.title(name),
        "plural": entity.plural or words.plural(name),
        "label": entity.label or _label(entity),
    }
    return entity.model_copy(update=found)


def _label(entity: Entity) -> str | None:
    texts = [
        name
        for name, field in entity.fields.items()
        if field.type in ("string", "email")
        and not (field.repeated or field.hidden or field.auto)
        and not _SECRET.search(name)
    ]
    preferred = [name for name in _LABELS if name in texts]
    required = [name for name in texts if entity.fields[name].required]
    return next(iter((*preferred, *required, *texts)), None)


def _row_path(decl: AppDecl, name: str, last: str, id: str) -> tuple[str, Params]:
    """Where one row is reached: below its parent where its id tells only within that."""
    if name == PERSON:
        return f"people/{{{last}}}", {last: row_param(decl, name)}
    entity = decl.entities[name]
    head, params = _collection(decl, name) if _is_scoped(name, entity) else (entity.plural, {})
    if entity.singleton:
        return head, params
    return f"{head}/{{{id}}}", {**params, id: row_param(decl, name)}


def _collection(decl: AppDecl, name: str) -> tuple[str, Params]:
    """Where the rows of one parent are reached."""
    entity = decl.entities[name]
    segment = name if entity.singleton else entity.plural
    parent = outer_parent(name, entity)
    if parent is None:
        return segment, {}
    path, params = _row_path(decl, entity.fields[parent].to or PERSON, parent, parent)
    return f"{path}/{segment}", params


def _is_scoped(name: str, entity: Entity) -> bool:
    return outer_parent(name, entity) is not None and (entity.key.form == "given" or entity.singleton)


def _list(decl: AppDecl, name: str, entity: Entity) -> OperationDecl:
    path, params = _collection(decl, name)
    for field_name, field in entity.fields.items():
        if _is_filter(name, entity, field_name, field):
            params[_free(params, field_name)] = Param(
                type=field.type, values=field.values, to=field.to, about=f"Only those with this {_noun(field_name)}.",
                place="query", role="filter", field=field_name, wire=field.wire,
                compare="has" if field.repeated else "eq",
            )  # fmt: skip
    if any(field.search for field in entity.fields.values()):
        params["search"] = Param(place="query", role="search", about="Words that must all occur.")
    params["order_by"] = Param(place="query", role="order_by", about="A field, or `field desc`; several with commas.")
    params["page_size"] = Param(type="integer", place="query", role="page_size", min=1, max=decl.api.page_max,
                                about="Rows at most.", default=decl.api.page_size)  # fmt: skip
    params["page_token"] = Param(place="query", role="page_token", about="From the page before: the next one.")
    camel, parent = decl.api.naming == "camel", outer_parent(name, entity)
    result = Result(
        shape="page",
        items=words.camel(entity.plural) if camel else entity.plural,
        next="nextPageToken" if camel else "next_page_token",
        total="totalSize" if camel else "total",
    )
    about = f"Lists {_plural_noun(entity)}" + (f" of one {_noun(parent)}." if parent else ".")
    return OperationDecl(
        about=about, kind="list", entity=name, http=Http(verb="GET", path=path), params=params, result=result,
        writes=False,
    )  # fmt: skip


def _is_filter(entity_name: str, entity: Entity, name: str, field: FieldDecl) -> bool:
    if field.hidden or name in (outer_parent(entity_name, entity), entity.owner) or field.is_moment:
        return False
    if field.type in ("string", "email") and not field.repeated:
        return field.max is None or field.max <= SHORT
    return field.type in ("enum", "ref", "boolean")


def _free(params: Params, name: str) -> str:
    taken = {*params, "search", "order_by", "page_size", "page_token"}
    return f"{name}_is" if name in taken else name


def _get(decl: AppDecl, name: str, entity: Entity) -> OperationDecl:
    path, params = _row_path(decl, name, "id", "id")
    return OperationDecl(
        about=f"Shows one {entity.title.lower()}.", kind="get", entity=name, http=Http(verb="GET", path=path),
        params=params, writes=False,
    )  # fmt: skip


def _create(decl: AppDecl, name: str, entity: Entity) -> OperationDecl:
    path, params = _collection(decl, name)
    if entity.key.form == "given":
        params["new_id"] = Param(
            place="query", role="new_id", pattern=entity.key.pattern, about="Its id, if you choose."
        )
    for field_name, field in writable(name, entity, creating=True).items():
        needed = field.required and field.default is None
        params[_unused(params, field_name)] = field_param(field_name, field, required=needed)
    return OperationDecl(
        about=f"Creates a {entity.title.lower()}.", kind="create", entity=name, http=Http(verb="POST", path=path),
        params=params, result=Result(status=201), writes=True,
    )  # fmt: skip


def _update(decl: AppDecl, name: str, entity: Entity) -> OperationDecl:
    path, params = _row_path(decl, name, "id", "id")
    for field_name, field in writable(name, entity, creating=False).items():
        params[_unused(params, field_name)] = field_param(field_name, field, required=False)
    return OperationDecl(
        about=f"Changes the given fields of a {entity.title.lower()}; all others stay.", kind="update", entity=name,
        http=Http(verb="PATCH", path=path), params=params, writes=True,
    )  # fmt: skip


def _delete(decl: AppDecl, name: str, entity: Entity) -> OperationDecl:
    path, params = _row_path(decl, name, "id", "id")
    return OperationDecl(
        about=f"Deletes a {entity.title.lower()}.", kind="delete", entity=name, http=Http(verb="DELETE", path=path),
        params=params, result=Result(shape="empty", status=204), writes=True,
    )  # fmt: skip


_STANDARD: Mapping[str, Callable[[AppDecl, str, Entity], OperationDecl]] = {
    "list": _list,
    "get": _get,
    "create": _create,
    "update": _update,
    "delete": _delete,
}


def _custom(decl: AppDecl, name: str, operation: OperationDecl) -> OperationDecl:
    if operation.takes is not None:
        operation = operation.model_copy(update={"params": decl.arguments[operation.takes]})
    entity = decl.entities.get(operation.entity) if operation.entity else None
    if entity is not None:
        params = {key: _as_its_field(entity, param) for key, param in operation.params.items()}
        operation = operation.model_copy(update={"params": params})
    if entity is not None and operation.entity and _is_named_anew(operation):
        return _standing_on(_STANDARD[operation.kind](decl, operation.entity, entity), operation)
    found: dict[str, object] = {"writes": writes(operation)}
    if entity is not None and operation.entity and operation.kind in ("custom", "record"):
        aimed = any(p.role == "row" and p.entity == operation.entity for p in operation.params.values())
        if not aimed and operation.http is None:
            path, params = _row_path(decl, operation.entity, "id", "id")
            verb = name.removeprefix(f"{operation.entity}_")
            found["params"] = {**params, **operation.params}
            if not operation.internal:
                found["http"] = Http(verb="POST", path=f"{path}/{verb}")
    return operation.model_copy(update=found)


def _as_its_field(entity: Entity, param: Param) -> Param:
    """A parameter that gives a field its value: what it leaves out of what that may be is as the field has it."""
    if param.role != "field" or param.field is None:
        return param
    field = entity.fields[param.field]
    if "type" in param.model_fields_set and param.type != field.type:
        return param
    held = {key: getattr(field, key) for key in _HELD if key not in param.model_fields_set}
    return param.model_copy(update=held)


def _is_named_anew(operation: OperationDecl) -> bool:
    """Whether an operation is a standard one under another name."""
    return operation.kind in _STANDARD and operation.http is None and not operation.internal


def _standing_on(standard: OperationDecl, operation: OperationDecl) -> OperationDecl:
    """``operation`` with all that it leaves out as ``standard`` has it."""
    given = {name: getattr(operation, name) for name in operation.model_fields_set}
    return standard.model_copy(update={**given, "params": {**standard.params, **operation.params}})


def _unused(params: Params, name: str) -> str:
    return f"{name}_" if name in params else name


def _noun(name: str | None) -> str:
    return (name or "").replace("_", " ")


def _plural_noun(entity: Entity) -> str:
    return _noun(entity.plural)
