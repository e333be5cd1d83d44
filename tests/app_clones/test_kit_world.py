"""Worlds: forks, steps, the clock, events, streams, errors, digests."""

import contextlib

import pytest
from pydantic import ValidationError

from app_clones.kit.app import App, Operation, Params
from app_clones.kit.errors import AppError, KitError, NotFound, WorldDiverged
from app_clones.kit.sample import BOARD
from app_clones.kit.schema import Column, Table
from app_clones.kit.world import Person, World, fork_many
from app_clones.notes import NOTES

APPS = (BOARD, NOTES)
START = 1_700_000_000_000
STEP = 1000


def make(apps=APPS, **more):
    given = {"seed": 5, "start_ms": START, "step_ms": STEP, "persons": 4, "options": {"board": {"cards": 12}}}
    return World.build(apps, **{**given, **more})


@pytest.fixture
def world():
    with make() as made:
        yield made


def counts_no_logs(world):
    """The net change, the clock's row aside."""
    return [change for change in world.net_change() if change.table not in ("kit_meta", "kit_counter")]


def test_building_twice_gives_the_same_bytes_and_another_seed_gives_others():
    with make() as one, make() as two, make(seed=6) as other:
        assert one.snapshot() == two.snapshot()
        assert one.state_digest == two.state_digest != other.state_digest


def test_a_fork_leaves_its_snapshot_untouched(world):
    snapshot = world.snapshot()
    kept = bytes(bytearray(snapshot))
    with World.fork(snapshot, APPS) as fork:
        fork.call("board_add", {"title": "new"})
        assert fork.state_digest != world.state_digest
        assert fork.snapshot() != kept
    assert snapshot == kept
    with World.fork(snapshot, APPS) as again:
        assert again.state_digest == world.state_digest == again.full_digest()
        assert again.call("board_find", {"text": "new"}).result.data == []


def test_forks_do_not_see_each_other(world):
    forks = fork_many(world.snapshot(), APPS, 3)
    forks[0].call("board_add", {"title": "mine"})
    assert forks[1].state_digest == forks[2].state_digest == world.state_digest
    assert forks[1].call("board_find", {"text": "mine"}).result.data == []
    for fork in forks:
        fork.close()


def test_bytes_that_are_no_world_are_refused():
    with pytest.raises(KitError):
        World.fork(b"not a database" * 100, APPS)


def test_a_snapshot_is_not_forked_with_other_apps_than_it_was_built_with(world):
    for apps in ((BOARD,), (NOTES,), ()):
        with pytest.raises(KitError, match="other apps"):
            World.fork(world.snapshot(), apps)


def test_every_step_moves_the_clock_by_the_same_amount_whatever_it_was(world):
    for number, (tool, arguments) in enumerate(
        [("board_find", {"text": "kelp"}), ("board_add", {"title": "t"}), ("nope", {}), ("board_remove", {"id": 999})],
        1,
    ):
        world.call(tool, arguments)
        assert world.now_ms == START + number * STEP


def test_an_explicit_wait_moves_the_clock_by_what_was_asked_on_top_of_the_step(world):
    assert world.call("clock_wait", {"minutes": 5}).result.data == {"now_ms": START + STEP + 300_000}
    assert world.now_ms == START + STEP + 300_000
    world.wait(250)
    assert world.now_ms == START + 2 * STEP + 300_250


def test_a_wait_is_at_least_a_minute_and_at_most_a_month(world):
    for minutes in (0, -1, 10**9):
        assert world.call("clock_wait", {"minutes": minutes}).result.error == "invalid"


def test_an_event_fires_in_the_step_that_passes_it_and_at_its_own_time(world):
    world.call("board_remind", {"id": 3, "minutes": 2})
    world.wait(60_000)
    assert not world.call("board_find", {"text": "again"}).result.data
    due = START + 120_000
    result = world.wait(60_000)
    assert world.now_ms > due
    (found,) = world.call("board_find", {"text": "again"}).result.data
    made = world.connection.execute("SELECT made_ms,body FROM board_card WHERE id=?", (found["id"],)).fetchone()
    assert made == (due, str(due))
    assert result.changeset in world.steps()
    assert world.connection.execute("SELECT count(*) FROM kit_event").fetchone() == (0,)


def test_an_event_may_schedule_others_and_all_that_fall_due_fire_in_one_step(world):
    world.call("board_remind", {"id": 3, "minutes": 1, "times": 3})
    world.wait(600_000)
    rows = world.connection.execute("SELECT made_ms FROM board_card WHERE parent_id=3 ORDER BY id").fetchall()
    assert rows == [(START + 60_000 * n,) for n in (1, 2, 3)]


