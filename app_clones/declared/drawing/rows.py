"""All first rows of an app, drawn: pure, so that they can be looked at without a world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from app_clones.declared.drawing import moments
from app_clones.declared.drawing.cells import Cells
from app_clones.declared.drawing.given import Given
from app_clones.declared.drawing.names import subject_of
from app_clones.declared.drawing.order import order_of
from app_clones.declared.drawing.refs import Made, owner_of
from app_clones.declared.drawing.spot import Scene, spot
from app_clones.declared.expand import outer_parent
from app_clones.declared.model import AppDecl, Entity
from app_clones.kit.seeds import derive

Row = dict[str, Any]


def draw(decl: AppDecl, seed: int, scene: Scene, counts: Mapping[str, int]) -> dict[str, list[Row]]:
    """The rows of every entity of an expanded declaration, parents first, ids from 1 in order of their making.

    ``counts``: rows to draw by entity, per parent where it has one, in place of the declaration's own. Every entity and
    field has a stream of its own, so a further one leaves the others' values as they are. Raises
    :class:`~app_clones.kit.errors.KitError` for given rows that make no sense.
    """
    made = Made(decl, scene)
    for name in order_of(decl):
        _Drawing(decl, name, seed, made).run(counts.get(name, decl.entities[name].rows))
    return made.rows


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a row is to be: under which parent (its id), since when."""

    parent: int | None
    born_ms: int


class _Drawing:
    """The rows of one entity."""

    def __init__(self, decl: AppDecl, name: str, seed: int, made: Made) -> None:
        self.name = name
        self.entity: Entity = decl.entities[name]
        self.made = made
        self.rng = Random(derive(seed, decl.app, "seeds", name))
        self.subject = subject_of(name)
        self.parent = outer_parent(name, self.entity)
        self.cells = Cells(decl, name, seed, made)
        self.given = Given(decl, name, made)

    def run(self, count: int) -> None:
        """Draws the given rows, then ``count`` more (for each parent), oldest first."""
        for number, values in enumerate(self.entity.given):
            born_ms = self.made.scene.now_ms - moments.PAST_DAYS * moments.DAY + number * moments.MINUTE
            known = self.given.resolved(values, number)
            parent = known.get(self.parent) if self.parent else None
            self._make(_Place(parent, born_ms), known)
        for place in sorted(self._places(count), key=lambda one: one.born_ms):
            self._make(place, None)

    def _places(self, count: int) -> list[_Place]:
        now = self.made.scene.now_ms
        if self.parent is None:
            return [_Place(None, moments.before(self.rng, now)) for _ in range(count)]
        above = self.entity.fields[self.parent].to or ""
        parents = self.made.births(above)
        shares = [self._share(count, id) for id, _ in parents]
        if count and shares and not any(shares):
            shares[0] = 1  # rather than none of a kind that there should be
        return [
            _Place(id, moments.between(self.rng, born_ms, now))
            for (id, born_ms), share in zip(parents, shares, strict=True)
            for _ in range(share)
        ]

    def _share(self, count: int, parent: int) -> int:
        if self.entity.singleton:
            return 0 if self.made.children(self.name, parent) else 1
        spread = (count + 1) // 2 if count else 0
        return self.rng.randint(count - spread, count + spread)

    def _make(self, place: _Place, given: Row | None) -> None:
        at = spot(self.rng, self.made.scene, self.subject, len(self.made.rows[self.name]) + 1, place.born_ms)
        if given is not None:
            at.row.update(given)
        elif self.parent is not None:
            at.row[self.parent] = place.parent
        owner = owner_of(self.entity, self.name, at.row, self.made, self.rng, given is not None)
        if self.entity.owner is not None and self.entity.owner not in at.row:
            at.row[self.entity.owner] = owner
        if self.cells.fill(at, owner, given=given is not None):
            self.made.add(self.name, at.row, owner, place.born_ms)
