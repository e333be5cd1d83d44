"""The JSON form of a row as a client sends it: which of its properties count, and what a mask makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app_clones.declared.entities import EntityPlan, Row
from app_clones.declared.keys import find
from app_clones.declared.model import FieldDecl
from app_clones.declared.values import Accept, acceptor
from app_clones.kit.errors import AppError, NamesNothing, NotFound
from app_clones.kit.protocol import Call

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

Json = Any


@dataclass(frozen=True, slots=True)
class Resource:
    """A row as given: values by field (None where it was null; refs as called from outside), its etag, if any, what it
    calls itself (its id and name, by property), and what only the service writes: a client that sends back what it got
    sends that too."""

    values: dict[str, Any]
    etag: str | None = None
    called: Mapping[str, Json] = field(default_factory=dict)
    told: Mapping[str, Json] = field(default_factory=dict)


def resource_acceptor(ready: Declared, plan: EntityPlan) -> Accept:
    """The check of a row's JSON form; gives a :class:`Resource`.

    What only the service writes is left out of account where the API is of Google's kind, as the original does;
    elsewhere it may be told as it is. A property that no row has is refused everywhere.
    """
    accepts = {plan.names[name]: (name, acceptor(f, ready.shapes)) for name, f in plan.decl.fields.items()}
    lenient = ready.decl.api.errors == "google"
    told_alike = (*plan.decl.constants, *plan.decl.derived)
    own = {plan.decl.key.wire, plan.decl.key.path, plan.decl.etag, *told_alike} - {None}

    def accept(given: Json, at: str) -> Resource:
        if not isinstance(given, dict):
            raise AppError(f"{at}: an object is needed")
        values: dict[str, Any] = {}
        told: dict[str, Json] = {}
        called: dict[str, Json] = {}
        etag = None
        for wire, value in given.items():
            found = accepts.get(wire)
            if found is None:
                if wire not in own:
                    raise AppError(f"{str(wire)[:60]}: a {plan.noun} has no such property to write")
                if wire == plan.decl.etag:
                    etag = str(value) if value else None
                elif wire in (plan.decl.key.wire, plan.decl.key.path) and lenient:
                    called |= {} if value in (None, "") else {wire: value}
                elif not lenient:
                    told[wire] = value
                continue
            name, check = found
            if plan.decl.fields[name].auto or plan.decl.fields[name].readonly:
                if not lenient:
                    told[wire] = value
                continue
            values[name] = None if value is None else check(value, wire)
        return Resource(values, etag, called, told)

    return accept


def resolve(ready: Declared, call: Call, at: str, decl: FieldDecl, value: Any) -> Any:
    """``value`` of the field ``decl`` with refs as row ids. Raises :class:`NamesNothing` where one names nothing."""
    if decl.type != "ref" or decl.to is None or value is None:
        return value
    to = decl.to

    def one(ident: Any) -> int:
        try:
            return int(find(ready, call, to, ident)["id"])
        except NotFound as error:
            raise NamesNothing(f"{at}: {error.message}") from None

    return [one(item) for item in value] if decl.repeated else one(value)


def mask_paths(plan: EntityPlan, mask: Any) -> list[tuple[str, list[str]]] | None:
    """The fields that a mask names, each with what it names below; None for ``*``, all of them.

    A mask is text with commas, or a list. Raises :class:`AppError` at a field that is not there.
    """
    parts = mask if isinstance(mask, list) else [part.strip() for part in str(mask).split(",")]
    found = []
    for part in parts:
        if part == "*":
            return None
        head, *below = str(part).split(".")
        name = plan.wires.get(head, head)
        if name not in plan.decl.fields:
            known = ", ".join([plan.names[n] for n in plan.decl.fields][:30])
            raise AppError(f"the mask names {str(part)[:60]!r}, which is no field; there are {known}")
        if below and (plan.decl.fields[name].type != "json" or plan.decl.fields[name].repeated):
            raise AppError(f"the mask names a part of {head}, which has none")
        found.append((name, below))
    return found


def masked(plan: EntityPlan, mask: Any, given: Mapping[str, Any], row: Row) -> dict[str, Any]:
    """The changes that ``given`` makes to ``row`` under ``mask``: what it names and ``given`` lacks is cleared."""
    paths = mask_paths(plan, mask)
    if paths is None:
        return replaced(plan, given)
    changes: dict[str, Any] = {}
    for name, below in paths:
        decl = plan.decl.fields[name]
        if decl.auto or decl.readonly:
            raise AppError(f"the mask names {plan.names[name]}, which only the service writes")
        if not below:
            changes[name] = given.get(name)
            continue
        current = changes.get(name, row[name])
        changes[name] = _grafted(current if isinstance(current, dict) else {}, given.get(name), below)
    return changes


def _grafted(current: Mapping[str, Json], given: Json, path: list[str]) -> dict[str, Json]:
    """``current`` with the part at ``path`` as ``given`` has it; without it where ``given`` lacks it."""
    head, *below = path
    there = isinstance(given, dict) and head in given
    found = dict(current)
    if below:
        inner = found.get(head)
        found[head] = _grafted(inner if isinstance(inner, dict) else {}, given[head] if there else None, below)
    elif there:
        found[head] = given[head]
    else:
        found.pop(head, None)
    return found


def replaced(plan: EntityPlan, given: Mapping[str, Any]) -> dict[str, Any]:
    """The changes that make a row what ``given`` says and nothing else: what is not given is cleared."""
    ruled = (plan.decl.parent, plan.decl.owner)
    return {
        name: given.get(name)
        for name, decl in plan.decl.fields.items()
        if not (decl.auto or decl.readonly) and (name in given or not (decl.immutable or name in ruled))
    }
