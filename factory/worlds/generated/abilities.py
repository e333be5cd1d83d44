"""What can be done with each entity of an app: which operations serve, which fields can be asked for and written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from app_clones.declared.engine import Declared
from app_clones.declared.expand import writable
from app_clones.declared.model import PERSON, AppDecl, Entity, FieldDecl, OperationDecl, Param
from factory.verifiers.declared.find import entity_of
from factory.worlds.generated.plain import Plainness

_PLAIN_KINDS = ("string", "text", "email", "url", "enum", "boolean", "integer", "number", "date", "datetime", "ref")
UNSPECIFIED = "UNSPECIFIED"
"""What stands in an enum's value that says nothing."""


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
        return self.decl.plural.replace("_", " ").lower()


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
    names, plain = (*ready.decl.entities, PERSON), Plainness(ready.decl, handled, step_ms)
    return Abilities(ready, {name: _ability(ready.decl, name, plain) for name in names})


def _ability(decl: AppDecl, name: str, plain: Plainness) -> Ability:
    about = entity_of(decl, name)
    mine = [Named(key, one) for key, one in decl.operations.items() if one.entity == name and name != PERSON]
    mine = [one for one in mine if plain.holds(one.decl)]
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
    return tuple(value for value in field.values if UNSPECIFIED not in value.upper())
