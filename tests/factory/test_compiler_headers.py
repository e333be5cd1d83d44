"""Headers of a document that are needed and of which nothing is known: they are asked for, and said to do nothing."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from typing import Any

import httpx
import pytest

from app_clones.declared.engine import declared
from app_clones.kit.serve import serve_world
from app_clones.kit.world import World
from factory.compiler import openapi
from factory.compiler.api import ApiDoc
from factory.compiler.certificate import from_json, table
from factory.compiler.infer import infer
from factory.compiler.prove import prove

Json = Any

TENANT = {"name": "X-Tenant", "in": "header", "required": True, "schema": {"type": "string", "pattern": "^[a-z]+$"}}
TRACE = {"name": "X-Trace", "in": "header", "schema": {"type": "string"}}


@cache
def lamps() -> ApiDoc:
    ref = {"schema": {"$ref": "#/components/schemas/Lamp"}}
    one = {"200": {"description": "One.", "content": {"application/json": ref}}}
    rows = {"schema": {"type": "array", "items": ref["schema"]}}
    many = {"200": {"description": "All.", "content": {"application/json": rows}}}
    body = {"required": True, "content": {"application/json": ref}}
    id = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    paths: Json = {
        "/lamps": {"parameters": [TENANT, TRACE], "get": {"operationId": "listLamps", "responses": many},
                   "post": {"operationId": "createLamp", "requestBody": body, "responses": one}},
        "/lamps/{id}": {"parameters": [TENANT, id], "get": {"operationId": "getLamp", "responses": one}},
    }  # fmt: skip
    lamp = {"type": "object", "properties": {"id": {"type": "integer", "readOnly": True}, "watts": {"type": "integer"}}}
    document = {"openapi": "3.0.3", "info": {"title": "Lamps", "version": "1"}, "paths": paths,
                "components": {"schemas": {"Lamp": lamp}}}  # fmt: skip
    return openapi.read(json.dumps(document), "lamps.json")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 400), ({"X-Tenant": "ACME!"}, 400), ({"X-Tenant": "acme"}, 200), ({"X-Tenant": "a", "X-Trace": "1"}, 501)],
)
def test_a_header_that_is_needed_is_asked_for_and_one_that_is_not_is_refused(headers: Json, status: int) -> None:
    app = declared(infer(lamps()).decl).app()
    with World.build([app], seed=3, start_ms=1_717_243_200_000, step_ms=1000, persons=4) as world:
        with serve_world(world) as served:
            known = {"authorization": f"Bearer {served.token()}", **headers}
            answer = httpx.get(f"{served.url}/lamps/api/lamps", headers=known)
        assert answer.status_code == status, answer.text
        assert isinstance(world.call("lamps_list_lamps", {}).result.data, list)  # a tool has no headers


def test_such_a_header_is_no_reason_to_refuse_a_method_and_the_certificate_says_that_it_does_nothing() -> None:
    inferred = infer(lamps())
    found = prove(inferred.decl, document=lamps())
    assert {one.operation: one.verdict for one in found.methods} == dict.fromkeys(inferred.decl.operations, "stateful")
    said = "the header X-Tenant is asked for by 3 methods, and without effect: nothing tells what it means"
    assert found.notes == (said,)
    assert said in inferred.notes
    assert f"note: {said}" in table(found)
    assert from_json(json.loads(json.dumps(asdict(found)))) == found
