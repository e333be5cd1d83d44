"""Worlds whose tools now and then fail: oracles try again, and tasks that take it are certified."""

from __future__ import annotations

from dataclasses import replace

import pytest
from generated_world import built, spec

from app_clones.kit.faults import codes
from factory.audit import audit, summary
from factory.errors import SpecError
from factory.spec import FaultsSpec, parse_spec
from factory.worlds.at_once import at_once
from factory.worlds.certify import Auditor, walk_faults, walked_reward
from factory.worlds.generated.diversity import kind_of
from factory.worlds.generated.family import plan_of
from factory.worlds.generated.oracle import way


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    of = spec(FaultsSpec(rate=0.3), per_template=2, max_steps=24)
    return built(tmp_path_factory.mktemp("club"), of)


@pytest.fixture(scope="module")
def suite(world):
    return world[2]


def recovering(suite):
    return [task for task in suite.tasks.values() if kind_of(task.template) == "recover"]


def test_only_worlds_with_faults_have_tasks_to_recover_from_one(suite, tmp_path):
    assert len(recovering(suite)) >= 4
    assert recovering(built(tmp_path, spec(per_template=2))[2]) == []


def test_the_oracle_meets_a_fault_tries_again_and_earns_one(suite):
    decl = suite.families[0].can.decl
    for task in recovering(suite):
        assert len(suite.oracle(task)) > len(way(decl, plan_of(task)))
        with suite.fork_world() as world:
            errors = [world.call(action.name, action.arguments).result.error for action in suite.oracle(task)]
            assert set(errors) - {None}
            assert set(errors) <= {None, *codes()}
            assert suite.judge(task, world).reward == 1.0


def test_who_does_not_try_again_has_not_done_it(suite):
    decl = suite.families[0].can.decl
    lost = 0
    for task in recovering(suite):
        with suite.fork_world() as world:
            for action in way(decl, plan_of(task)):
                world.call(action.name, action.arguments)
            lost += suite.judge(task, world).reward == 0.0
    assert lost >= 1


def test_tasks_of_all_kinds_are_certified_among_faults_and_rerun_alike(world):
    store, _, suite = world
    ids = list(suite.tasks)[::3]
    found = audit(store, suite, task_ids=ids)
    assert [one.survivors for one in found.tasks if not one.ok] == []
    assert summary(found.tasks)["reruns_identical"] == len(ids)


def test_an_error_that_is_no_fault_of_the_service_still_costs_the_certificate(suite):
    task = recovering(suite)[0]
    plan = plan_of(task)
    deed = plan.deeds[0]
    gone = deed.target.model_copy(
        update={
            "names": {**deed.target.names, deed.target.what.entity: 999_999},
            "paths": {**deed.target.paths, deed.target.what.entity: "no/such"},
        }
    )
    wrong = plan.model_copy(update={"deeds": (deed.model_copy(update={"target": gone}),)})
    changed = type(task)(**{**{name: getattr(task, name) for name in task.__dataclass_fields__},
                            "private": {**task.private, "plan": wrong.model_dump(mode="json")}})  # fmt: skip
    certificate, _ = Auditor(suite).certify(changed)
    assert not certificate.ok


def test_the_oracle_of_every_task_gets_through_the_pages_that_fail_now_and_then(suite):
    patient = [replace(task, max_steps=80) for task in suite.tasks.values()]
    assert {task.id: wrong for task in patient if (wrong := walk_faults(suite, task))} == {}
    offered = set()
    for task in patient[::4]:
        texts = walked_texts(suite, task)
        offered |= {word for word in ("Try again", "Reload the page", 'button "Sign in"') if word in texts}
        if "Try again" in texts:  # who gives up where the first page fails has not done it
            assert walked_reward(suite, task, suite.walk(task)[:1]) == 0.0
    assert {"Try again", 'button "Sign in"'} <= offered


def walked_texts(suite, task):
    """All that the pages' oracle is shown; a fork at each step shows the same and is in the same state."""
    through, way = suite.pages(task), suite.walk(task)
    at_once(through.open())
    texts = []
    for action in way:
        checkpoint = at_once(through.freeze())
        fork = suite.pages(task) if not checkpoint.actions else replace(suite, view="browser").fork(task, checkpoint)
        at_once(fork.open())
        here, there = at_once(through.step(action)), at_once(fork.step(action))
        assert (here.observation.text, here.state_digest) == (there.observation.text, there.state_digest)
        at_once(fork.close())
        texts.append(here.observation.text)
    at_once(through.close())
    return "\n".join(texts)


def test_a_create_that_is_repeated_although_it_was_done_earns_nothing(suite):
    tasks = [task for task in suite.tasks.values() if kind_of(task.template) == "recover_create"]
    doubled = 0
    for task in tasks:
        *before, made, submit = suite.oracle(task)
        with suite.fork_world() as world:
            for action in (*before, made):
                world.call(action.name, action.arguments)
            errors = [world.call(made.name, made.arguments).result.error for _ in range(12)]
            if None in errors:  # else the app itself keeps from making a second one
                world.call(submit.name, submit.arguments)
                assert suite.judge(task, world).reward == 0.0
                doubled += 1
    assert doubled


SPEC = """kind: world
name: notes
seed: 1
start: 2025-03-03T09:00:00Z
step_seconds: 60
persons: 2
apps: {notes: {}}
tasks: {generated: {}}
"""


def test_a_spec_says_which_faults_there_are():
    found = parse_spec(SPEC + "faults: {rate: 0.2, kinds: [rate_limit]}\n", "x.yaml")
    assert (found.faults.rate, found.faults.kinds, found.faults.window_seconds) == (0.2, ("rate_limit",), 120)
    with pytest.raises(SpecError, match=r"x\.yaml:9: faults"):
        parse_spec(SPEC + "faults: {rate: 2}\n", "x.yaml")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("templates: [cuont]", "did you mean count"),
        ("heldout_templates: [cuont]", "did you mean count"),
        ("heldout_apps: [ntoes]", "did you mean notes"),
        ("most: 0", "greater than or equal to 1"),
    ],
)
def test_kinds_and_apps_that_are_not_there_are_said_with_what_was_meant(line, told):
    text = SPEC.replace("tasks: {generated: {}}", f"tasks: {{generated: {{{line}}}}}")
    with pytest.raises(SpecError, match=told):
        parse_spec(text, "x.yaml")
