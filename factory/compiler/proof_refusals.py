"""Checks of bad requests: each gets an error in the API's own form, and nothing changes, the clock included."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from app_clones.declared.branches import needed
from app_clones.declared.model import PERSON, Param
from app_clones.declared.values import schema_of
from factory.compiler.proof_answers import Answer
from factory.compiler.proof_asking import Asked, Unaskable, target_param
from factory.compiler.proof_belonging import elsewhere
from factory.compiler.proof_case import Case
from factory.compiler.proof_subject import Stage
from factory.compiler.proof_wire import Wired, as_text, params_of, wired
from factory.compiler.values import Undrawable

Json = Any

_LONG = "x" * 100_001
_MOST_FIELDS = 4
_MOST_WRONG = 2
#: Where all is text.
_TEXTS = ("query", "path", "header", "cookie")
_VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def prove_refusals(case: Case) -> None:
    """Asks badly in every way that the declaration tells apart."""
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        stage.mark()
        for why, bad in _bad(case, stage, asked):
            case.refused(stage, "bad_requests", stage.ask(case.name, bad.arguments), why)
        if case.operation.http is not None:
            for why, wire in _bad_wires(case, asked):
                answer = stage.send(wire)
                case.refused(stage, "bad_requests", answer, why)
                _hold(case, answer)
        for why, bad in _unknown(case, stage, asked):
            case.refused(stage, "unknown", stage.ask(case.name, bad.arguments), why, (404, 400))
        for why, bad in elsewhere(case, stage, asked):
            case.refused(stage, "elsewhere", stage.ask(case.name, bad.arguments), why, (404,))
        missing = unknown_target(case, stage, asked)
        if missing is not None:
            case.refused(stage, "unknown", stage.ask(case.name, missing.arguments), "no such id", (404,))


def prove_refused(case: Case) -> None:
    """An operation that is not built refuses each call, and says so."""
    with case.stage() as stage:
        try:
            asked = case.asker(stage, "first").good()
        except (Unaskable, Undrawable):
            asked = Asked(case.name, {})
        stage.mark()
        answer = stage.ask(case.name, asked.arguments)
        case.refused(stage, "refused", answer, "not built")


def _hold(case: Case, answer: Answer) -> None:
    fault = case.subject.error_fault(answer)
    case.ledger.responses += 1
    case.ledger.responses_valid += not fault
    case.ledger.expect("schema", not fault, lambda: f"{answer}: {fault}")


# ---- by parameter


def _bad(case: Case, stage: Stage, asked: Asked) -> Iterator[tuple[str, Asked]]:
    http = case.operation.http is not None
    for name, param in case.operation.params.items():
        whole = param.role == "resource" and param.wire is None  # an empty body is an empty resource
        if param.required and param.place != "path" and name in asked.arguments and not whole:
            yield f"without {name}", asked.lacking(name)
        if param.role == "resource":
            yield from _bad_resource(case, asked, name)
        elif param.role not in ("row", "mask", "read_mask", "parts", "refused", "page_token"):
            for wrong in _wrong(case, param, texts=http and param.place in _TEXTS):
                yield f"{name}={wrong!r}"[:120], asked.having(**{name: wrong})
    if not http:
        yield "an unknown argument", asked.having(zz_unknown=1)


def _wrong(case: Case, param: Param, *, texts: bool) -> list[Json]:
    """Values that the parameter should not take; ``texts``: as a query holds them, where all is text."""
    if param.type == "ref":
        return [] if texts else [{"no": "such"}]
    one = param.model_copy(update={"repeated": False, "min": None, "max": None}) if param.repeated else param
    schema = schema_of(one, case.subject.decl, wire=True)
    found = case.subject.values("wrong", case.name).wrong(schema)
    if texts:
        written = [as_text(value) for value in found if isinstance(value, str | int | float)]
        found = [text for text in written if text and not _takes(case, param, schema, text)]
        if param.place in ("header", "cookie"):  # what no client can send
            found = [text for text in found if text.isascii() and text.isprintable()]
    found = [value for value in found if not (param.int64 and isinstance(value, int | float))]
    return [[value] if param.repeated else value for value in found][:_MOST_WRONG]


def _takes(case: Case, param: Param, schema: dict[str, Json], text: str) -> bool:
    """Whether a text may be taken for a value of the parameter."""
    if param.type == "boolean":
        return text.lower() in ("true", "false", "0", "1")
    if param.type in ("integer", "number") and not param.int64:
        try:
            return case.subject.schemas.is_valid(schema, json.loads(text))
        except ValueError:
            return False
    return case.subject.schemas.is_valid(schema, text)


def _bad_resource(case: Case, asked: Asked, name: str) -> Iterator[tuple[str, Asked]]:
    body = asked.arguments.get(name)
    assert case.entity is not None
    if not isinstance(body, dict):
        return
    plan = case.subject.plan(case.entity)
    yield "an unknown property", asked.having(**{name: {**body, "zzUnknownProperty": 1}})
    form = case.subject.takes_forms(case.name)
    if not form:
        yield "a list for an object", asked.having(**{name: []})
    for field_name in list(asked.sent)[:_MOST_FIELDS]:
        field, wire = plan.decl.fields[field_name], plan.names[field_name]
        if wire not in body:
            continue
        must = field.required or field_name in needed(plan.decl, asked.sent)
        if must and case.operation.kind == "create" and field.default is None:
            yield f"without {wire}", asked.having(**{name: {one: v for one, v in body.items() if one != wire}})
        for wrong in _wrong(case, Param(**_as_param(field)), texts=form):
            yield f"{wire}={wrong!r}"[:120], asked.having(**{name: {**body, wire: wrong}})


def _as_param(field: Any) -> dict[str, Any]:
    keys = ("type", "repeated", "values", "to", "min", "max", "pattern", "shape", "int64")
    return {key: getattr(field, key) for key in keys}


def _unknown(case: Case, stage: Stage, asked: Asked) -> Iterator[tuple[str, Asked]]:
    """Names of rows that are not there, in each place but the target's own."""
    for name, param in case.operation.params.items():
        if param.role == "row" and name != target_param(case.operation) and name in asked.arguments:
            unknown = _no_row(case, stage, name, param, asked)
            if unknown is not None:
                yield f"{name}={unknown!r}", asked.having(**{name: [unknown] if param.repeated else unknown})


