"""What generated tasks say is true of the world, means one thing, and is not to be guessed."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from generated_world import built, club, spec

from app_clones.declared.engine import declared
from app_clones.declared.model import AppDecl, FieldDecl
from factory.apps import found_of
from factory.store import Store
from factory.verifiers.declared.deeds import Described, Guard, targets_of
from factory.worlds.certify import Auditor
from factory.worlds.generated.abilities import abilities
from factory.worlds.generated.asking import belows
from factory.worlds.generated.calls import deed_call
from factory.worlds.generated.diversity import kind_of
from factory.worlds.generated.family import plan_of
from factory.worlds.generated.guessing import best_guesses
from factory.worlds.generated.phrases import worded
from factory.worlds.generated.survey import MOST_ROWS, is_nothing
from factory.worlds.generated.values import plain
from factory.worlds.suite import build_found, load


def suite_of(folder, decl, **generated):
    """Tasks of a declaration, alone in its world."""
    app = AppDecl.model_validate(decl)
    asked = spec(**generated).model_copy(update={"name": app.app, "apps": {app.app: {}}})
    store = Store(folder)
    return load(build_found(asked, (found_of(declared(app)),), store), store)


def conditions(what: Described):
    for one in what.where:
        yield what.entity, one
        if one.row:
            yield from conditions(one.row)


# ---- unset is not false, and reads like it

DEPOT = {
    "app": "depot",
    "title": "Depot",
    "entities": {
        "crate": {
            "fields": {
                "title": {"required": True},
                "fragile": {"type": "boolean"},
                "shelf": {"type": "integer", "min": 1, "max": 4},
            },
            "operations": ["list", "get", "create", "update", "delete"],
            "rows": 40,
        }
    },
}


@pytest.fixture(scope="module")
def depot(tmp_path_factory):
    kinds = ("count", "match_update", "filter_delete", "only_if")
    return suite_of(tmp_path_factory.mktemp("depot"), DEPOT, per_template=30, templates=kinds)


def asked_for(plan):
    """All values that a plan goes by."""
    described = [target.what for target in targets_of(plan)]
    described += [plan.every] if plan.every else []
    described += [plan.question.what] if plan.question else []
    yield from ((one.field, one.value) for what in described for _, one in conditions(what))


def test_no_row_is_sought_by_what_is_false_beside_rows_that_hold_nothing(depot):
    assert {row["fragile"] for row in depot.start.rows("SELECT fragile FROM depot_crate ORDER BY id")} == {0, 1, None}
    asked = [one for task in depot.tasks.values() for one in asked_for(plan_of(task))]
    assert ("fragile", True) in asked
    assert ("fragile", False) not in asked


@pytest.mark.parametrize("value", [None, False, 0, 0.0, "", "STATE_UNSPECIFIED"])
def test_what_apis_leave_out_reads_like_nothing(value):
    assert is_nothing(value)
    assert not is_nothing(True)
    assert not is_nothing("open")


def test_no_row_that_leaves_a_flag_out_is_left_alone_because_the_flag_must_be_false(depot):
    guards = [(plan_of(task).guard, plan_of(task).act) for task in depot.tasks.values() if plan_of(task).guard]
    held = [depot.start.row("depot_crate", guard.target.id)["fragile"] for guard, act in guards if refrains(guard, act)]
    assert held
    assert None not in held


def refrains(guard: Guard, act: bool) -> bool:
    return guard.field == "fragile" and guard.value is False and not act


# ---- a mistake that is to be undone was made


@pytest.fixture(scope="module")
def clubs(tmp_path_factory):
    """A club in which mistakes were made, and the same without."""
    kinds = ("undo", "find_update")
    spoilt = built(tmp_path_factory.mktemp("spoilt"), spec(per_template=10, templates=kinds))[2]
    return spoilt, built(tmp_path_factory.mktemp("club"), spec(per_template=1, templates=("count",)))[2]


def undone(suite):
    """Table, deed and wrong row of each task that undoes a mistake."""
    for task in suite.tasks.values():
        (deed,) = plan_of(task).deeds
        table = f"club_{deed.target.what.entity}"
        if kind_of(task.template) == "undo":
            yield task, table, deed, suite.start.row(table, deed.target.id)


def test_what_is_undone_was_done_and_what_is_restored_was_there(clubs):
    spoilt, sound = clubs
    found = list(undone(spoilt))
    assert len(found) >= 8
    for _, table, deed, wrong in found:
        right = sound.start.row(table, deed.target.id)
        assert {name: right[name] for name in wrong if right[name] != wrong[name]}.keys() == {
            *(new.field for new in deed.set),
            *({"updated"} & wrong.keys()),
        }
        for new in deed.set:
            assert right[new.field] == new.value


def test_what_another_row_tells_of_the_old_state_the_instruction_does_not(clubs):
    told = [(task, new) for task, _, deed, _ in undone(clubs[0]) for new in deed.set]
    assert [new for _, new in told if new.source]
    assert [new for _, new in told if not new.source]
    for task, new in told:
        assert (f"from {worded(new.value)} to" in task.instruction) is (new.source is None)


def test_mistakes_are_the_same_in_every_build(clubs, tmp_path):
    again = built(tmp_path, spec(per_template=10, templates=("undo", "find_update")))[2]
    assert again.start_digest == clubs[0].start_digest != clubs[1].start_digest


@pytest.mark.parametrize("kind", ["undo", "find_update"])
def test_rows_that_need_no_look_are_a_third_at_most(clubs, kind):
    assert best_guesses(clubs[0])[kind] <= 1 / 3


# ---- what no field shows is seen by where a row lies


def test_rows_are_asked_for_and_counted_by_a_parent_that_no_field_shows(tmp_path):
    assert club().decl.entities["booking"].fields["room"].hidden
    suite = built(tmp_path, spec(per_template=10, templates=("relation", "compare")))[2]
    plans = [plan_of(task) for task in suite.tasks.values() if task.template == "club.relation.booking"]
    assert "room" in {one.field for plan in plans for _, one in conditions(plan.every)}
    abouts = abilities(club(), (), 60_000)
    assert ("booking", "room") in belows(abouts, abouts.of["room"])


# ---- a row is moved by making it anew, and an id that is taken is not given again


@pytest.fixture(scope="module")
def moving(tmp_path_factory):
    return built(tmp_path_factory.mktemp("moving"), spec(per_template=30, templates=("move", "if_allowed")))[2]


def test_what_is_moved_is_made_with_what_it_holds_under_another_row_and_deleted(moving):
    plans = [plan_of(task) for task in moving.tasks.values() if kind_of(task.template) == "move"]
    assert len(plans) >= 10
    for made, gone in (plan.deeds for plan in plans):
        table = f"club_{made.entity}"
        row = moving.start.row(table, gone.target.id)
        assert {new.field: new.value for new in made.set}.items() <= row.items()
        assert made.parent.id != row[club().decl.entities[made.entity].parent]


def test_one_of_three_new_rows_has_an_id_that_is_taken_and_is_refused_by_the_app(moving):
    found = [(task, plan_of(task)) for task in moving.tasks.values() if task.template == "club.if_allowed.room_create"]
    assert sum(plan.act for _, plan in found) == 2 * sum(not plan.act for _, plan in found) > 0
    for _, plan in found:
        action = deed_call(club().decl, plan.deeds[0])
        with moving.fork_world() as world:
            assert (world.call(action.name, action.arguments).result.error is None) is plan.act


def test_of_more_rows_than_are_looked_through_no_id_is_known_to_be_taken(tmp_path):
    rack = {
        "key": {"form": "given"},
        "fields": {"title": {"required": True}, "note": {}},
        "operations": ["list", "get", "create"],
        "rows": MOST_ROWS + 1,
    }
    suite = suite_of(tmp_path, {**DEPOT, "entities": {**DEPOT["entities"], "rack": rack}}, per_template=4)
    assert {task.template for task in suite.tasks.values()}.isdisjoint({"depot.if_allowed.rack_create"})


@pytest.mark.parametrize("kind", ["move", "if_allowed"])
def test_nothing_is_moved_or_made_anew_without_a_look(moving, kind):
    assert best_guesses(moving)[kind] <= 1 / 3


# ---- no answer is the usual one


def test_no_row_wins_more_than_a_third_of_the_comparisons(tmp_path):
    """Of five rows, the largest would win six of the ten comparisons that there are."""
    few = {**DEPOT["entities"]["crate"], "rows": 5}
    suite = suite_of(tmp_path, {**DEPOT, "entities": {"crate": few}}, per_template=30, templates=("compare",))
    answers = Counter(plan_of(task).answer for task in suite.tasks.values())
    assert answers.total() >= 4
    assert max(answers.values()) <= answers.total() / 3 + 1


def test_groups_to_be_deleted_are_of_several_rows_as_long_as_there_are_such(tmp_path):
    suite = built(tmp_path, spec(per_template=4, templates=("filter_delete",)))[2]
    sizes = Counter(len(plan_of(task).deeds) for task in suite.tasks.values())
    assert sizes.total() >= 10
    assert sizes[1] <= sizes.total() / 4


# ---- what must be said and makes no difference

PARTS = {
    "part": {"role": "inert", "required": True, "place": "query"},
    "fields": {"role": "read_mask", "required": True, "place": "query"},
}
SILENT = {
    **DEPOT,
    "entities": {"crate": {**DEPOT["entities"]["crate"], "operations": ["get", "update", "delete"], "rows": 12}},
    "operations": {
        "crate_list": {"kind": "list", "entity": "crate", "params": PARTS},
        "crate_create": {
            "kind": "create",
            "entity": "crate",
            "params": {**PARTS, "title": {"role": "field", "field": "title", "required": True}},
        },
    },
}


def test_operations_that_want_to_be_told_what_makes_no_difference_have_tasks(tmp_path):
    suite = suite_of(tmp_path, SILENT, per_template=3, templates=("create", "find_update", "count", "undo"))
    assert {kind_of(task.template) for task in suite.tasks.values()} == {"create", "find_update", "count", "undo"}
    auditor = Auditor(suite)
    assert all(auditor.certify(task)[0].ok for task in suite.tasks.values())


def test_a_field_whose_rows_hold_few_words_is_set_to_one_of_these():
    roles = ["reader", "writer", "owner", "reader", "reader", "writer", "reader", "writer"]
    field, rng = FieldDecl(type="string"), Random(1)
    assert {plain(field, rng, 0, ("reader",), roles) for _ in range(40)} == {"writer", "owner"}
    assert plain(field, rng, 0, (), roles[:7]) not in roles, "too few rows to tell"
    assert plain(field, rng, 0, (), [f"Name {word}" for word in roles]) not in roles


# ---- nobody reads more than a paragraph


def test_no_instruction_is_longer_than_anybody_would_read(tmp_path):
    words = " ".join(["incomprehensibilities"] * 2)
    rows = [{"title": f"{words} number {n}", "shelf": n % 4 + 1} for n in range(12)]
    crate = {**DEPOT["entities"]["crate"], "rows": 0, "given": rows, "title": "Crate " + " ".join(["of crates"] * 16)}
    long = {**DEPOT, "entities": {"crate": crate}}
    suite = suite_of(tmp_path, long, per_template=6, templates=("compare", "report"))
    kinds = {kind_of(task.template) for task in suite.tasks.values()}
    assert kinds == {"report"}, "a comparison names three such crates"
    assert all(len(task.instruction) <= 600 for task in suite.tasks.values())
