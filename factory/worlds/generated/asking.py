"""Kinds of tasks that ask for an answer and change nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any, TypeVar

from factory.verifiers.declared.deeds import Condition, Count, Described, Largest, Plan, Read, Target, Value
from factory.verifiers.declared.find import spoken
from factory.worlds.generated import phrases
from factory.worlds.generated.abilities import Abilities, Ability
from factory.worlds.generated.kind import Bundle, Candidate, Kind, groups, key_of, links, shuffled
from factory.worlds.generated.survey import Seen, Survey, is_quotable
from factory.worlds.generated.wordings_ask import ASKING

A = TypeVar("A", int, str)
_COUNTED = ("enum", "boolean", "ref", "integer", "string", "date")
_MEASURED = ("integer", "number", "date", "datetime")
_TOLD = ("string", "enum", "email", "url", "integer", "date", "datetime")
_TRIED = 40
_COMPARED = 3
"""Rows that a comparison is between. Of two, a guess would be right half the time."""
_FEWEST_ANSWERS = 3
"""As long as groups of so many answers are left, more are asked for: none is to be guessed from others."""


# ---- how many


def count(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """How many rows have a value; or lie under a row, or refer to it."""
    about = survey.can.of[subject]
    names = [name for name, one in about.shown.items() if one.type in _COUNTED and name != about.decl.label]
    names += [about.decl.parent] if about.decl.parent else []
    sized: dict[int, list[Described]] = {}
    for what, members in groups(survey, about, rng, names):
        sized.setdefault(len(members), []).append(what)
    for one in _in_turn({size: _counts(survey, about, size, those) for size, those in sized.items()}, rng):
        yield (one,)


def _in_turn(answered: dict[A, Iterator[Candidate]], rng: Random) -> Iterator[Candidate]:
    """One of each answer, then one of each that is left: else most counts would be 1, most states the usual one."""
    first = True
    while answered and (first or len(answered) >= _FEWEST_ANSWERS):
        for answer in rng.sample(sorted(answered), len(answered)):
            one = next(answered[answer], None)
            if one is None:
                del answered[answer]
            else:
                yield one
        first = False


def _counts(survey: Survey, about: Ability, size: int, those: Iterable[Described]) -> Iterator[Candidate]:
    for what in those:
        look = survey.look_for(what)
        if look is not None:
            plan = Plan(question=Count(what=what), look=look, answer=str(size))
            things = phrases.rows(survey.can, what)
            yield Candidate(things, plan, {"things": things, "plural": about.plural})


def _counted(can: Abilities) -> Iterable[str]:
    return (about.name for about in can if about.list and (about.shown or about.decl.parent))


# ---- which of several


def compare(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """Which of three rows has the largest number, the latest date, or most rows of another kind."""
    about = survey.can.of[subject]
    label = about.decl.label or ""
    rows = [one for one in survey.rows.get(subject, ()) if is_quotable(one.values[label])]
    measures = [name for name, one in about.shown.items() if one.type in _MEASURED]
    below = belows(survey.can, about)
    won = Counter[str]()
    place = rng.randrange(_COMPARED)  # of the right one, in turn: no place is the best to guess
    for _ in range(_TRIED if len(rows) >= _COMPARED and (measures or below) else 0):
        chosen = rng.sample(rows, _COMPARED)
        if len({one.values[label] for one in chosen}) < _COMPARED:
            continue
        if measures and (not below or rng.random() < 0.6):
            found = _by_field(survey, about, rng.choice(measures), chosen, place)
        else:
            found = _by_number(survey, about, *rng.choice(below), chosen, place)
        if found and won[found.plan.answer] * _FEWEST_ANSWERS <= won.total():
            won[found.plan.answer] += 1
            place = (place + 1) % _COMPARED
            yield (found,)


def _by_field(survey: Survey, about: Ability, name: str, drawn: list[Seen], place: int) -> Candidate | None:
    chosen = _placed(drawn, [one.values[name] for one in drawn], place)
    of = _targets(survey, chosen) if chosen else None
    if of is None or not all(survey.looking.shows(survey, seen, name) for seen in chosen):
        return None
    largest = "latest" if about.decl.fields[name].type in ("date", "datetime") else "largest"
    look = tuple(read for seen in chosen for read in survey.looking.closely(seen))
    question = Largest(of=of, field=name, label=about.decl.label or "")
    return _compared(survey, question, f"the {largest} {phrases.field(about.decl, name)}", chosen[place], look)


def _by_number(
    survey: Survey, about: Ability, entity: str, field: str, drawn: list[Seen], place: int
) -> Candidate | None:
    chosen = _placed(drawn, [len(_naming(survey, entity, field, one)) for one in drawn], place)
    of = _targets(survey, chosen) if chosen else None
    if of is None:
        return None
    looks = [survey.look_for(Described(entity=entity, where=(Condition(field=field, row=each.what),))) for each in of]
    if any(look is None for look in looks):
        return None
    question = Largest(of=of, field=field, entity=entity, label=about.decl.label or "")
    look = tuple(read for each in looks for read in each or ())
    return _compared(survey, question, f"the most {survey.can.of[entity].plural}", chosen[place], look)


def _placed(drawn: list[Seen], sizes: list[Any], place: int) -> list[Seen]:
    """The rows, turned so that the one of the largest size stands at ``place``; none where one has no size, or two have
    the largest."""
    if None in sizes or sizes.count(max(sizes)) > 1:
        return []
    turn = sizes.index(max(sizes)) - place
    return [*drawn[turn:], *drawn[:turn]]


def _compared(survey: Survey, question: Largest, most: str, winner: Seen, look: tuple[Read, ...]) -> Candidate:
    told = [phrases.row(survey.can, each.what) for each in question.of]
    slots = {
        "any": phrases.joined(told, "or"),
        "all": phrases.joined(told),
        "most": most,
        "label": phrases.noun_of(question.label),
    }
    plan = Plan(question=question, look=look, answer=spoken(winner.values[question.label]))
    return Candidate(slots["all"], plan, slots)


def _targets(survey: Survey, chosen: list[Seen]) -> tuple[Target, ...] | None:
    found = [survey.target(one) for one in chosen]
    there = tuple(one for one in found if one is not None)
    return there if len(there) == len(found) else None


def _naming(survey: Survey, entity: str, field: str, seen: Seen) -> list[Seen]:
    return [one for one in survey.rows.get(entity, ()) if one.values[field] == seen.id]


def belows(can: Abilities, about: Ability) -> list[tuple[str, str]]:
    """Entities of which anyone sees all rows, with the field by which they hang on ``about``'s."""
    return [
        (other.name, name)
        for other in can
        if other.list and not other.decl.owner and not other.decl.singleton
        for name in links(other)
        if other.decl.fields[name].to == about.name
    ]


