"""Which row an operation is asked to be about, made to meet what the operation demands and to show what it does."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from app_clones.declared.entities import Row
from app_clones.declared.expressions import chain as chain_of
from app_clones.declared.expressions import names_in
from app_clones.declared.keys import joined
from app_clones.declared.model import PERSON, OperationDecl, Param, Require
from app_clones.declared.requirements import fields_read, holds, is_plain
from app_clones.declared.values import schema_of
from factory.compiler.proof_subject import ACTOR, Stage
from factory.compiler.values import Values

Json = Any

SAME = ("eq", "le", "ge")
"""Comparisons that hold of a value and itself."""


class Unaskable(Exception):
    """No good request of an operation could be made up; says why."""


def target_param(operation: OperationDecl) -> str | None:
    """The parameter that names the row which the operation is about."""
    if operation.kind in ("list", "create") or operation.entity is None:
        return None
    own = [name for name, one in operation.params.items() if one.role == "row" and one.entity == operation.entity]
    return own[-1] if own else None


class Chooser:
    """Chooses rows for one operation in one stage; what it draws follows from ``seed``."""

    def __init__(self, stage: Stage, name: str, *seed: str | int) -> None:
        self.stage = stage
        self.name = name
        self.subject = stage.subject
        self.operation = self.subject.decl.operations[name]
        self.plan = self.subject.ready.plan(name)
        self.values: Values = self.subject.values(name, *seed)

    def _lineage(self) -> list[str]:
        return self.subject.lineage(self.operation.entity) if self.operation.entity else []

    def _target(self, env: Mapping[str, Row], but: Collection[int]) -> Row | None:
        operation, entity = self.operation, self.operation.entity
        if entity is None or operation.kind in ("list", "create"):
            return None
        singleton = entity != PERSON and self.subject.entity(entity).singleton
        if target_param(operation) is None and not singleton:
            return None
        found = [row for row in self.stage.visible(entity) if row["id"] not in but and self._lies(entity, row, env)]
        found = self._in_reach(entity, found)
        if not found:
            raise Unaskable(f"there is no {entity} to ask for")
        if operation.kind == "delete" or operation.delete:
            found.sort(key=lambda row: self._held(entity, row))
            self._free(entity, found[0])
        ready = [row for row in found if self._fits(row)] or [self._fitted(entity, found[0])]
        changing = [row for row in ready if self._changes(row)]
        return self._filled(entity, changing[0] if changing else self._unsettled(entity, ready[0]))

    def _lies(self, entity: str, row: Row, env: Mapping[str, Row]) -> bool:
        if not env:
            return True
        chain = self.stage.chain(entity, row)
        return all(chain[name]["id"] == one["id"] for name, one in env.items() if name in chain)

    def _in_reach(self, entity: str, rows: list[Row]) -> list[Row]:
        """Those of ``rows`` that lie where the operation looks, of a kind that lies under things of several kinds."""
        if entity == PERSON:
            return rows
        aimed = self.operation.params.get(target_param(self.operation) or "")
        if aimed is not None and aimed.pattern is not None:
            return self._taken(aimed, rows)
        if aimed is None:
            rows = [row for row in rows if self._below_what_is_taken(entity, row)]
        scope = self.subject.entity(entity).key.scope
        if scope is None:
            return rows
        there = self._places(entity)
        return [row for row in rows if row[scope] in there] if there else rows

    def _below_what_is_taken(self, entity: str, row: Row) -> bool:
        """Whether the rows above ``row`` are such as the operation's parameters take."""
        named = [one for one in self.operation.params.values() if one.role == "row" and one.pattern is not None]
        chain = self.stage.chain(entity, row) if named else {}
        return all(self._taken(one, [chain[one.entity]]) for one in named if one.entity in chain)

    def _places(self, entity: str) -> dict[str, Row]:
        """By name the rows under which the operation looks: those that its last other parameter may name."""
        above = [one for one in self.operation.params.values() if one.role == "row" and one.entity != entity]
        if not above or above[-1].entity is None:
            return {}
        there = self._taken(above[-1], self.stage.visible(above[-1].entity))
        within = self.operation.result.within
        return {joined(self.stage.name(above[-1].entity, row), within): row for row in there}

    def _taken(self, param: Param, rows: list[Row]) -> list[Row]:
        """Those of ``rows`` whose names the pattern of ``param`` takes."""
        if param.pattern is None or param.entity is None or param.entity == PERSON:
            return rows
        return [row for row in rows if re.search(param.pattern, self.stage.name(param.entity, row))]

    def _around(self, target: Row) -> dict[str, Row]:
        """The rows above ``target``, by entity."""
        entity = self.operation.entity or PERSON
        found = self.stage.chain(entity, target)
        scope = None if entity == PERSON else self.subject.entity(entity).key.scope
        place = self._places(entity).get(target[scope]) if scope is not None else None
        if place is None:
            return found
        above = [one.entity for one in self.operation.params.values() if one.role == "row" and one.entity != entity][-1]
        return {**found, **self.stage.chain(above or PERSON, place)}

    def _held(self, entity: str, row: Row) -> int:
        """How many rows refer to ``row``: the fewer, the easier it goes."""
        held = 0
        for link in self.subject.plan(entity).incoming:
            for other in self.stage.subject.rows[link.entity]:
                value = other[link.field]
                held += refers(value, row["id"])
        return held

    def _free(self, entity: str, row: Row) -> None:
        """Deletes, behind the API, what refers to ``row``, or to what goes with it, and would keep it from going."""
        edge, met = [(entity, row["id"])], {(entity, row["id"])}
        while edge:
            name, rowid = edge.pop()
            for link in self.subject.plan(name).incoming:
                if link.decl.on_delete == "clear":
                    continue
                holding = [other for other in self.stage.rows(link.entity) if refers(other[link.field], rowid)]
                if link.decl.on_delete == "restrict":
                    for other in holding:
                        self.stage.remove(link.entity, other)
                    continue
                found = [(link.entity, other["id"]) for other in holding if (link.entity, other["id"]) not in met]
                edge += found
                met.update(found)

    def _plain(self, values: tuple[Json, ...]) -> list[Json]:
        return [one for one in values if not (isinstance(one, str) and one.startswith("$"))]

    def _fits(self, row: Row) -> bool:
        for name, allowed in self.operation.when.items():
            plain = self._plain(allowed)
            if row.get(name) not in plain if plain else row.get(name) is None:
                return False
        if not all(holds(one.compare, row.get(self._only_field(one)), one.value) for one in self._of_the_row()):
            return False
        return not self.operation.only or ACTOR in [row.get(name) for name in self.operation.only]

    def _of_the_row(self) -> list[Require]:
        """The conditions that the row must meet; those that a parameter meets are left to what is asked with it."""
        params = [f"${name}" for name in self.operation.params]
        return [one for one in self.operation.require if not (one.compare in SAME and one.value in params)]

    def _only_field(self, one: Require) -> str:
        """The field of the target that a condition compares with a constant. Raises :class:`Unaskable` where it reads
        more than that: what to ask for then cannot be told."""
        name = one.that.removeprefix("$row.")
        plain = is_plain(self.subject.decl, self.operation, one) and not any(names_in(one.value))
        if "." in name or not one.that.startswith("$row.") or not plain:
            raise Unaskable(f"it demands more of the row than a value: {one.that} {one.compare} {one.value}")
        return name

    def _fitted(self, entity: str, row: Row) -> Row:
        """``row`` made to meet the operation's conditions."""
        changes: dict[str, Any] = {}
        for name, allowed in self.operation.when.items():
            plain = self._plain(allowed)
            if row.get(name) not in plain and plain:
                changes[name] = plain[0]
        for one in self._of_the_row():
            if not holds(one.compare, row.get(self._only_field(one)), one.value):
                changes[self._only_field(one)] = self._meeting(one)
        if self.operation.only and ACTOR not in [row.get(name) for name in self.operation.only]:
            changes[self.operation.only[0]] = ACTOR
        return self.stage.update(entity, row, changes) if changes else row

    def _meeting(self, one: Require) -> Json:
        """A value of the field that meets the condition. Raises :class:`Unaskable` where the condition names none."""
        if one.compare in SAME:
            return one.value
        if one.compare == "in":
            return one.value[0]
        raise Unaskable(f"no row meets its condition: {one.that} {one.compare} {one.value}")

    def _settles(self) -> dict[str, Json]:
        """The fields that the operation sets to a constant."""
        return {name: value for name, value in self.operation.set.items() if _is_constant(value)}

    def _changes(self, row: Row) -> bool:
        settles = self._settles()
        return not settles or any(row.get(name) != value for name, value in settles.items())

    def _unsettled(self, entity: str, row: Row) -> Row:
        """``row`` with another value where the operation is to set one, so that doing it shows."""
        plan = self.subject.plan(entity)
        for name, value in self._settles().items():
            decl = plan.decl.fields[name]
            if name in fields_read(self.operation):
                continue
            others = [one for one in decl.values if one != value]
            changed = others[0] if others else (not value) if decl.type == "boolean" else None
            if value is None and changed is None:
                changed = self.values.draw(schema_of(decl, self.subject.decl))
            if changed is not None or not (decl.required or decl.auto):
                return self.stage.update(entity, row, {name: changed})
        return row

    def _filled(self, entity: str, row: Row) -> Row:
        """``row`` with something in each list from which the operation takes something away, and in each ref by which
        it must belong to the row through which it is reached."""
        changes: dict[str, Any] = {}
        ties = [self.plan.related[name] for name in self.plan.bound]
        for name in dict.fromkeys((*self.operation.remove, *ties)):
            decl = self.subject.entity(entity).fields[name]
            if not row.get(name) and decl.type == "ref":
                own = row["id"] if decl.to == entity else None
                some = [one["id"] for one in self.stage.visible(decl.to or PERSON) if one["id"] != own][:1]
                changes[name] = some if decl.repeated else next(iter(some), None)
            elif not row.get(name):
                one = schema_of(decl.model_copy(update={"repeated": False}), self.subject.decl)
                changes[name] = [self.values.draw(one), self.values.draw(one)]
        return self.stage.update(entity, row, changes) if changes else row

    def _parent(self, env: Mapping[str, Row]) -> dict[str, Row]:
        """The rows above the ones that are listed or made, by entity."""
        entity = self.operation.entity
        if entity is None or entity == PERSON:
            return {}
        plan = self.subject.plan(entity)
        if plan.above is None or plan.decl.parent is None:
            return {}
        rows = [row for row in self.stage.visible(plan.above) if self._lies(plan.above, row, env)]
        for param in self.operation.params.values():
            if param.entity == plan.above:
                rows = self._taken(param, rows)
        if plan.above == PERSON:
            rows = [row for row in rows if row["id"] == ACTOR or PERSON in env]
        if not rows:
            raise Unaskable(f"there is no {plan.above} for a {entity} to lie under")
        counts: dict[int, int] = {}
        for row in self.subject.rows[entity]:
            counts[row[plan.decl.parent]] = counts.get(row[plan.decl.parent], 0) + 1
        return self.stage.chain(plan.above, max(rows, key=lambda row: (counts.get(row["id"], 0), -row["id"])))


def refers(value: Json, rowid: int) -> bool:
    """Whether a ref, or one of a list of refs, is to the row of that id."""
    return rowid in value if isinstance(value, list) else bool(value == rowid)


def _is_constant(value: Json) -> bool:
    if isinstance(value, str):
        return chain_of(value) is None and not value.startswith("$$")
    return not isinstance(value, dict | list)