def test_events_fire_in_order_of_due_time_and_then_of_id(world):
    for id, minutes in ((1, 3), (2, 1), (3, 2), (4, 1)):
        with world.transaction() as call:
            call.schedule(minutes * 60_000 - (call.now_ms - START), "board.again", card=id, delay_ms=1, left=0)
    world.wait(600_000)
    parents = world.connection.execute("SELECT parent_id FROM board_card WHERE parent_id>0 ORDER BY id").fetchall()
    assert parents == [(2,), (4,), (3,), (1,)]


def test_an_event_whose_subject_is_gone_has_no_effect_and_is_done_with(world):
    world.call("board_remind", {"id": 12, "minutes": 1})
    world.call("board_remove", {"id": 12})
    world.wait(120_000)
    world.check()
    assert world.connection.execute("SELECT count(*) FROM kit_event").fetchone() == (0,)
    assert not world.call("board_find", {"text": "again"}).result.data


def test_ids_come_from_counters_and_are_never_given_twice(world):
    first = world.call("board_add", {"title": "a"}).result.data["id"]
    world.call("board_remove", {"id": first})
    assert world.call("board_add", {"title": "b"}).result.data["id"] == first + 1


def test_a_named_stream_goes_on_where_it_was_in_every_copy_of_the_world(world):
    first = world.call("board_draw", {}).result.data["title"]
    with World.fork(world.snapshot(), APPS) as copy:
        second = world.call("board_draw", {}).result.data["title"]
        assert copy.call("board_draw", {}).result.data["title"] == second != first
    world.undo()
    assert world.call("board_draw", {}).result.data["title"] == second


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("nope", {}),
        ("", {}),
        ("x" * 10_000_000, {}),
        ("board_add", None),
        ("board_add", [1]),
        ("board_add", {}),
        ("board_add", {"title": 5}),
        ("board_add", {"title": "t", "colour": "red"}),
        ("board_add", {"title": "t" * 10_000_000}),
        ("board_add", {"title": "t", "x" * 10_000_000: 1}),
        ("board_add", {"title": "\ud800"}),
        ("board_add", {"title": "t", "parent": 2**70}),
        ("board_add", {"title": "t", "parent": 999}),
        ("board_remove", {"id": "one"}),
        ("board_remove", {"id": None}),
        ("board_rename_tag", {"id": 1, "name": "birch"}),
        ("board_rename_tag", {"id": 77, "name": "fresh"}),
        ("board_tag", {"id": 1, "name": "amber"}),
        ("notes_create", {"text": "t", "remind_in_minutes": 5}),
    ],
)
def test_a_mistake_is_an_observation_and_changes_nothing_but_the_clock(world, tool, arguments):
    world.call("board_tag", {"id": 1, "name": "amber"})
    before = world.net_change()
    step = world.call(tool, arguments)
    assert step.result.error not in (None, "internal")
    assert step.result.text.startswith("error: ")
    assert len(step.result.text) < 600
    assert [c for c in world.net_change() if c.table != "kit_meta"] == [c for c in before if c.table != "kit_meta"]
    assert len(step.changeset) < 100
    world.check()


def test_an_operation_that_fails_late_leaves_nothing_of_what_it_did(world):
    world.call("board_add", {"title": "kid", "parent": 3})
    step = world.call("board_remove", {"id": 3})
    assert step.result.error == "invalid"
    assert [c.table for c in counts_no_logs(world)] == ["board_card"]
    assert world.call("board_find", {"text": "kid"}).result.data
    world.check()


def test_a_call_as_a_person_who_is_not_there_is_a_mistake(world):
    assert world.call("board_find", {"text": "kelp"}, actor=99).result.error == "not_found"


def test_each_person_sees_only_what_is_theirs(world):
    id = world.call("board_add", {"title": "secret"}, actor=2).result.data["id"]
    assert world.call("board_remove", {"id": id}).result.error == "not_found"
    assert world.call("board_remove", {"id": id}, actor=2).result.error is None


@pytest.mark.parametrize("ending", [("task_submit", {"answer": "42"}), ("task_decline", {"reason": "no"})])
def test_after_an_outcome_no_tool_does_anything_any_more(world, ending):
    assert world.call(*ending).result.error is None
    (outcome,) = counts_no_logs(world)
    assert outcome.table == "task_outcome"
    for tool, arguments in (ending, ("board_add", {"title": "late"}), ("board_find", {"text": "kelp"})):
        assert world.call(tool, arguments).result.error == "conflict"
    assert counts_no_logs(world) == [outcome]


