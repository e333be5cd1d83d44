"""Pages of rows: filters, search, order, and tokens that visit each row exactly once."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from app_clones.declared.conditions import Condition, compare, sortable
from app_clones.declared.entities import EntityPlan, Row
from app_clones.declared.filters import parse
from app_clones.declared.model import Entity
from app_clones.declared.values import canonical
from app_clones.kit.errors import AppError
from app_clones.kit.protocol import Call
from app_clones.kit.schema import quoted
from app_clones.kit.search import match

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

_CHECK = 6  # bytes of a token that tell whether it belongs to this query
MOST_TERMS = 10
_TEXTS = ("string", "text", "email", "url")


@dataclass(frozen=True, slots=True)
class Filter:
    """Rows whose ``field`` compares with ``value`` (Python's: refs as row ids, times as given or in ms), or with any
    one of a list of values; ``compare`` as of :class:`~app_clones.declared.model.Param`."""

    field: str
    value: Any
    compare: str = "eq"


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person typed to find rows: words of the full-text index, the last maybe unfinished, a part of what rows
    are called, or how another text of theirs begins. ``called``: the row whose id it is, where there is one."""

    text: str
    called: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows, in which order, how many. ``order`` and ``expression`` are texts as a client gives them; ``token``
    goes on where the page that gave it ended, ``after`` behind the row of that id. ``within``: an ancestor further up
    than the parent (entity, row id)."""

    filters: tuple[Filter, ...] = ()
    search: str = ""
    order: str = ""
    limit: int = 20
    offset: int = 0
    parent_id: int | None = None
    expression: str = ""
    token: str = ""
    after: int | None = None
    within: tuple[str, int] | None = None
    typed: Typed | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A page: its rows, how many there are in all, and the token of what comes next, if anything does."""

    rows: list[Row]
    total: int
    next: str | None


@dataclass(frozen=True, slots=True)
class _Term:
    sql: str
    descending: bool


def page(ready: Declared, call: Call, entity: str, query: Query) -> Listing:
    """The rows of ``query`` that the actor may see. Raises :class:`AppError` at a bad order, filter or token."""
    plan = ready.entities[entity]
    conditions = _conditions(ready, call, plan, query)
    where = " AND ".join(sql for sql, _ in conditions) or "1"
    args = [arg for _, given in conditions for arg in given]
    counted = call.one(f"SELECT count(*) FROM {plan.table} t WHERE {where}", *args)
    terms = _order(plan, query.order)
    for last in _ends(call, plan, entity, query, terms):
        after, more = _after(terms, last)
        where, args = f"{where} AND ({after})", [*args, *more]
    order = ",".join(f"{term.sql} DESC" if term.descending else term.sql for term in terms)
    keys = "".join(f",{term.sql}" for term in terms)
    sql = plan.select.replace(" FROM ", f"{keys} FROM ", 1)
    found = call.rows(f"{sql} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?", *args, query.limit + 1, query.offset)
    width = len(plan.columns)
    rows = [plan.row(raw[:width]) for raw in found[: query.limit]]
    more_follow = len(found) > query.limit and rows
    token = _token(entity, query, list(found[query.limit - 1][width:])) if more_follow else None
    return Listing(rows, int(counted[0]) if counted else 0, token)


def _ends(call: Call, plan: EntityPlan, entity: str, query: Query, terms: list[_Term]) -> Iterator[list[Any]]:
    """The sort keys of the rows after which the page begins: of the last one of the page before, or of one named."""
    if query.token:
        yield _last(entity, query, len(terms))
    if query.after is not None:
        keys = ",".join(term.sql for term in terms)
        found = call.one(f"SELECT {keys} FROM {plan.table} t WHERE t.id=?", query.after)
        if found is not None:
            yield list(found)


def _conditions(ready: Declared, call: Call, plan: EntityPlan, query: Query) -> list[Condition]:
    found: list[Condition] = []
    if plan.visible:
        found.append((plan.visible, (call.actor,) * plan.visible_args))
    if query.parent_id is not None and plan.decl.parent is not None:
        found.append((f"t.{quoted(plan.decl.parent)}=?", (query.parent_id,)))
    if query.within is not None:
        found.append(_within(ready, plan, *query.within))
    found += [_filtered(plan, each) for each in query.filters]
    if query.search:
        words = match(query.search)
        if not plan.words:
            raise AppError(f"nothing of a {plan.noun} can be searched")
        if words:
            found.append((f"t.id IN (SELECT rowid FROM {plan.search}(?))", (words,)))
        else:
            found.append(("0", ()))
    if query.typed is not None:
        found.append(_typed(plan, query.typed))
    if query.expression.strip():
        found.append(parse(ready, call, plan, query.expression))
    return found


def _filtered(plan: EntityPlan, each: Filter) -> Condition:
    if not isinstance(each.value, list):
        return compare(plan, each.field, each.compare, each.value)
    options = [compare(plan, each.field, each.compare, value) for value in each.value]
    if not options:
        return "0", ()
    return "(" + " OR ".join(sql for sql, _ in options) + ")", tuple(arg for _, args in options for arg in args)


def _typed(plan: EntityPlan, typed: Typed) -> Condition:
    options: list[Condition] = [
        (f"instr(lower(t.{quoted(name)}),lower(?)){'>0' if name == plan.decl.label else '=1'}", (typed.text,))
        for name in searched_fields(plan.decl)
    ]
    words = match(typed.text, unfinished=True)
    if plan.words and words:
        options.append((f"t.id IN (SELECT rowid FROM {plan.search}(?))", (words,)))
    if typed.called is not None:
        options.append(("t.id=?", (typed.called,)))
    return f"({' OR '.join(sql for sql, _ in options) or '0'})", tuple(arg for _, args in options for arg in args)


def searched_fields(entity: Entity) -> tuple[str, ...]:
    """The fields whose text is compared with what was typed."""
    return tuple(name for name, field in entity.fields.items()
                 if field.type in _TEXTS and not (field.repeated or field.hidden))  # fmt: skip


def _within(ready: Declared, plan: EntityPlan, entity: str, rowid: int) -> Condition:
    """Rows of which some chain of parents leads to that row."""
    links, at = [], plan
    while at.above is not None and at.decl.parent is not None and at.above != entity:
        links.append((quoted(at.decl.parent), ready.entities[at.above].table))
        at = ready.entities[at.above]
    sql, close = "", ""
    for parent, table in links:
        sql, close = f"{sql}{parent} IN (SELECT id FROM {table} WHERE ", f"{close})"
    return f"{sql}{quoted(at.decl.parent or '')}=?{close}", (rowid,)


def _order(plan: EntityPlan, text: str) -> list[_Term]:
    terms = []
    for part in text.split(",") if text.strip() else ():
        word, *rest = part.split()[:3] or [""]
        if word.startswith("-") and not rest:
            word, rest = word[1:], ["desc"]
        direction = rest[0].lower() if len(rest) == 1 else "asc" if not rest else "?"
        if direction not in ("asc", "desc"):
            raise AppError(f"order by {part.strip()[:60]!r}: it is a field, or a field and asc or desc")
        terms.append(_Term(_sort_key(plan, word), direction == "desc"))
    if len(terms) > MOST_TERMS:
        raise AppError(f"order by at most {MOST_TERMS} fields")
    # Every order ends with the id, so that it is one.
    return [*terms, _Term("t.id", terms[-1].descending if terms else False)]


def _sort_key(plan: EntityPlan, word: str) -> str:
    name = plan.wires.get(word, word)
    if name in plan.decl.fields:
        return sortable(plan, name)
    if word and word in ("id", plan.decl.key.wire, plan.decl.key.path):
        return "coalesce(t.slug,printf('%08x',t.id))" if plan.has_slug else "t.id"
    known = [plan.names[name] for name, field in plan.decl.fields.items() if not field.hidden]
    raise AppError(f"order by {word[:60]!r}: no such field; there are {', '.join(known[:30])}")


def _after(terms: list[_Term], last: list[Any]) -> Condition:
    """Rows that come after the one whose sort keys are ``last``: NULL sorts first, or last where descending."""
    options: list[str] = []
    args: list[Any] = []
    for place, (term, value) in enumerate(zip(terms, last, strict=True)):
        beyond = _beyond(term, value)
        if beyond is None:
            continue
        same = [f"{before.sql} IS ?" for before in terms[:place]]
        options.append("(" + " AND ".join([*same, beyond]) + ")")
        args += [*last[:place], *([value] if "?" in beyond else [])]
    return " OR ".join(options) or "0", tuple(args)


def _beyond(term: _Term, value: Any) -> str | None:
    if value is None:
        return None if term.descending else f"{term.sql} IS NOT NULL"
    return f"({term.sql}<? OR {term.sql} IS NULL)" if term.descending else f"{term.sql}>?"


def _fingerprint(entity: str, query: Query, payload: bytes) -> bytes:
    asked = [entity, [[f.field, f.compare, f.value] for f in query.filters], query.search, query.order,
             query.parent_id, query.within, query.expression]  # fmt: skip
    if query.typed is not None:
        asked += [query.typed.text, query.typed.called]
    return blake2b(canonical(asked).encode() + b"|" + payload, digest_size=_CHECK).digest()


def _token(entity: str, query: Query, keys: list[Any]) -> str:
    payload = canonical(keys).encode()
    return urlsafe_b64encode(_fingerprint(entity, query, payload) + payload).decode().rstrip("=")


def _last(entity: str, query: Query, count: int) -> list[Any]:
    try:
        data = urlsafe_b64decode(query.token.encode("ascii") + b"=" * (-len(query.token) % 4))
        payload = data[_CHECK:]
        if data[:_CHECK] == _fingerprint(entity, query, payload):
            keys = json.loads(payload)
            if isinstance(keys, list) and len(keys) == count:
                return keys
    except (ValueError, binascii.Error):
        pass
    raise AppError("this page token belongs to no such list; ask for the first page again")
