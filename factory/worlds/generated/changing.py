"""Kinds of tasks that change rows which are there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from random import Random
from typing import Any

from factory.verifiers.declared.deeds import New, Plan, Target, Update
from factory.worlds.generated import phrases, values
from factory.worlds.generated.abilities import Abilities, Ability
from factory.worlds.generated.kind import (
    Bundle,
    Candidate,
    Kind,
    by_properties,
    changed,
    grouped,
    is_unique,
    key_of,
    links,
    shuffled,
    small_groups,
    sought,
)
from factory.worlds.generated.permitting import permits
from factory.worlds.generated.survey import Seen, Survey, is_quotable
from factory.worlds.generated.wordings_write import WRITING

Json = Any
_COPIED = ("string", "text", "email", "url", "integer", "number", "date", "datetime")


def _updatable(can: Abilities) -> Iterable[str]:
    return (about.name for about in can if about.update and about.changed)


def _update(about: Ability, target: Target, news: tuple[New, ...]) -> Update:
    assert about.update is not None
    return Update(operation=about.update.name, target=target, set=news)


def _open_rows(survey: Survey, about: Ability, rng: Random) -> Iterator[Seen]:
    """Rows that may be updated, in random order."""
    assert about.update is not None
    return (one for one in shuffled(survey.rows.get(about.name, ()), rng) if permits(survey, about.update.decl, one))


def _slots(survey: Survey, about: Ability, target: Target, news: Sequence[New]) -> dict[str, str]:
    return {"row": phrases.row(survey.can, target.what), "changes": phrases.changes(survey.can, about.name, news)}


# ---- one row by its name


_LOOKED_FOR = 2
"""Rows that must be looked for to each that the instruction tells all of: who never looks earns a third at most."""


def _targets(survey: Survey, about: Ability, rows: Iterable[Seen], rng: Random) -> Iterator[tuple[Seen, Target]]:
    """Rows as targets of an update, most of them such that acting blindly does not pay."""
    assert about.update is not None
    told: list[tuple[Seen, Target]] = []
    looked = 0
    for seen in rows:
        target, usual = sought(survey, about.update.decl, seen, rng), survey.target(seen)
        if target:
            looked += 1
            yield seen, target
        elif usual:
            told.append((seen, usual))
        if told and looked >= _LOOKED_FOR:
            looked -= _LOOKED_FOR
            yield told.pop(0)


def find_update(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """A row by what it is called; one or two fields changed."""
    about = survey.can.of[subject]
    for seen, target in _targets(survey, about, _open_rows(survey, about, rng), rng):
        named = {one.field for one in target.what.where} - {about.decl.label}
        news = [new for new in changed(survey, about, [seen], rng, rng.choice((1, 1, 2))) if new.field not in named]
        if news:
            plan = Plan(deeds=(_update(about, target, tuple(news)),))
            yield (Candidate(key_of(seen), plan, _slots(survey, about, target, news)),)


def undo(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """A row that was changed by mistake; where another one tells what it held before, the instruction does not."""
    about = survey.can.of[subject]
    before = {one.id: one.before for one in survey.slips if one.entity == subject}
    slipped = (seen for seen in _open_rows(survey, about, rng) if seen.id in before)
    for seen, target in _targets(survey, about, slipped, rng):
        named = {one.field for one in target.what.where} - {about.decl.label}
        held = {name: value for name, value in before[seen.id].items() if value != seen.values[name]}
        if not held or named & held.keys():
            continue
        news = [_restored(survey, about, name, value, before, rng) for name, value in held.items()]
        plan = Plan(deeds=(_update(about, target, tuple(news)),))
        slots = {"row": phrases.row(survey.can, target.what), "story": _story(survey, about, seen, news)}
        yield (Candidate(key_of(seen), plan, slots),)


def _restored(survey: Survey, about: Ability, name: str, value: Json, slipped: Collection[int], rng: Random) -> New:
    """What a field held, read from a row that was not changed and holds the same, if there is one."""
    alike = [one for one in survey.rows[about.name] if one.id not in slipped and one.values[name] == value]
    source = rng.choice(alike) if alike and about.decl.fields[name].type != "boolean" else None
    found = survey.target(source) if source and survey.looking.shows(survey, source, name) else None
    if source is None or found is None:
        return New(field=name, value=value)
    found = found.model_copy(update={"look": (*found.look, *survey.looking.closely(source))})
    return New(field=name, value=value, source=found, source_field=name)


def _story(survey: Survey, about: Ability, seen: Seen, news: Iterable[New]) -> str:
    return phrases.joined(_slip(survey, about, seen, new) for new in news)


def _slip(survey: Survey, about: Ability, seen: Seen, new: New) -> str:
    field, wrong = phrases.field(about.decl, new.field), phrases.worded(seen.values[new.field])
    if new.source is None:
        return f"its {field} was changed from {phrases.worded(new.value)} to {wrong}"
    alike = phrases.row(survey.can, new.source.what)
    return f"its {field} was changed to {wrong}, while before it was the same as that of {alike}"


# ---- one row by its properties


def match_update(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """A row by two or three properties that together fit it alone."""
    about = survey.can.of[subject]
    for seen in _open_rows(survey, about, rng):
        what = by_properties(survey, about, seen, rng)
        target = survey.target(seen, what) if what else None
        if what is None or target is None:
            continue
        named = {one.field for one in what.where}
        news = tuple(new for new in changed(survey, about, [seen], rng, 4) if new.field not in named)[:1]
        if news:
            plan = Plan(deeds=(_update(about, target, news),))
            yield (Candidate(key_of(seen), plan, _slots(survey, about, target, news)),)


# ---- rows by what they refer to


def relation(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """All rows of one other row: its children, or those that refer to it."""
    about = survey.can.of[subject]
    assert about.update is not None
    for what, members in small_groups(survey, about, rng, links(about)):
        targets = grouped(survey, members)
        if targets is None or not all(permits(survey, about.update.decl, one) for one in members):
            continue
        named = {one.field for one in what.where}
        news = tuple(new for new in changed(survey, about, members, rng, 3) if new.field not in named)[:1]
        news = tuple(new for new in news if not is_unique(about, new.field))
        look = survey.look_for(what)
        if news and look is not None:
            plan = Plan(deeds=tuple(_update(about, one, news) for one in targets), every=what, look=look)
            slots = {
                "group": f"all {phrases.rows(survey.can, what)}",
                "changes": phrases.changes(survey.can, about.name, news),
            }
            yield (Candidate(phrases.rows(survey.can, what), plan, slots),)


def transfer(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """A row that is to refer to another one than it does."""
    about = survey.can.of[subject]
    for seen in _open_rows(survey, about, rng):
        names = [name for name, one in about.changed.items() if one.type == "ref" and seen.values[name] is not None]
        target = survey.target(seen)
        for name in rng.sample(names, len(names))[:1]:
            new = values.other_value(survey, about, seen, name, rng)
            if target is None or new is None or not isinstance(new.row, Target):
                continue
            plan = Plan(deeds=(_update(about, target, (new,)),))
            slots = {
                "row": phrases.row(survey.can, target.what),
                "field": phrases.field(about.decl, name),
                "to": phrases.row(survey.can, new.row.what),
            }
            yield (Candidate(key_of(seen), plan, slots),)


def _with_refs(can: Abilities) -> Iterable[str]:
    return (one for one in _updatable(can) if any(field.type == "ref" for field in can.of[one].changed.values()))


# ---- a value of one row for another


def copy(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """What one row holds, written into another: of another entity where there is a field of that type."""
    about = survey.can.of[subject]
    fields = [name for name, one in about.changed.items() if one.type in _COPIED]
    fields = [name for name in fields if name != about.decl.label and not is_unique(about, name)]
    for seen in _open_rows(survey, about, rng):
        target = survey.target(seen)
        if target is None or not fields:
            continue
        name = rng.choice(fields)
        for source, source_field in _sources(survey, about, seen, name, rng)[:1]:
            found = survey.target(source)
            if found is None or not survey.looking.shows(survey, source, source_field):
                continue
            found = found.model_copy(update={"look": (*found.look, *survey.looking.closely(source))})
            value = source.values[source_field]
            new = New(field=name, value=value, source=found, source_field=source_field)
            plan = Plan(deeds=(_update(about, target, (new,)),))
            slots = {
                "row": phrases.row(survey.can, target.what),
                "field": phrases.field(about.decl, name),
                "source": phrases.row(survey.can, found.what),
                "source_field": phrases.field(survey.can.of[source.entity].decl, source_field),
            }
            yield (Candidate(key_of(seen), plan, slots),)


def _sources(survey: Survey, about: Ability, seen: Seen, name: str, rng: Random) -> list[tuple[Seen, str]]:
    field = about.decl.fields[name]
    mine: list[tuple[Seen, str]] = []
    others: list[tuple[Seen, str]] = []
    for other in survey.can:
        for key, one in other.shown.items():
            same = other.name == about.name and key == name
            akin = one.type == field.type and one.type in ("email", "url", "date") and field.pattern is None
            if not same and not akin:
                continue
            for row in survey.rows.get(other.name, ()):
                value = row.values[key]
                if row is not seen and value is not None and value != seen.values[name] and is_quotable(value):
                    (mine if same else others).append((row, key))
    found = others if others and rng.random() < 0.5 else mine or others
    return rng.sample(found, min(len(found), 5))


CHANGING = (
    Kind("find_update", WRITING["find_update"], _updatable, find_update),
    Kind("match_update", WRITING["match_update"], _updatable, match_update),
    Kind("relation", WRITING["relation"], _updatable, relation),
    Kind("transfer", WRITING["transfer"], _with_refs, transfer),
    Kind("copy", WRITING["copy"], _updatable, copy),
    Kind("undo", WRITING["undo"], _updatable, undo),
    Kind("recover", WRITING["recover"], _updatable, find_update, faulty=True),
)
