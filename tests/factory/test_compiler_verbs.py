"""Verbs beyond the standard ones: what they evidently make, and what they evidently touch."""

from __future__ import annotations

import json
from typing import Any

import pytest
from discovered import TEXT, described, method, nested

from app_clones.declared.engine import declared
from app_clones.kit.protocol import ToolResult
from app_clones.kit.world import World
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


def finds() -> ApiDoc:
    """Things that are marked, and undone: a state within a property, a time that is taken back, an etag in the body."""
    one, path = {"name": "^finds/[^/]+$"}, "v1/{+name}"
    state = {"type": "string", "enum": ["STATE_UNSPECIFIED", "ACTIVE", "CLAIMED"], "description": "The state."}
    note = {**TEXT, "description": "What is said of the state."}
    schemas = {
        "Find": {"name": {**TEXT, "readOnly": True}, "text": TEXT, "etag": TEXT, "stateInfo": {"$ref": "StateInfo"},
                 "hideTime": {"type": "string", "format": "google-datetime"}},
        "StateInfo": {"state": state, "stateNote": note},
        "Finds": {"finds": {"type": "array", "items": {"$ref": "Find"}}},
        "Claim": {"etag": TEXT, "stateNote": note},
    }  # fmt: skip
    methods = [
        method("depot.finds.list", "GET", "v1/finds", {}, response="Finds"),
        method("depot.finds.get", "GET", path, one, response="Find"),
        method("depot.finds.create", "POST", "v1/finds", {}, request="Find", response="Find"),
        method("depot.finds.markClaimed", "POST", f"{path}:markClaimed", one, request="Claim", response="Find"),
        method("depot.finds.unhide", "POST", f"{path}:unhide", one, response="Find"),
    ]
    return discovery.parse(described(nested(*methods), schemas), "0" * 64)


def test_a_mark_is_made_in_what_tells_of_the_state_and_what_is_undone_was_never_done() -> None:
    operations = infer(finds()).decl.operations
    claimed = operations["finds_mark_claimed"]
    assert claimed.set == {"state_info": {"state": "CLAIMED", "stateNote": "$state_note"}}
    assert claimed.params["etag"].role == "etag"
    assert not claimed.record
    assert operations["finds_unhide"].set == {"hide_time": None}
    found = {one.operation: one for one in proven(finds()).methods}
    for name in ("finds_mark_claimed", "finds_unhide"):
        assert found[name].verdict == "stateful", found[name]


def batches() -> ApiDoc:
    """Letters that are changed and deleted several at once."""
    one = {"id": ""}
    schemas = {
        "Letter": LETTER,
        "Letters": {"letters": {"type": "array", "items": {"$ref": "Letter"}}},
        "Several": {"ids": {"type": "array", "items": TEXT}},
        "Change": {"letterIds": {"type": "array", "items": TEXT}, **CHANGE},
    }
    methods = [
        method("depot.letters.list", "GET", "v1/letters", {}, response="Letters"),
        method("depot.letters.get", "GET", "v1/letters/{id}", one, response="Letter"),
        method("depot.letters.create", "POST", "v1/letters", {}, request="Letter", response="Letter"),
        method("depot.letters.batchDelete", "POST", "v1/letters:batchDelete", {}, request="Several"),
        method("depot.letters.batchModify", "POST", "v1/letters:batchModify", {}, request="Change"),
        method("depot.letters.batchUnpin", "POST", "v1/letters:batchUnpin", {}, request="Several"),
    ]
    return discovery.parse(described(nested(*methods), schemas), "0" * 64)


def test_what_is_done_to_a_list_of_rows_is_done_to_each() -> None:
    decl = infer(batches()).decl
    assert decl.operations["letters_batch_delete"].kind == "delete"
    assert decl.operations["letters_batch_modify"].append == {"stamp_ids": "$add_stamp_ids"}
    assert decl.operations["letters_batch_unpin"].set == {"pinned": False}
    for one in proven(batches()).methods:
        assert one.verdict == "stateful", one


def test_of_several_rows_all_or_none_are_touched() -> None:
    ready = declared(infer(batches()).decl)
    with World.build([ready.app()], seed=1, start_ms=0, step_ms=1000, persons=1) as world:

        def call(tool: str, **arguments: Json) -> ToolResult:
            return world.call(f"depotv1_{tool}", arguments).result

        ids = [call("letters_create", resource={"text": text, "pinned": True}).data["id"] for text in "abc"]
        assert call("letters_batch_delete", ids=[ids[0], "nobody"]).error == "not_found"
        assert call("letters_get", id=ids[0]).error is None
        assert call("letters_batch_delete", ids=[ids[0], ids[1], ids[0]]).error is None
        assert [call("letters_get", id=id).error for id in ids] == ["not_found", "not_found", None]
        assert call("letters_batch_modify", letter_ids=[ids[2]], add_stamp_ids=["x"]).error is None
        assert call("letters_batch_unpin", ids=[ids[2]]).error is None
        left = call("letters_get", id=ids[2]).data
        assert (left["stampIds"][-1], left["pinned"]) == ("x", False)
        world.check()


def bin_of_letters() -> ApiDoc:
    """Letters that go to the bin, which can be emptied."""
    one, letter = {"id": ""}, {**LETTER, "trashed": {"type": "boolean"}}
    schemas = {"Letter": letter, "Letters": {"letters": {"type": "array", "items": {"$ref": "Letter"}}}}
    methods = [
        method("depot.letters.list", "GET", "v1/letters", {}, response="Letters"),
        method("depot.letters.get", "GET", "v1/letters/{id}", one, response="Letter"),
        method("depot.letters.create", "POST", "v1/letters", {}, request="Letter", response="Letter"),
        method("depot.letters.emptyTrash", "DELETE", "v1/letters/trash", {}, query=("shelf",)),
    ]
    return discovery.parse(described(nested(*methods), schemas), "0" * 64)


def test_the_trash_is_emptied_of_what_was_put_there_and_of_nothing_else() -> None:
    decl = infer(bin_of_letters()).decl
    found = {one.operation: one for one in proven(bin_of_letters()).methods}
    assert found["letters_empty_trash"].verdict == "stateful", found["letters_empty_trash"]
    with World.build([declared(decl).app()], seed=1, start_ms=0, step_ms=1000, persons=1) as world:
        before = world.call("depotv1_letters_list", {}).result.data["letters"]
        assert world.call("depotv1_letters_empty_trash", {"shelf": "x"}).result.error == "invalid"
        assert world.call("depotv1_letters_empty_trash", {}).result.error is None
        after = world.call("depotv1_letters_list", {}).result.data["letters"]
        assert after == [one for one in before if not one.get("trashed")]
        assert 0 < len(after) < len(before)
        world.check()
