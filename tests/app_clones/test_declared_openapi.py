"""The OpenAPI document of a declared app: valid, served, and true of what the app answers."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app_clones.declared.engine import declared
from app_clones.declared.load import load_decl
from app_clones.declared.openapi import document
from app_clones.kit.asgi import request
from app_clones.kit.world import World

HERE = Path(__file__).parent / "engine"
READY = {
    name: declared(load_decl(HERE / f"{name}.yaml"), {"mix": lambda act: {"mixed": 1}}) for name in ("desk", "cloud")
}
APPS = tuple(ready.app() for ready in READY.values())


@pytest.fixture
def world():
    with World.build(APPS, seed=3, start_ms=1_700_000_000_000, step_ms=1000, persons=3) as made:
        yield made


@pytest.mark.parametrize("name", READY)
def test_the_document_is_valid(name):
    OpenAPIV31SpecValidator(document(READY[name])).validate()


def test_resource_names_are_spelt_out_and_paths_that_differ_in_names_alone_are_one():
    paths = document(READY["cloud"])["paths"]
    assert set(paths) == {
        "/projects/{projectsId}/topics",
        "/projects/{projectsId}/topics/{topicsId}",
        "/projects/{projectsId}/topics/{topicsId}:pause",
        "/projects/{project}/topics/{topic}/subscriptions",
        "/projects/{project}/subscriptions",
        "/projects/{project}/topics/{topic}/subscriptions/{subscription}",
        "/projects/{projectsId}/operations/{operationsId}",
    }
    both = paths["/projects/{projectsId}/topics/{topicsId}"]
    assert set(both) == {"get", "put", "patch", "delete"}
    for operation in both.values():
        assert [p["name"] for p in operation["parameters"] if p["in"] == "path"] == ["projectsId", "topicsId"]


async def test_the_document_is_served_below_the_root_of_the_api(world):
    for path, name in (("/desk/api/openapi.json", "desk"), ("/cloud/v1/openapi.json", "cloud")):
        reply = await request(world, "GET", path)
        assert reply.status == 200
        assert json.loads(reply.body) == document(READY[name])


@pytest.mark.parametrize("name", READY)
def test_the_document_tells_every_operation_that_is_built_with_all_of_its_parameters(name):
    told = {
        operation["operationId"]: operation
        for methods in document(READY[name])["paths"].values()
        for operation in methods.values()
    }
    decl = READY[name].decl
    assert set(told) == {key for key, op in decl.operations.items() if op.http and op.kind != "refused"}
    for key, operation in told.items():
        assert len([each for each in operation["parameters"] if each["in"] != "path"]) == sum(
            param.place in ("query", "header") and param.role != "refused"
            for param in (*decl.operations[key].params.values(), *decl.api.common.values())
        )


async def asked(world, ready, method, path, body=None):
    """An answer, checked against the schema that the document gives for it."""
    reply = await request(
        world, method, f"/{ready.decl.app}/{ready.decl.api.base}{path}", body=json.dumps(body or {}).encode()
    )
    whole = document(ready)
    bare = path.partition("?")[0]
    template = next(t for t in whole["paths"] if matches(t, bare) and method.lower() in whole["paths"][t])
    answers = whole["paths"][template][method.lower()]["responses"]
    told = answers.get(str(reply.status), whole["components"]["responses"]["Error"])
    if not reply.body:
        assert "content" not in told
        return None
    (content,) = told["content"].values()
    schema = {**content["schema"], "components": whole["components"]}
    data = json.loads(reply.body)
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(data)
    return data


def matches(template, path):
    """Whether a path is one of a template's."""
    parts, given = template.strip("/").split("/"), path.split("/")
    verb = parts[-1].partition(":")[2]
    if given[-1].partition(":")[2] != verb or len(given) != len(parts):
        return False
    return all(part.startswith("{") or part == each for part, each in zip(parts, given, strict=True))


async def test_answers_are_what_the_document_says(world):
    desk, cloud = READY["desk"], READY["cloud"]
    made = await asked(
        world,
        desk,
        "POST",
        "boards/1/tasks",
        {"title": "Paint", "words": ["a"], "due": "2024-01-01", "effort": 1.5, "blockers": [], "extra": [None]},
    )
    await asked(world, desk, "GET", f"tasks/{made['id']}")
    await asked(world, desk, "PATCH", f"tasks/{made['id']}", {"order": 3, "body": None})
    await asked(world, desk, "GET", "boards/1/tasks?page_size=1")
    await asked(world, desk, "POST", f"tasks/{made['id']}/close", {"reason": "dry"})
    await asked(world, desk, "POST", f"tasks/{made['id']}/close", {"reason": "dry"})
    await asked(world, desk, "GET", "boards/77")
    await asked(world, desk, "PATCH", "boards/1/setup", {"limits": {"open": 1}})
    await asked(world, desk, "DELETE", f"tasks/{made['id']}")
    topic = await asked(
        world,
        cloud,
        "POST",
        "projects/p1/topics?topicId=t1",
        {"displayName": "x", "sizeBytes": "5", "retention": {"days": 1, "inner": {"size": "6"}}, "labels": {"a": "b"}},
    )
    assert topic["sizeBytes"] == "5"
    await asked(world, cloud, "GET", "projects/p1/topics")
    await asked(world, cloud, "GET", "projects/p1/topics/t1")
    await asked(world, cloud, "PATCH", "projects/p1/topics/t1", {"displayName": 3})
    operation = await asked(world, cloud, "POST", "projects/p1/topics/t1:pause")
    world.wait(60_000)
    await asked(world, cloud, "GET", "projects/p1/subscriptions")
    assert operation["done"] is False
