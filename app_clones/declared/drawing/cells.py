"""The fields of one row, drawn in an order in which each can look at those that it depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any

from app_clones.declared.branches import excluded, needed
from app_clones.declared.drawing import moments
from app_clones.declared.drawing.distinct import Distinct
from app_clones.declared.drawing.fields import drawer, listed
from app_clones.declared.drawing.history import History
from app_clones.declared.drawing.names import Subject, subject_of, words_of
from app_clones.declared.drawing.refs import Made, people, refer
from app_clones.declared.drawing.shapes import compile_shape, several
from app_clones.declared.drawing.spot import Drawer, Json, Spot
from app_clones.declared.expand import outer_parent
from app_clones.declared.model import PERSON, AppDecl, Entity, FieldDecl
from app_clones.declared.shapes import Shapes
from app_clones.declared.values import acceptor
from app_clones.kit.errors import AppError, KitError
from app_clones.kit.seeds import derive

Row = dict[str, Any]
Draw = Callable[[Spot, int | None], Json]
"""Draws a field's value for a row, whose owner is given."""

_FILLED = 0.85
"""How often a field that may be empty is not."""

_TRIES = 6


class Cells:
    """Draws the rows of one entity, field by field. Each field has a stream of its own."""

    def __init__(self, decl: AppDecl, name: str, seed: int, made: Made) -> None:
        self.decl = decl
        self.name = name
        self.entity: Entity = decl.entities[name]
        self.made = made
        self.subject: Subject = subject_of(name)
        self.shapes = Shapes(decl.schemas)
        self.label = self.entity.label
        self.streams = {
            field: Random(derive(seed, decl.app, "seeds", name, field)) for field in (*self.entity.fields, "slug")
        }
        self.checks = {field: acceptor(one, self.shapes) for field, one in self.entity.fields.items()}
        self.history = History(decl, name, seed, made)
        self.told: set[str] = set()  # fields that are empty or not by what the others say
        self.last = [field for field, one in self.entity.fields.items() if one.auto == "updated"]
        self.order = sorted((field for field in self.entity.fields if field not in self.last), key=self._rank)
        self.draws: Mapping[str, Draw] = {field: self._draw_of(field) for field in self.entity.fields}
        named = None if self.label is None or listed(self._said(self.label)) else self.label
        self.distinct = Distinct(self.entity, outer_parent(name, self.entity), named, self.streams["slug"])

    def fill(self, at: Spot, owner: int | None, *, given: bool) -> bool:
        """Draws what ``at`` lacks, a given row's only as far as it must have it. False where there can be no such row.

        Raises :class:`KitError` where a given row breaks the declaration.
        """
        for name in self.order:
            if not self._fill_one(name, at, owner, given):
                return False
        if not given:
            self.history.run(at, owner)
        for name in self.last:
            if name not in at.row:
                at.row[name] = self.draws[name](at, owner)
        if self.distinct.settle(at, partial(self._again, at, owner), fixed=given):
            return True
        if given:
            raise KitError(
                f"{self.decl.app}: {self.name}: a given row is there already: {at.row.get(self.label or '')!r}"
            )
        return False

    def _fill_one(self, name: str, at: Spot, owner: int | None, given: bool) -> bool:
        """Draws one field; False where it must have a value and none is found."""
        field = self.entity.fields[name]
        if name in excluded(self.entity, at.row):
            at.row[name] = None
        elif name in at.row:
            if given and at.row[name] is not None and field.type != "ref":
                at.row[name] = self._accepted(name, at)
        elif given and (field.default is not None or not (field.required or field.auto or name == self.label)):
            at.row[name] = field.default
        else:
            must = name in needed(self.entity, at.row)
            at.row[name] = self._drawn(name, field, at, owner, must=must)
            if at.row[name] is None and (must or self._needs(name, field)):
                return False
        if name == self.label:
            at.called = str(at.row[name] or "")
        return True

    def _again(self, at: Spot, owner: int | None, name: str) -> bool:
        """Draws a field anew; False where that gives nothing."""
        field = self.entity.fields[name]
        if field.auto or name in (self.entity.owner, outer_parent(self.name, self.entity)):
            return False
        value = self._drawn(name, field, at, owner)
        if value is None:
            return False
        at.row[name] = value
        return True

    def _needs(self, name: str, field: FieldDecl) -> bool:
        return field.required or name in (self.entity.owner, outer_parent(self.name, self.entity))

    def _accepted(self, name: str, at: Spot) -> Json:
        try:
            return self.checks[name](at.row[name], name)
        except AppError as error:
            raise KitError(f"{self.decl.app}: a given {self.name}: {error.message}") from None

    def _drawn(self, name: str, field: FieldDecl, at: Spot, owner: int | None, *, must: bool = False) -> Json:
        """A value that clients could have given too; None where none is found, or the field stays empty."""
        if name in self.history.fields:
            return field.default
        if field.auto or field.type == "ref":
            return self.draws[name](at, owner)
        rng = self.streams[name]
        if not (field.required or must or name == self.label or name in self.told) and rng.random() > _FILLED:
            return field.default
        for _ in range(_TRIES):
            value = self.draws[name](at, owner)
            if value is None:
                break
            try:
                return self.checks[name](value, name)
            except AppError as error:
                if field.seed is not None:
                    where = f"{self.decl.app}: entities.{self.name}.fields.{name}.seed"
                    raise KitError(f"{where}: it draws what the field does not take: {error.message}") from None
        return field.default

    def _rank(self, name: str) -> tuple[int, int]:
        """What others look at comes first; starts before ends."""
        field, place = self.entity.fields[name], list(self.entity.fields).index(name)
        stage = moments.stage(words_of(name))
        telling = self.entity.branches.field if self.entity.branches is not None else None
        if name in (self.entity.owner, outer_parent(self.name, self.entity), telling):
            return 0, place
        if field.auto:
            return 1, place
        if field.type == "ref":
            return 2, place
        if field.type in ("enum", "boolean"):
            return 3, place
        if name == self.label:
            return 4, place
        if field.type == "json" and stage == "end":
            return 6, place
        if field.type in ("date", "datetime"):
            return (6 if stage in ("start", "birth") else 7), place
        return 5, place

    def _draw_of(self, name: str) -> Draw:
        field, rng = self.entity.fields[name], self.streams[name]
        if field.auto:
            return self._auto(field, rng)
        if field.type == "ref":
            return self._ref(name, field, rng)
        if field.type in ("date", "datetime") and field.seed is None and not field.repeated:
            return self._moment(name, field, rng)
        if field.type == "json" and field.seed is None:
            shape = self._described(name) or field.shape or {"type": "object"}
            one: Drawer = self._ended(name, compile_shape(shape, self.decl.schemas, name, self.subject))
        else:
            described = field.model_copy(update={"about": self._said(name)})
            one = drawer(name, described, self.subject, label=name == self.label)
        if not field.repeated:
            return lambda at, owner: one(rng, at)
        least = int(field.min or 0)
        most = max(least, 3 if field.max is None else min(3, int(field.max)))
        return lambda at, owner: several(rng, at, one, least, rng.randint(least, most))

    def _ended(self, name: str, one: Drawer) -> Drawer:
        """Of JSON that is an end, and of the shape of a start: with times that come after those of the start."""
        mine = self.entity.fields[name].shape
        alike = [other for other, field in self.entity.fields.items() if field.type == "json" and field.shape == mine]
        starts = sorted((other for other in alike if moments.stage(words_of(other)) == "start"), key=len)
        if mine is None or moments.stage(words_of(name)) != "end" or not starts:
            return one

        def draw(rng: Random, at: Spot) -> Json:
            drawn, start = one(rng, at), next((at.row[other] for other in starts if at.row.get(other)), None)
            return moments.later(rng, start, drawn) if isinstance(drawn, dict) and isinstance(start, dict) else drawn

        return draw

    def _described(self, name: str) -> Mapping[str, Any]:
        """A field's property in the API's schema, which says more of it than the field; empty where there is none."""
        field = self.entity.fields[name]
        schema = self.decl.schemas.get(self.entity.schema_name or "", {})
        found = schema.get("properties", {}).get(field.wire or name)
        return found if isinstance(found, Mapping) else {}

    def _said(self, name: str) -> str:
        return str(self._described(name).get("description") or self.entity.fields[name].about)

    def _auto(self, field: FieldDecl, rng: Random) -> Draw:
        if field.auto in ("created", "moment"):
            return lambda at, owner: at.born_ms
        if field.auto == "updated":
            now = self.made.scene.now_ms
            return lambda at, owner: at.touched_ms if rng.random() < 0.5 else moments.between(rng, at.touched_ms, now)
        by_id = {person.id: person for person in self.made.scene.persons}

        def actor(at: Spot, owner: int | None) -> Json:
            id = owner if owner is not None else rng.choice(people(self.made, rng))
            return id if field.type == "ref" else by_id[id].email

        return actor

    def _ref(self, name: str, field: FieldDecl, rng: Random) -> Draw:
        target = field.to or PERSON
        chance = 1.0 if field.required else 0.35 if target == self.name else 0.7
        belonging = field.hidden and field.repeated  # which rows there are under another is no effect alone
        if field.readonly and not field.required and not belonging:
            chance = 0.5 if target == PERSON else 0.0  # an effect of an operation that nobody has called yet

        def draw(at: Spot, owner: int | None) -> Json:
            if rng.random() > chance:
                return [] if field.repeated else None
            if target == PERSON:
                several_of = [person.id for person in self.made.scene.persons]
                return refer(rng, self.made, field, several_of if field.repeated else people(self.made, rng))
            return refer(rng, self.made, field, self.made.choices(target, owner, at.row, self.entity))

        return draw

    def _moment(self, name: str, field: FieldDecl, rng: Random) -> Draw:
        """A start, an end after it, a milestone that the row's state says was reached, or some other moment."""
        tokens = words_of(name)
        kind, now = moments.stage(tokens), self.made.scene.now_ms
        starts = [f for f, one in self.entity.fields.items() if one.type in ("date", "datetime") and f != name
                  and moments.stage(words_of(f)) == "start"]  # fmt: skip
        write = moments.day if field.type == "date" else moments.rfc3339
        reached = self._milestone(tokens[0]) if kind == "past" and not field.required else None
        if reached is not None:
            self.told.add(name)

        def draw(at: Spot, owner: int | None) -> Json:
            if reached is not None and not reached(at.row):
                return None
            start = next((moments.parse(at.row[f]) for f in starts if at.row.get(f)), None) if kind == "end" else None
            return write(moments.drawn(rng, kind, at.born_ms, now, start))

        return draw

    def _milestone(self, stem: str) -> Callable[[Row], bool] | None:
        """Of ``solved_at``: whether a row's status is ``solved``; of ``archived_at``: whether it is ``archived``."""
        for name, field in self.entity.fields.items():
            if field.type == "boolean" and stem in words_of(name):
                return lambda row, name=name: bool(row.get(name))  # type: ignore[misc]
            for value in field.values if field.type == "enum" else ():
                if value.lower() == stem:
                    return lambda row, name=name, value=value: row.get(name) == value  # type: ignore[misc]
        return None
