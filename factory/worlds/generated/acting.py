"""Kinds of tasks around custom operations, and around what the app or its owner forbids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from app_clones.declared.model import OperationDecl
from factory.verifiers.declared.deeds import Act, Deed, Delete, Guard, New, Plan, Target, Update
from factory.worlds.generated import phrases, values
from factory.worlds.generated.abilities import Abilities, Ability, Named
from factory.worlds.generated.kind import Bundle, Candidate, Kind, changed, is_free, key_of, permits, shuffled
from factory.worlds.generated.survey import Seen, Survey
from factory.worlds.generated.wordings_ask import ASKING

_DELETE = "delete"


# ---- custom operations


def act(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """A custom operation on a row whose state allows it."""
    about, named = _operation(survey.can, subject)
    for seen in shuffled(survey.rows.get(about.name, ()), rng):
        inputs = _inputs(survey, named.decl, rng)
        if inputs is not None and _goes(survey, named.decl, seen, inputs):
            found = _acting(survey, about, named, seen, inputs, True)
            if found:
                yield (found,)


def _acting(
    survey: Survey, about: Ability, named: Named, seen: Seen, inputs: tuple[New, ...], right: bool
) -> Candidate | None:
    target = survey.target(seen)
    if target is None:
        return None
    deed: Deed = Act(operation=named.name, target=target, inputs=inputs)
    verb = phrases.verb(named.name, named.decl)
    if named.decl.kind == _DELETE:
        deed, verb = Delete(operation=named.name, target=target), "delete"
    slots = {
        "verb": verb,
        "row": phrases.row(survey.can, target.what),
        "inputs": phrases.inputs(survey.can, inputs),
    }
    return Candidate(key_of(seen), Plan(deeds=(deed,), act=right), slots)


def _inputs(survey: Survey, operation: OperationDecl, rng: Random) -> tuple[New, ...] | None:
    """What the operation must be given, and what its effects read; None where that cannot be told."""
    read = {f"${name}" for name in operation.params}
    used = {value for value in _effects(operation) if isinstance(value, str)} & read
    found = []
    for name, param in operation.params.items():
        if param.role != "input" or not (param.required or f"${name}" in used):
            continue
        if param.repeated or param.type in ("json", "bytes"):
            return None
        if param.type == "ref":
            rows = survey.rows.get(param.to or "person", ())
            target = survey.target(rng.choice(rows)) if rows else None
            new = New(field=name, row=target) if target else None
        else:
            value = values.plain(param, rng, survey.now_ms, ())
            new = None if value is None else New(field=name, value=value)
        if new is None:
            return None
        found.append(new)
    return tuple(found)


def _effects(operation: OperationDecl) -> Iterator[object]:
    for effects in (operation.set, operation.append, operation.remove, *(make.values for make in operation.make)):
        yield from effects.values()


def _alters(operation: OperationDecl, seen: Seen, inputs: tuple[New, ...]) -> bool:
    """Whether the operation changes the row: not where it has already what would be set."""
    if operation.append or operation.remove or operation.make or operation.delete or operation.copy_row:
        return True
    given = {f"${new.field}": new.row.id if isinstance(new.row, Target) else new.value for new in inputs}
    return any(
        (isinstance(value, str) and value.startswith("$") and value not in given)
        or seen.values[name] != (given.get(value, value) if isinstance(value, str) else value)
        for name, value in operation.set.items()
    )


def _may_go(survey: Survey, operation: OperationDecl, seen: Seen) -> bool:
    return not operation.delete or is_free(survey, seen)


def _operation(can: Abilities, name: str) -> tuple[Ability, Named]:
    decl = can.decl.operations[name]
    return can.of[decl.entity or ""], Named(name, decl)


def _acts(can: Abilities) -> Iterable[str]:
    return (named.name for about in can for named in about.acts)


# ---- what the app forbids


def if_allowed(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """An operation on a row whose state allows it, and on one whose state forbids it."""
    about, named = _operation(survey.can, subject)
    right, wrong = [], []
    for seen in shuffled(survey.rows.get(about.name, ()), rng):
        if permits(named.decl, seen) and (named.decl.kind != _DELETE or is_free(survey, seen)):
            right.append(seen)
        elif named.decl.kind == _DELETE or not permits(named.decl, seen):
            wrong.append(seen)
    for one, other in zip(right, wrong, strict=False):
        inputs = _inputs(survey, named.decl, rng)
        if inputs is None:
            return
        if not _goes(survey, named.decl, one, inputs):
            continue
        acting = _acting(survey, about, named, one, inputs, True)
        refraining = _acting(survey, about, named, other, inputs, False)
        if acting and refraining:
            yield acting, refraining


def _goes(survey: Survey, operation: OperationDecl, seen: Seen, inputs: tuple[New, ...]) -> bool:
    """Whether the operation is allowed, and changes something."""
    if operation.kind == _DELETE:
        return permits(operation, seen) and is_free(survey, seen)
    return permits(operation, seen) and _alters(operation, seen, inputs) and _may_go(survey, operation, seen)


def _refusing(can: Abilities) -> Iterable[str]:
    for about in can:
        yield from (named.name for named in about.acts if named.decl.when or named.decl.only)
        if about.delete and (about.delete.decl.when or about.delete.decl.only or _is_held(can, about)):
            yield about.delete.name


def _is_held(can: Abilities, about: Ability) -> bool:
    """Whether rows of any entity can forbid that one of these is deleted."""
    return any(
        field.type == "ref" and field.to == about.name and field.on_delete == "restrict" and not other.decl.singleton
        for other in can
        for field in other.decl.fields.values()
    )


# ---- what the instruction forbids


def only_if(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """A change, or a deletion, that is right only where another field holds a value."""
    about = survey.can.of[subject]
    names = [name for name, one in about.shown.items() if one.type in ("enum", "boolean")]
    rows = shuffled(survey.rows.get(subject, ()), rng)
    for one in rows:
        name = rng.choice(names)
        value = one.values[name]
        others = [each for each in rows if each.values[name] != value and each is not one]
        if value is None or not others:
            continue
        acting = _guarded(survey, about, one, name, value, rng, True)
        refraining = _guarded(survey, about, rng.choice(others), name, value, rng, False)
        if acting and refraining:
            yield acting, refraining


def _guarded(
    survey: Survey, about: Ability, seen: Seen, name: str, value: object, rng: Random, right: bool
) -> Candidate | None:
    target = survey.target(seen)
    deed = _guarded_deed(survey, about, seen, name, target, rng) if target else None
    if target is None or deed is None:
        return None
    row = phrases.row(survey.can, target.what)
    done = f"delete {row}"
    if isinstance(deed, Update):
        done = f"set {phrases.changes(survey.can, about.name, deed.set)} on {row}"
    guard = Guard(target=target, field=name, value=value)
    slots = {"do": done, "row": row, "field": phrases.field(about.decl, name), "value": phrases.worded(value)}
    return Candidate(key_of(seen), Plan(deeds=(deed,), guard=guard, act=right), slots)


def _guarded_deed(
    survey: Survey, about: Ability, seen: Seen, name: str, target: Target, rng: Random
) -> Update | Delete | None:
    if about.update and permits(about.update.decl, seen):
        news = [new for new in changed(survey, about, [seen], rng, 3) if new.field not in (name, about.decl.label)]
        if news:
            return Update(operation=about.update.name, target=target, set=(news[0],))
    if about.delete and permits(about.delete.decl, seen) and is_free(survey, seen):
        return Delete(operation=about.delete.name, target=target)
    return None


def _guardable(can: Abilities) -> Iterable[str]:
    for about in can:
        if (about.update or about.delete) and any(one.type in ("enum", "boolean") for one in about.shown.values()):
            yield about.name


ACTING = (
    Kind("act", ASKING["act"], _acts, act),
    Kind("if_allowed", ASKING["if_allowed"], _refusing, if_allowed),
    Kind("only_if", ASKING["only_if"], _guardable, only_if),
)
