"""In which order entities are drawn: what a row needs is there before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app_clones.declared.model import PERSON, AppDecl, Entity, FieldDecl


def order_of(decl: AppDecl) -> list[str]:
    """All entities, each after those that its refs name; where refs go in a ring, the optional ones give way.

    The rows of a ring of required refs cannot be made one after the other: its entities stay out.
    """
    needs = {name: set(_named(entity, name, every=False)) for name, entity in decl.entities.items()}
    wants = {name: set(_named(entity, name, every=True)) for name, entity in decl.entities.items()}
    order: list[str] = []
    left = list(decl.entities)
    while left:
        ready = _first(left, wants) or _first(left, needs)
        if ready is None:
            break
        left.remove(ready)
        order.append(ready)
    return order


def _first(left: list[str], waits: Mapping[str, set[str]]) -> str | None:
    return next((name for name in left if not waits[name] & set(left)), None)


def _named(entity: Entity, name: str, *, every: bool) -> Iterator[str]:
    for field_name, field in entity.fields.items():
        if (
            field.type == "ref"
            and field.to not in (None, PERSON, name)
            and (every or _needed(entity, field_name, field))
        ):
            yield str(field.to)


def _needed(entity: Entity, name: str, field: FieldDecl) -> bool:
    return field.required or name == entity.parent
