"""What a verb evidently does to a row: a state that it names, a mark, a time, fields that its body names, a member."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app_clones.declared.model import Entity, FieldDecl, Param
from factory.compiler.infer_bodies import Body
from factory.compiler.infer_names import singular, snake
from factory.compiler.infer_schemas import Shapes, ref_of

Json = Any

#: Verbs that only ask: whatever they answer is worked out, unless it holds rows.
ASKING = re.compile(
    r"(get|list|fetch|find|search|query|lookup|look_up|retrieve|read|check|validate|test|generate|compute|calculate|predict|"
    r"detect|analyze|annotate|translate|recognize|synthesize|classify|evaluate|explain|count|complete_query|recommend|"
    r"converse|match|suggest|estimate|simulate|preview|verify|resolve|report|raw_predict|stream|infer|parse|deidentify|"
    r"reidentify|inspect|transform|aggregate|download|view|answer|embed|batch_embed|exchange|sign|encrypt|decrypt|mac|"
    r"asymmetric|decapsulate|introspect|autocomplete|assess|score|diagnose|process|render|augment|corroborate|chat|"
    r"direct|server|troubleshoot|rank|ground|optimize|locate|identify|convert|batch_get|batch_stream|partition)(?:_|\Z)"
)
#: Verb → words of states that it leads to, the best first.
_STATES: Mapping[str, tuple[str, ...]] = {
    "start": ("running", "started", "active", "in_progress", "starting", "live", "enabled", "processing"),
    "run": ("running", "active", "queued", "pending"),
    "restart": ("running", "active", "restarting"),
    "resume": ("running", "active", "resumed", "enabled", "in_progress", "processing", "open"),
    "unpause": ("running", "active", "enabled"),
    "stop": ("stopped", "terminated", "stopping", "inactive", "cancelled", "canceled", "finished", "disabled", "ended"),
    "cancel": ("cancelled", "canceled", "cancelling", "canceling", "aborted", "finished", "stopped"),
    "abort": ("aborted", "cancelled", "canceled"),
    "pause": ("paused", "suspended"),
    "suspend": ("suspended", "paused", "disabled", "inactive"),
    "reinstate": ("active", "enabled"),
    "enable": ("enabled", "active", "on"),
    "disable": ("disabled", "inactive", "off", "suspended"),
    "activate": ("active", "activated", "enabled", "live"),
    "deactivate": ("inactive", "deactivated", "disabled", "not_active"),
    "publish": ("published", "live", "active"),
    "unpublish": ("unpublished", "draft"),
    "archive": ("archived", "inactive"),
    "unarchive": ("active", "unarchived"),
    "approve": ("approved", "established", "accepted", "active"),
    "reject": ("rejected", "denied", "declined", "disapproved"),
    "deny": ("denied", "rejected", "declined"),
    "decline": ("declined", "rejected", "denied"),
    "accept": ("accepted", "approved", "active"),
    "complete": ("completed", "complete", "succeeded", "done", "finished"),
    "finish": ("finished", "completed", "done"),
    "finalize": ("finalized", "completed", "final", "ready"),
    "undelete": ("active", "ready", "enabled", "available", "running"),
    "restore": ("active", "ready", "enabled", "available", "running"),
    "recover": ("active", "ready", "enabled", "available"),
    "close": ("closed", "resolved", "done"),
    "reopen": ("open", "reopened", "active"),
    "open": ("open", "opened"),
    "terminate": ("terminated", "ended", "stopped"),
    "end": ("ended", "finished", "completed"),
    "delete": ("deleted",),
    "trash": ("trashed", "deleted"),
    "withdraw": ("withdrawn", "deleted", "cancelled"),
    "announce": ("announced",),
    "revoke": ("revoked", "inactive"),
    "submit": ("submitted", "pending", "in_review", "turned_in"),
    "deploy": ("deployed", "active", "ready"),
    "undeploy": ("undeployed", "inactive"),
    "promote": ("promoted", "active", "primary"),
    "rollback": ("rolled_back", "rollback", "rolling_back"),
    "commit": ("committed",),
    "acknowledge": ("acknowledged",),
    "turn_in": ("turned_in",),
    "return": ("returned",),
    "reclaim": ("reclaimed_by_student", "reclaimed"),
    "destroy": ("destroyed", "destroy_scheduled"),
    "freeze": ("frozen",),
    "hold": ("on_hold", "held"),
    "ban": ("banned",),
    "block": ("blocked",),
    "unblock": ("active", "unblocked"),
    "verify": ("verified",),
    "send": ("sent", "invited", "sending"),
    "refund": ("refunded",),
    "retry": ("pending", "running", "queued", "in_progress"),
    "dismiss": ("dismissed",),
    "provision": ("provisioned", "active", "ready"),
    "initialize": ("initialized", "ready", "active"),
    "quarantine": ("quarantined",),
}
#: Verb → a mark (a boolean field), and what it becomes.
_MARKS: Mapping[str, tuple[tuple[str, bool], ...]] = {
    "enable": (("enabled", True), ("disabled", False), ("is_enabled", True)),
    "disable": (("enabled", False), ("disabled", True), ("is_enabled", False)),
    "hide": (("hidden", True),),
    "unhide": (("hidden", False),),
    "trash": (("trashed", True), ("deleted", True)),
    "untrash": (("trashed", False), ("deleted", False)),
    "undelete": (("deleted", False),),
    "archive": (("archived", True),),
    "unarchive": (("archived", False),),
    "pause": (("paused", True),),
    "resume": (("paused", False), ("suspended", False)),
    "unpause": (("paused", False),),
    "suspend": (("suspended", True),),
    "lock": (("locked", True),),
    "unlock": (("locked", False),),
    "activate": (("active", True),),
    "deactivate": (("active", False),),
    "publish": (("published", True), ("is_published", True)),
    "unpublish": (("published", False),),
    "star": (("starred", True),),
    "verify": (("verified", True),),
    "revoke": (("revoked", True),),
    "close": (("closed", True),),
    "cancel": (("cancelled", True), ("canceled", True)),
    "deprecate": (("deprecated", True),),
}
_OF_STATE = re.compile(r"(?:\b|_)(?:state|status)(?:\b|_)", re.I)
_TIME = ("time", "at", "timestamp", "date")


@dataclass(slots=True)
class Effect:
    """What is done to the row's fields; ``fields``: arguments that say a field's value, where they are given;
    ``inputs``: all arguments that the effect reads."""

    change: dict[str, Json] = field(default_factory=dict)
    append: dict[str, Json] = field(default_factory=dict)
    remove: dict[str, Json] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    inputs: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.change or self.append or self.remove or self.fields)


def effect(verb: str, entity: Entity, body: Body, params: Mapping[str, Param]) -> Effect:
    """The evident effect of ``verb`` on a row of ``entity``; an empty one where nothing is evident."""
    found = Effect()
    name = snake(verb)
    _members(name, entity, body, found)
    if not found:
        _named_fields(name, entity, body, found)
    state = _state(name, entity)
    if state is not None and state[0] not in found.fields.values():
        found.change[state[0]] = state[1]
    if not found:
        found.change |= mark(name, entity)
    if not found:
        found.change |= _moment(name, entity)
    return found


def _state(verb: str, entity: Entity) -> tuple[str, str] | None:
    """A state field, and which of its values the verb leads to."""
    for name, known in _state_fields(entity):
        values = {value.lower(): value for value in known.values}
        for word in _words(verb):
            for low, value in values.items():
                if low == word or low.endswith(f"_{word}"):
                    return name, value
        for stem in _stems(verb):
            for low, value in values.items():
                if re.search(rf"(?:\A|_){stem}\w{{0,3}}ed\Z", low):
                    return name, value
    return None


def told_state(verb: str, entity: Entity, body: Body, shapes: Shapes) -> Effect:
    """A property that tells of the state, ``stateInfo`` with a ``state`` in it: it becomes the one that the verb leads
    to, with what the body says besides. What else it holds must be about the state, too, since it goes with that."""
    found = Effect()
    for name, known in entity.fields.items():
        if known.type != "json" or known.repeated or not _OF_STATE.search(name) or known.readonly:
            continue
        props = shapes.properties(ref_of(known.shape))
        enums = {prop: schema["enum"] for prop, schema in props.items() if "enum" in schema and _OF_STATE.search(prop)}
        rest = {prop: schema for prop, schema in props.items() if prop not in enums}
        if len(enums) != 1 or not all(_OF_STATE.search(str(one.get("description", ""))) for one in rest.values()):
            continue
        ((prop, values),) = enums.items()
        value = next((one for word in _words(snake(verb)) for one in values if str(one).lower() == word), None)
        if value is not None:
            told = {argument: one for argument, one in body.own.items() if one in rest}
            found.change[name] = {prop: value, **{one: f"${argument}" for argument, one in told.items()}}
            found.inputs |= told.keys()
            break
    return found


def _state_fields(entity: Entity) -> Iterable[tuple[str, FieldDecl]]:
    enums = [(name, known) for name, known in entity.fields.items() if known.type == "enum" and not known.repeated]
    likely = [pair for pair in enums if re.search(r"(?:\A|_)(?:state|status|lifecycle|phase)\Z", pair[0])]
    return sorted(likely, key=lambda pair: (len(pair[0].split("_")), not pair[1].readonly, pair[0]))


def _words(verb: str) -> tuple[str, ...]:
    marked = re.match(r"mark_(?:as_)?(\w+)\Z", verb)
    if marked:
        return (marked[1],)
    head = verb.split("_")[0]
    return _STATES.get(verb, _STATES.get(head, ()))


def _stems(verb: str) -> list[str]:
    head = verb.split("_")[0]
    return [head.removesuffix("e")] if len(head) > 3 and head not in ("test", "list", "fetch", "batch") else []


def mark(verb: str, entity: Entity) -> dict[str, Json]:
    """A boolean that the verb is known to set, or that is named after it: ``pinned`` of ``pin`` and ``unpin``."""
    base, done = (verb[2:], False) if re.match(r"un[a-z]{3}", verb) else (verb, True)
    named = [(f"{head}{past}", done) for past in past_forms(base) for head in ("", "is_")]
    for name, value in (*_MARKS.get(verb, ()), *named):
        known = entity.fields.get(name)
        if known is not None and known.type == "boolean" and not known.repeated:
            return {name: value}
    return {}


def past_forms(verb: str) -> tuple[str, ...]:
    """What is done once ``verb`` is: ``closed``, ``applied``, ``pinned``, ``trashed``."""
    if verb.endswith("e"):
        return (f"{verb}d",)
    if re.search(r"[^aeiou]y\Z", verb):
        return (f"{verb[:-1]}ied",)
    doubled = re.search(r"[aeiou][bdgklmnprtz]\Z", verb)
    return (f"{verb}ed", f"{verb}{verb[-1]}ed") if doubled else (f"{verb}ed",)


def _moment(verb: str, entity: Entity) -> dict[str, Json]:
    """When the verb was done, or, of one that undoes another, that this was never done."""
    base, value = (verb[2:], None) if re.match(r"un[a-z]{3}", verb) else (verb, "$now")
    for stem in (base, *past_forms(base)):
        for tail in _TIME:
            known = entity.fields.get(f"{stem}_{tail}")
            if known is not None and known.type == "datetime" and not known.auto and not (known.required and not value):
                return {f"{stem}_{tail}": value}
    return {}


def _named_fields(verb: str, entity: Entity, body: Body, found: Effect) -> None:
    """Fields that the body names, set to what it says: of a verb that says so, or where there is nothing else in it."""
    head = verb.split("_")[0]
    if head in (
        "get",
        "list",
        "search",
        "query",
        "fetch",
        "test",
        "check",
        "validate",
        "generate",
        "export",
        "compute",
    ):
        return
    for argument, prop in body.own.items():
        name = _field_for(prop, entity)
        if name is None and head in ("set", "update", "change", "move", "resize", "rename", "modify"):
            name = _field_for(re.sub(r"^(new|target|destination)(?=[A-Z])", "", prop), entity)
        known = entity.fields[name] if name is not None and name not in found.fields.values() else None
        if name is not None and known is not None and not known.immutable and _fits(known, body.params[argument]):
            found.fields[argument] = name
            found.inputs.add(argument)


def write_fields(body: Body, entity: Entity) -> None:
    """What a body says of a new row that is not in it as a whole is written into the fields of those names."""
    taken: set[str] = set()
    for argument, prop in list(body.own.items()):
        name = _field_for(prop, entity)
        if name is not None and name not in taken and _fits(entity.fields[name], body.params[argument]):
            taken.add(name)
            update = {"role": "field", "field": name, "required": entity.fields[name].required}
            body.params[argument] = body.params[argument].model_copy(update=update)
            body.own.pop(argument)


def _field_for(prop: str, entity: Entity) -> str | None:
    low = prop[:1].lower() + prop[1:]
    for name, known in entity.fields.items():
        if known.wire in (prop, low) and not known.hidden and not known.auto:
            return name
    return None


def _fits(known: FieldDecl, param: Param) -> bool:
    if known.repeated != param.repeated or (known.type == "ref"):
        return False
    if known.type == "json":
        return param.type == "json" and dict(known.shape or {}) == dict(param.shape or {})
    return known.type == param.type or {known.type, param.type} <= {"string", "text", "email", "url"}


def _members(verb: str, entity: Entity, body: Body, found: Effect) -> None:
    """Lists that the body adds to or takes from: ``addLabelIds``, or ``resourcePolicies`` of
    ``addResourcePolicies``."""
    head = verb.split("_")[0]
    for argument, prop in body.own.items():
        name = snake(prop)
        way, rest = _way(name)
        if way is None and head in ("add", "remove", "attach", "detach"):
            way, rest = ("append" if head in ("add", "attach") else "remove"), name
        if way is None:
            continue
        known = next((f for f in (rest, f"{rest}s", singular(rest)) if f in entity.fields), None)
        if known is None or not entity.fields[known].repeated:
            continue
        if entity.fields[known].type == "ref" and body.params[argument].type == "string":
            ref = {"type": "ref", "to": entity.fields[known].to, "pattern": None, "keywords": ()}
            body.params[argument] = body.params[argument].model_copy(update=ref)
        param = body.params[argument]
        if param.type != entity.fields[known].type and {param.type, entity.fields[known].type} != {"string", "text"}:
            continue
        (found.append if way == "append" else found.remove)[known] = f"${argument}"
        found.inputs.add(argument)


def _way(name: str) -> tuple[str | None, str]:
    adding = re.match(r"(?:add|added)_(\w+)|(\w+)_to_add\Z", name)
    if adding:
        return "append", adding[1] or adding[2]
    taking = re.match(r"(?:remove|removed|delete)_(\w+)|(\w+)_to_(?:remove|delete)\Z", name)
    return ("remove", taking[1] or taking[2]) if taking else (None, name)
