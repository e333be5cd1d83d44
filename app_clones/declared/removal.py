"""Deleting a row, and what hangs on it: refs restrict, cascade or are cleared, children go where they are meant to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from app_clones.declared.entities import Incoming, Row
from app_clones.kit.errors import Conflict
from app_clones.kit.protocol import Call
from app_clones.kit.schema import quoted

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

Place = tuple[str, int]  # entity, row id


def delete(ready: Declared, call: Call, entity: str, row: Row, *, force: bool = False) -> None:
    """Deletes ``row`` and all that goes with it; ``force``: children too that would forbid it.

    Raises :class:`Conflict` where rows that stay refer to what goes.
    """
    going: dict[Place, None] = {(entity, row["id"]): None}
    edge: list[Place] = [(entity, row["id"])]
    links: list[tuple[Place, Incoming, Place]] = []
    while edge:
        gone = edge.pop()
        for link in ready.entities[gone[0]].incoming:
            with_it = link.decl.on_delete == "cascade" or (
                link.parent and (force or ready.entities[link.entity].decl.singleton)
            )
            for rowid in _holding(ready, call, link, gone[1]):
                place = (link.entity, rowid)
                if not with_it:
                    links.append((place, link, gone))
                elif place not in going:
                    going[place] = None
                    edge.append(place)
    for place, link, gone in links:
        if place not in going:
            _release(ready, call, place, link, gone, (entity, row["id"]))
    for name, rowid in reversed(going):
        plan = ready.entities[name]
        if plan.words:
            call.unindex(plan.search, rowid)
        for table, column in plan.links:
            call.delete(table, **{column: rowid})
        call.delete(plan.table, id=rowid)


def _holding(ready: Declared, call: Call, link: Incoming, rowid: int) -> list[int]:
    """The rows that refer to row ``rowid`` by ``link``, in order of id."""
    table, column = ready.entities[link.entity].table, quoted(link.field)
    if link.decl.repeated:
        sql = f"SELECT id FROM {table} t WHERE ? IN (SELECT value FROM json_each(t.{column})) ORDER BY id"
    else:
        sql = f"SELECT id FROM {table} WHERE {column}=? ORDER BY id"
    return [found[0] for found in call.rows(sql, rowid)]


def _release(ready: Declared, call: Call, place: Place, link: Incoming, gone: Place, target: Place) -> None:
    plan = ready.entities[link.entity]
    if link.decl.on_delete != "clear":
        what = ready.entities[target[0]].noun
        raise Conflict(
            f"this {what} cannot go: a {plan.noun} still refers to it" + (" as its parent" if link.parent else "")
        )
    left: Any = None
    if link.decl.repeated:
        found = call.one(f"SELECT {quoted(link.field)} FROM {plan.table} WHERE id=?", place[1])
        left = plan.encode(link.field, [item for item in json.loads(found[0]) if item != gone[1]] if found else [])
    call.update(plan.table, place[1], **{link.field: left})
