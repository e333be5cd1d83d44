"""Grading: a new sandbox for every run, hidden tests brought in then, and canaries that only the grader knows of.

Candidate code runs inside the test process and may say what it likes about the tests. So no report is believed by
itself: the suite runs several times, in an order drawn outside the sandbox; one run has the real tests, each of the
others one expected literal changed. All runs look alike from within: same files, names, sizes, command. A right
solution passes the real run whole and fails each canary exactly in its changed assertion. Anything else is reward 0.

What this does not stop: code that knows the original tests by heart and spots the changed literal; and code that learns
them bit by bit over many episodes through what all sandboxes of a machine share (its load, its uptime, its caches: the
native backend refuses to drop shared pages and to ask for them, which was one such way).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from app_clones.kit.seeds import derive
from factory.environment import Check, Verdict
from factory.repos.canaries import Canary, changed_files
from factory.repos.harness import RunOptions, RunReport, run_tests
from factory.repos.source import SourceTree
from factory.repos.submission import Submission
from sandboxes.base import Backend, FileSnapshot, Limits

LIMITS = Limits(memory_mb=768, processes=64, disk_mb=64, output_bytes=4 << 20)
CANARY_RUNS = 2


@dataclass(frozen=True, slots=True)
class Exam:
    """All that grading one task needs. ``timeout_s``, ``cpu_s``: what one run may wait and compute. ``expected``: ids
    that must pass; ``collected``: ids that must be there. ``start``: the task's broken files, as against the pristine
    tree. ``secret``: unknown inside any sandbox."""

    task_id: str
    tree: SourceTree
    tests: tuple[str, ...]
    timeout_s: float
    cpu_s: float
    collected: tuple[str, ...]
    expected: tuple[str, ...]
    fail_to_pass: tuple[str, ...]
    canaries: tuple[Canary, ...]
    start: Mapping[str, str]
    secret: int

    def plan(self, submission: Submission) -> list[Canary | None]:
        """The runs in order; None is the real one. Drawn from the secret and what was handed in."""
        draw = Random(derive(self.secret, "plan", self.task_id, submission.digest))
        runs: list[Canary | None] = [None, *draw.sample(self.canaries, min(CANARY_RUNS, len(self.canaries)))]
        draw.shuffle(runs)
        return runs

    def options(self, submission: Submission, run: Canary | None) -> RunOptions:
        """One run. Test order and the point of giving up are the same for all runs of the task, so they tell nothing;
        giving up early only spares time on a submission that has failed more than any canary could."""
        hidden = {p: d.decode("utf-8", "surrogateescape") for p, d in self.tree.hidden.items()}
        changed = changed_files(hidden, [run.site]) if run else {}
        return RunOptions(
            path=(self.tree.import_root,),
            tests=self.tests,
            files={**submission.files, **hidden, **changed},
            first=self.fail_to_pass,
            stop_after=max(len(c.fails) for c in self.canaries) + len(self.collected) - len(self.expected) + 1,
        )


async def grade(exam: Exam, submission: Submission, backend: Backend, pristine: FileSnapshot) -> Verdict:
    """The verdict on one submission: reward 1 or 0, one check per thing that had to hold, counts as evidence.

    Raises SandboxFault where a sandbox cannot be had, or no CPU for what runs in it; never for what the submission
    does, sleeping for ever included."""
    checks = [Check("submission", not submission.refused, submission.refused)]
    if submission.refused:
        return _verdict(checks, submission, [])
    changed = dict(submission.files) != dict(exam.start)
    checks.append(Check("changed", changed, "" if changed else "the source is as the task gave it"))
    if not changed:
        return _verdict(checks, submission, [])
    runs: list[dict[str, Any]] = []
    for number, run in enumerate(exam.plan(submission)):
        async with backend.fork(pristine, replace(LIMITS, cpu_s=exam.cpu_s)) as box:
            report = await run_tests(box, exam.options(submission, run), timeout_s=exam.timeout_s)
        found = judge(exam, report, run)
        checks += [replace(c, name=f"run {number}: {c.name}") for c in found]
        kind = "real" if run is None else f"canary {run.site.id}"
        runs.append({"run": number, "kind": kind, **report.counts, "problem": report.problem})
        if not all(c.passed for c in found):
            break
    return _verdict(checks, submission, runs)


def judge(exam: Exam, report: RunReport, run: Canary | None) -> list[Check]:
    """What must hold of one run."""
    checks = [Check("report", not report.problem, report.problem)]
    if report.problem:
        return checks
    missing = set(exam.collected) ^ set(report.collected)
    detail = f"{len(missing)} test ids missing or added, e.g. {min(missing)}" if missing else ""
    checks.append(Check("test ids", not missing, detail))
    fails = set(run.fails) if run else set()
    checks.append(_passed("fail-to-pass", [n for n in exam.fail_to_pass if n not in fails], report))
    rest = set(exam.expected) - set(exam.fail_to_pass) - fails
    checks.append(_passed("pass-to-pass", sorted(rest), report))
    if run is not None:
        problem = run.problem(report, exam.expected)
        checks.append(Check("canary", not problem, problem))
    return checks


def _passed(name: str, ids: Sequence[str], report: RunReport) -> Check:
    bad = [n for n in ids if report.outcomes.get(n) != "passed"]
    if not bad:
        return Check(name, True, f"{len(ids)} passed")
    return Check(name, False, f"{len(bad)} of {len(ids)} did not pass, e.g. {bad[0]}: {report.outcomes.get(bad[0])}")


def _verdict(checks: list[Check], submission: Submission, runs: list[dict[str, Any]]) -> Verdict:
    reward = float(bool(runs) and all(c.passed for c in checks))
    evidence = {"runs": runs, "files": sorted(submission.files), "dropped": list(submission.dropped)}
    return Verdict(reward, tuple(checks), evidence)
