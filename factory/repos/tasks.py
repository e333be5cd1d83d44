"""From a repository to its tasks: which removals and bugs make good ones, and the mutants and canaries that guard them.

A candidate becomes a task if, run for real, the suite is still collected whole, some tests fail with it that pass
without (fail-to-pass), at least ``KEPT`` of the suite still passes (pass-to-pass), two canaries lie in fail-to-pass
tests, and the mutants rule holds:

    ``MUTANTS`` edits of the gold function are drawn by seed from all that the operators make and that compile to
    other code (where the code is the same, equivalence is proved). Those that hang or end the process are killed by
    any limit and not counted. The hidden suite must kill every other one, and at least ``ENOUGH`` must be left. A
    survivor may be equivalent or may show a hole in the tests; which, nobody has proved, so the task is rejected and
    the survivor named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

from app_clones.kit.seeds import derive
from factory.errors import BuildError
from factory.repos.canaries import Canary, Site, changed_files, draw, find_sites, validated
from factory.repos.harness import RunReport, Trial
from factory.repos.operators import Edit, Function, Source
from factory.repos.search import Bench

KEPT = 0.3  # share of the suite that must pass in the broken state
MUTANTS, ENOUGH = 4, 3
GOLD_RUNS = ((0, None, 0), (1, 11, 86_400 * 400), (4242, 12, -86_400 * 9000))  # (hash seed, order and random, clock)
HEADROOM = 3  # times what the gold needs is what a run may compute: a slower machine is no wrong solution
_ROUNDS = 3  # canaries per test function
_CANARIES = 6  # kept per task


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of the pristine repository. ``expected``: ids that pass whatever the hash seed, order and date;
    ``quarantined``: the rest; ``concurrent``: ids of test files that use threads, never used as fail-to-pass."""

    collected: tuple[str, ...]
    expected: tuple[str, ...]
    quarantined: tuple[str, ...]
    concurrent: tuple[str, ...]
    canaries: tuple[Canary, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """One task's substance. ``fail_to_pass`` pass with the gold only, ``pass_to_pass`` is how many pass either way."""

    kind: str  # "removed" or "bug"
    edit: Edit
    signature: str
    doc: str
    fail_to_pass: tuple[str, ...]
    pass_to_pass: int
    error: str
    canaries: tuple[str, ...]
    mutants: tuple[Edit, ...]

    def private(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An edit that may become a task."""

    kind: str
    function: Function
    edit: Edit

    def trial(self) -> Trial:
        """Its broken state."""
        return self.trial_of(self.edit)

    def trial_of(self, edit: Edit, first: tuple[str, ...] = ()) -> Trial:
        """Another edit of the same gold."""
        return Trial({edit.path: edit.apply(self.function.source.text)}, first)


async def establish(bench: Bench, seed: int, timeout_s: float, cpu_s: float) -> Facts:
    """Runs the gold under different hash seeds, orders and dates, then finds and validates canaries.

    Raises BuildError where the suite does not pass on the pristine source, well within ``cpu_s``."""
    plain = bench.options()
    reports = [
        await bench.run(
            replace(plain, shuffle=order, clock=clock),
            timeout_s=timeout_s,
            hash_seed=hash_seed,
            cpu_s=cpu_s / HEADROOM,
        )
        for hash_seed, order, clock in GOLD_RUNS
    ]
    for report in reports:
        if report.problem or sorted(report.collected) != sorted(reports[0].collected):
            hint = (
                f"test.cpu_s has to be {HEADROOM} times what they need" if report.problem.endswith("cpu limit") else ""
            )
            raise BuildError(f"the tests do not run on the unchanged source: {report.problem or 'ids differ'}", hint)
    collected = reports[0].collected
    expected = tuple(n for n in collected if all(r.outcomes.get(n) == "passed" for r in reports))
    if not expected:
        raise BuildError("no test passes on the unchanged source")
    threads = {path for path, data in bench.tree.hidden.items() if b"threading" in data or b"asyncio" in data}
    concurrent = tuple(n for n in collected if n.split("::")[0] in threads)
    canaries = await _canaries(bench, seed, set(expected) - set(concurrent))
    return Facts(collected, expected, tuple(sorted(set(collected) - set(expected))), concurrent, tuple(canaries))


async def _canaries(bench: Bench, seed: int, usable: set[str]) -> list[Canary]:
    hidden = {p: d.decode("utf-8", "surrogateescape") for p, d in bench.tree.hidden.items()}
    rounds = draw(find_sites(bench.tree.hidden), seed, _ROUNDS)
    reports = await bench.screen(bench.options(), [Trial(changed_files(hidden, sites)) for sites in rounds])
    found = [c for sites, report in zip(rounds, reports, strict=True) for c in validated(sites, report)]
    return [c for c in found if set(c.fails) <= usable]


async def find_tasks(bench: Bench, facts: Facts, seed: int, count: int) -> tuple[list[Found], list[str]]:
    """``count`` tasks, both kinds mixed, and one line for each candidate that was rejected. Raises BuildError."""
    sources = [Source(path, text) for path, text in bench.tree.modules.items()]
    functions = [f for source in sources for f in source.functions()]
    waiting = list(_candidates(functions, seed))
    found: list[Found] = []
    rejected: list[str] = []
    while len(found) < count and waiting:
        size = max(8, round((count - len(found)) * 1.4))
        batch, waiting = waiting[:size], waiting[size:]
        good = await _broken(bench, facts, seed, batch, rejected)
        found += await _guarded(bench, facts, seed, good, rejected)
    if len(found) < count:
        raise BuildError(f"only {len(found)} of {count} tasks found", "ask for fewer, or add operators")
    return found[:count], rejected


def _candidates(functions: Sequence[Function], seed: int) -> Iterator[Candidate]:
    """Removals and bugs by turns, in an order drawn by seed; at most one of each kind for a function."""
    removed = [Candidate("removed", f, stub) for f in functions if (stub := f.stub()) and len(f.bugs()) >= ENOUGH]
    bugs = [Candidate("bug", f, edit) for f in functions if (edit := _drawn_bug(f, seed))]
    Random(derive(seed, "order", "removed")).shuffle(removed)
    Random(derive(seed, "order", "bug")).shuffle(bugs)
    for n in range(max(len(removed), len(bugs))):
        yield from removed[n : n + 1]
        yield from bugs[n : n + 1]


def _drawn_bug(function: Function, seed: int) -> Edit | None:
    edits = function.bugs()
    if len(edits) < ENOUGH + 2:
        return None
    Random(derive(seed, "bug", function.path, function.name)).shuffle(edits)
    return next((e for e in edits if function.source.differs(e)), None)


async def _broken(
    bench: Bench, facts: Facts, seed: int, batch: Sequence[Candidate], rejected: list[str]
) -> list[tuple[Candidate, Found]]:
    """Runs each candidate's broken state; keeps those that make a task."""
    options = replace(bench.options(), tests=_quiet(bench, facts))
    reports = await bench.screen(options, [c.trial() for c in batch])
    good = []
    sure = set(facts.expected) - set(facts.concurrent)
    for candidate, report in zip(batch, reports, strict=True):
        failing = tuple(n for n in report.outcomes if n in sure and report.outcomes[n] != "passed")
        passing = len(sure) - len(failing)
        canaries = _chosen(facts, failing, derive(seed, "canaries", candidate.edit.id))
        reason = report.problem or (
            "no test fails" if not failing else "too much fails" if passing < KEPT * len(sure) else ""
        )
        reason = reason or ("fewer than two canaries" if len(canaries) < 2 else "")
        if reason:
            rejected.append(f"{candidate.edit.id}: {reason}")
            continue
        f, error = candidate.function, report.where[failing[0]][1] if failing[0] in report.where else ""
        task = Found(candidate.kind, candidate.edit, f.signature, f.doc, failing, passing, error, canaries, ())
        good.append((candidate, task))
    return good


def _quiet(bench: Bench, facts: Facts) -> tuple[str, ...]:
    """The test files without threads: what they find does not hang on the machine's load."""
    noisy = {name.split("::")[0] for name in facts.concurrent}
    return tuple(dict.fromkeys(n.split("::")[0] for n in facts.collected if n.split("::")[0] not in noisy))


def _chosen(facts: Facts, failing: Sequence[str], seed: int) -> tuple[str, ...]:
    """Canaries within the fail-to-pass tests, those first that make the fewest tests fail."""
    mine = [c for c in facts.canaries if set(c.fails) & set(failing)]
    Random(seed).shuffle(mine)
    mine.sort(key=lambda c: len(c.fails))
    return tuple(c.site.id for c in mine[:_CANARIES])


async def _guarded(
    bench: Bench, facts: Facts, seed: int, good: Sequence[tuple[Candidate, Found]], rejected: list[str]
) -> list[Found]:
    """Draws mutants of each task's gold function and keeps the tasks whose mutants all die."""
    drawn = [(task, candidate, _mutants(candidate, seed)) for candidate, task in good]
    flat = [(task, candidate, edit) for task, candidate, edits in drawn for edit in edits]
    options = replace(bench.options(), tests=_quiet(bench, facts), stop_after=1)
    reports = await bench.screen(options, [c.trial_of(e, t.fail_to_pass) for t, c, e in flat])
    fate = {(task.edit.id, edit.id): _fate(report) for (task, _, edit), report in zip(flat, reports, strict=True)}
    found = []
    for task, _, edits in drawn:
        counted = [e for e in edits if fate[task.edit.id, e.id] != "hung"]
        lived = [e for e in counted if fate[task.edit.id, e.id] == "lived"]
        if lived or len(counted) < ENOUGH:
            why = f"mutant {lived[0].id} lived" if lived else "too few mutants"
            rejected.append(f"{task.edit.id}: {why}")
        else:
            found.append(replace(task, mutants=tuple(counted)))
    return found


def _fate(report: RunReport) -> str:
    if report.problem.startswith("hung"):
        return "hung"
    return "killed" if report.problem or report.failed else "lived"


def _mutants(candidate: Candidate, seed: int) -> list[Edit]:
    """In the order drawn; some may turn out to hang."""
    f = candidate.function
    edits = [e for e in f.bugs() if e.id != candidate.edit.id]
    Random(derive(seed, "mutants", f.path, f.name)).shuffle(edits)
    return [e for e in edits if f.source.differs(e)][:MUTANTS]


def site_from(data: Mapping[str, Any]) -> Site:
    """From its JSON."""
    return Site(**{**data, "lines": tuple(data["lines"])})
