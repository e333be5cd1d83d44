"""Built worlds as suites: the same everywhere, playable, finishable, and not solvable without looking."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
from small_world import ROOT, act, built, full_spec, played, small_spec, some

from factory.environment import Action, Checkpoint
from factory.errors import BuildError, InputGone, VerifierError
from factory.spec import TemplateSpec
from factory.store import Store
from factory.worlds.certify import Auditor
from factory.worlds.mail_templates import TEMPLATES
from factory.worlds.suite import build_world, load

TOKEN = re.compile(r"\w+|[^\w\s]")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return built(tmp_path_factory.mktemp("store"), full_spec())


@pytest.fixture(scope="module")
def suite(whole):
    return whole[2]


def split(suite, name):
    return [task for task in suite.tasks.values() if task.split == name]


def one_of_each(suite, name="train"):
    return [next(task for task in split(suite, name) if task.template == template) for template in TEMPLATES]


# ---- what is asked


def test_there_are_enough_tasks_of_enough_templates_and_most_need_a_look(suite):
    assert len(split(suite, "train")) >= 1500
    assert len(split(suite, "heldout")) >= 150
    assert len({task.template for task in suite.tasks.values()}) >= 6
    assert sum(template.observes for template in TEMPLATES.values()) * 2 >= len(TEMPLATES)


def test_no_two_tasks_ask_the_same(suite):
    assert Counter(task.instruction for task in suite.tasks.values()).most_common(1)[0][1] == 1


def test_no_person_and_subject_of_a_heldout_task_occur_together_in_training(suite):
    pairs = {
        name: {(t.private["person"], t.private["subject"]) for t in split(suite, name)} for name in ("train", "heldout")
    }
    assert pairs["heldout"]
    assert not pairs["train"] & pairs["heldout"]


def test_no_heldout_person_topic_and_position_occur_together_in_training(suite):
    def places(name):
        asked = (t.private for t in split(suite, name) if t.template == "archive_position")
        return {(private["person"], private["topic"], private["position"]) for private in asked}

    assert places("heldout")
    assert not places("train") & places("heldout")


def test_half_of_the_heldout_tasks_are_worded_as_none_in_training(suite):
    trained = {task.private["wording"] for task in split(suite, "train")}
    new = [task for task in split(suite, "heldout") if task.private["wording"] not in trained]
    assert len(new) * 2 >= len(split(suite, "heldout"))


def test_every_word_of_a_heldout_instruction_was_read_in_training(suite):
    known = {word for task in split(suite, "train") for word in TOKEN.findall(task.instruction)}
    assert {word for task in split(suite, "heldout") for word in TOKEN.findall(task.instruction)} <= known


def test_every_template_has_six_wordings_and_more_that_are_held_out():
    for template in TEMPLATES.values():
        assert len(set(template.wordings.train)) >= 6
        assert template.wordings.heldout
        assert not set(template.wordings.train) & set(template.wordings.heldout)


async def test_neither_instruction_nor_opening_tells_what_must_be_observed(suite):
    for task in suite.tasks.values():
        environment = suite.fork(task)
        words = TOKEN.findall(task.instruction + " " + (await environment.open()).text)
        await environment.close()
        hidden = [str(task.private[name]) for name in TEMPLATES[task.template].hidden if name != "act"]
        assert not set(hidden) & set(words), task.id


def test_every_conditional_task_has_a_twin_of_its_wording_where_the_opposite_is_right(suite):
    for name in ("train", "heldout"):
        tasks = [task.private for task in split(suite, name) if task.template == "trash_if_starred"]
        acting = Counter(private["wording"] for private in tasks if private["act"])
        assert acting == Counter(private["wording"] for private in tasks if not private["act"])
        assert acting.total() > 0


async def test_the_best_that_can_be_done_blind_is_less_than_half_of_the_heldout_tasks(suite):
    tasks = split(suite, "heldout")
    solved = Counter()
    for task in tasks:
        solved[task.template] += (await played(suite, task, suite.best_blind(task)))[1].reward
    assert solved.total() <= 0.45 * len(tasks)
    looking = [template.name for template in TEMPLATES.values() if template.observes and not template.twins]
    for template in looking:
        assert solved[template] <= 0.2 * sum(task.template == template for task in tasks)
    for template in set(TEMPLATES) - set(looking) - {"trash_if_starred"}:
        assert solved[template] == sum(task.template == template for task in tasks)


# ---- playing


async def test_every_oracle_earns_one_within_its_steps_and_160_tokens(suite):
    for task in suite.tasks.values():
        way = suite.oracle(task)
        steps, verdict, _ = await played(suite, task, way)
        assert verdict.reward == 1.0, (task.id, verdict)
        assert steps[-1].done
        assert not any(step.error for step in steps)
        assert len(way) <= task.max_steps
        said = [
            task.instruction,
            *(f"{a.name} {json.dumps(a.arguments)}" for a in way),
            *(s.observation.text for s in steps),
        ]
        assert len(TOKEN.findall(" ".join(said))) <= 160


async def test_every_fork_starts_in_the_start_state(suite):
    for task in one_of_each(suite):
        environment = suite.fork(task)
        assert environment.state_digest == suite.start_digest
        await environment.close()


async def test_an_episode_forked_at_any_step_of_its_oracle_is_finished_by_the_oracle(suite):
    for task in one_of_each(suite):
        way = tuple(suite.oracle(task))
        for k in range(len(way)):
            _, early, frozen = await played(suite, task, way[:k])
            assert early.reward == 0.0
            _, verdict, _ = await played(suite, task, suite.oracle(task, way[:k]), frozen)
            assert verdict.reward == 1.0, (task.id, k)
        assert list(suite.oracle(task, way)) == []


async def test_the_oracle_takes_over_after_idle_steps_without_repeating_what_was_done(suite):
    for task in one_of_each(suite):
        idle = [act("mail_list_labels"), act("mail_label", id=1, label="nothing"), Action("nonsense", None, "{")]
        done = [*idle, *suite.oracle(task)[:-1]]
        _, _, frozen = await played(suite, task, done)
        rest = suite.oracle(task, done)
        assert len(rest) <= 1 + len(suite.oracle(task)) - len(done[len(idle) :])
        assert (await played(suite, task, rest, frozen))[1].reward == 1.0


async def test_a_write_that_was_put_differently_is_not_done_again(suite):
    task = some(suite, "forward")
    full_name = suite.start.one("SELECT name FROM kit_person WHERE name LIKE ? || ' %'", task.private["to"])[0]
    done = [act("mail_forward", id=task.private["mail"], to=full_name.upper(), body="  ")]
    _, _, frozen = await played(suite, task, done)
    rest = suite.oracle(task, done)
    assert [action.name for action in rest] == ["task_submit"]
    assert (await played(suite, task, rest, frozen))[1].reward == 1.0


def test_after_a_wrong_write_the_oracle_still_comes_to_an_end(suite):
    task = some(suite, "label")
    done = [act("mail_archive", id=task.private["mail"])]
    for _ in range(task.max_steps):
        rest = suite.oracle(task, done)
        if not rest:
            break
        done.append(rest[0])
    assert done[-1].name == "task_submit"


async def test_nothing_can_be_done_after_the_outcome(suite):
    task = some(suite, "note")
    steps, verdict, _ = await played(suite, task, [act("task_submit"), *suite.oracle(task)])
    assert steps[1].error == "conflict"
    assert verdict.reward == 0.0


@pytest.mark.parametrize(
    ("garbage", "code"),
    [
        (Action("mail_search", None, "{not json"), "invalid"),
        (Action("mail_read", {"id": "x" * 10_000_000}), "invalid"),
        (Action("y" * 10_000_000, {}), "unknown_tool"),
        (Action("mail_read", {"id": 999_999}), "not_found"),
        (Action("mail_read", {"id": 2**80}), "invalid"),
        (Action("notes_create", {"text": "\ud800"}), None),
        (Action("mail_label", {"id": 1001, "label": "urgent", "colour": "red"}), "invalid"),
    ],
)
async def test_garbage_is_an_observation_and_the_episode_goes_on(suite, garbage, code):
    task = some(suite, "create_label")
    steps, verdict, _ = await played(suite, task, [garbage, *suite.oracle(task)])
    assert steps[0].error == code or (code is None and steps[0].error)
    assert len(steps[0].observation.text) < 30_000
    assert verdict.reward == 1.0


async def test_a_checkpoint_of_another_snapshot_is_refused(suite):
    task = some(suite, "note")
    _, _, frozen = await played(suite, task, suite.oracle(task)[:1])
    with pytest.raises(InputGone, match="belongs to snapshot"):
        suite.fork(task, replace(frozen, snapshot="0" * 64))


async def test_a_row_changed_behind_the_kits_back_is_a_verifiers_fault_and_no_verdict(suite):
    task = some(suite, "note")
    found = []
    for attempt in range(1, 400):  # one state in a hundred is checked in full
        environment = suite.fork(task)
        environment.world.wait(attempt)
        environment.world.connection.execute("UPDATE mail_message SET body = 'x' WHERE id = 1001")
        try:
            await environment.verdict()
        except VerifierError as error:
            found.append(str(error))
        finally:
            await environment.close()
    assert 1 <= len(found) <= 20
    assert all("the rows give" in message for message in found)


async def test_the_change_of_a_step_is_told_row_by_row(suite):
    task = some(suite, "label")
    steps, _, _ = await played(suite, task, suite.oracle(task))
    lines = suite.describe(steps[1].changeset)
    assert any("mail_message_label" in line and str(task.private["mail"]) in line for line in lines)


# ---- building and loading


def test_another_directory_zone_locale_and_hash_seed_build_the_same(whole, tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from small_world import *;"
        "store, manifest, suite = built(sys.argv[2], full_spec());"
        "print(manifest.digest, suite.start_digest, len(suite.tasks))"
    )
    env = {**os.environ, "PYTHONHASHSEED": "99", "TZ": "Asia/Kolkata", "LC_ALL": "C", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, str(ROOT / "tests" / "factory"), str(tmp_path / "elsewhere")]
    told = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    _, manifest, suite = whole
    assert told == [manifest.digest, suite.start_digest, str(len(suite.tasks))]


def test_a_suite_loads_from_the_store_alone(whole):
    store, manifest, suite = whole
    again = load(manifest, Store(store.root))
    assert again.digest == suite.digest
    assert dict(again.tasks) == dict(suite.tasks)


def test_another_seed_gives_another_environment(tmp_path):
    store = Store(tmp_path)
    digests = {build_world(small_spec().model_copy(update={"seed": seed}), store).digest for seed in (7, 8)}
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("templates", "told"),
    [
        ({"lable": TemplateSpec(train=1)}, "no such template"),
        ({"archive_position": TemplateSpec(train=5000)}, "5000 asked for"),
        ({"trash_if_starred": TemplateSpec(train=3)}, "3 asked for"),
    ],
)
def test_tasks_that_this_world_cannot_give_are_refused_by_name(tmp_path, templates, told):
    spec = full_spec()
    spec = spec.model_copy(update={"tasks": spec.tasks.model_copy(update={"templates": templates})})
    with pytest.raises(BuildError, match=told):
        build_world(spec, Store(tmp_path))


def test_a_start_that_has_no_changes_is_a_fresh_fork(suite):
    with suite.fork_world(Checkpoint(suite.snapshot_digest)) as world:
        assert world.state_digest == suite.start_digest


def test_a_first_name_that_two_persons_share_is_never_asked_about(tmp_path):
    spec = small_spec(train=2, heldout=0).model_copy(update={"persons": 30})
    _, _, suite = built(tmp_path, spec)
    with suite.fork_world() as world:
        called = Counter(person.name.split()[0] for person in world.persons().values())
    assert max(called.values()) == 2
    people = [
        task.private[name] for task in suite.tasks.values() for name in ("person", "to") if task.private.get(name)
    ]
    assert people
    assert {called[name] for name in people} == {1}
    for template in TEMPLATES:
        assert Auditor(suite).certify(some(suite, template))[0].ok
