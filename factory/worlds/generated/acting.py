"""Kinds of tasks around custom operations, and around what the app or its owner forbids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random

from app_clones.declared.model import OperationDecl
from app_clones.declared.requirements import fields_read, requirements
from factory.verifiers.declared.deeds import (
    ID,
    Act,
    Condition,
    Deed,
    Delete,
    Described,
    Guard,
    New,
    Plan,
    Target,
    Update,
)
from factory.worlds.generated import phrases, values
from factory.worlds.generated.abilities import Abilities, Ability, Named
from factory.worlds.generated.kind import (
    Bundle,
    Candidate,
    Kind,
    changed,
    is_free,
    is_held_out,
    key_of,
    shuffled,
    sought,
)
from factory.worlds.generated.making import named_anew, names_anew
from factory.worlds.generated.permitting import forbids, permits
from factory.worlds.generated.survey import Seen, Survey, is_nothing
from factory.worlds.generated.verbs import Verb, verb_of
from factory.worlds.generated.wordings_ask import ASKING

_CREATE, _DELETE = "create", "delete"


# ---- custom operations


def act(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """A custom operation on a row whose state allows it."""
    about, named = _operation(survey.can, subject)
    for seen in shuffled(survey.rows.get(about.name, ()), rng):
        inputs = _inputs(survey, named.decl, rng)
        if inputs is not None and _goes(survey, named.decl, seen, inputs):
            target = survey.target(seen)
            if target:
                yield (_acting(survey, named, seen, target, inputs, True),)


def _acting(
    survey: Survey, named: Named, seen: Seen, target: Target, inputs: tuple[New, ...], right: bool
) -> Candidate:
    deed: Deed = Act(operation=named.name, target=target, inputs=inputs)
    verb = verb_of(named.name, named.decl)
    if named.decl.kind == _DELETE:
        deed, verb = Delete(operation=named.name, target=target), Verb("delete")
    slots = {
        "verb": verb.before,
        "row": phrases.row(survey.can, target.what),
        "inputs": phrases.inputs(survey.can, inputs, verb),
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
    given = {f"${name}": value for name, value in _given(inputs).items()}
    return any(
        (isinstance(value, str) and value.startswith("$") and value not in given)
        or seen.values[name] != (given.get(value, value) if isinstance(value, str) else value)
        for name, value in operation.set.items()
    )


def _given(inputs: Iterable[New]) -> dict[str, object]:
    """Inputs by name, rows by their ids."""
    return {new.field: new.row.id if isinstance(new.row, Target) else new.value for new in inputs}


def _may_go(survey: Survey, operation: OperationDecl, seen: Seen) -> bool:
    return not operation.delete or is_free(survey, seen)


def _operation(can: Abilities, name: str) -> tuple[Ability, Named]:
    decl = can.decl.operations[name]
    return can.of[decl.entity or ""], Named(name, decl)


def _acts(can: Abilities) -> Iterable[str]:
    return (named.name for about in can for named in about.acts)


# ---- what is right of some rows and wrong of others

_ACTING = 2
"""Rows to be acted on for each that is to be left alone: who always declines earns a third."""


def _twins(survey: Survey, found: Iterable[Candidate]) -> Iterator[Bundle]:
    """``_ACTING`` candidates that are to be acted on and one that is not, of one split."""
    waiting: dict[tuple[bool, bool], list[Candidate]] = {}
    for one in found:
        apart = is_held_out(survey, one.key)
        waiting.setdefault((apart, one.plan.act), []).append(one)
        acting, refraining = (waiting.get((apart, act), []) for act in (True, False))
        if len(acting) >= _ACTING and refraining:
            yield (*(acting.pop(0) for _ in range(_ACTING)), refraining.pop(0))


# ---- what the app forbids


def if_allowed(survey: Survey, subject: str, rng: Random) -> Iterator[Bundle]:
    """An operation on rows whose state allows it, and on one whose state forbids it."""
    about, named = _operation(survey.can, subject)
    if named.decl.kind == _CREATE:
        return _twins(survey, _created(survey, about, rng))
    return _twins(survey, _tried(survey, about, named, rng))


def _created(survey: Survey, about: Ability, rng: Random) -> Iterator[Candidate]:
    for made, right in named_anew(survey, about, rng):
        under = made.parent.what if isinstance(made.parent, Target) else None
        parent = (Condition(field=about.decl.parent or "", row=under),) if under else ()
        look = survey.look_for(Described(entity=about.name, where=parent))
        if look is None:
            continue
        row = Described(entity=about.name, where=(Condition(field=ID, value=made.slug), *parent))
        fields = phrases.fields(survey.can, about.name, made.set)
        slots = {"verb": "create", "row": phrases.row(survey.can, row), "inputs": f" with {fields}"}
        yield Candidate(f"{slots['row']}: {fields}", Plan(deeds=(made,), look=look, act=right), slots)


def _tried(survey: Survey, about: Ability, named: Named, rng: Random) -> Iterator[Candidate]:
    telling = {*fields_read(named.decl), *named.decl.only}
    for seen in shuffled(survey.rows.get(about.name, ()), rng):
        inputs = _inputs(survey, named.decl, rng)
        if inputs is None:
            return
        right = _goes(survey, named.decl, seen, inputs)
        if not right and not _is_forbidden(survey, named.decl, seen, inputs):
            continue  # allowed and without effect, or nobody knows
        target = sought(survey, named.decl, seen, rng, telling)
        if target:
            yield _acting(survey, named, seen, target, inputs, right)


def _goes(survey: Survey, operation: OperationDecl, seen: Seen, inputs: tuple[New, ...]) -> bool:
    """Whether the operation is allowed, and changes something."""
    if not permits(survey, operation, seen, _given(inputs)):
        return False
    if operation.kind == _DELETE:
        return is_free(survey, seen)
    return _alters(operation, seen, inputs) and _may_go(survey, operation, seen)


def _is_forbidden(survey: Survey, operation: OperationDecl, seen: Seen, inputs: tuple[New, ...]) -> bool:
    """Whether a condition forbids it, or rows that hang on what would go."""
    if forbids(survey, operation, seen, _given(inputs)):
        return True
    return operation.kind == _DELETE and permits(survey, operation, seen) and not is_free(survey, seen)


def _refusing(can: Abilities) -> Iterable[str]:
    for about in can:
        yield from (named.name for named in about.acts if _has_conditions(named.decl))
        if about.delete and (_has_conditions(about.delete.decl) or _is_held(can, about)):
            yield about.delete.name
        if about.create and names_anew(about):
            yield about.create.name


def _has_conditions(operation: OperationDecl) -> bool:
    return bool(operation.only or requirements(operation))


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
        value, apart = one.values[name], is_held_out(survey, key_of(one))
        if value is None:
            continue
        near = [each for each in shuffled(rows, rng) if is_held_out(survey, key_of(each)) == apart]
        fit = [one, *(each for each in near if each is not one and each.values[name] == value)]
        others = (each for each in near if not _reads_alike(each.values[name], value))
        acting = islice(_each_guarded(survey, about, fit, name, value, rng), _ACTING)
        refraining = islice(_each_guarded(survey, about, others, name, value, rng), 1)
        bundle = (*acting, *refraining)
        if len(bundle) > _ACTING:
            yield bundle


def _reads_alike(held: object, value: object) -> bool:
    return held == value or (is_nothing(held) and is_nothing(value))


def _each_guarded(
    survey: Survey, about: Ability, rows: Iterable[Seen], name: str, value: object, rng: Random
) -> Iterator[Candidate]:
    found = (_guarded(survey, about, each, name, value, rng) for each in rows)
    return (one for one in found if one is not None)


def _guarded(survey: Survey, about: Ability, seen: Seen, name: str, value: object, rng: Random) -> Candidate | None:
    deed = _guarded_deed(survey, about, seen, name, rng)
    if deed is None:
        return None
    row = phrases.row(survey.can, deed.target.what)
    done = f"delete {row}"
    if isinstance(deed, Update):
        done = f"set {phrases.changes(survey.can, about.name, deed.set)} on {row}"
    guard = Guard(target=deed.target, field=name, value=value)
    slots = {"do": done, "row": row, "field": phrases.field(about.decl, name), "value": phrases.worded(value)}
    plan = Plan(deeds=(deed,), guard=guard, act=seen.values[name] == value)
    return Candidate(key_of(seen), plan, slots)


def _guarded_deed(survey: Survey, about: Ability, seen: Seen, name: str, rng: Random) -> Update | Delete | None:
    target = sought(survey, about.update.decl, seen, rng, (name,)) if about.update else None
    if about.update and target and permits(survey, about.update.decl, seen):
        said = {name, about.decl.label, *(condition.field for condition in target.what.where)}
        news = [new for new in changed(survey, about, [seen], rng, 4) if new.field not in said]
        if news:
            return Update(operation=about.update.name, target=target, set=(news[0],))
    target = sought(survey, about.delete.decl, seen, rng, (name,)) if about.delete else None
    if about.delete and target and permits(survey, about.delete.decl, seen) and is_free(survey, seen):
        return Delete(operation=about.delete.name, target=target)
    return None


def _guardable(can: Abilities) -> Iterable[str]:
    for about in can:
        if (about.update or about.delete) and any(one.type in ("enum", "boolean") for one in about.shown.values()):
            yield about.name


ACTING = (
    Kind("act", ASKING["act"], _acts, act),
    Kind("if_allowed", ASKING["if_allowed"], _refusing, if_allowed, size=_ACTING + 1),
    Kind("only_if", ASKING["only_if"], _guardable, only_if, size=_ACTING + 1),
)
