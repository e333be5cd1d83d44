"""What is there already, and which of it a row may refer to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from random import Random
from typing import Any

from app_clones.declared.drawing import moments
from app_clones.declared.drawing.spot import Scene
from app_clones.declared.expand import outer_parent
from app_clones.declared.model import PERSON, AppDecl, Entity, FieldDecl

Row = dict[str, Any]

_ANY = -1
"""In place of a parent's id: whatever it is."""

_AGENTS_SHARE = 0.6
"""How many of the owned rows are the agent's own, the first person's: what others own it cannot see."""

_AGENT_NAMED = 0.3
"""How often a ref to a person names the agent."""


class Made:
    """The rows drawn so far: by entity, by id, by parent; when each was made and who alone sees it."""

    def __init__(self, decl: AppDecl, scene: Scene) -> None:
        self.decl = decl
        self.scene = scene
        self.rows: dict[str, list[Row]] = {name: [] for name in decl.entities}
        self.next_id: dict[str, int] = dict.fromkeys(decl.entities, 1)
        self._born: dict[str, dict[int, int]] = {name: {} for name in decl.entities}
        self._owner: dict[str, dict[int, int | None]] = {name: {} for name in decl.entities}
        self._children: Counter[tuple[str, int]] = Counter()
        self._seen: defaultdict[tuple[str, int | None, int | None], list[int]] = defaultdict(list)
        self._parents = {name: outer_parent(name, entity) for name, entity in decl.entities.items()}

    def add(self, name: str, row: Row, owner: int | None, born_ms: int) -> None:
        """Keeps a finished row, under the next id unless it has one."""
        id = row.setdefault("id", self.next_id[name])
        self.next_id[name] = max(self.next_id[name], id + 1)
        self.rows[name].append(row)
        self._born[name][id] = born_ms
        self._owner[name][id] = owner
        parent = self._parents[name]
        self._seen[name, _ANY, owner].append(id)
        above = row.get(parent) if parent else None
        if above is not None:
            self._seen[name, above, owner].append(id)
            self._children[name, above] += 1

    def births(self, name: str) -> list[tuple[int, int]]:
        """Ids of an entity's rows, or of all persons, and when each was made (ms)."""
        if name == PERSON:
            long_ago = self.scene.now_ms - moments.PAST_DAYS * moments.DAY
            return [(person.id, long_ago) for person in self.scene.persons]
        return list(self._born[name].items())

    def owner(self, name: str, id: int) -> int | None:
        """The person who alone sees that row, by itself or because of a parent."""
        return None if name == PERSON else self._owner[name].get(id)

    def children(self, name: str, parent: int) -> int:
        """How many rows of ``name`` are under that parent."""
        return self._children[name, parent]

    def choices(self, name: str, owner: int | None, row: Row, entity: Entity) -> Sequence[int]:
        """Ids of the rows of ``name`` that a row of ``entity`` may refer to: seen by its owner, of the same parent
        where ``row`` names one of that kind already."""
        parent = self._parents[name]
        above = self.decl.entities[name].fields[parent].to if parent else None
        within: int | None = _ANY
        if above is not None and above != PERSON:
            named = (row.get(f) for f, decl in entity.fields.items() if decl.to == above and not decl.repeated)
            within = next((id for id in named if id is not None), _ANY)
        everyones, own = self._seen[name, within, None], self._seen[name, within, owner] if owner is not None else []
        return [*everyones, *own] if everyones and own else everyones or own


def owner_of(entity: Entity, name: str, row: Row, made: Made, rng: Random, given: bool) -> int | None:
    """Whose row it is to be: as it says, its parent's, or drawn, more often than not the agent."""
    parent = outer_parent(name, entity)
    inherited = made.owner(entity.fields[parent].to or "", row[parent]) if parent and row.get(parent) else None
    if entity.owner is None:
        return inherited
    if row.get(entity.owner) is not None:
        return int(row[entity.owner])
    if inherited is not None:
        return inherited
    persons = made.scene.persons
    return persons[0].id if given or rng.random() < _AGENTS_SHARE else rng.choice(persons).id


def refer(rng: Random, made: Made, field: FieldDecl, choices: Sequence[int]) -> Any:
    """The id of one of ``choices``, or several where the field is a list; None where there is none."""
    if not field.repeated:
        return rng.choice(choices) if choices else None
    least = int(field.min or 0)
    most = min(len(choices), max(least, 3 if field.max is None else min(3, int(field.max))))
    return sorted(rng.sample(choices, rng.randint(min(least, most), most)))


def people(made: Made, rng: Random) -> Sequence[int]:
    """Ids to draw a person from, the agent with a good share."""
    persons = made.scene.persons
    return (persons[0].id,) if rng.random() < _AGENT_NAMED else [person.id for person in persons]
