"""Tasks from schemas: of every kind, certified, worded apart, the same everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from random import Random
from string import Formatter

import pytest
from generated_world import CLUB, built, spec
from small_world import ROOT

from app_clones.declared.engine import declared
from app_clones.declared.model import AppDecl
from factory.apps import found_of
from factory.audit import audit, summary
from factory.errors import BuildError
from factory.store import Store
from factory.verifiers.declared.deeds import (
    ID,
    Condition,
    Create,
    Described,
    New,
    Plan,
    Target,
    Update,
    targets_of,
)
from factory.worlds.certify import Auditor
from factory.worlds.family import SPLITS
from factory.worlds.generated import diversity
from factory.worlds.generated.diversity import kind_of, measure
from factory.worlds.generated.family import plan_of
from factory.worlds.generated.guessing import best_guesses
from factory.worlds.generated.kind import is_told
from factory.worlds.generated.kinds import KINDS
from factory.worlds.suite import build_found, load
from factory.worlds.variants import Pool, near, variants


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return built(tmp_path_factory.mktemp("club"), spec(per_template=5))


@pytest.fixture(scope="module")
def suite(world):
    return world[2]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Enough of the kinds that only a look decides to tell a policy's share from luck."""
    kinds = ("count", "compare", "report", "if_allowed", "only_if")
    return built(tmp_path_factory.mktemp("many"), spec(per_template=30, templates=kinds))[2]


@pytest.fixture(scope="module")
def auditor(suite):
    return Auditor(suite)


def of_kind(suite, kind):
    return [task for task in suite.tasks.values() if kind_of(task.template) == kind]


# ---- what is asked


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if not kind.faulty])
def test_tasks_of_every_kind_are_certified(suite, auditor, kind):
    tasks = of_kind(suite, kind)
    assert {task.split for task in tasks} <= set(SPLITS)
    assert len(tasks) >= 3
    for task in tasks:
        certificate, _ = auditor.certify(task)
        assert certificate.ok, (task.id, task.instruction, certificate)
        assert certificate.near_misses.killed == certificate.near_misses.n >= 5


def test_an_audit_of_generated_tasks_reruns_them_elsewhere(world):
    store, _, suite = world
    ids = list(suite.tasks)[::9]
    figures = summary(audit(store, suite, task_ids=ids).tasks)
    assert figures["ok"] == figures["reruns_identical"] == len(ids)


def test_no_two_tasks_ask_the_same(suite):
    assert Counter(task.instruction for task in suite.tasks.values()).most_common(1)[0][1] == 1


def test_no_row_that_a_heldout_task_changes_is_changed_in_training(suite):
    def rows(split):
        found = set()
        for task in suite.tasks.values():
            if task.split == split and kind_of(task.template) in ("find_update", "undo", "act", "copy", "report"):
                plan = plan_of(task)
                first = plan.deeds[0].target if plan.deeds else next(targets_of(plan))
                found.add((first.what.entity, first.id))
        return found

    assert rows("heldout")
    assert not rows("heldout") & rows("train")


def test_neither_an_id_nor_an_answer_that_must_be_looked_up_stands_in_the_instruction(suite):
    for task in suite.tasks.values():
        plan = plan_of(task)
        for target in targets_of(plan):
            if target.what.entity == "player":
                assert str(target.names["player"]) not in task.instruction
        if kind_of(task.template) in ("report", "count"):
            assert plan.answer not in task.instruction


def test_new_values_are_never_those_that_are_there(suite):
    for task in of_kind(suite, "find_update"):
        deed = plan_of(task).deeds[0]
        row = suite.start.row(f"club_{deed.target.what.entity}", deed.target.id)
        for new in deed.set:
            assert (new.row.id if new.row else new.value) != row[new.field]


def test_twins_share_their_wording_and_two_of_three_are_to_be_done(many):
    for kind in ("if_allowed", "only_if"):
        for split in SPLITS:
            tasks = [task for task in of_kind(many, kind) if task.split == split]
            acting = Counter((t.template, t.private["wording"]) for t in tasks if plan_of(t).act)
            refraining = Counter((t.template, t.private["wording"]) for t in tasks if not plan_of(t).act)
            assert acting == {key: 2 * n for key, n in refraining.items()}
            assert acting


def test_no_instruction_names_the_id_of_a_row_that_is_perhaps_to_be_left_alone(many):
    for kind in ("if_allowed", "only_if"):
        for task in of_kind(many, kind):
            plan = plan_of(task)
            if isinstance(plan.deeds[0], Create):  # what is to be in the new row must be looked for
                assert any(new.source for new in plan.deeds[0].set)
                continue
            what, app = plan.deeds[0].target.what, many.family(task.template).can.decl
            operation = app.operations[plan.deeds[0].operation]
            assert not is_told(app, what, operation)
            telling = {plan.guard.field} if plan.guard else {*operation.when, *operation.only}
            assert not telling & {condition.field for condition in what.where}


