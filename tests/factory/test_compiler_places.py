"""What the proof asks for lies where the operation looks: of small descriptions, all of it is proven."""

from __future__ import annotations

import json
from typing import Any

import proof_apps
from discovered import TEXT, described, failures, listed, method, nested, proven

from app_clones.declared.engine import declared
from app_clones.declared.model import AppDecl
from factory.compiler import discovery
from factory.compiler.infer import infer
from factory.compiler.proof_rows import insert_row
from factory.compiler.proof_subject import Subject
from factory.compiler.prove import prove

Json = Any

NAME = r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?"


PLACE, CRATE = "^projects/[^/]+/locations/global$", "^projects/[^/]+/locations/global/crates/[^/]+$"
CRATES = {
    "create": method("depot.projects.locations.global.crates.create", "POST", "v1/{+parent}/crates",
                     {"parent": PLACE}, query=["crateId"], request="Crate", response="Crate"),
    "list": method("depot.projects.locations.global.crates.list", "GET", "v1/{+parent}/crates", {"parent": PLACE},
                   query=["pageToken"], response="Crates"),
    "get": method("depot.projects.locations.global.crates.get", "GET", "v1/{+name}", {"name": CRATE}, response="Crate"),
    "patch": method("depot.projects.locations.global.crates.patch", "PATCH", "v1/{+name}", {"name": CRATE},
                    request="Crate", response="Crate"),
    "delete": method("depot.projects.locations.global.crates.delete", "DELETE", "v1/{+name}", {"name": CRATE},
                     response="Empty"),
}  # fmt: skip
LOCATIONS = {
    "list": method("depot.projects.locations.list", "GET", "v1/{+name}/locations", {"name": "^projects/[^/]+$"},
                   response="Locations"),
    "get": method("depot.projects.locations.get", "GET", "v1/{+name}", {"name": "^projects/[^/]+/locations/[^/]+$"},
                  response="Location"),
}  # fmt: skip


