"""One ASGI app for all worlds of a process, in process and over a loopback socket."""

import json
import socket
from urllib.parse import quote

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.routing import Route

from app_clones.kit.app import App, Operation, Params
from app_clones.kit.asgi import LARGEST_BODY, opened, request, token, world_app
from app_clones.kit.sample import BOARD
from app_clones.kit.schema import Column, Table
from app_clones.kit.serve import serve_world
from app_clones.kit.world import World
from app_clones.notes import NOTES

RUNAWAY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n"


async def _misbehave(request):
    what = request.path_params["what"]
    with opened(request) as call:
        if what == "write":
            call.insert("odd_row", text="x")
        if what == "runaway":
            call.one(RUNAWAY)
        if what == "crash":
            call.insert("odd_row", text="x")
            raise ZeroDivisionError
    if what == "twice":
        with opened(request) as call:
            call.insert("odd_row", text="x")
    return JSONResponse({"ok": True})


ODD = App(
    name="odd",
    tables=(Table("odd_row", (Column("id", "INTEGER", "id"), Column("text"))),),
    operations=(Operation("nothing", "", Params, lambda call, params: None, False),),
    populate=lambda build, options: None,
    routes=lambda: (Route("/{what}", _misbehave, methods=["GET", "POST"]),),
)


def make(*apps):
    return World.build(apps, seed=5, start_ms=1_700_000_000_000, step_ms=1000, persons=3)


@pytest.fixture
def world():
    with make(BOARD, NOTES, ODD) as made:
        yield made


async def test_one_app_serves_all_worlds_of_a_process_each_its_own_state(world):
    with World.fork(world.snapshot(), (BOARD, NOTES, ODD)) as other:
        assert world_app(world.registry) is world_app(other.registry)
        made = await request(world, "POST", "/board/api/cards", body=b'{"title":"only here"}')
        assert made.status == 201
        assert "only here" in (await request(world, "GET", "/board/")).text
        assert "only here" not in (await request(other, "GET", "/board/")).text


async def test_a_page_shows_what_a_tool_wrote_and_escapes_it(world):
    world.call("notes_create", {"text": "<b>milk</b> & bread"})
    page = await request(world, "GET", "/notes/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert ">&lt;b&gt;milk&lt;/b&gt; &amp; bread</a>" in page.text


async def test_a_request_acts_as_the_person_it_is_made_as(world):
    await request(world, "POST", "/board/api/cards", body=b'{"title":"theirs"}', actor=2)
    assert "theirs" not in (await request(world, "GET", "/board/")).text
    assert "theirs" in (await request(world, "GET", "/board/", actor=2)).text


async def test_getting_neither_moves_the_clock_nor_makes_a_step_and_posting_is_one_step(world):
    before = world.now_ms
    for _ in range(3):
        await request(world, "GET", "/board/")
    assert (world.now_ms, world.steps()) == (before, ())
    await request(world, "POST", "/board/api/cards", body=b'{"title":"t"}')
    assert (world.now_ms, len(world.steps())) == (before + 1000, 1)
    world.check()


async def test_a_get_that_writes_is_an_error_and_writes_nothing(world):
    assert (await request(world, "POST", "/odd/write")).status == 200
    digest = world.state_digest
    assert (await request(world, "GET", "/odd/write")).status == 500
    assert world.full_digest() == world.state_digest == digest


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_runaway_query_is_a_500_and_not_a_hang(world, method):
    reply = await request(world, method, "/odd/runaway")
    assert (reply.status, json.loads(reply.body)["error"]["code"]) == (500, "too_expensive")
    assert (await request(world, "GET", "/odd/fine")).status == 200


async def test_a_crash_in_a_route_is_a_500_and_takes_back_what_it_wrote(world):
    digest = world.state_digest
    assert (await request(world, "POST", "/odd/crash")).status == 500
    assert world.full_digest() == world.state_digest == digest


async def test_a_request_has_one_transaction(world):
    assert (await request(world, "POST", "/odd/twice")).status == 500
    assert len(world.steps()) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nowhere/", b"", 404),
        ("GET", "/board/api/nothing", b"", 404),
        ("DELETE", "/board/", b"", 405),
        ("POST", "/board/api/cards", b'{"title":""}', 400),
        ("POST", "/board/api/cards", b'{"title":"t","parent":99}', 404),
        ("POST", "/board/api/cards", b'{"title":"t","colour":1}', 400),
        ("POST", "/board/api/cards", b"not json", 400),
        ("POST", "/board/api/cards", b"\xff", 400),
        ("POST", "/board/api/cards", b"[1]", 400),
        ("POST", "/board/api/cards", b"[" * 100_000, 400),
    ],
)
async def test_a_bad_request_is_answered_and_changes_nothing(world, method, path, body, status):
    digest = world.state_digest
    assert (await request(world, method, path, body=body)).status == status
    assert world.full_digest() == world.state_digest == digest


