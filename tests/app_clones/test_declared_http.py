"""A declared app over HTTP: in the plain style and in Google's, with masks, etags, long-running work and errors."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app_clones.declared.engine import declared
from app_clones.declared.load import load_decl
from app_clones.declared.model import AppDecl
from app_clones.kit.asgi import request
from app_clones.kit.errors import AppError
from app_clones.kit.world import World

START_MS = 1_700_000_000_000
HERE = Path(__file__).parent / "engine"
DESK = declared(load_decl(HERE / "desk.yaml"), {"mix": lambda act: {}})
CLOUD = declared(load_decl(HERE / "cloud.yaml"))
APPS = (DESK.app(), CLOUD.app())


@pytest.fixture(scope="module")
def snapshot():
    with World.build(APPS, seed=3, start_ms=START_MS, step_ms=1000, persons=3) as made:
        return made.snapshot()


@pytest.fixture
def world(snapshot):
    with World.fork(snapshot, APPS) as fork:
        yield fork
        fork.check()


async def ask(world, method, path, body=None, *, headers=None, actor=1, raw=None, **query):
    """Status and JSON body of one request to the cloud; a refused one must change nothing, and a GET neither."""
    path += f"?{urlencode(query, doseq=True)}" if query else ""
    data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
    before = world.state_digest
    reply = await request(world, method, path, headers=headers, body=data, actor=actor)
    if method == "GET" or reply.status >= 400:
        assert world.state_digest == before == world.full_digest()
    return reply.status, json.loads(reply.body) if reply.body else None


async def cloud(world, method, path, body=None, **more):
    return await ask(world, method, f"/cloud/v1/{path}", body, **more)


async def desk(world, method, path, body=None, **more):
    return await ask(world, method, f"/desk/api/{path}", body, **more)


async def topic(world, name="t1", body=None):
    status, made = await cloud(world, "POST", "projects/p1/topics", body or {}, topicId=name)
    assert status == 200, made
    return made


async def test_rows_are_reached_by_resource_names_and_bear_what_the_api_shows(world):
    made = await topic(world, body={"displayName": "One", "labels": {"a": "b"}, "sizeBytes": "12"})
    assert made == {
        "name": "projects/p1/topics/t1", "displayName": "One", "labels": {"a": "b"}, "state": "ACTIVE",
        "sizeBytes": "12", "createTime": "2023-11-14T22:13:20.000Z", "updateTime": "2023-11-14T22:13:20.000Z",
        "kind": "cloud#topic", "etag": made["etag"],
    }  # fmt: skip
    assert await cloud(world, "GET", "projects/p1/topics/t1") == (200, made)
    assert (await cloud(world, "GET", "projects/p2/topics/t1"))[0] == 404
    assert (await cloud(world, "GET", "projects/p3/topics/t1"))[0] == 404


async def test_a_put_makes_the_row_that_its_path_names(world):
    status, made = await cloud(world, "PUT", "projects/p2/topics/t9", {"displayName": "Nine"})
    assert (status, made["name"]) == (200, "projects/p2/topics/t9")
    status, error = await cloud(world, "PUT", "projects/p2/topics/t9", {})
    assert (status, error["error"]["status"]) == (409, "ALREADY_EXISTS")
    assert (await cloud(world, "PUT", "projects/p7/topics/t9", {}))[0] == 404


async def test_what_only_the_service_writes_is_ignored_and_what_nobody_knows_refused(world):
    made = await topic(world, body={"state": "PAUSED", "createTime": "2001-01-01T00:00:00Z", "kind": "x"})
    assert (made["state"], made["createTime"][:4]) == ("ACTIVE", "2023")
    status, error = await cloud(world, "POST", "projects/p1/topics", {"colour": "red"})
    assert status == 400
    assert error["error"]["status"] == "INVALID_ARGUMENT"
    assert error["error"]["code"] == 400
    assert "colour" in error["error"]["message"]


async def test_an_immutable_field_may_be_told_again_but_not_changed(world):
    await topic(world, body={"region": "eu"})
    assert (await cloud(world, "PATCH", "projects/p1/topics/t1", {"region": "eu", "displayName": "x"}))[0] == 200
    assert (await cloud(world, "PATCH", "projects/p1/topics/t1", {"region": "us"}))[0] == 400


async def test_a_mask_writes_what_it_names_clears_what_is_missing_and_leaves_the_rest(world):
    retention = {"days": 1, "inner": {"days": 2, "size": "5"}}
    made = await topic(world, body={"displayName": "One", "labels": {"a": "b", "c": "d"}, "retention": retention})
    path = "projects/p1/topics/t1"
    status, found = await cloud(
        world, "PATCH", path, {"displayName": "Two", "labels": {"a": "z"}}, updateMask="labels.a,labels.c"
    )
    assert (status, found["displayName"], found["labels"]) == (200, "One", {"a": "z"})
    _, found = await cloud(
        world, "PATCH", path, {"retention": {"inner": {"days": 9}}}, updateMask="retention.inner.days"
    )
    assert found["retention"] == {"days": 1, "inner": {"days": 9, "size": "5"}}
    _, found = await cloud(world, "PATCH", path, {}, updateMask="displayName")
    assert "displayName" not in found
    _, found = await cloud(world, "PATCH", path, {"displayName": "All"}, updateMask="*")
    assert {k: v for k, v in found.items() if k not in ("etag", "updateTime")} == {
        "name": made["name"], "displayName": "All", "state": "ACTIVE", "createTime": made["createTime"],
        "kind": "cloud#topic",
    }  # fmt: skip
    for mask in ("colour", "state", "displayName.x", "labels..a,", "retention.nothing"):
        body = {"retention": {"nothing": 1}}
        assert (await cloud(world, "PATCH", path, body, updateMask=mask))[0] == 400, mask


async def test_without_a_mask_what_the_body_holds_is_written(world):
    await topic(world, body={"displayName": "One", "labels": {"a": "b"}})
    _, found = await cloud(world, "PATCH", "projects/p1/topics/t1", {"labels": {"x": "y"}})
    assert (found["displayName"], found["labels"]) == ("One", {"x": "y"})
    _, found = await cloud(world, "PATCH", "projects/p1/topics/t1", {"labels": None})
    assert "labels" not in found


async def test_an_etag_guards_against_what_changed_since(world):
    made = await topic(world)
    path = "projects/p1/topics/t1"
    status, changed = await cloud(world, "PATCH", path, {"displayName": "x"}, headers={"If-Match": made["etag"]})
    assert status == 200
    assert changed["etag"] != made["etag"]
    for more in ({"headers": {"If-Match": made["etag"]}, "body": {}}, {"body": {"etag": made["etag"]}}):
        status, error = await cloud(world, "PATCH", path, **more)
        assert (status, error["error"]["status"]) == (409, "ABORTED")
    assert (await cloud(world, "DELETE", path, etag=made["etag"]))[0] == 409
    assert (await cloud(world, "DELETE", path, etag=changed["etag"])) == (200, {})
    assert (await cloud(world, "GET", path))[0] == 404


async def test_validating_only_checks_all_and_does_nothing(world):
    before = [change for change in world.net_change() if change.table != "kit_meta"]
    status, made = await cloud(
        world, "POST", "projects/p1/topics", {"displayName": "x"}, topicId="t1", validateOnly="true"
    )
    assert (status, made["name"]) == (200, "projects/p1/topics/t1")
    assert [change for change in world.net_change() if change.table != "kit_meta"] == before
    assert (await cloud(world, "GET", "projects/p1/topics/t1"))[0] == 404
    await topic(world)
    assert (await cloud(world, "POST", "projects/p1/topics", {}, topicId="t1", validateOnly="true"))[0] == 409


async def test_the_same_request_again_answers_as_the_first_time(world):
    first = await cloud(world, "POST", "projects/p1/topics", {}, requestId="r1")
    assert await cloud(world, "POST", "projects/p1/topics", {}, requestId="r1") == first
    assert (await cloud(world, "POST", "projects/p1/topics", {}, requestId="r2"))[1]["name"] != first[1]["name"]
    _, page = await cloud(world, "GET", "projects/p1/topics")
    assert len(page["topics"]) == 2


async def test_a_request_id_is_no_part_of_what_is_compared(world, snapshot):
    with World.fork(snapshot, APPS) as other:
        await cloud(world, "POST", "projects/p1/topics", {}, requestId="r1")
        await cloud(other, "POST", "projects/p1/topics", {})
        assert world.anchor_digest() == other.anchor_digest()


async def test_missing_rows_are_made_or_passed_over_where_the_client_says_so(world):
    path = "projects/p1/topics/new"
    assert (await cloud(world, "PATCH", path, {"displayName": "x"}))[0] == 404
    status, made = await cloud(world, "PATCH", path, {"displayName": "x"}, allowMissing="true")
    assert (status, made["name"]) == (200, path)
    assert (await cloud(world, "DELETE", "projects/p1/topics/none"))[0] == 404
    assert (await cloud(world, "DELETE", "projects/p1/topics/none", allowMissing="true")) == (200, {})


async def test_children_forbid_deleting_unless_forced(world):
    await topic(world)
    path = "projects/p1/topics/t1"
    body = {"subscriptionId": "s1", "subscription": {"filter": "a", "push": path}}
    status, made = await cloud(world, "POST", f"{path}/subscriptions", body)
    assert (status, made) == (200, {"subscription": {"name": f"{path}/subscriptions/s1", "filter": "a", "push": path}})
    status, error = await cloud(world, "DELETE", path)
    assert (status, error["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert (await cloud(world, "DELETE", path, force="true")) == (200, {})
    assert (await cloud(world, "GET", f"{path}/subscriptions/s1"))[0] == 404


async def test_a_row_is_found_under_its_own_ancestors_only(world):
    for project in ("p1", "p2"):
        await cloud(world, "POST", f"projects/{project}/topics", {}, topicId="same")
        body = {"subscriptionId": f"of-{project}", "subscription": {}}
        assert (await cloud(world, "POST", f"projects/{project}/topics/same/subscriptions", body))[0] == 200
    assert (await cloud(world, "GET", "projects/p1/topics/same/subscriptions/of-p1"))[0] == 200
    assert (await cloud(world, "GET", "projects/p2/topics/same/subscriptions/of-p1"))[0] == 404
    _, page = await cloud(world, "GET", "projects/p2/topics/same/subscriptions")
    assert [row["name"] for row in page["subscriptions"]] == ["projects/p2/topics/same/subscriptions/of-p2"]
    _, rows = await cloud(world, "GET", "projects/p1/subscriptions")
    assert [row["name"] for row in rows] == ["projects/p1/topics/same/subscriptions/of-p1"]


async def test_long_running_work_is_told_by_a_row_that_finishes_after_its_time(world):
    await topic(world)
    status, told = await cloud(world, "POST", "projects/p1/topics/t1:pause")
    name = told["name"]
    assert status == 200
    assert told == {"name": name, "done": False, "verb": "topic_pause", "target": "projects/p1/topics/t1"}
    assert (await cloud(world, "GET", "projects/p1/topics/t1"))[1]["state"] == "PAUSED"
    world.wait(59_000)
    assert (await cloud(world, "GET", name))[1]["done"] is True
    _, finished = await cloud(world, "GET", name)
    assert finished["response"]["name"] == "projects/p1/topics/t1"
    assert finished["finished"].startswith("2023-11-14T22:14:2")
    status, error = await cloud(world, "POST", "projects/p1/topics/t1:pause")
    assert (status, error["error"]["status"]) == (400, "FAILED_PRECONDITION")


async def test_long_running_work_ends_quietly_where_its_target_is_gone(world):
    await topic(world)
    _, told = await cloud(world, "POST", "projects/p1/topics/t1:pause")
    await cloud(world, "DELETE", "projects/p1/topics/t1")
    world.wait(60_000)
    assert (await cloud(world, "GET", told["name"]))[1]["response"] == {}


async def test_what_is_not_built_says_so(world):
    await topic(world)
    status, error = await cloud(world, "POST", "projects/p1/topics/t1:export")
    assert (status, error["error"]["status"]) == (501, "UNIMPLEMENTED")
    assert "nowhere to export" in error["error"]["message"]
    assert (await cloud(world, "GET", "projects/p1/topics", showDeleted="true"))[0] == 501


async def test_pages_visit_each_row_once_and_know_their_own_tokens(world):
    for number in range(12):
        await topic(world, f"t{number}", {"displayName": f"N{number % 3}"})
    for query in ({}, {"orderBy": "display_name desc"}, {"filter": 'displayName != "N1"'}):
        seen, token = [], None
        while token != "":
            more = {"pageToken": token} if token else {}
            status, page = await cloud(world, "GET", "projects/p1/topics", **query, **more)
            assert status == 200
            assert page["kind"] == "cloud#topics"
            assert len(page["topics"]) <= 5
            seen += [row["name"] for row in page["topics"]]
            token = page.get("nextPageToken", "")
        assert len(seen) == len(set(seen)) == (8 if "filter" in query else 12)
    _, page = await cloud(world, "GET", "projects/p1/topics", pageSize="1000")
    assert len(page["topics"]) == 10  # no more than the API gives at once
    assert (await cloud(world, "GET", "projects/p2/topics", pageToken=page["nextPageToken"]))[0] == 400
    assert (await cloud(world, "GET", "projects/p1/topics", pageSize="-1"))[0] == 400


async def test_read_masks_keep_what_they_name_and_refuse_the_rest(world):
    await topic(world, body={"displayName": "One", "retention": {"days": 1, "inner": {"days": 2}}})
    path = "projects/p1/topics/t1"
    assert await cloud(world, "GET", path, fields="displayName,retention/inner(days)") == (
        200,
        {"displayName": "One", "retention": {"inner": {"days": 2}}},
    )
    assert await cloud(world, "GET", "projects/p1/topics", fields="topics/displayName") == (
        200,
        {"topics": [{"displayName": "One"}]},
    )
    assert (await cloud(world, "GET", "projects/p1/topics", readMask="display_name,state"))[0] == 400
    _, page = await cloud(world, "GET", "projects/p1/topics", readMask="displayName,retention.days")
    told = {name: value for name, value in page["topics"][0].items() if name not in ("name", "kind", "etag")}
    assert page["kind"] == "cloud#topics"
    assert page["topics"][0]["name"] == path  # which row it is stays told
    assert told == {"displayName": "One", "retention": {"days": 1}}
    for query in (
        {"fields": "colour"},
        {"fields": "retention/colour"},
        {"fields": "displayName("},
        {"fields": "labels//"},
    ):
        assert (await cloud(world, "GET", path, **query))[0] == 400, query


async def test_bad_requests_are_refused_in_the_apis_own_form(world):
    await topic(world)
    path = "projects/p1/topics/t1"
    for method, asked, body, more in (
        ("GET", path, None, {"colour": "red"}),
        ("GET", "projects/p1/topics", None, {"pageSize": "many"}),
        ("GET", "projects/p1/topics", None, {"pageSize": ["1", "2"]}),
        ("GET", "projects/p1/topics", None, {"filter": "displayName ="}),
        ("PATCH", path, {"displayName": 3}, {}),
        ("PATCH", path, {"displayName": "x" * 41}, {}),
        ("PATCH", path, {"sizeBytes": "many"}, {}),
        ("PATCH", path, {"sizeBytes": str(1 << 63)}, {}),
        ("PATCH", path, {"labels": {"a": 1}}, {}),
        ("PATCH", path, {"retention": {"days": 0}}, {}),
        ("PATCH", path, {"retention": {"size": "x"}}, {}),
        ("PATCH", path, [1], {}),
        ("POST", "projects/p1/topics", {}, {"topicId": "Bad!"}),
        ("POST", "projects/p1/topics", {}, {"validateOnly": "maybe"}),
        ("POST", f"{path}:pause", {"now": True}, {}),
        ("POST", f"{path}/subscriptions", {"subscription": {}}, {}),
        (
            "POST",
            f"{path}/subscriptions",
            {"subscriptionId": "s", "subscription": {"push": "projects/p1/topics/no"}},
            {},
        ),
    ):
        status, error = await cloud(world, method, asked, body, **more)
        assert (status, error["error"]["status"]) == (400, "INVALID_ARGUMENT"), (method, asked, body, more, error)
        assert set(error["error"]) == {"code", "message", "errors", "status"}
    for raw in (b"{", b"\xff", b'{"displayName": NaN}', b'{"displayName": "\\ud800"}', b"[" * 100_000):
        assert (await cloud(world, "PATCH", path, raw=raw))[0] == 400


async def test_what_is_wrong_with_a_parameter_is_told_by_the_name_that_the_client_gave_it(world):
    status, told = await cloud(world, "GET", "projects/p1/topics", pageSize="many")
    assert (status, told["error"]["message"].partition(":")[0]) == (400, "pageSize")
    with pytest.raises(AppError, match=r"^pageSize: "):
        CLOUD.plan("topic_list").accept({"page_size": []}, {"page_size": "pageSize"})


async def test_paths_that_are_not_there_and_methods_that_are_not_theirs(world):
    assert (await cloud(world, "GET", "nothing"))[0] == 404
    status, error = await cloud(world, "DELETE", "projects/p1/topics")
    assert (status, error["error"]["code"]) == (405, 405)
    reply = await request(world, "DELETE", "/cloud/v1/projects/p1/topics")
    assert reply.headers["allow"] == "GET, POST"
    reply = await request(world, "HEAD", "/cloud/v1/projects/p1/topics")
    assert reply.status == 200


async def test_the_plain_style_speaks_of_ids_statuses_and_codes(world):
    status, made = await desk(world, "POST", "boards/1/tasks", {"title": "Paint", "words": ["a"]})
    assert (status, made["id"]) == (201, "tsk_00000001")
    assert (await desk(world, "GET", "tasks/tsk_00000001"))[1] == made
    status, changed = await desk(world, "PATCH", "tasks/tsk_00000001", {"state": "doing"})
    assert (status, changed["state"], changed["title"]) == (200, "doing", "Paint")
    status, page = await desk(world, "GET", "boards/1/tasks", state="doing", urgent="false", page_size="3")
    assert (status, page["total"], page["tasks"]) == (200, 1, [changed])
    assert (await desk(world, "GET", "boards/1/tasks", urgent="true"))[1] == {"tasks": [], "total": 0}
    assert (await desk(world, "GET", "boards/2/tasks"))[0] == 404
    assert (await desk(world, "POST", "tasks/tsk_00000001/close", {"reason": "dry"}))[0] == 200
    status, error = await desk(world, "POST", "tasks/tsk_00000001/close", {"reason": "dry"})
    assert (status, error) == (
        409,
        {"error": {"code": "conflict", "message": "only a task that is not done can be closed"}},
    )
    assert (await desk(world, "PATCH", "boards/1/setup", {"theme": "dark"}))[1]["theme"] == "dark"
    assert (await desk(world, "DELETE", "boards/1"))[0] == 409
    status, error = await desk(world, "POST", "boards/1/tasks", {"title": "x", "views": 3})
    assert (status, error["error"]["code"]) == (400, "invalid")
    status, error = await desk(world, "GET", "boards/one")
    assert (status, error["error"]["code"]) == (400, "invalid")


async def test_an_id_may_hold_what_a_path_must_escape(world):
    await cloud(world, "POST", "projects/p1/topics", {}, topicId="t1")
    body = {"subscriptionId": "a b:c%é", "subscription": {}}
    status, made = await cloud(world, "POST", "projects/p1/topics/t1/subscriptions", body)
    assert status == 200, made
    path = "projects/p1/topics/t1/subscriptions/a%20b:c%25%C3%A9"
    assert (await cloud(world, "GET", path))[1] == made["subscription"]


async def test_a_form_may_nest_its_keys(world):
    form = {"content-type": "application/x-www-form-urlencoded"}
    raw = b"title=Paint&words[0]=a&words[1]=b&order=3&urgent=true&extra=%7B%22a%22%3A1%7D"
    status, made = await desk(world, "POST", "boards/1/tasks", raw=raw, headers=form)
    assert status == 201, made
    assert (made["words"], made["order"], made["urgent"]) == (["a", "b"], 3, True)
    raw = b"limits[open]=3&theme=dark"
    _, setup = await desk(world, "PATCH", "boards/1/setup", raw=raw, headers=form)
    assert (setup["theme"], setup["limits"]) == ("dark", {"open": 3})
    for bad in (b"title=a&title=b", b"title[=a", b"title=a&title[x]=b", b"a[b]=c"):
        assert (await desk(world, "POST", "boards/1/tasks", raw=bad, headers=form))[0] == 400
    assert (await desk(world, "POST", "boards/1/tasks", raw=b"<a/>", headers={"content-type": "text/xml"}))[0] == 415


async def test_problem_details_are_a_third_form_of_errors(world):
    decl = load_decl(HERE / "desk.yaml")
    decl = AppDecl.model_validate({**decl.model_dump(), "app": "other", "api": {"errors": "problem"}})
    app = declared(decl, {"mix": lambda act: {}}).app()
    with World.build([app], seed=3, start_ms=START_MS, step_ms=1000, persons=3) as world:
        reply = await request(world, "GET", "/other/api/boards/77")
        assert reply.headers["content-type"] == "application/problem+json"
        assert json.loads(reply.body) == {
            "type": "about:blank", "title": "Not found", "status": 404, "detail": "no board 77",
        }  # fmt: skip


async def test_a_request_that_writes_is_one_step_of_the_world_and_a_get_is_none(world):
    await topic(world)
    assert len(world.steps()) == 1
    await cloud(world, "GET", "projects/p1/topics")
    assert len(world.steps()) == 1


async def test_a_dash_lists_the_rows_of_all_parents(world):
    for project in ("p1", "p2"):
        await cloud(world, "POST", f"projects/{project}/topics", {}, topicId="t")
    _, page = await cloud(world, "GET", "projects/-/topics")
    assert [row["name"] for row in page["topics"]] == ["projects/p1/topics/t", "projects/p2/topics/t"]
    _, page = await cloud(world, "GET", "projects/p2/topics/-/subscriptions")
    assert page["subscriptions"] == []
    assert (await cloud(world, "GET", "projects/-/topics/t"))[0] == 404


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
PATHS = (
    "projects/p1/topics", "projects/p1/topics/t1", "projects/p1/topics/t1:pause", "projects/p1/subscriptions",
    "projects/p1/topics/t1/subscriptions", "projects/p1/operations/00000001", "projects/%ff/topics", "openapi.json", "",
)  # fmt: skip
QUERIES = (
    "filter", "orderBy", "pageSize", "pageToken", "fields", "readMask", "updateMask", "topicId", "validateOnly",
    "requestId", "etag", "force", "x",
)  # fmt: skip
PROPERTIES = ("displayName", "labels", "retention", "sizeBytes", "region", "state", "name", "etag", "x", "a[b]")
TEXTS = st.sampled_from(
    ["", "1", "-1", "x", "*", "projects/p1/topics/t1", "labels.x", "\ud800", "true", "%"]
) | st.text(max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
    path=st.sampled_from(PATHS),
    query=st.lists(
        st.tuples(
            st.sampled_from(QUERIES),
            TEXTS,
        ),
        max_size=3,
    ),
    body=st.none() | JSON | st.dictionaries(st.sampled_from(PROPERTIES), JSON, max_size=4),
    kind=st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain"]),
)  # fmt: skip
def test_no_request_breaks_the_api_and_one_refused_changes_nothing(snapshot, method, path, query, body, kind):
    data = b"" if body is None else json.dumps(body).encode()
    asked = f"/cloud/v1/{path}?{urlencode(query, errors='replace')}"
    with World.fork(snapshot, APPS) as world:
        asyncio.run(request(world, "PUT", "/cloud/v1/projects/p1/topics/t1", body=b"{}"))
        before = world.state_digest
        reply = asyncio.run(request(world, method, asked, headers={"content-type": kind}, body=data))
        assert reply.status < 500, reply.body
        if method == "GET" or reply.status >= 400:
            assert world.state_digest == before
        assert world.state_digest == world.full_digest()


@pytest.mark.parametrize("odd", ["%0A", "a%0Ab", "%0D%0A", "%00", "%E2%80%A8", "%FF", "..", "%2F%0A"])
async def test_an_id_of_odd_characters_is_not_there_and_is_told_in_the_apis_own_form(world, odd):
    status, told = await cloud(world, "GET", f"projects/p1/topics/{odd}")
    assert status in (400, 404)
    assert told["error"]["code"] == status
    status, told = await desk(world, "GET", f"tasks/{odd}")
    assert status in (400, 404)
    assert told["error"]


ODD_PATH = {
    "app": "shop",
    "title": "Shop",
    "entities": {"ware": {"fields": {"size": {}}, "operations": [], "rows": 3}},
    "operations": {
        "ware_list": {
            "kind": "list",
            "entity": "ware",
            "http": {"verb": "GET", "path": "größen/alle Waren"},
            "result": {"shape": "list"},
        },
    },
}


@pytest.mark.parametrize("sent", ["größen/alle Waren", "größen/alle%20Waren", "gr%C3%B6%C3%9Fen/alle%20Waren"])
async def test_a_path_of_other_letters_is_found_however_it_is_sent(sent):
    apps = (declared(AppDecl.model_validate(ODD_PATH)).app(),)
    with World.build(apps, seed=3, start_ms=START_MS, step_ms=1000, persons=3) as world:
        status, found = await ask(world, "GET", f"/shop/api/{sent}")
    assert (status, len(found)) == (200, 3)
