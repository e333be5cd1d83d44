"""Collections of rows that have a collection of their own elsewhere: members of a team, who are users without it."""

from __future__ import annotations

import json
from functools import cache

import pytest
import yaml

from app_clones.declared import perform
from app_clones.declared.engine import declared
from app_clones.kit.asgi import request
from app_clones.kit.world import World
from factory.compiler import openapi
from factory.compiler.infer import infer
from factory.compiler.proof_subject import drive
from factory.compiler.prove import prove

TEXT = {"type": "string"}
ID = {"type": "string", "readOnly": True}
SCHEMAS = {
    "Team": {"type": "object", "required": ["name"], "properties": {"id": ID, "name": TEXT}},
    "User": {"type": "object", "required": ["email"], "properties": {"id": ID, "email": TEXT, "nick": TEXT}},
    "Order": {
        "type": "object",
        "required": ["item"],
        "properties": {"id": ID, "item": TEXT, "user_id": ID, "tags": {"type": "array", "items": TEXT}},
    },
}


def ref(name):
    return {"$ref": f"#/components/schemas/{name}"}


def method(id, answer=None, body=None, status="200"):
    content = {} if answer is None else {"content": {"application/json": {"schema": answer}}}
    made = {"operationId": id, "responses": {status: {"description": "done", **content}}}
    if body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return made


def many(name):
    return {"type": "array", "items": ref(name)}


def path(*ids, **methods):
    return {"parameters": [{"name": id, "in": "path", "required": True, "schema": TEXT} for id in ids], **methods}


def rows(plural, name, id):
    noun = name.lower()
    return {
        f"/{plural}": path(get=method(f"list_{plural}", many(name)),
                           post=method(f"create_{noun}", ref(name), ref(name), "201")),
        f"/{plural}/{{{id}}}": path(id, get=method(f"get_{noun}", ref(name)),
                                    delete=method(f"delete_{noun}", status="204")),
    }  # fmt: skip


MEMBERS = {
    "/teams/{team_id}/members": path("team_id", get=method("list_members", many("User"))),
    "/teams/{team_id}/members/{user_id}": path(
        "team_id", "user_id",
        put=method("add_member", status="204"),
        delete=method("remove_member", status="204"),
    ),
}  # fmt: skip
HUB = {**rows("teams", "Team", "team_id"), **rows("users", "User", "user_id"), **MEMBERS}


def document(paths):
    whole = {"openapi": "3.0.3", "info": {"title": "Hub", "version": "1"}, "components": {"schemas": SCHEMAS},
             "paths": paths}  # fmt: skip
    return openapi.read(yaml.safe_dump(whole), "hub.yaml")


@cache
def hub():
    return infer(document(HUB)).decl


@pytest.fixture
def ask():
    """Asks the hub over HTTP."""
    with World.build((declared(hub()).app(),), seed=7, start_ms=0, step_ms=1000, persons=2) as world:

        def asking(verb, path, body=None):
            data = b"" if body is None else json.dumps(body).encode()
            reply = drive(request(world, verb, f"/hub/api/{path}", headers={"content-type": "application/json"},
                                  body=data, actor=1))  # fmt: skip
            return reply.status, json.loads(reply.body) if reply.body else None

        yield asking


def verdicts(decl, paths, **how):
    found = prove(decl, document=document(paths), **how)
    return {one.operation: one for one in found.methods}


def test_each_method_of_a_collection_of_members_is_proven():
    found = verdicts(hub(), HUB)
    assert {one.verdict for one in found.values()} == {"stateful"}, found
    for name in ("add_member", "remove_member"):
        assert {"read_back", "page", "rest", "other_parents"} <= {check.name for check in found[name].checks}
    assert "elsewhere" in {check.name for check in found["remove_member"].checks}


def test_members_are_put_in_and_taken_out_and_stay_users(ask):
    team, user = ask("GET", "teams")[1][0]["id"], ask("POST", "users", {"email": "new@example.com"})[1]["id"]
    members = f"teams/{team}/members"
    before = ask("GET", members)[1]
    assert ask("DELETE", f"{members}/{user}")[0] == 404  # never a member
    assert ask("PUT", f"{members}/{user}")[0] == 204
    assert [one["id"] for one in ask("GET", members)[1]] == [*[one["id"] for one in before], user]
    assert ask("PUT", f"{members}/{user}")[0] == 204  # once more changes nothing
    assert len(ask("GET", members)[1]) == len(before) + 1
    assert ask("DELETE", f"{members}/{user}")[0] == 204
    assert ask("GET", members)[1] == before
    assert ask("GET", f"users/{user}")[0] == 200
    assert ask("DELETE", f"{members}/{user}")[0] == 404


