"""What must hold before an operation is done, as its declaration says: the conditions, and as what they compare."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from app_clones.declared.check_common import entity_of
from app_clones.declared.expressions import Evaluate, names_in, prepare
from app_clones.declared.model import PERSON, AppDecl, FieldDecl, OperationDecl, Require, Value

ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
WORDS: Mapping[str, str] = {
    "eq": "must be",
    "in": "must be",
    "ne": "must not be",
    "lt": "must be below",
    "le": "must be at most",
    "gt": "must be above",
    "ge": "must be at least",
    "has": "must have",
    "lacks": "must not have",
}
_TARGET = frozenset({"row", "id"})
_ALWAYS = frozenset({"now", "actor"})
_OF_TIME = ("date", "datetime")


def requirements(operation: OperationDecl) -> tuple[Require, ...]:
    """All conditions of an operation: those of its short form ``when`` first, as the long form says them."""
    short = (
        Require(that=f"$row.{name}", compare="in", value=list(values), refusal=operation.refusal)
        for name, values in operation.when.items()
    )
    return (*short, *operation.require)


def holds(compare: str, left: Any, right: Any) -> bool:
    """Whether two values compare so. What has no value is neither below nor above anything, and a list without one is
    empty."""
    if compare in ORDERS:
        return left is not None and right is not None and ORDERS[compare](left, right)
    if compare == "in":
        return left in right
    if compare in ("has", "lacks"):
        return (right in (left or ())) == (compare == "has")
    return bool(left == right) == (compare == "eq")


def about(expression: str) -> str:
    """What a condition is about, without the row itself: ``customer tier`` of ``$row.customer.tier``."""
    return expression.removeprefix("$row.").removeprefix("$").replace("_", " ").replace(".", " ")


def stated(one: Require) -> str:
    """The condition in words: ``the status must be open, pending``."""
    values = one.value if isinstance(one.value, list | tuple) else [one.value]
    shown = ["nothing" if each is None else about(each) if any(names_in(each)) else str(each) for each in values]
    return f"the {about(one.that)} {WORDS[one.compare]} {', '.join(shown)}"


def fields_read(operation: OperationDecl) -> frozenset[str]:
    """The target's fields that decide whether the operation is refused."""
    chains = [chain for one in requirements(operation) for chain in names_in([one.that, one.value])]
    return frozenset(chain[1] for chain in chains if chain[0] == "row" and len(chain) > 1)


def is_of_time(kind: Value) -> bool:
    """Whether values of the kind are times, which compare by the clock and not by how they are written."""
    return kind.type in _OF_TIME or (isinstance(kind, FieldDecl) and kind.is_moment)


def kind_of(decl: AppDecl, operation: OperationDecl, *chain: str) -> Value:
    """What an expression of the operation gives: a field, a parameter, or what is like one."""
    head, *path = chain
    if head == "now":
        kind = Value(type="datetime")
    elif head == "actor":
        kind = Value(type="ref", to=PERSON)
    elif head in ("row", "id"):
        kind = Value(type="ref", to=operation.entity)
    else:
        param = operation.params[head]
        kind = Value(type="ref", to=param.entity) if param.role == "row" else param
    for part in path:
        if part == "path":
            kind = Value()
        elif part != "id":
            kind = entity_of(decl, kind.to or "", ()).fields[part]
    return kind


def compared_as(decl: AppDecl, operation: OperationDecl, one: Require) -> Value:
    """The kind by which both sides of a condition compare: that of the first, or of the other if that tells days."""
    kinds = [kind_of(decl, operation, *chain) for chain in names_in([one.that, one.value])]
    return next((kind for kind in kinds if kind.type == "date"), kinds[0])


def is_plain(decl: AppDecl, operation: OperationDecl, one: Require) -> bool:
    """Whether values compare as rows hold them: not times, nor rows called by name."""
    kind = compared_as(decl, operation, one)
    constants = one.value if isinstance(one.value, list | tuple) else [one.value]
    if all(each is None for each in constants):
        return True
    if is_of_time(kind):
        return False
    return kind.type != "ref" or all(each is None or any(names_in(each)) for each in constants)


def told_in(refusal: str) -> list[str]:
    """The expressions between the braces of a refusal, without their ``$``. Raises ``ValueError`` at anything else."""
    found = []
    for _, name, spec, conversion in Formatter().parse(refusal):
        if name is not None:
            if spec or conversion or not name:
                raise ValueError("between braces stands an expression without its $, like {row.stock}")
            found.append(name)
    return found


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition, ready. ``kind``: as what its sides compare; ``told``: its refusal, each piece of text with what
    comes after it; ``asked``: what its sides name that an act may be without; ``alone``: the row, who acts and the time
    tell whether it holds, and what its refusal says."""

    decl: Require
    kind: Value
    that: Evaluate
    value: Evaluate
    told: tuple[tuple[str, Evaluate | None], ...]
    asked: frozenset[str]
    alone: bool


def prepared(decl: AppDecl, operation: OperationDecl) -> tuple[Requirement, ...]:
    """The conditions of an operation, ready."""
    return tuple(_prepared(decl, operation, one) for one in requirements(operation))


def _prepared(decl: AppDecl, operation: OperationDecl, one: Require) -> Requirement:
    pieces = [(text, f"${name}" if name else None) for text, name, _, _ in Formatter().parse(one.refusal)]
    told = [name for _, name in pieces if name]
    sides, texts = ({chain[0] for chain in names_in(part)} for part in ([one.that, one.value], told))
    return Requirement(
        decl=one,
        kind=compared_as(decl, operation, one),
        that=prepare(one.that),
        value=prepare(one.value),
        told=tuple((text, prepare(name) if name else None) for text, name in pieces),
        asked=frozenset(sides - _ALWAYS),
        alone=not (sides | texts) - _ALWAYS - _TARGET,
    )
