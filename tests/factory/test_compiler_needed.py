"""What a method is asked and what its rows tell say how far it goes: done, recorded or refused, never ignored."""

from __future__ import annotations

from typing import Any

from discovered import TEXT, described, failures, listed, method, nested, proven, verdicts

from factory.compiler import discovery
from factory.compiler.infer import infer

Json = Any

PROJECT = "projects/{project}"
BOX = {"name": TEXT, "label": TEXT, "owner": {**TEXT, "readOnly": True}}


def boxes(*more: Json, schemas: dict[str, Json] | None = None) -> Json:
    """A document of boxes in projects, which can be got, and ``more``."""
    get = method("depot.boxes.get", "GET", f"{PROJECT}/boxes/{{box}}", {"project": "", "box": ""}, response="Box")
    return described(nested(get, *more), {"Box": dict(BOX), "Empty": {}, **(schemas or {})})


def reasons(document: Json) -> dict[str, str]:
    """Why methods are refused, by their ids."""
    decl = infer(discovery.parse(document, "0" * 64)).decl
    return {one.origin: one.reason for one in decl.operations.values() if one.kind == "refused"}


def test_what_a_new_row_must_be_told_in_the_query_is_written_where_it_is_a_property_and_kept_where_it_is_none() -> None:
    document = boxes(
        method("depot.boxes.insert", "POST", f"{PROJECT}/boxes", {"project": ""}, needed=["owner", "method"],
               request="Box", response="Box"),
        method("depot.boxes.list", "GET", f"{PROJECT}/boxes", {"project": ""}, query=["pageToken"], response="Boxes"),
        method("depot.boxes.update", "PUT", f"{PROJECT}/boxes/{{box}}", {"project": "", "box": ""}, request="Box",
               response="Box"),
        method("depot.boxes.delete", "DELETE", f"{PROJECT}/boxes/{{box}}", {"project": "", "box": ""}),
        schemas={"Boxes": listed("Box", "items")},
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert verdicts(found)["depot.boxes.insert"] == "stateful"
    ran = {check.name for one in found.methods if one.origin == "depot.boxes.insert" for check in one.checks}
    assert {"read_back", "recorded"} <= ran
    assert [(one.name, one.ok) for one in found.client] == [("box", True)]


def test_what_a_recorded_call_must_be_told_is_asked_for() -> None:
    document = boxes(
        method("depot.boxes.haul", "POST", f"{PROJECT}/boxes/{{box}}/haul", {"project": "", "box": ""},
               needed=["destination"], query=["pace"], response="Empty"),
    )  # fmt: skip
    asked = infer(discovery.parse(document, "0" * 64)).decl.operations["boxes_haul"]
    assert asked.kind == "record"
    assert {name for name, param in asked.params.items() if param.role == "input" and param.required} == {"destination"}
    found = proven(document)
    assert failures(found) == []
    assert verdicts(found)["depot.boxes.haul"] == "recorded"


def moving(about: str) -> Json:
    """Boxes in projects, and a method that moves one; ``about``: what is said of where to."""
    move = method("depot.boxes.move", "POST", f"{PROJECT}/boxes/{{box}}/move", {"project": "", "box": ""},
                  needed=["destination"], response="Box")  # fmt: skip
    move["parameters"]["destination"]["description"] = about
    return boxes(
        move,
        method("depot.boxes.list", "GET", f"{PROJECT}/boxes", {"project": ""}, query=["pageToken"], response="Boxes"),
        method("depot.projects.get", "GET", PROJECT, {"project": ""}, response="Project"),
        schemas={"Boxes": listed("Box", "items"), "Project": {"name": TEXT, "motto": TEXT}},
    )


def test_a_row_is_moved_where_what_must_be_told_names_another_parent() -> None:
    document = moving("The project to which the box goes.")
    moved = infer(discovery.parse(document, "0" * 64)).decl.operations["boxes_move"]
    assert moved.kind == "custom"
    assert list(moved.set.values()) == ["$destination"]
    assert (moved.params["destination"].type, moved.params["destination"].to) == ("ref", "project")
    found = proven(document)
    assert failures(found) == []
    assert verdicts(found)["depot.boxes.move"] == "stateful"


def test_a_row_is_not_moved_where_nothing_says_that_a_parent_is_named() -> None:
    assert infer(discovery.parse(moving("Where to."), "0" * 64)).decl.operations["boxes_move"].kind == "record"


def test_what_is_said_of_a_row_that_is_named_must_be_so() -> None:
    document = boxes(
        method("depot.boxes.delete", "DELETE", f"{PROJECT}/boxes/{{box}}", {"project": "", "box": ""},
               needed=["label"]),
    )  # fmt: skip
    decl = infer(discovery.parse(document, "0" * 64)).decl
    assert decl.operations["boxes_delete"].when == {"label": ("$label",)}
    found = proven(document)
    assert failures(found) == []
    assert set(verdicts(found).values()) == {"stateful"}


def test_a_read_that_needs_what_nothing_here_can_tell_is_refused() -> None:
    path = f"{PROJECT}/boxes/{{box}}/report"
    document = boxes(
        method("depot.boxes.report.get", "GET", path, {"project": "", "box": ""}, needed=["metrics"],
               response="Report"),
        method("depot.changes.list", "GET", "changes", {}, needed=["pageToken"], response="Changes"),
        schemas={
            "Report": {"rows": TEXT}, "Change": {"id": TEXT, "what": TEXT}, "Changes": listed("Change", "changes"),
        },
    )  # fmt: skip
    assert reasons(document) == {
        "depot.boxes.report.get": "it needs metrics, which nothing here can tell",
        "depot.changes.list": "it needs pageToken, which nothing here can tell",
    }
    assert failures(proven(document)) == []


def test_a_list_below_a_row_that_its_rows_have_nothing_to_do_with_is_refused() -> None:
    """Members of a scope, where a member knows of no scope: all of them would be listed for each."""
    project, scope = "^projects/[^/]+$", "^projects/[^/]+/scopes/[^/]+$"
    document = described(
        nested(
            method("depot.projects.scopes.get", "GET", "v1/{+name}", {"name": scope}, response="Scope"),
            method("depot.projects.scopes.patch", "PATCH", "v1/{+name}", {"name": scope}, request="Scope",
                   response="Scope"),
            method("depot.projects.scopes.listMembers", "GET", "v1/{+name}:listMembers", {"name": scope},
                   query=["pageToken"], response="Members"),
            method("depot.projects.members.list", "GET", "v1/{+parent}/members", {"parent": project},
                   query=["pageToken"], response="Members"),
        ),
        {
            "Scope": {"name": TEXT, "label": TEXT}, "Member": {"name": TEXT, "label": TEXT},
            "Members": listed("Member", "members"),
        },
    )  # fmt: skip
    assert reasons(document) == {
        "depot.projects.scopes.listMembers": "nothing of a member tells which scope it belongs to"
    }
    assert failures(proven(document)) == []


def test_a_get_of_what_has_but_its_name_is_refused_unless_it_comes_and_goes() -> None:
    document = described(
        nested(
            method("depot.keys.get", "GET", "keys/{key}", {"key": ""}, response="Key"),
            method("depot.topics.get", "GET", "topics/{topic}", {"topic": ""}, response="Topic"),
            method("depot.topics.delete", "DELETE", "topics/{topic}", {"topic": ""}, response="Empty"),
        ),
        {"Key": {"key": TEXT}, "Topic": {"topic": TEXT}, "Empty": {}},
    )
    assert reasons(document) == {"depot.keys.get": "it answers nothing but the name that it is asked by"}
    found = proven(document)
    assert failures(found) == []
    assert verdicts(found)["depot.topics.get"] == "stateful"


def test_an_update_of_what_only_the_service_writes_is_recorded() -> None:
    seen = {"name": TEXT, "count": {"type": "integer", "readOnly": True}}
    document = described(
        nested(
            method("depot.issues.get", "GET", "issues/{issue}", {"issue": ""}, response="Issue"),
            method("depot.issues.patch", "PATCH", "issues/{issue}", {"issue": ""}, query=["updateMask"],
                   request="Issue", response="Issue"),
        ),
        {"Issue": seen},
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert verdicts(found) == {"depot.issues.get": "stateful", "depot.issues.patch": "recorded"}


def test_a_get_that_moves_something_is_refused() -> None:
    document = boxes(
        method("depot.boxes.move", "GET", f"{PROJECT}/boxes/{{box}}:move", {"project": "", "box": ""}, response="Box")
    )
    assert reasons(document) == {"depot.boxes.move": "it would change something, and a GET changes nothing"}


def test_a_list_of_lists_is_no_list_of_rows() -> None:
    document = described(
        nested(
            method("depot.texts.detect", "POST", "detect", {}, request="Asked", response="Found"),
            method("depot.texts.detections", "GET", "detect", {}, needed=["q"], response="Found"),
            method("depot.texts.get", "GET", "texts/{id}", {"id": ""}, response="Text"),
        ),
        {
            "Text": {"id": TEXT, "label": TEXT},
            "Asked": {"q": TEXT},
            "Found": {"detections": {"type": "array", "items": {"$ref": "Guess"}}},
        },
    )
    document["schemas"]["Guess"] = {"id": "Guess", "type": "array", "items": {"type": "object", "properties": {}}}
    found = proven(document)
    assert failures(found) == []
    assert found.totals()["responses_valid"] == found.totals()["responses"] > 0


def test_one_thing_that_is_made_got_and_deleted_without_an_id_is_one_to_its_parent_whatever_lies_between() -> None:
    """Settings of a program of an account: the program is one, too, and no request names it."""
    program = "accounts/{account}/program"
    account = method("depot.accounts.get", "GET", "accounts/{account}", {"account": ""}, response="Account")
    document = described(
        nested(
            account,
            {**account, "id": "depot.accounts.update", "httpMethod": "PUT", "request": {"$ref": "Account"}},
            method("depot.program.get", "GET", program, {"account": ""}, response="Program"),
            method("depot.program.settings.get", "GET", f"{program}/settings", {"account": ""}, response="Settings"),
            method("depot.program.settings.insert", "POST", f"{program}/settings", {"account": ""},
                   request="Settings", response="Settings"),
            method("depot.program.settings.delete", "DELETE", f"{program}/settings", {"account": ""}),
            method("depot.program.pages.insert", "POST", f"{program}/pages", {"account": ""}, request="Page",
                   response="Page"),
            method("depot.program.pages.list", "GET", f"{program}/pages", {"account": ""}, query=["pageToken"],
                   response="Pages"),
        ),
        {
            "Account": {"id": TEXT, "label": TEXT}, "Program": {"state": TEXT},
            "Settings": {"template": TEXT, "depth": {"type": "integer"}}, "Page": {"id": TEXT, "label": TEXT},
            "Pages": listed("Page", "pages"),
        },
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert set(verdicts(found).values()) == {"stateful"}


def test_of_two_methods_whose_addresses_overlap_the_call_is_kept_by_the_narrower_and_is_the_same() -> None:
    """As of Google's logging: ``*/*/logs/*`` beside ``projects/*/logs/*``."""

    def deleting(id: str, parent: str) -> Json:
        return method(f"depot.{id}", "POST", "v1/{+name}:scrub", {"name": f"^{parent}/[^/]+/logs/[^/]+$"},
                      request="ScrubRequest", response="Empty")  # fmt: skip

    document = described(
        nested(
            method("depot.projects.logs.list", "GET", "v1/{+parent}/logs", {"parent": "^projects/[^/]+$"},
                   query=["pageToken"], response="Logs"),
            deleting("projects.logs.scrub", "projects"),
            deleting("logs.scrub", "[^/]+"),
        ),
        {
            "Log": {"name": TEXT, "label": TEXT}, "Logs": listed("Log", "logs"), "Empty": {},
            "ScrubRequest": {"depth": {"type": "integer"}},
        },
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert verdicts(found)["depot.logs.scrub"] == "recorded"


def test_what_a_create_says_of_a_row_in_a_message_of_its_own_is_written() -> None:
    document = boxes(
        method("depot.boxes.create", "POST", f"{PROJECT}/boxes", {"project": ""}, request="CreateBox", response="Box"),
        method("depot.boxes.list", "GET", f"{PROJECT}/boxes", {"project": ""}, query=["pageToken"], response="Boxes"),
        schemas={"CreateBox": {"label": TEXT}, "Boxes": listed("Box", "items")},
    )
    found = proven(document)
    assert failures(found) == []
    assert verdicts(found)["depot.boxes.create"] == "stateful"
    told = infer(discovery.parse(document, "0" * 64)).decl.operations["boxes_create"].params["label"]
    assert (told.role, told.field) == ("field", "label")


def test_a_policy_beside_a_property_that_is_called_so_is_answered_as_the_policy_that_it_is() -> None:
    """An answer that held the property would not meet the document."""
    own, policy = {"project": "", "box": ""}, {"bindings": {"type": "array", "items": TEXT}, "etag": TEXT}
    document = boxes(
        method("depot.boxes.patch", "PATCH", f"{PROJECT}/boxes/{{box}}", own, request="Box", response="Box"),
        method("depot.boxes.getIamPolicy", "GET", f"{PROJECT}/boxes/{{box}}:getIamPolicy", own, response="Policy"),
        method("depot.boxes.setIamPolicy", "POST", f"{PROJECT}/boxes/{{box}}:setIamPolicy", own, request="SetPolicy",
               response="Policy"),
        schemas={"Policy": policy, "SetPolicy": {"policy": {"$ref": "Policy"}}, "Told": {"status": TEXT}},
    )  # fmt: skip
    document["schemas"]["Box"]["properties"]["iamPolicy"] = {"$ref": "Told"}
    found = proven(document)
    assert failures(found) == []
    assert found.totals()["responses_valid"] == found.totals()["responses"] > 0
    assert set(verdicts(found).values()) == {"stateful"}


def test_one_thing_that_nothing_says_whose_it_is_is_refused() -> None:
    document = described(
        nested(
            method("depot.players.get", "GET", "players/{player}", {"player": ""}, response="Player"),
            method("depot.players.getKeys", "GET", "players/mine/keys", {}, response="Keys"),
        ),
        {"Player": {"id": TEXT, "label": TEXT}, "Keys": {"secret": TEXT}},
    )
    assert reasons(document) == {"depot.players.getKeys": "nothing says whose keys is meant"}


def test_a_filter_that_takes_words_of_its_own_is_no_expression() -> None:
    document = boxes(
        method("depot.boxes.list", "GET", f"{PROJECT}/boxes", {"project": ""}, query=["filter"], response="Boxes"),
        schemas={"Boxes": listed("Box", "items")},
    )
    words = {"type": "string", "enum": ["big", "small"], "repeated": True, "location": "query"}
    document["resources"]["boxes"]["methods"]["list"]["parameters"]["filter"] = words
    assert infer(discovery.parse(document, "0" * 64)).decl.operations["boxes_list"].params["filter"].role == "refused"
    assert failures(proven(document)) == []
