"""Verbs beyond the standard ones: what they evidently make, and what they evidently touch."""

from __future__ import annotations

import json
from typing import Any

import pytest
from discovered import TEXT, described, method

from factory.compiler import discovery, openapi
from factory.compiler.api import ApiDoc
from factory.compiler.certificate import AppCertificate
from factory.compiler.infer import infer
from factory.compiler.infer_verbs import past_forms
from factory.compiler.prove import prove

Json = Any

LETTER: Json = {"id": {**TEXT, "readOnly": True}, "text": TEXT, "pinned": {"type": "boolean"},
                "stampIds": {"type": "array", "items": TEXT}}  # fmt: skip
CHANGE = {f"{way}StampIds": {"type": "array", "items": TEXT} for way in ("add", "remove")}


def by_google() -> ApiDoc:
    path, one = "v1/letters", {"id": ""}
    methods = {
        "list": method("depot.letters.list", "GET", path, {}, response="Letters"),
        "get": method("depot.letters.get", "GET", f"{path}/{{id}}", one, response="Letter"),
        "send": method("depot.letters.send", "POST", f"{path}/send", {}, request="Letter", response="Letter"),
        "validate": method("depot.letters.validate", "POST", f"{path}/validate", {}, request="Letter",
                           response="Letter"),
        "unpin": method("depot.letters.unpin", "POST", f"{path}/{{id}}/unpin", one, response="Letter"),
        "modify": method("depot.letters.modify", "POST", f"{path}/{{id}}/modify", one, request="Change",
                         response="Letter"),
    }  # fmt: skip
    rows = {"letters": {"type": "array", "items": {"$ref": "Letter"}}}
    schemas = {"Letter": LETTER, "Letters": rows, "Change": CHANGE}
    return discovery.parse(described({"letters": {"methods": methods}}, schemas), "0" * 64)


def by_openapi() -> ApiDoc:
    ref = {"$ref": "#/components/schemas/Letter"}
    answer = {"200": {"description": "One.", "content": {"application/json": {"schema": ref}}}}
    many = {"content": {"application/json": {"schema": {"type": "array", "items": ref}}}, "description": "All."}
    body = {"required": True, "content": {"application/json": {"schema": ref}}}
    one = [{"name": "id", "in": "path", "required": True, "schema": TEXT}]
    paths = {
        "/letters": {"get": {"operationId": "listLetters", "responses": {"200": many}}},
        "/letters/send": {"post": {"operationId": "send", "requestBody": body, "responses": answer}},
        "/letters/{id}": {"get": {"operationId": "getLetter", "parameters": one, "responses": answer}},
        "/letters/{id}/unpin": {"post": {"operationId": "unpin", "parameters": one, "responses": answer}},
    }
    letter = {"type": "object", "properties": LETTER}
    document = {"openapi": "3.0.3", "info": {"title": "Depot", "version": "1"}, "paths": paths,
                "components": {"schemas": {"Letter": letter}}}  # fmt: skip
    return openapi.read(json.dumps(document), "depot.json")


def proven(doc: ApiDoc) -> AppCertificate:
    return prove(infer(doc).decl, document=doc)


@pytest.mark.parametrize("described_by", [by_google, by_openapi])
def test_a_verb_that_takes_and_answers_a_row_of_its_collection_makes_it(described_by: Any) -> None:
    doc = described_by()
    kinds = {operation.origin.rpartition(".")[2]: operation.kind for operation in infer(doc).decl.operations.values()}
    assert kinds["send"] == "create"
    assert kinds.get("validate", "record") != "create"  # it only asks
    found = {one.origin.rpartition(".")[2]: one for one in proven(doc).methods}
    assert found["send"].verdict == "stateful", found["send"]


@pytest.mark.parametrize("described_by", [by_google, by_openapi])
def test_a_verb_touches_the_boolean_that_is_named_after_it(described_by: Any) -> None:
    doc = described_by()
    operations = infer(doc).decl.operations
    unpin = next(one for one in operations.values() if one.origin.endswith("unpin"))
    assert unpin.set == {"pinned": False}


def test_a_verb_touches_the_list_that_its_body_adds_to_and_takes_from() -> None:
    doc = by_google()
    modify = infer(doc).decl.operations["letters_modify"]
    assert (modify.append, modify.remove) == (
        {"stamp_ids": "$add_stamp_ids"}, {"stamp_ids": "$remove_stamp_ids"},
    )  # fmt: skip
    found = {one.operation: one for one in proven(doc).methods}
    assert found["letters_modify"].verdict == "stateful", found["letters_modify"]


@pytest.mark.parametrize(
    ("verb", "past"), [("trash", "trashed"), ("close", "closed"), ("apply", "applied"), ("pin", "pinned")]
)
def test_what_is_done_is_called_as_english_does(verb: str, past: str) -> None:
    assert past in past_forms(verb)
