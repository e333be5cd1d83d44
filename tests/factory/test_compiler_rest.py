"""Apps made of OpenAPI documents, with nothing written by hand: what is inferred, and that it holds."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from textwrap import dedent, indent

import pytest

from app_clones.declared.engine import declared
from app_clones.kit.asgi import request
from app_clones.kit.registry import register
from app_clones.kit.world import World
from app_clones.mail.app import MAIL
from factory.compiler import openapi
from factory.compiler.api import Method
from factory.compiler.compile import compile_app, compiled
from factory.compiler.describe import describe
from factory.compiler.infer import infer
from factory.compiler.proof_subject import drive
from factory.compiler.prove import prove
from factory.compiler.rest_checked import checked
from factory.compiler.rest_schemas import Answered, Schemas
from factory.errors import SpecError

DOCUMENTS = Path(__file__).parent / "openapi"
VERDICTS = {
    "pets.yaml": {"stateful": 10},
    "tickets.json": {"stateful": 12},
    "invoices.yaml": {"stateful": 10},
    "library.yaml": {"stateful": 7, "refused": 1},
    "planner.yaml": {"stateful": 11},
    "petstore.yaml": {"stateful": 6, "refused": 3},
}


@cache
def app(name):
    return compile_app(f"openapi:{DOCUMENTS / name}")


@pytest.mark.parametrize("name", VERDICTS)
def test_every_method_of_an_openapi_document_is_proven_or_refused(name):
    found = prove(app(name), document=describe(f"openapi:{DOCUMENTS / name}").doc)
    totals = found.totals()
    failed = {one.operation: [check for check in one.checks if not check.ok] for one in found.methods}
    verdicts = {key: totals[key] for key in ("stateful", "recorded", "refused", "failed") if totals[key]}
    assert verdicts == VERDICTS[name], {key: value for key, value in failed.items() if value}
    assert totals["responses_valid"] == totals["responses"] > 50


def test_the_same_document_gives_the_same_app():
    for name in VERDICTS:
        assert compile_app(f"openapi:{DOCUMENTS / name}") == app(name)


def test_rows_are_told_by_collections_and_what_lies_under_them():
    entities = app("tickets.json").entities
    assert list(entities) == ["customer", "ticket", "comment"]
    comment = entities["comment"]
    assert (comment.parent, comment.fields["ticket_id"].to, comment.fields["ticket_id"].wire) == (
        "ticket_id", "ticket", "ticket_id",
    )  # fmt: skip
    assert entities["ticket"].fields["customer_id"].to == "customer"


def test_fields_know_who_writes_them_and_when():
    ticket = app("tickets.json").entities["ticket"].fields
    assert ticket["created_at"].auto == "created"
    assert ticket["updated_at"].auto == "updated"
    assert ticket["status"].readonly
    assert ticket["status"].default == "new"
    assert ticket["subject"].required
    assert ticket["customer_id"].immutable  # it is in what creates a ticket, and not in what changes one
    assert not ticket["subject"].immutable


def test_verbs_in_paths_set_a_state_and_its_time():
    operations = app("tickets.json").operations
    assert operations["tickets_close"].set == {"status": "closed", "closed_at": "$now"}
    assert operations["tickets_reopen"].set == {"status": "open"}
    assert app("planner.yaml").operations["post_plans_by_plan_id_archive"].set == {
        "archived": True,
        "archived_at": "$now",
    }
    assert app("invoices.yaml").operations["post_invoices_invoice_void"].set == {"status": "void"}


def test_bodies_and_answers_may_be_wrapped():
    operations = app("tickets.json").operations
    assert operations["tickets_create"].params["resource"].wire == "ticket"
    assert operations["tickets_create"].result.wrap == "ticket"
    assert operations["tickets_list"].result.items == "tickets"
    assert operations["tickets_list"].result.total == "count"
    assert app("pets.yaml").operations["list_pets"].result.shape == "list"


def test_a_row_is_named_by_its_body_or_changed_by_the_query():
    operations = app("petstore.yaml").operations
    named = operations["update_pet"]
    assert (named.kind, named.params["id"].role, named.params["id"].place) == ("replace", "row", "body")
    changed = operations["update_pet_with_form"]
    assert (changed.kind, {param.field for param in changed.params.values()}) == ("update", {None, "name", "status"})
    assert changed.params["status"].values == ("available", "pending", "sold")  # as the row has it, not as told there


def test_bounds_told_only_of_what_is_sent_are_kept():
    fields = app("invoices.yaml").entities["customer"].fields
    assert [fields[name].max for name in ("name", "email", "description")] == [256, 512, 5000]


def test_lists_go_on_by_offset_page_cursor_or_the_last_id():
    def roles(name, operation):
        return {param.role for param in app(name).operations[operation].params.values()}

    assert {"page_size", "offset"} <= roles("pets.yaml", "list_pets")
    assert {"page_size", "page_number"} <= roles("tickets.json", "tickets_list")
    assert {"page_size", "page_token", "search"} <= roles("planner.yaml", "get_plans")
    assert {"page_size", "after", "filter"} <= roles("invoices.yaml", "get_invoices")
    listing = app("invoices.yaml").operations["get_invoices"]
    assert (listing.result.more, listing.result.constants) == ("has_more", {"object": "list"})
    since = listing.params["created_gte"]
    assert (since.field, since.compare, since.wire) == ("created", "ge", "created[gte]")
    assert listing.params["expand"].role == "refused"


def test_ids_have_the_form_that_the_document_asks_for():
    assert app("pets.yaml").entities["pet"].key.form == "number"
    assert app("invoices.yaml").entities["invoice"].key.prefix == "invo_"
    shelf = next(iter(app("library.yaml").entities.values()))
    assert shelf.key.prefix.count("-") == 4


def test_what_cannot_be_told_is_refused_and_says_why():
    topics = app("library.yaml").operations["get_topics"]
    assert (topics.kind, topics.reason) == ("refused", "it is about no row that is kept here")


def odd(tmp_path, paths="", schemas="", title="Odd", more=""):
    """A document of things ``/ws``, with ``paths``, ``schemas`` and what else is said."""
    W = "{application/json: {schema: {$ref: '#/components/schemas/W'}}}"
    text = f"""
