"""Checks of the parameters that say which parts of an answer are wanted."""

from __future__ import annotations

from app_clones.declared.answers import always_told
from app_clones.declared.model import Param
from factory.compiler.certificate import Outcome
from factory.compiler.proof_answers import Answer
from factory.compiler.proof_case import Case
from factory.compiler.proof_looking import items_of, unwrapped
from factory.compiler.proof_tried import NOWHERE


def prove_read_mask(case: Case, name: str, param: Param) -> Outcome:
    """The answer has what the mask names and no more; a mask of what is not there is refused."""
    with case.stage() as stage:
        asked = case.asker(stage, "first").good().lacking(name)
        whole = stage.ask(case.name, asked.arguments)
        if not whole.ok and param.required:
            asked = case.asker(stage, "first").good()
            whole = stage.ask(case.name, asked.arguments)
    if not isinstance(whole.json, dict) or not whole.json or not whole.ok:
        return "untried"  # nothing is answered, so there is nothing to choose from
    wire = param.wire or name
    of_rows = wire != "fields" and case.operation.result.wrap
    body = unwrapped(case.operation, whole.json) if of_rows else whole.json
    if wire != "fields" and case.operation.kind == "list":
        return _row_mask(case, name, param, whole)
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


def prove_parts(case: Case, name: str, param: Param) -> Outcome:
    """What is left out of the parts is neither written nor answered; a part that is not there is refused."""
    assert case.entity is not None
    plan = case.subject.plan(case.entity)
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        free = [one for one in asked.sent if not plan.decl.fields[one].required]
        if not free:
            return "untried"  # all that is sent is needed
        left = plan.names[free[0]]
        parts = [plan.names[one] for one in asked.sent if one != free[0]] or list(_always(case))
        stage.mark()
        answer = stage.ask(case.name, asked.having(**{name: parts if param.repeated else ",".join(parts)}).arguments)
        written = {one for change in stage.changes() if change.table == plan.table and change.op != "insert"
                   for one in change.new}  # fmt: skip
        made = [
            change.new[free[0]] for change in stage.changes() if change.table == plan.table and change.op == "insert"
        ]
        told = unwrapped(case.operation, answer.json) if case.operation.result.wrap else answer.json
        good = answer.ok and left not in told and free[0] not in written
        good = good and all(one in (None, plan.decl.fields[free[0]].default) for one in made)
        case.ledger.expect("parts", good, lambda: f"{name} without {left}: {answer}")
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        stage.mark()
        bad = stage.ask(case.name, asked.having(**{name: [NOWHERE] if param.repeated else NOWHERE}).arguments)
        case.refused(stage, "parts", bad, f"{name}={NOWHERE}")
    return "honoured"


def _row_mask(case: Case, name: str, param: Param, whole: Answer) -> Outcome:
    items = items_of(case.operation, whole.json)
    if not items or not isinstance(items[0], dict):
        return "untried"
    own = _always(case)
    key = sorted(items[0], key=lambda one: (one in own, one))[0]
    with case.stage() as stage:
        again = case.asker(stage, "first").good()
        answer = stage.ask(case.name, again.having(**{name: [key] if param.repeated else key}).arguments)
        keys = {one for item in items_of(case.operation, answer.json) for one in item}
        case.ledger.expect("read_mask", answer.ok and keys - own == {key} - own, lambda: f"{name}={key}: {answer}")
    return "honoured"


def _always(case: Case) -> set[str]:
    """What a mask of rows leaves in any case: which row it is, of which kind."""
    return set(always_told(case.subject.plan(case.entity))) if case.entity is not None else set()
