"""Checks of a method that changes something: its effect as another method and a page show it, and nothing besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app_clones.declared.entities import Row
from app_clones.declared.expand import outer_parent, writable
from app_clones.kit.change import RowChange
from factory.compiler.proof_answers import Answer
from factory.compiler.proof_asking import Asked, Asker, Unaskable
from factory.compiler.proof_case import Case, same
from factory.compiler.proof_customs import check_recorded, prove_custom
from factory.compiler.proof_effects import Before, before_of, check_gone, inserted, read_back
from factory.compiler.proof_looking import (
    Broken,
    called,
    idents,
    look,
    walk,
)
from factory.compiler.proof_subject import Stage

Json = Any


def prove_write(case: Case) -> None:
    """All checks of a method that writes."""
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        stage.mark()
        before = before_of(case, stage, asked)
        answer = stage.ask(case.name, asked.arguments)
        if not case.granted(answer):
            return
        changes = stage.changes()
        if not case.ledger.expect("effect", bool(changes), lambda: f"nothing changed: {answer}"):
            return
        stray = case.strays(asked, [asked.target] if asked.target else [], changes)
        case.ledger.expect("nothing_else", not stray, stray)
        if case.operation.record or case.operation.kind == "record":
            check_recorded(case, asked, changes)
        _KINDS.get(case.operation.kind, prove_custom)(case, stage, asked, answer, changes, before)
    if case.operation.kind == "update":
        _prove_rest(case)
    if case.operation.kind == "replace":
        _prove_cleared(case)


# ---- create


def _prove_create(
    case: Case, stage: Stage, asked: Asked, answer: Answer, changes: Sequence[RowChange], before: Before
) -> None:
    assert case.entity is not None
    made = inserted(case, stage, case.entity, changes)
    if not case.ledger.expect("effect", len(made) == 1, f"{len(made)} rows of {case.entity} were made, not 1"):
        return
    read_back(case, stage, case.entity, made[0], asked.sent)
    case.page_shows(stage, case.entity, made[0]["id"], asked.sent)
    _elsewhere(case, stage, made[0])
    stage.mark()
    try:
        second = case.asker(stage, "second").good(under=_above(stage, case.entity, made[0]))
    except Unaskable:
        return
    again = stage.ask(case.name, second.arguments)
    if case.granted(again):
        other = inserted(case, stage, case.entity, stage.changes())
        if case.ledger.expect("distinct", len(other) == 1, "a second request made no second row"):
            seen, first = look(stage, case.entity, other[0], case.name), look(stage, case.entity, made[0], case.name)
            if seen is not None and first is not None:
                case.shows("distinct", case.entity, seen.shown, second.sent)
                case.shows("distinct", case.entity, first.shown, asked.sent)


def _above(stage: Stage, entity: str, row: Row) -> dict[str, Row]:
    return {name: one for name, one in stage.chain(entity, row).items() if name != entity}


def _elsewhere(case: Case, stage: Stage, row: Row) -> None:
    """The lists of other parents do not have the row."""
    assert case.entity is not None
    plan = case.subject.plan(case.entity)
    parent = outer_parent(case.entity, plan.decl)
    if parent is None or plan.above is None:
        return
    for other in [one for one in stage.visible(plan.above) if one["id"] != row[parent]][:2]:
        for name in case.subject.operations(case.entity, "list", but=case.name):
            try:
                asker = Asker(stage, name, "elsewhere")
                asked = asker.good(under=stage.chain(plan.above, other))
                params = case.subject.decl.operations[name].params
                named = [row["id"] for param, row in asked.rows.items() if params[param].entity == plan.above]
                if other["id"] not in named:
                    continue
                items, _ = walk(stage, asked)
            except (Unaskable, Broken):
                continue
            there = called(stage, case.entity, row) in idents(stage, case.entity, items)
            slug = plan.decl.key.form == "given" and plan.decl.key.path is None
            case.ledger.expect(
                "other_parents", not there or slug, f"{name}: the new row lies under another {plan.above}"
            )


# ---- update and replace


def _prove_update(
    case: Case, stage: Stage, asked: Asked, answer: Answer, changes: Sequence[RowChange], before: Before
) -> None:
    assert case.entity is not None
    assert asked.target is not None
    row = stage.row(case.entity, asked.target["id"])
    if not case.ledger.expect("effect", row is not None, "the row is gone"):
        return
    assert row is not None
    read_back(case, stage, case.entity, row, asked.sent)
    case.page_shows(stage, case.entity, row["id"], asked.sent)
    seen = before.seen
    now = look(stage, case.entity, row, case.name)
    if case.operation.kind == "update" and seen is not None and now is not None:
        _untouched(case, seen.shown or {}, now.shown or {}, asked)


def _untouched(case: Case, before: Mapping[str, Json], now: Mapping[str, Json], asked: Asked) -> None:
    """What was not sent is shown as before."""
    assert case.entity is not None
    plan = case.subject.plan(case.entity)
    for name, field in plan.decl.fields.items():
        if name in {*asked.sent, *case.operation.set} or field.auto == "updated":
            continue
        wire = plan.names[name]
        case.ledger.expect("rest", same(before.get(wire), now.get(wire)), f"{wire} was not sent, and changed")


def _prove_rest(case: Case) -> None:
    """One field alone is sent: all others stay."""
    assert case.entity is not None
    plan = case.subject.plan(case.entity)
    for name in list(writable(case.entity, plan.decl, creating=False))[:3]:
        with case.stage() as stage:
            asked = case.asker(stage, "one", name).good(only={name})
            if set(asked.sent) != {name}:
                continue
            stage.mark()
            if not case.granted(stage.ask(case.name, asked.arguments)):
                return
            for change in stage.changes():
                stray = set(change.new) - case._columns(asked) if change.table == plan.table else set()
                case.ledger.expect("rest", not stray, f"only {name} was sent, and {', '.join(sorted(stray))} changed")
            row = stage.row(case.entity, (asked.target or {})["id"])
            seen = look(stage, case.entity, row, case.name) if row else None
            if seen is not None:
                case.shows("read_back", case.entity, seen.shown, asked.sent)


def _prove_cleared(case: Case) -> None:
    """A whole row is written anew with only what it needs: all else is gone, or as by default."""
    assert case.entity is not None
    plan = case.subject.plan(case.entity)
    with case.stage() as stage:
        asked = case.asker(stage, "bare").good(only=())
        if not case.granted(stage.ask(case.name, asked.arguments)):
            return
        row = stage.row(case.entity, (asked.target or {})["id"])
        if row is None:
            return
        for name, field in writable(case.entity, plan.decl, creating=False).items():
            if name not in asked.sent and name not in case.operation.set and field.to != case.entity:
                holds = row[name] is None or row[name] == field.default
                case.ledger.expect("rest", holds, f"{name} was left out of the whole, and is {row[name]!r}")


# ---- delete


def _prove_delete(
    case: Case, stage: Stage, asked: Asked, answer: Answer, changes: Sequence[RowChange], before: Before
) -> None:
    assert case.entity is not None
    assert asked.target is not None
    check_gone(case, stage, case.entity, asked.target, before)
    stage.mark()
    again = stage.ask(case.name, asked.arguments)
    if "allow_missing" not in [param.role for param in case.operation.params.values()]:
        case.refused(stage, "gone", again, "deleted twice", (404,))


_KINDS = {
    "create": _prove_create,
    "update": _prove_update,
    "replace": _prove_update,
    "delete": _prove_delete,
}
