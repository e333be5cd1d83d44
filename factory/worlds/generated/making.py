"""Kinds of tasks that make rows or delete them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from app_clones.declared.model import PERSON, FieldDecl
from factory.verifiers.declared.deeds import Create, Delete, Fresh, New, Plan, Target
from factory.worlds.generated import phrases, values
from factory.worlds.generated.abilities import Abilities, Ability, Named
from factory.worlds.generated.kind import (
    Bundle,
    Candidate,
    Kind,
    can_copy,
    grouped,
    is_free,
    key_of,
    shuffled,
    small_groups,
)
from factory.worlds.generated.permitting import permits
from factory.worlds.generated.survey import Seen, Survey
from factory.worlds.generated.verbs import with_article
from factory.worlds.generated.wordings_write import WRITING

_TRIED = 60
_MOST_FIELDS = 4
_TAKEN = 3
"""Of so many ids that are tried for new rows, one is of a row that is there."""


def _creatable(can: Abilities) -> Iterable[str]:
    return (about.name for about in can if about.create and about.made and not about.decl.singleton)


# ---- one new row


def create(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """A new row with given fields, under a given row where it needs one."""
    about = survey.can.of[subject]
    for _ in range(_TRIED):
        made = _new_row(survey, about, rng)
        if made is None:
            continue
        slots = {
            "noun": about.noun,
            "a_noun": with_article(about.noun),
            "under": _under(survey, made),
            "fields": phrases.fields(survey.can, about.name, made.set, made.slug),
        }
        yield (Candidate(slots["fields"], Plan(deeds=(made,)), slots),)


def _new_row(survey: Survey, about: Ability, rng: Random, parent: Target | Fresh | None = None) -> Create | None:
    assert about.create is not None
    if about.above is not None and parent is None:
        parent = _any_parent(survey, about.above, rng)
        if parent is None:
            return None
    news = _first_values(survey, about, about.create, rng)
    slug = values.slug(survey, about, rng) if _names(about.create) else None
    if news is None or (slug is None and _must_name(about.create)):
        return None
    return Create(operation=about.create.name, entity=about.name, parent=parent, slug=slug, set=news)


def _any_parent(survey: Survey, above: str, rng: Random) -> Target | None:
    rows = survey.rows.get(above, ())
    if above == PERSON:  # what lies under others is theirs
        rows = rows[:1]
    return survey.target(rng.choice(rows)) if rows else None


def _first_values(survey: Survey, about: Ability, creating: Named, rng: Random) -> tuple[New, ...] | None:
    """The fields that a new row must have, its label, and some others; None where one cannot be given."""
    needed = [name for name, field in about.decl.fields.items() if _is_needed(about, name, field, creating)]
    if any(name not in about.made for name in needed):
        return None
    label = about.decl.label
    wanted = [*needed, *([label] if label and label in about.made and label not in needed else [])]
    free = [name for name in about.made if name not in wanted]
    wanted += rng.sample(free, min(len(free), max(0, min(2, _MOST_FIELDS - len(wanted)))))
    found = []
    for name in wanted:
        new = values.draw(survey, about, name, rng, (about.decl.fields[name].default,))
        if new is None and name in needed:
            return None
        if new is not None:
            found.append(new)
    return tuple(found) or None


def _is_needed(about: Ability, name: str, field: FieldDecl, creating: Named) -> bool:
    asked = any(p.role == "field" and p.field == name and p.required for p in creating.decl.params.values())
    lacking = (
        field.required
        and field.default is None
        and not field.auto
        and name not in (about.decl.parent, about.decl.owner)
    )
    return asked or (lacking and name not in creating.decl.set)


def _names(creating: Named) -> bool:
    return any(param.role == "new_id" for param in creating.decl.params.values())


def _must_name(creating: Named) -> bool:
    return any(param.role == "new_id" and param.required for param in creating.decl.params.values())


def _under(survey: Survey, made: Create) -> str:
    return f" for {phrases.row(survey.can, made.parent.what)}" if isinstance(made.parent, Target) else ""


# ---- a row, and one that needs it


def chain(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """A new row, then another under it or referring to it."""
    about = survey.can.of[subject]
    for _ in range(_TRIED):
        link = _link(survey.can, about, rng)
        if link is None:
            return
        first_about = survey.can.of[link[1]]
        first = _new_row(survey, first_about, rng)
        fresh = survey.looking.fresh(first) if first else None
        if first is None or fresh is None:
            continue
        second = _second(survey, about, link[0], fresh, rng)
        if second is None:
            continue
        noun = first_about.noun + _under(survey, first)
        other = about.noun + ("" if about.decl.parent == link[0] else _under(survey, second))
        more = [one for one in second.set if one.row is not fresh]
        slots = {
            "noun": noun,
            "a_noun": with_article(noun),
            "fields": phrases.fields(survey.can, first_about.name, first.set, first.slug),
            "second": other,
            "a_second": with_article(other),
            "link": " for it" if about.decl.parent == link[0] else f" that has it as its {phrases.noun_of(link[0])}",
            "more": phrases.fields(survey.can, subject, more, second.slug),
        }
        yield (Candidate(slots["fields"], Plan(deeds=(first, second)), slots),)


def _second(survey: Survey, about: Ability, field: str, fresh: Fresh, rng: Random) -> Create | None:
    if about.decl.parent == field:
        return _new_row(survey, about, rng, fresh)
    second = _new_row(survey, about, rng)
    if second is None:
        return None
    others = tuple(new for new in second.set if new.field != field)
    return second.model_copy(update={"set": (*others, New(field=field, row=fresh))}) if others else None


def _link(can: Abilities, about: Ability, rng: Random) -> tuple[str, str] | None:
    """A ref field of ``about``, and the entity that it names, of which rows can be made."""
    links = [name for name, one in about.made.items() if one.type == "ref"]
    links += [about.decl.parent] if about.decl.parent else []
    found = [(name, about.decl.fields[name].to or "") for name in links]
    found = [(name, to) for name, to in found if to in set(_creatable(can)) and to != about.name]
    return rng.choice(found) if found else None


def _chained(can: Abilities) -> Iterable[str]:
    return (name for name in _creatable(can) if _link(can, can.of[name], Random(0)))


# ---- a row under another one than it lies under, where nothing moves it in one go


def move(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """A row made anew under another one of the kind that it lies under, with what it holds, and then deleted."""
    about = survey.can.of[subject]
    for seen in shuffled(survey.rows.get(subject, ()), rng):
        moved = _moved(survey, about, seen, rng)
        if moved is None:
            continue
        made, gone = moved
        assert isinstance(made.parent, Target)
        names = [phrases.field(about.decl, new.field) for new in made.set]
        slots = {
            "row": phrases.row(survey.can, gone.target.what),
            "to": phrases.row(survey.can, made.parent.what),
            "fields": phrases.joined(["id", *names] if made.slug is not None else names),
        }
        yield (Candidate(key_of(seen), Plan(deeds=moved), slots),)


def _moved(survey: Survey, about: Ability, seen: Seen, rng: Random) -> tuple[Create, Delete] | None:
    assert about.create is not None
    assert about.delete is not None
    target, parent = survey.target(seen), _elsewhere(survey, about, seen, rng)
    if target is None or parent is None or not permits(survey, about.delete.decl, seen) or not is_free(survey, seen):
        return None
    news = _as_held(survey, about, about.create, seen, target)
    slug = seen.values.get("slug") if _names(about.create) else None
    if not news or (slug is None and _must_name(about.create)):
        return None
    made = Create(operation=about.create.name, entity=about.name, parent=parent, slug=slug, set=news)
    return made, Delete(operation=about.delete.name, target=target)


def _elsewhere(survey: Survey, about: Ability, seen: Seen, rng: Random) -> Target | None:
    """A row under which this one could lie and does not, nor another that is called like it."""
    called = {one.above.id for one in survey.rows[about.name] if one.name == seen.name and one.above}
    others = [one for one in survey.rows.get(about.above or "", ()) if one is not seen.above and one.id not in called]
    return survey.target(rng.choice(others)) if others else None


def _as_held(survey: Survey, about: Ability, creating: Named, seen: Seen, target: Target) -> tuple[New, ...]:
    """The first fields of a row that says the same as ``seen``: those that it must have and some more; none where one
    cannot be read from it."""
    needed = [name for name, field in about.decl.fields.items() if _is_needed(about, name, field, creating)]
    told = [name for name in about.made if can_copy(survey, about, seen, name)]
    if any(name not in told for name in needed):
        return ()
    found = target.model_copy(update={"look": (*target.look, *survey.looking.closely(seen))})
    names = [*needed, *(name for name in told if name not in needed)][: max(_MOST_FIELDS, len(needed))]
    return tuple(New(field=name, value=seen.values[name], source=found, source_field=name) for name in names)


def _movable(can: Abilities) -> Iterable[str]:
    return (name for name in _creatable(can) if can.of[name].delete and can.of[name].above not in (None, PERSON, name))


# ---- an id that is perhaps taken


def named_anew(survey: Survey, about: Ability, rng: Random) -> Iterator[tuple[Create, bool]]:
    """New rows under ids of which some are taken, so that the app refuses them (False). What the row is to hold is read
    from another one, else acting blindly would pay."""
    for number in range(_TRIED if survey.rows.get(about.name) else 0):
        made = _new_row(survey, about, rng)
        if made is None:
            continue
        above = made.parent.id if isinstance(made.parent, Target) else None
        here = {one.values["slug"] for one in survey.rows[about.name] if one.above is None or one.above.id == above}
        slugs = sorted(slug for slug in here if slug) if number % _TAKEN == 0 else [made.slug]
        slug = rng.choice(slugs) if slugs else None
        news = _copying(survey, about, made, slug, rng) if slug else None
        if news:
            yield made.model_copy(update={"slug": slug, "set": news}), slug not in here


def _copying(survey: Survey, about: Ability, made: Create, slug: str | None, rng: Random) -> tuple[New, ...] | None:
    """What ``made`` sets, one field of it as a row has it that is called otherwise than ``slug``."""
    for new in made.set:
        others = [one for one in survey.rows[about.name] if one.values["slug"] != slug]
        rows = [one for one in others if can_copy(survey, about, one, new.field)]
        source = rng.choice(rows) if rows else None
        target = survey.target(source) if source else None
        if source is None or target is None:
            continue
        found = target.model_copy(update={"look": (*target.look, *survey.looking.closely(source))})
        value = source.values[new.field]
        copy = New(field=new.field, value=value, source=found, source_field=new.field)
        return tuple(copy if one is new else one for one in made.set)
    return None


def names_anew(about: Ability) -> bool:
    """Whether its rows are created under ids that their client chooses, among those that all can see."""
    return bool(about.create and about.list and about.made and _names(about.create)) and about.decl.key.form == "given"


# ---- rows deleted


def filter_delete(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """All rows, few, that share a value."""
    about = survey.can.of[subject]
    assert about.delete is not None
    plain = [name for name, one in about.shown.items() if one.type != "text" and name != about.decl.label]
    for what, members in small_groups(survey, about, rng, plain):
        if not all(is_free(survey, one) for one in members):
            continue
        targets, look = grouped(survey, members), survey.look_for(what)
        if targets is None or look is None or not all(permits(survey, about.delete.decl, one) for one in members):
            continue
        deeds = tuple(Delete(operation=about.delete.name, target=one) for one in targets)
        slots = {"group": f"all {phrases.rows(survey.can, what)}", "plural": about.plural}
        yield (Candidate(phrases.rows(survey.can, what), Plan(deeds=deeds, every=what, look=look), slots),)


def _deletable(can: Abilities) -> Iterable[str]:
    return (about.name for about in can if about.delete and about.list and about.shown)


MAKING = (
    Kind("create", WRITING["create"], _creatable, create),
    Kind("chain", WRITING["chain"], _chained, chain),
    Kind("move", WRITING["move"], _movable, move),
    Kind("filter_delete", WRITING["filter_delete"], _deletable, filter_delete),
    Kind("recover_create", WRITING["recover_create"], _creatable, create, faulty=True),
)
