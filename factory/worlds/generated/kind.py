"""What a kind of task is, and what its generators share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from app_clones.declared.expand import is_path_keyed
from app_clones.declared.model import AppDecl, OperationDecl
from app_clones.kit.seeds import derive
from factory.verifiers.declared.deeds import ID, Condition, Described, New, Plan, Target
from factory.worlds.generated import values
from factory.worlds.generated.abilities import Abilities, Ability
from factory.worlds.generated.calls import by_path
from factory.worlds.generated.survey import Seen, Survey, is_quotable
from factory.worlds.wordings import Wordings

Json = Any
ME = 1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A task that could be drawn. ``key``: by which it is held out or not; ``slots``: what its wording says."""

    key: str
    plan: Plan
    slots: Mapping[str, str]


Bundle = tuple[Candidate, ...]
"""What is drawn together, in one wording: one candidate, or twins of which one is not to be acted on."""

Generator = Callable[[Survey, str, Random], Iterator[Bundle]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of task. ``subjects(can)``: the entities or operations of an app that it applies to, each giving a
    template; ``bundles(survey, subject, rng)``: what there is to draw, in an order that ``rng`` alone decides;
    ``size``: how many candidates a bundle has."""

    name: str
    wordings: Wordings
    subjects: Callable[[Abilities], Iterable[str]]
    bundles: Generator
    size: int = 1
    faulty: bool = False  # only for worlds whose tools now and then fail


def is_held_out(survey: Survey, key: str) -> bool:
    """Whether what goes by ``key`` is kept from training, in every template of the app."""
    return derive(survey.seed, "tasks", "split", survey.can.decl.app, key) % 4 == 0


def shuffled(rows: Sequence[Seen], rng: Random) -> list[Seen]:
    """Rows in random order."""
    return rng.sample(list(rows), len(rows))


def is_free(survey: Survey, seen: Seen, going: frozenset[tuple[str, int]] = frozenset()) -> bool:
    """Whether the row can be deleted: no row that stays hangs on it, nor on what goes with it. ``going``: rows that go
    already."""
    going |= {(seen.entity, seen.id)}
    for about in survey.can:
        for name, field in about.decl.fields.items():
            if field.type != "ref" or field.to != seen.entity or field.on_delete == "clear":
                continue
            if about.name not in survey.rows:  # too many to look through
                return False
            goes_too = field.on_delete == "cascade" or (about.decl.singleton and name == about.decl.parent)
            for one in _holders(survey, about.name, name, seen.id):
                if (one.entity, one.id) not in going and not (goes_too and is_free(survey, one, going)):
                    return False
    return True


def _holders(survey: Survey, entity: str, field: str, id: int) -> list[Seen]:
    """The rows whose ref ``field``, or one of its list, names row ``id``."""
    held = [(one, one.values[field]) for one in survey.rows[entity]]
    return [one for one, value in held if value == id or (isinstance(value, list) and id in value)]


def changed(survey: Survey, about: Ability, rows: Sequence[Seen], rng: Random, most: int = 1) -> tuple[New, ...]:
    """New values for one to ``most`` fields that none of ``rows`` has."""
    names = [name for name in about.changed if name != about.decl.label or len(rows) == 1]
    found = []
    for name in rng.sample(names, len(names)):
        new = values.draw(survey, about, name, rng, [one.values[name] for one in rows])
        if new is not None:
            found.append(new)
        if len(found) == most:
            break
    return tuple(found)


def links(about: Ability) -> list[str]:
    """The fields by which a row visibly refers to another one. A parent is seen even where no field shows it: rows are
    listed under it, and its name is part of theirs."""
    decl = about.decl
    return [
        name
        for name, field in decl.fields.items()
        if field.type == "ref" and not field.repeated and name != decl.owner
        if not field.hidden or name == decl.parent
    ]


MOST_MEMBERS = 4
"""Rows of a group of which each is to be changed."""


def small_groups(
    survey: Survey, about: Ability, rng: Random, names: Iterable[str]
) -> Iterator[tuple[Described, list[Seen]]]:
    """Groups of few rows; those of one row, which is no group to speak of, come last."""
    found = [one for one in groups(survey, about, rng, names) if len(one[1]) <= MOST_MEMBERS]
    return iter(sorted(found, key=lambda one: len(one[1]) == 1))


def groups(survey: Survey, about: Ability, rng: Random, names: Iterable[str]) -> Iterator[tuple[Described, list[Seen]]]:
    """Rows that share a field's value, described by it, in random order; never all rows there are.

    Where rows are listed under a parent only, they share the parent too.
    """
    alone = survey.can.lists_alone(about.name) if about.list else False
    found: dict[tuple[str, str, str], tuple[Condition, tuple[Condition, ...], list[Seen]]] = {}
    for name in names:
        for seen in survey.rows.get(about.name, ()):
            condition = shared(survey, about, seen, name)
            under = () if alone else survey.under(seen)
            if condition is None or under is None:
                continue
            key = (name, repr(condition), repr(under))
            found.setdefault(key, (condition, under, []))[2].append(seen)
    rows = survey.rows.get(about.name, ())
    for key in rng.sample(sorted(found), len(found)):
        condition, under, members = found[key]
        where = (condition, *(one for one in under if one != condition))
        if len(members) < len(rows):
            yield Described(entity=about.name, where=where), members


def shared(survey: Survey, about: Ability, seen: Seen, name: str) -> Condition | None:
    """The row's value of a field, as a condition; None where nobody would go by it."""
    field, value = about.decl.fields[name], seen.values[name]
    if value is None or not survey.tells(about.name, name, value):
        return None
    if field.type == "ref":
        named = survey.named(seen, name)
        what = survey.describe(named) if named else None
        return Condition(field=name, row=what) if what else None
    return Condition(field=name, value=value) if is_quotable(value) else None


def is_named(what: Described) -> bool:
    """Whether the description says how the row is called, and all that it lies under."""
    return all(one.field == ID or (one.row is not None and is_named(one.row)) for one in what.where)


def is_told(decl: AppDecl, what: Described, operation: OperationDecl | None = None) -> bool:
    """Whether the description alone tells how ``operation`` wants the row to be named, or how a field holds it: whoever
    reads the instruction then need not look for the row."""
    if operation is None:
        return is_named(what) if is_path_keyed(decl, what.entity) else _has_id(what)
    line = {one.entity: one for one in _line(what)}
    return all(
        param.entity in line and (is_named if by_path(decl, param, param.entity) else _has_id)(line[param.entity])
        for param in operation.params.values()
        if param.role == "row" and param.entity and param.required
    )


def _has_id(what: Described) -> bool:
    return any(one.field == ID for one in what.where)


def _line(what: Described) -> Iterator[Described]:
    yield what
    for one in what.where:
        if one.row is not None:
            yield from _line(one.row)


def by_properties(
    survey: Survey, about: Ability, seen: Seen, rng: Random, but: Collection[str] = ()
) -> Described | None:
    """The row by two or three properties that together fit it alone, none of them of the fields ``but``."""
    under = () if about.list and survey.can.lists_alone(about.name) else survey.under(seen)
    if under is None:
        return None
    fields = about.decl.fields
    names = [
        name
        for name in about.shown
        if name != about.decl.label
        and name not in but
        and fields[name].type not in ("text", "ref")
        and is_quotable(seen.values[name])
        and survey.tells(about.name, name, seen.values[name])
    ]
    where: tuple[Condition, ...] = ()
    for name in rng.sample(names, len(names))[:3]:
        where = (*where, Condition(field=name, value=seen.values[name]))
        what = Described(entity=about.name, where=(*where, *under))
        if len(where) > 1 and survey.matching(what) == [seen]:
            return what
    return None


def sought(
    survey: Survey, operation: OperationDecl, seen: Seen, rng: Random, telling: Collection[str] = ()
) -> Target | None:
    """The row as a target of ``operation`` that must be looked for, else acting blindly would pay; its description
    leaves out the fields ``telling``, which decide whether to act."""
    about, usual = survey.can.of[seen.entity], survey.target(seen)
    told = usual is None or is_told(survey.can.decl, usual.what, operation)
    if not told and about.decl.label not in telling:
        return usual
    what = None if about.decl.singleton else by_properties(survey, about, seen, rng, telling)
    return survey.target(seen, what) if what else None


_COPIED = ("string", "text", "email", "url", "integer", "number", "date", "datetime", "enum", "boolean")


def can_copy(survey: Survey, about: Ability, seen: Seen, name: str) -> bool:
    """Whether what a field of the row holds can be read, and given to another row of its kind."""
    value = seen.values[name]
    plain = about.decl.fields[name].type in _COPIED and value is not None and is_quotable(value)
    return plain and not is_unique(about, name) and survey.looking.shows(survey, seen, name)


def is_unique(about: Ability, name: str) -> bool:
    """Whether no two rows, or no two under one parent, hold the same there."""
    return any(name in group for group in about.decl.unique)


def grouped(survey: Survey, members: Iterable[Seen]) -> list[Target] | None:
    """The members as targets whose reads are the group's; None where one cannot be told from others."""
    found = []
    for seen in members:
        target = survey.target(seen)
        if target is None:
            return None
        found.append(target.model_copy(update={"look": ()}))
    return found


def key_of(seen: Seen) -> str:
    """What a row is called, to be held out by."""
    return f"{seen.entity}:{seen.path}"
