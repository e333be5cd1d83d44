"""Checks of what picks and orders the rows of a list, against a computation from the rows themselves."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from app_clones.declared.entities import Row
from app_clones.declared.model import FieldDecl, Param
from app_clones.declared.values import schema_of
from factory.compiler.certificate import Outcome
from factory.compiler.proof_asking import Asked, Asker
from factory.compiler.proof_case import Case
from factory.compiler.proof_expected import as_asked, expected, holds
from factory.compiler.proof_looking import Broken, called, idents, walk
from factory.compiler.proof_reads import check_pages
from factory.compiler.proof_subject import Stage
from factory.compiler.values import Undrawable

Json = Any

_SORTABLE = ("string", "text", "email", "url", "enum", "integer", "number", "date", "boolean")
_MOST_VALUES = 2


def prove_filter(case: Case, name: str, param: Param) -> Outcome:
    """The rows that a filter lets through are those whose field compares so; for values that are there, and one not."""
    if param.field is None or case.operation.kind != "list":
        return _plain(case, name, param)
    assert case.entity is not None
    with case.stage() as stage:
        asker = case.asker(stage, "first")
        asked = asker.good().lacking(name)
        decl = case.subject.entity(case.entity).fields[param.field]
        rows = expected(case, stage, asker.good())
        probes = _probes(case, asker, param, decl, rows)
        for value in probes:
            wanted = [row for row in rows if holds(asker, case.entity, param, decl, row, value)]
            given = [value] if param.repeated else value
            check_pages(case, stage, asked.having(**{name: given}), wanted, check="filter", why=f"{name}={value!r}")
    return "honoured" if probes and rows else "untried"


def _plain(case: Case, name: str, param: Param) -> Outcome:
    case.ledger.expect("filter", False, f"{name} filters no field of a list")
    return "ignored"


def _probes(case: Case, asker: Asker, param: Param, decl: FieldDecl, rows: Sequence[Row]) -> list[Json]:
    assert case.entity is not None
    found: list[Json] = []
    for row in rows:
        if row[param.field or ""] in (None, []):
            continue
        value = as_asked(asker, case.entity, param, decl, row)
        if value not in found and value != "":
            found.append(value)
    found = found[:_MOST_VALUES]
    one = param.model_copy(update={"repeated": False})
    with suppress(Undrawable):
        found.append(asker.of_param(param.field or "", one))
    schema = schema_of(one, case.subject.decl, wire=True)
    return [value for value in found if case.subject.schemas.is_valid(schema, value)]


def prove_search(case: Case, name: str, param: Param) -> Outcome:
    """The rows that a search finds are those in which all its words occur."""
    assert case.entity is not None
    fields = [one for one, field in case.subject.entity(case.entity).fields.items() if field.search]
    with case.stage() as stage:
        good = case.asker(stage, "first").good()
        asked, rows = good.lacking(name), expected(case, stage, good)
        words: list[str] = []
        for row in rows:
            words += [word for word in _words(row, fields) if len(word) > 2 and word not in words][-2:]
        for word in [*words[:2], "zqxjkvnothing"]:
            wanted = [row for row in rows if word in _words(row, fields)]
            check_pages(case, stage, asked.having(**{name: word}), wanted, check="search", why=f"{name}={word!r}")
    return "honoured" if rows else "untried"


def _words(row: Row, fields: Sequence[str]) -> list[str]:
    text = " ".join(str(row[name]) for name in fields if row[name] is not None)
    bare = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    return re.findall(r"[^\W_]+", bare.lower())


def prove_order(case: Case, name: str, param: Param) -> Outcome:
    """The rows come in the order asked for, up and down; an order by what is not there is refused."""
    assert case.entity is not None
    plan = case.subject.plan(case.entity)
    fields = [one for one, field in plan.decl.fields.items() if _sorts(field)]
    tried = 0
    with case.stage() as stage:
        good = case.asker(stage, "first").good()
        asked, rows = good.lacking(name), expected(case, stage, good)
        for field in fields:
            for text, down in ((plan.names[field], False), (f"{plan.names[field]} desc", True)):
                if param.values and text not in param.values:
                    continue
                tried += 1
                _ordered(case, stage, asked.having(**{name: text}), rows, field, down)
            if tried >= 4:
                break
    with case.stage() as stage:
        bad = stage.ask(case.name, asked.having(**{name: "zz_no_such_field"}).arguments)
        case.refused(stage, "order", bad, "an order by no field")
    return "honoured" if tried and rows else "untried"


def _sorts(field: FieldDecl) -> bool:
    plain = field.type in _SORTABLE or field.is_moment
    return plain and not (field.repeated or field.hidden)


def _ordered(case: Case, stage: Stage, asked: Asked, rows: Sequence[Row], field: str, down: bool) -> None:
    assert case.entity is not None
    by_ident: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_ident[str(called(stage, case.entity, row))].append(row)
    size = 3 if case.operation.result.group is None else 1  # within a page of groups, the order is not told
    try:
        items, answer = walk(stage, asked, size)
    except Broken as error:
        case.ledger.expect("order", False, str(error))
        return
    key = case.subject.entity(case.entity).key
    if not (key.wire or key.path):
        return
    found = [by_ident.get(str(one), ()) for one in idents(stage, case.entity, items)]
    complete = len(found) == len(rows) and all(found)
    case.ledger.expect("order", complete, lambda: f"{len(found)} rows, not {len(rows)}: {answer}")
    known = [named[0] for named in found if len(named) == 1]  # in groups, several rows may be called alike
    values = [row[field] for row in known if row[field] is not None]
    case.ledger.expect(
        "order", values == sorted(values, reverse=down), f"by {field}{' desc' if down else ''}: {values[:6]}"
    )


def prove_expression(case: Case, name: str, param: Param) -> Outcome:
    """A filter expression lets through the rows that it describes; what cannot be read is refused."""
    assert case.entity is not None
    plan = case.subject.plan(case.entity)
    texts = [
        one
        for one, f in plan.decl.fields.items()
        if f.type in ("string", "enum", "email") and not (f.repeated or f.hidden or f.auto)
    ]
    tried = 0
    with case.stage() as stage:
        good = case.asker(stage, "first").good()
        asked, rows = good.lacking(name), expected(case, stage, good)
        for field in texts[:2]:
            for value in list(dict.fromkeys(row[field] for row in rows if row[field]))[:2]:
                quoted = str(value).replace("\\", "\\\\").replace('"', '\\"')
                wanted = [row for row in rows if row[field] == value]
                text = f'{plan.names[field]} = "{quoted}"'
                if not str(value).endswith("*"):
                    tried += 1
                    check_pages(case, stage, asked.having(**{name: text}), wanted, check="expression", why=text)
    with case.stage() as stage:
        for bad in ("((", 'zz_no_such_field = "x"'):
            answer = stage.ask(case.name, asked.having(**{name: bad}).arguments)
            case.refused(stage, "expression", answer, f"the filter {bad!r}")
    return "honoured" if tried else "untried"
