"""The proof of an app: an honest one holds, and each planted fault is caught by the check that is meant to."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from functools import cache

import proof_apps
import pytest
from proof_apps import Asking, planted, ready_shelf, shelf

from app_clones.declared import rows
from app_clones.declared.expand import expand
from app_clones.declared.load import parse_decl
from app_clones.declared.model import AppDecl
from app_clones.kit.asgi import Reply
from factory.compiler import certificate as certificates
from factory.compiler.api import ApiDoc, Method
from factory.compiler.prove import prove
from factory.store import Store

BOOK = re.compile(r"/shelf/v1/libraries/[^/:]+/books/[^/:]+$")
BOOKS = re.compile(r"/shelf/v1/libraries/([^/:]+)/books$")


@cache
def honest():
    return prove(shelf())


def method(certificate, name):
    return next(one for one in certificate.methods if one.operation == name)


def answered(reply: Reply, body) -> Reply:
    return Reply(reply.status, reply.raw, json.dumps(body).encode())


# ---- an honest app


def test_every_method_of_an_honest_app_is_stateful_recorded_or_refused():
    verdicts = {one.operation: one.verdict for one in honest().methods}
    assert verdicts.pop("books_praise") == "recorded"
    assert verdicts.pop("books_scan") == "refused"
    assert set(verdicts.values()) == {"stateful"}
    assert honest().ok
    assert method(honest(), "books_scan").reason == "there is no scanner"
    assert method(honest(), "books_praise").reason == "praise is heard by nobody"


def test_what_is_read_back_is_looked_at_through_another_method_and_a_page():
    for name in ("books_create", "books_patch", "books_replace", "books_delete", "books_lend", "note_create"):
        ran = {check.name for check in method(honest(), name).checks}
        assert {"effect", "nothing_else", "read_back", "page"} <= ran
    assert {"paging", "filter", "search", "order", "expression", "follows", "other_parents", "still"} <= {
        check.name for check in method(honest(), "books_list").checks
    }
    wanted = {"rest", "mask", "etag", "allow_missing", "unknown", "bad_requests", "schema"}
    assert wanted <= {check.name for check in method(honest(), "books_patch").checks}


def test_each_parameter_is_counted_as_honoured_refused_or_without_effect():
    assert honest().parameters["inert"] == 2  # pretty_print, in a read and in a write
    assert honest().parameters["refused"] == 2
    assert "ignored" not in honest().parameters
    assert honest().parameters["honoured"] > 40
    assert honest().parameters["untried"] == 2  # masks of answers that say nothing


def test_the_same_seed_gives_the_same_certificate():
    assert prove(shelf()) == honest()
    assert prove(shelf(), seed=1) != honest()
    assert prove(shelf(), seed=1).ok


def test_a_certificate_is_kept_under_its_declaration_and_read_back(tmp_path):
    store = Store(tmp_path)
    certificates.keep(store, honest())
    assert certificates.kept(store, certificates.declaration_digest(shelf())) == honest()
    assert certificates.kept(store, "0" * 64) is None
    json.dumps(asdict(honest()))


def test_the_table_has_a_line_for_each_method_and_one_for_all():
    lines = certificates.table(honest()).splitlines()
    assert len(lines) == 2 + len(honest().methods)
    assert lines[-1].startswith("shelf: 15 methods: 13 stateful, 1 recorded, 1 refused, 0 failed; ")


# ---- planted faults


async def canned_get(asking: Asking):
    """Answers each get as the first."""
    if asking.method == "GET" and BOOK.match(asking.path) and not asking.query:
        if not hasattr(canned_get, "kept"):
            canned_get.kept = await asking.go()
        return canned_get.kept
    return await asking.go()


def canned_body(body):
    async def hook(asking: Asking):
        reply = await asking.go()
        if asking.method == "GET" and BOOK.match(asking.path) and reply.status == 200:
            return answered(reply, {**json.loads(reply.body), **body})
        return reply

    return hook


def without(*names: str, methods=("GET", "POST", "PATCH", "DELETE")):
    """Ignores parameters of the query."""

    async def hook(asking: Asking):
        kept = {name: value for name, value in asking.query.items() if name not in names}
        return await asking.go(query=kept) if asking.method in methods else await asking.go()

    return hook


async def leaks_to_other_parents(asking: Asking):
    """A list has the books of every library."""
    reply = await asking.go()
    if asking.method == "GET" and BOOKS.match(asking.path) and reply.status == 200:
        libraries = json.loads((await asking.go(path="/shelf/v1/libraries", query={})).body)["libraries"]
        books = []
        for library in libraries:
            more = await asking.go(path=f"/shelf/v1/{library['name']}/books", query={"pageSize": "100"})
            books += json.loads(more.body)["books"]
        return answered(reply, {"books": books, "totalSize": len(books)})
    return reply


async def pages_a_row_twice(asking: Asking):
    """Each page but the last ends with its first row once more."""
    reply = await asking.go()
    if asking.method == "GET" and BOOKS.match(asking.path) and b"nextPageToken" in reply.body:
        told = json.loads(reply.body)
        return answered(reply, {**told, "books": [*told["books"], told["books"][0]]})
    return reply


async def loses_a_row_between_pages(asking: Asking):
    reply = await asking.go()
    if asking.method == "GET" and BOOKS.match(asking.path) and "pageToken" in asking.query and reply.status == 200:
        told = json.loads(reply.body)
        return answered(reply, {**told, "books": told["books"][1:]})
    return reply


async def ignores_delete(asking: Asking):
    if asking.method == "DELETE":
        return Reply(200, ((b"content-type", b"application/json"),), b"{}")
    return await asking.go()


async def shows_what_was_deleted(asking: Asking):
    """A cache that nobody clears."""
    kept = asking.world.__class__.__dict__.get("_no_such_thing") or CACHE
    reply = await asking.go()
    if asking.method == "GET" and BOOK.match(asking.path):
        if reply.status == 200:
            kept[asking.path] = reply
        return kept.get(asking.path, reply)
    return reply


CACHE: dict[str, Reply] = {}


async def moves_state_on_get(asking: Asking):
    """Counts how often a book was looked at."""
    reply = await asking.go()
    if asking.method == "GET" and BOOK.match(asking.path) and reply.status == 200:
        with asking.world.transaction() as call:
            first = call.one("SELECT id FROM shelf_book ORDER BY id LIMIT 1")
            call.update("shelf_book", first[0], notes="looked at")
    return reply


async def echoes(asking: Asking):
    """A store that gives back what it was given, and keeps nothing."""
    if asking.method == "POST" and BOOKS.match(asking.path):
        body = json.loads(asking.body or b"{}")
        name = asking.path.removeprefix("/shelf/v1/") + "/new"
        told = {"name": name, "state": "SHELVED", **body}
        return Reply(200, ((b"content-type", b"application/json"),), json.dumps(told).encode())
    return await asking.go()


async def changes_a_neighbour(asking: Asking):
    reply = await asking.go()
    if asking.method == "PATCH" and reply.status == 200:
        with asking.world.transaction() as call:
            last = call.one("SELECT id FROM shelf_book ORDER BY id DESC LIMIT 1")
            call.update("shelf_book", last[0], notes="touched")
    return reply


async def drops_a_field(asking: Asking):
    """Takes a body, and does not keep its tags."""
    if asking.method in ("POST", "PATCH", "PUT") and b"tags" in asking.body:
        body = json.loads(asking.body)
        if isinstance(body, dict):
            return await asking.go(body=json.dumps({k: v for k, v in body.items() if k != "tags"}).encode())
    return await asking.go()


async def takes_unknown_properties(asking: Asking):
    if b"zzUnknownProperty" in asking.body:
        body = json.loads(asking.body)
        body.pop("zzUnknownProperty")
        return await asking.go(body=json.dumps(body).encode())
    return await asking.go()


async def errors_as_text(asking: Asking):
    reply = await asking.go()
    return reply if reply.status < 400 else Reply(reply.status, ((b"content-type", b"text/plain"),), b"no")


async def breaks_on_bad_json(asking: Asking):
    if asking.body.startswith(b'{"a": '):
        return Reply(500, ((b"content-type", b"application/json"),), b'{"error": {"code": 500, "message": "oh"}}')
    return await asking.go()


async def blank_pages(asking: Asking):
    reply = await asking.go()
    if "/v1/" not in asking.path and reply.status == 200:
        return Reply(200, ((b"content-type", b"text/html"),), b"<title>Shelf</title>")
    return reply


async def ignores_the_etag(asking: Asking):
    kept = [(name, value) for name, value in asking.scope["headers"] if name != b"if-match"]
    return await asking.go(headers=kept)


async def does_nothing_when_lent(asking: Asking):
    """The answer says that it is lent; the state does not."""
    if asking.path.endswith(":lend") and asking.method == "POST":
        reply = await asking.go(path=asking.path.removesuffix(":lend"), query=asking.query)
        got = await prepared_get(asking)
        return answered(got, {**json.loads(got.body), "state": "LENT"}) if got.status == 200 else reply
    return await asking.go()


async def prepared_get(asking: Asking):
    scope = {**asking.scope, "method": "GET"}
    return await Asking(scope, b"", asking.inner).go(path=asking.path.removesuffix(":lend"))


async def forgets_what_is_recorded(asking: Asking):
    reply = await asking.go()
    if asking.path.endswith(":praise") and reply.status == 200:
        with asking.world.transaction() as call:
            last = call.one("SELECT id FROM shelf_call ORDER BY id DESC LIMIT 1")
            call.update("shelf_call", last[0], arguments="{}")
    return reply


async def scans_after_all(asking: Asking):
    if asking.path.endswith(":scan"):
        return Reply(200, ((b"content-type", b"application/json"),), b"{}")
    return await asking.go()


FAULTS = [
    ("a get with a canned answer", canned_get, "books_get", "follows"),
    ("a get with a canned property", canned_body({"title": "always this"}), "books_patch", "read_back"),
    ("an answer that the document does not allow", canned_body({"colour": "red"}), "books_get", "schema"),
    ("an answer without what the document requires", canned_body({"title": None}), "books_get", "schema"),
    ("a filter ignored", without("genre"), "books_list", "filter"),
    ("a filter by time ignored", without("changedSince"), "books_list", "filter"),
    ("an expression ignored", without("filter"), "books_list", "expression"),
    ("a search ignored", without("q"), "books_list", "search"),
    ("an order ignored", without("orderBy"), "books_list", "order"),
    ("a page's size ignored", without("pageSize"), "books_list", "paging"),
    ("a page's token ignored", without("pageToken"), "books_list", "paging"),
    ("a mask of the answer ignored", without("fields"), "books_get", "read_mask"),
    ("a mask forgotten", without("updateMask"), "books_patch", "mask"),
    ("a missing row not allowed", without("allowMissing"), "books_patch", "allow_missing"),
    ("a trial that is done", without("validateOnly"), "books_create", "validate_only"),
    ("a request's id ignored", without("requestId"), "books_create", "request_id"),
    ("a chosen id ignored", without("bookId"), "books_create", "new_id"),
    ("force ignored", without("force"), "books_delete", "force"),
    ("a refused parameter ignored", without("callback"), "books_get", "refused_parameter"),
    ("unknown parameters ignored", without("zzUnknown"), "books_get", "bad_requests"),
    ("an etag ignored", ignores_the_etag, "books_patch", "etag"),
    ("a list that leaks from other parents", leaks_to_other_parents, "books_list", "paging"),
    (
        "a list that leaks from other parents, seen from a create",
        leaks_to_other_parents,
        "books_create",
        "other_parents",
    ),
    ("a row on two pages", pages_a_row_twice, "books_list", "paging"),
    ("a row on no page", loses_a_row_between_pages, "books_list", "paging"),
    ("a delete that does nothing", ignores_delete, "books_delete", "effect"),
    ("a deleted row still shown", shows_what_was_deleted, "books_delete", "gone"),
    ("a read that writes", moves_state_on_get, "books_get", "still"),
    ("a store that echoes", echoes, "books_create", "effect"),
    ("a neighbour changed too", changes_a_neighbour, "books_patch", "nothing_else"),
    ("a field not kept", drops_a_field, "books_create", "read_back"),
    ("a field not changed", drops_a_field, "books_patch", "read_back"),
    ("unknown properties taken", takes_unknown_properties, "books_create", "bad_requests"),
    ("errors of another form", errors_as_text, "books_get", "schema"),
    ("a crash at bad JSON", breaks_on_bad_json, "books_create", "schema"),
    ("pages that show nothing", blank_pages, "books_create", "page"),
    ("pages that show nothing of an effect", blank_pages, "books_lend", "page"),
    ("an effect that is only told", does_nothing_when_lent, "books_lend", "effect"),
    ("a recorded call without its arguments", forgets_what_is_recorded, "books_praise", "recorded"),
    ("a refused method that answers", scans_after_all, "books_scan", "refused"),
]


@pytest.mark.parametrize(("fault", "hook", "operation", "check"), FAULTS, ids=[one[0] for one in FAULTS])
def test_a_planted_fault_is_caught_by_the_check_that_is_meant_to(fault, hook, operation, check):
    caught = prove(shelf(), app=planted(hook), operations=[operation]).methods[0]
    failed = {one.name: one.evidence for one in caught.checks if not one.ok}
    assert caught.verdict == "failed", fault
    assert check in failed
    assert all(failed.values())  # each says what it saw


def test_what_is_planted_into_catches_nothing_where_nothing_is_wrong():
    async def honestly(asking: Asking):
        return await asking.go()

    found = prove(shelf(), app=planted(honestly))
    assert found.methods == honest().methods


# ---- declarations that the proof must not believe


def changed(**operations) -> AppDecl:
    data = json.loads(json.dumps(proof_apps.SHELF))
    for name, change in operations.items():
        data["operations"][name].update(change)
    return AppDecl.model_validate(data)


def test_a_parameter_that_nothing_reads_is_told():
    data = json.loads(json.dumps(proof_apps.SHELF))
    data["operations"]["books_lend"]["params"]["days"] = {"type": "integer", "min": 1, "max": 90}
    found = prove(AppDecl.model_validate(data), operations=["books_lend"])
    assert found.methods[0].verdict == "failed"
    assert "days: two values, one effect" in next(
        one.evidence for one in found.methods[0].checks if one.name == "input"
    )
    assert found.parameters["ignored"] == 1


def test_what_could_not_be_tried_is_counted_apart_from_what_was_seen_to_be_honoured():
    # A delete answers nothing, so a mask of the answer has nothing to choose from.
    assert prove(shelf(), operations=["books_delete"]).parameters["untried"] == 1

    async def honestly(asking: Asking):
        return await asking.go()

    # An app that knows no such parameter refuses whatever is drawn for it: of its meaning nothing is seen.
    data = json.loads(json.dumps(proof_apps.SHELF))
    data["operations"]["books_lend"]["params"]["days"] = {"place": "query", "type": "integer", "min": 1, "max": 90}
    without, having = (
        prove(AppDecl.model_validate(one), app=planted(honestly), operations=["books_lend"]).parameters
        for one in (proof_apps.SHELF, data)
    )
    assert having["untried"] == without.get("untried", 0) + 1
    assert having["refused"] == without["refused"]


def test_where_the_proof_itself_stumbles_it_says_so_and_blames_no_app(monkeypatch):
    def stumbles(case):
        raise KeyError("shelf")

    monkeypatch.setattr("factory.compiler.prove.prove_refusals", stumbles)
    found = prove(shelf(), operations=["books_get"]).methods[0]
    failed = {one.name: one.evidence for one in found.checks if not one.ok}
    assert found.verdict == "failed"
    assert list(failed) == ["prover"]
    assert re.match(r"prover: KeyError: 'shelf' \(test_compiler_prove\.py:\d+\)", failed["prover"])


def test_a_read_whose_answer_is_constant_is_told():
    values = {"shape": "value", "constants": {"headline": "the same"}, "values": {}}
    found = prove(changed(books_count={"result": values}), operations=["books_count"])
    assert found.methods[0].verdict == "failed"
    assert "follows" in found.methods[0].reason


def test_an_effect_that_no_other_method_shows_is_only_recorded():
    data = json.loads(json.dumps(proof_apps.SHELF))
    for name in [one for one in data["operations"] if one.startswith("books_") and one != "books_create"]:
        del data["operations"][name]
    found = prove(AppDecl.model_validate(data), operations=["books_create"])
    assert found.methods[0].verdict == "recorded"
    assert found.methods[0].reason == "no other method shows a book"


def test_what_is_never_shown_is_not_read_back():
    data = json.loads(json.dumps(proof_apps.SHELF))
    for field in data["entities"]["library"]["fields"].values():
        field["hidden"] = True
    data["operations"] = {"libraries_list": data["operations"]["libraries_list"], "libraries_create": {
        "kind": "create", "entity": "library", "http": {"verb": "POST", "path": "libraries"},
        "params": {"library": proof_apps.BOOK}, "result": {"shape": "empty"},
    }}  # fmt: skip
    found = prove(AppDecl.model_validate(data), operations=["libraries_create"]).methods[0]
    assert (found.verdict, found.reason) == ("recorded", "nothing of what was sent is ever shown")
    assert "hidden" in {check.name for check in found.checks}


def test_answers_are_held_to_the_original_document_and_not_to_the_declaration():
    declared = changed(books_get={"origin": "shelf.books.get"})
    name = {"type": "object", "properties": {"name": {"type": "string", "pattern": "^books/"}}}
    strict = Method("shelf.books.get", "GET", "v1/{+name}", "v1/{+name}", response={"$ref": "#/$defs/B"})
    document = ApiDoc("discovery", "shelf", "v1", "Shelf", "", "", "google", "0" * 64, (strict,), {"B": name})
    found = prove(declared, document=document, operations=["books_get"])
    evidence = next(one.evidence for one in found.methods[0].checks if one.name == "schema" and not one.ok)
    assert "does not match" in evidence
    assert found.methods[0].responses_valid < found.methods[0].responses


def test_a_row_written_behind_the_api_is_seen_by_the_honest_engine():
    """The proof's own way to change the state is the engine's: a row that it makes is found by name."""
    from factory.compiler.proof_rows import insert_row
    from factory.compiler.proof_subject import Subject

    subject = Subject(ready_shelf(), ready_shelf().app(), None, 0)
    with subject.stage() as stage:
        made = insert_row(stage, "library")
        assert made is not None
        with stage.world.transaction(readonly=True) as call:
            name = rows.path_of(ready_shelf(), call, "library", made)
            assert rows.find(ready_shelf(), call, "library", name)["id"] == made["id"]


CRATES = """\
app: crates
title: Crates
entities:
  crate:
    fields:
      name: {required: true}
      stock: {type: integer, min: 1, max: 9, required: true}
      state: {type: enum, values: [new, old, gone], default: new}
    operations: [list, get, create, update, delete]
    rows: 8
