"""What can be done with each entity of an app: which operations serve, which fields can be asked for and written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from app_clones.declared.engine import Declared
from app_clones.declared.expand import writable
from app_clones.declared.model import PERSON, AppDecl, Emit, Entity, FieldDecl, OperationDecl, Param
from factory.verifiers.declared.effects import is_compared
from factory.verifiers.declared.find import entity_of

_PLAIN_KINDS = ("string", "text", "email", "url", "enum", "boolean", "integer", "number", "date", "datetime", "ref")
_LONG_S = 3600 * 4
"""Virtual seconds that no episode lasts."""
_TIMELY = ("$now", "$response", "$target")
_UNSPECIFIED = "UNSPECIFIED"
_FILLED = ("row", "new_id", "resource", "field", "mask")
"""Roles of parameters that a plan has values for."""


@dataclass(frozen=True, slots=True)
class Named:
    """An operation with its name."""

    name: str
    decl: OperationDecl


@dataclass(frozen=True, slots=True)
class Ability:
    """What can be done with one entity. ``acts``: custom operations on a row whose effects the declaration tells in
    full. ``shown``: fields of a row that anyone who sees it sees; ``made`` and ``changed``: what creating and updating
    can write, of those."""

    name: str
    decl: Entity
    above: str | None
    list: Named | None
    get: Named | None
    create: Named | None
    update: Named | None
    delete: Named | None
    acts: tuple[Named, ...]
    shown: Mapping[str, FieldDecl]
    made: Mapping[str, FieldDecl]
    changed: Mapping[str, FieldDecl]

    @property
    def noun(self) -> str:
        """What people call one: ``support ticket``."""
        return (self.decl.title or self.name.replace("_", " ")).lower()

    @property
    def plural(self) -> str:
        """What people call several."""
        return (self.decl.plural or f"{self.name}s").replace("_", " ").lower()


@dataclass(frozen=True, eq=False)
class Abilities:
    """All of an app. ``of`` has every entity, persons among them."""

    ready: Declared
    of: Mapping[str, Ability] = field(default_factory=dict)

    @property
    def decl(self) -> AppDecl:
        """The declaration, expanded."""
        return self.ready.decl

    def lists_alone(self, entity: str) -> bool:
        """Whether all rows of an entity are listed without naming a row above them."""
        listing = self.of[entity].list
        return listing is not None and not any(one.role == "row" for one in listing.decl.params.values())

    def __iter__(self) -> Iterator[Ability]:
        return iter(ability for name, ability in self.of.items() if name != PERSON)


def abilities(ready: Declared, handled: Collection[str], step_ms: int) -> Abilities:
    """Reads the declaration once. ``handled``: the events that some app of the world handles; ``step_ms``: what a step
    takes."""
    names = (*ready.decl.entities, PERSON)
    return Abilities(ready, {name: _ability(ready.decl, name, handled, step_ms) for name in names})


def _ability(decl: AppDecl, name: str, handled: Collection[str], step_ms: int) -> Ability:
    about = entity_of(decl, name)
    mine = [Named(key, one) for key, one in decl.operations.items() if one.entity == name and name != PERSON]
    mine = [one for one in mine if is_plain(decl, one.decl, handled, step_ms)]
    above = about.fields[about.parent].to if about.parent else None
    making = [one for one in mine if above is None or any(_names(param, above) for param in one.decl.params.values())]
    create, update = _first(making, "create"), _first(mine, "update")
    shown = {key: one for key, one in about.fields.items() if _is_shown(about, key, one)}
    return Ability(
        name=name,
        decl=about,
        above=above,
        list=_first(mine, "list"),
        get=_first(mine, "get"),
        create=create,
        update=update,
        delete=_first(mine, "delete"),
        acts=tuple(one for one in mine if one.decl.kind == "custom" and _can_act(one.decl)),
        shown=shown,
        made=_written(name, about, create, shown, creating=True),
        changed=_written(name, about, update, shown, creating=False),
    )


def _names(param: Param, entity: str) -> bool:
    return param.role == "row" and param.entity == entity


def _is_shown(about: Entity, name: str, field: FieldDecl) -> bool:
    """Whether a field is plain, in every view of the row, and no mere bookkeeping."""
    bookkeeping = field.hidden or field.log or field.auto or name in (about.parent, about.owner)
    return not bookkeeping and not field.repeated and field.type in _PLAIN_KINDS


def _first(mine: list[Named], kind: str) -> Named | None:
    """The operation of that kind which names the fewest rows."""
    fit = [one for one in mine if one.decl.kind == kind]
    return min(fit, key=lambda one: sum(p.role == "row" for p in one.decl.params.values()), default=None)


def is_plain(decl: AppDecl, operation: OperationDecl, handled: Collection[str], step_ms: int) -> bool:
    """Whether the declaration tells all that the operation does, and a plan all that it needs."""
    params = operation.params.values()
    if operation.behaviour or operation.kind == "refused" or any(_is_open(one) for one in params):
        return False
    if any(each.event in handled and not _waits(each) for each in operation.emit):
        return False
    line = lineage(decl, operation.entity or "")
    if any(one.repeated or one.entity not in line for one in params if one.role == "row"):
        return False
    if operation.kind in ("list", "get"):
        return True
    at_once = operation.result.shape != "operation" or _is_done_at_once(decl, step_ms)
    return at_once and not operation.record and _effects_told(decl, operation)


def _is_done_at_once(decl: AppDecl, step_ms: int) -> bool:
    """Whether work that takes time is done by the end of the step that began it, and told of by nothing but that."""
    running = decl.api.long_running
    if running is None or running.seconds * 1000 > step_ms:
        return False
    fields = decl.entities[running.entity].fields
    told = {**running.pending, **running.finished}
    return all(is_told(value) or not is_compared(fields[name]) for name, value in told.items())


def lineage(decl: AppDecl, entity: str) -> tuple[str, ...]:
    """An entity and those above it."""
    found: list[str] = []
    while entity and entity not in found:
        found.append(entity)
        about = entity_of(decl, entity)
        entity = (about.fields[about.parent].to or "") if about.parent else ""
    return tuple(found)


def _effects_told(decl: AppDecl, operation: OperationDecl) -> bool:
    if any(not is_told(value) or value != _plain(value) for values in operation.when.values() for value in values):
        return False
    effects = [(operation.entity or "", values) for values in (operation.set, operation.append, operation.remove)]
    effects += [(make.entity, make.values) for make in operation.make]
    return all(
        is_told(value) or not is_compared(decl.entities[entity].fields[name])
        for entity, values in effects
        for name, value in values.items()
    )


def _plain(value: object) -> object:
    return None if isinstance(value, str) and value.startswith("$") else value


def _waits(each: Emit) -> bool:
    """Whether an event falls due long after an episode, and says all that there is to compare of it."""
    return each.after >= _LONG_S and all(is_told(value) for value in each.payload.values())


def is_told(expression: object) -> bool:
    """Whether what an expression gives follows from the rows and what was asked, at whatever time."""
    if isinstance(expression, dict | list):
        return False
    return not (isinstance(expression, str) and expression.startswith(_TIMELY))


def _is_open(param: Param) -> bool:
    """A parameter that must be given and of which a plan knows nothing."""
    return param.required and param.default is None and param.role not in (*_FILLED, "input", "request_id")


def _can_act(operation: OperationDecl) -> bool:
    effects = operation.set or operation.append or operation.remove or operation.make or operation.delete
    aimed = any(p.role == "row" and p.entity == operation.entity for p in operation.params.values())
    return bool(effects or operation.copy_row) and aimed


def _written(
    name: str, about: Entity, operation: Named | None, shown: Mapping[str, FieldDecl], *, creating: bool
) -> dict[str, FieldDecl]:
    if operation is None:
        return {}
    open_ = writable(name, about, creating=creating)
    params = operation.decl.params.values()
    whole = any(param.role == "resource" for param in params)
    named = {param.field for param in params if param.role == "field"}
    set_ = {*operation.decl.set, *operation.decl.append, *operation.decl.remove}
    return {n: f for n, f in shown.items() if n in open_ and (whole or n in named) and n not in set_}


def choices(field: FieldDecl) -> tuple[str, ...]:
    """The values of an enum that anyone would ask for."""
    return tuple(value for value in field.values if _UNSPECIFIED not in value.upper())
