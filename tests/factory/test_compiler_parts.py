"""Parameters that say what is written and in which form it is answered: honoured, or refused; never ignored."""

from __future__ import annotations

import json
from functools import cache
from urllib.parse import urlencode

import pytest

from app_clones.declared import writing
from app_clones.declared.engine import declared
from app_clones.kit.asgi import request
from app_clones.kit.world import World
from factory.compiler import discovery
from factory.compiler.infer import infer
from factory.compiler.prove import prove

PLAYLISTS = "/youtubev3/api/youtube/v3/playlists"
NAMES = ("playlists_insert", "playlists_update", "playlists_list")
BOTH = {"snippet": {"title": "Songs"}, "status": {"privacyStatus": "private"}}


@cache
def decl():
    return infer(discovery.parse(*discovery.load("youtube:v3"))).decl


@pytest.fixture
def world():
    with World.build([declared(decl()).app()], seed=3, start_ms=1_741_000_000_000, step_ms=1000, persons=2) as made:
        yield made
        made.check()


async def ask(world, method, body=None, **query):
    path, data = f"{PLAYLISTS}?{urlencode(query, doseq=True)}", json.dumps(body or {}).encode()
    found = await request(world, method, path, headers={"content-type": "application/json"}, body=data)
    return found.status, json.loads(found.body or "{}")


async def shown(world, id):
    _, page = await ask(world, "GET", part="snippet,status", maxResults=50)
    return next(one for one in page["items"] if one["id"] == id)


async def test_only_the_parts_that_are_named_are_written_and_answered(world):
    status, made = await ask(world, "POST", BOTH, part="status")
    assert (status, made["status"]) == (200, {"privacyStatus": "private"})
    assert "snippet" not in made
    assert "snippet" not in await shown(world, made["id"])
    status, made = await ask(world, "POST", BOTH, part=["snippet", "status"])
    assert (status, made["snippet"]["title"], made["status"]) == (200, "Songs", BOTH["status"])


async def test_an_update_leaves_the_other_parts_and_clears_what_a_named_one_lacks(world):
    _, made = await ask(world, "POST", BOTH, part="snippet,status")
    status, _ = await ask(world, "PUT", {"id": made["id"], "snippet": {"title": "Tunes"}}, part="snippet")
    assert status == 200
    now = await shown(world, made["id"])
    assert (now["snippet"]["title"], now["status"]) == ("Tunes", BOTH["status"])
    await ask(world, "PUT", {"id": made["id"], "snippet": {"title": "Lost"}}, part="status")
    now = await shown(world, made["id"])
    assert now["snippet"]["title"] == "Tunes"
    assert "status" not in now


async def test_a_part_that_is_not_there_is_refused_and_nothing_is_done(world):
    status, _ = await ask(world, "POST", BOTH, part="nonsense")
    assert status == 400
    assert not [change for change in world.net_change() if change.table == "youtubev3_playlist"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"callback": "foo"}, 501),
        ({"upload_protocol": "raw"}, 501),
        ({"uploadType": "media"}, 501),
        ({"$.xgafv": "9"}, 400),
        ({"alt": "media"}, 400),
        (
            {"alt": "json", "$.xgafv": "2", "prettyPrint": "true", "key": "k", "quotaUser": "q", "access_token": "t"},
            200,
        ),
    ],
)
async def test_what_would_change_the_form_of_an_answer_is_refused(world, query, expected):
    status, _ = await ask(world, "GET", part="snippet", **query)
    assert status == expected


def test_the_proof_asks_for_parts():
    own = decl().model_copy(update={"operations": {name: decl().operations[name] for name in NAMES}})
    found = {one.operation: {check.name: check.ok for check in one.checks} for one in prove(own).methods}
    assert found["playlists_insert"]["parts"]
    assert found["playlists_update"]["parts"]
    assert found["playlists_list"]["read_mask"]
    assert all(ok for checks in found.values() for ok in checks.values())


def test_a_part_that_is_ignored_is_found(monkeypatch):
    monkeypatch.setattr(writing, "_within_parts", lambda act, plan, values: values)
    own = decl().model_copy(update={"operations": {name: decl().operations[name] for name in NAMES}})
    (failed,) = [
        check for one in prove(own).methods for check in one.checks if not check.ok and one.operation == NAMES[0]
    ]
    assert failed.name == "parts"
