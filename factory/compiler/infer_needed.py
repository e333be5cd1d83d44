"""Parameters of the query that a client must give and no standard operation knows: each gets something to do."""

from __future__ import annotations

from app_clones.declared.model import Entity, OperationDecl, Param
from factory.compiler.api import Method
from factory.compiler.infer_reads import Refusal

AIMED = ("get", "update", "replace", "delete")
"""Kinds of operations that are about one row."""


def with_needed(method: Method, made: OperationDecl, entity: Entity | None) -> OperationDecl:
    """``made`` with a use for what a client of ``method`` cannot leave out, and which would be refused when given.

    A property of a new row is written; one of a row that is named must be as it is said to be. Of all else that comes
    with a change, a record is kept; a read is refused (:class:`Refusal`).
    """
    needed = {one.name for one in method.parameters if one.required and one.place == "query"}
    left = {name: param for name, param in made.params.items() if param.role == "refused" and param.wire in needed}
    if not left or made.kind not in (*AIMED, "create"):
        return made
    params, when, record = dict(made.params), dict(made.when), made.record
    for name, param in left.items():
        field = _field(param, entity)
        if field is not None and made.kind == "create":
            params[name] = param.model_copy(update={"role": "field", "field": field, "required": True})
            continue
        if field is not None:
            when[field] = (f"${name}",)
        elif made.kind == "get":
            raise Refusal(f"it needs {param.wire}, which nothing here can tell")
        record = record or field is None
        params[name] = param.model_copy(update={"role": "input", "required": True})
    return made.model_copy(update={"params": params, "when": when, "record": record})


def _field(param: Param, entity: Entity | None) -> str | None:
    """The field that a parameter says, by its name and its kind of value."""
    for name, field in entity.fields.items() if entity is not None else ():
        plain = not (field.hidden or field.auto or field.repeated or field.type in ("json", "ref"))
        if plain and field.wire == param.wire and field.type == param.type and field.values == param.values:
            return name
    return None
