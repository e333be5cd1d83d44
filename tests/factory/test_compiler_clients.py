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
from factory.compiler import discovery
from factory.compiler.describe import describe
from factory.compiler.infer import infer
from factory.compiler.proof_client import prove_client, rounds
from factory.compiler.proof_rows import fill
from factory.compiler.proof_schemathesis import prove_with_schemathesis
from factory.compiler.proof_subject import Subject
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


async def honest(asking: Asking):
    return await asking.go()


async def forgets_to_delete(asking: Asking):
    return await asking.go() if asking.method != "DELETE" else Reply(204, (), b"")


async def answers_otherwise(asking: Asking):
    reply = await asking.go()
    if asking.method == "GET" and reply.status == 200 and "openapi.json" not in asking.path:
        return replace(reply, body=reply.body.replace(b'"title"', b'"tilte"'))
    return reply


async def refers_to_nothing(asking: Asking):
    reply = await asking.go()
    if "openapi.json" in asking.path:
        return replace(reply, body=reply.body.replace(b"#/components/responses/Error", b"#/components/responses/Nope"))
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


def test_schemathesis_finds_nothing_in_an_honest_app(monkeypatch):
    found = prove_with_schemathesis(subject_of(PLANNER, honest, monkeypatch), examples=1)
    assert [one.name for one in found if one.ok] == [
        "schemathesis coverage", "schemathesis fuzzing", "schemathesis stateful",
    ]  # fmt: skip
    assert all(one.ok for one in found), found


def test_schemathesis_sees_a_planted_fault(monkeypatch):
    found = prove_with_schemathesis(subject_of(PLANNER, answers_otherwise, monkeypatch), examples=1)
    assert any("Response violates schema" in one.evidence for one in found)


def test_a_document_that_schemathesis_cannot_read_is_told_with_its_cause_and_where(monkeypatch):
    found = prove_with_schemathesis(subject_of(PLANNER, refers_to_nothing, monkeypatch), examples=1)
    told = [one.evidence for one in found if not one.ok]
    assert any(re.search(r"\A(GET|POST|PUT|PATCH|DELETE) /.*: .*responses/Nope", one) for one in told), told


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
