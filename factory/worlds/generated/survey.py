"""What there is in an app of a built world: its rows as the agent's own account sees them, how they can be described,
and by which reads they are found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app_clones.declared.model import PERSON
from app_clones.declared.rows import Names, Query, page
from app_clones.kit.world import World
from factory.verifiers.declared.deeds import ID, Condition, Described, Read, Target
from factory.worlds.generated.abilities import UNSPECIFIED, Abilities, Ability
from factory.worlds.generated.looking import Looking

Json = Any
MOST_ROWS = 400
"""Entities with more rows are left out: descriptions are checked against all rows there are."""
_LONGEST = 60
"""Characters of a text that a task would quote."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A row. ``values`` by field, in Python; ``name``: its id as called from outside, ``path`` its resource name."""

    entity: str
    id: int
    values: dict[str, Any]
    name: Json
    path: str
    above: Seen | None

    def line(self) -> Iterator[Seen]:
        """The row and those above it, of each kind the nearest."""
        kinds: set[str] = set()
        at: Seen | None = self
        while at is not None:
            if at.entity not in kinds:
                kinds.add(at.entity)
                yield at
            at = at.above


@dataclass(frozen=True, slots=True)
class Slip:
    """A row that was changed by mistake; ``before``: what its fields held, in Python."""

    entity: str
    id: int
    before: Mapping[str, Json]


@dataclass(eq=False)
class Survey:
    """All rows by entity, and what was worked out about them. ``seed``: the world's, by which tasks are drawn;
    ``slips``: the mistakes that were made before."""

    can: Abilities
    rows: dict[str, tuple[Seen, ...]]
    looking: Looking
    now_ms: int
    seed: int
    slips: Sequence[Slip] = ()
    _described: dict[tuple[str, int], Described | None] = field(default_factory=dict)
    _found: dict[tuple[str, int], Target | None] = field(default_factory=dict)

    def row(self, entity: str, id: int) -> Seen | None:
        """A row that is seen, by its row id."""
        return next((one for one in self.rows.get(entity, ()) if one.id == id), None)

    def below(self, seen: Seen) -> Sequence[Seen]:
        """The rows of the same entity under the same parent."""
        return [one for one in self.rows[seen.entity] if one.above is seen.above]

    # ---- descriptions

    def describe(self, seen: Seen) -> Described | None:
        """The row as people call it: by its label or given name, and by what it lies under where that is needed."""
        key = (seen.entity, seen.id)
        if key not in self._described:
            self._described[key] = self._describe(seen)
        return self._described[key]

    def _describe(self, seen: Seen) -> Described | None:
        about = self.can.of[seen.entity]
        under = self.under(seen)
        if under is None:
            return None
        if about.decl.singleton:
            return Described(entity=seen.entity, where=under) if under else None
        for own in self._own(about, seen):
            alone = [one for one in self.rows[seen.entity] if self.holds(one, own)]
            if len(alone) == 1 and (not under or self.can.lists_alone(seen.entity)):
                return Described(entity=seen.entity, where=(own,))
            if under and len([one for one in alone if one.above is seen.above]) == 1:
                return Described(entity=seen.entity, where=(own, *under))
        return None

    def under(self, seen: Seen) -> tuple[Condition, ...] | None:
        """What the row lies under, described; ``()`` at the root, None where that cannot be described."""
        if seen.above is None:
            return ()
        above = self.describe(seen.above)
        parent = self.can.of[seen.entity].decl.parent
        return None if above is None or parent is None else (Condition(field=parent, row=above),)

    def _own(self, about: Ability, seen: Seen) -> Iterator[Condition]:
        """Ways to name the row by itself, the best first."""
        if seen.entity == PERSON:
            yield Condition(field="email", value=seen.values["email"])
            return
        label = about.decl.label if about.list else None  # where nothing lists them, only an id leads to them
        if label and is_quotable(seen.values[label]) and not about.decl.fields[label].hidden:
            yield Condition(field=label, value=seen.values[label])
        key = about.decl.key
        if key.form == "given" and seen.values.get("slug"):
            yield Condition(field=ID, value=seen.values["slug"])
        if key.form in ("number", "code"):
            yield Condition(field=ID, value=seen.name)

    def holds(self, seen: Seen, condition: Condition) -> bool:
        """Whether a row fits a condition."""
        if condition.field == ID:
            return bool(seen.name == condition.value)
        if condition.row is not None:
            named = self.named(seen, condition.field)
            return named is not None and self.fits(named, condition.row)
        value = seen.values[condition.field]
        return type(value) is type(condition.value) and bool(value == condition.value)

    def tells(self, entity: str, field: str, value: Json) -> bool:
        """Whether rows that hold a value are told from all others: what reads like nothing is not, beside rows that
        hold nothing."""
        return not is_nothing(value) or all(one.values[field] is not None for one in self.rows[entity])

    def fits(self, seen: Seen, what: Described) -> bool:
        """Whether a row fits a description."""
        return seen.entity == what.entity and all(self.holds(seen, condition) for condition in what.where)

    def named(self, seen: Seen, field: str) -> Seen | None:
        """The row that a ref field names, if it is seen."""
        to = self.can.of[seen.entity].decl.fields[field].to
        value = seen.values[field]
        return None if to is None or value is None else self.row(to, value)

    def matching(self, what: Described) -> list[Seen]:
        """All rows that fit."""
        return [one for one in self.rows[what.entity] if self.fits(one, what)]

    # ---- targets

    def target(self, seen: Seen, what: Described | None = None) -> Target | None:
        """The row as a task's target: under its usual description or ``what``, which must fit it alone. None where an
        agent could not find it."""
        key = (seen.entity, seen.id)
        if what is None:
            if key not in self._found:
                usual = self.describe(seen)
                self._found[key] = None if usual is None else self._target(seen, usual)
            return self._found[key]
        return self._target(seen, what) if self.matching(what) == [seen] else None

    def _target(self, seen: Seen, what: Described) -> Target | None:
        look = self.looking.way(self, seen, what)
        if look is None:
            return None
        line = list(seen.line())
        return Target(
            what=what,
            id=seen.id,
            names={one.entity: one.name for one in line},
            paths={one.entity: one.path for one in line},
            look=look,
        )

    def look_for(self, what: Described) -> tuple[Read, ...] | None:
        """The reads that show all rows which fit, None where there are no such reads."""
        return self.looking.all_of(self, what)


