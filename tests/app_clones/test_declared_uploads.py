"""Google's ways with requests in a declared API: uploads, batches, whole bodies, masks, errors in words of its own."""

from __future__ import annotations

import base64
import json
from email import message_from_bytes
from urllib.parse import urlencode

import pytest

from app_clones.declared.engine import declared
from app_clones.declared.load import parse_decl
from app_clones.declared.openapi import document
from app_clones.kit.asgi import request
from app_clones.kit.errors import NotFound
from app_clones.kit.world import World

START_MS = 1_700_000_000_000

DROP = """
app: drop
title: Drop
api:
  base: drop/v1/
  batch: [batch]
  errors: google
  naming: camel
  told:
    NOT_FOUND: {message: Gone.}
    INVALID_ARGUMENT: {reason: invalidArgument}
    ALREADY_EXISTS: {status: ABORTED, reason: aborted}
  common:
    user_id: {wire: userId, place: path, role: self}
    fields: {place: query, role: read_mask}
    pretty_print: {type: boolean, place: query, role: pretty}
entities:
  file:
    owner: owner
    fields:
      owner: {type: ref, to: person}
      name: {required: true}
      size: {type: integer, default: 0}
      text: {type: bytes, default: ""}
    unique: [[name]]
operations:
  put:
    http: {verb: POST, path: "users/{userId}/files"}
    media: [text/plain, message/rfc822]
    behaviour: put
    params: {body: {type: json, role: body, max: 300, shape: {$ref: "#/$defs/File"}}}
    result: {schema_name: File}
  get:
    http: {verb: GET, path: "users/{userId}/files/{id}"}
    behaviour: get
    params: {id: {type: integer, place: path, required: true}}
    result: {schema_name: File}
  rest_get: {kind: refused, http: {verb: GET, path: "users/{userId}/{+rest}"}}
  rest_put: {kind: refused, reason: there is no such thing, http: {verb: PUT, path: "users/{userId}/{+rest}"}}
schemas:
  File:
    type: object
    additionalProperties: false
    properties:
      id: {type: integer}
      name: {type: string}
      text: {type: string}
      about: {type: object, additionalProperties: false, properties: {size: {type: integer}}}
"""


def told(row):
    return {"id": row["id"], "name": row["name"], "text": row["text"], "about": {"size": row["size"]}}


def put(act):
    body, media = act.arguments["body"], act.arguments.get("media", "")
    size = len(base64.urlsafe_b64decode(media))
    return told(act.insert("file", name=body.get("name", "unnamed"), size=size, text=media))


def get(act):
    if act.arguments["id"] > 100:
        raise NotFound("no such file at all")
    return told(act.find("file", act.arguments["id"]))


READY = declared(parse_decl(DROP, "drop"), {"put": put, "get": get})
APPS = (READY.app(),)
FILES = "/drop/drop/v1/users/me/files"
UPLOAD = "/drop/upload/drop/v1/users/me/files"


@pytest.fixture(scope="module")
def snapshot():
    with World.build(APPS, seed=1, start_ms=START_MS, step_ms=1000, persons=2) as made:
        return made.snapshot()


@pytest.fixture
def world(snapshot):
    with World.fork(snapshot, APPS) as fork:
        yield fork
        fork.check()