def test_a_chain_names_the_row_that_it_makes_as_the_app_will(suite):
    for task in of_kind(suite, "chain"):
        way = suite.oracle(task)
        with suite.fork_world() as fork:
            for action in way:
                assert fork.call(action.name, action.arguments).result.error is None
    assert any(isinstance(deed, Create) for task in of_kind(suite, "chain") for deed in plan_of(task).deeds)


# ---- wordings


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_has_twelve_wordings_in_training_and_others_held_out(kind):
    wordings = KINDS[kind].wordings
    assert len(set(wordings.train)) >= 12
    assert len(set(wordings.heldout)) >= 3
    assert not set(wordings.train) & set(wordings.heldout)
    named = [said_by(one) for one in (*wordings.train, *wordings.heldout)]
    implied = {"row"} if kind == "only_if" else set()  # its {do} names the row
    assert set.union(*named) - set.intersection(*named) <= implied, "leaves out what another wording says"


def said_by(wording):
    """The slots of a wording that say what is asked; ``{all}`` and ``{any}`` name the same rows."""
    names = {name.removeprefix("a_") for _, name, _, _ in Formatter().parse(wording) if name}
    return {"any" if name == "all" else name for name in names} - {"app", "plural"}


def test_heldout_wordings_are_read_in_no_training_task(suite):
    heldout = {text for kind in KINDS.values() for text in kind.wordings.heldout}
    used = {split: {t.private["wording"] for t in suite.tasks.values() if t.split == split} for split in SPLITS}
    assert not used["train"] & heldout
    assert used["heldout"] & heldout


def test_the_instructions_are_varied(suite):
    figures = measure(suite.tasks.values(), kind_of)
    assert figures["instructions"] == figures["tasks"] == len(suite.tasks)
    assert figures["template_evenness"] > 0.9
    assert figures["jaccard_distance"] > 0.7
    assert figures["distinct_1"] < figures["distinct_2"] < figures["distinct_3"]


def test_words_that_are_always_the_same_are_not_varied(suite):
    task = next(iter(suite.tasks.values()))
    figures = measure([task, task], kind_of)
    assert figures["instructions"] == 1
    assert figures["jaccard_distance"] == 0.0
    assert figures["distinct_3"] <= 0.5


