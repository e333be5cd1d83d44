"""An operation and its arguments as an HTTP request, written from the declaration alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from app_clones.declared.model import AppDecl, OperationDecl, Param
from app_clones.declared.words import camel

Json = Any
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Wired:
    """One request. ``path`` starts with the app's mount and may have a query."""

    verb: str
    path: str
    body: bytes
    headers: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.verb} {self.path[:120]}" + (f" {self.body[:80].decode(errors='replace')}" if self.body else "")


def wire_of(decl: AppDecl, name: str, param: Param) -> str:
    """What a parameter is called in HTTP."""
    if param.wire:
        return param.wire
    # A path's placeholder is the parameter's own name.
    return camel(name) if decl.api.naming == "camel" and param.place != "path" else name


def params_of(decl: AppDecl, operation: OperationDecl) -> dict[str, Param]:
    """The parameters of an operation, the common ones too."""
    return {**decl.api.common, **operation.params}


@dataclass(slots=True)
class Placed:
    """Arguments by where they go and by their names on the wire. ``body``: None where there is none."""

    path: dict[str, Json] = field(default_factory=dict)
    query: dict[str, Json] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, Json] = field(default_factory=dict)
    body: Json = None


def placed(decl: AppDecl, operation: OperationDecl, arguments: Mapping[str, Json]) -> Placed:
    """``arguments`` by parameter name, each in its place."""
    params = params_of(decl, operation)
    found = Placed()
    for name, value in arguments.items():
        param = params[name]
        wire = wire_of(decl, name, param)
        if param.place == "path":
            found.path[wire] = value
        elif param.place == "header":
            found.headers[wire] = str(value)
        elif param.place == "cookie":
            found.cookies[wire] = value
        elif param.place == "query":
            found.query[wire] = value
        elif param.role == "resource" and param.wire is None:
            found.body = {**(found.body or {}), **value} if isinstance(value, dict) else value
        else:
            found.body = _put({} if found.body is None else found.body, wire, value)
    takes_body = any(param.place == "body" for param in params.values())
    if found.body is None and takes_body and operation.http and operation.http.verb in ("POST", "PUT", "PATCH"):
        found.body = {}
    return found


def wired(decl: AppDecl, operation: OperationDecl, arguments: Mapping[str, Json], *, form: bool = False) -> Wired:
    """``arguments`` by parameter name as a request; ``form``: its body as a form, not as JSON."""
    assert operation.http is not None
    found = placed(decl, operation, arguments)
    path, data, headers = operation.http.path, b"", dict(found.headers)
    for wire, value in found.path.items():
        text = str(value)
        path = path.replace(f"{{{wire}}}", quote(text, safe="")).replace(f"{{+{wire}}}", quote(text, safe="/"))
    if found.cookies:
        headers["cookie"] = "; ".join(f"{wire}={as_text(value)}" for wire, value in found.cookies.items())
    query = [(n, as_text(one)) for n, v in found.query.items() for one in (v if isinstance(v, list) else [v])]
    if found.body is not None:
        headers["content-type"] = FORM if form else "application/json"
        data = _form(found.body, operation.http.joined) if form else json.dumps(found.body).encode()
    whole = f"/{decl.app}/{decl.api.base}{path}"
    return Wired(operation.http.verb, whole + (f"?{urlencode(query)}" if query else ""), data, headers)


def as_text(value: Json) -> str:
    """A value as a query or a form holds it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def _put(body: Json, wire: str, value: Json) -> Json:
    """``body`` with ``value`` at the dotted place ``wire``."""
    if not isinstance(body, dict):
        return body
    head, _, rest = wire.partition(".")
    inner = _put(body.get(head) or {}, rest, value) if rest else value
    return {**body, head: inner}


def _form(body: Mapping[str, Json], joined: Mapping[str, str]) -> bytes:
    """``body`` as a form, each list of ``joined`` in one text."""
    lists = {name: value for name, value in body.items() if name in joined and isinstance(value, list)}
    texts = {name: joined[name].join(map(as_text, value)) for name, value in lists.items()}
    return urlencode(list(_flat({**body, **texts}))).encode()


def _flat(value: Json, at: str = "") -> Iterator[tuple[str, str]]:
    """The keys of a form: ``address[city]``, ``lines[0][id]``; a list of texts has the same key for each."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{at}[{name}]" if at else name)
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from _flat(inner, f"{at}[{n}]" if isinstance(inner, dict | list) else at)
    else:
        yield at, "" if value is None else as_text(value)