operations:
  crate_age:
    entity: crate
    require:
      - {that: $row.stock, compare: ge, value: 9}
      - {that: $row.state, compare: in, value: [new]}
    set: {state: old}
  crate_take:
    entity: crate
    params: {count: {type: integer, min: 1, required: true}}
    require: [{that: $row.stock, compare: ge, value: $count}]
    set: {state: gone}
"""


def test_what_conditions_demand_is_met_by_the_row_or_by_what_is_asked():
    found = {one.operation: one for one in prove(expand(parse_decl(CRATES, "crates.yaml"))).methods}
    for name in ("crate_age", "crate_take"):
        assert found[name].verdict == "stateful", found[name]


def test_an_id_for_a_new_row_is_one_that_no_row_has():
    desk = {"key": {"form": "given"}, "fields": {"name": {}}, "given": [{"slug": id, "name": id} for id in "abcdefg"]}
    new_id = {"role": "new_id", "place": "query", "required": True, "pattern": "^[a-h]$"}
    name = {"role": "field", "field": "name"}
    operations = {
        "list": {"kind": "list", "entity": "desk"},
        "get": {"kind": "get", "entity": "desk"},
        "make": {"kind": "create", "entity": "desk", "params": {"id": new_id, "name": name}},
    }
    decl = AppDecl.model_validate(
        {"app": "room", "title": "Room", "entities": {"desk": desk}, "operations": operations}
    )
    found = method(prove(decl), "make")
    assert found.verdict == "stateful", [check for check in found.checks if not check.ok]