openapi: 3.1.0
info: {{title: {title}, version: '1'}}
{dedent(more)}
paths:
  /ws:
    get: {{responses: {{'200': {{description: ok, content: {{application/json: {{schema: {{type: array, items:
      {{$ref: '#/components/schemas/W'}}}}}}}}}}}}}}
    post: {{requestBody: {{required: true, content: {W}}}, responses: {{'201': {{description: ok, content: {W}}}}}}}
  /ws/{{id}}:
    parameters: [{{name: id, in: path, required: true, schema: {{type: string}}}}]
    get: {{responses: {{'200': {{description: ok, content: {W}}}}}}}
    delete: {{responses: {{'204': {{description: gone}}}}}}
{indent(dedent(paths), "  ")}
components:
  schemas:
    W:
      type: object
      required: [name]
      properties:
        id: {{type: string, readOnly: true}}
        name: {{type: string}}
        archived: {{type: boolean, readOnly: true}}
{indent(dedent(schemas), "        ")}
"""
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    return f"openapi:{path}"


def by_path(decl, verb, path):
    return next(one for one in decl.operations.values() if (one.http.verb, one.http.path) == (verb, path))


ROW = "{name: id, in: path, required: true, schema: {type: string}}"
ANSWER = "{'200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/W'}}}}}"


def test_a_verb_after_a_colon_acts_on_the_row_and_what_no_row_is_called_by_refuses_its_method_alone(tmp_path):
    paths = f"""
    /ws/{{id}}:archive:
      post: {{parameters: [{ROW}], responses: {ANSWER}}}
    /ws/{{id}}.json:
      get: {{operationId: as_json, parameters: [{ROW}], responses: {ANSWER}}}
    /ws/{{a}}-{{b}}:
      get:
        operationId: between
        parameters: [{ROW.replace("id", "a")}, {ROW.replace("id", "b")}]
        responses: {ANSWER}
    """
    description = odd(tmp_path, paths)
    decl = compile_app(description)
    assert list(decl.entities) == ["ws"]
    archive = by_path(decl, "POST", "ws/{id}:archive")
    assert (archive.kind, archive.set) == ("custom", {"archived": True})
    assert decl.operations["as_json"].kind == "get"
    between = decl.operations["between"]
    assert (between.kind, between.reason) == ("refused", "{a}-{b} in its path is no id of one row")
    totals = prove(decl, document=describe(description).doc).totals()
    assert (totals["stateful"], totals["refused"], totals["failed"]) == (6, 1, 0)


def notes_of(description):
    return compiled(description).notes


def loads(decl):
    return declared(decl).app().name == decl.app


@pytest.mark.parametrize(
    ("told", "note"),
    [
        ("pattern: '['", 'pattern is left out: no pattern: "["'),
        ("minLength: 10, maxLength: 5", "minLength is left out: nothing is from 10 to 5"),
        ("minLength: ten", "minLength is left out: 'ten' is no number"),
    ],
)
def test_bounds_and_patterns_that_no_value_meets_are_left_out_and_told(tmp_path, told, note):
    description = odd(tmp_path, schemas=f"code: {{type: string, {told}}}")
    assert any(f"components.schemas.W.properties.code: {note}" in one for one in notes_of(description))
    found = prove(compile_app(description), document=describe(description).doc).totals()
    assert (found["stateful"], found["failed"]) == (4, 0)


@pytest.mark.parametrize("pattern", [r"^(?<head>[a-c]{3})-\k<head>$", "^(?<!x)[a-c]{3}$", r"^\(?<[a-c]{3}>$"])
def test_values_are_drawn_of_patterns_in_the_dialect_of_json_schema(tmp_path, pattern):
    description = odd(tmp_path, schemas=f"code: {{type: string, pattern: '{pattern}'}}")
    found = prove(compile_app(description), document=describe(description).doc).totals()
    assert (found["stateful"], found["failed"]) == (4, 0)


def test_what_would_hold_itself_without_end_need_not_be_given(tmp_path):
    ring = """
    up: {$ref: '#/components/schemas/Up'}
    """
    description = odd(tmp_path, schemas=ring)
    text = Path(description.removeprefix("openapi:")).read_text()
    up = "    Up: {type: object, required: [w], properties: {w: {$ref: '#/components/schemas/W'}}}\n"
    Path(description.removeprefix("openapi:")).write_text(text.replace("required: [name]", "required: [name, up]") + up)
    assert "W: up is required, and would have to hold W without end; here it may be left out" in notes_of(description)
    found = prove(compile_app(description), document=describe(description).doc).totals()
    assert (found["stateful"], found["failed"]) == (4, 0)


def test_of_two_methods_that_are_reached_alike_one_is_left_out(tmp_path):
    description = odd(tmp_path, f"/ws/: {{get: {{operationId: again, responses: {ANSWER}}}}}")
    assert "again: left out: it is reached just as get_ws is" in notes_of(description)
    assert loads(compile_app(description))


@pytest.mark.parametrize("title", ["Kit", "Mail", "Docs", "Admin", "Clock", "sqlite"])
def test_no_app_takes_the_name_of_another_or_of_a_place(tmp_path, title):
    decl = compile_app(odd(tmp_path, title=title))
    assert decl.app == f"{title.lower()}api"
    assert register((declared(decl).app(), MAIL)).apps[-1] is MAIL


def test_a_method_that_cannot_be_as_inferred_is_refused_and_one_whose_path_cannot_be_is_left_out(tmp_path):
    decl = compile_app(odd(tmp_path))
    get, delete = by_path(decl, "GET", "ws/{id}"), by_path(decl, "DELETE", "ws/{id}")
    spoilt = {
        "get": get.model_copy(update={"when": {"no_such_field": ["x"]}}),
        "delete": delete.model_copy(update={"http": delete.http.model_copy(update={"path": "ws/{the id}"})}),
    }
    broken = decl.model_copy(update={"operations": spoilt})
    found, notes = checked(
        broken, lambda name, reason: spoilt[name].model_copy(update={"kind": "refused", "when": {}, "reason": reason})
    )
    assert list(found.operations) == ["get"]
    assert (found.operations["get"].kind, found.operations["get"].reason[:8]) == ("refused", "no field")
    assert len(notes) == 1
    entity = decl.entities["ws"].model_copy(update={"label": "nothing"})
    worse = decl.model_copy(update={"entities": {"ws": entity}})
    with pytest.raises(SpecError, match=r"no app can be made of this: entities\.ws\.label"):
        checked(worse, lambda name, reason: spoilt[name])


def test_a_refused_method_with_a_body_is_proven_to_refuse(tmp_path):
    body = "{content: {application/json: {schema: {type: object}}}}"
    paths = f"/things/{{id}}/turn: {{post: {{parameters: [{ROW}], requestBody: {body}, responses: {ANSWER}}}}}"
    description = odd(tmp_path, paths)
    found = prove(compile_app(description), document=describe(description).doc).totals()
    assert (found["refused"], found["failed"]) == (1, 0)


# ---- rows within answers


ENVELOPES = """
openapi: 3.0.3
info: {title: Envelopes, version: "1"}
components:
  schemas:
    Team: {type: object, required: [name], properties: {id: {type: string, readOnly: true}, name: {type: string}}}
    Told:
      type: object
      required: [data, success]
      properties:
        data: {$ref: '#/components/schemas/Team'}
        success: {type: boolean}
        meta: {type: object}
    Listed:
      type: object
      required: [meta]
      properties:
        data: {type: array, items: {$ref: '#/components/schemas/Team'}}
        meta: {type: object}
        links: {type: object, properties: {self: {type: string}}}
