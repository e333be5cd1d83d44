"""Checks of parameters: each is honoured, or the call refused in the API's form of errors; none is ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app_clones.declared.answers import always_told
from app_clones.declared.model import Param
from factory.compiler.proof_answers import Answer
from factory.compiler.proof_asking import Asked, Unaskable
from factory.compiler.proof_care import (
    prove_allow_missing,
    prove_etag,
    prove_force,
    prove_mask,
    prove_new_id,
    prove_request_id,
    prove_validate_only,
)
from factory.compiler.proof_case import Case
from factory.compiler.proof_looking import items_of, unwrapped
from factory.compiler.proof_queries import prove_expression, prove_filter, prove_order, prove_search
from factory.compiler.proof_tried import NOWHERE, as_text, tried, value_of
from factory.compiler.values import Undrawable

Json = Any


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


# ---- what else there is


def _input(case: Case, name: str, param: Param) -> str:
    with case.subject.stage() as stage:
        asker = case.asker(stage, "input", name)
        # The one that is tried: an item that is to go must be in its list.
        asked = case.asker(stage, "first").good()
        values = [asked.arguments.get(name, asker.of_param(name, param, asked.target))]
        values += [asker.of_param(name, param, asked.target) for _ in range(8)]
    first, *rest = values
    base, changes = tried(case, "first", **{name: first})
    if not base.ok:
        case.ledger.expect("input", 400 <= base.status < 500, lambda: str(base))
        return "refused"
    unlike = [one for one in rest if one != first][:3]
    if not unlike and not param.required and name not in asked.arguments:
        without, others = tried(case, "first")
        if as_text(without, others) != as_text(base, changes):  # it takes but one value, and that is told from none
            case.ledger.expect("input", True)
            return "honoured"
    for value in unlike:
        other, others = tried(case, "first", **{name: value})
        if as_text(other, others) != as_text(base, changes):
            case.ledger.expect("input", True)
            return "honoured"
    case.ledger.expect("input", False, f"{name}: two values, one effect and answer")
    return "ignored"


def _inert(case: Case, name: str, param: Param) -> str:
    try:
        value = value_of(case, name, param)
    except Undrawable:
        return "inert"
    without, changes = tried(case, "first")
    having, others = tried(case, "first", **{name: value})
    if having.ok:
        same = as_text(without, changes) == as_text(having, others)
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
        answer, changes = tried(case, "first", **{name: value})
        if not answer.ok:
            case.ledger.expect("row", 400 <= answer.status < 500 or answer.status == 501, str(answer))
            return "refused"
        told.append(as_text(answer, changes))
    case.ledger.expect("row", len(told) < 2 or len(set(told)) > 1, f"{name}: whichever is named, one effect and answer")
    return "honoured"


def _refused(case: Case, name: str, param: Param) -> str:
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        stage.mark()
        answer = stage.ask(case.name, asked.having(**{name: value_of(case, name, param)}).arguments)
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
    "mask": prove_mask,
    "etag": prove_etag,
    "validate_only": prove_validate_only,
    "request_id": prove_request_id,
    "force": prove_force,
    "allow_missing": prove_allow_missing,
    "new_id": prove_new_id,
    "input": _input,
    "row": _row,
    "inert": _inert,
    "refused": _refused,
    "page_token": _page_token,
}