def is_quotable(value: Json) -> bool:
    """Whether a text can be named in a sentence as it stands."""
    if isinstance(value, str):
        return 0 < len(value) <= _LONGEST and value.isprintable() and '"' not in value and value == value.strip()
    return isinstance(value, int | float)


def is_nothing(value: Json) -> bool:
    """Whether a value reads like none at all: APIs leave out what is false, 0 or unspecified, as what is unset."""
    return not value or (isinstance(value, str) and UNSPECIFIED in value.upper())


def survey(can: Abilities, world: World, seed: int, slips: Sequence[Slip] = ()) -> Survey:
    """Looks through a fork that nobody else uses."""
    rows: dict[str, tuple[Seen, ...]] = {}
    with world.transaction(1, readonly=True) as call:
        names = Names(can.ready, call)
        for entity in _parents_first(can):
            found = page(can.ready, call, entity, Query(limit=MOST_ROWS + 1)).rows
            if len(found) > MOST_ROWS:
                continue
            rows[entity] = tuple(_seen(can, names, rows, entity, row) for row in found)
    return Survey(can, rows, Looking(can, world), world.now_ms, seed, slips)


def _seen(can: Abilities, names: Names, rows: dict[str, tuple[Seen, ...]], entity: str, row: dict[str, Any]) -> Seen:
    about = can.of[entity]
    above = None
    if about.above is not None and about.decl.parent is not None and about.above != entity:
        above = next((one for one in rows.get(about.above, ()) if one.id == row[about.decl.parent]), None)
    return Seen(entity, row["id"], dict(row), names.ident(entity, row), names.path(entity, row), above)


def _parents_first(can: Abilities) -> Iterable[str]:
    order: dict[str, None] = {}

    def put(entity: str) -> None:
        above = can.of[entity].above
        if entity in order:
            return
        if above is not None and above != entity:
            put(above)
        order[entity] = None

    for entity in can.of:
        put(entity)
    return order
