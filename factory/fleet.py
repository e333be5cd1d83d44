"""``make apps``: every API description there is compiled, booted, proven, and given certified tasks; one report of all.

``python -m factory.fleet --out out/apps``. Each app's findings are a file of their own, written when the app is done,
so a run that was cut short goes on where it stopped. An app has a budget of CPU seconds, not of wall time: what is
found is the same on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import factory.compiler
from factory.durable import write_whole
from factory.manifest import code_digest
from factory.worlds.suite import CODE

Json = Any
ENOUGH_TASKS = 20
"""Certified tasks from which an app counts as one to learn on."""

BUDGET_S = 150
BUDGET_S_PER_METHOD = 0.4
"""CPU seconds that one app may take, all in all, and how many more for each of its methods."""

APPS_A_PROCESS = 12
"""On average, before a fresh one takes over."""

_KILLED = "its process was killed: out of memory?"

_STOP = (signal.SIGINT, signal.SIGTERM)

SEED = 7
START_MS = 1_767_600_000_000


class OutOfBudget(BaseException):
    """The app took more CPU time than it may. Comes at any point, so nothing that handles errors may take it for one:
    in the midst of a request it would be an answer 500."""


@contextmanager
def budget(seconds: int) -> Iterator[None]:
    """Raises :class:`OutOfBudget` inside, once this process has used so many more CPU seconds."""

    def stop(number: int, frame: object) -> None:
        raise OutOfBudget(f"more than {seconds} s of CPU time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1)  # again each second, in case it comes where nothing can be raised
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def examine(origin: str) -> dict[str, Json]:
    """All that is found of one app, stage by stage; where a stage fails, its cause, and what was found until then."""
    found = _nothing_of(origin)
    begun = time.process_time()
    try:
        _read(found)
        with budget(round(BUDGET_S + BUDGET_S_PER_METHOD * found["methods"])):
            for name, stage in (("compile", _compile), ("prove", _prove), ("tasks", _tasks)):
                found["stage"] = name
                stage(found)
        found["stage"] = "done"
    except (Exception, OutOfBudget) as error:
        found["causes"][found["stage"]] = _cause(error)
    found["cpu_s"] = round(time.process_time() - begun, 3)
    return {key: value for key, value in found.items() if not key.startswith("_")}


def _nothing_of(origin: str) -> dict[str, Json]:
    return {"origin": origin, "compiled": False, "booted": False, "causes": {}, "stage": "compile"}


def _read(found: dict[str, Json]) -> None:
    from factory.compiler import discovery

    begun = time.process_time()
    raw, sha256 = discovery.load(found["origin"])
    document = discovery.parse(raw, sha256)
    found |= {"methods": len(document.methods), "_raw": raw, "_document": document}
    found["_read_s"] = time.process_time() - begun


def _compile(found: dict[str, Json]) -> None:
    from app_clones.declared.engine import declared
    from app_clones.kit.world import World
    from factory.compiler.infer import infer

    begun = time.process_time()
    decl = infer(found["_document"]).decl
    found |= {"compiled": True, "app": decl.app, "_decl": decl}
    ready = declared(decl)
    with World.build([ready.app()], seed=SEED, start_ms=START_MS, step_ms=1000, persons=4) as world:
        found |= {"booted": True, "rows": _rows(world), "bytes": len(world.snapshot())}
    found["compile_s"] = round(found["_read_s"] + time.process_time() - begun, 3)


def _rows(world: Any) -> int:
    tables = (name for name in world.registry.schema if not name.startswith(("kit_", "task_")))
    return sum(int(world.connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]) for name in tables)


def _prove(found: dict[str, Json]) -> None:
    from factory.compiler.prove import prove

    begun = time.process_time()
    certificate = prove(found["_decl"], document=found["_document"], discovery=found["_raw"], seed=SEED)
    found["proof"] = certificate.totals()
    found["proof_s"] = round(time.process_time() - begun, 3)
    found["failed_methods"] = {
        one.origin or one.operation: [f"{check.name}: {check.evidence}" for check in one.checks if not check.ok]
        for one in certificate.methods
        if one.verdict == "failed"
    }
    found["reasons"] = dict(
        Counter(f"{one.verdict}: {one.reason}" for one in certificate.methods if one.verdict in ("recorded", "refused"))
    )


def _tasks(found: dict[str, Json]) -> None:
    from factory.worlds.generated.certify import certify_app, is_held_out

    begun = time.process_time()
    found["tasks"] = asdict(certify_app(found["_decl"], SEED, heldout=is_held_out(found["app"])))
    found["tasks_s"] = round(time.process_time() - begun, 3)


def _cause(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.name}: {' '.join(str(error).split())[:200]}"


# ---- all of them


def run(origins: Sequence[str], out: Path, *, workers: int, again: bool = False) -> tuple[list[dict[str, Json]], int]:
    """Examines what is not there yet of ``origins``, or was found by other code than this. Returns the findings of
    all, in their order, and how many of them were found now."""
    folder = out / "found"
    folder.mkdir(parents=True, exist_ok=True)
    files = {origin: folder / f"{origin.replace(':', '_').replace('/', '_')}.json" for origin in origins}
    code = code_digest([*CODE, factory.compiler, sys.modules[__name__]])
    left = [origin for origin in origins if again or not _is_of(files[origin], code)]
    for n, (origin, found) in enumerate(_examined(left, workers), 1):
        write_whole(files[origin], json.dumps({**found, "code": code}, indent=1, sort_keys=True) + "\n")
        print(f"[{n}/{len(left)}] {_line(found)}", flush=True)
    return [json.loads(files[origin].read_text()) for origin in origins], len(left)


def _is_of(file: Path, code: str) -> bool:
    return file.exists() and json.loads(file.read_text()).get("code") == code


def _examined(
    origins: Sequence[str], workers: int, work: Callable[[str], dict[str, Json]] = examine
) -> Iterator[tuple[str, dict[str, Json]]]:
    """What is found of each, as it is found. Processes are fresh every few apps, since their caches end with them
    alone; a pool's own way of renewing its children deadlocks in Python 3.11."""
    for lot in _batched(origins, APPS_A_PROCESS * workers):
        left = dict.fromkeys(lot)
        for origin, found in _side_by_side(lot, workers, work):
            del left[origin]
            yield origin, found
        for origin in left:  # a process died, and took others' work along: whose fault it was shows alone
            alone = dict(_side_by_side([origin], 1, work))
            yield origin, alone.get(origin) or {**_nothing_of(origin), "causes": {"process": _KILLED}, "cpu_s": 0.0}


