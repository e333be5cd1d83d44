"""Checks of an operation's further conditions: that both sides are there, and that they can be compared so."""

from __future__ import annotations

from collections.abc import Mapping

from app_clones.declared.check_common import DeclError, Loc, check_constant, need_expression
from app_clones.declared.conditions import TEXTS
from app_clones.declared.expressions import names_in
from app_clones.declared.model import AppDecl, Entity, OperationDecl, Require, Value
from app_clones.declared.requirements import ORDERS, compared_as, is_of_time, kind_of, told_in

_NUMBERS = ("integer", "number")


def check_requirements(decl: AppDecl, operation: OperationDecl, known: Mapping[str, Entity | None], loc: Loc) -> None:
    """Raises :class:`DeclError` at the first fault. ``known``: what expressions of the operation may name."""
    if operation.require and operation.kind in ("list", "refused"):
        raise DeclError(f"a {operation.kind} one has no conditions", (*loc, "require"))
    if operation.kind == "create":
        known = {name: entity for name, entity in known.items() if name not in ("row", "id")}
    for place, one in enumerate(operation.require):
        at = (*loc, "require", place)
        need_expression(one.that, known, decl, (*at, "that"))
        need_expression(one.value, known, decl, (*at, "value"))
        _check_refusal(decl, one, known, (*at, "refusal"))
        _check_sides(decl, operation, one, at)


def _check_refusal(decl: AppDecl, one: Require, known: Mapping[str, Entity | None], loc: Loc) -> None:
    try:
        told = told_in(one.refusal)
    except ValueError as error:
        raise DeclError(f"{one.refusal!r}: {error}", loc) from None
    need_expression([f"${name}" for name in told], known, decl, loc)


def _check_sides(decl: AppDecl, operation: OperationDecl, one: Require, at: Loc) -> None:
    that = kind_of(decl, operation, *next(names_in(one.that)))
    if that.repeated != (one.compare in ("has", "lacks")) and one.value is not None:
        raise DeclError("only a list has or lacks something", (*at, "compare"))
    if one.compare in ORDERS and not (that.type in _NUMBERS or is_of_time(that)):
        raise DeclError(f"a {that.type} is neither above nor below another", (*at, "compare"))
    if (one.compare == "in") != isinstance(one.value, list | tuple):
        raise DeclError("a list of values goes with `compare: in`, and with that alone", (*at, "value"))
    kind = compared_as(decl, operation, one).model_copy(update={"repeated": False, "required": False})
    for each in one.value if isinstance(one.value, list | tuple) else [one.value]:
        check_constant(decl, kind, each, (*at, "value"))
        for chain in names_in(each):
            other = kind_of(decl, operation, *chain)
            if other.repeated or _family(other) != _family(that):
                said = f"a list of {other.type}" if other.repeated else f"a {other.type}"
                raise DeclError(f"a {that.type} does not compare with {said}", (*at, "value"))


def _family(kind: Value) -> str:
    """Kinds of one family compare with each other; rows with those of their entity."""
    if is_of_time(kind):
        return "time"
    if kind.type in TEXTS:
        return "text"
    if kind.type in _NUMBERS:
        return "number"
    return f"ref to {kind.to}" if kind.type == "ref" else kind.type
