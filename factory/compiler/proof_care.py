"""Checks of the parameters that say how a change is made: which part of it, on what condition, for trial only."""

from __future__ import annotations

from typing import Any

from app_clones.declared.entities import Row
from app_clones.declared.expand import writable
from app_clones.declared.model import Param
from app_clones.declared.values import schema_of
from factory.compiler.certificate import Outcome
from factory.compiler.proof_asking import Asked, Unaskable
from factory.compiler.proof_case import Case
from factory.compiler.proof_looking import look
from factory.compiler.proof_refusals import unknown_target
from factory.compiler.proof_rows import insert_row
from factory.compiler.proof_subject import Stage
from factory.compiler.proof_tried import NOWHERE, as_text, tried, value_of
from factory.compiler.proof_wire import params_of

Json = Any


def prove_mask(case: Case, name: str, param: Param) -> Outcome:
    """Only what the mask names changes; a mask of what is not there is refused."""
    assert case.entity is not None
    plan = case.subject.plan(case.entity)
    with case.stage() as stage:
        asked = case.asker(stage, "mask").good()
        changing = [one for one in asked.sent if asked.target is None or _differs(case, stage, asked, one)]
        if not changing:
            raise Unaskable("nothing can be written")
        for alone in changing[:2]:
            with case.stage() as fresh:
                wire = plan.names[alone]
                mask = [wire] if param.repeated else wire
                fresh.mark()
                answer = fresh.ask(case.name, asked.having(**{name: mask}).arguments)
                if not case.ledger.expect("mask", answer.ok, str(answer)):
                    return "honoured"
                written = {one for change in fresh.changes() if change.table == plan.table for one in change.new}
                free = {one for one, field in plan.decl.fields.items() if field.auto == "updated"}
                stray = written - free - {alone, *case.operation.set}
                case.ledger.expect("mask", not stray, f"the mask is {wire}, and {sorted(stray)} changed")
                case.ledger.expect("mask", alone in written, f"the mask is {wire}, and it did not change")
    with case.stage() as stage:
        stage.mark()
        bad = stage.ask(case.name, asked.having(**{name: [NOWHERE] if param.repeated else NOWHERE}).arguments)
        case.refused(stage, "mask", bad, f"a mask of {NOWHERE}")
    return "honoured"


def _differs(case: Case, stage: Stage, asked: Asked, name: str) -> bool:
    assert case.entity is not None
    assert asked.target is not None
    asker = case.asker(stage)
    field = case.subject.entity(case.entity).fields[name]
    if field.repeated or field.type == "json":
        return bool(asked.target[name] != asked.sent[name])
    return bool(asker.shown(case.entity, name, asked.target) != asked.sent[name])


def prove_etag(case: Case, name: str, param: Param) -> Outcome:
    """Another etag is refused, the right one taken."""
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        stage.mark()
        bad = stage.ask(case.name, asked.having(**{name: '"0000000000000000"'}).arguments)
        case.refused(stage, "etag", bad, "another etag", (400, 409, 412))
        if asked.target is not None and case.entity is not None:
            right = stage.etag(case.entity, asked.target)
            if param.place == "header":
                _told_in_header(case, stage, asked.target, right)
            answer = stage.ask(case.name, asked.having(**{name: right}).arguments)
            case.ledger.expect("etag", answer.ok, lambda: f"the right etag: {answer}")
    return "honoured"


def _told_in_header(case: Case, stage: Stage, row: Row, etag: str) -> None:
    """Notes that a method which shows ``row`` tells its etag in the header of that name."""
    assert case.entity is not None
    seen = look(stage, case.entity, row, case.name)
    via = case.subject.decl.operations[seen.via] if seen is not None else None
    if seen is not None and seen.shown is not None and via is not None and via.kind == "get":
        masked = any(one.role == "read_mask" for one in params_of(case.subject.decl, via).values())
        told = seen.answer.headers.get("etag")
        case.ledger.expect("etag", masked or told == etag, lambda: f"the header ETag is {told!r}, not {etag}")


def prove_validate_only(case: Case, name: str, param: Param) -> Outcome:
    """A request for trial is granted, and changes nothing."""
    answer, changes = tried(case, "first", **{name: True})
    case.ledger.expect("validate_only", answer.ok, lambda: str(answer))
    case.ledger.expect("validate_only", not changes, lambda: f"{changes[0].op} of {changes[0].table}")
    return "honoured"


