"""Checks of parameters: each is honoured, or the call refused in the API's form of errors; none is ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app_clones.declared.answers import always_told
from app_clones.declared.model import Param
from app_clones.declared.values import canonical, schema_of
from app_clones.kit.change import RowChange
from factory.compiler.proof_answers import Answer
from factory.compiler.proof_asking import Asked, Unaskable
from factory.compiler.proof_case import Case
from factory.compiler.proof_looking import items_of, unwrapped
from factory.compiler.proof_queries import prove_expression, prove_filter, prove_order, prove_search
from factory.compiler.proof_refusals import unknown_target
from factory.compiler.proof_rows import insert_row
from factory.compiler.proof_subject import Stage
from factory.compiler.values import Undrawable

Json = Any

NOWHERE = "zz-no-such-thing"


def prove_parameters(case: Case, *, common: bool) -> None:
    """Probes each parameter of the operation; ``common``: also those that all operations take, but for masks, which are
    probed everywhere."""
    shared = case.subject.decl.api.common
    for name, param in {**shared, **case.operation.params}.items():
        if name in case.parameters or (name in shared and not common and param.role != "read_mask"):
            continue
        prover = _PROVERS.get(param.role)
        if prover is None:
            case.parameters[name] = "honoured"
            continue
        try:
            case.parameters[name] = prover(case, name, param)
        except (Unaskable, Undrawable) as error:
            case.ledger.expect("parameters", False, f"{name} could not be tried: {error}")


def _once(case: Case, *seed: str | int, **arguments: Json) -> tuple[Answer, list[RowChange]]:
    """What a good request with these arguments besides answers, and changes."""
    with case.stage() as stage:
        asked = case.asker(stage, *seed).good()
        stage.mark()
        answer = stage.ask(case.name, asked.having(**arguments).arguments)
        return answer, stage.changes()


def _told(answer: Answer, changes: list[RowChange]) -> str:
    listed = [[one.table, one.op, dict(one.key), dict(one.old), dict(one.new)] for one in changes]
    return canonical([answer.status, answer.json, listed])


def _value(case: Case, name: str, param: Param) -> Json:
    """A value that the parameter should take."""
    return case.subject.values("parameter", case.name, name).draw(schema_of(param, case.subject.decl, wire=True))


# ---- how to answer


def _read_mask(case: Case, name: str, param: Param) -> str:
    with case.stage() as stage:
        asked = case.asker(stage, "first").good().lacking(name)
        whole = stage.ask(case.name, asked.arguments)
        if not whole.ok and param.required:
            asked = case.asker(stage, "first").good()
            whole = stage.ask(case.name, asked.arguments)
    if not isinstance(whole.json, dict) or not whole.json or not whole.ok:
        return "honoured"  # nothing is answered, so there is nothing to choose from
    wire = param.wire or name
    of_rows = wire != "fields" and case.operation.result.wrap
    body = unwrapped(case.operation, whole.json) if of_rows else whole.json
    if wire != "fields" and case.operation.kind == "list":
        return "honoured" if _row_mask(case, name, param, asked, whole) else "refused"
    key = sorted(body, key=lambda one: (not isinstance(body[one], str), one))[0]
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        answer = stage.ask(case.name, asked.having(**{name: [key] if param.repeated else key}).arguments)
        told = unwrapped(case.operation, answer.json) if of_rows else answer.json
        own = set() if wire == "fields" else _always(case)
        good = answer.ok and isinstance(told, dict) and set(told) - own == {key} - own
        case.ledger.expect("read_mask", good, lambda: f"{name}={key}: {answer}")
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        stage.mark()
        bad = stage.ask(case.name, asked.having(**{name: [NOWHERE] if param.repeated else NOWHERE}).arguments)
        if case.operation.result.shape not in ("value", "operation", "empty"):
            case.refused(stage, "read_mask", bad, f"{name}={NOWHERE}")
    return "honoured"


def _row_mask(case: Case, name: str, param: Param, asked: Asked, whole: Answer) -> bool:
    items = items_of(case.operation, whole.json)
    if not items or not isinstance(items[0], dict):
        return True
    own = _always(case)
    key = sorted(items[0], key=lambda one: (one in own, one))[0]
    with case.stage() as stage:
        again = case.asker(stage, "first").good()
        answer = stage.ask(case.name, again.having(**{name: [key] if param.repeated else key}).arguments)
        keys = {one for item in items_of(case.operation, answer.json) for one in item}
        own = _always(case)
        case.ledger.expect("read_mask", answer.ok and keys - own == {key} - own, lambda: f"{name}={key}: {answer}")
    return True


def _always(case: Case) -> set[str]:
    """What a mask of rows leaves in any case: which row it is, of which kind."""
    return set(always_told(case.subject.plan(case.entity))) if case.entity is not None else set()


# ---- how to be careful


def _mask(case: Case, name: str, param: Param) -> str:
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


def _etag(case: Case, name: str, param: Param) -> str:
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        stage.mark()
        bad = stage.ask(case.name, asked.having(**{name: '"0000000000000000"'}).arguments)
        case.refused(stage, "etag", bad, "another etag", (400, 409, 412))
        if asked.target is not None and case.entity is not None:
            right = stage.etag(case.entity, asked.target)
            answer = stage.ask(case.name, asked.having(**{name: right}).arguments)
            case.ledger.expect("etag", answer.ok, lambda: f"the right etag: {answer}")
    return "honoured"


def _validate_only(case: Case, name: str, param: Param) -> str:
    answer, changes = _once(case, "first", **{name: True})
    case.ledger.expect("validate_only", answer.ok, lambda: str(answer))
    case.ledger.expect("validate_only", not changes, lambda: f"{changes[0].op} of {changes[0].table}")
    return "honoured"


def _request_id(case: Case, name: str, param: Param) -> str:
    id = _value(case, name, param)
    with case.stage() as stage:
        asked = case.asker(stage, "first").good().having(**{name: id})
        stage.mark()
        first = stage.ask(case.name, asked.arguments)
        once = _told(first, stage.changes())
        second = stage.ask(case.name, asked.arguments)
        case.ledger.expect("request_id", first.ok, lambda: str(first))
        same = _told(second, stage.changes()) == once
        case.ledger.expect("request_id", same, lambda: f"the same id again did more, or answers otherwise: {second}")
        third = stage.ask(case.name, asked.having(**{name: _another(case, name, param, id)}).arguments)
        if case.operation.kind == "create" and third.ok:
            more = _told(second, stage.changes()) != once
            case.ledger.expect("request_id", more, "another id did nothing")
    return "honoured"


def _another(case: Case, name: str, param: Param, than: Json) -> Json:
    schema = schema_of(param, case.subject.decl, wire=True)
    return case.subject.values("another", case.name, name).other(schema, than)


def _force(case: Case, name: str, param: Param) -> str:
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
            return "honoured"
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


def _allow_missing(case: Case, name: str, param: Param) -> str:
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        missing = unknown_target(case, stage, asked)
        if missing is None:
            return "honoured"
        stage.mark()
        case.refused(stage, "allow_missing", stage.ask(case.name, missing.arguments), "nothing is there", (404,))
        answer = stage.ask(case.name, missing.having(**{name: True}).arguments)
        assert case.entity is not None
        if case.operation.kind == "delete":
            case.ledger.expect("allow_missing", answer.ok, lambda: str(answer))
        elif case.subject.entity(case.entity).key.form == "given":
            made = [one for one in stage.changes() if one.op == "insert"]
            case.ledger.expect("allow_missing", answer.ok and bool(made), lambda: f"nothing was made: {answer}")
        else:
            case.ledger.expect("allow_missing", not answer.ok, lambda: f"ids are not chosen here: {answer}")
    return "honoured"


def _new_id(case: Case, name: str, param: Param) -> str:
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


# ---- what else there is


def _input(case: Case, name: str, param: Param) -> str:
    with case.subject.stage() as stage:
        asker = case.asker(stage, "input", name)
        asked = asker.good()
        values = [asked.arguments.get(name, asker.of_param(name, param, asked.target))]
        values += [asker.of_param(name, param, asked.target) for _ in range(8)]
    first, *rest = values
    base, changes = _once(case, "first", **{name: first})
    if not base.ok:
        case.ledger.expect("input", 400 <= base.status < 500, lambda: str(base))
        return "refused"
    unlike = [one for one in rest if one != first][:3]
    if not unlike and not param.required and name not in asked.arguments:
        without, others = _once(case, "first")
        if _told(without, others) != _told(base, changes):  # it takes but one value, and that is told from none
            case.ledger.expect("input", True)
            return "honoured"
    for value in unlike:
        other, others = _once(case, "first", **{name: value})
        if _told(other, others) != _told(base, changes):
            case.ledger.expect("input", True)
            return "honoured"
    case.ledger.expect("input", False, f"{name}: two values, one effect and answer")
    return "ignored"


def _inert(case: Case, name: str, param: Param) -> str:
    try:
        value = _value(case, name, param)
    except Undrawable:
        return "inert"
    without, changes = _once(case, "first")
    having, others = _once(case, "first", **{name: value})
    if having.ok:
        same = _told(without, changes) == _told(having, others)
        case.ledger.expect("inert", same, f"{name} is said to do nothing, and does something")
    return "inert" if having.ok else "refused"


def _row(case: Case, name: str, param: Param) -> str:
    """A row that need not be named: naming one or another makes a difference, or is refused."""
    with case.subject.stage() as stage:
        asker = case.asker(stage, "first")
        if name in asker.good().arguments:
            return "honoured"  # it is named in every request
        named = [asker.called(name, param, row) for row in stage.visible(param.entity or "person")[:3]]
    told = []
    for value in [[one] if param.repeated else one for one in named]:
        answer, changes = _once(case, "first", **{name: value})
        if not answer.ok:
            case.ledger.expect("row", 400 <= answer.status < 500 or answer.status == 501, str(answer))
            return "refused"
        told.append(_told(answer, changes))
    case.ledger.expect("row", len(told) < 2 or len(set(told)) > 1, f"{name}: whichever is named, one effect and answer")
    return "honoured"


def _refused(case: Case, name: str, param: Param) -> str:
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        stage.mark()
        answer = stage.ask(case.name, asked.having(**{name: _value(case, name, param)}).arguments)
        case.refused(stage, "refused_parameter", answer, f"{name} is not built")
    return "refused"


def _page_token(case: Case, name: str, param: Param) -> str:
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        stage.mark()
        case.refused(stage, "paging", stage.ask(case.name, asked.having(**{name: NOWHERE}).arguments), "no such token")
    return "honoured"


_PROVERS: Mapping[str, Callable[[Case, str, Param], str]] = {
    "filter": prove_filter,
    "search": prove_search,
    "order_by": prove_order,
    "expression": prove_expression,
    "read_mask": _read_mask,
    "mask": _mask,
    "etag": _etag,
    "validate_only": _validate_only,
    "request_id": _request_id,
    "force": _force,
    "allow_missing": _allow_missing,
    "new_id": _new_id,
    "input": _input,
    "row": _row,
    "inert": _inert,
    "refused": _refused,
    "page_token": _page_token,
}
