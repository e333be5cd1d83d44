"""Checks of parameters: each is honoured, or the call refused in the API's form of errors; none is ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app_clones.declared.model import PERSON, Param
from factory.compiler.certificate import Outcome
from factory.compiler.proof_asking import Unaskable
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
from factory.compiler.proof_masks import prove_parts, prove_read_mask
from factory.compiler.proof_queries import prove_expression, prove_filter, prove_order, prove_search
from factory.compiler.proof_tried import NOWHERE, as_text, tried, value_of
from factory.compiler.values import Undrawable

NOT_BUILT = 501
"""The status of what is refused whatever it is given."""


def prove_parameters(case: Case, *, common: bool) -> None:
    """Probes each parameter of the operation; ``common``: also those that all operations take, but for masks, which are
    probed everywhere."""
    shared = case.subject.decl.api.common
    for name, param in {**shared, **case.operation.params}.items():
        if name in case.parameters or (name in shared and not common and param.role != "read_mask"):
            continue
        prover = _PROVERS.get(param.role, _elsewhere)
        try:
            case.parameters[name] = prover(case, name, param)
        except (Unaskable, Undrawable) as error:
            case.ledger.expect("parameters", False, f"{name} could not be tried: {error}")


def _elsewhere(case: Case, name: str, param: Param) -> Outcome:
    """What is sent of a row, which the checks of writes look at; of pages, where there was no second one."""
    return "honoured" if param.role not in _PAGES and case.ledger.ran("granted") else "untried"


def _input(case: Case, name: str, param: Param) -> Outcome:
    """Two values make a difference to effect or answer."""
    with case.subject.stage() as stage:
        asker = case.asker(stage, "input", name)
        # The one that is tried: an item that is to go must be in its list.
        asked = case.asker(stage, "first").good()
        given = name in asked.arguments
        values = [asked.arguments.get(name, asker.of_param(name, param, asked.target))]
        values += [asker.of_param(name, param, asked.target) for _ in range(8)]
    told: list[str] = []
    for value in [one for n, one in enumerate(values) if one not in values[:n]][:4]:
        answer, changes = tried(case, "first", **{name: value})
        if answer.status == NOT_BUILT:
            return "refused"
        if answer.ok:
            told.append(as_text(answer, changes))
        else:  # what is drawn by its form alone may mean nothing
            case.ledger.expect("input", 400 <= answer.status < 500, str(answer))
        if len(set(told)) > 1:
            break
    if len(told) == 1 and not (param.required or given):  # it takes but one value, which is told from none
        without, changes = tried(case, "first")
        told += [as_text(without, changes)] if without.ok else []
    if len(told) < 2:
        return "untried"
    differs = len(set(told)) > 1
    case.ledger.expect("input", differs, f"{name}: two values, one effect and answer")
    return "honoured" if differs else "ignored"


def _inert(case: Case, name: str, param: Param) -> Outcome:
    """With it or without, effect and answer are the same."""
    try:
        value = value_of(case, name, param)
    except Undrawable:
        return "untried"
    without, changes = tried(case, "first")
    having, others = tried(case, "first", **{name: value})
    if not having.ok:
        return "refused" if having.status == NOT_BUILT else "untried"
    same = as_text(without, changes) == as_text(having, others)
    case.ledger.expect("inert", same, f"{name} is said to do nothing, and does something")
    return "inert"


def _row(case: Case, name: str, param: Param) -> Outcome:
    """A row that is named: naming another makes a difference, or is refused; one that need not be named must."""
    with case.subject.stage() as stage:
        asker = case.asker(stage, "first")
        asked = asker.good()
        named = [asker.called(name, param, row) for row in stage.visible(param.entity or PERSON)[:3]]
    named = [[one] if param.repeated else one for one in named]
    always = name in asked.arguments
    if always:
        named = [asked.arguments[name], *[one for one in named if one != asked.arguments[name]][:1]]
    told, elsewhere = [], 0
    for value in named:
        answer, changes = tried(case, "first", **{name: value})
        if answer.status == NOT_BUILT:
            return "refused"
        if answer.ok:
            told.append(as_text(answer, changes))
        else:
            elsewhere += 1
            case.ledger.expect("row", 400 <= answer.status < 500, str(answer))
    differs = len(set(told)) > 1 or (bool(told) and elsewhere > 0)
    if not differs and (always or len(told) < 2):
        return "untried"  # there is but one, or nothing lies under either
    case.ledger.expect("row", differs, f"{name}: whichever is named, one effect and answer")
    return "honoured" if differs else "ignored"


def _refused(case: Case, name: str, param: Param) -> Outcome:
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        stage.mark()
        answer = stage.ask(case.name, asked.having(**{name: value_of(case, name, param)}).arguments)
        case.refused(stage, "refused_parameter", answer, f"{name} is not built")
    return "refused"


def _page_token(case: Case, name: str, param: Param) -> Outcome:
    """What is no token is refused; whether one leads on is seen where there is a second page."""
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        stage.mark()
        case.refused(stage, "paging", stage.ask(case.name, asked.having(**{name: NOWHERE}).arguments), "no such token")
    return "untried"


_PAGES = ("page_size", "after", "offset", "page_number")
_PROVERS: Mapping[str, Callable[[Case, str, Param], Outcome]] = {
    "filter": prove_filter,
    "search": prove_search,
    "order_by": prove_order,
    "expression": prove_expression,
    "read_mask": prove_read_mask,
    "mask": prove_mask,
    "parts": prove_parts,
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