def prove_request_id(case: Case, name: str, param: Param) -> Outcome:
    """The same id again does nothing more and answers alike; another one does what it asks."""
    id = value_of(case, name, param)
    with case.stage() as stage:
        asked = case.asker(stage, "first").good().having(**{name: id})
        stage.mark()
        first = stage.ask(case.name, asked.arguments)
        once = as_text(first, stage.changes())
        second = stage.ask(case.name, asked.arguments)
        case.ledger.expect("request_id", first.ok, lambda: str(first))
        same = as_text(second, stage.changes()) == once
        case.ledger.expect("request_id", same, lambda: f"the same id again did more, or answers otherwise: {second}")
        third = stage.ask(case.name, asked.having(**{name: _another(case, name, param, id)}).arguments)
        if case.operation.kind == "create" and third.ok:
            more = as_text(second, stage.changes()) != once
            case.ledger.expect("request_id", more, "another id did nothing")
    return "honoured"


def _another(case: Case, name: str, param: Param, than: Json) -> Json:
    schema = schema_of(param, case.subject.decl, wire=True)
    return case.subject.values("another", case.name, name).other(schema, than)


def prove_force(case: Case, name: str, param: Param) -> Outcome:
    """What others lie under goes with them where that is forced, and not else."""
    assert case.entity is not None
    links = [
        link for link in case.subject.plan(case.entity).incoming if link.parent and link.decl.on_delete == "restrict"
    ]
    links = [link for link in links if not case.subject.entity(link.entity).singleton]
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        if asked.target is None or not links:
            answer = stage.ask(case.name, asked.having(**{name: True}).arguments)
            case.ledger.expect("force", answer.ok, lambda: str(answer))
            return "untried"  # there is nothing that would have to be forced
        child = insert_row(stage, links[0].entity, stage.chain(case.entity, asked.target))
        if child is None:
            raise Unaskable(f"no {links[0].entity} could be made under a {case.entity}")
        stage.mark()
        case.refused(stage, "force", stage.ask(case.name, asked.arguments), "it has children")
        answer = stage.ask(case.name, asked.having(**{name: True}).arguments)
        gone = stage.row(links[0].entity, child["id"]) is None
        case.ledger.expect(
            "force", answer.ok and gone, lambda: f"with force, the child {'went' if gone else 'stays'}: {answer}"
        )
    return "honoured"


def prove_allow_missing(case: Case, name: str, param: Param) -> Outcome:
    """What is not there is no error where that is allowed: it is made, or stays gone."""
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        missing = unknown_target(case, stage, asked)
        if missing is None:
            return "untried"
        stage.mark()
        case.refused(stage, "allow_missing", stage.ask(case.name, missing.arguments), "nothing is there", (404,))
        assert case.entity is not None
        answer = stage.ask(case.name, _whole(case, stage, missing).having(**{name: True}).arguments)
        if case.operation.kind == "delete":
            case.ledger.expect("allow_missing", answer.ok, lambda: str(answer))
        elif case.subject.entity(case.entity).key.form == "given":
            made = [one for one in stage.changes() if one.op == "insert"]
            case.ledger.expect("allow_missing", answer.ok and bool(made), lambda: f"nothing was made: {answer}")
        else:
            case.ledger.expect("allow_missing", not answer.ok, lambda: f"ids are not chosen here: {answer}")
    return "honoured"


def _whole(case: Case, stage: Stage, asked: Asked) -> Asked:
    """``asked`` with what a new row needs, and no change of one may give."""
    body = next((key for key, param in case.operation.params.items() if param.role == "resource"), None)
    if body is None or case.entity is None:
        return asked
    plan = case.subject.plan(case.entity)
    fields = writable(plan.name, plan.decl, creating=True)
    asker = case.asker(stage, "whole")
    needed = {plan.names[n]: asker.of_field(n, one) for n, one in fields.items() if one.required and one.immutable}
    return asked.having(**{body: {**needed, **asked.arguments[body]}})


def prove_new_id(case: Case, name: str, param: Param) -> Outcome:
    """The new row has the id that is asked for, which nobody else can have then."""
    assert case.entity is not None
    with case.stage() as stage:
        asker = case.asker(stage, "first")
        asked = asker.good()
        above = {case.operation.params[key].entity or "": row for key, row in asked.rows.items()}
        id = asked.arguments.get(name) or asker.new_id(param, above)
        asked = asked.having(**{name: id})
        stage.mark()
        answer = stage.ask(case.name, asked.arguments)
        table = case.subject.plan(case.entity).table
        made = [one.new.get("slug") for one in stage.changes() if one.table == table and one.op == "insert"]
        good = answer.ok and made == [str(id).rpartition("/")[2]]
        if case.ledger.expect("new_id", good, lambda: f"{name}={id}: made {made}: {answer}"):
            stage.mark()
            case.refused(stage, "new_id", stage.ask(case.name, asked.arguments), "the id is taken", (409, 400))
    return "honoured"
