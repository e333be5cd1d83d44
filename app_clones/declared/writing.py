"""Creating, changing and deleting a row as its client asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app_clones.declared import rows
from app_clones.declared.act import Act
from app_clones.declared.bodies import Resource, masked, replaced, resolve
from app_clones.declared.branches import excluded
from app_clones.declared.entities import EntityPlan
from app_clones.declared.keys import find_named, own_name
from app_clones.declared.only import only_row
from app_clones.declared.refusals import Stale
from app_clones.declared.values import canonical
from app_clones.kit.errors import AppError, KitError

Json = Any


def check_etag(act: Act, given: str) -> None:
    """Raises :class:`Stale` unless the target's etag is ``given`` (quotes and a ``W/`` aside)."""
    current = rows.etag_of(act.ready, act.call, act.entity, act.target)
    if given.removeprefix("W/").strip('"') != current.strip('"'):
        raise Stale("it was changed since: the etag is another one")


def _check_told(act: Act) -> None:
    """What only the service writes may be told, but only as it is. Raises :class:`AppError`."""
    resource = act.plan.first("resource", act.arguments)
    if not isinstance(resource, Resource) or not resource.told:
        return
    shown = act.view(act.entity, act.row) if act.row is not None else {}
    for wire, value in resource.told.items():
        if wire not in shown or canonical(shown[wire]) != canonical(value):
            raise AppError(f"{wire}: only the service writes this")


def given_values(act: Act) -> dict[str, Any]:
    """What the client gives, by field: the resource's properties, then single fields. Refs as called from outside."""
    found: dict[str, Any] = {}
    resource = act.plan.first("resource", act.arguments)
    if isinstance(resource, Resource):
        found.update(resource.values)
    for key in act.plan.roles.get("field", ()):
        if key in act.arguments:
            found[act.plan.params[key].field or key] = act.arguments[key]
    return found


