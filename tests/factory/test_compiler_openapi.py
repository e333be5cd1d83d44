"""OpenAPI documents of several habits, and broken ones, through the frontend."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from factory.compiler import openapi
from factory.compiler.describe import describe
from factory.compiler.openapi_bodies import FORM
from factory.errors import InputGone, SpecError

DOCUMENTS = Path(__file__).parent / "openapi"
WHOLE = ("pets.yaml", "tickets.json", "invoices.yaml", "library.yaml", "planner.yaml")


def method(doc, id):
    return next(one for one in doc.methods if one.id == id)


def load(name):
    return describe(f"openapi:{DOCUMENTS / name}").doc


@pytest.mark.parametrize("name", WHOLE)
def test_every_schema_and_ref_of_a_document_means_something_in_json_schema(name):
    doc = load(name)
    bundle = {"$defs": doc.schemas}
    for schema in (*doc.schemas.values(), *(one.response for one in doc.methods if one.response is not None)):
        Draft202012Validator.check_schema(schema)
        Draft202012Validator({**schema, **bundle}).is_valid({"id": 1})  # raises where a ref leads nowhere
    assert doc.kind == "openapi"
    assert doc.style == "rest"
    assert len({one.id for one in doc.methods}) == len(doc.methods)


def test_paths_parameters_bodies_and_statuses_are_read():
    doc = load("pets.yaml")
    assert (doc.name, doc.version, doc.base) == ("petshelter", "1.2.0", "api/v1/")
    create = method(doc, "createPet")
    assert (create.verb, create.path, create.status, create.request_required) == ("POST", "pets", 201, True)
    assert create.request == {"$ref": "#/$defs/NewPet"}
    assert method(doc, "deletePet").response is None
    assert method(doc, "deletePet").status == 204
    names = [(one.name, one.place, one.required) for one in method(doc, "listPets").parameters]
    assert names == [("limit", "query", False), ("offset", "query", False), ("status", "query", False)]
    assert method(doc, "listPets").parameters[2].schema["enum"] == ["available", "reserved", "adopted"]
    assert [one.name for one in method(doc, "adoptPet").parameters] == ["petId"]


def test_nullable_and_exclusive_bounds_of_3_0_are_told_as_in_2020_12():
    pet, shelf = load("pets.yaml").schemas["Pet"]["properties"], load("library.yaml").schemas["ShelfFields"]
    assert pet["weight_kg"] == {"type": "number", "exclusiveMinimum": 0, "maximum": 200}
    assert shelf["properties"]["note"]["type"] == ["string", "null"]
    parent = load("library.yaml").schemas["Topic"]["properties"]["parent"]
    assert parent["type"] == ["string", "null"]


def test_all_of_is_merged_through_several_bases():
    schemas = load("library.yaml").schemas
    assert list(schemas["Shelf"]["properties"]) == ["id", "created_at", "label", "room", "note", "media_count"]
    assert schemas["Shelf"]["required"] == ["id", "label", "media_count"]
    book = schemas["Book"]
    assert "allOf" not in book
    assert book["properties"]["kind"] == {"type": "string", "enum": ["book"]}
    assert book["required"] == ["id", "kind", "title"]


def test_one_of_is_kept_and_a_schema_may_contain_itself():
    schemas = load("library.yaml").schemas
    assert schemas["Medium"] == {
        "oneOf": [{"$ref": "#/$defs/Book"}, {"$ref": "#/$defs/Film"}],
        "x-kinds": {"property": "kind", "of": {"book": "Book", "film": "Film"}},
    }
    assert schemas["Topic"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Topic"}


def document(schemas, version="3.0.3"):
    """A document that has ``schemas`` and a list of things of the first."""
    first = next(iter(schemas))
    answer = {"description": "All.", "content": {"application/json": {"schema": {"$ref": ref_to(first)}}}}
    return json.dumps(
        {
            "openapi": version,
            "info": {"title": "Things", "version": "1"},
            "paths": {"/things": {"get": {"responses": {"200": answer}}}},
            "components": {"schemas": schemas},
        }
    )


def ref_to(name):
    return f"#/components/schemas/{name}"


def test_a_schema_may_hold_itself_by_way_of_all_of():
    node = {
        "type": "object",
        "properties": {
            "parent": {"allOf": [{"$ref": ref_to("Node")}], "nullable": True, "description": "Above."},
            "kids": {"type": "array", "items": {"allOf": [{"$ref": ref_to("Node")}, {"required": ["parent"]}]}},
        },
    }
    schemas = openapi.read(document({"Node": node}), "tree.json").schemas
    parent, kids = schemas["Node"]["properties"]["parent"], schemas["Node"]["properties"]["kids"]
    assert parent == {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}], "description": "Above."}
    assert kids["items"] == {"required": ["parent"], "allOf": [{"$ref": "#/$defs/Node"}]}
    whole = Draft202012Validator({"$ref": "#/$defs/Node", "$defs": schemas})
    assert whole.is_valid({"parent": {"parent": None}, "kids": [{"parent": None}]})
    assert not whole.is_valid({"kids": [{"kids": []}]})


def test_a_schema_that_is_all_of_itself_is_refused_through_others_too():
    ring = {"A": {"$ref": ref_to("B")}, "B": {"allOf": [{"$ref": ref_to("A")}]}}
    with pytest.raises(SpecError, match=r"components.schemas.B.allOf: A is all of itself"):
        openapi.read(document(ring), "ring.json")


def test_lists_and_objects_in_the_query_become_parameters_by_their_style():
    listed = {one.name: one for one in method(load("invoices.yaml"), "GetInvoices").parameters}
    assert [name for name in listed if name.startswith("created")] == ["created[gte]", "created[lte]"]
    assert listed["created[gte]"].schema == {"type": "integer"}
    assert listed["expand"].schema == {"type": "string"}
    kinds = {one.name: one for one in method(load("library.yaml"), "listMedia").parameters}["kinds"]
    assert (kinds.schema, kinds.repeated, kinds.about) == ({"type": "string"}, False, "Items are separated by commas.")


def test_form_bodies_tell_their_content_type():
    create = method(load("invoices.yaml"), "PostCustomers")
    assert create.media == (FORM,)
    assert create.request is not None
    assert create.request["properties"]["address"]["properties"]["city"] == {"type": "string"}
    assert method(load("pets.yaml"), "createPet").media == ()


def test_what_an_app_has_no_use_for_is_told():
    notes = load("planner.yaml").notes
    assert "webhooks are left out: planArchived" in notes
    assert any("head left out" in note for note in notes)
    assert any("2 servers" in note for note in notes)
    billing = load("invoices.yaml")
    assert [one.name for one in billing.common] == ["api_key"]
    assert any("security is left out: key" in note for note in billing.notes)


def test_operation_ids_are_made_where_there_are_none():
    ids = [one.id for one in load("planner.yaml").methods]
    assert ids[:3] == ["get_plans", "post_plans", "get_plans_by_plan_id"]
    assert "post_plans_by_plan_id_archive" in ids


def test_refs_to_path_items_and_into_schemas_are_followed():
    doc = load("planner.yaml")
    assert [one.place for one in method(doc, "put_plans_by_plan_id").parameters] == ["path"]
    color = doc.schemas["Plan"]["properties"]["color"]
    assert color["description"] == "As it is shown."
    assert doc.schemas[color["$ref"].removeprefix("#/$defs/")]["enum"] == ["red", "green", "blue"]


def test_json_and_yaml_of_one_document_say_the_same():
    text = (DOCUMENTS / "tickets.json").read_text()
    as_yaml = openapi.read(yaml.safe_dump(json.loads(text), sort_keys=False), "tickets.yaml")
    as_json = openapi.read(text, "tickets.json")
    assert as_yaml.methods == as_json.methods
    assert as_yaml.schemas == as_json.schemas


def test_words_that_old_yaml_takes_for_truth_or_dates_stay_text():
    text = PLAIN.replace("responses:", "x-a: 1\n      summary: on\n      description: 2024-01-01\n      responses:")
    assert openapi.read(text, "a.yaml").methods[0].about == "on\n\n2024-01-01"


PLAIN = """\
openapi: 3.0.0
info: {title: T, version: "1"}
paths:
  /a/{b}:
    get:
      parameters:
        - {name: b, in: path, required: true, schema: {type: string}}
      responses: {"200": {description: d}}
