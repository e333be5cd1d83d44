"""A repository's suite, end to end: built from locked blobs, forked, played, graded."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

import pytest
from toy_repo import locked, manifest, sdist, spec, stocked, task_on, toy_suite

from factory.environment import Action
from factory.errors import BuildError, SandboxError
from factory.repos.certify import certify_task, gold_reruns, play
from factory.repos.grader import grade
from factory.repos.mix import scripted_mix
from factory.repos.submission import Submission
from factory.repos.suite import build_repo
from sandboxes.native import NativeBackend

SUBMIT = Action("task_submit", {})


@pytest.fixture(scope="module")
def built():
    manifest()  # on no event loop


@pytest.fixture
async def suite(built):
    async with NativeBackend(stocked()[0]) as backend:
        yield toy_suite(backend)


def run(command):
    return Action("shell_run", {"command": command})


def test_removals_and_bugs_become_tasks(built):
    tasks = toy_suite().tasks.values()
    assert {t.template for t in tasks} == {"removed", "bug"}
    assert {t.split for t in tasks} == {"train", "heldout"}
    assert all(len(t.private["fail_to_pass"]) >= 1 and t.private["pass_to_pass"] >= 1 for t in tasks)
    assert all(len(t.private["mutants"]) >= 3 and len(t.private["canaries"]) >= 2 for t in tasks)


def test_an_instruction_tells_neither_the_fix_nor_where_a_bug_is(built):
    suite = toy_suite()
    for task in suite.tasks.values():
        edit = suite.edit(task)
        assert edit.old.splitlines()[-1].strip() not in task.instruction.splitlines()
        assert task.template == "removed" or f"`{edit.function}`" not in task.instruction


def test_a_build_somewhere_else_gives_the_same_digest(built):
    store, lock = stocked()

    async def again():
        async with NativeBackend(store) as backend:
            return await build_repo(spec(), lock, store, backend)

    assert asyncio.run(again()).digest == manifest().digest


def test_a_suite_that_fails_unchanged_is_not_built(built):
    store, _ = stocked()
    lock = locked(store, sdist({"tests/test_bad.py": "import nothing_of_that_name\n"}))

    async def build():
        async with NativeBackend(store) as backend:
            await build_repo(spec(), lock, store, backend)

    with pytest.raises(BuildError, match="tests do not run on the unchanged source"):
        asyncio.run(build())


async def test_the_oracle_earns_one_and_nothing_done_earns_none(suite):
    for task in suite.tasks.values():
        assert (await play(suite, task, suite.oracle(task))).reward == 1.0
        assert (await play(suite, task, [SUBMIT])).reward == 0.0


async def test_the_oracle_finishes_what_an_episode_has_begun(suite):
    task = task_on(suite, "removed", "power")
    spoilt = [run("echo 'x = (' >> sums/__init__.py")]
    assert (await play(suite, task, [*spoilt, *suite.oracle(task, spoilt)])).reward == 1.0
    repair = suite.oracle(task)[:1]
    assert list(suite.oracle(task, repair)) == [SUBMIT]


async def test_an_agent_sees_sources_and_no_tests_history_or_metadata(suite):
    environment = suite.fork(task_on(suite, "removed", "power"))
    await environment.open()
    step = await environment.step(run("find . -type f | sort; python3 -c 'import sums; print(sums.mean([4]))'"))
    await environment.close()
    assert step.observation.text.split() == ["./README", "./sums/__init__.py", "4.0"]


async def test_every_fork_opens_on_the_start_state(suite):
    for task in suite.tasks.values():
        environment = suite.fork(task)
        await environment.open()
        assert environment.state_digest == suite.start_digest
        await environment.close()


async def test_a_checkpoint_restores_files_and_what_is_done_after_counts(suite):
    task = task_on(suite, "removed", "power")
    first = suite.fork(task)
    await first.open()
    await first.step(run("echo note > notes.txt; touch /tmp/scratch"))
    await first.step(suite.oracle(task)[0])
    kept, digest = await first.freeze(), first.state_digest
    await first.close()
    again = suite.fork(task, kept)
    await again.open()
    assert again.state_digest == digest
    assert (await again.step(run("cat notes.txt; ls /tmp"))).observation.text == "note\n"
    await again.step(SUBMIT)
    verdict = await again.verdict()
    await again.close()
    assert verdict.reward == 1.0
    assert verdict.evidence["dropped"] == ["notes.txt"]


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (Action("shell_fly", {}), "unknown_tool"),
        (Action("shell_run", None, "garbage"), "invalid"),
        (Action("shell_run", {}), "invalid"),
        (Action("shell_run", {"command": 3}), "invalid"),
        (Action("shell_run", {"command": "ls", "colour": "red"}), "invalid"),
        (Action("shell_run", {"command": "x" * 200_000}), "invalid"),
        (Action("shell_read", {"path": "nowhere.py"}), "not_found"),
        (Action("shell_read", {"path": "/etc/passwd"}), "refused"),
        (Action("shell_read", {"path": "../etc/passwd"}), "refused"),
        (Action("shell_read", {"path": "sums"}), "refused"),
        (Action("shell_write", {"path": "/usr/lib/x.py", "content": ""}), "refused"),
        (Action("shell_write", {"path": "x.py", "content": "\ud800"}), "invalid"),
        (Action("shell_write", {"path": "x\ud800.py", "content": "x"}), "invalid"),
        (Action("shell_edit", {"path": "README", "old": "nothing like it", "new": ""}), "conflict"),
    ],
)
async def test_a_mistake_is_an_observation_and_changes_nothing(suite, action, code):
    environment = suite.fork(task_on(suite, "removed", "power"))
    await environment.open()
    step = await environment.step(action)
    await environment.close()
    assert (step.error, step.done, step.state_digest) == (code, False, suite.start_digest)
    assert step.observation.text.startswith("error: ")


async def test_long_output_is_clipped_and_an_exit_code_is_told(suite):
    environment = suite.fork(task_on(suite, "removed", "power"))
    await environment.open()
    long = (await environment.step(run("seq 1 100000"))).observation.text
    failed = (await environment.step(run("exit 3"))).observation.text
    await environment.close()
    assert len(long) < 7000
    assert "characters left out" in long
    assert failed == "[exit code 3]"


async def test_a_work_tree_that_cannot_be_read_is_the_agents_loss_and_no_fault(suite):
    task = task_on(suite, "removed", "power")
    repair, submit = suite.oracle(task)
    verdict = await play(suite, task, [repair, run("for n in 1 2 3 4 5; do truncate -s 60M huge$n; done"), submit])
    assert verdict.reward == 0.0
    assert "cannot be read" in verdict.checks[0].detail


async def test_code_that_never_ends_is_a_verdict(suite):
    task = task_on(suite, "removed", "power")
    endless = Action("shell_run", {"command": "echo 'while True: pass' >> sums/__init__.py"})
    verdict = await play(suite, task, [endless, SUBMIT])
    assert (verdict.reward, verdict.checks[-1].detail) == (0.0, "stopped by the cpu limit")


async def test_code_that_sleeps_is_a_verdict_of_the_time_that_it_sleeps(suite):
    task = task_on(suite, "removed", "power")
    edit = suite.edit(task)
    gold = suite.tree.modules[edit.path]
    exam = replace(suite.exam(task), timeout_s=1.0)
    for asleep in ("time.sleep(1e6)", "[time.sleep(0.01) for _ in iter(int, 1)]"):
        submission = Submission({edit.path: f"import time\n{asleep}\n{gold}"})
        verdict = await grade(exam, submission, suite.backend, suite.pristine)
        assert (verdict.reward, verdict.checks[-1].detail) == (0.0, "stopped by the time limit")


async def test_a_right_submission_earns_1_on_a_machine_that_has_other_things_to_do(suite):
    """The suite takes much longer than the time-out, and none of it by its own choice."""
    task = task_on(suite, "removed", "power")
    edit = suite.edit(task)
    busy = "\nfrom time import process_time as now\nuntil = now() + 1\nwhile now() < until: pass\n"
    exam = replace(suite.exam(task), timeout_s=0.5)
    rivals = [await asyncio.create_subprocess_exec(sys.executable, "-c", "while True: pass") for _ in range(4)]
    try:
        submission = Submission({edit.path: suite.tree.modules[edit.path] + busy})
        verdict = await grade(exam, submission, suite.backend, suite.pristine)
    finally:
        for rival in rivals:
            rival.kill()
            await rival.wait()
    assert verdict.reward == 1.0, verdict


async def test_a_machine_that_gives_no_cpu_is_a_fault_and_no_verdict(suite, monkeypatch):
    monkeypatch.setattr("sandboxes.native.PATIENCE", 0.001)
    with pytest.raises(SandboxError, match="the machine is overloaded"):
        await play(suite, task_on(suite, "removed", "power"), [run("while :; do :; done")])


async def test_a_suite_that_needs_most_of_its_cpu_seconds_is_not_built(suite):
    store, lock = stocked()
    tight = spec().model_copy(update={"test": spec().test.model_copy(update={"cpu_s": 0.05})})
    with pytest.raises(BuildError, match="stopped by the cpu limit") as caught:
        await build_repo(tight, lock, store, suite.backend)
    assert caught.value.hint == "test.cpu_s has to be 3 times what they need"


async def test_after_handing_in_nothing_more_is_done(suite):
    environment = suite.fork(task_on(suite, "removed", "power"))
    await environment.open()
    done = await environment.step(SUBMIT)
    late = await environment.step(run("echo late > late.txt"))
    await environment.close()
    assert (done.done, done.stop_reason) == (True, "submitted")
    assert (late.error, late.state_digest) == ("ended", suite.start_digest)


async def test_each_scripted_submission_earns_what_was_foretold(suite):
    mix = scripted_mix(suite, 24, seed=5)
    assert {s.label for s in mix} == {"gold", "gold after looking around", "no-op", "broken", "partial", "cheating"}
    for one in mix:
        verdict = await play(suite, suite.tasks[one.task_id], one.actions)
        assert verdict.reward == one.expected_reward, one


async def test_a_certificate_holds_and_a_weakened_task_gets_none(suite):
    task = task_on(suite, "removed", "power")
    gold = await gold_reruns(suite)
    assert (await certify_task(suite, task, gold)).ok
    idle = dict(task.private["mutants"][0])
    idle["new"] = idle["old"]  # a mutant that changes nothing stands for one that the tests do not notice
    weak = replace(task, private={**task.private, "mutants": [idle]})
    certificate = await certify_task(suite, weak, gold)
    assert not certificate.ok
    assert certificate.mutants.killed == 0
    assert len(certificate.survivors) == 1
