"""Reading what is there: a row through a get, a list or a page; all pages of a list."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from app_clones.declared.entities import Row
from app_clones.declared.model import OperationDecl, Param, Role
from factory.compiler.proof_answers import Answer
from factory.compiler.proof_asking import Asked, Asker, Unaskable
from factory.compiler.proof_subject import Stage
from factory.compiler.proof_wire import wire_of, wired

Json = Any

#: Pages that a walk through a list turns at most.
MOST_PAGES = 400


class Broken(Exception):
    """A list could not be walked through; says why."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What another method shows of a row. ``shown``: its JSON form, None where it is not there."""

    via: str
    shown: Mapping[str, Json] | None
    answer: Answer


def unwrapped(operation: OperationDecl, told: Json) -> Json:
    """The row's JSON form within an answer."""
    wrap = operation.result.wrap
    return told.get(wrap) if wrap and isinstance(told, dict) else told


def shows_rows(operation: OperationDecl) -> bool:
    """Whether the answer is a row's whole JSON form."""
    return operation.result.shape == "row" and operation.result.field is None


def items_of(operation: OperationDecl, told: Json) -> list[Json]:
    """The rows of a list's answer."""
    result = operation.result
    if result.shape == "list":
        return list(told) if isinstance(told, list) else []
    found = told.get(result.items) if isinstance(told, dict) else None
    if isinstance(found, dict):
        return [item for group in found.values() for item in group.get(result.group or "", ())]
    return list(found or [])


def is_of(stage: Stage, entity: str, row: Row, item: Json) -> bool:
    """Whether ``item`` is the JSON form of ``row``."""
    plan = stage.subject.plan(entity)
    key = plan.decl.key
    if not isinstance(item, dict):
        return False
    if key.wire is not None:
        return bool(item.get(key.wire) == stage.ident(entity, row)) and _same_place(stage, entity, row, item)
    if key.path is not None:
        return bool(item.get(key.path) == stage.name(entity, row))
    shown = [name for name, field in plan.decl.fields.items() if _plain(field.type) and not field.hidden]
    told = {plan.names[name]: row[name] for name in shown}
    return all(item.get(wire) == value for wire, value in told.items() if value is not None)


def _same_place(stage: Stage, entity: str, row: Row, item: Mapping[str, Json]) -> bool:
    path = stage.subject.entity(entity).key.path
    return path is None or item.get(path) == stage.name(entity, row)


def _plain(kind: str) -> bool:
    return kind in ("string", "text", "email", "url", "enum", "boolean")


def idents(stage: Stage, entity: str, items: Sequence[Json]) -> list[Json]:
    """What tells the items of a list apart: their resource names or ids, or all of them."""
    key = stage.subject.entity(entity).key
    wire = key.path or key.wire
    return [item.get(wire) if wire and isinstance(item, dict) else item for item in items]


def called(stage: Stage, entity: str, row: Row) -> Json:
    """What tells ``row`` apart in a list."""
    return stage.name(entity, row) if stage.subject.entity(entity).key.path else stage.ident(entity, row)


def look(stage: Stage, entity: str, row: Row, but: str = "") -> Seen | None:
    """``row`` as an operation other than ``but`` shows it; None where there is none to ask.

    A get is asked first. Where the row is not there, ``shown`` is None.
    """
    for name in stage.subject.operations(entity, "get", but=but):
        if not shows_rows(stage.subject.decl.operations[name]):
            continue
        asker = Asker(stage, name, "look")
        try:
            answer = stage.ask(name, asker.good(target=row).arguments)
        except Unaskable:
            continue
        told = unwrapped(asker.operation, answer.json) if answer.ok else None
        return Seen(name, told, answer)
    return listed(stage, entity, row, but)


def listed(stage: Stage, entity: str, row: Row, but: str = "") -> Seen | None:
    """``row`` as a list other than ``but`` shows it; None where there is no list to ask.

    Lists of groups come last: in two of those, rows may be called alike.
    """
    operations, names = stage.subject.decl.operations, stage.subject.operations(entity, "list", but=but)
    for name in sorted(names, key=lambda name: operations[name].result.group is not None):
        asker = Asker(stage, name, "look")
        try:
            items, answer = walk(stage, asker.listing(entity, row))
        except (Unaskable, Broken):
            continue
        found = next((item for item in items if is_of(stage, entity, row, item)), None)
        return Seen(name, found, answer)
    return None


