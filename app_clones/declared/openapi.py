"""The OpenAPI 3.1 document of a declared app."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app_clones.declared.arguments import param_wire
from app_clones.declared.model import OperationDecl, Param
from app_clones.declared.schemas import made_schema, result_schema, row_name
from app_clones.declared.tools import param_schema

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

Json = Any

_PLACEHOLDER = re.compile(r"\{\+?([^}]+)\}")


def document(ready: Declared) -> dict[str, Json]:
    """The app's API as an OpenAPI 3.1 document; paths are relative to its server, the API's root."""
    decl = ready.decl
    paths: dict[str, dict[str, Json]] = {}
    for name, operation in decl.operations.items():
        if operation.http is not None and operation.kind != "refused":
            path = "/" + _PLACEHOLDER.sub(r"{\1}", operation.http.path)
            paths.setdefault(path, {})[operation.http.verb.lower()] = _operation(ready, name, operation)
    found = {
        "openapi": "3.1.0",
        "info": {"title": decl.title, "version": decl.version, **({"description": decl.about} if decl.about else {})},
        "servers": [{"url": f"/{decl.app}/{decl.api.base.strip('/')}"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(ready),
            "responses": {"Error": _error(decl.api.errors)},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }
    text = json.dumps(found, ensure_ascii=False)
    whole: dict[str, Json] = json.loads(text.replace('"#/$defs/', '"#/components/schemas/'))
    return whole


def _schemas(ready: Declared) -> dict[str, Json]:
    found: dict[str, Json] = {name: dict(schema) for name, schema in ready.decl.schemas.items()}
    for name in ready.decl.entities:
        found.setdefault(row_name(ready, name), made_schema(ready, ready.entities[name]))
    return found


def _operation(ready: Declared, name: str, operation: OperationDecl) -> dict[str, Json]:
    plan = ready.plan(name)
    schema = result_schema(ready, operation)
    answer: dict[str, Json] = {"description": "Done."}
    if schema is not None:
        answer["content"] = {"application/json": {"schema": schema}}
    found: dict[str, Json] = {
        "operationId": name,
        "parameters": [_parameter(ready, operation, key, p) for key, p in plan.params.items() if _outside(p)],
        "responses": {str(operation.result.status): answer, "default": {"$ref": "#/components/responses/Error"}},
    }
    if operation.about:
        found["summary"] = operation.about
    if operation.entity is not None:
        found["tags"] = [operation.entity]
    body = _body(ready, operation, {key: p for key, p in plan.params.items() if p.place == "body"})
    if body is not None:
        found["requestBody"] = body
    return found


def _outside(param: Param) -> bool:
    return param.place in ("path", "query", "header") and param.role != "refused"


def _parameter(ready: Declared, operation: OperationDecl, key: str, param: Param) -> dict[str, Json]:
    name = param_wire(ready.decl, key, param)
    if param.place == "path" and operation.http is not None and name not in _PLACEHOLDER.findall(operation.http.path):
        name = key  # a placeholder may be called as the parameter itself is
    schema = param_schema(ready, operation.entity, param, wire=True)
    schema.pop("description", None)
    if param.default is not None:
        schema["default"] = param.default
    found: dict[str, Json] = {"name": name, "in": param.place, "schema": schema}
    if param.required or param.place == "path":
        found["required"] = True
    if param.about:
        found["description"] = param.about
    return found


def _body(ready: Declared, operation: OperationDecl, params: Mapping[str, Param]) -> dict[str, Json] | None:
    params = {key: param for key, param in params.items() if param.role != "refused"}
    if not params:
        return None
    properties: dict[str, Json] = {}
    required: list[str] = []
    for key, param in params.items():
        schema = param_schema(ready, operation.entity, param, wire=True)
        if param.role == "resource" and param.wire is None:
            properties.update(schema["properties"])
            continue
        name = param_wire(ready.decl, key, param)
        properties[name] = schema
        if param.required:
            required.append(name)
    whole: dict[str, Json] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        whole["required"] = required
    return {"required": bool(required), "content": {"application/json": {"schema": whole}}}


def _error(kind: str) -> dict[str, Json]:
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
