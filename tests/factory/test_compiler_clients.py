"""Clients that nobody here wrote drive compiled apps over a real socket, and see what is wrong with one."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import proof_apps
import pytest
from click.testing import CliRunner
from proof_apps import Asking, planted

from app_clones.declared.engine import declared
from app_clones.declared.load import load_decl
from app_clones.kit.asgi import Reply
from factory.compiler import discovery, openapi
from factory.compiler.describe import describe
from factory.compiler.infer import infer
from factory.compiler.proof_client import prove_client, rounds
from factory.compiler.proof_rows import fill
from factory.compiler.proof_schemathesis import prove_with_schemathesis
from factory.compiler.proof_subject import Subject
from factory.compiler.prove import prove
from rollout.cli import cli

PLANNER = f"openapi:{Path(__file__).parent / 'openapi' / 'planner.yaml'}"


@cache
def compiled(description):
    described = describe(description)
    return described, declared(infer(described.doc).decl)


def subject_of(description, hook, monkeypatch):
    described, ready = compiled(description)
    monkeypatch.setattr(proof_apps, "ready_shelf", lambda: ready)
    made = Subject(ready, planted(hook), described.doc, 0)
    with made.stage() as stage:
        fill(stage)
        made.rebase(stage.world.snapshot())
    return made


def text_of(description):
    return compiled(description)[0].text


async def honest(asking: Asking):
    return await asking.go()


async def forgets_to_delete(asking: Asking):
    return await asking.go() if asking.method != "DELETE" else Reply(204, (), b"")


async def answers_otherwise(asking: Asking):
    reply = await asking.go()
    if asking.method == "GET" and reply.status == 200 and "openapi.json" not in asking.path:
        return replace(reply, body=reply.body.replace(b'"title"', b'"tilte"'))
    return reply


def test_googles_client_creates_gets_lists_changes_and_deletes(monkeypatch):
    document, _ = discovery.load("tasks:v1")
    found = prove_client(subject_of("discovery:tasks:v1", honest, monkeypatch), document)
    assert [one.name for one in found] == list(rounds(compiled("discovery:tasks:v1")[1].decl))
    assert len(found) == 2
    assert all(one.ok for one in found), found


@pytest.mark.parametrize(("hook", "told"), [(forgets_to_delete, "still"), (answers_otherwise, "title: sent")])
def test_googles_client_sees_a_planted_fault(hook, told, monkeypatch):
    document, _ = discovery.load("tasks:v1")
    found = prove_client(subject_of("discovery:tasks:v1", hook, monkeypatch), document)
    assert not any(one.ok for one in found)
    assert told in found[0].evidence


@pytest.mark.parametrize("description", [PLANNER, PLANNER.replace("planner", "library")])
def test_schemathesis_finds_nothing_in_an_honest_app(description, monkeypatch):
    found = prove_with_schemathesis(subject_of(description, honest, monkeypatch), text_of(description), examples=1)
    assert [one.name for one in found if one.ok] == [
        "schemathesis coverage", "schemathesis fuzzing", "schemathesis stateful",
    ]  # fmt: skip
    assert all(one.ok for one in found), found


def test_schemathesis_sees_a_planted_fault(monkeypatch):
    found = prove_with_schemathesis(subject_of(PLANNER, answers_otherwise, monkeypatch), text_of(PLANNER), examples=1)
    assert any("Response violates schema" in one.evidence for one in found)


THINGS = """
openapi: 3.0.3
info: {title: Things, version: "1"}
components:
  schemas:
    Thing:
      type: object
      required: [name]
      properties:
        id: {type: integer, readOnly: true}
        name: {type: string, maxLength: 5}
paths:
  /things:
    get:
      operationId: count
      responses:
        '200':
          description: how many of each
          content: {application/json: {schema: {type: object, additionalProperties: {type: integer}}}}
    post:
      operationId: make
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}
      responses:
        '201': {description: made, content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}
"""


def things(decl):
    return Subject(declared(decl), declared(decl).app(), None, 0)


def test_what_the_compiler_misread_is_seen_by_the_document_itself():
    decl = infer(openapi.read(THINGS, "things.yaml")).decl
    assert decl.operations["count"].kind == "refused"  # and does not disturb what is beside it
    found = prove_with_schemathesis(things(decl), THINGS, examples=1)
    assert all(one.ok for one in found), found
    thing = decl.entities["thing"]
    misread = thing.model_copy(update={"fields": {"name": thing.fields["name"].model_copy(update={"max": None})}})
    found = prove_with_schemathesis(
        things(decl.model_copy(update={"entities": {"thing": misread}})), THINGS, examples=1
    )
    assert any("Schema-violating request accepted: POST /things" in one.evidence for one in found), found


def test_a_certificate_says_where_schemathesis_is_not_installed(monkeypatch):
    monkeypatch.setattr("factory.compiler.prove.is_installed", lambda: False)
    found = prove(infer(openapi.read(THINGS, "things.yaml")).decl, openapi=THINGS, operations=[])
    assert found.client == ()
    assert "schemathesis is not installed: no client has driven the app by its document" in found.notes


def test_a_document_that_schemathesis_cannot_read_is_told_with_its_cause_and_where(monkeypatch):
    broken = text_of(PLANNER).replace("#/components/parameters/plan_id", "#/components/parameters/Nope")
    found = prove_with_schemathesis(subject_of(PLANNER, honest, monkeypatch), broken, examples=1)
    told = [one.evidence for one in found if not one.ok]
    assert any(re.search(r"\A(GET|POST|PUT|PATCH|DELETE) /.*: .*parameters/Nope", one) for one in told), told


def test_grind_compile_writes_an_app_that_loads_and_keeps_its_certificate(tmp_path):
    arguments = ["compile", "discovery:tasks:v1", "--out", str(tmp_path / "tasks"), "--prove"]
    done = CliRunner().invoke(cli, [*arguments, "--store", str(tmp_path / "store")])
    assert done.exit_code == 0, done.output
    assert "0 failed" in done.output.splitlines()[-1]
    assert "client: task: ok" in done.output
    assert load_decl(tmp_path / "tasks" / "app.yaml") == infer(describe("discovery:tasks:v1").doc).decl
    assert len(list((tmp_path / "store" / "refs" / "app_certificate").iterdir())) == 1


def test_grind_compile_tells_what_is_refused_and_why():
    done = CliRunner().invoke(cli, ["compile", "discovery:translate:v3", "--json"])
    told = json.loads(done.stdout)["refused"]
    assert told.keys() == {
        name for name, one in infer(describe("discovery:translate:v3").doc).decl.operations.items()
        if one.kind == "refused"
    }  # fmt: skip
    assert told
    for reason in told.values():
        assert f": {reason}\n" in done.stderr
