"""The one core behind tools, HTTP and pages: an operation by name, its arguments as JSON, its answer as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app_clones.declared import effects, running, writing
from app_clones.declared.act import Act
from app_clones.declared.answers import answer, masked_answer
from app_clones.declared.behaviours import check_json
from app_clones.declared.entities import EntityPlan, Row
from app_clones.declared.expand import sweeps
from app_clones.declared.keys import Names, actors_email, find
from app_clones.declared.keywords import understood
from app_clones.declared.listing import Query, page
from app_clones.declared.model import PERSON
from app_clones.declared.only import only_row
from app_clones.declared.plans import Plan
from app_clones.declared.preconditions import check_allowed, is_allowed
from app_clones.declared.reading import read_page, scope_asked
from app_clones.declared.refusals import NotBuilt
from app_clones.declared.values import canonical
from app_clones.kit.errors import Forbidden, KitError, NotFound
from app_clones.kit.protocol import Call

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

Json = Any

_ALL = 2**31
"""More rows than a world has."""


class _Undo(Exception):
    """Carries the answer of what was only tried."""

    def __init__(self, answer: Json) -> None:
        super().__init__()
        self.answer = answer


def perform(ready: Declared, call: Call, operation: str, arguments: Mapping[str, Json]) -> Json:
    """Runs ``operation`` with ``arguments`` by parameter name; gives the body of its answer.

    Raises the :class:`~app_clones.kit.errors.AppError` family; what was done before that is the caller's to undo.
    """
    plan = ready.plan(operation)
    return run(ready, call, plan, plan.accept(arguments))


def run(ready: Declared, call: Call, plan: Plan, arguments: Mapping[str, Any]) -> Json:
    """As :func:`perform`, with arguments that ``plan.accept`` gave."""
    act = Act(ready, call, plan, understood(call, plan.keywords, arguments), Names(ready, call))
    if plan.bare:
        return _behave(act)
    check_built(plan)
    if "self" in plan.roles:
        _check_self(act)
    if not plan.writes:
        return _run(act)
    if plan.first("validate_only", arguments):
        return _tried(act)
    request = plan.first("request_id", arguments)
    return _run(act) if request in (None, "") else _once(act, str(request))


def _check_self(act: Act) -> None:
    """Raises :class:`Forbidden` where the operation is about another person than who acts."""
    given = act.plan.first("self", act.arguments)
    email = actors_email(act.call)
    if given is not None and given.lower() not in ("me", email.lower()):
        raise Forbidden(f"Delegation denied for {email}")


def check_built(plan: Plan) -> None:
    """Raises :class:`NotBuilt` for an operation that is refused whatever it is given."""
    if plan.decl.kind == "refused":
        raise NotBuilt(f"{plan.name} is not built: {plan.decl.reason or 'it is no part of this clone'}")


def _tried(act: Act) -> Json:
    def attempt() -> None:
        raise _Undo(_run(act))

    try:
        act.call.protected(attempt)
    except _Undo as undo:
        return undo.answer
    raise KitError("an attempt ended in nothing")


def _once(act: Act, request: str) -> Json:
    table = f"{act.ready.decl.app}_request"
    sql = f"SELECT answer FROM {table} WHERE actor=? AND operation=? AND request=?"
    found = act.call.one(sql, act.call.actor, act.plan.name, request)
    if found:
        return json.loads(found[0])
    made = _run(act)
    act.call.insert(table, actor=act.call.actor, operation=act.plan.name, request=request, answer=canonical(made))
    return made


def _run(act: Act) -> Json:
    plan = act.plan
    _name_rows(act)
    if plan.decl.kind == "list":
        return _behave(act) if plan.decl.behaviour is not None else masked_answer(act, read_page(act))
    if plan.target is not None and plan.params[plan.target].repeated:
        return _each(act, plan.target)
    if sweeps(plan.decl):
        return _sweep(act)
    found = _aimed(act)
    effects.record(act)
    return found


def _sweep(act: Act) -> Json:
    """Deletes every row that who acts may see, that lies under what is named, and that meets the conditions."""
    assert act.plan.entity is not None
    every = page(act.ready, act.call, act.plan.entity.name, Query(limit=_ALL)).rows
    for row in every:
        one = replace(act, row=row)
        if _lies_there(one) and is_allowed(one) and _is_there(one):
            _made(one, effects.custom)
    effects.record(act)
    return answer(act)


def _lies_there(act: Act) -> bool:
    try:
        check_under(act, act.ready.entities[act.entity], act.target)
    except NotFound:
        return False
    return True


def _is_there(act: Act) -> bool:
    """Whether the row is still there: it may have gone with another."""
    return (
        act.call.one(f"SELECT 1 FROM {act.ready.entities[act.entity].table} WHERE id=?", act.target["id"]) is not None
    )


def _each(act: Act, target: str) -> Json:
    """Does the operation on every row that it names, each once, or, where one is refused, on none."""
    for ident in dict.fromkeys(act.arguments.get(target) or ()):
        one = replace(act, arguments={**act.arguments, target: ident}, rows=dict(act.rows))
        _aimed(one)
    effects.record(act)
    return answer(act)


def _aimed(act: Act) -> Json:
    """Finds the row that the operation is about, and does it."""
    plan = act.plan
    if plan.entity is not None and plan.decl.kind != "create":
        try:
            _aim(act)
        except NotFound:
            if not plan.first("allow_missing", act.arguments):
                raise
            if plan.decl.kind == "delete":
                return answer(act)
            return _made(act, writing.create_missing)
    _check_allowed(act)
    if plan.decl.behaviour is not None:
        return _behave(act)
    return _made(act, _WORK[plan.decl.kind])


def _made(act: Act, work: Callable[[Act], None]) -> Json:
    work(act)
    effects.follow(act)
    if act.plan.decl.result.shape == "operation":
        return masked_answer(act, running.start(act))
    return answer(act)


def _behave(act: Act) -> Json:
    behaviour = act.ready.behaviours[act.plan.decl.behaviour or ""]
    found = behaviour(act)
    check_json(behaviour, found)
    effects.follow(act)
    return masked_answer(act, found) if found is not None else answer(act)


def _name_rows(act: Act) -> None:
    """Finds the rows that parameters name, ancestors from the root down, each under the one before."""
    plan = act.plan
    for key in (*plan.ancestors, *plan.others):
        ident, entity = act.arguments.get(key), plan.params[key].entity or PERSON
        if plan.decl.kind == "list":
            ident, entity = _narrowest(act, entity, ident)
        if ident is not None:
            act.rows[key] = (entity, _find_under(act, entity, ident))
    for key in plan.refs:
        act.look((key,))  # an input that names no row is refused, whatever is made of it


def _narrowest(act: Act, entity: str, ident: Any) -> tuple[Any, str]:
    """Of a list under ``projects/p1/locations/-``, the rows of any location: what is named before the dashes."""
    if not isinstance(ident, str) or not (ident == "-" or ident.endswith("/-")):
        return ident, entity
    segments = ident.split("/")
    at: str | None = entity
    while segments and segments[-1] == "-":
        segments, at = segments[:-2], act.ready.entities[at].above if at else None
    return ("/".join(segments), at) if segments and at else (None, entity)


def _find_under(act: Act, entity: str, ident: Any) -> Row:
    """The row called ``ident``, which must lie under every ancestor found so far."""
    plan = act.ready.entities[entity]
    above = [(name, row) for name, row in act.rows.values()]
    direct = next((row["id"] for name, row in reversed(above) if name == plan.above), None)
    found = find(act.ready, act.call, entity, ident, under=direct)
    check_under(act, plan, found)
    return found


def check_under(act: Act, plan: EntityPlan, row: Row) -> None:
    """Raises :class:`NotFound` where ``row`` lies under another row than an ancestor that the operation names."""
    wanted = {act.rows[key][0]: act.rows[key][1]["id"] for key in act.plan.ancestors if key in act.rows}
    at, below, steps = plan, row, 0
    while wanted and at.above is not None and steps < 100:
        above = below[at.decl.parent or ""]
        if above is None:
            return
        name = at.above
        if name in wanted and wanted[name] != above and name != at.name:
            raise NotFound(f"no such {plan.noun} there")
        at, below, steps = act.ready.entities[name], act.names.row(name, above), steps + 1


def _check_belongs(act: Act, plan: EntityPlan) -> None:
    """Raises :class:`NotFound` where the target does not belong to a row through which it is reached."""
    for key in act.plan.bound:
        field = act.plan.related[key]
        held = act.target[field]
        belongs = held if plan.decl.fields[field].repeated else [held]
        if key in act.rows and act.rows[key][1]["id"] not in (belongs or ()):
            raise NotFound(f"no such {plan.noun} there")


def _aim(act: Act) -> None:
    """Finds the target: the row that a parameter names, or the one singleton of the ancestor named."""
    plan, entity = act.plan, act.plan.entity
    assert entity is not None
    if plan.target is not None:
        ident = act.arguments.get(plan.target)
        if ident is not None:
            act.row = _find_under(act, entity.name, ident)
            _check_belongs(act, entity)
            scope = scope_asked(act)
            if scope is not None and act.row[entity.decl.key.scope or ""] != scope:
                raise NotFound(f"no {entity.noun} there")
        return
    if entity.decl.singleton:
        act.row = only_row(act, entity)


def _check_allowed(act: Act) -> None:
    check_allowed(act)
    given = act.plan.first("etag", act.arguments)
    if act.row is not None and given not in (None, "", "*"):
        writing.check_etag(act, str(given))


_WORK: Mapping[str, Callable[[Act], None]] = {
    "get": lambda act: None,
    "create": writing.create,
    "update": writing.update,
    "replace": writing.update,
    "delete": writing.delete,
    "custom": effects.custom,
    "record": effects.custom,
}