def probe(run, writes=True, tables=()):
    """A world with one operation, ``probe_run``."""
    app = App(
        name="probe",
        tables=(Table("probe_row", (Column("id", "INTEGER", "id"), Column("text"))), *tables),
        operations=(Operation("run", "", Params, lambda call, params: run(call), writes),),
        populate=lambda build, options: [build.insert("probe_row", text=text) for text in "abc"] and None,
        events={"probe.loop": lambda call, payload: call.schedule(payload["ms"], "probe.loop", **payload) and None},
    )
    return make((app,), options={})


@pytest.mark.parametrize(
    "run",
    [
        lambda call: call.insert("probe_row", text="d"),
        lambda call: call.update("probe_row", 1, text="d"),
        lambda call: call.delete("probe_row", id=1),
        lambda call: call.random("stream"),
        lambda call: call.schedule(5000, "probe.loop", ms=5000),
        lambda call: call.wait(5),
        lambda call: call.perform("task_submit"),
    ],
)
def test_an_operation_declared_as_reading_cannot_write(run):
    with probe(run, writes=False) as world, pytest.raises(KitError):
        world.call("probe_run", {})
    with probe(run, writes=True) as world:
        assert world.call("probe_run", {}).result.error in (None, "internal")


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM probe_row",
        "WITH x AS (SELECT 1) DELETE FROM probe_row",
        "SELECT 1 ORDER BY 1; DELETE FROM probe_row",
        "PRAGMA user_version=5",
        "CREATE TABLE probe_late(id INTEGER PRIMARY KEY)",
        "CREATE TRIGGER probe_late AFTER INSERT ON probe_row BEGIN DELETE FROM probe_row; END",
        "SELECT id FROM probe_row",
    ],
)
def test_reading_takes_one_ordered_select_and_no_write_ddl_or_pragma(sql):
    with probe(lambda call: call.rows(sql)) as world:
        with pytest.raises(KitError):
            world.call("probe_run", {})
        world.check()
        assert world.changeset() == b""


@pytest.mark.parametrize(
    "run",
    [
        lambda call: call.insert("nowhere", text="d"),
        lambda call: call.insert("probe_row"),
        lambda call: call.insert("probe_row", text="d", more=1),
        lambda call: call.put("probe_row", text="d"),
        lambda call: call.update("probe_row", 1, id=2),
        lambda call: call.delete("probe_row"),
        lambda call: call.index("nowhere", 1, text="d"),
        lambda call: call.insert("probe_row", text=5.5j),
    ],
)
def test_an_apps_own_mistake_is_told_from_an_agents(run):
    with probe(run) as world:
        with contextlib.suppress(KitError):
            assert world.call("probe_run", {}).result.error == "internal"
        assert [c.table for c in world.net_change()] in ([], ["kit_meta"])
        world.check()


def test_a_crash_in_an_operation_is_an_internal_error_and_rolled_back():
    def crash(call):
        call.insert("probe_row", text="d")
        raise ZeroDivisionError

    with probe(crash) as world:
        result = world.call("probe_run", {}).result
        assert (result.error, result.text) == ("internal", "error: internal error: ZeroDivisionError")
        assert counts_no_logs(world) == []


def test_a_caught_failure_of_a_performed_operation_leaves_nothing_of_it():
    def inner_fails(call):
        try:
            call.perform("other_fail")
        except AppError:
            return call.insert("probe_row", text="after")

    def fail(call, params):
        call.insert("probe_row", text="lost")
        raise NotFound("late")

    other = App(
        name="other",
        tables=(),
        operations=(Operation("fail", "", Params, fail, True),),
        populate=lambda build, options: None,
    )
    with probe(inner_fails) as world:
        (app,) = [app for app in world.apps if app.name == "probe"]
    with make((app, other), options={}) as world:
        assert world.call("probe_run", {}).result.error is None
        (change,) = counts_no_logs(world)
        assert change.new["text"] == "after"


RUNAWAY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n"


@pytest.mark.parametrize("writes", [True, False])
def test_a_runaway_query_is_an_error_and_not_a_hang(writes):
    def run(call):
        if writes:
            call.insert("probe_row", text="d")
        return call.one(RUNAWAY)

    with probe(run, writes) as world:
        assert world.call("probe_run", {}).result.error == "too_expensive"
        assert counts_no_logs(world) == []
        assert world.call("probe_run", {}).result.error == "too_expensive"
        world.check()


def test_an_event_that_schedules_itself_without_end_is_an_error_and_not_a_hang(monkeypatch):
    monkeypatch.setattr("app_clones.kit.step.MOST_EVENTS", 50)
    with probe(lambda call: call.schedule(0, "probe.loop", ms=0)) as world:
        with pytest.raises(KitError, match="more than 50 events"):
            world.call("probe_run", {})
        assert world.changeset() == b""
        world.check()


