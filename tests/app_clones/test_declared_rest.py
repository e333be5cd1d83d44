"""APIs of the plain kind: whole rows as bodies, numbers as ids, pages by number, what a client got sent back."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlencode

import pytest

from app_clones.declared.engine import declared
from app_clones.declared.load import load_decl
from app_clones.kit.asgi import request
from app_clones.kit.world import World

PETS = declared(load_decl(Path(__file__).parent / "engine" / "pets.yaml"))


@pytest.fixture(scope="module")
def snapshot():
    with World.build([PETS.app()], seed=3, start_ms=1_700_000_000_123, step_ms=1000, persons=2) as made:
        return made.snapshot()


@pytest.fixture
def world(snapshot):
    with World.fork(snapshot, [PETS.app()]) as fork:
        yield fork
        fork.check()


async def ask(world, method, path, body=None, headers=None, **query):
    path = f"/pets/v2/{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
    before = world.state_digest
    data = b"" if body is None else json.dumps(body).encode()
    reply = await request(world, method, path, headers=headers, body=data)
    if method == "GET" or reply.status >= 400:
        assert world.state_digest == before
    return reply.status, json.loads(reply.body) if reply.body else None


async def make(world, **pet):
    status, made = await ask(world, "POST", "pets", {"name": "Kit", **pet})
    assert status == 201, made
    return made


async def test_times_of_the_clock_are_seconds_or_milliseconds_where_the_api_counts_them(world):
    made = await make(world)
    assert (made["seenAt"], made["madeAt"]) == (1_700_000_000, "1700000000123")


async def test_a_row_may_be_sent_back_as_it_came_with_one_thing_changed(world):
    made = await make(world, born="2020-02-02", chipCode="x1")
    assert (await ask(world, "PUT", f"pets/{made['id']}", made))[1] == made
    status, changed = await ask(world, "PUT", f"pets/{made['id']}", {**made, "name": "Kitty"})
    assert (status, changed["name"], changed["born"]) == (200, "Kitty", "2020-02-02")
    status, error = await ask(world, "PUT", f"pets/{made['id']}", {**made, "name": "Cat"})
    assert (status, error["status"]) == (412, 412)  # its version is the old one
    version = changed["version"]
    for wrong in ({"id": 77}, {"fee": 6}, {"madeAt": "5"}, {"chipCode": "x2"}):
        assert (await ask(world, "PATCH", f"pets/{made['id']}", wrong))[0] == 400, wrong
    assert (await ask(world, "PATCH", f"pets/{made['id']}", {"id": made["id"], "fee": 5, "version": version}))[0] == 200


async def test_replacing_clears_what_is_not_given_and_patching_leaves_it(world):
    made = await make(world, born="2020-02-02", weight=3, kind="dog", chipCode="x1")
    status, patched = await ask(world, "PATCH", f"pets/{made['id']}", {"name": "Kitty"})
    assert (status, patched["born"], patched["weight"]) == (200, "2020-02-02", 3)
    status, put = await ask(world, "PUT", f"pets/{made['id']}", {"name": "Kitty"})
    assert (status, "born" in put, put["weight"], put["kind"], put["chipCode"]) == (200, False, 1.0, "cat", "x1")
    assert (await ask(world, "PUT", f"pets/{made['id']}", {"weight": 3}))[0] == 400  # without the name that it needs


async def test_a_precondition_in_a_header_fails_as_http_says(world):
    made = await make(world)
    path = f"pets/{made['id']}"
    assert (await ask(world, "PUT", path, {"name": "a"}, {"if-match": '"no"'}))[0] == 412
    assert (await ask(world, "PUT", path, {"name": "a"}, {"if-match": f"W/{made['version']}"}))[0] == 200
    assert (await ask(world, "PUT", path, {"name": "b"}, {"if-match": "*"}))[0] == 200


async def test_a_number_may_be_chosen_as_id_and_counting_goes_on_from_there(world):
    assert (await make(world, id=40))["id"] == 40
    assert (await make(world))["id"] == 41
    assert (await ask(world, "POST", "pets", {"name": "x", "id": 40}))[0] == 409
    for id in (0, -1, 1 << 60):
        assert (await ask(world, "POST", "pets", {"name": "x", "id": id}))[0] == 400


async def test_pages_by_number_and_by_offset_hold_each_row_once(world):
    for number in range(5):
        await make(world, name=f"P{number}")
    pages = [(await ask(world, "GET", "pets", page=number, sort="-name"))[1] for number in (1, 2, 3, 4)]
    assert [[pet["name"] for pet in page["data"]] for page in pages] == [
        ["Tom", "Rex", "P4"],
        ["P3", "P2", "P1"],
        ["P0"],
        [],
    ]
    assert {page["count"] for page in pages} == {7}
    _, rest = await ask(world, "GET", "pets/all", skip=5, limit=10)
    assert [pet["name"] for pet in rest] == ["P3", "P4"]
    for query in ({"page": 0}, {"page": -1}, {"limit": 51}, {"limit": -1}):
        assert (await ask(world, "GET", "pets", **query))[0] == 400, query
    assert (await ask(world, "GET", "pets/all", skip=-1))[0] == 400


async def test_filters_compare_as_they_declare(world):
    friend = (await make(world, name="Ann", weight=7))["id"]
    await make(world, name="Bob", friends=[1, friend])

    async def named(**query):
        return [pet["name"] for pet in (await ask(world, "GET", "pets", **query))[1]["data"]]

    assert await named(kind="dog") == ["Rex"]
    assert await named(kind=["dog", "cat"], nameLike="o") == ["Tom", "Bob"]
    assert await named(friend=friend) == ["Bob"]
    assert await named(friend=[1, friend]) == ["Bob"]
    assert await named(friend=[1, 2]) == []
    assert await named(lighter="2") == ["Tom", "Rex", "Bob"]
    assert await named(madeAfter="2023-11-14T22:13:20.500Z") == ["Bob"]
    for query in ({"kind": "cow"}, {"friend": 77}, {"lighter": "x"}, {"madeAfter": "now"}):
        assert (await ask(world, "GET", "pets", **query))[0] == 400, query


async def test_rows_of_another_kind_are_listed_and_made_under_what_they_refer_to(world):
    for pet, cost in ((1, 5), (2, 7), (1, 9)):
        status, made = await ask(world, "POST", f"pets/{pet}/visits", {"cost": cost})
        assert (status, made["pet"]) == (201, pet)
    assert [visit["cost"] for visit in (await ask(world, "GET", "pets/1/visits"))[1]] == [5, 9]
    assert (await ask(world, "GET", "pets/77/visits"))[0] == 404
    assert (await ask(world, "DELETE", "pets/1"))[0] == 409
    status, gone = await ask(world, "DELETE", f"pets/{(await make(world))['id']}")
    assert (status, gone["name"]) == (200, "Kit")


async def test_answers_are_wrapped_as_declared(world):
    status, found = await ask(world, "GET", "pets/2")
    assert (status, found["ok"], found["data"]["name"]) == (200, True, "Rex")
    assert (await ask(world, "GET", "pets/x"))[0] == 400
    assert (await ask(world, "GET", "pets/0"))[0] == 404
    assert (await ask(world, "GET", f"pets/{1 << 70}"))[0] in (400, 404)
