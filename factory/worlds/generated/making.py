"""Kinds of tasks that make rows or delete them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from app_clones.declared.model import PERSON, FieldDecl
from factory.verifiers.declared.deeds import Create, Delete, Fresh, New, Plan, Target
from factory.worlds.generated import phrases, values
from factory.worlds.generated.abilities import Abilities, Ability, Named
from factory.worlds.generated.kind import Bundle, Candidate, Kind, grouped, groups, is_free
from factory.worlds.generated.permitting import permits
from factory.worlds.generated.survey import Survey
from factory.worlds.generated.verbs import with_article
from factory.worlds.generated.wordings_write import WRITING

_TRIED = 60
_MOST_MEMBERS = 3
_MOST_FIELDS = 4


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
        above = survey.rows.get(about.above, ())
        if about.above == PERSON:  # what lies under others is theirs
            above = above[:1]
        parent = survey.target(rng.choice(above)) if above else None
        if parent is None:
            return None
    news = _first_values(survey, about, about.create, rng)
    slug = values.slug(survey, about, rng) if _names(about.create) else None
    if news is None or (slug is None and _must_name(about.create)):
        return None
    return Create(operation=about.create.name, entity=about.name, parent=parent, slug=slug, set=news)


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


# ---- rows deleted


def filter_delete(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """All rows, few, that share a value."""
    about = survey.can.of[subject]
    assert about.delete is not None
    plain = [name for name, one in about.shown.items() if one.type != "text" and name != about.decl.label]
    for what, members in groups(survey, about, rng, plain):
        if len(members) > _MOST_MEMBERS or not all(is_free(survey, one) for one in members):
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
    Kind("filter_delete", WRITING["filter_delete"], _deletable, filter_delete),
    Kind("recover_create", WRITING["recover_create"], _creatable, create, faulty=True),
)
