"""Discovery documents, and the apps that the compiler makes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app_clones.declared.engine import declared
from app_clones.declared.expand import expand
from app_clones.declared.pages_plan import plan
from app_clones.kit.serve import serve_world
from app_clones.kit.world import World
from factory.compiler import discovery
from factory.compiler.compile import compile_app, compiled
from factory.compiler.infer_names import app_name
from factory.compiler.labels import compare, labels
from factory.compiler.survey import line, summary, survey
from factory.errors import SpecError

START_MS = 1_717_243_200_000


def world_of(id: str) -> World:
    app = declared(compile_app(f"discovery:{id}")).app()
    return World.build([app], seed=3, start_ms=START_MS, step_ms=1000, persons=4)


def client(id: str, served: Any) -> Any:
    from google.oauth2.credentials import Credentials
    from googleapiclient.discovery import build_from_document

    document, _ = discovery.load(id)
    name = app_name(document["name"], document["version"])
    moved = {**document, "rootUrl": f"{served.url}/{name}/api/"}
    return build_from_document(moved, credentials=Credentials(token=served.token()))


def test_every_document_but_the_index_is_there_and_its_app_has_a_name_of_its_own() -> None:
    ids = discovery.documents()
    assert len(ids) == 610
    documents = [discovery.load(id)[0] for id in ids]
    names = {app_name(document["name"], document["version"]) for document in documents}
    assert len(names) == 610


def test_a_document_that_is_not_there_is_refused() -> None:
    with pytest.raises(SpecError, match="gmail:v99"):
        discovery.load("gmail:v99")
    with pytest.raises(SpecError, match="no description"):
        compile_app("wsdl:somewhere")
    with pytest.raises(SpecError, match="no discovery document"):
        discovery.parse({"kind": "discovery#directoryList"}, "")


def test_schemas_become_json_schema_with_their_formats() -> None:
    made = discovery.schema(
        {
            "type": "object",
            "properties": {
                "size": {"type": "string", "format": "int64"},
                "when": {"type": "string", "format": "google-datetime"},
                "wait": {"type": "string", "format": "google-duration"},
                "part": {"$ref": "Part", "readOnly": True},
                "free": {"type": "any"},
                "flag": {"type": "boolean", "default": "true"},
            },
        }
    )
    assert made["additionalProperties"] is False
    assert made["properties"]["size"] == {"type": "string", "format": "int64"}
    assert made["properties"]["when"]["format"] == "date-time"
    assert "pattern" in made["properties"]["wait"]
    assert made["properties"]["part"] == {"$ref": "#/$defs/Part", "readOnly": True}
    assert made["properties"]["free"] == {}
    assert made["properties"]["flag"]["default"] is True


def test_the_same_document_gives_the_same_app_to_the_letter() -> None:
    first, second = (compiled("discovery:classroom:v1").decl.model_dump_json() for _ in range(2))
    assert first == second


def test_every_parameter_of_every_method_has_a_role_and_none_is_ignored() -> None:
    decl = compile_app("discovery:drive:v3")
    document = discovery.parse(*discovery.load("drive:v3"))
    by_origin = {operation.origin: operation for operation in decl.operations.values()}
    for method in document.methods:
        wires = {param.wire for param in by_origin[method.id].params.values()}
        assert {parameter.name for parameter in method.parameters} <= wires


def test_the_inference_agrees_with_the_labels_that_a_person_gave_before_it_was_written() -> None:
    made = compare(labels("labels.yaml"))
    assert len(made) == 100
    assert sum(each.agrees[0] for each in made) >= 89
    assert sum(each.agrees[1] for each in made) >= 93


def test_the_inference_agrees_with_labels_that_no_rule_was_written_for() -> None:
    made = compare(labels("held_out.yaml"))
    assert len(made) == 100
    assert sum(each.agrees[0] for each in made) >= 89
    assert sum(each.agrees[1] for each in made) >= 96


def test_a_survey_keeps_its_lines_and_counts_what_they_say(tmp_path: Any) -> None:
    out = tmp_path / "survey.jsonl"
    first = list(survey(["tasks:v1", "oauth2:v2"], out))
    assert len(out.read_text().splitlines()) == 2
    out.write_text(out.read_text() + '{"document": "cut o')
    assert list(survey(["tasks:v1", "oauth2:v2"], out)) == first
    told = summary(first)
    assert told["booted"] == told["documents"] == 2
    assert told["methods"] == 17
    assert line("nothing:v1")["error"].startswith("SpecError")


def test_googles_own_client_creates_reads_changes_and_deletes_a_task() -> None:
    with world_of("tasks:v1") as world, serve_world(world) as served:
        service = client("tasks:v1", served)
        made = service.tasklists().insert(body={"title": "Errands"}).execute()
        task = service.tasks().insert(tasklist=made["id"], body={"title": "Buy milk"}).execute()
        assert service.tasks().list(tasklist=made["id"]).execute()["items"][0]["title"] == "Buy milk"
        service.tasks().patch(tasklist=made["id"], task=task["id"], body={"notes": "two"}).execute()
        got = service.tasks().get(tasklist=made["id"], task=task["id"]).execute()
        assert (got["title"], got["notes"]) == ("Buy milk", "two")
        service.tasks().delete(tasklist=made["id"], task=task["id"]).execute()
        assert "items" not in (left := service.tasks().list(tasklist=made["id"]).execute()) or left["items"] == []
        service.close()


def test_resource_names_masks_and_policies_hold_through_googles_own_client() -> None:
    with world_of("pubsub:v1") as world, serve_world(world) as served:
        service = client("pubsub:v1", served)
        topic, name = "projects/atlas-prod/topics/orders", "projects/atlas-prod/subscriptions/billing"
        service.projects().topics().create(name=topic, body={"labels": {"team": "a"}}).execute()
        assert service.projects().topics().get(topic=topic).execute()["name"] == topic
        body = {"topic": topic, "ackDeadlineSeconds": 20, "filter": "x"}
        service.projects().subscriptions().create(name=name, body=body).execute()
        change = {"subscription": {"ackDeadlineSeconds": 40}, "updateMask": "ackDeadlineSeconds"}
        changed = service.projects().subscriptions().patch(name=name, body=change).execute()
        assert (changed["ackDeadlineSeconds"], changed["filter"]) == (40, "x")
        policy = {"bindings": [{"role": "roles/viewer", "members": ["user:a@b.example"]}]}
        service.projects().topics().setIamPolicy(resource=topic, body={"policy": policy}).execute()
        assert service.projects().topics().getIamPolicy(resource=topic).execute() == policy
        service.close()


def test_work_that_takes_time_is_told_of_under_the_place_where_it_is_done() -> None:
    with world_of("redis:v1") as world:
        place = "projects/atlas-prod/locations/us-central1"
        asked = {"parent": place, "instance_id": "cache", "resource": {"tier": "BASIC", "memorySizeGb": 1}}
        begun = world.call("redisv1_instances_create", asked).result
        assert begun.error is None, begun.text
        assert json.loads(json.dumps(begun.data))["name"].startswith(f"{place}/operations/")
        assert begun.data["done"] is False
        world.wait(120_000)
        done = world.call("redisv1_operations_get", {"name": begun.data["name"]}).result.data
        assert done["done"] is True
        assert done["response"]["name"] == f"{place}/instances/cache"


def test_what_would_have_to_be_worked_out_is_refused_with_the_reason() -> None:
    decl = compile_app("discovery:translate:v3")
    refused = [operation for operation in decl.operations.values() if operation.kind == "refused"]
    assert any(operation.origin.endswith("translateText") for operation in refused)
    assert all(operation.reason for operation in refused)


@pytest.mark.parametrize(
    ("document", "operation", "name", "role"),
    [
        ("drive:v3", "files_list", "q", "refused"),  # "For supported syntax, see …"
        ("admin:directory_v1", "groups_list", "query", "refused"),  # "… search clauses, each with a field, operator, …"
        ("calendar:v3", "events_list", "q", "search"),  # "Free text search terms …"
    ],
)
def test_a_query_with_a_grammar_is_refused_rather_than_read_as_words(
    document: str, operation: str, name: str, role: str
) -> None:
    assert compile_app(f"discovery:{document}").operations[operation].params[name].role == role


def test_a_long_description_of_a_parameter_is_cut_between_words_and_shows_it() -> None:
    about = compile_app("discovery:calendar:v3").operations["events_list"].params["calendar_id"].about
    assert about.startswith("Calendar identifier.")
    assert about.endswith(" …")
    assert len(about) <= 160


def test_pages_call_a_thing_by_its_whole_name_where_the_name_in_the_declaration_was_cut() -> None:
    decl = expand(compile_app("discovery:classroom:v1"))
    name = "add_on_attachment_studen_ac2d8"
    shelf = plan(decl).shelves[name]
    assert (shelf.noun, shelf.plural) == (
        "add on attachment student submission",
        "Add on attachment student submissions",
    )
    titles = [entity.title for entity in decl.entities.values()]
    assert len(titles) == len({*titles})


def test_what_is_told_of_an_operation_that_is_no_operation_is_refused_and_permissions_of_the_query_are_asked_for() -> (
    None
):
    operations = {one.origin: one for one in compile_app("discovery:aiplatform:v1").operations.values()}
    waited = operations["aiplatform.featureGroups.operations.listWait"]
    assert (waited.kind, waited.reason) == (
        "refused",
        "it answers something else than the operation that it is about",
    )
    tried = operations["aiplatform.projects.locations.datasets.testIamPermissions"]
    permissions = tried.params["permissions"]
    assert (permissions.place, permissions.role, permissions.required) == ("query", "input", True)
