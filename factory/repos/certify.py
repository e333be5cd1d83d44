"""The audit of repository tasks: everything a certificate says, found by running it through the real grader.

Gold is 1; nothing done, a source that does not import and an explicit refusal are 0; every mutant of the gold function
and every exploit is 0; the broken state fails the same tests under other hash seeds, random seeds, test orders and
dates, the gold none. Mutants that survive are named, and fail the task: see :mod:`factory.repos.tasks` for how they
are drawn.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from factory.environment import Action, Tally, Task, TaskCertificate, Verdict
from factory.errors import VerifierError, boundary
from factory.repos.exploits import battery
from factory.repos.grader import grade
from factory.repos.operators import Edit
from factory.repos.submission import Submission
from factory.repos.suite import RepoSuite
from factory.repos.tasks import GOLD_RUNS

BROKEN_RUNS = GOLD_RUNS[1:]  # the plain one was the build's own: it gave the fail-to-pass tests
CONCURRENCY = 2  # sandboxes at once: the runs are busy ones, so no more than cores


async def certify(
    suite: RepoSuite, tasks: Sequence[Task] | None = None, *, concurrency: int = CONCURRENCY
) -> AsyncIterator[TaskCertificate]:
    """The certificate of each task, as they come in. Raises VerifierError where a run could not be had."""
    gold = await gold_reruns(suite)
    free = asyncio.Semaphore(concurrency)

    async def one(task: Task) -> TaskCertificate:
        async with free:
            return await certify_task(suite, task, gold)

    pending = [asyncio.create_task(one(task)) for task in (suite.tasks.values() if tasks is None else tasks)]
    try:
        for done in asyncio.as_completed(pending):
            yield await done
    finally:
        for each in pending:
            each.cancel()


async def certify_task(suite: RepoSuite, task: Task, gold_identical: int) -> TaskCertificate:
    """One task's certificate. ``gold_identical``: what ``gold_reruns`` gave."""
    with boundary(VerifierError, f"certify {task.id}"):
        oracle = (await play(suite, task, suite.oracle(task))).reward
        noop = (await play(suite, task, [Action("task_submit", {})])).reward
        wrong = await _paid_wrongly(suite, task)
        lived = await _living_mutants(suite, task)
        fooled = await _fooling_exploits(suite, task)
        identical = await broken_reruns(suite, task)
    mutants, exploits = len(task.private["mutants"]), len(battery())
    survivors = (*wrong, *lived, *fooled)
    reruns = len(GOLD_RUNS) + len(BROKEN_RUNS)
    good = oracle == 1.0 and noop == 0.0 and not survivors and identical + gold_identical == reruns
    return TaskCertificate(
        task_id=task.id,
        oracle=oracle,
        noop=noop,
        near_misses=Tally(len(WRONG), len(WRONG) - len(wrong)),
        equivalent=0,
        mutants=Tally(mutants, mutants - len(lived)),
        exploits=Tally(exploits, exploits - len(fooled)),
        reruns=reruns,
        reruns_identical=identical + gold_identical,
        survivors=survivors,
        ok=good,
    )


async def play(suite: RepoSuite, task: Task, actions: Sequence[Action]) -> Verdict:
    """An episode of these actions, verified."""
    environment = suite.fork(task)
    await environment.open()
    try:
        for action in actions:
            await environment.step(action)
        return await environment.verdict()
    finally:
        await environment.close()


WRONG = ("does not import", "declined", "gold not handed in")


async def _paid_wrongly(suite: RepoSuite, task: Task) -> list[str]:
    """Those of the plainly wrong episodes that were paid."""
    edit, oracle = suite.edit(task), suite.oracle(task)
    episodes = (
        [Action("shell_write", {"path": edit.path, "content": "def broken(:\n"}), oracle[-1]],
        [*oracle[:-1], Action("task_decline", {"reason": "too hard"})],
        oracle[:-1],
    )
    rewards = [(await play(suite, task, actions)).reward for actions in episodes]
    return [name for name, reward in zip(WRONG, rewards, strict=True) if reward > 0]


async def _living_mutants(suite: RepoSuite, task: Task) -> list[str]:
    exam, found = suite.exam(task), []
    for data in task.private["mutants"]:
        mutant = Edit(**data)
        text = mutant.apply(suite.tree.modules[mutant.path])
        verdict = await grade(exam, Submission({mutant.path: text}), suite.backend, suite.pristine)
        if verdict.reward > 0:
            found.append(f"mutant {mutant.id}")
    return found


async def _fooling_exploits(suite: RepoSuite, task: Task) -> list[str]:
    scene = suite.scene(task)
    verdicts = [(e.name, await play(suite, task, e.play(scene))) for e in battery()]
    return [f"exploit {name}" for name, verdict in verdicts if verdict.reward > 0]


async def gold_reruns(suite: RepoSuite) -> int:
    """How many of the runs of the unchanged source, under other hash seeds, orders and dates, pass all that must pass.

    One set serves every task: they share the gold."""
    bench, exam = suite.bench(), suite.exam(next(iter(suite.tasks.values())))
    count = 0
    for hash_seed, order, clock in GOLD_RUNS:
        options = replace(bench.options(), shuffle=order, clock=clock)
        report = await bench.run(options, timeout_s=exam.timeout_s, hash_seed=hash_seed)
        count += not report.problem and all(report.outcomes.get(n) == "passed" for n in exam.expected)
    return count


async def broken_reruns(suite: RepoSuite, task: Task) -> int:
    """How many runs of the task's start, under other hash seeds, orders and dates, fail exactly the fail-to-pass tests,
    tests with threads aside."""
    bench, exam = suite.bench(), suite.exam(task)
    judged = set(exam.expected) - set(suite.facts.concurrent)
    tests = tuple(dict.fromkeys(n.split("::")[0] for n in exam.collected if n in judged))
    count = 0
    for hash_seed, order, clock in BROKEN_RUNS:
        plain = bench.options()
        options = replace(plain, files={**plain.files, **exam.start}, shuffle=order, clock=clock, tests=tests)
        report = await bench.run(options, timeout_s=exam.timeout_s, hash_seed=hash_seed)
        count += set(report.failed) & judged == set(exam.fail_to_pass)
    return count
