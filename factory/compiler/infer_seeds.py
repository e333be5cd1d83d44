"""How many rows an app begins with, and which are the same everywhere: projects, locations, zones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app_clones.declared.model import PERSON, Entity
from factory.compiler.infer_paths import words
from factory.compiler.infer_resources import Resource

Json = Any

#: The most rows that an app's drawn rows come to, where its resources are not more than that themselves.
MOST_ROWS = 900
_MOST_EACH = 5

_GIVEN: Mapping[str, tuple[str, ...]] = {
    "projects": ("atlas-prod", "atlas-dev"),
    "organizations": ("482915036177", "730164829551"),
    "folders": ("315590426688", "668241907735"),
    "billingAccounts": ("01A2B3-C4D5E6-F70819", "0192AB-37CD58-EF6420"),
    "locations": ("us-central1", "europe-west1"),
    "regions": ("us-central1", "europe-west1"),
    "zones": ("us-central1-a", "europe-west1-b"),
    "customers": ("C03az79cb", "C01bd42ef"),
    "customer": ("C03az79cb", "C01bd42ef"),
}


def given(resource: Resource, above: Sequence[str] | None, parent: str | None) -> tuple[dict[str, Json], ...]:
    """The rows of a resource whose ids are the same in every world, under each row of those ids ``above`` it."""
    ids = _ids(resource)
    if not ids or (resource.schema is not None and words(resource.key[-1]) not in _GIVEN):
        return ()
    if parent is None:
        return tuple({"slug": id} for id in ids)
    return tuple({"slug": id, parent: over} for over in above or () for id in ids)


def _ids(resource: Resource) -> tuple[str, ...]:
    known = _GIVEN.get(words(resource.key[-1]), ())
    return (*known, *sorted(resource.fixed_ids - set(known)))


def counts(entities: dict[str, Entity], resources: Mapping[str, Resource]) -> None:
    """Sets how many rows are drawn under each parent: as many as keep the whole within :data:`MOST_ROWS`."""
    for each in range(_MOST_EACH, 0, -1):
        totals = _totals(entities, each)
        if sum(totals.values()) <= MOST_ROWS or each == 1:
            break
    for name, entity in entities.items():
        drawn = 0 if entity.given or entity.key.scope else _each(entity, each)
        entities[name] = entity.model_copy(update={"rows": drawn})


def _each(entity: Entity, each: int) -> int:
    if entity.singleton:
        return 1
    if entity.fixed and not entity.given:
        return min(2, each)
    return each * 3 if entity.parent is None else each


def _totals(entities: Mapping[str, Entity], each: int) -> dict[str, int]:
    found: dict[str, int] = {PERSON: 6}

    def total(name: str) -> int:
        if name not in found:
            entity = entities[name]
            found[name] = 0
            above = entity.fields[entity.parent].to if entity.parent else None
            own = len(entity.given) if entity.given else _each(entity, each) * (total(above) if above else 1)
            found[name] = 0 if entity.key.scope else own
        return found[name]

    for name in entities:
        total(name)
    return found
