"""What an API has of its own: how it tells of errors, and where a request says who asks."""

from __future__ import annotations

import json

import httpx
import pytest

from app_clones.declared.check import DeclError
from app_clones.declared.engine import declared
from app_clones.declared.model import AppDecl
from app_clones.kit.asgi import request
from app_clones.kit.serve import serve_world
from app_clones.kit.world import World

SHAPE = {
    "type": "object",
    "required": ["status", "errors"],
    "properties": {"status": {"type": "integer"}, "errors": {"type": "array", "items": {"type": "object"}}},
}
OWN = {
    "body": {"status": "$status", "errors": [{"kind": "$code", "title": "$title", "text": "$message"}], "price": "$$5"},
    "media": "application/vnd.shop+json",
    "shape": SHAPE,
}


def shop(**api):
    entity = {"fields": {"name": {"required": True}}, "operations": ["list", "create"], "rows": 2}
    return AppDecl.model_validate({"app": "shop", "title": "Shop", "api": api, "entities": {"item": entity}})


def world_of(decl):
    return World.build((declared(decl).app(),), seed=1, start_ms=0, step_ms=1000, persons=2)


async def test_an_api_tells_of_errors_in_a_form_of_its_own():
    with world_of(shop(errors=OWN)) as world:
        missing = await request(world, "GET", "/shop/api/nothing")
        wrong = await request(world, "POST", "/shop/api/items", body=b"{")
        document = (await request(world, "GET", "/shop/api/openapi.json")).text
    assert missing.status == 404
    assert missing.headers["content-type"] == OWN["media"]
    text = '"errors":[{"kind":"not_found","title":"Not found","text":"there is nothing at this path"}]'
    assert missing.text == f'{{"status":404,{text},"price":"$5"}}'
    assert '"status":400' in wrong.text
    assert '"content":{"application/vnd.shop+json":{"schema":{"type":"object","required":["status"' in document


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"body": {"status": "$status", "errors": ["$reason"]}}, r"api\.errors\.body: \$reason is nothing here"),
        ({"body": {"status": "$code", "errors": []}}, r"api\.errors\.shape: no body is of this shape: status"),
    ],
)
def test_a_form_of_errors_that_cannot_be_told_is_no_declaration(change, fault):
    with pytest.raises(DeclError, match=fault):
        declared(shop(errors=OWN | change))


@pytest.mark.parametrize(
    ("auth", "headers", "query", "scheme"),
    [
        ({}, {"Authorization": "Bearer TOKEN"}, "", {"type": "http", "scheme": "bearer"}),
        (
            {"header": "X-Api-Key", "scheme": ""},
            {"X-Api-Key": "TOKEN"},
            "",
            {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
        ),
        ({"scheme": "Token"}, {"authorization": "token TOKEN"}, "", {"type": "http", "scheme": "token"}),
        ({"query": "api_key"}, {}, "?api_key=TOKEN", {"type": "apiKey", "in": "query", "name": "api_key"}),
    ],
)
def test_a_request_says_who_asks_where_the_api_wants_it_and_nowhere_else(auth, headers, query, scheme):
    with world_of(shop(auth=auth, errors=OWN)) as world, serve_world(world) as served:

        def ask(base, token):
            given = {name: value.replace("TOKEN", token) for name, value in headers.items()}
            return httpx.get(f"{served.url}/{base}{query.replace('TOKEN', token)}", headers=given, trust_env=False)

        assert ask("shop/api/items", served.token()).status_code == 200
        assert ask("shop/api/openapi.json", served.token(2)).json()["components"]["securitySchemes"]["token"] == scheme
        refused = ask("shop/api/items", "0" * 32)
        assert (refused.status_code, refused.json()["errors"][0]["kind"]) == (401, "unauthenticated")
        elsewhere = {"Authorization": f"Basic {served.token()}", "X-Key": served.token()}
        assert httpx.get(f"{served.url}/shop/api/items", headers=elsewhere, trust_env=False).status_code == 401
        assert httpx.get(f"{served.url}/shop/", trust_env=False).status_code == 200


async def test_a_parameter_in_a_cookie_is_honoured_and_told():
    cookie = {"place": "cookie", "role": "filter", "field": "name", "wire": "the-name"}
    whole = shop().model_dump(mode="json", exclude_defaults=True)
    listing = {"kind": "list", "entity": "item", "http": {"verb": "GET", "path": "items"}, "params": {"name": cookie}}
    whole |= {"operations": {"item_list": {**listing, "result": {"shape": "list"}}}}
    with world_of(AppDecl.model_validate(whole)) as world:
        everything = (await request(world, "GET", "/shop/api/items")).text
        sent = {"cookie": "other=1; the-name=nothing"}
        assert (await request(world, "GET", "/shop/api/items", headers=sent)).text == "[]" != everything
        assert '"name":"the-name","in":"cookie"' in (await request(world, "GET", "/shop/api/openapi.json")).text


BASKET = {
    "words": {"repeated": True},
    "sizes": {"type": "integer", "repeated": True},
    "name": {},
    "colours": {"type": "json", "shape": {"type": "array", "items": {"type": "integer"}}},
    "place": {"type": "json", "shape": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


@pytest.mark.parametrize(
    ("form", "found"),
    [
        ("words=a&words=b", {"words": ["a", "b"]}),
        ("words=a", {"words": ["a"]}),
        ("words[]=a&words[]=b", {"words": ["a", "b"]}),
        ("words=a,b&sizes=3%7C4", {"words": ["a,b"], "sizes": [3, 4]}),
        ("colours=1&colours=2", {"colours": [1, 2]}),
        ("colours=1", {"colours": [1]}),
        ("place=%7B%22city%22%3A%22Rome%22%7D", {"place": {"city": "Rome"}}),
        ("place[city]=Rome", {"place": {"city": "Rome"}}),
        ("name=a&name=b", 400),
        ("words=a&words[0]=b", 400),
        ("words[0]=a&words=b", 400),
        ("place=Rome", 400),
        ("place=" + "%7B%22a%22%3A" * 9000 + "1" + "%7D" * 9000, 400),
        ("0=a&1=b", 400),
    ],
)
async def test_lists_and_objects_in_a_form_stand_as_openapi_writes_them(form, found):
    http = {"verb": "POST", "path": "baskets", "joined": {"sizes": "|"}}
    make = {
        "kind": "create",
        "entity": "basket",
        "http": http,
        "params": {"whole": {"type": "json", "role": "resource"}},
    }
    decl = {"app": "shop", "title": "Shop", "entities": {"basket": {"fields": BASKET}}, "operations": {"add": make}}
    headers = {"content-type": "application/x-www-form-urlencoded"}
    with world_of(AppDecl.model_validate(decl)) as world:
        reply = await request(world, "POST", "/shop/api/baskets", headers=headers, body=form.encode())
    if isinstance(found, int):
        assert reply.status == found, reply.text
    else:
        told = json.loads(reply.text)
        assert {name: told[name] for name in found} == found, reply.text