def _compared_entities(can: Abilities) -> Iterable[str]:
    for about in can:
        measured = any(field.type in _MEASURED for field in about.shown.values())
        if about.decl.label in about.shown and (measured or belows(can, about)):
            yield about.name


# ---- what is it


def report(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """What a row's field holds."""
    about = survey.can.of[subject]
    names = [name for name, one in about.shown.items() if one.type in _TOLD and name != about.decl.label]
    answered: dict[str, list[tuple[Seen, str]]] = {}
    for seen in shuffled(survey.rows.get(subject, ()), rng):
        told = [name for name in names if seen.values[name] is not None and is_quotable(seen.values[name])]
        if told:
            name = rng.choice(told)
            answered.setdefault(spoken(seen.values[name]), []).append((seen, name))
    for one in _in_turn({answer: _reports(survey, those) for answer, those in answered.items()}, rng):
        yield (one,)


def _reports(survey: Survey, those: Iterable[tuple[Seen, str]]) -> Iterator[Candidate]:
    for seen, name in those:
        target = survey.target(seen)
        if target is None or not survey.looking.shows(survey, seen, name):
            continue
        plan = Plan(
            question=Value(target=target, field=name),
            look=survey.looking.closely(seen),
            answer=spoken(seen.values[name]),
        )
        slots = {
            "row": phrases.row(survey.can, target.what),
            "field": phrases.field(survey.can.of[seen.entity].decl, name),
        }
        yield Candidate(key_of(seen), plan, slots)


def _reported(can: Abilities) -> Iterable[str]:
    for about in can:
        if any(one.type in _TOLD and name != about.decl.label for name, one in about.shown.items()):
            yield about.name


ASKING_KINDS = (
    Kind("count", ASKING["count"], _counted, count),
    Kind("compare", ASKING["compare"], _compared_entities, compare),
    Kind("report", ASKING["report"], _reported, report),
)
