"""What happened to a row before the world began: its own operations, as far as the declaration tells what they do.

So a drawn row is in a state that it can have come to: a solved ticket has a time of being solved, and an assignee if
only that one may solve it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from app_clones.declared.drawing import moments
from app_clones.declared.drawing.fields import drawer
from app_clones.declared.drawing.names import subject_of
from app_clones.declared.drawing.refs import Made, people, refer
from app_clones.declared.drawing.spot import Json, Spot
from app_clones.declared.expressions import names_in, prepare
from app_clones.declared.model import PERSON, AppDecl, FieldDecl, OperationDecl, Param
from app_clones.declared.requirements import holds, is_plain, requirements
from app_clones.declared.rows import time_shown
from app_clones.kit.errors import KitError
from app_clones.kit.seeds import derive

Row = dict[str, Any]

_LENGTHS = (0, 0, 1, 1, 2, 2, 3)  # steps of a walk, at the least
_MOST = 7  # steps of a walk
_WALKS = 6  # tried for one row


@dataclass(frozen=True, slots=True)
class _Scene:
    """One step: who acts, when, for a row of whose."""

    at: Spot
    owner: int | None
    actor: int
    now_ms: int


Effect = Callable[[_Scene], Json]


@dataclass(frozen=True, slots=True)
class _Step:
    """One operation: how fields must compare, fields that must have a value, who may do it, what it then sets."""

    when: tuple[tuple[str, str, Json], ...]
    needs: tuple[str, ...]
    only: tuple[str, ...]
    set: Mapping[str, Effect]

    def may(self, row: Row) -> bool:
        """Whether a row is such that it can be done."""
        if not all(holds(compare, row[name], value) for name, compare, value in self.when):
            return False
        return not (self.only and self.who(row) is None) and None not in [row[name] for name in self.needs]

    def who(self, row: Row) -> int | None:
        """The first of those who alone may do it."""
        return next((row[name] for name in self.only if row[name] is not None), None)


class History:
    """The walks of one entity's rows. ``fields``: those that operations alone write; they begin at their defaults."""

    def __init__(self, decl: AppDecl, name: str, seed: int, made: Made) -> None:
        self.decl = decl
        self.entity = decl.entities[name]
        self.made = made
        self.subject = subject_of(name)
        self.rng = Random(derive(seed, decl.app, "history", name))
        mine = [one for one in decl.operations.values() if one.entity == name and one.kind == "custom"]
        self.steps = [step for one in mine if (step := self._step(one)) is not None]
        written = {field for step in self.steps for field in step.set}
        self.fields = {name for name, one in self.entity.fields.items() if name in written and self._begins(one)}
        self.state = next((f for f in self.entity.fields if f in self.fields and self.entity.fields[f].values), None)
        self._deck: list[str] = []

    def run(self, at: Spot, owner: int | None) -> None:
        """Lets things happen to a row that is drawn but for :attr:`fields`, until it is in a state whose turn it is."""
        start = dict(at.row)
        target = self._deal()
        for _ in range(_WALKS if self.steps else 0):
            at.row.update(start)
            at.touched_ms = at.born_ms
            if self._walk(at, owner, target):
                return

    def _walk(self, at: Spot, owner: int | None, target: str | None) -> bool:
        wanted = self.rng.choice(_LENGTHS)
        for taken in range(_MOST):
            if taken >= wanted and (target is None or at.row[self.state or ""] == target):
                break
            fit = [step for step in self.steps if step.may(at.row)]
            if not fit:
                break
            self._take(self.rng.choice(fit), at, owner)
        return target is None or at.row[self.state or ""] == target

    def _take(self, step: _Step, at: Spot, owner: int | None) -> None:
        now_ms = moments.between(self.rng, at.touched_ms, self.made.scene.now_ms)
        actor = step.who(at.row) or owner or self.rng.choice(people(self.made, self.rng))
        scene = _Scene(at, owner, actor, now_ms)
        found = {name: effect(scene) for name, effect in step.set.items()}
        if all(value is not None or not self.entity.fields[name].required for name, value in found.items()):
            at.row.update(found)
            at.touched_ms = now_ms

    def _deal(self) -> str | None:
        """Each value of the field that tells a row's state, as often as the others."""
        if self.state is None or not self.steps:
            return None
        if not self._deck:
            values = self.entity.fields[self.state].values
            self._deck = self.rng.sample(values, len(values))
        return self._deck.pop()

    @staticmethod
    def _begins(field: FieldDecl) -> bool:
        """Whether a field has its default until some operation sets it."""
        return field.readonly and not field.auto and (field.default is not None or not field.required)

    def _step(self, operation: OperationDecl) -> _Step | None:
        """None for an operation that does more than the declaration tells, or nothing that is told."""
        more = operation.behaviour or operation.copy_row or operation.delete or operation.append or operation.remove
        if more or not operation.set:
            return None
        effects = {name: self._effect(name, value, operation.params) for name, value in operation.set.items()}
        told = {name: effect for name, effect in effects.items() if effect is not None}
        if len(told) < len(effects):
            return None
        when: list[tuple[str, str, Json]] = []
        needs: list[str] = []
        for one in requirements(operation):
            name = one.that.removeprefix("$row.")
            if name not in self.entity.fields or name == one.that:
                continue  # it was so, whatever the row is like
            if any(names_in(one.value)):
                needs += [name] if one.compare not in ("ne", "lacks") else []
            elif is_plain(self.decl, operation, one):
                when.append((name, one.compare, prepare(one.value)(_nothing)))
        return _Step(tuple(when), tuple(needs), operation.only, told)

    def _effect(self, name: str, value: Json, params: Mapping[str, Param]) -> Effect | None:
        field = self.entity.fields[name]
        if not _is_expression(value):
            return None if isinstance(value, dict | list) else lambda scene: _plain(value)
        if value == "$now":
            return lambda scene: scene.now_ms if field.auto else time_shown(field, scene.now_ms)
        if value == "$actor" and field.to == PERSON:
            return lambda scene: scene.actor
        param = params.get(value[1:])
        return None if param is None else self._given(field, param)

    def _given(self, field: FieldDecl, param: Param) -> Effect | None:
        """What a client gave."""
        target = param.to if param.type == "ref" else param.entity if param.role == "row" else None
        if target is not None and field.to == target and not field.repeated:
            if target == PERSON:
                return lambda scene: self.rng.choice(people(self.made, self.rng))
            return lambda scene: refer(
                self.rng, self.made, field, self.made.choices(target, scene.owner, scene.at.row, self.entity)
            )
        if target is not None or field.type == "ref" or field.repeated or field.type == "json":
            return None
        draw = drawer("", field, self.subject)
        return lambda scene: draw(self.rng, scene.at)


def _nothing(chain: Sequence[str]) -> Json:
    raise KitError(f"{'.'.join(chain)} has no value before the world begins")


def _is_expression(value: Json) -> bool:
    return isinstance(value, str) and value.startswith("$") and not value.startswith("$$")


def _plain(value: Json) -> Json:
    return value[1:] if isinstance(value, str) and value.startswith("$$") else value
