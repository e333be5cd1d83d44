"""Resource names of every form that descriptions have: what is proven of small ones is all of it."""

from __future__ import annotations

from discovered import TEXT, described, failures, listed, method, nested, proven, verdicts

from app_clones.declared.engine import declared
from app_clones.kit.world import World
from factory.compiler import discovery
from factory.compiler.infer import infer

LABELLED = {"name": TEXT, "label": TEXT}
STATEFUL = {"stateful"}


def test_an_id_that_no_word_goes_before_is_part_of_a_name():
    """As of Google's IAM: ``policies/POINT/KIND/ID``, of which the last alone is a row with matter of its own."""
    above, own = "^policies/[^/]+/[^/]+$", "^policies/[^/]+/[^/]+/[^/]+$"
    document = described(
        nested(
            method("depot.policies.createPolicy", "POST", "v1/{+parent}", {"parent": above}, query=["policyId"],
                   request="Policy", response="Policy"),
            method("depot.policies.listPolicies", "GET", "v1/{+parent}", {"parent": above}, query=["pageToken"],
                   response="Policies"),
            method("depot.policies.get", "GET", "v1/{+name}", {"name": own}, response="Policy"),
            method("depot.policies.update", "PUT", "v1/{+name}", {"name": own}, request="Policy", response="Policy"),
            method("depot.policies.delete", "DELETE", "v1/{+name}", {"name": own}, response="Empty"),
        ),
        {"Policy": LABELLED, "Policies": listed("Policy", "policies"), "Empty": {}},
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert set(verdicts(found).values()) == STATEFUL
    assert [one.ok for one in found.client] == [True]


def test_a_name_that_begins_below_another_row_leads_to_what_lies_there_and_googles_client_says_it_whole():
    """As of DICOM's paths: ``{+parent}/web/{+webPath}``, the second as ``studies/X/series/Y``."""
    store = "^projects/[^/]+/stores/[^/]+$"

    def at(id: str, verb: str, path: str, **more: object) -> object:
        return method(f"depot.projects.stores.{id}", verb, "v1/{+parent}/web/{+webPath}",
                      {"parent": store, "webPath": path}, **more)  # fmt: skip

    document = described(
        nested(
            method("depot.projects.stores.get", "GET", "v1/{+name}", {"name": store}, response="Store"),
            method("depot.projects.stores.patch", "PATCH", "v1/{+name}", {"name": store}, request="Store",
                   response="Store"),
            at("studies.create", "POST", "^studies$", request="Study", response="Study"),
            at("studies.list", "GET", "^studies$", response="Studies", query=["pageToken"]),
            at("studies.get", "GET", "^studies/[^/]+$", response="Study"),
            at("studies.patch", "PATCH", "^studies/[^/]+$", request="Study", response="Study"),
            at("studies.delete", "DELETE", "^studies/[^/]+$", response="Empty"),
            at("studies.series.list", "GET", "^studies/[^/]+/series$", response="SeriesPage", query=["pageToken"]),
            at("studies.series.get", "GET", "^studies/[^/]+/series/[^/]+$", response="Series"),
        ),
        {
            "Store": LABELLED, "Study": {"id": TEXT, "label": TEXT}, "Studies": listed("Study", "studies"),
            "Series": {"id": TEXT, "modality": TEXT}, "SeriesPage": listed("Series", "series"), "Empty": {},
        },
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert set(verdicts(found).values()) == STATEFUL
    assert [(one.name, one.ok) for one in found.client] == [("study", True)]


def test_a_verb_on_a_word_of_no_row_is_about_what_lies_at_the_row_before_it():
    document = described(
        nested(
            method("depot.projects.get", "GET", "v1/{+name}", {"name": "^projects/[^/]+$"}, response="Project"),
            method("depot.projects.create", "POST", "v1/projects", {}, request="Project", response="Project"),
            method("depot.projects.settings.warm", "POST", "v1/{+name}:warm", {"name": "^projects/[^/]+/settings$"},
                   request="WarmRequest", response="Empty"),
        ),
        {"Project": LABELLED, "WarmRequest": {"depth": {"type": "integer"}}, "Empty": {}},
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert verdicts(found)["depot.projects.settings.warm"] == "recorded"


def test_a_create_whose_parent_ends_in_the_word_of_what_is_made_makes_it_under_the_row_before():
    task, own = "^tasks/[^/]+$", "^tasks/[^/]+/hooks/[^/]+$"
    document = described(
        nested(
            method("depot.tasks.get", "GET", "v1/{+name}", {"name": task}, response="Task"),
            method("depot.tasks.patch", "PATCH", "v1/{+name}", {"name": task}, request="Task", response="Task"),
            method("depot.tasks.hooks.create", "POST", "v1/{+parent}", {"parent": "^tasks/[^/]+/hooks$"},
                   request="Hook", response="Hook"),
            method("depot.tasks.hooks.list", "GET", "v1/{+parent}/hooks", {"parent": task}, query=["pageToken"],
                   response="Hooks"),
            method("depot.tasks.hooks.get", "GET", "v1/{+name}", {"name": own}, response="Hook"),
            method("depot.tasks.hooks.patch", "PATCH", "v1/{+name}", {"name": own}, request="Hook", response="Hook"),
            method("depot.tasks.hooks.delete", "DELETE", "v1/{+name}", {"name": own}, response="Empty"),
        ),
        {"Task": LABELLED, "Hook": LABELLED, "Hooks": listed("Hook", "hooks"), "Empty": {}},
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert set(verdicts(found).values()) == STATEFUL
    assert [(one.name, one.ok) for one in found.client] == [("hook", True)]


def test_a_number_is_the_last_part_of_a_whole_name():
    subject, version = "^subjects/[^/]+$", "^subjects/[^/]+/versions/[^/]+$"
    document = described(
        nested(
            method("depot.subjects.get", "GET", "v1/{+name}", {"name": subject}, response="Subject"),
            method("depot.subjects.patch", "PATCH", "v1/{+name}", {"name": subject}, request="Subject",
                   response="Subject"),
            method("depot.subjects.versions.get", "GET", "v1/{+name}", {"name": version}, response="Version"),
            method("depot.subjects.versions.delete", "DELETE", "v1/{+name}", {"name": version}, response="Empty"),
        ),
        {
            "Subject": LABELLED, "Version": {"id": {"type": "integer", "format": "int32"}, "schema": TEXT},
            "Empty": {},
        },
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert set(verdicts(found).values()) == STATEFUL


def test_operations_are_listed_where_the_path_spells_an_id_out():
    place, own = "^projects/[^/]+/locations/global$", "^projects/[^/]+/locations/global/operations/[^/]+$"
    near = "^projects/[^/]+/locations/[^/]+$"
    document = described(
        nested(
            method("depot.projects.locations.get", "GET", "v1/{+name}", {"name": near}, response="Location"),
            method("depot.projects.locations.list", "GET", "v1/{+name}/locations", {"name": "^projects/[^/]+$"},
                   response="Locations", query=["pageToken"]),
            method("depot.projects.locations.global.operations.list", "GET", "v1/{+name}/operations", {"name": place},
                   response="Operations", query=["pageToken"]),
            method("depot.projects.locations.global.operations.get", "GET", "v1/{+name}", {"name": own},
                   response="Operation"),
        ),
        {
            "Location": {"name": TEXT, "displayName": TEXT}, "Locations": listed("Location", "locations"),
            "Operation": {"name": TEXT, "done": {"type": "boolean"}, "response": {"type": "object"}},
            "Operations": listed("Operation", "operations"),
        },
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert set(verdicts(found).values()) == STATEFUL


OPERATION = {"name": TEXT, "done": {"type": "boolean"}, "response": {"type": "object"}}


def test_operations_below_the_word_of_what_they_are_about_are_begun_listed_and_got_there():
    """As of Display & Video: what ``tasks`` begins is ``tasks/operations/X``, and a client asks for it by that name."""
    site, engine = "^engines/[^/]+/sites/[^/]+$", "^engines/[^/]+$"
    document = described(
        nested(
            method("depot.engines.get", "GET", "v1/{+name}", {"name": engine}, response="Engine"),
            method("depot.engines.patch", "PATCH", "v1/{+name}", {"name": engine}, request="Engine", response="Engine"),
            method("depot.engines.sites.list", "GET", "v1/{+parent}/sites", {"parent": engine}, query=["pageToken"],
                   response="Sites"),
            method("depot.engines.sites.get", "GET", "v1/{+name}", {"name": site}, response="Site"),
            method("depot.engines.sites.patch", "PATCH", "v1/{+name}", {"name": site}, request="Site",
                   response="Operation"),
            method("depot.engines.sites.operations.list", "GET", "v1/{+name}/operations",
                   {"name": "^engines/[^/]+/sites$"}, query=["pageToken"], response="Operations"),
            method("depot.engines.sites.operations.get", "GET", "v1/{+name}",
                   {"name": "^engines/[^/]+/sites/operations/[^/]+$"}, response="Operation"),
            method("depot.tasks.create", "POST", "v1/tasks", {}, request="TaskRequest", response="Operation"),
            method("depot.tasks.operations.get", "GET", "v1/{+name}", {"name": "^tasks/operations/[^/]+$"},
                   response="Operation"),
        ),
        {
            "Engine": LABELLED, "Site": LABELLED, "Sites": listed("Site", "sites"), "TaskRequest": {"query": TEXT},
            "Operation": OPERATION, "Operations": listed("Operation", "operations"),
        },
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert set(verdicts(found).values()) == STATEFUL
    ready = declared(infer(discovery.parse(document, "0" * 64)).decl)
    with World.build([ready.app()], seed=1, start_ms=1_767_600_000_000, step_ms=1000, persons=2) as world:
        begun = world.call("depotv1_tasks_create", {"query": "all"}, 1).result.data
        assert begun["name"].startswith("tasks/operations/")
        assert world.call("depotv1_tasks_operations_get", {"name": begun["name"]}, 1).result.data["done"] is False


def test_words_before_a_resource_name_say_no_place():
    """As of Cloud Search: ``settings/{+name}`` and ``{+name}`` with one pattern are of one kind of row."""
    own = "^sources/[^/]+$"
    document = described(
        nested(
            method("depot.settings.sources.create", "POST", "v1/settings/sources", {}, request="Source",
                   response="Source"),
            method("depot.settings.sources.list", "GET", "v1/settings/sources", {}, query=["pageToken"],
                   response="Sources"),
            method("depot.settings.sources.get", "GET", "v1/settings/{+name}", {"name": own}, response="Source"),
            method("depot.settings.sources.patch", "PATCH", "v1/settings/{+name}", {"name": own}, request="Source",
                   response="Source"),
            method("depot.settings.sources.delete", "DELETE", "v1/settings/{+name}", {"name": own}, response="Empty"),
            method("depot.indexing.sources.items.list", "GET", "v1/indexing/{+name}/items", {"name": own},
                   query=["pageToken"], response="Items"),
        ),
        {
            "Source": LABELLED, "Sources": listed("Source", "sources"), "Item": LABELLED,
            "Items": listed("Item", "items"), "Empty": {},
        },
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert set(verdicts(found).values()) == STATEFUL


def test_ids_that_the_service_gives_meet_what_paths_ask_of_them():
    path, pattern = "projects/{project}/boxes", "[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?"
    own = {"project": "", "box": pattern}
    document = described(
        nested(
            method("depot.boxes.insert", "POST", path, {"project": ""}, request="Box", response="Box"),
            method("depot.boxes.list", "GET", path, {"project": ""}, query=["pageToken"], response="Boxes"),
            method("depot.boxes.get", "GET", f"{path}/{{box}}", own, response="Box"),
            method("depot.boxes.update", "PUT", f"{path}/{{box}}", own, request="Box", response="Box"),
            method("depot.boxes.delete", "DELETE", f"{path}/{{box}}", own),
        ),
        {"Box": {"name": {**TEXT, "readOnly": True}, "label": TEXT}, "Boxes": listed("Box", "items")},
    )  # fmt: skip
    found = proven(document)
    assert failures(found) == []
    assert [(one.name, one.ok) for one in found.client] == [("box", True)]
