"""The OpenAPI 3.1 document of a declared app."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app_clones.declared.arguments import param_wire
from app_clones.declared.model import Api, Auth, ErrorForm, OperationDecl, Param
from app_clones.declared.preconditions import ERRORS
from app_clones.declared.requirements import requirements, stated
from app_clones.declared.routing import template
from app_clones.declared.schemas import made_schema, result_schema, row_name
from app_clones.declared.tools import param_schema
from app_clones.declared.uploads import PREFIX
from app_clones.declared.wire import google_error

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

Json = Any

_PLACEHOLDER = re.compile(r"\{\+?([^}]+)\}")


def document(ready: Declared) -> dict[str, Json]:
    """The app's API as an OpenAPI 3.1 document; paths are relative to its server, the API's root."""
    decl = ready.decl
    paths: dict[str, dict[str, Json]] = {}
    shapes: dict[str, str] = {}
    for name, operation in decl.operations.items():
        if operation.http is not None and operation.kind != "refused":
            path, places = _spelt(operation)
            # Paths that differ by the names of their placeholders alone are one: the first gives the names.
            path = shapes.setdefault(_PLACEHOLDER.sub("{}", path), path)
            told = _operation(ready, name, operation, dict(zip(places, _PLACEHOLDER.findall(path), strict=True)))
            paths.setdefault(path, {})[operation.http.verb.lower()] = told
    found = {
        "openapi": "3.1.0",
        "info": {"title": decl.title, "version": decl.version, **({"description": decl.about} if decl.about else {})},
        "servers": [{"url": f"/{decl.app}/{decl.api.base.strip('/')}"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(ready),
            "responses": {"Error": _error(decl.api)},
            "securitySchemes": {"token": security_scheme(decl.api.auth)},
        },
        "security": [{"token": []}],
    }
    text = json.dumps(found, ensure_ascii=False)
    whole: dict[str, Json] = json.loads(text.replace('"#/$defs/', '"#/components/schemas/'))
    return whole


def _schemas(ready: Declared) -> dict[str, Json]:
    """Those that the declaration gives, and of each entity that the API tells of."""
    decl = ready.decl
    found: dict[str, Json] = {name: dict(schema) for name, schema in decl.schemas.items()}
    told = {operation.entity for operation in decl.operations.values() if operation.http is not None}
    if decl.api.long_running is not None:
        told.add(decl.api.long_running.entity)
    for name in decl.entities:
        if name in told:
            found.setdefault(row_name(ready, name), made_schema(ready, ready.entities[name]))
    return found


def _spelt(operation: OperationDecl) -> tuple[str, list[tuple[str, int]]]:
    """The path with resource names spelt out, and what each of its placeholders is: a name in the path as declared, and
    which part of that resource name."""
    assert operation.http is not None
    parsed = template(operation)
    starts = {first: (name, last) for name, (first, last, group) in parsed.spans.items() if not group}
    segments, places, at = [], [], 0
    declared = operation.http.path.strip("/").removesuffix(f":{parsed.verb}" if parsed.verb else "").split("/")
    for segment in declared:
        name, last = starts.get(at, ("", at + 1))
        if not name:
            segments.append(segment)
            places += [(each, 0) for each in _PLACEHOLDER.findall(segment)]
        for part, piece in enumerate(parsed.pieces[at:last] if name else ()):
            if piece.literal is not None:
                segments.append(piece.literal)
                continue
            before = segments[-1] if part else ""
            segments.append(f"{{{before}Id}}" if re.fullmatch(r"[A-Za-z]\w*", before) else f"{{{name}{part or ''}}}")
            places.append((name, part))
        at = last
    return "/" + "/".join(segments) + (f":{parsed.verb}" if parsed.verb else ""), places


def _operation(
    ready: Declared, name: str, operation: OperationDecl, places: Mapping[tuple[str, int], str]
) -> dict[str, Json]:
    plan = ready.plan(name)
    schema = result_schema(ready, operation)
    answer: dict[str, Json] = {"description": "Done."}
    if schema is not None:
        answer["content"] = {"application/json": {"schema": schema}}
    found: dict[str, Json] = {
        "operationId": name,
        "parameters": [
            told
            for key, p in plan.params.items()
            if _outside(p)
            for told in _parameters(ready, operation, key, p, places)
        ],
        "responses": {
            str(operation.result.status): answer,
            **_refusals(ready, operation),
            "default": {"$ref": "#/components/responses/Error"},
        },
    }
    if operation.about:
        found["summary"] = operation.about
    if operation.media:
        place = f"/{ready.decl.app}/{PREFIX}{ready.decl.api.base}"
        found["description"] = f"Takes {', '.join(operation.media)} too, uploaded at the same path below {place}."
    if operation.entity is not None:
        found["tags"] = [operation.entity]
    body = _body(ready, operation, {key: p for key, p in plan.params.items() if p.place == "body"})
    if body is not None:
        found["requestBody"] = body
    return found


def _refusals(ready: Declared, operation: OperationDecl) -> dict[str, Json]:
    """The answers where a condition of the operation does not hold, by status, with what they say."""
    said: dict[int, list[str]] = {}
    for one in requirements(operation):
        error = ERRORS[one.error]("")
        status = google_error(ready.decl.api, error)[0] if ready.decl.api.errors == "google" else error.status
        said.setdefault(status, []).append(one.refusal or stated(one))
    return {
        str(status): {**_error(ready.decl.api), "description": "; ".join(dict.fromkeys(texts))}
        for status, texts in said.items()
    }


def _outside(param: Param) -> bool:
    return param.place in ("path", "query", "header", "cookie") and param.role != "refused"


def _parameters(
    ready: Declared, operation: OperationDecl, key: str, param: Param, places: Mapping[tuple[str, int], str]
) -> list[dict[str, Json]]:
    """A parameter outside the body; of a resource name in the path, each of its parts."""
    wire = param_wire(ready.decl, key, param)
    schema = param_schema(ready, operation.entity, param, wire=True)
    schema.pop("description", None)
    if param.default is not None:
        schema["default"] = param.default
    about = {"description": param.about} if param.about else {}
    if param.place != "path":
        required = {"required": True} if param.required else {}
        return [{"name": wire, "in": param.place, "schema": schema, **required, **about}]
    names = [told for (name, _), told in places.items() if name in (key, wire)]
    if len(names) > 1 or param.pattern is not None:
        schema = {"type": "string"}  # the pattern is of the whole name
    return [{"name": told, "in": "path", "required": True, "schema": schema, **about} for told in names]


def _body(ready: Declared, operation: OperationDecl, params: Mapping[str, Param]) -> dict[str, Json] | None:
    params = {key: param for key, param in params.items() if param.role != "refused"}
    if not params:
        return None
    properties: dict[str, Json] = {}
    required: list[str] = []
    for key, param in params.items():
        schema = param_schema(ready, operation.entity, param, wire=True)
        if param.role == "body":
            return {"required": param.required, "content": {"application/json": {"schema": schema}}}
        if param.role == "resource":
            schema = _row_body(ready, operation, schema)
        if param.role == "resource" and param.wire is None:
            properties.update(schema["properties"])
            required += schema.get("required", [])
            continue
        name = param_wire(ready.decl, key, param)
        properties[name] = schema if param.required or param.role != "field" else _or_null(schema)
        if param.required:
            required.append(name)
    whole: dict[str, Json] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        whole["required"] = required
    return {"required": bool(required), "content": {"application/json": {"schema": whole}}}


def _row_body(ready: Declared, operation: OperationDecl, schema: dict[str, Json]) -> dict[str, Json]:
    """The JSON form of a row as the operation takes it: null stands for nothing, where that is allowed."""
    plan = ready.entities[operation.entity or ""]
    needed = {plan.names[name] for name, field in plan.decl.fields.items() if field.required}
    told = {wire: one if wire in needed else _or_null(one) for wire, one in schema["properties"].items()}
    required = [wire for wire in told if wire in needed] if operation.kind in ("create", "replace") else []
    return {**schema, "properties": told, **({"required": required} if required else {})}


def _or_null(schema: dict[str, Json]) -> dict[str, Json]:
    about = {"description": schema["description"]} if "description" in schema else {}
    return {"anyOf": [{name: one for name, one in schema.items() if name != "description"}, {"type": "null"}], **about}


def security_scheme(auth: Auth) -> dict[str, Json]:
    """Where the token stands, as OpenAPI says it."""
    if auth.query:
        return {"type": "apiKey", "in": "query", "name": auth.query}
    if auth.scheme and auth.header.lower() == "authorization":
        return {"type": "http", "scheme": auth.scheme.lower()}
    about = {"description": f"Behind the word {auth.scheme}."} if auth.scheme else {}
    return {"type": "apiKey", "in": "header", "name": auth.header, **about}


def _error(api: Api) -> dict[str, Json]:
    kind = api.errors
    if isinstance(kind, ErrorForm):
        return {"description": "Refused.", "content": {kind.media: {"schema": dict(kind.shape)}}}
    text, number = {"type": "string"}, {"type": "integer"}
    if kind == "problem":
        body: dict[str, Json] = {
            "type": "object",
            "properties": {"type": text, "title": text, "status": number, "detail": text},
            "required": ["type", "title", "status", "detail"],
        }
        return {"description": "Refused.", "content": {"application/problem+json": {"schema": body}}}
    inner: dict[str, Json] = {"code": text if kind == "plain" else number, "message": text}
    if kind == "google":
        inner |= {"status": text, "errors": {"type": "array", "items": {"type": "object"}}}
    error = {"type": "object", "properties": inner, "required": ["code", "message"]}
    body = {"type": "object", "properties": {"error": error}, "required": ["error"]}
    return {"description": "Refused.", "content": {"application/json": {"schema": body}}}