def _side_by_side(
    origins: Sequence[str], workers: int, work: Callable[[str], dict[str, Json]]
) -> Iterator[tuple[str, dict[str, Json]]]:
    """What is found of each, but for those whose process dies."""
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool, _ended_at_once():
        with _stop_signals_held_back():
            waiting = {pool.submit(work, origin): origin for origin in origins}
        for done in as_completed(waiting):
            if not isinstance(done.exception(), BrokenProcessPool):
                yield waiting[done], done.result()


@contextmanager
def _stop_signals_held_back() -> Iterator[None]:
    """A signal to stop that comes inside takes effect at the end: a process half begun would say so with a traceback.
    Processes begun inside never see one (a terminal sends it to them too): whoever began them ends them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)


@contextmanager
def _ended_at_once() -> Iterator[None]:
    """An interruption inside ends this process's children; their pool would wait until all work is done."""
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):
        for child in multiprocessing.active_children():
            child.kill()
        raise


def _batched(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """``items`` in lots of at most ``size``."""
    return (items[i : i + size] for i in range(0, len(items), size))


def _line(found: Mapping[str, Json]) -> str:
    proof, tasks = found.get("proof", {}), found.get("tasks", {})
    proven = f"{proof.get('stateful', 0)}/{proof.get('methods', 0)} stateful, {proof.get('failed', 0)} failed"
    causes = "; ".join(f"{stage}: {cause}" for stage, cause in found["causes"].items())
    return f"{found['origin']}  {proven}, {tasks.get('certified', 0)} tasks, {found['cpu_s']} s  {causes}".strip()


def summary(findings: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    """The report. Shares are of all methods that the documents have, those of apps that failed included."""
    methods = sum(one.get("methods", 0) for one in findings)
    proofs = [one["proof"] for one in findings if "proof" in one]
    tasks = [one["tasks"] for one in findings if "tasks" in one]
    verdicts = Counter({k: sum(p[k] for p in proofs) for k in ("stateful", "recorded", "refused", "failed")})
    responses, valid = (sum(proof[key] for proof in proofs) for key in ("responses", "responses_valid"))
    causes = Counter(f"{stage}: {cause}" for one in findings for stage, cause in one["causes"].items())
    return {
        "documents": len(findings),
        "compiled": sum(one["compiled"] for one in findings),
        "booted": sum(one["booted"] for one in findings),
        "methods": methods,
        "stateful_share": round(verdicts["stateful"] / max(1, methods), 4),
        "schema_valid_share": round(valid / max(1, responses), 6),
        "apps_with_20_tasks": sum(task["certified"] >= ENOUGH_TASKS for task in tasks),
        "tasks_certified": sum(task["certified"] for task in tasks),
        "verdicts": dict(verdicts),
        "tasks_by_kind": _added(task["templates"] for task in tasks),
        "apps_by_kind": _added(dict.fromkeys(task["templates"], 1) for task in tasks),
        "faults_met": _added(task["faults"] for task in tasks),
        "diversity": _diversity([task["diversity"] for task in tasks if task["certified"]]),
        "compile_s": _spread([one["compile_s"] for one in findings if "compile_s" in one]),
        "proof_s": _spread([one["proof_s"] for one in findings if "proof_s" in one]),
        "tasks_s": _spread([one["tasks_s"] for one in findings if "tasks_s" in one]),
        "cpu_s": round(sum(one["cpu_s"] for one in findings), 1),
        "causes": dict(causes.most_common(60)),
        "failed_checks": _added(proof["failures"] for proof in proofs),
        "refused_tasks": dict(list(_added(task["causes"] for task in tasks).items())[:40]),
    }


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Sums by name, the largest first."""
    whole = Counter[str]()
    for one in counts:
        whole.update(one)
    return dict(whole.most_common())


def _diversity(figures: Sequence[Mapping[str, Json]]) -> dict[str, dict[str, float]]:
    """Of each figure of an app's instructions, what the middle app has and the worst tenth at most."""
    names = ("distinct_1", "distinct_2", "distinct_3", "template_entropy_bits", "template_evenness", "jaccard_distance")
    ordered = {name: sorted(one[name] for one in figures) for name in names if figures}
    return {name: {"median": one[len(one) // 2], "p10": one[len(one) // 10]} for name, one in ordered.items()}


def _spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {}
    return {"median": ordered[len(ordered) // 2], "p90": ordered[len(ordered) * 9 // 10], "max": ordered[-1]}


def main() -> int:
    """Exit code 0 once the report is written, whatever it says."""
    from factory.compiler.discovery import documents

    parser = argparse.ArgumentParser(prog="python -m factory.fleet", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/apps"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", help="a comma-separated list of documents, as gmail:v1")
    parser.add_argument("--first", type=int, help="so many of all documents, spread evenly over them")
    parser.add_argument("--again", action="store_true", help="examine anew what was found before")
    given = parser.parse_args()
    origins = given.only.split(",") if given.only else list(documents())
    if given.first:
        origins = origins[:: max(1, len(origins) // given.first)][: given.first]
    begun = time.monotonic()
    findings, now = run(origins, given.out, workers=given.workers, again=given.again)
    wall_s = round(time.monotonic() - begun, 1)
    report = summary(findings) | {"wall_s": wall_s, "examined_in_wall_s": now}
    write_whole(given.out / "report.json", json.dumps(report, indent=1) + "\n")
    print(json.dumps({key: report[key] for key in (*list(report)[:9], "diversity", "wall_s")}))
    return 0


def _until_interrupted() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a shell's background job ignores SIGINT, not this
    try:
        return main()
    except KeyboardInterrupt:
        print("interrupted: the same command goes on where it stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(_until_interrupted())
