"""Changing the state to see whether an answer follows: by a method of the API where there is one, else behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app_clones.declared.branches import excluded
from app_clones.declared.entities import Row
from app_clones.declared.expand import outer_parent
from app_clones.declared.keys import joined
from app_clones.declared.model import PERSON, Entity, OperationDecl
from app_clones.declared.values import schema_of
from app_clones.kit.errors import AppError
from factory.compiler.proof_asking import Asker, Unaskable
from factory.compiler.proof_subject import ACTOR, Stage
from factory.compiler.values import Undrawable

if TYPE_CHECKING:
    from factory.compiler.proof_case import Case

_DAY_MS = 86_400_000


def new_row(case: Case, stage: Stage, entity: str, under: Mapping[str, Row] | None = None) -> Row | None:
    """A new row of ``entity``, under the rows given by entity; None where none can be made."""
    before = {row["id"] for row in stage.rows(entity)}
    for name in stage.subject.operations(entity, "create", but=case.name):
        try:
            stage.ask(name, Asker(stage, name, "new", len(before)).good(under=under).arguments)
        except Unaskable:
            continue
        made = [row for row in stage.rows(entity) if row["id"] not in before]
        if made and _lies_under(stage, entity, made[0], under or {}):
            return made[0]
    within = case.operation.result.within if entity == case.entity else ""
    return insert_row(stage, entity, under, within)


def _lies_under(stage: Stage, entity: str, row: Row, under: Mapping[str, Row]) -> bool:
    chain = stage.chain(entity, row)
    return all(chain[name]["id"] == one["id"] for name, one in under.items() if name in chain)


def insert_row(stage: Stage, entity: str, under: Mapping[str, Row] | None = None, within: str = "") -> Row | None:
    """As :func:`new_row`, behind the API; ``within``: words that follow the name of what it lies under."""
    decl = stage.subject.entity(entity)
    if decl.singleton:
        return None
    try:
        values = _row_values(stage, entity, decl, under or {})
        if decl.key.scope is not None:
            values[decl.key.scope] = joined(values[decl.key.scope], within)
        new_id = None
        if decl.key.form == "given":
            drawer = stage.subject.values("slug", entity, len(stage.rows(entity)))
            new_id = str(drawer.draw({"type": "string", "pattern": decl.key.pattern or "[a-z][a-z0-9]{7,15}"}))
        return stage.insert(entity, values, new_id)
    except (Undrawable, AppError):
        return None


def _row_values(stage: Stage, entity: str, decl: Entity, under: Mapping[str, Row]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    number = len(stage.rows(entity))
    if decl.branches is not None:
        values[decl.branches.field] = sorted(decl.branches.of)[number % len(decl.branches.of)]
    without = excluded(decl, values)
    drawer = stage.subject.values("row", entity, number)
    parent = outer_parent(entity, decl)
    for name, field in decl.fields.items():
        if field.auto or name == decl.owner or name in without or name in values:
            continue
        if name == decl.key.scope:
            places = [stage.name(above, row) for above, row in under.items() if above not in (PERSON, entity)]
            values[name] = places[-1] if places else ""
        elif field.type == "ref":
            to = field.to or PERSON
            if to in under and (name == parent or field.required or _only_way(decl, name, to)):
                values[name] = [under[to]["id"]] if field.repeated else under[to]["id"]
            elif field.required or name == parent:
                there = stage.visible(to)
                if not there:
                    raise Undrawable(f"there is no {to}")
                there = [row for row in there if name == parent and _lies_under(stage, to, row, under)] or there
                values[name] = [there[0]["id"]] if field.repeated else there[0]["id"]
        elif field.required or field.default is None:
            try:
                values[name] = drawer.draw(schema_of(field, stage.subject.decl))
            except Undrawable:
                if field.required:
                    raise
    return values


def _only_way(decl: Entity, name: str, to: str) -> bool:
    """Whether ``name`` is the one ref to ``to``: then it is how a row comes to belong there."""
    return [one for one, field in decl.fields.items() if field.to == to] == [name]


def change_row(stage: Stage, entity: str, row: Row, name: str) -> bool:
    """Gives a field of ``row`` another value behind the API; False where it must stay. Raises :class:`Undrawable`."""
    about = stage.subject.entity(entity)
    field, parent = about.fields[name], outer_parent(entity, about)
    now = stage.row(entity, row["id"])
    telling = about.branches.field if about.branches is not None else None
    if now is None or name in (parent, about.owner, about.key.scope, telling) or name in excluded(about, now):
        return False
    if field.to == entity:
        return False
    if field.is_moment:
        stage.update(entity, now, {name: now[name] + _DAY_MS})
    elif field.type == "ref":
        others = [one["id"] for one in stage.visible(field.to or PERSON) if one["id"] != now[name]]
        if not others:
            return False
        stage.update(entity, now, {name: others[:1] if field.repeated else others[0]})
    else:
        drawer = stage.subject.values("change", entity, name, row["id"])
        stage.update(entity, now, {name: drawer.other(schema_of(field, stage.subject.decl), now[name])})
    return True


def fill(stage: Stage, least: int = 3) -> None:
    """Makes rows behind the API until each entity has some, and each of the first two parents a few."""
    for entity in _from_the_root(stage):
        plan = stage.subject.plan(entity)
        if plan.decl.singleton:
            continue
        parent = outer_parent(entity, plan.decl)
        for within in sorted({operation.result.within for operation in stage.subject.decl.operations.values()}):
            for place in _scopes(stage, entity, plan.decl, bare=bool(within)):
                for _ in range(least):
                    insert_row(stage, entity, place, within)
        if parent is None or plan.above is None or plan.above == PERSON:
            for _ in range(least - len(stage.visible(entity))):
                insert_row(stage, entity, _people(stage, plan.above))
            continue
        for above in _first(stage, entity, plan.above):
            there = [row for row in stage.visible(entity) if row[parent] == above["id"]]
            for _ in range(least - len(there)):
                insert_row(stage, entity, {plan.above: above})


def _first(stage: Stage, entity: str, above: str) -> list[Row]:
    """The first two rows of ``above``, and for each operation on ``entity`` the first that its pattern takes."""
    there = stage.visible(above)
    found = {row["id"]: row for row in there[:2]}
    params = (one for op in stage.subject.decl.operations.values() if op.entity == entity for one in op.params.values())
    for pattern in sorted({one.pattern for one in params if one.entity == above and one.pattern}):
        row = next((row for row in there if re.search(pattern, stage.name(above, row))), None)
        if row is not None:
            found[row["id"]] = row
    return list(found.values())


def _scopes(stage: Stage, entity: str, decl: Entity, *, bare: bool) -> list[dict[str, Row]]:
    """A few rows of each kind that rows of ``entity`` may lie under, where these are of several kinds; nothing, too,
    where ``bare``, or where some operation asks for what lies nowhere."""
    running = stage.subject.decl.api.long_running
    if decl.key.scope is None or running is None:
        return []
    operations = [op for op in stage.subject.decl.operations.values() if op.entity == entity]
    bare = bare or any(not _names_place(op, entity) for op in operations) or not running.under
    places = [{above: row} for above in running.under for row in _first(stage, entity, above)]
    return [*([{}] if bare else []), *places]


def _names_place(operation: OperationDecl, entity: str) -> bool:
    """Whether an operation says where the rows lie that it is about: by a row of another kind, or within a name."""
    rows = [one for one in operation.params.values() if one.role == "row"]
    return any(one.entity != entity or (one.pattern or "").count("/") > 1 for one in rows)


def _people(stage: Stage, above: str | None) -> dict[str, Row]:
    if above != PERSON:
        return {}
    return {PERSON: next(row for row in stage.rows(PERSON) if row["id"] == ACTOR)}


def _from_the_root(stage: Stage) -> list[str]:
    """Entities, each after those that its rows need; of rings, in the order of the declaration."""
    left = [name for name in stage.subject.ready.entities if name != PERSON]
    done: list[str] = [PERSON]
    while left:
        free = [name for name in left if not _needs(stage, name) - {*done, name}] or left[:1]
        done += free
        left = [name for name in left if name not in free]
    return done[1:]


def _needs(stage: Stage, entity: str) -> set[str]:
    decl = stage.subject.entity(entity)
    needed = {
        field.to
        for name, field in decl.fields.items()
        if field.type == "ref" and (field.required or name == decl.parent)
    }
    return {name for name in needed if name}