def test_what_lies_under_an_id_that_the_path_spells_out_is_made_and_found_there_by_googles_client_too() -> None:
    """``global`` is also a word of Python's, which the client writes otherwise."""
    document = described(
        {"projects": {"resources": {"locations": {
            "methods": LOCATIONS, "resources": {"global": {"resources": {"crates": {"methods": CRATES}}}},
        }}}},
        {
            "Crate": {"name": TEXT, "label": TEXT, "weight": {"type": "integer", "format": "int32"}},
            "Crates": {"crates": {"type": "array", "items": {"$ref": "Crate"}}, "nextPageToken": TEXT},
            "Location": {"name": TEXT, "displayName": TEXT},
            "Locations": {"locations": {"type": "array", "items": {"$ref": "Location"}}},
            "Empty": {},
        },
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert {one.verdict for one in found.methods} == {"stateful"}
    assert [one.ok for one in found.client] == [True]


def test_ids_that_the_service_gives_meet_the_pattern_that_the_document_has_for_them() -> None:
    path = "projects/{project}/boxes"
    document = described(
        {"boxes": {"methods": {
            "list": method("depot.boxes.list", "GET", path, {"project": ""}, query=["pageToken"], response="Boxes"),
            "get": method("depot.boxes.get", "GET", f"{path}/{{box}}", {"project": "", "box": ""}, response="Box"),
            "insert": method("depot.boxes.insert", "POST", path, {"project": ""}, request="Box", response="Box"),
        }}},
        {
            "Box": {"name": {"type": "string", "pattern": NAME}, "label": TEXT},
            "Boxes": {"items": {"type": "array", "items": {"$ref": "Box"}}, "kind": TEXT, "nextPageToken": TEXT},
        },
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert {one.verdict for one in found.methods} == {"stateful"}


def changed(**operations: Json) -> dict[str, Json]:
    data: dict[str, Json] = json.loads(json.dumps(proof_apps.SHELF))
    data["operations"] |= operations
    return data


def test_a_copy_is_looked_at_and_not_what_it_was_made_of() -> None:
    copy = {
        "kind": "custom", "entity": "book", "http": {"verb": "POST", "path": "{+name}:copy"}, "copy_row": True,
        "params": {"name": proof_apps.NAME, "book": proof_apps.BOOK}, "result": {"schema_name": "Book"},
    }  # fmt: skip
    found = prove(AppDecl.model_validate(changed(books_copy=copy)), operations=["books_copy"])
    assert failures(found) == []
    assert found.methods[0].verdict == "stateful"


def test_a_row_is_freed_of_what_holds_back_the_rows_that_go_with_it() -> None:
    name = {**proof_apps.NAME, "entity": "library", "pattern": "^libraries/[^/]+$"}
    delete = {
        "kind": "delete", "entity": "library", "http": {"verb": "DELETE", "path": "{+name}"},
        "params": {"name": name}, "result": {"shape": "empty"},
    }  # fmt: skip
    data = changed(libraries_delete=delete)
    data["entities"]["book"]["fields"]["library"]["on_delete"] = "cascade"  # its notes still restrict
    found = prove(AppDecl.model_validate(data), operations=["libraries_delete"])
    assert failures(found) == []
    assert found.methods[0].verdict == "stateful"


def test_what_a_description_says_is_always_there_is_a_constant() -> None:
    kind = {"type": "string", "description": "Identifies this kind of resource. Value is always depot#box."}
    path = "projects/{project}/boxes"
    document = described(
        {"boxes": {"methods": {
            "get": method("depot.boxes.get", "GET", f"{path}/{{box}}", {"project": "", "box": ""}, response="Box"),
        }}},
        {"Box": {"kind": kind, "name": TEXT, "label": TEXT}},
    )  # fmt: skip
    assert infer(discovery.parse(document, "0" * 64)).decl.entities["box"].constants == {"kind": "depot#box"}


def test_a_path_that_two_patterns_take_leads_to_the_one_that_answers_the_verb() -> None:
    """A get of ``books/b1`` and a delete of ``books/…``, however long: Google has such for long-running operations."""
    delete = {
        "kind": "delete", "entity": "book", "http": {"verb": "DELETE", "path": "{+name}"},
        "params": {"name": {**proof_apps.NAME, "pattern": "^libraries/.*$"}}, "result": {"shape": "empty"},
    }  # fmt: skip
    found = prove(AppDecl.model_validate(changed(books_delete=delete)), operations=["books_delete", "books_get"])
    assert failures(found) == []
    assert {one.verdict for one in found.methods} == {"stateful"}


def test_a_name_that_ends_in_a_word_of_no_row_names_the_row_before_it_and_googles_client_says_it_whole() -> None:
    """``projects/x/guards`` says under what modules lie; ``projects/x/modules`` is what a list of modules may take."""
    module = "^projects/[^/]+/guards/modules/[^/]+$"
    document = described(
        {"projects": {"methods": {
            "get": method("depot.projects.get", "GET", "v1/{+name}", {"name": "^projects/[^/]+$"}, response="Project"),
            "create": method("depot.projects.create", "POST", "v1/projects", {}, request="Project", response="Project"),
        }, "resources": {"guards": {"resources": {"modules": {"methods": {
            "create": method("depot.projects.guards.modules.create", "POST", "v1/{+parent}/modules",
                             {"parent": "^projects/[^/]+/guards$"}, request="Module", response="Module"),
            "list": method("depot.projects.guards.modules.list", "GET", "v1/{+name}",
                           {"name": "^projects/[^/]+/guards/modules$"}, query=["pageToken"], response="Modules"),
            "get": method("depot.projects.guards.modules.get", "GET", "v1/{+name}", {"name": module},
                          response="Module"),
            "patch": method("depot.projects.guards.modules.patch", "PATCH", "v1/{+name}", {"name": module},
                            request="Module", response="Module"),
            "delete": method("depot.projects.guards.modules.delete", "DELETE", "v1/{+name}", {"name": module},
                             response="Empty"),
        }}}}}}},
        {
            "Project": {"name": TEXT, "displayName": TEXT},
            "Module": {"name": TEXT, "label": TEXT},
            "Modules": {"modules": {"type": "array", "items": {"$ref": "Module"}}, "nextPageToken": TEXT},
            "Empty": {},
        },
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert [(one.name, one.ok) for one in found.client] == [("module", True)]


def test_a_list_whose_name_ends_in_the_lists_own_word_answers_what_lies_under_the_row_before_it() -> None:
    crate = "^projects/[^/]+/crates/[^/]+$"
    document = described(
        {"projects": {"methods": {
            "get": method("depot.projects.get", "GET", "v1/{+name}", {"name": "^projects/[^/]+$"}, response="Project"),
            "create": method("depot.projects.create", "POST", "v1/projects", {}, request="Project", response="Project"),
        }, "resources": {"crates": {"methods": {
            "list": method("depot.projects.crates.list", "GET", "v1/{+name}", {"name": "^projects/[^/]+/crates$"},
                           query=["pageToken"], response="Crates"),
            "get": method("depot.projects.crates.get", "GET", "v1/{+name}", {"name": crate}, response="Crate"),
        }}}}},
        {
            "Project": {"name": TEXT, "displayName": TEXT},
            "Crate": {"name": TEXT, "label": TEXT},
            "Crates": {"crates": {"type": "array", "items": {"$ref": "Crate"}}, "nextPageToken": TEXT},
        },
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert {check.name for one in found.methods if one.operation.endswith("list") for check in one.checks} >= {
        "other_parents"
    }


def test_an_id_that_is_a_number_is_not_told_where_the_document_wants_text() -> None:
    number = {"type": "integer", "format": "int32"}
    document = described(
        {"depots": {"methods": {
            "get": method("depot.depots.get", "GET", "depots/{depotId}", {"depotId": ""}, response="Depot"),
            "list": method("depot.depots.list", "GET", "depots", {}, response="Depots"),
        }}, "crates": {"methods": {
            "get": method("depot.crates.get", "GET", "depots/{depotId}/crates/{id}", {"depotId": "", "id": ""},
                          response="Crate"),
        }}},
        {
            "Depot": {"depotId": number, "label": TEXT},
            "Depots": {"depots": {"type": "array", "items": {"$ref": "Depot"}}},
            "Crate": {"id": TEXT, "label": TEXT, "depotId": {"type": "string", "format": "int64"}},
        },
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert found.totals()["responses_valid"] == found.totals()["responses"]


def test_a_row_that_the_proof_makes_two_steps_below_another_lies_there():
    """As a list of all privileges of a customer asks, of whom it names no role."""
    rack = "projects/{project}/racks/{rack}"
    document = described(
        nested(
            method("depot.racks.crates.get", "GET", f"{rack}/crates/{{crate}}",
                   {"project": "", "rack": "", "crate": ""}, response="Crate"),
        ),
        {"Crate": {"id": TEXT, "label": TEXT}},
    )  # fmt: skip
    ready = declared(infer(discovery.parse(document, "0" * 64)).decl)
    with Subject(ready, ready.app(), None, 0).stage() as stage:
        for project in stage.rows("project"):
            made = insert_row(stage, "crate", {"project": project})
            assert made is not None
            assert stage.chain("crate", made)["project"]["id"] == project["id"]


def test_an_update_that_may_make_what_is_missing_is_told_what_only_a_new_row_may_be():
    parent, own = "^projects/[^/]+$", "^projects/[^/]+/crates/[^/]+$"
    document = described(
        nested(
            method("depot.projects.crates.create", "POST", "v1/{+parent}/crates", {"parent": parent},
                   query=["crateId"], request="Crate", response="Crate"),
            method("depot.projects.crates.get", "GET", "v1/{+name}", {"name": own}, response="Crate"),
            method("depot.projects.crates.patch", "PATCH", "v1/{+name}", {"name": own}, query=["allowMissing"],
                   request="Crate", response="Crate"),
        ),
        {"Crate": {"name": TEXT, "label": TEXT, "kind_": {**TEXT, "description": "Required. Immutable. What it is."}}},
    )  # fmt: skip
    patch = document["resources"]["projects"]["resources"]["crates"]["methods"]["patch"]
    patch["parameters"]["allowMissing"]["type"] = "boolean"
    found = proven(document)
    assert failures(found) == []
    ran = {check.name for one in found.methods if one.origin.endswith("patch") for check in one.checks}
    assert "allow_missing" in ran


def test_a_row_without_an_id_that_is_shown_is_told_by_what_is_shown_of_it():
    """One of its properties can be written and is never answered."""
    document = described(
        nested(
            method("depot.rules.insert", "POST", "tables/{table}/rules", {"table": ""}, request="Rule",
                   response="Rule"),
            method("depot.rules.list", "GET", "tables/{table}/rules", {"table": ""}, query=["pageToken"],
                   response="Rules"),
        ),
        {
            "Rule": {"label": TEXT, "secret": {**TEXT, "description": "Input only. Who is let in."}},
            "Rules": listed("Rule", "rules"),
        },
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert infer(discovery.parse(document, "0" * 64)).decl.entities["rule"].fields["secret"].hidden
