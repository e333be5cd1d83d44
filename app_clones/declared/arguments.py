"""From an HTTP request to an operation's arguments: path, query, headers, cookies and body, by their wire names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from app_clones.declared.model import AppDecl, Param, Value
from app_clones.declared.shapes import Shapes
from app_clones.declared.uploads import KIND
from app_clones.declared.values import from_text
from app_clones.declared.wire import parse_json, read_body
from app_clones.declared.words import camel
from app_clones.kit.errors import AppError

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

Json = Any

_JSON = "application/json"
_LEAVES = {"integer": Value(type="integer"), "number": Value(type="number"), "boolean": Value(type="boolean")}


def param_wire(decl: AppDecl, key: str, param: Param) -> str:
    """The name of a parameter in HTTP."""
    return param.wire or (camel(key) if decl.api.naming == "camel" else key)


def is_whole_body(param: Param) -> bool:
    """Whether all of the body that no other parameter takes is this one's."""
    return param.place == "body" and (param.role == "body" or (param.role == "resource" and param.wire is None))


class Reader:
    """Reads the arguments of one operation."""

    def __init__(self, ready: Declared, operation: str) -> None:
        self._ready = ready
        self._plan = ready.plan(operation)
        self._whole: str | None = None
        self.called: dict[str, str] = {}  # by parameter name: what a client calls it
        places = ("path", "query", "body", "header", "cookie", "tool")
        self._places: dict[str, dict[str, str]] = {place: {} for place in places}
        for key, param in self._plan.params.items():
            if is_whole_body(param):
                self._whole = key
                continue
            name = self.called[key] = param_wire(ready.decl, key, param)
            self._places[param.place][name.lower() if param.place == "header" else name] = key

    def read(
        self, request: Request, data: bytes, captured: Mapping[str, str], media: str | None = None
    ) -> dict[str, Json]:
        """The arguments by parameter name; ``data`` is the body, where there is ``media`` the JSON that came with it.

        Raises :class:`AppError` at a name that the operation does not know.
        """
        found: dict[str, Json] = {}
        for name, text in captured.items():
            key = self._places["path"].get(name, name)
            if key in self._plan.params:
                found[key] = self._from_texts(key, [text])
        aside = {self._ready.decl.api.auth.query, "" if media is None else KIND} - {""}
        self._read_query(request, found, aside)
        for name, key in self._places["header"].items():
            if name in request.headers:
                found[key] = self._from_texts(key, [request.headers[name]])
        for name, key in self._places["cookie"].items():
            if name in request.cookies:
                found[key] = self._from_texts(key, [request.cookies[name]])
        kind = request.headers.get("content-type", _JSON) if media is None else _JSON
        body, is_form = read_body(kind, data)
        self._read_body(body, is_form, found)
        return found

    def _read_query(self, request: Request, found: dict[str, Json], aside: set[str]) -> None:
        given: dict[str, list[str]] = {}
        for name, text in request.query_params.multi_items():
            if name not in aside:
                given.setdefault(name, []).append(text)
        for name, texts in given.items():
            key = self._places["query"].get(name)
            if key is None:
                raise AppError(f"{name[:60]}: no such parameter in the query")
            if len(texts) > 1 and not self._plan.params[key].repeated:
                raise AppError(f"{name[:60]}: this is given {len(texts)} times")
            found[key] = self._from_texts(key, texts)

    def _read_body(self, body: Json, is_form: bool, found: dict[str, Json]) -> None:
        if not isinstance(body, dict):
            raise AppError("the body is no JSON object")
        if not self._places["body"] and self._whole is None:
            if body:
                raise AppError("this takes no body")
            return
        rest: dict[str, Json] = {}
        http = self._plan.decl.http
        joined = http.joined if http is not None and is_form else {}
        for name, value in body.items():
            if name in joined and isinstance(value, str):
                value = value.split(joined[name])
            key = self._places["body"].get(name)
            if key is not None:
                found[key] = self._body_value(self._plan.params[key], value, name) if is_form else value
            elif self._whole is None:
                raise AppError(f"{name[:60]}: no such property in the body")
            elif value is not None or self._plan.params[self._whole].role != "body":
                rest[name] = value
        if self._whole is not None:
            found[self._whole] = self._body_value(self._plan.params[self._whole], rest, "body") if is_form else rest

    def _body_value(self, param: Param, value: Json, name: str) -> Json:
        if param.role == "resource" and isinstance(value, dict):
            return self._form_row(value)
        return self._typed(param, value, name)

    def _form_row(self, given: Mapping[str, Json]) -> dict[str, Json]:
        """A row's properties from a form, whose leaves are texts."""
        plan = self._plan.entity
        if plan is None:
            return dict(given)
        fields = {plan.names[name]: field for name, field in plan.decl.fields.items()}
        return {n: self._typed(fields[n], value, n) if n in fields else value for n, value in given.items()}

    def _from_texts(self, key: str, texts: list[str]) -> Json:
        param = self._plan.params[key]
        if param.role == "row" and param.type == "string":
            return texts[0]
        if param.repeated:
            return [from_text(param, text, self.called[key]) for text in texts]
        return from_text(param, texts[0], self.called[key])

    def _typed(self, value: Value, given: Json, name: str) -> Json:
        """A form's value by type: nothing is null, leaves are read from their texts."""
        if value.type == "json":
            return by_shape(self._ready.shapes, value.shape or {}, given)
        if isinstance(given, list) and value.repeated:
            return [from_text(value, item, name) if isinstance(item, str) else item for item in given]
        if not isinstance(given, str):
            return given
        if given == "" and value.type not in ("string", "text"):
            return None
        return [from_text(value, given, name)] if value.repeated else from_text(value, given, name)


def _object(text: str) -> Json:
    """An object that a form has as JSON, OpenAPI's default for one; ``text`` itself where it is none."""
    try:
        return parse_json(text)
    except (ValueError, RecursionError):
        return text


def by_shape(shapes: Shapes, shape: Mapping[str, Json], given: Json) -> Json:
    """``given``, whose leaves are texts, with numbers and booleans where ``shape`` says so."""
    shape = shapes.resolved(shape)
    kind = shape.get("type")
    if isinstance(given, str) and kind == "object":
        return _object(given)
    if isinstance(given, str) and kind == "array":
        given = [given]
    if isinstance(given, dict):
        properties = shape.get("properties", {})
        rest = shape.get("additionalProperties")
        rest = rest if isinstance(rest, Mapping) else {}
        return {key: by_shape(shapes, properties.get(key, rest), each) for key, each in given.items()}
    if isinstance(given, list):
        return [by_shape(shapes, shape.get("items", {}), each) for each in given]
    leaf = _LEAVES.get(str(kind))
    return from_text(leaf, given, "") if leaf is not None and isinstance(given, str) else given
