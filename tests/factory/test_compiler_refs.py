"""Lists of ids: refs to rows where a document says so plainly, free text elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from discovered import TEXT, described, method, nested

from app_clones.declared.engine import declared
from app_clones.kit.world import World
from factory.compiler import discovery, openapi
from factory.compiler.api import ApiDoc
from factory.compiler.infer import infer
from factory.compiler.prove import prove

Json = Any

LIST: Json = {"type": "array", "items": TEXT}
LETTER: Json = {
    "id": {**TEXT, "readOnly": True}, "text": TEXT, "stampIds": LIST, "boxIds": LIST,
    "marks": {**LIST, "description": "IDs of the stamps that were on it."},
    "stamps": {**LIST, "description": "How they look."},
}  # fmt: skip
STAMP: Json = {"id": {**TEXT, "readOnly": True}, "motif": TEXT}


def by_google() -> ApiDoc:
    one, change = {"id": ""}, {f"{way}StampIds": LIST for way in ("add", "remove")}
    methods = [
        method("depot.letters.list", "GET", "v1/letters", {}, query=["stampIds"], response="Letters"),
        method("depot.letters.get", "GET", "v1/letters/{id}", one, response="Letter"),
        method("depot.letters.create", "POST", "v1/letters", {}, request="Letter", response="Letter"),
        method("depot.letters.modify", "POST", "v1/letters/{id}/modify", one, request="Change", response="Letter"),
        method("depot.stamps.list", "GET", "v1/stamps", {}, response="Stamps"),
        method("depot.stamps.get", "GET", "v1/stamps/{id}", one, response="Stamp"),
        method("depot.stamps.delete", "DELETE", "v1/stamps/{id}", one),
    ]
    rows = {
        f"{name}s": {f"{name.lower()}s": {"type": "array", "items": {"$ref": name}}} for name in ("Letter", "Stamp")
    }
    schemas = {"Letter": LETTER, "Stamp": STAMP, "Change": change, **rows}
    return discovery.parse(described(nested(*methods), schemas), "0" * 64)


def by_openapi() -> ApiDoc:
    def answers(schema: Json) -> Json:
        return {"200": {"description": "It.", "content": {"application/json": {"schema": schema}}}}

    id = {"name": "id", "in": "path", "required": True, "schema": TEXT}
    paths: Json = {}
    for name in ("Letter", "Stamp"):
        ref, path = {"$ref": f"#/components/schemas/{name}"}, f"/{name.lower()}s"
        body = {"required": True, "content": {"application/json": {"schema": ref}}}
        paths[path] = {
            "get": {"operationId": f"{name.lower()}sList", "responses": answers({"type": "array", "items": ref})},
            "post": {"operationId": f"{name.lower()}sCreate", "requestBody": body, "responses": answers(ref)},
        }
        paths[f"{path}/{{id}}"] = {
            "parameters": [id],
            "get": {"operationId": f"{name.lower()}sGet", "responses": answers(ref)},
            "delete": {"operationId": f"{name.lower()}sDelete", "responses": {"204": {"description": "Gone."}}},
        }
    schemas = {name: {"type": "object", "properties": one} for name, one in (("Letter", LETTER), ("Stamp", STAMP))}
    document = {"openapi": "3.0.3", "info": {"title": "Depot v1", "version": "1"}, "paths": paths,
                "components": {"schemas": schemas}}  # fmt: skip
    return openapi.read(json.dumps(document), "depot.json")


@pytest.mark.parametrize(("described_by", "refs"), [(by_google, {"stamp_ids", "marks"}), (by_openapi, {"stamp_ids"})])
def test_a_list_that_is_said_to_hold_ids_holds_those_of_rows_that_are_there(described_by: Any, refs: set[str]) -> None:
    decl = infer(described_by()).decl
    fields = decl.entities["letter"].fields
    assert {name for name, field in fields.items() if field.to == "stamp"} == refs
    assert fields["box_ids"].type == fields["stamps"].type == "string"  # no such collection; not said to be ids
    with World.build([declared(decl).app()], seed=3, start_ms=1_717_243_200_000, step_ms=1000, persons=4) as within:

        def call(operation: str, **arguments: Json) -> Any:
            return within.call(f"depotv1_{operation}", arguments).result

        letters, stamps = call("letters_list").data, call("stamps_list").data
        letters, stamps = (one if isinstance(one, list) else next(iter(one.values())) for one in (letters, stamps))
        there = {stamp["id"] for stamp in stamps}
        held = {id for letter in letters for id in letter.get("stampIds", ())}
        assert held
        assert held <= there
        some = sorted(there)[:2]
        made = call("letters_create", resource={"text": "Hi", "stampIds": some, "boxIds": ["any"]}).data
        assert (made["stampIds"], made["boxIds"]) == (some, ["any"])
        assert call("letters_create", resource={"text": "Hi", "stampIds": ["nope"]}).error == "invalid"
        call("stamps_delete", id=some[0])
        assert call("letters_get", id=made["id"]).data["stampIds"] == some[1:]


def test_a_verb_adds_and_takes_ids_of_rows_that_are_there_and_a_list_is_filtered_by_them() -> None:
    found = prove(infer(by_google()).decl, document=by_google())
    assert {one.operation: one.verdict for one in found.methods} == {
        one.operation: "stateful" for one in found.methods
    }, [(one.operation, check) for one in found.methods for check in one.checks if not check.ok]
    modify = infer(by_google()).decl.operations["letters_modify"]
    assert {name: (param.type, param.to) for name, param in modify.params.items() if param.role == "input"} == {
        "add_stamp_ids": ("ref", "stamp"), "remove_stamp_ids": ("ref", "stamp"),
    }  # fmt: skip
