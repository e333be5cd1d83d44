"""The verifier of worlds: what was to change and nothing else, up to ids and times that nobody asked for."""

from __future__ import annotations

import pytest
from small_world import act, built, played, small_spec, some, with_private

from factory.errors import VerifierError
from factory.verifiers.mail import insert
from factory.verifiers.net_change import Expected, judge
from factory.verifiers.start import Start


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return built(tmp_path_factory.mktemp("store"), small_spec())[2]


def failed(verdict):
    return [check.name for check in verdict.checks if not check.passed]


async def test_what_was_left_undone_fails_expected_changes_alone(suite):
    _, verdict, _ = await played(suite, some(suite, "label"), [act("task_submit")])
    assert failed(verdict) == ["expected_changes"]
    assert verdict.reward == 0.0
    assert any(line.startswith("missing: insert mail_message_label") for line in verdict.evidence["difference"])


async def test_what_was_done_beside_it_fails_no_other_changes_alone(suite):
    task = some(suite, "label")
    *way, last = suite.oracle(task)
    _, verdict, _ = await played(suite, task, [*way, act("mail_star", id=task.private["mail"] - 1), last])
    if not failed(verdict):  # that mail was starred already: then any other
        _, verdict, _ = await played(suite, task, [*way, act("mail_create_label", name="beside"), last])
    assert failed(verdict) == ["no_other_changes"]
    assert verdict.evidence["difference"][0].startswith("unexpected: ")


async def test_a_row_that_differs_in_one_value_fails_both(suite):
    task = some(suite, "send")
    (send, last) = suite.oracle(task)
    other = act("mail_send", **{**send.arguments, "body": send.arguments["body"] + " soon"})
    _, verdict, _ = await played(suite, task, [other, last])
    assert failed(verdict) == ["expected_changes", "no_other_changes"]
    assert verdict.evidence["differences"] >= 2


async def test_a_wrong_answer_fails_answer_alone_and_is_shown(suite):
    task = some(suite, "answer_fact")
    _, verdict, _ = await played(suite, task, [act("task_submit", answer="nonsense")])
    assert failed(verdict) == ["answer"]
    assert next(check.detail for check in verdict.checks if check.name == "answer").endswith("found 'nonsense'")


@pytest.mark.parametrize("answer", ["done!", "Done. I saved the note.", ""])
async def test_where_no_answer_is_asked_for_any_is_accepted(suite, answer):
    task = some(suite, "note")
    *way, _ = suite.oracle(task)
    _, verdict, _ = await played(suite, task, [*way, act("task_submit", answer=answer)])
    assert verdict.reward == 1.0


async def test_where_no_answer_is_asked_for_none_makes_up_for_what_was_left_undone_or_declined(suite):
    task = some(suite, "note")
    *way, _ = suite.oracle(task)
    _, verdict, _ = await played(suite, task, [act("task_submit", answer="done!")])
    assert failed(verdict) == ["expected_changes"]
    _, verdict, _ = await played(suite, task, [*way, act("task_decline", reason="done!")])
    assert failed(verdict) == ["outcome"]


async def test_space_around_an_answer_and_the_reason_of_a_decline_are_free(suite):
    task = some(suite, "answer_fact")
    _, verdict, _ = await played(suite, task, [act("task_submit", answer=f" {task.private['fact']}\n")])
    assert verdict.reward == 1.0
    refrain = some(suite, "trash_if_starred", act=False)
    _, verdict, _ = await played(suite, refrain, [act("task_decline", reason="it isn't starred")])
    assert verdict.reward == 1.0


async def test_declining_where_acting_is_right_and_acting_where_declining_is_fail(suite):
    starred = some(suite, "trash_if_starred", act=True)
    _, verdict, _ = await played(suite, starred, [act("task_decline")])
    assert "outcome" in failed(verdict)
    plain = some(suite, "trash_if_starred", act=False)
    way = [act("mail_trash", id=plain.private["mail"]), act("task_submit")]
    _, verdict, _ = await played(suite, plain, way)
    assert failed(verdict) == ["outcome", "no_other_changes"]


async def test_no_outcome_is_no_success(suite):
    task = some(suite, "note")
    *way, _ = suite.oracle(task)
    _, verdict, _ = await played(suite, task, way)
    assert failed(verdict) == ["outcome", "answer"]


async def test_fresh_ids_and_times_do_not_count(suite):
    task = some(suite, "note")
    text = task.private["text"]
    detour = [
        act("notes_create", text="something else"),
        act("notes_delete", id=1),
        act("clock_wait", minutes=600),
        act("notes_create", text=text),
        act("task_submit"),
    ]
    steps, verdict, _ = await played(suite, task, detour)
    assert not any(step.error for step in steps)
    assert verdict.reward == 1.0


async def test_a_note_that_comes_with_a_reminder_is_not_the_note_asked_for(suite):
    task = some(suite, "note")
    way = [act("notes_create", text=task.private["text"], remind_in_minutes=30), act("task_submit")]
    _, verdict, _ = await played(suite, task, way)
    assert failed(verdict) == ["no_other_changes"]


async def test_a_mail_sent_to_one_more_person_fails(suite):
    task = some(suite, "send")
    (send, last) = suite.oracle(task)
    _, verdict, _ = await played(suite, task, [act("mail_send", **send.arguments, cc="bruno.rossi@example.com"), last])
    assert verdict.reward == 0.0


async def test_a_task_that_does_not_fit_its_world_is_a_fault_and_no_verdict(suite):
    task = some(suite, "label")
    wrong = with_private(suite, task, subject="nothing of the kind")
    with pytest.raises(VerifierError, match="no row for SELECT"):
        await played(wrong, wrong.tasks[task.id], [act("task_submit")])
    unstated = with_private(suite, some(suite, "answer_fact"), fact="0000")
    with pytest.raises(VerifierError, match="is not stated in"):
        await played(unstated, some(unstated, "answer_fact"), [act("task_submit")])


def test_the_start_state_cannot_be_written(suite):
    start = Start(suite.snapshot)
    with pytest.raises(Exception, match="readonly"):
        start.rows("DELETE FROM mail_message")
    assert start.one("SELECT count(*) FROM mail_message")[0] > 300
    start.close()


def test_a_time_counts_where_the_task_names_it(suite):
    with suite.fork_world() as world:
        world.call("notes_create", {"text": "x"})
        world.call("task_submit", {})
        found, schema = world.net_change(), world.registry.schema
    (made,) = (change.new["made"] for change in found if change.table == "notes_note")
    for wanted, named, reward in ((made, True, 1.0), (made + 1, True, 0.0), (made + 1, False, 1.0)):
        row = insert("notes_note", -1, owner=1, text="x", made=wanted)
        times = frozenset({"notes_note.made"}) if named else frozenset()
        assert judge(Expected((row,), times=times), found, schema).reward == reward
