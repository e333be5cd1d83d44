"""Rows of several kinds (a cat, a dog): which fields a row has is told by one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app_clones.declared.model import Branch, Entity
from app_clones.kit.errors import AppError

if TYPE_CHECKING:
    from app_clones.declared.entities import EntityPlan
    from app_clones.declared.shapes import Shapes

Json = Any


def branch_of(entity: Entity, row: Mapping[str, Any]) -> Branch | None:
    """The kind of a row; None where all are alike, or what it is is not said (yet)."""
    known = entity.branches
    return None if known is None else known.of.get(str(row.get(known.field)))


def excluded(entity: Entity, row: Mapping[str, Any]) -> frozenset[str]:
    """The fields that rows of other kinds have, and those of ``row``'s kind have not."""
    kind = branch_of(entity, row)
    if kind is None or entity.branches is None:
        return frozenset()
    return frozenset(name for one in entity.branches.of.values() for name in one.fields) - set(kind.fields)


def needed(entity: Entity, row: Mapping[str, Any]) -> frozenset[str]:
    """The fields that rows of ``row``'s kind must have, beside those that all must."""
    kind = branch_of(entity, row)
    return frozenset() if kind is None else frozenset(kind.required)


def check_branch(plan: EntityPlan, row: Mapping[str, Any]) -> None:
    """Raises :class:`AppError` where ``row`` has what its kind has not, or lacks what that must have."""
    if plan.decl.branches is None:
        return
    kind = row.get(plan.decl.branches.field)
    for name in sorted(excluded(plan.decl, row)):
        if row.get(name) is not None:
            raise AppError(f"{plan.names[name]}: a {plan.noun} that is a {kind} has none")
    for name in sorted(needed(plan.decl, row)):
        if row.get(name) is None:
            raise AppError(f"{plan.names[name]}: a {plan.noun} that is a {kind} needs one")


def check_form(plan: EntityPlan, shapes: Shapes, row: Mapping[str, Any], shown: Mapping[str, Json]) -> None:
    """Raises :class:`AppError` where ``shown``, the JSON form of ``row``, does not meet the schema of its kind."""
    kind = branch_of(plan.decl, row)
    if kind is not None and kind.schema_name is not None:
        fault = shapes.fault({"$ref": f"#/$defs/{kind.schema_name}"}, shown)
        if fault:
            raise AppError(fault)