paths:
  /teams:
    get:
      operationId: list
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Listed'}}}}
    post:
      operationId: create
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Team'}}}}
      responses: {'201': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Told'}}}}}
  /teams/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get:
      operationId: get
      responses: {'200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Told'}}}}}
    patch:
      operationId: change
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Team'}}}}
      responses: {'200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Told'}}}}}
"""


def test_what_stands_beside_a_row_in_an_answer_hides_it_from_nobody():
    document = openapi.read(ENVELOPES, "envelopes.yaml")
    decl = infer(document).decl
    assert [*decl.entities["team"].fields] == ["name"]
    told, listed = decl.operations["get"].result, decl.operations["list"].result
    assert (told.wrap, told.constants) == ("data", {"success": True})
    assert (listed.items, listed.constants) == ("data", {"meta": {}})
    assert {one.verdict for one in prove(decl, document=document).methods} == {"stateful"}


def test_a_row_that_has_another_in_it_is_no_envelope():
    row = {"type": "object", "properties": {"customer": {"$ref": "#/$defs/Customer"}, "status": {"type": "string"}}}
    customer = {"type": "object", "properties": {"name": {"type": "string"}}}
    sent = Method("create", "POST", "orders", "orders", request={"$ref": "#/$defs/Order"})
    document = replace(openapi.read(ENVELOPES, ""), methods=(sent,), schemas={"Order": row, "Customer": customer})
    assert Schemas(document).answered({"$ref": "#/$defs/Order"}) == Answered({"$ref": "#/$defs/Order"})


def test_a_cookie_that_need_not_be_given_is_refused_when_it_is(tmp_path):
    cookie = "{name: shown-by, in: cookie, schema: {type: string}}"
    paths = f"/ws/{{id}}/archive: {{post: {{parameters: [{ROW}, {cookie}], responses: {ANSWER}}}}}"
    description = odd(tmp_path, paths)
    decl = compile_app(description)
    told = by_path(decl, "POST", "ws/{id}/archive").params["shown_by"]
    assert (told.place, told.role, told.wire) == ("cookie", "refused", "shown-by")
    found = prove(decl, document=describe(description).doc)
    assert (found.totals()["failed"], found.parameters["refused"]) == (0, 1)


def test_an_etag_that_a_method_asks_for_is_told_by_those_that_show_the_row():
    match = "parameters: [{name: id, in: path, required: true, schema: {type: string}}"
    text = ENVELOPES.replace(match, match + ", {name: If-Match, in: header, schema: {type: string}}")
    document = openapi.read(text, "envelopes.yaml")
    decl = infer(document).decl
    assert decl.operations["change"].params["if_match"].role == "etag"
    found = {one.operation: one for one in prove(decl, document=document).methods}
    assert {one.verdict for one in found.values()} == {"stateful"}
    assert "etag" in {check.name for check in found["change"].checks}
    with World.build((declared(decl).app(),), seed=7, start_ms=0, step_ms=1000, persons=2) as world:

        def ask(verb, etag, body=b""):
            return drive(request(world, verb, "/envelopes/api/teams/team_00000001", body=body, actor=1,
                                 headers={"content-type": "application/json", "if-match": etag}))  # fmt: skip

        first = ask("GET", "*").headers["etag"]
        assert ask("PATCH", first, b'{"name": "Other"}').status == 200
        assert ask("PATCH", first, b'{"name": "Third"}').status == 412


# ---- pages that lead to each other


PAGED = """
openapi: 3.0.3
info: {title: Paged, version: "1"}
components:
  schemas:
    Order: {type: object, required: [name], properties: {id: {type: integer, readOnly: true}, name: {type: string}}}
    Orders:
      type: object
      required: [count, results]
      properties:
        count: {type: integer}
        next: {type: string, nullable: true, format: uri}
        previous: {type: string, nullable: true, format: uri}
        results: {type: array, items: {$ref: '#/components/schemas/Order'}}