def test_two_ways_to_the_same_rows_give_the_same_digest(world):
    snapshot = world.snapshot()
    with World.fork(snapshot, APPS) as one, World.fork(snapshot, APPS) as two:
        ways = [("board_tag", {"id": 2, "name": "larch"}), ("board_rename_tag", {"id": 1, "name": "other"})]
        for way in ways:
            one.call(*way)
        for way in reversed(ways):
            two.call(*way)
        assert one.state_digest == two.state_digest == one.full_digest() == two.full_digest()
        assert one.anchor_digest() == two.anchor_digest()
        assert one.net_change() == two.net_change()


def test_rows_made_under_other_ids_at_other_times_are_the_same_situation(world):
    snapshot = world.snapshot()
    with World.fork(snapshot, APPS) as one, World.fork(snapshot, APPS) as two:
        two.call("board_remove", {"id": two.call("board_add", {"title": "gone"}).result.data["id"]})
        for fork in (one, two):
            parent = fork.call("board_add", {"title": "up"}).result.data["id"]
            fork.call("board_add", {"title": "under", "parent": parent})
        assert one.state_digest != two.state_digest
        assert one.anchor_digest() == two.anchor_digest()
        two.call("board_add", {"title": "more"})
        assert one.anchor_digest() != two.anchor_digest()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE board_card SET title=title||'.' WHERE id=3",
        "DELETE FROM board_card_tag WHERE rowid IS NULL OR card_id=1",
        "INSERT INTO board_tag(id,name) VALUES(99,'planted')",
        "UPDATE board_card SET weight=NULL WHERE id=2",
        "UPDATE kit_meta SET now_ms=now_ms+1",
        "UPDATE kit_counter SET next=next+1 WHERE name='board_card'",
    ],
)
def test_a_silent_change_of_one_row_is_caught_by_the_full_digest(world, sql):
    sql = sql.replace("rowid IS NULL OR ", "")
    world.call("board_add", {"title": "t"})
    world.check()
    world.connection.execute(sql)
    assert world.full_digest() != world.state_digest
    with pytest.raises(WorldDiverged):
        world.check()


def test_values_that_only_look_alike_have_different_digests():
    digests = set()
    for text in ("1", "1.0", "", " ", "a\0b", "a"):
        with probe(lambda call, text=text: call.update("probe_row", 1, text=text)) as world:
            digests.add(world.call("probe_run", {}).state_digest)
            world.check()
    assert len(digests) == 6


def test_a_net_change_forgets_what_was_made_and_removed_again(world):
    id = world.call("board_add", {"title": "gone"}).result.data["id"]
    world.call("board_remove", {"id": id})
    assert counts_no_logs(world) == []


def test_a_world_without_steps_has_no_change_and_nothing_to_undo(world):
    assert world.changeset() == b""
    assert world.net_change() == ()
    with pytest.raises(KitError, match="nothing to undo"):
        world.undo()


def test_a_read_only_transaction_neither_writes_nor_moves_the_clock(world):
    with world.transaction(readonly=True) as call:
        assert call.rows("SELECT id FROM board_card ORDER BY id")
    with pytest.raises(KitError), world.transaction(readonly=True) as call:
        call.insert("board_tag", name="x")
    assert world.now_ms == START
    assert world.changeset() == b""


def test_a_writing_transaction_is_one_step_and_an_exception_inside_takes_all_of_it_back(world):
    with world.transaction(2) as call:
        call.insert("board_tag", name="x")
        call.perform("board_add", title="y")
    assert world.now_ms == START + STEP
    assert len(world.steps()) == 1
    with contextlib.suppress(ZeroDivisionError), world.transaction() as call:
        call.insert("board_tag", name="z")
        raise ZeroDivisionError
    assert len(world.steps()) == 1
    world.check()


def test_a_world_does_one_thing_at_a_time(world):
    with world.transaction(), pytest.raises(KitError, match="one thing at a time"):
        world.call("board_draw", {})


def test_persons_are_drawn_from_the_seed_or_taken_as_given():
    with make() as drawn:
        people = drawn.persons()
        assert len({person.name.split()[0] for person in people.values()}) == 4
    with make(persons=[Person(name="Ana Ruiz", email="ana@x.test")]) as given:
        assert given.persons() == {1: Person(name="Ana Ruiz", email="ana@x.test")}
    for count in (0, 10**6):
        with pytest.raises(KitError):
            make(persons=count)


def test_options_that_an_app_does_not_know_are_refused():
    with pytest.raises(ValidationError):
        make(options={"board": {"crads": 5}})
    with pytest.raises(KitError):
        make(options={"mial": {}})
