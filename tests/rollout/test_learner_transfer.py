"""Transfer in small: three apps to learn in, one held out, two rounds. What is held out stays out; no score counts."""

import asyncio
import json

import pytest

from factory.errors import BuildError
from factory.spec import parse_spec
from factory.store import Store
from factory.worlds.generated.certify import is_held_out
from rollout.learner import transfer_run
from rollout.learner.evaluate import attempts, collect
from rollout.learner.grpo import GrpoConfig, round_attempts
from rollout.learner.sft import SftConfig, demonstration_row
from rollout.learner.transfer import FormLearning, TransferConfig, TransferLearning, app_of, survey
from rollout.pools import LocalPool, PolicySpec

SPEC = """
kind: world
name: small
seed: 7
start: 2025-03-03T09:00:00Z
step_seconds: 60
persons: 4
apps:
  docs: {}
  tasksv1: {from: "discovery:tasks:v1", rows: {list: 3, task: 3}}
  youtubereportingv1: {from: "discovery:youtubereporting:v1", rows: {job: 3}}
  peoplev1: {from: "discovery:people:v1", rows: {contact_group: 3}}
  composerv1: {from: "discovery:composer:v1", rows: {environment: 3}}
tasks:
  max_steps: 4
  generated:
    per_template: 10
    templates: [create]
    heldout_apps: [composerv1]
"""
CONFIG = TransferConfig(
    run="small", width=32, layers=1, hidden=32, probe_every=4, probe_tasks=4, times=1, train_tasks=8, curve_tasks=4,
    sft=SftConfig(steps=4, batch=8, part=8), form=SftConfig(steps=4, batch=8, part=8), curve_every=1,
    grpo=GrpoConfig(rounds=2, prompts=2, group=2, minimum=2, steps=1, epochs=1, max_tokens=8, part=8),
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transfer")
    (folder / "small.yaml").write_text(SPEC)
    store = Store(folder / "store")
    suite, held = transfer_run.build_world(folder / "small.yaml", store)
    ground = asyncio.run(transfer_run.surveyed(suite, held, CONFIG))
    return folder, store, held, ground


def test_the_whole_of_it_leaves_a_report_of_the_promised_form(place):
    folder, store, held, _ = place
    found = transfer_run.transfer(folder / "small.yaml", store, folder / "out", CONFIG, workers=1)
    assert json.loads((folder / "out" / "report.json").read_text()) == json.loads(json.dumps(found))
    assert found["heldout_apps"] == held == ["composerv1"]
    assert found["train_apps"] == ["peoplev1", "tasksv1", "youtubereportingv1"]
    assert set(found["success"]) == {"heldout", "new_wordings", "train"}
    for by_stage in found["success"].values():
        assert list(by_stage) == ["chance", "warm_start", "final"]
        assert all(one["n"] > 0 and {"success", "stderr", "by_app"} <= set(one) for one in by_stage.values())
    assert set(found["controls"]) == {"shuffled_observations", "random_policy"}
    assert [point["round"] for point in found["curve"]] == [0, 1, 2]
    assert found["rounds"] == 2
    assert found["wall_s"] > 0


def test_no_held_out_app_is_in_any_demonstration_round_or_probe(place):
    folder, _, held, ground = place
    tasks = ground.suite.tasks
    run = TransferLearning(LocalPool(ground.suite), ground, CONFIG, folder / "plan")
    assert {app_of(tasks[id]) for id in (*run.heldout_tasks, *run.reworded_tasks)} == set(held)
    assert not {app_of(tasks[id]) for id in run.train_tasks} & set(held)
    for round_ in range(4):
        played = round_attempts(ground.suite, CONFIG.grpo, round_)
        assert not {app_of(tasks[one.task_id]) for one in played} & set(held)


def test_no_held_out_instruction_shapes_the_vocabulary(place):
    """Played again without the held-out app's tasks, the survey comes to the same words."""
    _, _, held, ground = place

    async def without():
        suite = ground.only({id for id, task in ground.suite.tasks.items() if task.split == "train"}).suite
        async with LocalPool(suite) as pool:
            return await survey(pool, suite, held, CONFIG)

    assert asyncio.run(without()).words == ground.words
    assert set(asyncio.run(without()).tokenizer.words) <= set(ground.tokenizer.words)


def test_the_held_out_app_s_words_are_known_as_words_and_take_others_places(place):
    _, _, _, ground = place
    tool = "composerv1_environments_list"
    assert tool in ground.words.tools
    assert len(ground.tokenizer.encode(tool)) == 1
    learned = next(id for id, task in ground.suite.tasks.items() if task.split == "train")
    assert tool not in "".join(ground.seen[learned])


def test_the_same_warm_start_comes_out_twice(place):
    folder, _, _, ground = place

    async def warm(name):
        async with LocalPool(ground.suite) as pool:
            return (await TransferLearning(pool, ground, CONFIG, folder / name).warm_start()).version()

    assert asyncio.run(warm("once")) == asyncio.run(warm("again"))


def test_a_shuffled_observation_comes_from_another_task(place):
    folder, _, _, ground = place
    run = TransferLearning(LocalPool(ground.suite), ground, CONFIG, folder / "donors")
    tasks, donors = ground.suite.tasks, run.donors(run.train_tasks)
    assert set(donors) == set(run.train_tasks)
    for id, seen in donors.items():
        assert seen in [ground.seen[k] for k in run.train_tasks if app_of(tasks[k]) != app_of(tasks[id])]


def test_the_warm_start_at_the_level_of_chance_never_sees_what_its_own_task_would_show(place):
    folder, _, _, ground = place

    async def shown(kind):
        async with LocalPool(ground.suite) as pool:
            return await kind(pool, ground, CONFIG, folder / kind.__name__).demonstrate()

    real, form = (asyncio.run(shown(kind)) for kind in (TransferLearning, FormLearning))
    for one, other in zip(real, form, strict=True):
        assert one.instruction == other.instruction
        assert [step.action for step in one.steps] == [step.action for step in other.steps]
        assert one.steps[0].observation == ground.seen[one.attempt.task_id][0]
        assert other.steps[0].observation != one.steps[0].observation


def test_held_out_tasks_are_worded_as_training_s_and_others_are_told_apart(place):
    folder, _, _, ground = place
    tasks = ground.suite.tasks
    run = TransferLearning(LocalPool(ground.suite), ground, CONFIG, folder / "worded")
    trained = {tasks[id].private["wording"] for id in run.train_tasks}
    assert run.heldout_tasks
    assert run.reworded_tasks
    assert {tasks[id].private["wording"] for id in run.heldout_tasks} <= trained
    assert not {tasks[id].private["wording"] for id in run.reworded_tasks} & trained


def test_held_out_apps_are_those_of_the_hash_and_no_others():
    of = SPEC.replace("heldout_apps: [composerv1]", "heldout_apps: [tasksv1]")
    with pytest.raises(BuildError, match="hash"):
        transfer_run.heldout_apps(parse_spec(of, "small.yaml"))


def test_the_world_of_the_claim_has_20_apps_to_learn_in_and_5_held_out_that_are_no_other_version_of_one():
    spec = parse_spec(transfer_run.SPEC.read_text(), "transfer.yaml")
    apps = set(spec.apps) - {"docs"}
    assert len({spec.apps[name]["from"].split(":")[1] for name in apps}) == len(apps) == 25
    assert sum(map(is_held_out, apps)) == len(transfer_run.heldout_apps(spec)) == 5


def test_every_task_that_is_kept_fits_the_context(place):
    _, _, _, ground = place

    async def played():
        async with LocalPool(ground.suite) as pool:
            wanted = attempts("fit", sorted(ground.suite.tasks), [0], 0)

            return await collect(pool, wanted, PolicySpec("oracle"))

    for one in asyncio.run(played()):
        assert one.reward == 1.0
        assert demonstration_row(ground.tokenizer, one, CONFIG.context) is not None