async def ask(world, method, path, body=b"", kind="application/json", **query):
    """Status and JSON of one request; a refused one changes nothing."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    before = world.state_digest
    tail = f"?{urlencode(query)}" if query else ""
    reply = await request(world, method, path + tail, headers={"content-type": kind}, body=data)
    if reply.status >= 400 or method == "GET":
        assert world.state_digest == before
    return reply.status, json.loads(reply.body)


def two_parts(first, second, kind="text/plain"):
    return (
        b"--x\r\nContent-Type: application/json\r\n\r\n" + json.dumps(first).encode() + b"\r\n--x\r\n"
        b"Content-Type: " + kind.encode() + b"\r\n\r\n" + second + b"\r\n--x--"
    )


RELATED = "multipart/related; boundary=x"


async def test_bytes_are_uploaded_alone_or_after_a_part_of_json(world):
    assert (await ask(world, "POST", UPLOAD, b"\xff\x00 abc", "text/plain", uploadType="media"))[1] == {
        "id": 1, "name": "unnamed", "text": base64.urlsafe_b64encode(b"\xff\x00 abc").decode(), "about": {"size": 6},
    }  # fmt: skip
    status, made = await ask(world, "POST", UPLOAD, two_parts({"name": "n"}, b"abc"), RELATED, uploadType="multipart")
    assert (status, made["name"], base64.urlsafe_b64decode(made["text"])) == (200, "n", b"abc")
    mail = b"Subject: a\r\n\r\nb\r\n"
    parts = two_parts({"name": "m"}, mail, "message/rfc822")
    _, made = await ask(world, "POST", UPLOAD, parts, RELATED, uploadType="multipart")
    assert message_from_bytes(base64.urlsafe_b64decode(made["text"]))["Subject"] == "a"


@pytest.mark.parametrize(
    ("body", "kind", "query", "said"),
    [
        (b"a", "image/png", {"uploadType": "media"}, "the type 'image/png' is not taken"),
        (b"a", "text/plain", {}, "uploadType is media or multipart here"),
        (b"a", "text/plain", {"uploadType": "resumable"}, "not 'resumable'"),
        (b"a", "text/plain", {"uploadType": "multipart"}, "has two parts"),
        (two_parts({}, b"a", "image/png"), RELATED, {"uploadType": "multipart"}, "the type 'image/png' is not taken"),
        (two_parts({"x": 1}, b"a"), RELATED, {"uploadType": "multipart"}, "'x' was unexpected"),
        (two_parts([], b"a"), RELATED, {"uploadType": "multipart"}, "no JSON object"),
        (b"a", "text/plain", {"uploadType": "media", "x": "1"}, "no such parameter"),
    ],
)
async def test_an_upload_that_is_none_is_refused_and_changes_nothing(world, body, kind, query, said):
    status, answer = await ask(world, "POST", UPLOAD, body, kind, **query)
    assert status == 400
    assert said in answer["error"]["message"]


async def test_what_takes_no_upload_says_so_and_an_upload_belongs_to_its_own_path(world):
    assert (await ask(world, "GET", f"{UPLOAD}/1", uploadType="media"))[0] == 501
    assert (await ask(world, "POST", FILES, {"name": "a"}, uploadType="media"))[0] == 400
    assert READY.app().api == ("drop/v1/", "upload/drop/v1/", "batch")
    assert "text/plain" in document(READY)["paths"]["/users/{userId}/files"]["post"]["description"]


async def test_a_whole_body_meets_its_shape_and_null_stands_for_nothing(world):
    assert (await ask(world, "POST", FILES, {"name": None}))[1]["name"] == "unnamed"
    for body, said in (
        ({"name": 1}, 'is not of type "string"'),
        ({"x": 1}, "'x' was unexpected"),
        ({"name": "a" * 300}, "characters are more than 300"),
        ([], "no JSON object"),
    ):
        status, answer = await ask(world, "POST", FILES, body)
        assert status == 400
        assert said in answer["error"]["message"]


def test_a_tool_has_the_whole_body_as_an_argument_and_none_is_an_empty_one(world):
    assert world.call("drop_put", {"body": {"name": "a"}}).result.data["name"] == "a"
    assert world.call("drop_put", {}).result.data["name"] == "unnamed"
    result = world.call("drop_put", {"body": {"x": 1}}).result
    assert (result.error, "'x' was unexpected" in result.text) == ("invalid", True)


async def test_one_acts_for_oneself_alone(world):
    email = world.persons()[1].email
    assert (await ask(world, "POST", FILES.replace("me", email.upper()), {}))[0] == 200
    status, answer = await ask(world, "POST", FILES.replace("me", world.persons()[2].email), {})
    assert (status, answer["error"]["message"]) == (403, f"Delegation denied for {email}")


async def test_an_api_says_errors_in_words_of_its_own(world):
    await ask(world, "POST", FILES, {"name": "a"})
    seen = {}
    for name, (method, path, body) in {
        "gone": ("GET", f"{FILES}/101", b""),
        "bad": ("POST", FILES, {"x": 1}),
        "twice": ("POST", FILES, {"name": "a"}),
        "none": ("PUT", FILES, {}),
    }.items():
        status, answer = await ask(world, method, path, body)
        error = answer["error"]
        seen[name] = (status, error["status"], error["errors"][0]["reason"])
        if name == "gone":
            assert error["message"] == error["errors"][0]["message"] == "Gone."
        if name == "none":
            assert "there is no such thing" in error["message"]
    assert seen == {
        "gone": (404, "NOT_FOUND", "notFound"),
        "bad": (400, "INVALID_ARGUMENT", "invalidArgument"),
        "twice": (409, "ABORTED", "aborted"),
        "none": (501, "UNIMPLEMENTED", "notImplemented"),
    }


async def test_a_mask_names_what_the_schema_of_the_answer_has(world):
    await ask(world, "POST", FILES, {"name": "a"})
    assert await ask(world, "GET", f"{FILES}/1", fields="about/size,id") == (200, {"id": 1, "about": {"size": 0}})
    for mask in ("nosuch", "about/nosuch", "name/below", "*/size"):
        assert (await ask(world, "GET", f"{FILES}/1", fields=mask))[0] == 400, mask


async def test_an_answer_is_of_several_lines_where_that_is_asked_for(world):
    await ask(world, "POST", FILES, {"name": "a"})
    plain, pretty = [(await request(world, "GET", f"{FILES}/1?prettyPrint={flag}")).text for flag in ("false", "true")]
    assert "\n" not in plain
    assert pretty.startswith('{\n  "id": 1,\n')
    assert json.loads(pretty) == json.loads(plain)


async def test_what_is_refused_as_a_whole_leaves_the_document_to_be_read(world):
    status, found = await ask(world, "GET", "/drop/drop/v1/openapi.json")
    assert (status, found) == (200, document(READY))
    assert list(found["components"]["schemas"]) == ["File"]
    assert (await ask(world, "GET", "/drop/drop/v1/users/me/other/thing"))[0] == 501


def inner(method, path, body=b"", id=""):
    head = f"Content-Type: application/http\r\n{f'Content-ID: <{id}>' if id else 'X-None: 1'}\r\n\r\n"
    return head.encode() + f"{method} {path} HTTP/1.1\r\nContent-Type: application/json\r\n\r\n".encode() + body


def batch(*parts):
    return b"".join(b"--y\r\n" + part + b"\r\n" for part in parts) + b"--y--"


async def send(world, data, kind="multipart/mixed; boundary=y"):
    return await request(world, "POST", "/drop/batch", headers={"content-type": kind}, body=data)


async def test_a_batch_runs_its_requests_in_order_each_a_step_of_its_own(world):
    now = world.now_ms
    reply = await send(
        world,
        batch(
            inner("POST", FILES, b'{"name":"a"}', "b+1"),
            inner("POST", FILES, b'{"name":"a"}', "b+2"),
            inner("POST", FILES, b'{"name":"b"}', "b+3"),
            inner("GET", f"{FILES}/1"),
        ),
    )
    assert world.now_ms == now + 2000  # what is refused is no step, nor is what only reads
    head = f"Content-Type: {reply.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + reply.body).get_payload()
    assert [part["Content-ID"] for part in parts] == [
        "<response-b+1>",
        "<response-b+2>",
        "<response-b+3>",
        "<response>",
    ]
    answers = [part.get_payload() for part in parts]
    assert [answer.split(" ", 2)[1] for answer in answers] == ["200", "409", "200", "200"]
    assert json.loads(answers[3].splitlines()[-1])["name"] == "a"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        batch(),
        batch(*[inner("GET", f"{FILES}/1")] * 101),
        batch(inner("POST", FILES, b"{}"), b"Content-Type: text/plain\r\n\r\nx"),
        batch(inner("POST", FILES, b"{}"), inner("POST", "/drop/file/new")),
        batch(inner("POST", FILES, b"{}"), inner("POST", "/kit/sign-in")),
        batch(inner("POST", FILES, b"{}"), inner("POST", "/drop/batch")),
        batch(b"Content-Type: application/http\r\n\r\nGET nowhere HTTP/1.1\r\n\r\n"),
    ],
)
async def test_a_batch_of_anything_else_is_refused_before_any_of_it_runs(world, data):
    before = world.state_digest
    reply = await send(world, data)
    assert (reply.status, json.loads(reply.body)["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert world.state_digest == before
