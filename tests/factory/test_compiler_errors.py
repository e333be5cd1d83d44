"""Errors of compiled apps are in the form that their document has for them; so is what says who asks."""

from __future__ import annotations

import json

import pytest

from app_clones.declared.engine import declared
from app_clones.declared.model import Auth
from factory.compiler.compile import compile_app, compiled
from factory.compiler.describe import describe
from factory.compiler.proof_schemathesis import prove_with_schemathesis
from factory.compiler.proof_subject import Subject
from factory.compiler.proof_wire import wired
from factory.compiler.prove import prove

REF = {"$ref": "#/components/schemas/Thing"}
TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


def document(tmp_path, error=None, media="application/json", also=None, **more):
    """A document of things whose bad requests are answered as ``error`` says."""
    bad = {"description": "Bad.", "content": {media: {"schema": error}}} if error is not None else {"description": "x"}

    def answers(schema):
        good = {"description": "Good.", "content": {"application/json": {"schema": schema}}}
        return {"responses": {"200": good, "default": bad, **(also or {})}}

    id = {"name": "id", "in": "path", "required": True, "schema": NUMBER}
    body = {"required": True, "content": {"application/json": {"schema": REF}}}
    thing = {
        "type": "object",
        "required": ["name"],
        "properties": {"id": NUMBER | {"readOnly": True}, "name": TEXT | {"maxLength": 50}},
    }
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "Things", "version": "1"},
        "paths": {
            "/things": {
                "get": answers({"type": "array", "items": REF}),
                "post": {**answers(REF), "requestBody": body},
            },
            "/things/{id}": {"parameters": [id], "get": answers(REF)},
        },
        "components": {"schemas": {"Thing": thing}, **more.pop("components", {})},
        **more,
    }
    path = tmp_path / "things.json"
    path.write_text(json.dumps(whole))
    return f"openapi:{path}"


def thing(required=(), **properties):
    return {"type": "object", "required": list(required), "properties": properties}


