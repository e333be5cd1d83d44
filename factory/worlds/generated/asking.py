"""Kinds of tasks that ask for an answer and change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from factory.verifiers.declared.deeds import Condition, Count, Described, Largest, Plan, Read, Target, Value
from factory.verifiers.declared.find import spoken
from factory.worlds.generated import phrases
from factory.worlds.generated.abilities import Abilities, Ability
from factory.worlds.generated.kind import Bundle, Candidate, Kind, groups, key_of, shuffled
from factory.worlds.generated.survey import Seen, Survey, is_quotable
from factory.worlds.generated.wordings_ask import ASKING

_COUNTED = ("enum", "boolean", "ref", "integer", "string", "date")
_MEASURED = ("integer", "number", "date", "datetime")
_TOLD = ("string", "enum", "email", "url", "integer", "date", "datetime")
_PAIRS = 40


# ---- how many


def count(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """How many rows have a value; or lie under a row, or refer to it."""
    about = survey.can.of[subject]
    names = [name for name, one in about.shown.items() if one.type in _COUNTED and name != about.decl.label]
    names += [about.decl.parent] if about.decl.parent else []
    for what, members in groups(survey, about, rng, names):
        look = survey.look_for(what)
        if look is not None:
            plan = Plan(question=Count(what=what), look=look, answer=str(len(members)))
            things = phrases.rows(survey.can, what)
            yield (Candidate(things, plan, {"things": things, "plural": about.plural}),)


def _counted(can: Abilities) -> Iterable[str]:
    return (about.name for about in can if about.list and (about.shown or about.decl.parent))


# ---- which of two


def compare(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """Which of two rows has the larger number, the later date, or more rows of another kind."""
    about = survey.can.of[subject]
    label = about.decl.label or ""
    rows = [one for one in survey.rows.get(subject, ()) if is_quotable(one.values[label])]
    measures = [name for name, one in about.shown.items() if one.type in _MEASURED]
    below = _belows(survey.can, about)
    for _ in range(_PAIRS if len(rows) > 1 and (measures or below) else 0):
        one, other = rng.sample(rows, 2)
        if one.values[label] == other.values[label]:
            continue
        if measures and (not below or rng.random() < 0.6):
            found = _by_field(survey, about, rng.choice(measures), one, other)
        else:
            found = _by_number(survey, about, *rng.choice(below), one, other)
        if found:
            yield (found,)


def _by_field(survey: Survey, about: Ability, name: str, one: Seen, other: Seen) -> Candidate | None:
    first, second = one.values[name], other.values[name]
    if first is None or second is None or first == second:
        return None
    of = _pair(survey, one, other)
    if of is None or not all(survey.looking.shows(survey, seen, name) for seen in (one, other)):
        return None
    larger = "later" if about.decl.fields[name].type in ("date", "datetime") else "larger"
    look = tuple(read for seen in (one, other) for read in survey.looking.closely(seen))
    winner = one if first > second else other
    question = Largest(of=of, field=name, label=about.decl.label or "")
    return _compared(survey, question, f"the {larger} {phrases.noun_of(name)}", winner, look)


def _by_number(survey: Survey, about: Ability, entity: str, field: str, one: Seen, other: Seen) -> Candidate | None:
    first, second = _naming(survey, entity, field, one), _naming(survey, entity, field, other)
    of = _pair(survey, one, other)
    if of is None or len(first) == len(second):
        return None
    looks = [survey.look_for(Described(entity=entity, where=(Condition(field=field, row=each.what),))) for each in of]
    if looks[0] is None or looks[1] is None:
        return None
    question = Largest(of=of, field=field, entity=entity, label=about.decl.label or "")
    winner = one if len(first) > len(second) else other
    return _compared(survey, question, f"more {survey.can.of[entity].plural}", winner, (*looks[0], *looks[1]))


def _compared(survey: Survey, question: Largest, more: str, winner: Seen, look: tuple[Read, ...]) -> Candidate:
    one, other = (phrases.row(survey.can, each.what) for each in question.of)
    slots = {"one": one, "other": other, "more": more, "label": phrases.noun_of(question.label)}
    plan = Plan(question=question, look=look, answer=spoken(winner.values[question.label]))
    return Candidate(f"{one} {other}", plan, slots)


def _pair(survey: Survey, one: Seen, other: Seen) -> tuple[Target, Target] | None:
    first, second = survey.target(one), survey.target(other)
    return (first, second) if first and second else None


def _naming(survey: Survey, entity: str, field: str, seen: Seen) -> list[Seen]:
    return [one for one in survey.rows.get(entity, ()) if one.values[field] == seen.id]


def _belows(can: Abilities, about: Ability) -> list[tuple[str, str]]:
    """Entities of which anyone sees all rows, with the field by which they hang on ``about``'s."""
    return [
        (other.name, name)
        for other in can
        if other.list and not other.decl.owner and not other.decl.singleton
        for name, field in other.decl.fields.items()
        if field.type == "ref" and field.to == about.name and not field.repeated and not field.hidden
    ]


def _compared_entities(can: Abilities) -> Iterable[str]:
    for about in can:
        measured = any(field.type in _MEASURED for field in about.shown.values())
        if about.decl.label in about.shown and (measured or _belows(can, about)):
            yield about.name


# ---- what is it


def report(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """What a row's field holds."""
    about = survey.can.of[subject]
    names = [name for name, one in about.shown.items() if one.type in _TOLD and name != about.decl.label]
    for seen in shuffled(survey.rows.get(subject, ()), rng):
        told = [name for name in names if seen.values[name] is not None and is_quotable(seen.values[name])]
        target = survey.target(seen)
        name = rng.choice(told) if told else ""
        if not told or target is None or not survey.looking.shows(survey, seen, name):
            continue
        plan = Plan(
            question=Value(target=target, field=name),
            look=survey.looking.closely(seen),
            answer=spoken(seen.values[name]),
        )
        slots = {"row": phrases.row(survey.can, target.what), "field": phrases.noun_of(name)}
        yield (Candidate(key_of(seen), plan, slots),)


def _reported(can: Abilities) -> Iterable[str]:
    for about in can:
        if any(one.type in _TOLD and name != about.decl.label for name, one in about.shown.items()):
            yield about.name


ASKING_KINDS = (
    Kind("count", ASKING["count"], _counted, count),
    Kind("compare", ASKING["compare"], _compared_entities, compare),
    Kind("report", ASKING["report"], _reported, report),
)
