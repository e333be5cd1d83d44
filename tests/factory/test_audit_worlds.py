"""The audit of worlds: every gate is shown to catch what was planted for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from random import Random

import pytest
from small_world import built, small_spec, some, with_private

from app_clones.kit.errors import WorldDiverged
from factory import audit as audits
from factory.audit import CERTIFICATE, audit, by_template, certificate_of, certified, summary, table
from factory.environment import Action, Certificate, Check, Checkpoint, Tally, TaskCertificate, Verdict
from factory.errors import BuildError
from factory.store import Store
from factory.verifiers.mail import EXPECTED
from factory.verifiers.net_change import OUTCOME, Expected, judge
from factory.worlds import rerun
from factory.worlds.certify import Auditor, play, traces
from factory.worlds.episode import step
from factory.worlds.fullcheck import FullCheck
from factory.worlds.isomorphism import Form, same
from factory.worlds.resumed import State, resume
from factory.worlds.suite import WorldSuite, judge_net_change, load
from factory.worlds.variants import Pool, variants


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return built(tmp_path_factory.mktemp("store"), small_spec(train=2, heldout=2))


@pytest.fixture(scope="module")
def suite(small):
    return small[2]


def certify(suite: WorldSuite, template: str, **private: object):
    return Auditor(suite).certify(some(suite, template, **private))[0]


# ---- a sound suite


def test_every_task_of_a_sound_suite_is_certified_and_served(small):
    store, manifest, suite = small
    told = []
    certificate = audit(store, suite, tell=lambda done, of: told.append((done, of)))
    assert [one.survivors for one in certificate.tasks if not one.ok] == []
    figures = summary(certificate.tasks)
    n = len(suite.tasks)
    assert (figures["tasks"], figures["ok"], figures["oracle"], figures["noop"]) == (n, n, n, n)
    assert figures["near_misses"]["killed"] == figures["near_misses"]["n"] >= 15 * n
    assert figures["reruns_identical"] == figures["reruns"] == n
    assert told[-1] == (n, n)
    assert certificate_of(store, suite.digest) == certificate
    assert certified(Store(store.root), load(manifest, store)).tasks.keys() == suite.tasks.keys()
    rows = by_template(certificate, suite)
    assert table({**rows, "all": figures}).count("\n") == 1 + len(rows)


def test_more_processes_find_the_same(small):
    store, _, suite = small
    ids = list(suite.tasks)[::5]
    assert audit(store, suite, task_ids=ids, workers=2) == audit(store, suite, task_ids=ids, workers=1)


def test_a_suite_without_a_certificate_is_not_certified(tmp_path):
    store, _, suite = built(tmp_path, small_spec(train=2, heldout=2))
    with pytest.raises(BuildError, match="has no certificate"):
        certified(store, suite)


def test_a_suite_of_any_class_is_served_by_its_certificate_and_left_as_it_was(tmp_path):
    class Plain:
        name, digest = "plain", "ab" * 32

        def __init__(self):
            self.tasks = {"one": "first", "two": "second"}

    store, suite = Store(tmp_path), Plain()
    found = [
        TaskCertificate(id, 1.0, 0.0, *[Tally(1, 1), 0, *[Tally(0, 0)] * 2], 1, 1, ok=id == "two") for id in suite.tasks
    ]
    store.set_ref(CERTIFICATE, suite.digest, store.put_json(asdict(Certificate(suite.digest, "plain", tuple(found)))))
    assert certified(store, suite).tasks == {"two": "second"}
    assert len(suite.tasks) == 2


def test_what_is_neither_world_nor_repository_is_not_audited(small):
    store, _, suite = small
    with pytest.raises(BuildError, match="neither a world nor a repository"):
        audit(store, type("Other", (), {"name": "other", "digest": suite.digest, "tasks": {}})())


def test_a_task_that_is_not_there_is_said_to_be_missing(small):
    store, _, suite = small
    with pytest.raises(BuildError, match=r"mail has no task mail/lable/t0000 \(did you mean mail/label/t0000\?\)"):
        audit(store, suite, task_ids=["mail/lable/t0000"])


def test_near_misses_reach_every_step_every_row_and_every_table(suite):
    task = some(suite, "forward")
    names = [variant.name for variant in variants(suite.oracle(task), Pool(suite), Random(1))]
    for k in range(3):
        assert any(name.startswith(f"without step {k}") for name in names)
    assert any(name.startswith("steps 0 and 1 swapped") for name in names)
    assert any(name.startswith("step 1 twice") for name in names)
    assert any("mail_forward.to = " in name for name in names)
    assert any("mail_forward.body given as" in name for name in names)
    assert any(name.startswith("task_decline instead") for name in names)
    assert any(name.startswith("beside it") for name in names)


# ---- weakened verifiers, each planted, each caught


def weakened(change: Callable[..., Verdict]) -> Callable[..., Verdict]:
    def weak(suite, task, world):
        expected = EXPECTED[task.template](task.private, suite.start)
        return change(expected, world.net_change(), world.registry.schema)

    return weak


def ignores_unrelated_changes(expected: Expected, found, schema) -> Verdict:
    verdict = judge(expected, found, schema)
    checks = tuple(check for check in verdict.checks if check.name != "no_other_changes")
    return Verdict(float(all(check.passed for check in checks)), checks)


def accepts_any_answer(expected: Expected, found, schema) -> Verdict:
    checks = tuple(check for check in judge(expected, found, schema).checks if check.name != "answer")
    return Verdict(float(all(check.passed for check in checks)), checks)


def accepts_any_outcome(expected: Expected, found, schema) -> Verdict:
    checks = tuple(check for check in judge(expected, found, schema).checks if check.name not in ("outcome", "answer"))
    return Verdict(float(all(check.passed for check in checks)), checks)


def skips_fresh_rows(expected: Expected, found, schema) -> Verdict:
    def old(changes):
        return tuple(c for c in changes if c.op != "insert" or c.table == OUTCOME)

    return judge(replace(expected, changes=old(expected.changes)), old(found), schema)


def skips_deleted_rows(expected: Expected, found, schema) -> Verdict:
    def left(changes):
        return tuple(c for c in changes if c.op != "delete")

    return judge(replace(expected, changes=left(expected.changes)), left(found), schema)


def skips_labels(expected: Expected, found, schema) -> Verdict:
    def other(changes):
        return tuple(c for c in changes if c.table != "mail_message_label")

    return judge(replace(expected, changes=other(expected.changes)), other(found), schema)


def skips_references(expected: Expected, found, schema) -> Verdict:
    def plain(changes):
        rows = []
        for c in changes:
            refs = {column.name for column in schema[c.table].columns if column.kind == "ref"}
            rows.append(c if schema[c.table].key else replace(c, new={n: v for n, v in c.new.items() if n not in refs}))
        return tuple(rows)

    return judge(replace(expected, changes=plain(expected.changes)), plain(found), schema)


def counts_rows_only(expected: Expected, found, schema) -> Verdict:
    rest = [c for c in found if c.table not in (OUTCOME, "kit_meta", "kit_counter", "kit_stream")]
    right = sorted((c.table, c.op) for c in rest) == sorted((c.table, c.op) for c in expected.changes)
    outcome = judge(expected, found, schema).checks[:2]
    return Verdict(float(right and all(check.passed for check in outcome)), (*outcome, Check("rows", right)))


def accepts_everything(expected: Expected, found, schema) -> Verdict:
    return Verdict(1.0, ())


@pytest.mark.parametrize(
    ("weak", "template"),
    [
        (ignores_unrelated_changes, "label"),
        (ignores_unrelated_changes, "note"),
        (accepts_any_answer, "answer_fact"),
        (accepts_any_outcome, "archive_position"),
        (accepts_any_outcome, "trash_if_starred"),
        (skips_fresh_rows, "send"),
        (skips_fresh_rows, "create_label"),
        (skips_deleted_rows, "archive_position"),
        (skips_labels, "label"),
        (skips_references, "forward"),
        (counts_rows_only, "label"),
        (counts_rows_only, "note_fact"),
        (counts_rows_only, "forward"),
        (accepts_everything, "note"),
    ],
)
def test_a_weakened_verifier_is_caught(suite, weak, template):
    certificate = certify(replace(suite, judging=weakened(weak)), template)
    assert not certificate.ok
    assert certificate.near_misses.killed < certificate.near_misses.n
    assert certificate.survivors


def test_the_verifier_that_was_weakened_passes_whole(suite):
    for template in EXPECTED:
        assert certify(suite, template).ok


def test_a_verifier_that_asks_for_more_than_the_task_is_caught(suite):
    def pedantic(suite, task, world):
        steps = len(world.steps())
        return replace(judge_net_change(suite, task, world), reward=float(steps == len(suite.oracle(task))))

    certificate = certify(replace(suite, judging=pedantic), "label")
    assert not certificate.ok
    assert any("equal to the oracle, yet it earned 0" in survivor for survivor in certificate.survivors)


def test_a_verifier_that_wants_no_answer_but_silence_is_caught(suite):
    def pedantic(suite, task, world):
        verdict = judge_net_change(suite, task, world)
        silent = all(change.new["answer"] == "" for change in world.net_change() if change.table == OUTCOME)
        return verdict if silent else replace(verdict, reward=0.0)

    task = some(suite, "note")
    certificate, _ = Auditor(replace(suite, judging=pedantic)).certify(task)
    assert any("answer" in one and "yet it earned 0" in one for one in certificate.survivors)


def test_another_answer_is_a_near_miss_only_where_one_is_asked_for(suite):
    def answers(template):
        auditor, task = Auditor(suite), some(suite, template)
        played = play(suite, task, auditor.full)
        said = replace(played.way[-1], arguments={"answer": "something else"})
        world = resume(suite, played.states[-2])
        with world:
            step(world, said)
            same_as = Form(world.net_change(), auditor.schema, asked=played.form.asked).same(played.form)
            return same_as, suite.judge(task, world).reward

    assert answers("note") == (True, 1.0)
    assert answers("answer_fact") == (False, 0.0)


def test_a_weakened_verifier_is_kept_out_of_the_store_of_served_tasks(tmp_path):
    store, manifest, suite = built(tmp_path, small_spec(train=2, heldout=0))

    def partly_weak(suite, task, world):
        weak = weakened(accepts_everything) if task.template == "note" else judge_net_change
        return weak(suite, task, world)

    certificate = audit(store, replace(suite, judging=partly_weak))
    served = certified(store, load(manifest, store))
    assert by_template(certificate, served)["not served"]["tasks"] == 2
    assert {task.template for task in served.tasks.values()} == set(EXPECTED) - {"note"}
    assert len(load(manifest, store).tasks) == len(suite.tasks)


# ---- wrong tasks


def test_a_task_whose_oracle_picks_another_mail_is_not_certified(suite):
    task = some(suite, "label")
    other = some(suite, "forward").private["mail"]
    assert other != task.private["mail"]
    wrong = with_private(suite, task, mail=other)
    certificate, _ = Auditor(wrong).certify(wrong.tasks[task.id])
    assert certificate.oracle == 0.0
    assert not certificate.ok


def test_a_task_that_its_verifier_cannot_judge_is_not_certified_and_the_audit_goes_on(suite):
    task = some(suite, "label")
    wrong = with_private(suite, task, subject="nothing of the kind")
    certificate, trace = Auditor(wrong).certify(wrong.tasks[task.id])
    assert not certificate.ok
    assert certificate.survivors[0].startswith("no verdict: no row for SELECT")
    assert trace == ""


def test_a_task_to_refrain_from_without_its_twin_is_not_certified(suite):
    task = some(suite, "trash_if_starred", act=False)
    alone = {id: one for id, one in suite.tasks.items() if not one.private.get("act")}
    certificate, _ = Auditor(replace(suite, tasks=alone)).certify(task)
    assert not certificate.ok
    assert any("always declining pays" in survivor for survivor in certificate.survivors)


def test_a_failing_step_of_an_oracle_is_not_certified(suite):
    class Stumbling(WorldSuite):
        def oracle(self, task, done=()):
            return (Action("mail_read", {"id": 999_999}), *super().oracle(task, done))

    fields = {name: getattr(suite, name) for name in suite.__dataclass_fields__}
    certificate = certify(Stumbling(**fields), "note")
    assert certificate.oracle == 1.0
    assert not certificate.ok
    assert any("mail_read failed" in survivor for survivor in certificate.survivors)


# ---- determinism


def test_a_row_moved_behind_the_kits_back_is_found_by_the_full_check(suite):
    with suite.fork_world() as world:
        full = FullCheck(world)
        full.check(world)
        world.call("notes_create", {"text": "one"})
        full.check(world)
        world.connection.execute("UPDATE mail_label SET name = 'other' WHERE id = 9")
        with pytest.raises(WorldDiverged):
            full.check(world)


def test_reruns_happen_under_other_circumstances(small):
    store, _, suite = small
    other = rerun.finish(rerun.start(store, suite.digest))
    assert other.hash_seed == "4242"
    assert other.zone == "+1400"
    assert other.faketime == (other.year > time.localtime().tm_year + 4)
    ids = list(suite.tasks)
    assert other.traces == traces(suite, ids)


def test_a_rerun_that_differs_costs_the_certificate(suite):
    task = some(suite, "note")
    certificate, trace = Auditor(suite).certify(task)
    told = rerun.Rerun({task.id: trace}, {}, 2031, "+1400", "1", True)
    assert audits._with_rerun(certificate, trace, told, []).ok
    differing = audits._with_rerun(certificate, trace, replace(told, traces={task.id: "0" * 64}), [])
    assert (differing.ok, differing.reruns, differing.reruns_identical) == (False, 1, 0)


def test_a_rerun_that_dies_is_an_error_and_not_a_pass(small):
    store, _, _ = small
    with pytest.raises(BuildError, match="rerun in another process failed"):
        rerun.finish(rerun.start(store, "0" * 64))


# ---- equal net changes


def net(suite, *calls):
    with suite.fork_world() as world:
        for tool, arguments in calls:
            assert world.call(tool, arguments).result.error is None
        return world.net_change(), world.registry.schema


def test_net_changes_are_the_same_up_to_the_order_of_fresh_rows(suite):
    mails = [("mail_send", {"to": to, "subject": "a b", "body": "hello"}) for to in ("Ana", "Luis", "Ana")]
    one, schema = net(suite, *mails)
    other, _ = net(suite, *reversed(mails), ("clock_wait", {"minutes": 5}))
    assert same(one, other, schema)
    swapped, _ = net(suite, mails[0], mails[1], mails[1])
    assert not same(one, swapped, schema)


def test_net_changes_that_differ_only_in_whom_a_reference_names_are_not_the_same(suite):
    one, schema = net(suite, ("notes_create", {"text": "x"}))
    other = tuple(
        replace(change, new={**change.new, "owner": 2}) if change.table == "notes_note" else change for change in one
    )
    assert same(one, one, schema)
    assert not same(one, other, schema)


# ---- worlds opened where they were


def test_a_resumed_world_is_the_restored_one_and_goes_on_alike(suite):
    with suite.fork_world() as world:
        world.call("mail_create_label", {"name": "some label"})
        world.call("mail_send", {"to": "Ana", "subject": "a b", "body": "hello"})
        state, checkpoint = State.of(world), Checkpoint(suite.snapshot_digest, world.changeset())
    with resume(suite, state) as resumed, suite.fork_world(checkpoint) as restored:
        for world in (resumed, restored):
            world.check()
            assert world.call("notes_create", {"text": "one"}).result.error is None
            world.check()
        assert resumed.state_digest == restored.state_digest
        assert resumed.changeset() == restored.changeset()
        assert resumed.net_change() == restored.net_change()


@pytest.mark.parametrize("template", list(EXPECTED))
def test_a_verdict_that_need_not_explain_itself_is_the_same_verdict(suite, template):
    task, auditor = some(suite, template), Auditor(suite)
    played = play(suite, task, auditor.full)
    for variant in variants(played.way, auditor.pool, Random(3)):
        with auditor._vary(played, variant)() as world:
            said = suite.judge(task, world)
            unsaid = auditor.suite.judge(task, world)
        assert unsaid.reward == said.reward
        if said.reward == 0.0:
            assert any(check.detail for check in said.checks)