paths:
  /orders/:
    get:
      operationId: list
      parameters:
        - {name: name, in: query, schema: {type: string}}
        - {name: LEADS, in: query, schema: {type: integer}}
        - {name: SIZE, in: query, schema: {type: integer}}
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Orders'}}}}
    post:
      operationId: create
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}
      responses: {'201': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}}
  /orders/{id}/:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    get:
      operationId: get
      responses: {'200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}}
"""


@pytest.mark.parametrize(("leads", "size"), [("page", "page_size"), ("offset", "limit")])
def test_pages_tell_the_whole_addresses_of_those_beside_them(leads, size):
    document = openapi.read(PAGED.replace("LEADS", leads).replace("SIZE", size), "paged.yaml")
    decl = infer(document).decl
    ready = declared(decl)
    with World.build([ready.app()], seed=3, start_ms=0, step_ms=1000, persons=2) as world:
        first = f"http://world/paged/api/orders/?{size}=5"
        pages, url = [], first
        while url is not None:
            pages.append(json.loads(drive(request(world, "GET", url.removeprefix("http://world"))).body))
            url = pages[-1]["next"]
        assert [len(page["results"]) for page in pages] == [5, 5, 2]
        assert len({row["id"] for page in pages for row in page["results"]}) == pages[0]["count"] == 12
        assert pages[0]["previous"] is None
        back = pages[2]["previous"].removeprefix("http://world")
        assert json.loads(drive(request(world, "GET", back)).body)["results"] == pages[1]["results"]
    assert {one.verdict for one in prove(decl, document=document).methods} == {"stateful"}


def test_a_list_whose_pages_lead_nowhere_is_no_good_one(monkeypatch):
    document = openapi.read(PAGED.replace("LEADS", "page").replace("SIZE", "page_size"), "paged.yaml")
    monkeypatch.setattr("app_clones.declared.reading._onward", lambda act, size, token: None)
    found = next(one for one in prove(infer(document).decl, document=document).methods if one.operation == "list")
    assert found.verdict == "failed"
    assert "paging" in {check.name for check in found.checks if not check.ok}
