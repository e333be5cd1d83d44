"""Checks of what could never be: rows that nobody can make, effects that are refused each time they are tried."""

from __future__ import annotations

from collections.abc import Mapping

from app_clones.declared.check_common import DeclError, Loc
from app_clones.declared.model import PERSON, AppDecl, Entity, FieldDecl, OperationDecl


def check_possible(decl: AppDecl) -> None:
    """Raises :class:`DeclError` at the first entity or effect that nothing can come of."""
    for name, entity in decl.entities.items():
        _check_creatable(entity, ("entities", name))
    _check_first_rows(decl)
    for name, operation in decl.operations.items():
        if operation.kind != "refused":
            _check_effects(decl, operation, ("operations", name))


def _check_creatable(entity: Entity, loc: Loc) -> None:
    if "create" not in entity.operations:
        return
    for name, field in entity.fields.items():
        if field.readonly and _is_needed(entity, name, field):
            raise DeclError(
                "it is required, but readonly, so no client can create a row; give it a default",
                (*loc, "fields", name),
            )


def _is_needed(entity: Entity, name: str, field: FieldDecl) -> bool:
    """Whether a new row must be given a value of the field."""
    return field.required and field.default is None and not field.auto and name != entity.owner


def _check_first_rows(decl: AppDecl) -> None:
    """Rows that each need another before them, in a ring, are never drawn."""
    needs = {
        name: {
            field_name: field.to
            for field_name, field in entity.fields.items()
            if field.required and field.to is not None and field.to != PERSON and not field.repeated
        }
        for name, entity in decl.entities.items()
        if not entity.given
    }
    for name, entity in decl.entities.items():
        if entity.rows and (field := _leads_back(needs, name)):
            raise DeclError(
                f"each {name} needs another row before it, and that at last another {name}, so there can be no first",
                ("entities", name, "fields", field),
            )


def _leads_back(needs: Mapping[str, Mapping[str, str]], name: str) -> str | None:
    """The field of ``name`` whose row needs, by itself or by others, a row of ``name``."""
    for field, to in needs.get(name, {}).items():
        seen, edge = {to}, [to]
        while edge:
            for other in needs.get(edge.pop(), {}).values():
                if other not in seen:
                    seen.add(other)
                    edge.append(other)
        if name in seen:
            return field
    return None


def _check_effects(decl: AppDecl, operation: OperationDecl, loc: Loc) -> None:
    entity = decl.entities.get(operation.entity or "")
    for name, value in operation.set.items():
        if value is None and entity is not None and entity.fields[name].required:
            raise DeclError(f"{name} is required, so it cannot be set to nothing", (*loc, "set", name))
    for place, make in enumerate(operation.make):
        made = decl.entities[make.entity]
        for name, field in made.fields.items():
            if _is_needed(made, name, field) and make.values.get(name) is None:
                raise DeclError(f"a {make.entity} needs a {name}", (*loc, "make", place, "values"))
