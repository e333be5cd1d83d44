"""What a plan done rightly leaves behind: its deeds done to the start's rows, its question answered from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from app_clones.declared.model import AppDecl
from app_clones.kit.schema import Table
from factory.errors import VerifierError
from factory.verifiers.declared.deeds import (
    Act,
    Count,
    Create,
    Delete,
    Fresh,
    Guard,
    Largest,
    New,
    Plan,
    Question,
    Target,
    Update,
    Value,
)
from factory.verifiers.declared.effects import Effects, Refused
from factory.verifiers.declared.find import entity_of, matching, one, spoken, stored, table_of
from factory.verifiers.net_change import Expected
from factory.verifiers.start import Start


def expected(
    decl: AppDecl, tables: Mapping[str, Table], plan: Plan, start: Start, handled: Collection[str] = ()
) -> Expected:
    """What ``plan`` leaves. ``tables``: the world's, by name; ``handled``: the events that some app handles.

    Raises VerifierError where the plan does not fit the world: a description that fits no row or several, rows of a
    group that are not those of the deeds.
    """
    if plan.guard and not _holds(decl, start, plan.guard):
        return Expected((), outcome="declined")
    if plan.every:
        _check_group(decl, start, plan)
    done = _Doing(decl, start, tables, handled)
    try:
        for deed in plan.deeds:
            done.do(deed)
    except Refused:
        return Expected((), outcome="declined")
    answer = _answer(decl, start, plan.question) if plan.question else None
    return Expected(done.effects.rows.changes(), answer=answer)


class _Doing:
    def __init__(self, decl: AppDecl, start: Start, tables: Mapping[str, Table], handled: Collection[str]) -> None:
        self.decl, self.start = decl, start
        self.effects = Effects(decl, start, tables, handled)
        self.made: list[int] = []

    def do(self, deed: Create | Update | Delete | Act) -> None:
        """One deed; ``made`` then tells the row that it made or was about."""
        if isinstance(deed, Create):
            self.made.append(self.effects.create(deed.operation, deed.entity, self._first(deed)))
            return
        entity, id = deed.target.what.entity, one(self.decl, self.start, deed.target.what)
        self.made.append(id)
        if isinstance(deed, Update):
            self.effects.update(deed.operation, entity, id, self._columns(entity, deed.set))
        elif isinstance(deed, Delete):
            self.effects.delete(deed.operation, entity, id)
        else:
            self.effects.act(deed.operation, entity, id, {new.field: self._input(new) for new in deed.inputs})

    def _first(self, deed: Create) -> dict[str, Any]:
        about = self.decl.entities[deed.entity]
        values = self._columns(deed.entity, deed.set)
        if deed.parent and about.parent:
            values[about.parent] = self._row(deed.parent)
        if deed.slug is not None:
            values["slug"] = deed.slug
        return values

    def _columns(self, entity: str, news: Iterable[New]) -> dict[str, Any]:
        return {new.field: self._column(entity, new) for new in news}

    def _column(self, entity: str, new: New) -> Any:
        if new.row:
            return self._row(new.row)
        field = entity_of(self.decl, entity).fields[new.field]
        if new.source is None:
            return stored(field, new.value)
        return self._copied(new)

    def _input(self, new: New) -> Any:
        if new.row:
            return self._row(new.row)
        return new.value if new.source is None else self._copied(new)

    def _copied(self, new: New) -> Any:
        assert new.source is not None
        what = new.source.what
        return self.start.row(table_of(self.decl, what.entity), one(self.decl, self.start, what))[new.source_field]

    def _row(self, row: Target | Fresh) -> int:
        return self.made[row.deed] if isinstance(row, Fresh) else one(self.decl, self.start, row.what)


def _holds(decl: AppDecl, start: Start, guard: Guard) -> bool:
    what = guard.target.what
    row = start.row(table_of(decl, what.entity), one(decl, start, what))
    return bool(row[guard.field] == stored(entity_of(decl, what.entity).fields[guard.field], guard.value))


def _check_group(decl: AppDecl, start: Start, plan: Plan) -> None:
    assert plan.every is not None
    meant = matching(decl, start, plan.every)
    there = sorted(one(decl, start, deed.target.what) for deed in plan.deeds if not isinstance(deed, Create))
    if meant != there:
        raise VerifierError(f"the group is rows {meant}, the deeds are about {there}", "build the world again")


def _answer(decl: AppDecl, start: Start, question: Question) -> str:
    if isinstance(question, Count):
        return str(len(matching(decl, start, question.what)))
    if isinstance(question, Value):
        what = question.target.what
        return spoken(start.row(table_of(decl, what.entity), one(decl, start, what))[question.field])
    return _largest(decl, start, question)


def _largest(decl: AppDecl, start: Start, question: Largest) -> str:
    sized = []
    for target in question.of:
        table, id = table_of(decl, target.what.entity), one(decl, start, target.what)
        row = start.row(table, id)
        if question.entity is None:
            size = row[question.field]
        else:
            size = len(start.rows(f"SELECT id FROM {table_of(decl, question.entity)} WHERE {question.field} = ?", id))
        sized.append((size, spoken(row[question.label])))
    sizes = [size for size, _ in sized]
    if None in sizes or sizes.count(max(sizes)) > 1:
        raise VerifierError(f"none is the largest: {sizes}", "build the world again")
    return next(label for size, label in sized if size == max(sizes))
