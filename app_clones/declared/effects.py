"""What an operation does beyond writing what its client gives: changes of the target, more rows, events, a record."""

from __future__ import annotations

from typing import Any

from app_clones.declared import rows, writing
from app_clones.declared.act import Act
from app_clones.declared.bodies import Resource
from app_clones.declared.plans import delay_ms
from app_clones.declared.values import canonical


def custom(act: Act) -> None:
    """The changes of a custom operation's target, or of the copy that it makes."""
    if act.row is None or act.plan.entity is None:
        return
    if act.plan.decl.copy_row:
        _copy(act)
    elif act.plan.writes:
        writing.change(act, _changes(act))
    if act.plan.decl.delete:
        writing.delete(act)


def follow(act: Act) -> None:
    """What comes after the target is written: further rows, events."""
    plan = act.plan
    for entity, values in plan.make:
        made = {name: act.into(entity, name, evaluate) for name, evaluate in values.items()}
        rows.insert(act.ready, act.call, entity, made)
    for each in plan.emit:
        after = each.after(act.look)
        if after is not None and (each.decl.required or act.call.handles(each.decl.event)):
            due = delay_ms(after, each.decl.unit)
            act.call.schedule(due, each.decl.event, **act.plain(each.payload(act.look)))


def _changes(act: Act) -> dict[str, Any]:
    entity, plan = act.entity, act.plan
    changes = writing.changes_asked(act) if "resource" in plan.roles or "field" in plan.roles else {}
    changes.update({name: act.into(entity, name, evaluate) for name, evaluate in plan.set.items()})
    for name, evaluate in plan.append.items():
        held = list(changes.get(name, act.target[name]) or ())
        # A list holds each thing once: appending what is there already changes nothing.
        changes[name] = held + [each for each in act.items_into(entity, name, evaluate) if each not in held]
    for name, evaluate in plan.remove.items():
        held = list(changes.get(name, act.target[name]) or ())
        going = act.items_into(entity, name, evaluate)
        changes[name] = [each for each in held if each not in going]
    return changes


def _copy(act: Act) -> None:
    plan = act.ready.entities[act.entity]
    values = {name: act.target[name] for name, field in plan.decl.fields.items() if not field.auto}
    values.update(writing.changes_asked(act) if "resource" in act.plan.roles or "field" in act.plan.roles else {})
    values.update({name: act.into(act.entity, name, evaluate) for name, evaluate in act.plan.set.items()})
    if plan.decl.owner is not None and plan.decl.owner not in act.plan.set:
        values[plan.decl.owner] = act.call.actor
    new_id = act.plan.first("new_id", act.arguments)
    act.row = rows.insert(act.ready, act.call, act.entity, values, new_id=new_id)


def record(act: Act) -> None:
    """The record of the call, of an operation that keeps one."""
    if not (act.plan.decl.record or act.plan.decl.kind == "record"):
        return
    asked = {
        name: value.values if isinstance(value, Resource) else value
        for name, value in act.arguments.items()
        if act.plan.params[name].role not in ("inert", "read_mask", "parts", "request_id", "validate_only")
    }
    act.call.insert(
        f"{act.ready.decl.app}_call", actor=act.call.actor, operation=act.plan.name, arguments=canonical(asked)
    )