"""

BROKEN = {
    "no mapping": ("- 1\n", "a.yaml:1: an OpenAPI document is a mapping"),
    "not YAML": ("openapi: [\n", "a.yaml:2: not YAML"),
    "not JSON": ('{\n"openapi": 1]', "a.yaml:2: not JSON"),
    "a key twice": ("openapi: 3.0.0\nopenapi: 3.0.1\n", "a.yaml:2: not YAML: 'openapi' is given twice"),
    "Swagger": ("swagger: '2.0'\n", "a.yaml:1: swagger: Swagger 2.0 is not read"),
    "a later version": (PLAIN.replace("3.0.0", "4.0.0"), "a.yaml:1: openapi: an OpenAPI document of version 3.0.x"),
    "no title": (PLAIN.replace("title: T, ", ""), "a.yaml:2: info.title: the title is a text, not None"),
    "no method": (PLAIN.replace("    get:", "    x-get:"), "a.yaml:3: paths: there is no method"),
    "a path without slash": (PLAIN.replace("/a/{b}:", "a/{b}:"), "a.yaml:4: paths.a/{b}: a path starts with /"),
    "an untold path parameter": (PLAIN.replace("name: b", "name: c"), "no parameter says what {b} of the path is"),
    "an optional path parameter": (PLAIN.replace("true", "false"), "a.yaml:7: paths./a/{b}.get.parameters.0"),
    "an unknown place": (PLAIN.replace("in: path", "in: body"), "a.yaml:7: paths./a/{b}.get.parameters.0.in"),
    "an unknown style": (PLAIN.replace("in: path", "in: path, style: form"), "styles are simple, label, matrix"),
    "no schema": (PLAIN.replace(", schema: {type: string}", ""), "either a schema or a content"),
    "an unknown type": (PLAIN.replace("type: string", "type: text"), "a.yaml:7: paths./a/{b}.get.parameters.0.schema"),
    "no responses": (PLAIN.replace("responses:", "x-responses:"), "responses is a mapping, not None"),
    "a ref to nowhere": (PLAIN.replace("{type: string}", "{$ref: '#/components/schemas/B'}"), "there is no #/compon"),
    "a ref to another file": (PLAIN.replace("{type: string}", "{$ref: 'b.yaml'}"), "is not in this document"),
    "refs in a circle": (
        PLAIN.replace("{description: d}", "{$ref: '#/components/responses/a'}")
        + "components: {responses: {a: {$ref: '#/components/responses/a'}}}\n",
        "leads in a circle",
    ),
    "all of itself": (
        PLAIN + "components:\n  schemas:\n    A: {allOf: [{$ref: '#/components/schemas/A'}]}\n",
        "a.yaml:11: components.schemas.A.allOf: A is all of itself",
    ),
    "required as in old drafts": (
        PLAIN + "components:\n  schemas:\n    A: {type: string, required: true}\n",
        "a.yaml:11: components.schemas.A.required: required is a list",
    ),
    "a list in itself": ("a: &a [*a]\n", "a.yaml:1: not YAML: found unconstructable recursive node"),
    "a page that means terabytes": (
        "a: &a [1]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghij")),
        "a.yaml:1: nested more than 64 deep, or more than 5000000 values",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_document_is_refused_with_file_and_line(case):
    text, told = BROKEN[case]
    assert openapi.read(PLAIN, "a.yaml").methods[0].id == "get_a_by_b"
    with pytest.raises(SpecError) as caught:
        openapi.read(text, "a.yaml")
    assert told in caught.value.message
    assert caught.value.message.startswith("a.yaml:")


def test_a_mistyped_ref_is_told_with_what_was_meant():
    with pytest.raises(SpecError) as caught:
        load("broken.yaml")
    assert "broken.yaml:16: " in caught.value.message
    assert caught.value.hint == "did you mean Thing?"


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SpecError, match="cannot read it: No such file"):
        describe(f"openapi:{tmp_path / 'none.yaml'}")
    with pytest.raises(SpecError, match="no description that can be compiled"):
        describe("raml:none")


@pytest.fixture
def site():
    """A web site with one document; all else is not there."""
    document = (DOCUMENTS / "pets.yaml").read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path == "/pets.yaml"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(document if found else b"")

        def log_message(self, format, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_document_on_the_web_is_fetched_or_told_to_be_gone(site):
    assert describe(f"openapi:{site}/pets.yaml").doc == load("pets.yaml")
    with pytest.raises(InputGone, match="404"):
        describe(f"openapi:{site}/none.yaml")