def test_the_figures_of_a_spec_are_printed_and_a_wrong_one_is_told(tmp_path, capsys):
    (tmp_path / "club").mkdir()
    (tmp_path / "club" / "app.yaml").write_text(CLUB.read_text())
    (tmp_path / "world.yaml").write_text(
        "kind: world\nname: club\nseed: 3\nstart: 2025-03-03T09:00:00Z\nstep_seconds: 60\npersons: 3\n"
        "apps: {club: {from: club}}\ntasks: {max_steps: 12, generated: {per_template: 1, most: 12}}\n"
    )
    assert diversity.main([str(tmp_path / "world.yaml")]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["tasks"] >= 12
    assert figures["best_guess"].keys() == figures["wordings"].keys()
    assert diversity.main([str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml" in capsys.readouterr().err
    assert diversity.main([]) == 2


# ---- what a spec may ask for


def test_a_spec_may_ask_for_some_kinds_and_so_many_tasks(tmp_path):
    suite = built(tmp_path, spec(per_template=4, most=9, templates=("count", "report")))[2]
    assert {kind_of(task.template) for task in suite.tasks.values()} == {"count", "report"}
    assert len(suite.tasks) == 9


def test_kinds_and_apps_can_be_kept_from_training(tmp_path):
    suite = built(tmp_path / "kind", spec(per_template=2, heldout_templates=("undo",)))[2]
    assert {task.split for task in of_kind(suite, "undo")} == {"heldout"}
    assert "train" in {task.split for task in of_kind(suite, "find_update")}
    suite = built(tmp_path / "app", spec(per_template=2, heldout_apps=("club",)))[2]
    assert {task.split for task in suite.tasks.values()} == {"heldout"}


def test_a_template_of_no_kind_and_no_app_is_nobodys(suite):
    for name in ("club.nonsense.team", "other.count.team", "label"):
        with pytest.raises(BuildError, match="no such template"):
            suite.family(name)


def test_an_answer_counts_only_where_the_task_asks_for_one(suite):
    for kind in KINDS:
        for task in of_kind(suite, kind)[:2]:
            *way, last = suite.oracle(task)
            with suite.fork_world() as fork:
                for action in way:
                    fork.call(action.name, action.arguments)
                fork.call(last.name, {"answer" if last.name == "task_submit" else "reason": "done!"})
                assert suite.judge(task, fork).reward == float(plan_of(task).question is None), task.id


async def test_what_can_be_done_without_looking_earns_little(suite):
    tasks = [task for task in suite.tasks.values() if kind_of(task.template) not in ("create", "chain")]
    right = 0.0
    for task in tasks:
        with suite.fork_world() as fork:
            for action in suite.best_blind(task):
                fork.call(action.name, action.arguments)
            right += suite.judge(task, fork).reward
    assert right <= 0.3 * len(tasks)


@pytest.mark.parametrize("kind", ["count", "compare", "report", "if_allowed", "only_if"])
def test_no_guess_earns_more_than_a_third_where_only_a_look_decides(many, kind):
    tasks = len(of_kind(many, kind))
    assert tasks >= 20
    # Which task comes to which split is by its row: a task more than the third that was meant is luck.
    assert best_guesses(many)[kind] <= 1 / 3 + 1 / tasks


def test_a_policy_that_declines_wherever_it_may_be_right_is_among_the_guesses(many):
    assert best_guesses(many)["only_if"] == pytest.approx(1 / 3, abs=1e-3)


def test_a_comparison_is_guessed_by_what_it_names_first(many):
    for task in of_kind(many, "compare"):
        assert f'"{many.best_blind(task)[-1].arguments["answer"]}"' in task.instruction


def test_a_row_that_is_named_by_its_id_is_no_secret_to_the_guesser(suite):
    """Else the figure would say that looking is needed where it is not."""
    what = Described(entity="note", where=(Condition(field=ID, value=3),))
    deed = Update(
        operation="note_update",
        target=Target(what=what, id=3, names={"note": 3}),
        set=(New(field="kind", value="medical"),),
    )
    named = replace(of_kind(suite, "find_update")[0], private={"plan": Plan(deeds=(deed,)).model_dump(mode="json")})
    assert [action.name for action in suite.best_blind(named)] == ["club_note_update", "task_submit"]


def test_no_number_is_the_answer_to_most_counts(suite):
    answers = Counter(plan_of(task).answer for task in of_kind(suite, "count"))
    assert max(answers.values()) <= answers.total() / 3


DESK = {
    "app": "desk",
    "title": "Desk",
    "entities": {
        "ticket": {
            "fields": {"title": {"required": True}, "holder": {"type": "ref", "to": "person", "required": True}},
            "operations": ["list", "get", "create"],
            "rows": 12,
        }
    },
    "operations": {
        "ticket_assign": {
            "entity": "ticket",
            "params": {"agent": {"type": "ref", "to": "person", "required": True}},
            "set": {"holder": "$agent"},
        }
    },
}


def test_an_operation_is_asked_for_only_where_it_changes_something(tmp_path):
    asked = spec(per_template=20, templates=("act",)).model_copy(update={"apps": {"desk": {}}, "persons": 2})
    store = Store(tmp_path)
    found = load(build_found(asked, (found_of(declared(AppDecl.model_validate(DESK))),), store), store)
    assert len(found.tasks) >= 5
    for task in found.tasks.values():
        (deed,) = plan_of(task).deeds
        held = found.start.row("desk_ticket", deed.target.id)["holder"]
        assert deed.inputs[0].row.id != held


# ---- near misses of any JSON


@pytest.mark.parametrize(
    "value", ["text", "", 3, 2.5, True, False, ["a", "b"], [], {"a": 1, "b": {"c": "d"}}, {"only": [1]}, {}]
)
def test_what_is_near_a_value_is_another_of_its_kind(value):
    other = near(value)
    assert type(other) is type(value)
    assert json.dumps(other) != json.dumps(value)


def test_each_property_of_a_resource_is_left_out_and_altered_as_a_near_miss(suite):
    task = next(task for task in suite.tasks.values() if task.template == "club.create.player")
    way = suite.oracle(task)
    resource = {"title": "x", "labels": {"a": "b"}}
    wrapped = (*way[:-2], replace(way[-2], arguments={**way[-2].arguments, "name": resource}), way[-1])
    names = [one.name for one in variants(wrapped, Pool(suite), Random(1))]
    for key in resource:
        assert any(name.endswith(f"name without {key}") for name in names)
        assert any(f"name.{key} = " in name for name in names)


# ---- determinism


def test_another_hash_seed_zone_and_directory_draw_the_same_tasks(world, tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from generated_world import *;"
        "store, manifest, suite = built(Path(sys.argv[2]), spec(per_template=5));"
        "print(manifest.tasks, manifest.start_digest)"
    )
    env = {**os.environ, "PYTHONHASHSEED": "77", "TZ": "Asia/Kolkata", "LC_ALL": "C", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, str(ROOT / "tests" / "factory"), str(tmp_path / "elsewhere")]
    told = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    assert told == [world[1].tasks, world[1].start_digest]


def test_another_seed_draws_other_tasks(world, tmp_path):
    other = built(tmp_path, spec(per_template=5).model_copy(update={"seed": 12}))[1]
    assert other.tasks != world[1].tasks


def test_tasks_are_plain_json_that_a_worker_reads_back(suite):
    for task in suite.tasks.values():
        assert plan_of(task) == plan_of(type(task)(**json.loads(json.dumps(vars_of(task)))))


def vars_of(task):
    return {name: getattr(task, name) for name in task.__dataclass_fields__}


def test_the_app_of_these_tests_is_as_small_as_an_app_is_said_to_be():
    assert len(CLUB.read_text().splitlines()) < 150
