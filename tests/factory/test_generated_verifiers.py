"""What generated tasks must leave: read from the declaration, and every slip of oracle or verifier is found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from generated_world import built, club, spec

from app_clones.kit.registry import KIT_TABLES
from factory.environment import Verdict
from factory.errors import VerifierError
from factory.verifiers.declared.deeds import (
    ID,
    Act,
    Condition,
    Count,
    Create,
    Delete,
    Described,
    Guard,
    Largest,
    New,
    Plan,
    Target,
    Update,
    Value,
)
from factory.verifiers.declared.expected import expected
from factory.verifiers.net_change import judge
from factory.worlds.certify import Auditor
from factory.worlds.generated.diversity import kind_of
from factory.worlds.generated.family import plan_of


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return built(tmp_path_factory.mktemp("club"), spec(per_template=5))[2]


@pytest.fixture(scope="module")
def ready():
    return club()


@pytest.fixture
def left(suite, ready):
    """What a plan leaves in the club, by table and kind of change."""
    tables = {table.name: table for table in (*KIT_TABLES, *ready.app().tables)}

    def run(plan: Plan):
        return expected(ready.decl, tables, plan, suite.start, frozenset(ready.app().events))

    return run


def some(suite, kind, **wanted):
    return next(
        task
        for task in suite.tasks.values()
        if kind_of(task.template) == kind and all(getattr(plan_of(task), k) == v for k, v in wanted.items())
    )


def player(suite, **columns) -> Target:
    """The first player with these columns, called by number of its code."""
    where = " AND ".join(f"{name} = ?" for name in columns) or "1"
    id = suite.start.rows(f"SELECT id FROM club_player WHERE {where} ORDER BY id", *columns.values())[0]["id"]
    what = Described(entity="player", where=(Condition(field=ID, value=f"P-{id:08x}"),))
    return Target(what=what, id=id, names={"player": f"P-{id:08x}"})


def rows(found):
    return [(change.table, change.op) for change in found.changes]


# ---- slips, each planted, each found


def with_plan(suite, task, plan):
    changed = replace(task, private={**task.private, "plan": plan.model_dump(mode="json")})
    return replace(suite, tasks={**suite.tasks, task.id: changed}, expected={}), changed


@pytest.mark.parametrize("kind", ["find_update", "copy", "undo", "act"])
def test_an_oracle_that_goes_to_another_row_than_is_described_is_found(suite, kind):
    task = some(suite, kind)
    plan = plan_of(task)
    deed = plan.deeds[0]
    entity = deed.target.what.entity
    other = next(
        target
        for one in suite.tasks.values()
        for target in [getattr(plan_of(one).deeds[0], "target", None) if plan_of(one).deeds else None]
        if target and target.what.entity == entity and target.id != deed.target.id
    )
    wrong = deed.model_copy(update={"target": other.model_copy(update={"what": deed.target.what})})
    planted, changed = with_plan(suite, task, plan.model_copy(update={"deeds": (wrong,)}))
    certificate, _ = Auditor(planted).certify(changed)
    assert certificate.oracle == 0.0
    assert not certificate.ok


def test_an_oracle_that_answers_wrongly_is_found(suite):
    task = some(suite, "count")
    plan = plan_of(task)
    planted, changed = with_plan(suite, task, plan.model_copy(update={"answer": str(int(plan.answer) + 1)}))
    assert not Auditor(planted).certify(changed)[0].ok


def test_an_oracle_that_acts_where_the_app_forbids_it_is_found(suite):
    task = some(suite, "if_allowed", act=False)
    planted, changed = with_plan(suite, task, plan_of(task).model_copy(update={"act": True}))
    certificate, _ = Auditor(planted).certify(changed)
    assert certificate.oracle == 0.0


def test_an_oracle_that_knows_what_nothing_told_it_is_found(suite):
    task = next(task for task in suite.tasks.values() if task.template == "club.find_update.player")
    plan = plan_of(task)
    target = plan.deeds[0].target
    blind = plan.deeds[0].model_copy(update={"target": target.model_copy(update={"look": ()})})
    planted, changed = with_plan(suite, task, plan.model_copy(update={"deeds": (blind,)}))
    certificate, _ = Auditor(planted).certify(changed)
    assert certificate.oracle == 1.0
    assert not certificate.ok
    assert any("nothing tells the id" in survivor for survivor in certificate.survivors)


def ignores_other_rows(suite, task, world) -> Verdict:
    wanted = suite.family(task.template).expected(task, suite.start)
    checks = judge(wanted, world.net_change(), world.registry.schema).checks
    kept = tuple(check for check in checks if check.name != "no_other_changes")
    return Verdict(float(all(check.passed for check in kept)), kept)


def ignores_columns(suite, task, world) -> Verdict:
    wanted = suite.family(task.template).expected(task, suite.start)
    mine = [(c.table, c.op) for c in world.net_change() if c.table.startswith("club_")]
    right = sorted(mine) == sorted((c.table, c.op) for c in wanted.changes)
    outcome = judge(wanted, world.net_change(), world.registry.schema).checks[:2]
    return Verdict(float(right and all(check.passed for check in outcome)), outcome)


def accepts_any_answer(suite, task, world) -> Verdict:
    wanted = suite.family(task.template).expected(task, suite.start)
    checks = judge(wanted, world.net_change(), world.registry.schema).checks
    kept = tuple(check for check in checks if check.name != "answer")
    return Verdict(float(all(check.passed for check in kept)), kept)


@pytest.mark.parametrize(
    ("weak", "kind"),
    [
        (ignores_other_rows, "create"),
        (ignores_other_rows, "find_update"),
        (ignores_columns, "match_update"),
        (ignores_columns, "transfer"),
        (ignores_columns, "chain"),
        (accepts_any_answer, "report"),
        (accepts_any_answer, "compare"),
    ],
)
def test_a_weakened_verifier_is_found(suite, weak, kind):
    certificate, _ = Auditor(replace(suite, judging=weak)).certify(some(suite, kind))
    assert not certificate.ok
    assert certificate.survivors


# ---- what the declaration says


def test_a_new_row_has_what_is_given_then_its_defaults_and_the_rest_is_empty(left, suite):
    team = Target(what=Described(entity="team", where=(Condition(field=ID, value=1),)), id=1, names={"team": 1})
    news = (New(field="name", value="A B"), New(field="team", row=team), New(field="position", value="wing"))
    (made,) = left(Plan(deeds=(Create(operation="player_create", entity="player", set=news),))).changes
    assert made.new["status"] == "fit"
    assert (made.new["team"], made.new["number"], made.new["tags"]) == (1, None, None)
    assert "updated" not in made.new
    assert made.key["id"] < 0


def test_an_operation_sets_makes_appends_and_waits(left, suite):
    fit = player(suite, status="fit")
    found = left(Plan(deeds=(Act(operation="player_injure", target=fit, inputs=(New(field="reason", value="knee"),)),)))
    assert sorted(rows(found)) == [("club_note", "insert"), ("club_player", "update")]
    note = next(change for change in found.changes if change.table == "club_note")
    assert [note.new[name] for name in ("body", "kind", "player", "author")] == ["knee", "medical", fit.id, 1]
    found = left(Plan(deeds=(Act(operation="player_retire", target=fit),)))
    event = next(change for change in found.changes if change.table == "kit_event")
    assert event.new["event"] == "club.player_forget"
    assert f'"id":"P-{fit.id:08x}"' in event.new["payload"]
    changed = next(change for change in found.changes if change.table == "club_player")
    assert '"former"' in changed.new["tags"]


def test_a_copy_is_a_new_row_with_what_is_set(left, suite):
    (made,) = left(Plan(deeds=(Act(operation="player_double", target=player(suite)),))).changes
    assert made.op == "insert"
    assert made.new["number"] == 77


def test_what_hangs_on_a_deleted_row_goes_is_cleared_or_forbids_it(left, suite):
    mentor = suite.start.rows("SELECT mentor AS id FROM club_player WHERE mentor IS NOT NULL ORDER BY id")[0]["id"]
    found = left(Plan(deeds=(Delete(operation="player_delete", target=player(suite, id=mentor)),)))
    notes = len(suite.start.rows("SELECT id FROM club_note WHERE player = ? ORDER BY id", mentor))
    assert rows(found).count(("club_note", "delete")) == notes
    cleared = [change for change in found.changes if change.op == "update"]
    assert cleared
    assert all(change.new == {"mentor": None} for change in cleared)
    held = suite.start.rows("SELECT team AS id FROM club_player ORDER BY id")[0]["id"]
    team = Target(
        what=Described(entity="team", where=(Condition(field=ID, value=held),)), id=held, names={"team": held}
    )
    assert left(Plan(deeds=(Delete(operation="team_delete", target=team),))).outcome == "declined"


def test_a_new_row_whose_id_or_name_is_taken_is_refused(left, suite):
    taken = suite.start.rows("SELECT slug FROM club_room ORDER BY id")[0]["slug"]
    named = suite.start.rows("SELECT name FROM club_team ORDER BY id")[0]["name"]
    for slug, outcome in ((taken, "declined"), ("free-room", "submitted")):
        deed = Create(operation="room_create", entity="room", slug=slug, set=(New(field="seats", value=3),))
        assert left(Plan(deeds=(deed,))).outcome == outcome
    for name, outcome in ((named, "declined"), ("Nobody's team", "submitted")):
        deed = Create(operation="team_create", entity="team", set=(New(field="name", value=name),))
        assert left(Plan(deeds=(deed,))).outcome == outcome


def test_an_id_is_taken_under_one_parent_alone(left, suite):
    (first, room), *_ = [
        (row["slug"], row["room"]) for row in suite.start.rows("SELECT slug, room FROM club_booking ORDER BY id")
    ]
    for id, slug in [
        (row["id"], row["slug"]) for row in suite.start.rows("SELECT id, slug FROM club_room ORDER BY id")
    ]:
        above = Target(what=Described(entity="room", where=(Condition(field=ID, value=slug),)), id=id, names={})
        deed = Create(
            operation="booking_create", entity="booking", parent=above, slug=first,
            set=(New(field="day", value="2025-04-01"),),
        )  # fmt: skip
        there = suite.start.rows("SELECT id FROM club_booking WHERE room = ? AND slug = ? ORDER BY id", id, first)
        assert left(Plan(deeds=(deed,))).outcome == ("declined" if there else "submitted")
        assert there or id != room


def test_where_a_state_or_the_instruction_forbids_it_declining_is_right(left, suite):
    hurt = player(suite, status="injured")
    act = Act(operation="player_injure", target=hurt, inputs=(New(field="reason", value="x"),))
    assert left(Plan(deeds=(act,))).outcome == "declined"
    change = Update(operation="player_update", target=hurt, set=(New(field="number", value=5),))
    for value, outcome in (("injured", "submitted"), ("fit", "declined")):
        guard = Guard(target=hurt, field="status", value=value)
        assert left(Plan(deeds=(change,), guard=guard)).outcome == outcome


def test_questions_are_answered_from_the_rows(left, suite):
    fit = Described(entity="player", where=(Condition(field="status", value="fit"),))
    number = suite.start.one("SELECT count(*) FROM club_player WHERE status = 'fit'")[0]
    assert left(Plan(question=Count(what=fit))).answer == str(number)
    one = player(suite)
    assert left(Plan(question=Value(target=one, field="name"))).answer == suite.start.row("club_player", one.id)["name"]


def test_a_comparison_of_equals_has_no_answer(left, suite):
    one = player(suite)
    with pytest.raises(VerifierError, match="none is the largest"):
        left(Plan(question=Largest(of=(one, one), field="number", label="name")))


def test_a_description_that_fits_several_rows_is_no_task(left, suite):
    several = Target(
        what=Described(entity="player", where=(Condition(field="status", value="fit"),)), id=1, names={"player": "x"}
    )
    with pytest.raises(VerifierError, match="rows of player fit"):
        left(Plan(deeds=(Delete(operation="player_delete", target=several),)))


def test_a_group_must_be_exactly_the_rows_of_the_deeds(left, suite):
    task = some(suite, "relation")
    plan = plan_of(task)
    assert left(plan).outcome == "submitted"
    more = plan.every.model_copy(update={"where": ()})
    with pytest.raises(VerifierError, match="the group is rows"):
        left(plan.model_copy(update={"every": more}))