async def test_paths_and_query_strings_arrive_decoded(world):
    assert (await request(world, "GET", "/odd/" + quote("ä b") + "?x=1")).status == 200


def test_over_a_socket_the_api_needs_a_token_and_pages_act_as_the_agent(world):
    with serve_world(world) as served, httpx.Client(base_url=served.url, trust_env=False) as client:
        card = {"title": "by wire"}
        assert client.post("/board/api/cards", json=card).status_code == 401
        wrong = {"Authorization": f"Bearer {'0' * 32}"}
        assert client.post("/board/api/cards", json=card, headers=wrong).status_code == 401
        assert client.get("/board/", headers=wrong).status_code == 401
        assert world.steps() == ()
        mine, theirs = ({"Authorization": f"Bearer {served.token(person)}"} for person in (1, 2))
        assert client.post("/board/api/cards", json=card, headers=mine).status_code == 201
        assert client.post("/board/api/cards", json={"title": "theirs"}, headers=theirs).status_code == 201
        page = client.get("/board/")
        assert page.status_code == 200
        assert "by wire" in page.text
        assert "theirs" not in page.text
        assert "theirs" in client.get("/board/", headers=theirs).text
    world.check()
    assert len(world.steps()) == 2


def test_a_body_too_large_is_refused_and_the_next_request_is_answered(world):
    with serve_world(world) as served, httpx.Client(base_url=served.url, trust_env=False) as client:
        assert client.post("/odd/write", content=b"x" * (LARGEST_BODY + 1)).status_code == 413
        assert client.post("/odd/write", content=b"x").status_code == 200
    assert len(world.steps()) == 1


def test_half_a_request_changes_nothing(world):
    with serve_world(world) as served:
        with socket.create_connection(("127.0.0.1", served.port)) as half:
            half.sendall(b"POST /odd/write HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        assert httpx.get(f"{served.url}/odd/fine", trust_env=False).status_code == 200
    assert world.steps() == ()


def test_a_client_that_never_ends_its_request_holds_up_neither_others_nor_the_end_nor_fills_the_log(world, capfd):
    with serve_world(world) as served:
        slow = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(3)]
        for half in slow:
            half.sendall(b"POST /odd/write HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        assert httpx.get(f"{served.url}/odd/fine", trust_env=False).status_code == 200
    for half in slow:
        half.close()
    assert world.steps() == ()
    assert capfd.readouterr() == ("", "")


def test_a_port_that_is_taken_is_an_os_error_and_leaves_the_first_server_alone(world):
    with serve_world(world) as served:
        with pytest.raises(OSError, match="in use"), serve_world(world, served.port):
            pass
        assert httpx.get(f"{served.url}/odd/fine", trust_env=False).status_code == 200


async def test_after_an_outcome_pages_are_read_and_no_longer_write(world):
    world.call("task_submit", {"answer": "done"})
    digest = world.state_digest
    assert (await request(world, "POST", "/board/api/cards", body=b'{"title":"late"}')).status == 409
    assert (await request(world, "GET", "/board/")).status == 200
    assert world.full_digest() == world.state_digest == digest


def test_a_served_world_says_where_it_is_and_answers_no_more_when_closed(world):
    with serve_world(world) as served:
        apps = served.describe()["apps"]
        assert set(apps) == {"board", "notes", "odd"}
        assert apps["notes"] == {
            "url": f"http://127.0.0.1:{served.port}/notes/",
            "api": f"http://127.0.0.1:{served.port}/notes/api/",
            "token": token(world, 1),
        }
        assert httpx.get(apps["notes"]["url"], trust_env=False).status_code == 200
        bearer = {"Authorization": f"Bearer {apps['notes']['token']}"}
        answer = httpx.get(f"{apps['notes']['api']}notes", headers=bearer, trust_env=False)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("application/json")
    with pytest.raises(httpx.ConnectError):
        httpx.get(apps["notes"]["url"], trust_env=False)


def test_tokens_differ_by_person_and_by_world_and_stay_the_same_in_forks(world):
    with World.fork(world.snapshot(), (BOARD, NOTES, ODD)) as fork:
        assert token(fork, 1) == token(world, 1) != token(world, 2)
    with World.build((NOTES,), seed=6, start_ms=0, step_ms=1, persons=1) as other:
        assert token(other, 1) != token(world, 1)