def walk(stage: Stage, asked: Asked, size: int | None = None) -> tuple[list[Json], Answer]:
    """All items of a list, page after page, and the last answer. Raises :class:`Broken` where it does not end, or is
    refused on the way."""
    operation = stage.subject.decl.operations[asked.operation]
    roles = {param.role: name for name, param in {**stage.subject.decl.api.common, **operation.params}.items()}
    if size is None and "page_size" in roles:
        size = min(stage.subject.decl.api.page_max, int(operation.params[roles["page_size"]].max or 100))
    if size is not None and "page_size" in roles:
        asked = asked.having(**{roles["page_size"]: size})
    items: list[Json] = []
    at = asked
    for number in range(MOST_PAGES):
        answer = stage.ask(asked.operation, at.arguments)
        if not answer.ok:
            raise Broken(str(answer))
        found = items_of(operation, answer.json)
        items += found
        if operation.result.next_url is not None:
            onward = _followed(stage, operation, at, answer)
        else:
            onward = _onward(stage, operation, roles, answer, found, len(items), number)
        if onward is None:
            return items, answer
        at = asked.having(**onward)
    raise Broken(f"{asked.operation}: no end after {MOST_PAGES} pages")


def _onward(
    stage: Stage,
    operation: OperationDecl,
    roles: Mapping[Role, str],
    answer: Answer,
    found: list[Json],
    seen: int,
    number: int,
) -> dict[str, Json] | None:
    """The arguments that ask for the next page; None at the end."""
    token = operation.result.next
    if token is not None and "page_token" in roles:
        given = answer.json.get(token) if isinstance(answer.json, dict) else None
        return {roles["page_token"]: given} if given else None
    more = answer.json.get(operation.result.more) if operation.result.more else None
    if operation.result.more and "after" in roles:
        return {roles["after"]: _last_id(stage, operation, found[-1])} if more and found else None
    if not found or more is False:
        return None
    if "offset" in roles:
        return {roles["offset"]: seen}
    if "page_number" in roles:
        return {roles["page_number"]: number + 2}
    return None


def _followed(stage: Stage, operation: OperationDecl, at: Asked, answer: Answer) -> dict[str, Json] | None:
    """The arguments that the address of the next page has other than those of this one; None at the end. Raises
    :class:`Broken` where it is of another list, or asks for no other page of this one."""
    url = answer.json.get(operation.result.next_url) if isinstance(answer.json, dict) else None
    if url is None:
        return None
    here, there = (urlsplit(one) for one in (wired(stage.subject.decl, operation, at.arguments).path, url))
    old, new = dict(parse_qsl(here.query)), dict(parse_qsl(there.query))
    names = {wire_of(stage.subject.decl, name, param): name for name, param in operation.params.items()}
    changed = {wire: value for wire, value in new.items() if old.get(wire) != value}
    if there.path != here.path or not there.netloc or old.keys() - new.keys() or len(changed) != 1:
        raise Broken(f"{here.geturl()} leads on to {url}")
    return {names[wire]: _typed(operation.params[names[wire]], value) for wire, value in changed.items()}


def _typed(param: Param, value: str) -> Json:
    return int(value) if param.type == "integer" else value


def _last_id(stage: Stage, operation: OperationDecl, item: Json) -> Json:
    wire = stage.subject.entity(operation.entity or "").key.wire
    return item.get(wire) if wire and isinstance(item, dict) else None


def page_text(answer: Answer) -> str:
    """The words of a page, and what its form fields hold, spaces aside."""
    body = re.sub(r"(?is)<(script|style)\b.*?</\1>", " ", answer.text)
    values = re.findall(r"""\svalue=(?:"([^"]*)"|'([^']*)')""", body)
    plain = re.sub(r"<[^>]*>", " ", body)
    return " ".join(html.unescape(f"{plain} {' '.join(a or b for a, b in values)}").split())


def row_page(stage: Stage, entity: str, rowid: int) -> Answer:
    """The page of one row."""
    return stage.page(f"{entity}/{rowid}")
