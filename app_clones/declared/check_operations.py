"""Checks of operations: what their parameters, effects and paths name, and that no two answer the same request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app_clones.declared.arguments import is_whole_body, param_wire
from app_clones.declared.check_common import (
    DeclError,
    Loc,
    check_constant,
    check_value,
    entity_of,
    need_expression,
    need_field,
)
from app_clones.declared.check_requirements import check_requirements
from app_clones.declared.expand import sweeps, writes
from app_clones.declared.expressions import ExpressionError
from app_clones.declared.expressions import names_in as chains_in
from app_clones.declared.lenient import LENIENT
from app_clones.declared.lines import names_in
from app_clones.declared.model import PERSON, AppDecl, Entity, Line, OperationDecl, Param
from app_clones.declared.routing import Tree, template

_OF_LISTS = ("filter", "expression", "search", "order_by", "page_size", "page_token", "after", "offset",
             "page_number")  # fmt: skip
_ABOUT_A_ROW = ("get", "update", "replace", "delete")
_WORDS = {"now": "the time", "actor": "who acts", "row": "the operation's row"}
_OF_SWEEPS = ("when", "only", "delete")
_UNFOLDED = ("custom", "record", "get", "update", "delete")
"""Kinds to which expand() adds the parameter that names the row, where no path is given."""


def check_operations(decl: AppDecl) -> None:
    """Raises :class:`DeclError` at the first fault of an operation, alone or with others."""
    for name, operation in decl.operations.items():
        _check_operation(decl, name, operation, ("operations", name))
    for name, param in decl.api.common.items():
        _check_param(decl, None, param, "custom", ("api", "common", name))
    for title, params in decl.arguments.items():
        _check_arguments(decl, params, ("arguments", title))
    _check_tool_names(decl)
    for name, other in Tree(decl).clashes:
        raise DeclError(f"it is reached just as {other} is", _where(decl, name))


def _where(decl: AppDecl, name: str) -> Loc:
    """Where the operation stands in a file: one that an entity gives is written nowhere else."""
    for entity_name, entity in decl.entities.items():
        for place, kind in enumerate(entity.operations):
            if name == f"{entity_name}_{kind}":
                return ("entities", entity_name, "operations", place)
    return ("operations", name, "http")


def _check_given_kind(decl: AppDecl, name: str, operation: OperationDecl, loc: Loc) -> None:
    """One that has the name of an operation which its entity gives is that one, with effects of its own."""
    at = _where(decl, name)
    if at[0] == "entities" and operation.kind != decl.entities[str(at[1])].operations[int(at[3])]:
        kind = decl.entities[str(at[1])].operations[int(at[3])]
        raise DeclError(
            f"it takes the place of {at[1]}'s own {kind}: say `kind: {kind}`, or leave {kind} out there", loc
        )


def _check_tool_names(decl: AppDecl) -> None:
    if decl.api.long_running is not None and "finish" in decl.operations:
        raise DeclError("finish is an event of the engine's own", ("operations", "finish"))


def _check_arguments(decl: AppDecl, params: Mapping[str, Param], loc: Loc) -> None:
    for name, param in params.items():
        _check_param(decl, None, param, "custom", (*loc, name))
        if param.type not in LENIENT or param.repeated or param.role != "input":
            raise DeclError(f"such an argument is one of {', '.join(LENIENT)}", (*loc, name))
        if not param.required and param.default is None:
            raise DeclError("it is required, or has a default", (*loc, name))


def _check_tool(decl: AppDecl, operation: OperationDecl, loc: Loc) -> None:
    if operation.takes is not None:
        if operation.takes not in decl.arguments:
            raise DeclError(f"no arguments {operation.takes}", (*loc, "takes"))
        if operation.params not in ({}, decl.arguments[operation.takes]):
            raise DeclError(f"it takes {operation.takes}, and nothing besides", (*loc, "params"))
    for place, one in enumerate(operation.text):
        _check_line(one if isinstance(one, Line) else Line(line=one), (*loc, "text", place))
    if operation.fixed and operation.behaviour is None:
        raise DeclError("there is no behaviour that this could be told", (*loc, "fixed"))


def _check_line(one: Line, loc: Loc) -> None:
    try:
        names_in(one.line)
    except ValueError as error:
        raise DeclError(f"{one.line!r}: {error}", loc) from None
    if one.each is not None and one.when is not None:
        raise DeclError("an empty list has no line anyway", (*loc, "when"))


def _check_operation(decl: AppDecl, name: str, operation: OperationDecl, loc: Loc) -> None:
    entity = entity_of(decl, operation.entity, (*loc, "entity")) if operation.entity else None
    _check_given_kind(decl, name, operation, loc)
    if operation.entity == PERSON and writes(operation):
        raise DeclError("nobody changes the persons of a world", (*loc, "entity"))
    if operation.kind not in ("custom", "record", "refused") and entity is None:
        raise DeclError(f"a {operation.kind} is about an entity", loc)
    for key, param in operation.params.items():
        _check_param(decl, entity, param, operation.kind, (*loc, "params", key))
    _check_words(operation, loc)
    _check_wires(decl, operation, loc)
    _check_tool(decl, operation, loc)
    if operation.kind != "refused":
        _check_target(decl, operation, entity, loc)
        _check_effects(decl, operation, entity, loc)
        _check_result(decl, operation, entity, loc)
    _check_http(decl, operation, loc)


def _check_words(operation: OperationDecl, loc: Loc) -> None:
    """A parameter of a name that means something else in expressions would be asked for and not looked at."""
    said = [operation.set, operation.append, operation.remove, operation.when, operation.result.values]
    said += [make.values for make in operation.make] + [
        {**each.payload, "after": each.after} for each in operation.emit
    ]
    heads = {chain[0] for each in said for value in each.values() for chain in _chains(value)}
    for key in operation.params:
        if key in _WORDS and key in heads:
            raise DeclError(
                f"${key} is {_WORDS[key]}, not what this is given; call it otherwise", (*loc, "params", key)
            )


def _chains(expression: Any) -> list[tuple[str, ...]]:
    try:
        return list(chains_in(expression))
    except ExpressionError:
        return []  # which is told where it stands


def _check_param(decl: AppDecl, entity: Entity | None, param: Param, kind: str, loc: Loc) -> None:
    check_value(decl, param, loc)
    check_constant(decl, param, param.default, (*loc, "default"))
    if param.role == "row":
        if param.entity is None:
            raise DeclError("it names a row, but does not say of which entity", (*loc, "entity"))
        entity_of(decl, param.entity, (*loc, "entity"))
        _check_belonging(entity, param, (*loc, "field"))
    elif param.entity is not None:
        raise DeclError(f"a {param.role} is of no entity", (*loc, "entity"))
    if param.role == "body" and (param.type != "json" or param.place != "body"):
        raise DeclError("a whole body is json in the body", (*loc, "type"))
    if param.role in ("field", "filter"):
        if entity is None or param.field is None:
            raise DeclError(f"a {param.role} says which field of the operation's entity", (*loc, "field"))
        need_field(entity, param.field, (*loc, "field"))
    elif param.field is not None and param.role != "row":
        raise DeclError(f"a {param.role} is about no field", (*loc, "field"))
    if param.role in _OF_LISTS and kind not in ("list", "refused", "custom", "record"):
        raise DeclError(f"only a list has a {param.role}, not a {kind}", (*loc, "role"))
    if param.role == "new_id" and entity is not None and entity.key.form == "code":
        raise DeclError("the entity's ids are codes, which nobody chooses", (*loc, "role"))


def _check_belonging(entity: Entity | None, param: Param, loc: Loc) -> None:
    if param.field is None:
        return
    if entity is None or need_field(entity, param.field, loc).to != param.entity:
        raise DeclError(f"{param.field} is no ref to {param.entity}", loc)


def _check_wires(decl: AppDecl, operation: OperationDecl, loc: Loc) -> None:
    seen: dict[tuple[str, str], str] = {}
    for key, param in operation.params.items():
        if param.place == "tool" or is_whole_body(param):
            continue
        wire = (param.place, param_wire(decl, key, param))
        if wire in seen:
            raise DeclError(f"{seen[wire]} has the name {wire[1]} in the {wire[0]} too", (*loc, "params", key))
        seen[wire] = key
    whole = [key for key, p in operation.params.items() if is_whole_body(p)]
    if len(whole) > 1:
        raise DeclError(f"{whole[0]} is the whole body already", (*loc, "params", whole[1]))


def _check_target(decl: AppDecl, operation: OperationDecl, entity: Entity | None, loc: Loc) -> None:
    aimed = any(p.role == "row" and p.entity == operation.entity for p in operation.params.values())
    reached = aimed or (entity is not None and entity.singleton)
    several = any(p.role == "row" and p.entity == operation.entity and p.repeated for p in operation.params.values())
    if several and operation.kind not in ("list", "create") and operation.result.shape != "empty":
        raise DeclError("what is done on several rows answers nothing", (*loc, "result", "shape"))
    unfolded = operation.http is None and operation.kind in _UNFOLDED
    if operation.kind in _ABOUT_A_ROW and not (reached or unfolded):
        raise DeclError(f"a {operation.kind} has a parameter that names the row", (*loc, "params"))
    is_new = operation.kind == "create"
    for what in ("set", "append", "remove", "when", "only", "copy_row", "delete"):
        possible = reached or unfolded or (is_new and what == "set") or (sweeps(operation) and what in _OF_SWEEPS)
        if getattr(operation, what) and (entity is None or not possible):
            raise DeclError("there is no row that this could be about", (*loc, what))
    if operation.kind == "create" and entity is not None and (entity.singleton or entity.fixed):
        raise DeclError("rows of this entity are not created by clients", (*loc, "kind"))


def _check_effects(decl: AppDecl, operation: OperationDecl, entity: Entity | None, loc: Loc) -> None:
    known = _known(decl, operation, entity)
    for what in ("set", "append", "remove"):
        for name, expression in getattr(operation, what).items():
            if entity is None:
                raise DeclError("there is no entity whose field this could be", (*loc, what, name))
            field = need_field(entity, name, (*loc, what, name))
            if what != "set" and not field.repeated:
                raise DeclError(f"{name} is no list", (*loc, what, name))
            need_expression(expression, known, decl, (*loc, what, name))
            if what == "set":
                check_constant(decl, field, expression, (*loc, what, name))
    if entity is not None:
        _check_conditions(decl, operation, entity, known, loc)
    check_requirements(decl, operation, known, loc)
    _check_makes(decl, operation, known, loc)
    for place, emit in enumerate(operation.emit):
        need_expression(emit.after, known, decl, (*loc, "emit", place, "after"))
        need_expression(dict(emit.payload), known, decl, (*loc, "emit", place, "payload"))
        _check_delay(operation, emit.after, (*loc, "emit", place, "after"))


def _check_delay(operation: OperationDecl, after: int | str, loc: Loc) -> None:
    if isinstance(after, int):
        return
    param = operation.params.get(after.removeprefix("$"))
    if param is None or param.type != "integer" or param.repeated or param.min is None or param.min < 0:
        raise DeclError("a delay is a number, or a parameter: an integer with `min: 0` or more", loc)


def _check_conditions(
    decl: AppDecl, operation: OperationDecl, entity: Entity, known: dict[str, Entity | None], loc: Loc
) -> None:
    for name, values in operation.when.items():
        field = need_field(entity, name, (*loc, "when", name))
        need_expression(list(values), known, decl, (*loc, "when", name))
        for place, value in enumerate(values):
            check_constant(decl, field, value, (*loc, "when", name, place))
    for place, name in enumerate(operation.only):
        if need_field(entity, name, (*loc, "only", place)).to != PERSON:
            raise DeclError(f"{name} is no ref to person", (*loc, "only", place))


def _check_makes(decl: AppDecl, operation: OperationDecl, known: dict[str, Entity | None], loc: Loc) -> None:
    for place, make in enumerate(operation.make):
        made = entity_of(decl, make.entity, (*loc, "make", place, "entity"))
        if make.entity == PERSON:
            raise DeclError("nobody makes persons", (*loc, "make", place, "entity"))
        for name, expression in make.values.items():
            field = need_field(made, name, (*loc, "make", place, "values", name))
            need_expression(expression, known, decl, (*loc, "make", place, "values", name))
            check_constant(decl, field, expression, (*loc, "make", place, "values", name))


def _check_result(decl: AppDecl, operation: OperationDecl, entity: Entity | None, loc: Loc) -> None:
    result = operation.result
    if result.shape in ("page", "list") and operation.kind != "list" and operation.behaviour is None:
        raise DeclError(f"only a list answers with a {result.shape}", (*loc, "result", "shape"))
    standard = operation.http is None and "result" not in operation.model_fields_set
    if operation.kind == "list" and result.shape not in ("page", "list") and not standard:
        raise DeclError("a list answers with a page or a list", (*loc, "result", "shape"))
    if result.shape == "operation" and decl.api.long_running is None:
        raise DeclError("the API does not say how it tells of work that takes time", (*loc, "result", "shape"))
    if result.schema_name is not None and result.schema_name not in decl.schemas:
        raise DeclError(f"no schema {result.schema_name}", (*loc, "result", "schema_name"))
    for name, expression in result.values.items():
        need_expression(expression, _known(decl, operation, entity), decl, (*loc, "result", "values", name))


def _known(decl: AppDecl, operation: OperationDecl, entity: Entity | None) -> dict[str, Entity | None]:
    """What expressions of an operation may name, each with the entity whose fields may follow."""
    known: dict[str, Any] = {"now": None, "actor": entity_of(decl, PERSON, ()), "id": None}
    if entity is not None:
        known["row"] = entity
    for key, param in operation.params.items():
        to = param.entity if param.role == "row" else param.to if param.type == "ref" and not param.repeated else None
        known.setdefault(key, entity_of(decl, to, ()) if to else None)
    return known


def _check_http(decl: AppDecl, operation: OperationDecl, loc: Loc) -> None:
    if operation.internal and (operation.http is not None or not writes(operation)):
        raise DeclError("an internal operation has no path, and changes something", (*loc, "internal"))
    if operation.http is None:
        return
    if operation.media and (operation.behaviour is None or operation.http.verb == "GET"):
        raise DeclError("there is no behaviour that takes what is uploaded", (*loc, "media"))
    if operation.http.verb == "GET" and writes(operation) and operation.kind != "refused":
        raise DeclError("a GET never writes", (*loc, "http", "verb"))
    try:
        parsed = template(operation)
    except ValueError as error:
        raise DeclError(str(error), (*loc, "http", "path")) from None
    if operation.kind == "refused":
        return
    by_wire = {param.wire: key for key, param in operation.params.items() if param.place == "path" and param.wire}
    common = {param.wire or key for key, param in decl.api.common.items() if param.place == "path"}
    placed = {by_wire.get(name, name) for name in parsed.spans} - common
    for key in sorted(placed - {key for key, param in operation.params.items() if param.place == "path"}):
        raise DeclError(f"the path has {{{key}}}, which is no parameter in the path", (*loc, "http", "path"))
    for key, param in operation.params.items():
        if param.place == "path" and key not in placed:
            raise DeclError(f"the path {operation.http.path} does not hold it", (*loc, "params", key, "place"))