def test_a_user_may_be_in_several_teams_from_the_start(ask):
    teams = [one["id"] for one in ask("GET", "teams")[1]]
    there = [user["id"] for team in teams for user in ask("GET", f"teams/{team}/members")[1]]
    assert len(there) > len(set(there)) > 1


def test_the_page_of_a_team_shows_its_members(ask):
    assert hub().entities["user"].fields["in_team_members"].hidden
    with World.build((declared(hub()).app(),), seed=7, start_ms=0, step_ms=1000, persons=2) as world:
        page = drive(request(world, "GET", "/hub/team/1", actor=1)).body.decode()
    member = ask("GET", f"teams/{ask('GET', 'teams')[1][0]['id']}/members")[1][0]
    assert member["email"] in page


def wrong(name, **changes):
    operation = hub().operations[name]
    return hub().model_copy(update={"operations": {**hub().operations, name: operation.model_copy(update=changes)}})


def failures(decl, name):
    found = verdicts(decl, HUB, operations=[name])[name]
    return {check.name for check in found.checks if not check.ok}


def test_a_removal_that_deletes_the_user_is_told():
    assert "kept" in failures(wrong("remove_member", kind="delete", remove={}), "remove_member")


def test_a_removal_of_who_is_no_member_is_told(monkeypatch):
    monkeypatch.setattr(perform, "_check_belongs", lambda act, plan: None)
    assert "elsewhere" in failures(hub(), "remove_member")


def test_a_member_who_is_put_nowhere_is_told():
    found = verdicts(wrong("add_member", append={}, record=True), HUB, operations=["add_member"])["add_member"]
    assert found.verdict != "stateful"


def test_rows_are_put_in_by_the_id_that_a_body_has_and_made_where_it_describes_one():
    by_id = {"type": "object", "required": ["user_id"], "properties": {"user_id": TEXT, "role": TEXT}}
    for body, kind in ((by_id, "custom"), (ref("User"), "create")):
        paths = {**HUB, "/teams/{team_id}/members": path(
            "team_id", get=method("list_members", many("User")), post=method("post_member", ref("User"), body, "201"),
        )}  # fmt: skip
        decl = infer(document(paths)).decl
        assert decl.operations["post_member"].kind == kind
        assert "role" not in decl.entities["user"].fields
        found = verdicts(decl, paths, operations=["post_member", "list_members"])
        assert {one.verdict for one in found.values()} == {"stateful"}, found


def test_rows_that_say_themselves_whose_they_are_are_deleted_there():
    orders = {
        "/users/{user_id}/orders": path("user_id", get=method("list_orders_of", many("Order"))),
        "/users/{user_id}/orders/{order_id}": path(
            "user_id", "order_id", get=method("get_order_of", ref("Order")),
            delete=method("delete_order_of", status="204"),
        ),
    }  # fmt: skip
    paths = {**rows("users", "User", "user_id"), **rows("orders", "Order", "order_id"), **orders}
    decl = infer(document(paths)).decl
    assert decl.operations["delete_order_of"].kind == "delete"
    assert decl.operations["delete_order_of"].params["user_id"].field == "user_id"
    found = verdicts(decl, paths)
    assert {one.verdict for one in found.values()} == {"stateful"}, found


def test_a_team_that_is_answered_to_a_new_member_does_not_make_members_teams():
    paths = {**HUB, "/teams/{team_id}/members/{user_id}": path(
        "team_id", "user_id", put=method("add_member", ref("Team")), delete=method("remove_member", status="204"),
    )}  # fmt: skip
    decl = infer(document(paths)).decl
    assert decl.operations["list_members"].entity == decl.operations["remove_member"].entity == "user"
    added = decl.operations["add_member"]
    assert (added.kind, added.reason) == ("refused", "it answers a row of another kind")


def test_items_of_a_list_that_a_row_has_are_put_in_and_taken_out():
    paths = {**rows("orders", "Order", "order_id"), "/orders/{order_id}/tags/{tag}": path(
        "order_id", "tag", put=method("tag_order", ref("Order")), delete=method("untag_order", status="204"),
    )}  # fmt: skip
    decl = infer(document(paths)).decl
    assert decl.operations["tag_order"].append == decl.operations["untag_order"].remove == {"tags": "$tag"}
    found = verdicts(decl, paths)
    assert {one.verdict for one in found.values()} == {"stateful"}, found


def test_rows_may_belong_to_rows_of_their_own_kind():
    paths = {**rows("users", "User", "user_id"), **{
        "/users/{user_id}/friends": path("user_id", get=method("list_friends", many("User"))),
        "/users/{user_id}/friends/{friend_id}": path(
            "user_id", "friend_id",
            put=method("add_friend", status="204"), delete=method("remove_friend", status="204"),
        ),
    }}  # fmt: skip
    found = verdicts(infer(document(paths)).decl, paths)
    assert {one.verdict for one in found.values()} == {"stateful"}, found
