"""Work that takes time: a row that tells of it, pending at first and finished after some virtual seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app_clones.declared import rows
from app_clones.declared.act import Act
from app_clones.declared.entities import Row
from app_clones.declared.expressions import prepare
from app_clones.declared.keys import Names, by_id, joined
from app_clones.declared.model import LongRunning
from app_clones.kit.errors import AppError, KitError, NotFound
from app_clones.kit.protocol import Call

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

Json = Any


def start(act: Act) -> Json:
    """Makes the row of an operation that was just begun; gives its JSON form."""
    running = _running(act.ready)
    entity, app = act.ready.entities[running.entity], act.ready.decl.app
    there = act.row is not None and act.gone is None
    look = _scope(act, there)
    values = {name: look.into(entity.name, name, prepare(value)) for name, value in running.pending.items()}
    if entity.decl.key.scope is not None:
        values[entity.decl.key.scope] = joined(_place(act, running), act.plan.decl.result.within)
    if entity.decl.parent is not None:
        values.setdefault(entity.decl.parent, _parent(act, entity.above or ""))
    row = rows.insert(act.ready, act.call, entity.name, values)
    target = act.row["id"] if act.row is not None and there else None
    act.call.insert(
        f"{app}_pending",
        due_ms=act.call.now_ms + running.seconds * 1000,
        running=row["id"],
        operation=act.plan.name,
        target=target,
    )
    if running.seconds:
        # The event says nothing of its own: what is due is looked up, so that ids never stand in its text.
        act.call.schedule(running.seconds * 1000, f"{app}.finish")
    else:
        finish(act.ready, act.call)
    return rows.view(act.ready, act.call, entity.name, by_id(entity, act.call, row["id"]))


def finish(ready: Declared, call: Call) -> None:
    """Event ``{app}.finish``: the earliest operation that is due is finished."""
    app = ready.decl.app
    found = call.one(
        f"SELECT id,running,operation,target FROM {app}_pending WHERE due_ms<=? ORDER BY due_ms,id LIMIT 1", call.now_ms
    )
    if found is None:
        return
    id, rowid, operation, target = found
    call.delete(f"{app}_pending", id=id)
    running = _running(ready)
    entity = ready.entities[running.entity]
    try:
        row = by_id(entity, call, rowid)
    except NotFound:
        return  # nobody waits for it any more
    act = Act(ready, call, ready.plan(operation), {}, Names(ready, call))
    there = target is not None and _is_there(act, target)
    look = _scope(act, there)
    changes = {name: look.into(entity.name, name, prepare(value)) for name, value in running.finished.items()}
    rows.update(ready, call, entity.name, row, changes)


def _running(ready: Declared) -> LongRunning:
    if ready.decl.api.long_running is None:
        raise KitError(f"{ready.decl.app} does not say how it tells of work that takes time")
    return ready.decl.api.long_running


def _is_there(act: Act, target: int) -> bool:
    if act.plan.entity is None:
        return False
    try:
        act.row = by_id(act.plan.entity, act.call, target)
    except NotFound:
        return False
    return True


def _scope(act: Act, there: bool) -> Act:
    """``act`` with the names that expressions about long-running operations may use."""
    response: Mapping[str, Json] = act.view(act.entity, act.target) if there else {}
    target = act.names.path(act.entity, act.target) if there else None
    act.extra.update(response=dict(response), operation=act.plan.decl.origin or act.plan.name, target=target)
    return act


def _place(act: Act, running: LongRunning) -> str:
    """The resource name of what the operation's own row lies under; empty where it lies at the root."""
    at, plan = act.row, act.plan.entity
    while at is not None and plan is not None:
        if plan.name in running.under:
            return act.names.path(plan.name, at)
        above = at[plan.decl.parent] if plan.decl.parent is not None else None
        if plan.above is None or above is None:
            break
        at, plan = act.names.row(plan.above, above), act.ready.entities[plan.above]
    named = [(name, row) for name, row in act.rows.values() if name in running.under]
    return act.names.path(*named[-1]) if named else ""


def _parent(act: Act, above: str) -> int:
    """The row under which the operation's own row lies: one that the request names, or one above the target."""
    for name, row in act.rows.values():
        if name == above:
            return int(row["id"])
    at: Row | None = act.row
    plan = act.plan.entity
    while at is not None and plan is not None:
        if plan.name == above:
            return int(at["id"])
        if plan.above is None or plan.decl.parent is None or at[plan.decl.parent] is None:
            break
        at, plan = act.names.row(plan.above, at[plan.decl.parent]), act.ready.entities[plan.above]
    raise AppError(f"this operation lies under no {above}")
