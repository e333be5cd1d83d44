"""Tool calls for what a plan says: which argument of an operation takes what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from app_clones.declared.entities import wire_name
from app_clones.declared.expand import is_path_keyed
from app_clones.declared.model import AppDecl, OperationDecl, Param
from app_clones.declared.values import stand_in
from factory.environment import Action
from factory.verifiers.declared.deeds import Act, Create, Delete, New, Update
from factory.verifiers.declared.find import entity_of

Json = Any
_REQUEST = "once"
"""What stands for a request's id where one must be given."""


class Called(Protocol):
    """A row by how it is called: its own id and those of the rows above it, by entity."""

    @property
    def names(self) -> Mapping[str, Json]: ...
    @property
    def paths(self) -> Mapping[str, str]: ...


def tool(decl: AppDecl, operation: str) -> str:
    """The operation's tool."""
    return f"{decl.app}_{operation}"


def called(decl: AppDecl, param: Param, entity: str, row: Called) -> Json:
    """How a parameter that names a row wants it called."""
    return row.paths[entity] if by_path(decl, param, entity) else row.names[entity]


def by_path(decl: AppDecl, param: Param, entity: str) -> bool:
    """Whether a parameter wants a row's resource name, which holds those of the rows above it, and not its own id."""
    return param.pattern is not None or is_path_keyed(decl, entity)


def named_in_json(decl: AppDecl, entity: str, row: Called) -> Json:
    """How a ref to the row is written as a field's value."""
    return row.paths[entity] if is_path_keyed(decl, entity) else row.names[entity]


def rows_named(decl: AppDecl, operation: OperationDecl, row: Called | None) -> dict[str, Json] | None:
    """The arguments that say which row it is about, or under which, and what to read of it where that must be said;
    None where ``row`` does not tell one of them."""
    found: dict[str, Json] = {}
    for name, param in operation.params.items():
        if param.role == "row" and param.entity:
            if row is not None and param.entity in row.names:
                found[name] = called(decl, param, param.entity, row)
            elif param.required:
                return None
        elif param.role == "read_mask" and param.required and param.default is None:
            found[name] = stand_in(param)
    return found


def deed_call(decl: AppDecl, deed: Create | Update | Delete | Act) -> Action:
    """The call that does ``deed``."""
    operation = decl.operations[deed.operation]
    row = deed.parent if isinstance(deed, Create) else deed.target
    arguments = dict(rows_named(decl, operation, row) or {})
    if isinstance(deed, Create | Update):
        entity = deed.entity if isinstance(deed, Create) else deed.target.what.entity
        arguments |= _fields(decl, operation, entity, deed.set)
    if isinstance(deed, Create) and deed.slug is not None:
        arguments |= {name: deed.slug for name, param in operation.params.items() if param.role == "new_id"}
    if isinstance(deed, Act):
        arguments |= {new.field: _value(decl, operation.params[new.field], new) for new in deed.inputs}
    for name, param in operation.params.items():
        if param.role == "request_id" and param.required:
            arguments[name] = _REQUEST
    ordered = {name: arguments[name] for name in operation.params if name in arguments}
    return Action(tool(decl, deed.operation), ordered | arguments)  # in the order in which its docs tell them


def _fields(decl: AppDecl, operation: OperationDecl, entity: str, news: Sequence[New]) -> dict[str, Json]:
    about = entity_of(decl, entity)
    by_field = {param.field: name for name, param in operation.params.items() if param.role == "field"}
    found: dict[str, Json] = {}
    resource: dict[str, Json] = {}
    for new in news:
        field = about.fields[new.field]
        if new.field in by_field:
            found[by_field[new.field]] = _value(decl, operation.params[by_field[new.field]], new)
        else:
            resource[wire_name(decl, new.field, field)] = _value(decl, field, new)
    for name, param in operation.params.items():
        if param.role == "resource":
            found[name] = resource
        if param.role == "mask" and news:
            found[name] = _mask(param, [wire_name(decl, new.field, about.fields[new.field]) for new in news])
    return found


def _mask(param: Param, wires: Iterable[str]) -> Json:
    return list(wires) if param.repeated else ",".join(wires)


def _value(decl: AppDecl, field: Any, new: New) -> Json:
    if new.row is not None:
        return named_in_json(decl, field.to or field.entity, new.row)
    return new.value