FORMS = {
    "flat": (thing(["code", "message"], code=NUMBER, message=TEXT), {"code": "$status", "message": "$message"}),
    "word": (thing(error=TEXT), {"error": "$message"}),
    "word and text": (thing(error=TEXT, message=TEXT), {"error": "$code", "message": "$message"}),
    "nested": (
        thing(error=thing(["type"], type=TEXT, message=TEXT)),
        {"error": {"type": "$code", "message": "$message"}},
    ),
    "of validation": (
        thing(
            detail={
                "type": "array",
                "items": thing(["loc", "msg", "type"], loc={"type": "array", "items": TEXT}, msg=TEXT, type=TEXT),
            }
        ),
        {"detail": [{"loc": [], "msg": "$message", "type": "$code"}]},
    ),
    "several": (thing(errors={"type": "array", "items": TEXT}), {"errors": ["$message"]}),
    "what cannot be said": (
        thing(["message", "level", "at", "mark"], message=TEXT, level={"enum": ["low", "high"]}, path=TEXT,
              at=TEXT | {"format": "date"}, mark={"enum": ["$x"]}),
        {"message": "$message", "level": "low", "mark": "$$x"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_errors_are_told_in_the_form_of_the_document(tmp_path, name):
    schema, body = FORMS[name]
    description = document(tmp_path, schema)
    errors = compile_app(description).api.errors
    assert {key: value for key, value in errors.body.items() if key != "at"} == body
    found = prove(compile_app(description), document=describe(description).doc)
    totals = found.totals()
    assert (totals["stateful"], totals["failed"]) == (3, 0)
    assert totals["responses_valid"] == totals["responses"]


def test_a_problem_document_has_its_own_content_type(tmp_path):
    schema = thing(["title"], type=TEXT | {"format": "uri"}, title=TEXT, status=NUMBER, detail=TEXT, instance=TEXT)
    description = document(tmp_path, schema, media="application/problem+json")
    decl = compile_app(description)
    assert decl.api.errors.media == "application/problem+json"
    assert decl.api.errors.body == {
        "type": "about:blank", "title": "$title", "status": "$status", "detail": "$message",
    }  # fmt: skip
    assert prove(decl, document=describe(description).doc).ok
    assert compile_app(document(tmp_path, {}, media="application/problem+json")).api.errors == "problem"


def test_where_the_document_says_nothing_errors_are_plain(tmp_path):
    assert compile_app(document(tmp_path)).api.errors == "plain"


def test_an_app_whose_errors_have_another_form_is_not_proven(tmp_path):
    schema, _ = FORMS["flat"]
    description = document(tmp_path, schema)
    decl = compile_app(description)
    plain = decl.model_copy(update={"api": decl.api.model_copy(update={"errors": "plain"})})
    found = prove(plain, document=describe(description).doc)
    assert {check.name for one in found.methods for check in one.checks if not check.ok} == {"schema"}


def test_of_several_forms_the_one_that_is_named_most_often_is_told(tmp_path):
    schema, body = FORMS["flat"]
    rare = {"404": {"description": "?", "content": {"application/json": {"schema": thing(why=TEXT)}}}}
    description = document(tmp_path, schema)
    assert not any("forms" in note for note in compiled(description).notes)
    text = json.loads((tmp_path / "things.json").read_text())
    text["paths"]["/things/{id}"]["get"]["responses"] |= rare
    (tmp_path / "things.json").write_text(json.dumps(text))
    assert compile_app(description).api.errors.body == body
    assert any(note.startswith("errors have 2 forms") for note in compiled(description).notes)


SCHEMES = {
    "bearer": ({"type": "http", "scheme": "bearer"}, Auth()),
    "oauth": ({"type": "oauth2", "flows": {}}, Auth()),
    "header": ({"type": "apiKey", "in": "header", "name": "X-Key"}, Auth(header="X-Key", scheme="")),
    "query": ({"type": "apiKey", "in": "query", "name": "key"}, Auth(query="key")),
    "prefix": (
        {"type": "apiKey", "in": "header", "name": "Authorization", "description": 'With the prefix "Token"'},
        Auth(scheme="Token"),
    ),
}


@pytest.mark.parametrize("name", SCHEMES)
def test_who_asks_is_told_as_the_document_demands(tmp_path, name):
    scheme, auth = SCHEMES[name]
    other = {"type": "apiKey", "in": "cookie", "name": "session"}
    components = {"securitySchemes": {"other": other, "own": scheme}}
    description = document(tmp_path, components=components, security=[{"other": []}, {"own": []}])
    decl = compile_app(description)
    assert (decl.api.auth, decl.api.common) == (auth, {})
    assert any(note.startswith("security is left out: other (apiKey)") for note in compiled(description).notes)
    assert declared(decl).app().auth.header == auth.header


@pytest.mark.parametrize(("name", "place"), [("header", "X-Key"), ("query", "key")])
def test_a_token_that_is_told_as_a_parameter_too_is_none(tmp_path, name, place):
    components = {"securitySchemes": {"own": SCHEMES[name][0]}}
    description = document(tmp_path, components=components, security=[{"own": []}])
    whole = json.loads((tmp_path / "things.json").read_text())
    whole["paths"]["/things"]["parameters"] = [{"name": place, "in": name, "required": True, "schema": TEXT}]
    (tmp_path / "things.json").write_text(json.dumps(whole))
    decl = compile_app(description)
    assert place not in {param.wire for one in decl.operations.values() for param in one.params.values()}
    found = prove(decl, document=describe(description).doc).totals()
    assert (found["stateful"], found["refused"], found["failed"]) == (3, 0, 0)


@pytest.mark.parametrize("name", ["header", "query", "prefix"])
def test_schemathesis_asks_where_the_app_takes_its_token(tmp_path, name):
    scheme, _ = SCHEMES[name]
    components = {"securitySchemes": {"own": scheme}}
    description = document(tmp_path, FORMS["flat"][0], components=components, security=[{"own": []}])
    ready = declared(compile_app(description))
    subject = Subject(ready, ready.app(), describe(description).doc, 0)
    found = prove_with_schemathesis(subject, (tmp_path / "things.json").read_text(), examples=1)
    assert {one.name: one.ok for one in found} == dict.fromkeys(
        ("schemathesis coverage", "schemathesis fuzzing", "schemathesis stateful"), True
    )


def test_a_method_alone_may_demand_it(tmp_path):
    scheme, auth = SCHEMES["header"]
    description = document(tmp_path, components={"securitySchemes": {"own": scheme}})
    assert compile_app(description).api.auth == Auth()
    text = json.loads((tmp_path / "things.json").read_text())
    text["paths"]["/things"]["post"]["security"] = [{"own": []}]
    (tmp_path / "things.json").write_text(json.dumps(text))
    assert compile_app(description).api.auth == auth


FORM = "application/x-www-form-urlencoded"


def test_lists_of_a_form_stand_as_their_encoding_says(tmp_path):
    description = document(tmp_path)
    whole = json.loads((tmp_path / "things.json").read_text())
    lists = {name: {"type": "array", "items": TEXT} for name in ("tags", "words", "marks")}
    whole["components"]["schemas"]["Thing"]["properties"] |= lists
    encoding = {"words": {"explode": False}, "marks": {"style": "pipeDelimited"}}
    post = whole["paths"]["/things"]["post"]
    post["requestBody"]["content"] = {FORM: {"schema": REF, "encoding": encoding}}
    (tmp_path / "things.json").write_text(json.dumps(whole))
    decl, doc = compile_app(description), describe(description).doc
    post = next(one for one in decl.operations.values() if one.kind == "create")
    assert post.http.joined == {"words": ",", "marks": "|"}
    asked = {"resource": {"tags": ["a", "b"], "words": ["a", "b"], "marks": ["c", "d"]}}
    assert wired(decl, post, asked, form=True).body == b"tags=a&tags=b&words=a%2Cb&marks=c%7Cd"
    assert prove(decl, document=doc).ok
