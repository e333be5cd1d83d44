"""Running a repository's tests in a sandbox: what goes in, what comes back, and whether it hangs together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import resources
from typing import Any

from factory.errors import BuildError
from sandboxes.base import WORKSPACE, ExecResult, Sandbox

PYTHON = "/usr/bin/python3"
SITE = "/usr/lib/python3/dist-packages"  # where the base has what the tests require


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate to be screened: files to put in place, tests to run before the others."""

    files: Mapping[str, str | None]
    first: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunOptions:
    """One run; see ``inside/runner.py`` for the fields' meaning."""

    path: tuple[str, ...]
    tests: tuple[str, ...]
    files: Mapping[str, str | None] = field(default_factory=dict)
    root: str = WORKSPACE
    first: tuple[str, ...] = ()
    shuffle: int | None = None
    clock: int = 0
    stop_after: int = 0
    candidates: tuple[Trial, ...] | None = None
    limit_s: int = 3


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run said. ``outcomes``: one word per test id that was started: ``passed`` only if setup, call and teardown
    each passed, once at least, with no expected failure; else ``failed``, ``skipped``, ``xfail`` or ``odd``.
    ``where``: by failed id, (place in the test files, exception name). ``problem``: why the report is not to be
    believed even as a report, or empty."""

    collected: tuple[str, ...] = ()
    outcomes: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    problem: str = ""

    @property
    def failed(self) -> tuple[str, ...]:
        """Ids that were started and did not pass, in the order they ran."""
        return tuple(name for name, outcome in self.outcomes.items() if outcome != "passed")

    @property
    def counts(self) -> dict[str, int]:
        """Tests by outcome, for the evidence."""
        return {"collected": len(self.collected), **dict(sorted(Counter(self.outcomes.values()).items()))}


async def run_tests(box: Sandbox, options: RunOptions, *, timeout_s: float, hash_seed: int = 0) -> RunReport:
    """Runs the suite once in ``box``. Never raises for what the code inside did."""
    return parse_run(await _execute(box, options, timeout_s, hash_seed))


async def screen(box: Sandbox, options: RunOptions, *, timeout_s: float) -> AsyncIterator[RunReport]:
    """One report per candidate, in order. Raises BuildError where a limit of the whole batch was hit."""
    result = await _execute(box, options, timeout_s, 0)
    if result.stopped or result.truncated or result.exit_code:
        text = result.stderr[-300:].decode(errors="replace")
        raise BuildError(f"screening ended early: {result.stopped or result.exit_code}: {text}")
    lines = result.stdout.splitlines()
    for n in range(len(options.candidates or ())):
        data = _json(lines[n]) if n < len(lines) else None
        yield _report(data) if data is not None else RunReport(problem="hung or left without a report")


def parse_run(result: ExecResult) -> RunReport:
    """Cross-checks a single run: how it ended, that it reported once, exit code against counts."""
    if result.stopped is not None:
        return RunReport(problem=f"stopped by the {result.stopped} limit")
    lines = result.stdout.splitlines()
    data = _json(lines[0]) if len(lines) == 1 else None
    if data is None:
        return RunReport(problem=f"exit code {result.exit_code} with {len(lines)} reports")
    report = _report(data)
    if not report.problem and data["exit"] != result.exit_code:
        return RunReport(problem=f"exit code {result.exit_code}, reported as {data['exit']}")
    return report


async def _execute(box: Sandbox, options: RunOptions, timeout_s: float, hash_seed: int) -> ExecResult:
    source = (resources.files("factory.repos.inside") / "runner.py").read_text(encoding="utf-8")
    payload = {**asdict(options), "path": [SITE, *options.path]}
    argv = [PYTHON, "-P", "-s", "-S", "-B", "-c", source]  # not -I: the hash seed comes by the environment
    return await box.exec(
        argv, timeout_s=timeout_s, stdin=json.dumps(payload).encode(), env={"PYTHONHASHSEED": str(hash_seed)}
    )


def _json(line: bytes) -> Any:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):  # a hundred thousand brackets are an answer, too: the candidate's
        return None
    return data if isinstance(data, dict) else None


def _report(data: Mapping[str, Any]) -> RunReport:
    try:
        collected = tuple(str(name) for name in data["collected"])
        phases = [(str(name), str(when), str(outcome)) for name, when, outcome in data["phases"]]
        where = {str(name): (str(place), str(error)) for name, (place, error) in data["where"].items()}
        errors, code = [str(e) for e in data["errors"]], int(data["exit"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        return RunReport(problem="the report has not the form of a report")
    outcomes = _outcomes(phases)
    return RunReport(collected, outcomes, where, _problem(collected, outcomes, errors, code))


def _outcomes(phases: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    by_name: dict[str, list[tuple[str, str]]] = {}
    for name, when, outcome in phases:
        by_name.setdefault(name, []).append((when, outcome))
    return {name: _outcome(found) for name, found in by_name.items()}


def _outcome(phases: Sequence[tuple[str, str]]) -> str:
    words = {outcome for _, outcome in phases}
    for word in ("failed", "xfail", "skipped"):
        if word in words:
            return word
    whens = Counter(when for when, _ in phases)
    whole = whens["setup"] == 1 and whens["call"] >= 1 and whens["teardown"] == 1
    return "passed" if words == {"passed"} and whole else "odd"


def _problem(collected: tuple[str, ...], outcomes: Mapping[str, str], errors: list[str], code: int) -> str:
    if errors:
        return f"collection failed: {errors[0][:200]}"
    if len(set(collected)) != len(collected):
        return "a test id was collected twice"
    if not set(outcomes) <= set(collected):
        return "a test ran that was not collected"
    failed = sum(outcome == "failed" for outcome in outcomes.values())
    if code not in (0, 1, 2) or (code == 0) != (failed == 0):
        return f"pytest's exit status {code} with {failed} failed tests"
    if code == 0 and len(outcomes) != len(collected):
        return f"{len(collected) - len(outcomes)} tests were collected but not run"
    return ""