def _within_parts(act: Act, plan: EntityPlan, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of ``values`` those of the parts that the client says are to be written; all where it does not say."""
    given = act.plan.first("parts", act.arguments)
    parts = ",".join(given if isinstance(given, list) else [given or ""]).split(",")
    if parts == [""] or "*" in parts:
        return values
    written = {plan.wires.get(part.strip(), part.strip()) for part in parts}
    return {name: value for name, value in values.items() if name in written}


def create(act: Act) -> None:
    """Makes a row of what is given, under the ancestors named; it becomes the target."""
    plan = _entity(act)
    _check_told(act)
    values = _resolved(act, plan, _within_parts(act, plan, given_values(act)))
    new_id = act.plan.first("new_id", act.arguments)
    called = _called(act)
    if new_id is None and plan.decl.key.form == "given":
        new_id = next((str(one) for one in called.values()), None)
    if isinstance(new_id, str) and "/" in new_id and plan.decl.key.path is not None:
        new_id = _under_name(act, plan, new_id, values)
    _make(act, plan, values, new_id)
    _check_called(act, called)


def _called(act: Act) -> Mapping[str, Json]:
    """What a new row calls itself, by property."""
    resource = act.plan.first("resource", act.arguments)
    return resource.called if isinstance(resource, Resource) else {}


def _check_called(act: Act, called: Mapping[str, Json]) -> None:
    """Raises :class:`AppError` where the new row is not called as its client said: that would be lost in silence."""
    shown = act.view(act.entity, act.target) if called else {}
    for wire, told in called.items():
        if str(shown.get(wire)) != str(told):
            raise AppError(f"{wire}: {str(told)[:80]!r} is not what this is called; leave it out")


def create_missing(act: Act) -> None:
    """Makes the row that an update named and did not find, under that id."""
    plan = _entity(act)
    ident = str(act.arguments.get(act.plan.target or "", ""))
    if plan.decl.key.form != "given":
        raise AppError(f"a {plan.noun} cannot be created with an id of the client's choice")
    values = _resolved(act, plan, given_values(act))
    _make(act, plan, values, _under_name(act, plan, ident, values) if "/" in ident else ident)


def _under_name(act: Act, plan: EntityPlan, name: str, values: dict[str, Any]) -> str:
    """The id in the resource name of a row that is not there yet; the parent that it names goes into ``values``."""
    segments = name.split("/")
    head, slug = segments[: -len(own_name(plan, "id").split("/"))], segments[-1]
    if plan.decl.parent is not None and plan.above is not None and head:
        values[plan.decl.parent] = find_named(act.ready, act.call, plan.above, head)["id"]
    elif head:
        raise AppError(f"{name[:80]!r} is no name of a {plan.noun}")
    return slug


def _make(act: Act, plan: EntityPlan, values: dict[str, Any], new_id: str | int | None) -> None:
    parent = plan.decl.parent
    for key in act.plan.ancestors:
        if key in act.rows and act.rows[key][0] == plan.above and parent is not None:
            rowid = act.rows[key][1]["id"]
            if values.get(parent, rowid) != rowid:
                raise AppError(f"{plan.names[parent]}: it lies under another {plan.above}")
            values[parent] = rowid
    for key, name in act.plan.related.items():
        if key in act.rows and not plan.decl.fields[name].repeated:
            values[name] = act.rows[key][1]["id"]
    above = act.ready.entities[plan.above] if plan.above is not None else None
    if parent is not None and values.get(parent) is None and above is not None and above.decl.singleton:
        only = only_row(act, above)
        values[parent] = only["id"] if only is not None else None
    if parent is not None and values.get(parent) is None and plan.above != plan.name:
        raise AppError(f"{plan.names[parent]}: a {plan.noun} needs one")
    for name, evaluate in act.plan.set.items():
        values[name] = act.into(plan.name, name, evaluate)
    act.row = rows.insert(act.ready, act.call, plan.name, values, new_id=new_id)


def changes_asked(act: Act) -> dict[str, Any]:
    """The changes that the client asks for, by field, refs as row ids. Raises :class:`AppError` where one cannot be."""
    plan = _entity(act)
    _check_told(act)
    given = given_values(act)
    mask = act.plan.first("mask", act.arguments)
    if mask not in (None, "", []):
        asked = masked(plan, mask, given, act.target)
    elif act.plan.decl.kind == "replace":
        asked = replaced(plan, given)
    else:
        asked = given
    return _allowed(act, plan, _resolved(act, plan, _defaulted(act, plan, _within_parts(act, plan, asked))))


def update(act: Act) -> None:
    """Changes the target as asked, then as the operation's own ``set`` says."""
    resource = act.plan.first("resource", act.arguments)
    if isinstance(resource, Resource) and resource.etag is not None:
        check_etag(act, resource.etag)
    changes = changes_asked(act)
    changes.update({name: act.into(act.entity, name, evaluate) for name, evaluate in act.plan.set.items()})
    change(act, changes)


def change(act: Act, changes: Mapping[str, Any]) -> None:
    """Writes ``changes`` into the target."""
    act.row = act.update(act.entity, act.target, **changes)


def delete(act: Act) -> None:
    """Deletes the target; its JSON form stays known for the answer."""
    act.gone = act.view(act.entity, act.target)
    rows.delete(act.ready, act.call, act.entity, act.target, force=bool(act.plan.first("force", act.arguments)))


def _entity(act: Act) -> EntityPlan:
    if act.plan.entity is None:
        raise KitError(f"{act.plan.name} is about no entity")
    return act.plan.entity


def _resolved(act: Act, plan: EntityPlan, values: Mapping[str, Any]) -> dict[str, Any]:
    fields = plan.decl.fields
    return {name: resolve(act.ready, act.call, plan.names[name], fields[name], value) for name, value in values.items()}


def _defaulted(act: Act, plan: EntityPlan, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nothing given means the default, or no value."""
    without = excluded(plan.decl, {**act.target, **changes})
    return {
        name: plan.decl.fields[name].default if value is None and name not in without else value
        for name, value in changes.items()
    }


def _allowed(act: Act, plan: EntityPlan, changes: dict[str, Any]) -> dict[str, Any]:
    ruled = (plan.decl.owner, plan.decl.parent if plan.above != plan.name else None)
    for name in list(changes):
        if plan.decl.fields[name].immutable or name in ruled:
            if changes[name] != act.target[name]:
                raise AppError(f"{plan.names[name]}: this cannot be changed once it is created")
            del changes[name]
    return changes