def unknown_target(case: Case, stage: Stage, asked: Asked) -> Asked | None:
    """The request about a row that is not there; None where none is named."""
    name = target_param(case.operation)
    if name is None or name not in asked.arguments:
        return None
    param = case.operation.params[name]
    unknown = _no_row(case, stage, name, param, asked)
    return None if unknown is None else asked.having(**{name: [unknown] if param.repeated else unknown})


def _no_row(case: Case, stage: Stage, name: str, param: Param, asked: Asked) -> Json:
    """What no row is called, in the form in which the parameter names one."""
    entity = param.entity or PERSON
    if entity == PERSON:
        return "nobody.at.all@example.com"
    key = case.subject.entity(entity).key
    own: str = {"number": "987654321", "code": f"{key.prefix}00fffffe"}.get(key.form, "zz-no-such-thing")
    given = asked.arguments[name]
    given = given[0] if isinstance(given, list) else given
    if isinstance(given, str) and "/" in given:
        if case.subject.entity(entity).singleton:
            return None
        return f"{given.rpartition('/')[0]}/{own}"
    return int(own) if key.form == "number" else own


# ---- by bytes


def _bad_wires(case: Case, asked: Asked) -> Iterator[tuple[str, Wired]]:
    decl, operation = case.subject.decl, case.operation
    good = wired(decl, operation, asked.arguments)
    joint = "&" if "?" in good.path else "?"
    yield "an unknown parameter", replace(good, path=f"{good.path}{joint}zzUnknown=1")
    if any(param.place == "body" for param in params_of(decl, operation).values()):
        json_type = {**good.headers, "content-type": "application/json"}
        yield "no JSON", replace(good, body=b'{"a": ', headers=json_type)
        yield "a list for a body", replace(good, body=b"[1]", headers=json_type)
        yield "a body without end", replace(good, body=json.dumps({"zz": _LONG}).encode(), headers=json_type)
    verb = _free_verb(case, good)
    if verb is not None:
        yield f"{verb} where there is none", replace(good, verb=verb, body=b"", headers={})


def _free_verb(case: Case, good: Wired) -> str | None:
    """A verb with which nothing is reached at this path."""
    assert case.operation.http is not None
    own = _shape(case.operation.http.path)
    used = {
        one.http.verb
        for one in case.subject.decl.operations.values()
        if one.http and _may_meet(_shape(one.http.path), own)
    }
    return next((verb for verb in _VERBS if verb not in used), None)


def _shape(path: str) -> list[str]:
    return ["+" if part.startswith("{+") else "*" if "{" in part else part for part in path.split("/")]


def _may_meet(a: list[str], b: list[str]) -> bool:
    """Whether one address may be reached by both paths."""
    if "+" in a or "+" in b:
        return True
    return len(a) == len(b) and all(x == y or "*" in (x, y) for x, y in zip(a, b, strict=True))
