"""A declared app through its tools: standard operations, custom effects, refusals, and what an agent reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from app_clones.declared.engine import declared
from app_clones.declared.expand import expand
from app_clones.declared.load import load_decl
from app_clones.declared.model import AppDecl, Http
from app_clones.declared.openapi import document
from app_clones.declared.rows import fetch, title, view
from app_clones.kit.app import App
from app_clones.kit.schema import Column, Table
from app_clones.kit.world import World

START_MS = 1_700_000_000_000
HERE = Path(__file__).parent / "engine"


def mix(act):
    one, two = act.arguments["one"], act.arguments["two"]
    colour = act.find("tag", two)["colour"]
    return {"mixed": act.view("tag", act.update("tag", act.find("tag", one), colour=colour))}


DESK = declared(load_decl(HERE / "desk.yaml"), {"mix": mix})


def deliver(call, payload):
    call.insert("mail_box", to=payload["to"], subject=payload["subject"])


MAIL = App(
    name="mail",
    tables=(Table("mail_box", (Column("id", "INTEGER", "id"), Column("to"), Column("subject"))),),
    operations=(),
    events={"mail.deliver": deliver},
)


def build(*apps):
    return World.build(apps, seed=3, start_ms=START_MS, step_ms=1000, persons=3)


@pytest.fixture(scope="module")
def snapshot():
    with build(DESK.app()) as made:
        return made.snapshot()


@pytest.fixture
def world(snapshot):
    with World.fork(snapshot, [DESK.app()]) as fork:
        yield fork
        fork.check()


def do(world, tool, actor=1, **arguments):
    """The data of a step that must succeed."""
    result = world.call(f"desk_{tool}", arguments, actor).result
    assert result.error is None, result.text
    return result.data


def refused(world, tool, actor=1, **arguments):
    """The error code and text of a step that must not, and that must change nothing."""
    before = [change for change in world.net_change() if change.table != "kit_meta"]
    result = world.call(f"desk_{tool}", arguments, actor).result
    assert result.error is not None, result.text
    assert [change for change in world.net_change() if change.table != "kit_meta"] == before
    return result.error, result.text


def text(world, tool, actor=1, **arguments):
    return world.call(f"desk_{tool}", arguments, actor).result.text


def task(world, **more):
    return do(world, "task_create", board=1, **{"title": "Paint", **more})["id"]


def email(world, person):
    return world.persons()[person].email


def test_what_is_created_can_be_read_back_field_by_field(world):
    do(world, "tag_create", new_id="soon")
    given = {
        "body": "two\nlines", "order": 3, "effort": 1.5, "urgent": True, "due": "2024-02-29",
        "starts": "2024-01-01T10:00:00+01:00", "assignee": email(world, 2), "tag": "soon", "words": ["a", "b"],
        "extra": {"b": [1, {}], "a": None}, "code_word": "abc",
    }  # fmt: skip
    made = do(world, "task_create", board=1, title="Paint", secret="s3", **given)
    assert made == {
        "id": "tsk_00000001", "board": 1, "title": "Paint", "state": "open", "views": 0, "author": email(world, 1),
        "created": "2023-11-14T22:13:21.000Z", "updated": "2023-11-14T22:13:21.000Z", **given,
    }  # fmt: skip
    assert do(world, "task_get", id="tsk_00000001") == made


def test_a_hidden_field_is_written_and_never_shown(world):
    id = task(world, secret="s3cret")
    assert "s3cret" not in text(world, "task_get", id=id)
    (row,) = world.connection.execute("SELECT secret FROM desk_task").fetchall()
    assert row == ("s3cret",)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"title": ""}, "title: 1 to 60"),
        ({"title": "x" * 61}, "title: 1 to 60"),
        ({"title": 3}, "title: a text is needed, not a number"),
        ({"title": "\ud800"}, "title: this is no valid Unicode"),
        ({}, "title: this is needed"),
        ({"title": None}, "title: "),
        ({"state": "gone"}, "state: 'gone' is none of open, doing, done"),
        ({"order": 1001}, "order: 1001 is not 0 to 1000"),
        ({"order": 1.5}, "order: an integer is needed"),
        ({"order": True}, "order: an integer is needed, not a boolean"),
        ({"effort": float("nan")}, "effort"),
        ({"effort": "1"}, "effort: a number is needed"),
        ({"urgent": 1}, "urgent: true or false is needed"),
        ({"due": "2023-02-29"}, "due: '2023-02-29' is no date"),
        ({"starts": "yesterday"}, "starts: 'yesterday' is no datetime"),
        ({"assignee": "nobody@example.com"}, "assignee: no person nobody@example.com"),
        ({"tag": "none"}, "tag: no tag none"),
        ({"words": "a"}, "words: a list is needed"),
        ({"words": list("abcdef")}, "words: 0 to 5 items"),
        ({"words": ["a", 1]}, "words.1: a text is needed"),
        ({"blockers": ["tsk_0000ffff"]}, "blockers: no task"),
        ({"code_word": "ABC"}, "code_word: 'ABC' does not match"),
        ({"colour": "red"}, "colour: no such argument"),
        ({"views": 3}, "views: no such argument"),
        ({"created": "2024-01-01T00:00:00Z"}, "created: no such argument"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_change_nothing(world, arguments, told):
    given = {"title": "Paint", **arguments} if arguments else {}
    error, message = refused(world, "task_create", board=1, **given)
    assert error == "invalid"
    assert told in message


def test_an_update_changes_the_given_fields_only_and_null_clears(world):
    id = task(world, body="long", order=3)
    made = do(world, "task_get", id=id)
    world.call("clock_wait", {"minutes": 1})
    changed = do(world, "task_update", id=id, order=4, body=None)
    assert changed == {**{k: v for k, v in made.items() if k != "body"}, "order": 4, "updated": changed["updated"]}
    assert changed["updated"] > made["updated"]
    assert refused(world, "task_update", id=id, title=None)[0] == "invalid"
    assert do(world, "task_update", id=id, urgent=None)["urgent"] is False  # back to its default


def test_an_update_that_changes_nothing_leaves_the_row_as_it_is(world):
    id = task(world, words=["a"], effort=1)
    before = world.net_change()
    world.call("clock_wait", {"minutes": 1})
    do(world, "task_update", id=id, title="Paint", words=["a"], effort=1.0)
    assert [c for c in world.net_change() if c.table != "kit_meta"] == [c for c in before if c.table != "kit_meta"]


def test_an_immutable_field_is_no_argument_of_an_update(world):
    id = task(world, code_word="abc")
    assert "code_word: no such argument" in refused(world, "task_update", id=id, code_word="abd")[1]


def test_unique_fields_stand_once_within_their_group(world):
    task(world)
    assert refused(world, "task_create", board=1, title="Paint") == (
        "conflict",
        "error: there is a task of this title already",
    )
    other = do(world, "board_create", name="second")["id"]
    do(world, "task_create", board=other, title="Paint")
    id = task(world, title="Sand")
    assert refused(world, "task_update", id=id, title="Paint")[0] == "conflict"


def test_a_row_is_seen_and_changed_by_its_owner_alone_and_so_is_all_that_lies_under_it(world):
    id = task(world)
    assert [board["name"] for board in do(world, "board_list")["boards"]] == ["mine"]
    assert [board["name"] for board in do(world, "board_list", actor=2)["boards"]] == ["theirs"]
    for tool, arguments in (
        ("board_get", {"id": 2}),
        ("board_update", {"id": 2, "name": "x"}),
        ("board_delete", {"id": 2}),
        ("setup_get", {"board": 2}),
        ("task_list", {"board": 2}),
        ("task_create", {"board": 2, "title": "x"}),
    ):
        assert refused(world, tool, **arguments)[0] == "not_found"
    for tool, arguments in (("task_get", {"id": id}), ("task_close", {"id": id}), ("note_list", {"task": id})):
        assert refused(world, tool, actor=2, **arguments)[0] == "not_found"


def test_a_ref_cannot_reach_what_its_writer_may_not_see(world):
    theirs = do(world, "task_create", actor=2, board=2, title="hidden")["id"]
    assert refused(world, "task_create", board=1, title="x", blockers=[theirs])[0] == "invalid"


def test_a_singleton_is_made_with_its_parent_and_goes_with_it(world):
    made = do(world, "board_create", name="new")["id"]
    assert do(world, "setup_get", board=made) == {"id": 3, "board": made, "theme": "light"}
    changed = do(world, "setup_update", board=made, theme="dark", limits={"open": 3})
    assert changed["theme"] == "dark"
    assert "limits: " in refused(world, "setup_update", board=made, limits={"open": "3"})[1]
    assert "limits: " in refused(world, "setup_update", board=made, limits={"shut": 3})[1]
    do(world, "board_delete", id=made)
    assert refused(world, "setup_get", board=made)[0] == "not_found"
    assert world.connection.execute("SELECT count(*) FROM desk_setup").fetchone() == (2,)


def test_deleting_cascades_restricts_and_clears_as_declared(world):
    do(world, "tag_create", new_id="soon")
    one = task(world, tag="soon")
    two = task(world, title="Sand", blockers=[one])
    do(world, "tag_delete", id="soon")
    assert "tag" not in do(world, "task_get", id=one)
    note = do(world, "note_create", task=one, text="wet")["id"]
    assert refused(world, "task_delete", id=one)[0] == "conflict"
    do(world, "note_delete", id=note)
    do(world, "task_delete", id=one)
    assert do(world, "task_get", id=two)["blockers"] == []
    do(world, "board_delete", id=1)
    assert refused(world, "task_get", id=two)[0] == "not_found"


def test_a_ref_that_restricts_keeps_what_it_names(world):
    do(world, "tag_create", new_id="soon")
    review = do(world, "review_create", tag="soon", stars=5)["id"]
    assert refused(world, "tag_delete", id="soon") == (
        "conflict",
        "error: this tag cannot go: a review still refers to it",
    )
    do(world, "review_delete", id=review)
    do(world, "tag_delete", id="soon")


def test_a_cascade_takes_with_it_what_would_have_restricted_a_part_of_it(world):
    id = task(world)
    do(world, "note_create", task=id, text="wet")
    error, message = refused(world, "board_delete", id=1)
    assert (error, "note" in message) == ("conflict", True)


def test_a_chosen_id_is_unique_and_a_row_without_one_has_a_code(world):
    do(world, "tag_create", new_id="soon")
    assert refused(world, "tag_create", new_id="soon")[0] == "conflict"
    assert do(world, "tag_create")["id"] == "00000002"
    assert do(world, "tag_get", id="00000002")["colour"] == "red"
    assert refused(world, "tag_create", new_id="Soon!")[0] == "invalid"
    assert refused(world, "tag_create", new_id="00000009")[0] == "invalid"
    assert refused(world, "tag_get", id="00000001")[0] == "not_found"  # that row has an id of its own


def test_a_custom_operation_has_its_effects_together_and_only_in_the_right_state(world):
    id = task(world)
    closed = do(world, "task_close", id=id, reason="dry")
    assert closed["state"] == "done"
    assert closed["closed_by"] == email(world, 1)
    assert closed["closed_at"] == "2023-11-14T22:13:21.000Z"
    assert [note["text"] for note in do(world, "note_list", task=id)["notes"]] == ["dry"]
    assert refused(world, "task_close", id=id, reason="again") == (
        "conflict",
        "error: only a task that is not done can be closed",
    )
    assert refused(world, "task_reopen", id=task(world, title="Sand"))[1].endswith("state is open; it must be done")


def test_an_effect_that_fails_undoes_the_ones_before_it(world):
    id = task(world)
    assert refused(world, "task_close", id=id)[0] == "invalid"  # the note that it makes has no text
    assert do(world, "task_get", id=id)["state"] == "open"


def test_an_event_happens_after_its_virtual_time(world):
    id = task(world)
    do(world, "task_close", id=id, reason="dry")
    world.call("clock_wait", {"minutes": 59})
    assert do(world, "task_get", id=id)["state"] == "done"
    world.call("clock_wait", {"minutes": 1})
    reopened = do(world, "task_get", id=id)
    assert (reopened["state"], "closed_by" in reopened) == ("open", False)


def test_an_event_reaches_another_app_of_the_world_and_is_skipped_where_there_is_none(world):
    id = task(world)
    do(world, "task_close", id=id, reason="dry")  # no mail in this world
    with build(DESK.app(), MAIL) as both:
        do(both, "task_close", id=task(both), reason="dry")
        assert both.connection.execute('SELECT "to",subject FROM mail_box').fetchall() == [(email(both, 1), "Paint")]


def test_lists_take_each_thing_once_and_lose_it_whole(world):
    id = task(world, words=["a"])
    assert do(world, "task_say", id=id, word="b")["words"] == ["a", "b"]
    assert do(world, "task_say", id=id, word="b")["words"] == ["a", "b"]
    assert do(world, "task_unsay", id=id, word="a")["words"] == ["b"]
    assert do(world, "task_unsay", id=id, word="z")["words"] == ["b"]


def test_a_copy_is_a_new_row_with_the_old_ones_values(world):
    id = task(world, body="long", state="doing")
    copy = do(world, "task_copy", id=id, title="Paint again")
    assert (copy["title"], copy["body"], copy["state"]) == ("Paint again", "long", "open")
    assert do(world, "task_get", id=id)["state"] == "doing"
    assert copy["id"] != id
    assert refused(world, "task_copy", id=id, title="Paint")[0] == "conflict"


def test_only_those_named_may_act_and_what_was_asked_is_recorded(world):
    id = task(world, assignee=email(world, 1))
    assert do(world, "task_ping", id=id) == {
        "ok": True, "pinged": "Paint", "by": email(world, 1), "at": "2023-11-14T22:13:21.000Z",
    }  # fmt: skip
    recorded = world.connection.execute("SELECT actor,operation,arguments FROM desk_call").fetchall()
    assert recorded == [(1, "task_ping", f'{{"id":"{id}","loud":false}}')]
    do(world, "task_update", id=id, assignee=email(world, 2))
    assert refused(world, "task_ping", id=id) == ("forbidden", "error: only the assignee may do this")


def test_an_operation_that_deletes_answers_with_what_was_there(world):
    id = task(world)
    assert do(world, "task_scrap", id=id)["title"] == "Paint"
    assert refused(world, "task_get", id=id)[0] == "not_found"


def test_a_behaviour_does_what_data_cannot_say(world):
    do(world, "tag_create", new_id="one")
    do(world, "tag_create", new_id="two", colour="blue")
    assert do(world, "tag_mix", one="one", two="two") == {"mixed": {"id": "one", "colour": "blue"}}


def test_a_list_filters_searches_orders_and_pages(world):
    for number in range(7):
        task(world, title=f"Task {number}", state=("open", "done")[number % 2], body=f"wörd{number} common")
    asked = {"board": 1, "state": "done", "order_by": "title desc", "page_size": 2}
    assert text(world, "task_list", **asked) == (
        "3 found, 2 shown\n"
        "tsk_00000006 | Task 5 | state: done | board: 1 | urgent: false\n"
        "tsk_00000004 | Task 3 | state: done | board: 1 | urgent: false\n"
        f"more: page_token={do(world, 'task_list', **asked)['next_page_token']}"
    )
    assert [t["title"] for t in do(world, "task_list", board=1, search="WORD3")["tasks"]] == ["Task 3"]
    assert do(world, "task_list", board=1, search="common nowhere")["tasks"] == []
    assert do(world, "task_list", board=1, search="?!")["tasks"] == []
    assert do(world, "task_list", board=1, title="Task 1")["total"] == 1


@pytest.mark.parametrize(
    "order", ["", "title", "title desc", "order", "order desc,title", "due desc", "starts", "id desc"]
)
def test_pages_visit_each_row_exactly_once_though_rows_go_in_between(world, order):
    for number in range(9):
        more = {} if number % 3 else {"order": number % 2, "due": f"2024-01-0{number % 4 + 1}"}
        task(world, title=f"T{number * 7 % 9}", **more)
    whole = [t["id"] for t in do(world, "task_list", board=1, order_by=order)["tasks"]]
    seen, token = [], ""
    while True:
        page = do(world, "task_list", board=1, order_by=order, page_size=2, **({"page_token": token} if token else {}))
        seen += [t["id"] for t in page["tasks"]]
        do(world, "task_delete", id=seen[0]) if len(seen) == 2 else None
        token = page.get("next_page_token", "")
        if not token:
            break
    assert seen == whole
    assert len(set(seen)) == 9


def test_a_page_token_serves_the_list_that_gave_it_and_no_other(world):
    for number in range(4):
        task(world, title=f"T{number}")
    token = do(world, "task_list", board=1, page_size=2)["next_page_token"]
    for arguments in (
        {"page_token": token, "state": "open"},
        {"page_token": token, "order_by": "title"},
        {"page_token": token[:-2]},
        {"page_token": "x"},
        {"page_token": "ü"},
    ):
        assert refused(world, "task_list", board=1, **arguments)[0] == "invalid"
    assert do(world, "task_list", board=1, page_size=3, page_token=token)["total"] == 4


@pytest.mark.parametrize("order", ["nothing", "title down", "title asc desc", ",", "words", "extra", "secret", "t.id"])
def test_an_order_that_is_none_is_refused(world, order):
    assert refused(world, "task_list", board=1, order_by=order)[0] == "invalid"


def test_texts_for_the_agent_say_what_counts(world):
    assert text(world, "board_create", name="new") == f"ok 3 | new | owner: {email(world, 1)}".split(" | owner")[0]
    assert text(world, "board_get", id=3) == f"id: 3\nowner: {email(world, 1)}\nname: new"
    assert text(world, "board_delete", id=3) == "ok"
    assert text(world, "board_list") == "1 found\n1 | mine"


def test_rows_have_titles_and_json_forms_for_pages(world):
    id = task(world)
    with world.transaction(readonly=True) as call:
        row = fetch(DESK, call, "task", 1)
        assert title(DESK, call, "task", row) == "Paint"
        assert view(DESK, call, "task", row)["id"] == id
        assert title(DESK, call, "setup", fetch(DESK, call, "setup", 1)) == "Setup 1"


def test_every_tool_tells_its_arguments_as_json_schema_and_takes_no_others(world):
    for name, (app, operation) in world.operations().items():
        if app.name != "desk":
            continue
        schema = operation.params.model_json_schema()
        assert schema["additionalProperties"] is False, name
        assert set(schema.get("required", ())) <= set(schema["properties"])
    schema = world.operations()["desk_task_update"][1].params.model_json_schema()
    assert schema["required"] == ["id"]
    assert schema["properties"]["state"]["enum"] == ["open", "doing", "done", None]
    assert schema["properties"]["words"]["type"] == ["array", "null"]


PAD = {
    "app": "pad",
    "title": "Pad",
    "entities": {"leaf": {"operations": ["list"], "fields": {"text": {"required": True}}}},
}


def test_a_standard_operation_under_another_name_has_what_it_leaves_out_and_may_add_to_it():
    decl = expand(AppDecl.model_validate({
        **PAD, "operations": {
            "write": {"kind": "create", "entity": "leaf", "params": {"loud": {"type": "boolean"}}},
            "drop": {"kind": "delete", "entity": "leaf"},
        },
    }))  # fmt: skip
    assert list(decl.operations["write"].params) == ["text", "loud"]
    assert decl.operations["write"].http == Http(verb="POST", path=decl.entities["leaf"].plural)
    assert decl.operations["drop"].result.status == 204
    assert expand(decl) == decl


def test_an_internal_operation_happens_as_an_event_and_by_no_tool_route_or_form():
    decl = AppDecl.model_validate({
        **PAD, "operations": {
            "leaf_turn": {"entity": "leaf", "internal": True, "set": {"text": "turned"}},
            "leaf_touch": {"entity": "leaf", "emit": [{"event": "pad.leaf_turn", "payload": {"id": "$id"}}]},
            "leaf_create": {"kind": "create", "entity": "leaf"},
        },
    })  # fmt: skip
    ready = declared(decl)
    assert {one.name for one in ready.app().operations} == {"leaf_touch", "leaf_create", "leaf_list"}
    assert not any("turn" in path for path in document(ready)["paths"])
    with World.build((ready.app(),), seed=1, start_ms=0, step_ms=1000, persons=1) as world:
        world.call("pad_leaf_create", {"text": "still"})
        assert world.call("pad_leaf_touch", {"id": 1}).result.error is None
        assert world.call("pad_leaf_list", {}).result.text == "1 found\n1 | turned"
        assert world.call("pad_leaf_turn", {"id": 1}).result.error == "unknown_tool"


@pytest.mark.parametrize(("given", "told"), [({}, 0), ({"in": None}, 0), ({"in": 0}, 1), ({"in": 2}, 1)])
def test_an_event_comes_after_what_a_parameter_says_and_not_at_all_where_it_says_nothing(given, told):
    decl = AppDecl.model_validate({
        **PAD, "operations": {
            "leaf_create": {
                "kind": "create", "entity": "leaf", "params": {"in": {"type": "integer", "min": 0}},
                "emit": [{"event": "pad.echo", "after": "$in", "unit": "hour", "payload": {"text": "later"}}],
            },
            "echo": {"params": {"text": {}}, "make": [{"entity": "leaf", "values": {"text": "$text"}}]},
        },
    })  # fmt: skip
    with World.build((declared(decl).app(),), seed=1, start_ms=0, step_ms=1000, persons=1) as world:
        before = world.now_ms
        assert world.call("pad_leaf_create", {"text": "now", **given}).result.error is None
        due = world.connection.execute("SELECT due_ms FROM kit_event").fetchall()
        waits = world.call("pad_leaf_list", {}).result.text
        assert (waits.count("later"), len(due)) == (int(told and not given["in"]), int(told and bool(given["in"])))
        assert [ms - before for (ms,) in due] in ([], [2 * 3_600_000], [2 * 3_600_000 + 1000])


def test_a_required_event_that_nobody_handles_is_an_error_and_leaves_nothing():
    decl = AppDecl.model_validate({
        **PAD, "operations": {
            "leaf_create": {
                "kind": "create", "entity": "leaf", "emit": [{"event": "mail.deliver", "required": True}],
            },
        },
    })  # fmt: skip
    with World.build((declared(decl).app(),), seed=1, start_ms=0, step_ms=1000, persons=1) as world:
        assert world.call("pad_leaf_create", {"text": "t"}).result.error == "invalid"
        assert world.call("pad_leaf_list", {}).result.text == "0 found"
