"""The docs app. It has no state: what it says follows from the declarations of the apps that it stands beside."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import Field

from app_clones.declared.engine import Declared
from app_clones.declared.entities import wire_name
from app_clones.declared.expand import writable
from app_clones.declared.model import AppDecl, FieldDecl, OperationDecl, Param
from app_clones.declared.tools import ToolParams, tool_params
from app_clones.kit.app import App, Operation, Params
from app_clones.kit.call import Transaction
from app_clones.kit.errors import NotFound
from app_clones.kit.protocol import Call

STANDARD = ("list", "get", "create", "update", "delete")
"""The kinds of operations that pages tell of, in this order."""

_TOLD = ("row", "new_id", "resource", "field", "mask")
"""Roles of the parameters that a page tells; how lists are filtered, sorted and paged is left to the tools' schemas."""

_ANY = re.compile(r"\[\^/\]\+|\.\*|\.\+")


class Find(Params):
    """``about``: what a kind of thing is called in the apps, be it one or several (``ticket``, ``tickets``)."""

    about: str = Field(min_length=1, max_length=100)


def page(ready: Declared, name: str) -> str:
    """The page of an entity: how its tools are called and what they take, then how its plain fields are written.

    ``create desk_create_ticket parent=desks/* ticket_id=id ticket={}``: of a row above it the form of its name or what
    it is called, of a new row's id and of its fields that they are these.
    """
    decl = ready.decl
    about = decl.entities[name]
    mine = [(key, one) for key, one in decl.operations.items() if one.entity == name and one.kind in STANDARD]
    mine.sort(key=lambda named: STANDARD.index(named[1].kind))
    tools = [_tool(ready, key, one) for key, one in mine]
    fields = ", ".join(
        _field(decl, key, one) for key, one in writable(name, about, creating=True).items() if _is_plain(one)
    )
    return "\n".join([f"{decl.title}: {ready.entities[name].noun}", *tools, *([fields] if fields else [])])


def _tool(ready: Declared, key: str, operation: OperationDecl) -> str:
    told = [_param(ready, operation, name, one) for name, one in tool_params(ready, key) if one.role in _TOLD]
    return " ".join([operation.kind, f"{ready.decl.app}_{key}", *told])


def _param(ready: Declared, operation: OperationDecl, name: str, param: Param) -> str:
    if param.role == "row" and param.entity and param.entity != operation.entity:
        form = _ANY.sub("*", param.pattern.strip("^$")) if param.pattern else ready.entities[param.entity].noun
        return f"{name}={form}"
    return name + {"resource": "={}", "new_id": "=id"}.get(param.role, "")


def _is_plain(field: FieldDecl) -> bool:
    return not field.repeated and field.type != "json"


def _field(decl: AppDecl, name: str, field: FieldDecl) -> str:
    """``display name: displayName``, or ``title`` where words and wire agree."""
    words, wire = name.replace("_", " "), wire_name(decl, name, field)
    return wire if words == wire else f"{words}: {wire}"


def pages(apps: Iterable[App]) -> list[str]:
    """The pages of all entities of all declared apps among ``apps``."""
    return [page(ready, name) for ready in _declared(apps) for name in ready.decl.entities]


def _find(call: Call, params: Find) -> str:
    """The pages of all entities that are called so, in the apps' order."""
    assert isinstance(call, Transaction)  # which alone knows what apps there are
    wanted = params.about.lower()
    found = [
        page(ready, name)
        for ready in _declared(call.registry.apps)
        for name, about in ready.decl.entities.items()
        if wanted in (ready.entities[name].noun, about.plural.replace("_", " ").lower())
    ]
    if not found:
        raise NotFound(f"nothing here is called {params.about[:60]}")
    return "\n".join(found)


def _declared(apps: Iterable[App]) -> list[Declared]:
    """The declared ones, in order."""
    params = (operation.params for app in apps for operation in app.operations)
    return list(dict.fromkeys(one.ready for one in params if isinstance(one, ToolParams)))


DOCS = App(
    name="docs",
    tables=(),
    operations=(Operation("find", "Tools and fields of one kind of thing.", Find, _find, False, str),),
)
