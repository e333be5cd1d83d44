"""An operation and its arguments as an HTTP request, written from the declaration alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
    return camel(name) if decl.api.naming == "camel" and param.place != "path" else name


def params_of(decl: AppDecl, operation: OperationDecl) -> dict[str, Param]:
    """The parameters of an operation, the common ones too."""
    return {**decl.api.common, **operation.params}


def wired(decl: AppDecl, operation: OperationDecl, arguments: Mapping[str, Json], *, form: bool = False) -> Wired:
    """``arguments`` by parameter name as a request; ``form``: its body as a form, not as JSON."""
    assert operation.http is not None
    path, query, body, headers = operation.http.path, [], None, {}
    params = params_of(decl, operation)
    for name, value in arguments.items():
        param = params[name]
        wire = wire_of(decl, name, param)
        if param.place == "path":
            path = _filled(path, (wire, name), str(value))
        elif param.place == "header":
            headers[wire] = str(value)
        elif param.place == "query":
            query += [(wire, as_text(one)) for one in (value if isinstance(value, list) else [value])]
        elif param.role == "resource" and param.wire is None:
            body = {**(body or {}), **value} if isinstance(value, dict) else value
        else:
            body = _placed({} if body is None else body, wire, value)
    data = b""
    if body is None and operation.http.verb in ("POST", "PUT", "PATCH") and _takes_body(params):
        body = {}
    if body is not None:
        headers["content-type"] = FORM if form else "application/json"
        data = urlencode(list(_flat(body))).encode() if form else json.dumps(body).encode()
    whole = f"/{decl.app}/{decl.api.base}{path}"
    return Wired(operation.http.verb, whole + (f"?{urlencode(query)}" if query else ""), data, headers)


def _filled(path: str, names: tuple[str, ...], value: str) -> str:
    """``path`` with ``value`` in the place of ``{name}``, or of ``{+name}``, where it keeps its slashes."""
    for name in names:
        path = path.replace(f"{{{name}}}", quote(value, safe="")).replace(f"{{+{name}}}", quote(value, safe="/"))
    return path


def as_text(value: Json) -> str:
    """A value as a query or a form holds it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def _takes_body(params: Mapping[str, Param]) -> bool:
    return any(param.place == "body" for param in params.values())


def _placed(body: Json, wire: str, value: Json) -> Json:
    """``body`` with ``value`` at the dotted place ``wire``."""
    head, _, rest = wire.partition(".")
    inner = _placed(body.get(head) or {}, rest, value) if rest else value
    return {**body, head: inner}


def _flat(value: Json, at: str = "") -> Iterator[tuple[str, str]]:
    """Nested keys of a form: ``address[city]``, ``tags[0]``."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{at}[{name}]" if at else name)
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from _flat(inner, f"{at}[{n}]")
    else:
        yield at, "" if value is None else as_text(value)
