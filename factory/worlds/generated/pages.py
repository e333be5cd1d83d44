"""The honest agent's way through the pages: what to open, press and fill, by the labels that a person reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app_clones.declared.model import PERSON, AppDecl
from app_clones.declared.pages_inputs import Input, inputs_of
from app_clones.declared.pages_plan import plan as pages_of
from factory.environment import Action
from factory.verifiers.declared.deeds import Act, Count, Create, Deed, Delete, Fresh, New, Plan, Target, targets_of

Json = Any


@dataclass(frozen=True, slots=True)
class Open:
    """Go to an address."""

    url: str


@dataclass(frozen=True, slots=True)
class Find:
    """On the page that is open, or a later one of its list, press the link to the address."""

    url: str


@dataclass(frozen=True, slots=True)
class Called:
    """A row, by how the app calls it: to be chosen, or typed, under the name that people see. ``path``: its resource
    name, which tells it from those of the same name that lie under others."""

    entity: str
    name: Json
    path: str


@dataclass(frozen=True, slots=True)
class Fill:
    """Fill the form that is open, by label, and send it."""

    values: tuple[tuple[str, str | bool | Called], ...]


@dataclass(frozen=True, slots=True)
class Read:
    """Every page of the list that is open."""


@dataclass(frozen=True, slots=True)
class End:
    """Hand in, or decline."""

    action: Action


Errand = Open | Find | Fill | Read | End


def errands(decl: AppDecl, plan: Plan) -> tuple[Errand, ...]:
    """What to do in the pages for ``plan``. Raises ValueError where they do not offer it."""
    return tuple(_errands(decl, plan))


def _errands(decl: AppDecl, plan: Plan) -> Iterator[Errand]:
    if isinstance(plan.question, Count):
        yield from (Open(f"/{decl.app}/{plan.question.what.entity}"), Read())
    elif plan.question or not plan.act:
        for target in targets_of(plan):
            yield from _found(decl, target)
    if not plan.act:
        yield End(Action("task_decline", {}))
        return
    for deed in plan.deeds:
        yield from _done(decl, deed)
    yield End(Action("task_submit", {"answer": plan.answer} if plan.question else {}))


def _found(decl: AppDecl, target: Target) -> Iterator[Errand]:
    entity = target.what.entity
    if entity != PERSON:
        yield from (Open(f"/{decl.app}/{entity}"), Find(f"/{decl.app}/{entity}/{target.id}"))


def _done(decl: AppDecl, deed: Deed) -> Iterator[Errand]:
    for new in () if isinstance(deed, Act | Delete) else deed.set:
        if new.source:
            yield from _found(decl, new.source)
    if isinstance(deed, Create):
        operation = pages_of(decl).shelves[deed.entity].create or ""
        yield Open(f"/{decl.app}/{deed.entity}/new")
        yield Fill(_made(decl, deed, inputs_of(decl, operation)))
        return
    entity = deed.target.what.entity
    row = f"/{decl.app}/{entity}/{deed.target.id}"
    shelf = pages_of(decl).shelves[entity]
    yield from _found(decl, deed.target)
    if isinstance(deed, Delete):
        yield from (Find(f"{row}/delete"), Fill(()))
    elif isinstance(deed, Act):
        given = {new.field: new for new in deed.inputs}
        values = [
            (one.label, _held(one, given[one.place[0]]))
            for one in inputs_of(decl, deed.operation)
            if one.place[0] in given
        ]
        yield from (Open(f"{row}/do/{deed.operation}"), Fill(tuple(values)))
    else:
        yield from (Find(f"{row}/edit"), Fill(_set(inputs_of(decl, shelf.update or ""), deed.set)))


def _made(decl: AppDecl, deed: Create, inputs: Sequence[Input]) -> tuple[tuple[str, str | bool | Called], ...]:
    values = list(_set(inputs, deed.set))
    parent = decl.entities[deed.entity].parent
    if deed.parent is not None and parent is not None:
        above = decl.entities[deed.entity].fields[parent].to or PERSON
        label = next((one.label for one in inputs if one.names_row and one.field == parent), None)
        label = label or next(one.label for one in inputs if one.names_row or one.field == parent)
        values.insert(0, (label, _called(above, deed.parent)))
    if deed.slug is not None:
        values.append(("ID", deed.slug))
    return tuple(values)


def _set(inputs: Sequence[Input], news: Sequence[New]) -> tuple[tuple[str, str | bool | Called], ...]:
    by_field = {one.field: one for one in inputs if one.field and not one.names_row}
    missing = [new.field for new in news if new.field not in by_field]
    if missing:
        raise ValueError(f"no page takes {', '.join(missing)}")
    return tuple((by_field[new.field].label, _held(by_field[new.field], new)) for new in news)


def _held(one: Input, new: New) -> str | bool | Called:
    if new.row is not None:
        return _called(one.value.to or PERSON, new.row)
    if isinstance(new.value, bool):
        return new.value if one.control == "checkbox" else "Yes" if new.value else "No"
    if isinstance(new.value, float) and new.value.is_integer():
        return str(int(new.value))
    return new.value if isinstance(new.value, str) else json.dumps(new.value)


def _called(entity: str, row: Target | Fresh) -> Called:
    path = "" if entity == PERSON else row.paths.get(entity, "")  # no two people have one address
    return Called(entity, row.names[entity], path)
