"""Certificates: what running a suite's tasks, and all that is close to solving them, showed. None is served without."""

from __future__ import annotations

import asyncio
import copy
import difflib
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, is_dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar, cast

from factory.environment import Certificate, Suite, Tally, Task, TaskCertificate
from factory.errors import BuildError
from factory.manifest import ENVIRONMENT, Manifest
from factory.orphans import end_with_pool
from factory.store import Store
from factory.worlds import rerun
from factory.worlds.behaving import Behaving, differing
from factory.worlds.certify import Auditor
from factory.worlds.generated.diversity import kind_of, measure
from factory.worlds.suite import WorldSuite, judge_net_change, load

Tell = Callable[[int, int], None]
"""Called with how many tasks are done, and of how many."""
Found = tuple[TaskCertificate, str]
S = TypeVar("S", bound=Suite)
CERTIFICATE = "certificate"  # kind of the store's refs from an environment's digest to its certificate
_BATCH = 40


def audit(
    store: Store, suite: Suite, *, task_ids: Sequence[str] | None = None, workers: int = 1, tell: Tell | None = None
) -> Certificate:
    """Certifies ``suite``, whose manifest is in ``store``; keeps the certificate under its digest if all were audited.

    ``workers``: processes, or sandboxes at once. A suite whose ``judging`` was replaced is audited as it is, in this
    process. Raises BuildError where the audit itself cannot run; what it finds wrong is in the certificate. Not to be
    called from a running event loop.
    """
    if isinstance(suite, WorldSuite):
        found = _audit_world(store, suite, task_ids, workers, tell or _silent)
    else:
        found = asyncio.run(_audit_repo(suite, task_ids, workers, tell or _silent))
    certificate = Certificate(suite.digest, suite.name, found)
    if task_ids is None:
        store.set_ref(CERTIFICATE, suite.digest, store.put_json(asdict(certificate)))
    return certificate


def certificate_of(store: Store, digest: str) -> Certificate | None:
    """The environment's certificate, if it was audited. Raises InputGone for a damaged one."""
    kept = store.ref(CERTIFICATE, digest)
    return None if kept is None else _read(store.get_json(kept))


def certified(store: Store, suite: S) -> S:
    """``suite`` with the tasks whose certificate holds. Raises BuildError if there is no certificate."""
    certificate = certificate_of(store, suite.digest)
    if certificate is None:
        known = suite.name if store.ref(ENVIRONMENT, suite.name) == suite.digest else suite.digest
        raise BuildError(f"{suite.name} ({suite.digest[:12]}) has no certificate", f"run `grind audit {known}`")
    ok = {one.task_id for one in certificate.tasks if one.ok}
    tasks: Mapping[str, Task] = {id: task for id, task in suite.tasks.items() if id in ok}
    if is_dataclass(suite):
        return cast(S, replace(suite, tasks=tasks))
    served = copy.copy(suite)
    served.tasks = tasks  # type: ignore[misc]  # read-only to those who are given a suite; this one is ours
    return served


def diversity(suite: Suite) -> dict[str, Any]:
    """How varied a world's instructions are, in the figures of :func:`factory.worlds.generated.diversity.measure`;
    nothing of repositories, whose tasks are not worded."""
    return measure(suite.tasks.values(), kind_of) if isinstance(suite, WorldSuite) else {}


def told(figures: Mapping[str, Any]) -> str:
    """Those figures in a line."""
    grams = ", ".join(f"{figures[f'distinct_{n}']:.2f}" for n in (1, 2, 3))
    return (
        f"{figures['instructions']} different instructions; distinct 1-, 2- and 3-grams {grams}; "
        f"templates' entropy {figures['template_entropy_bits']:.2f} bits ({figures['template_evenness']:.0%} of the "
        f"most); two differ in {figures['jaccard_distance']:.0%} of their words"
    )


def summary(tasks: Sequence[TaskCertificate]) -> dict[str, Any]:
    """The figures of some tasks: how many, of which ok; oracles at 1, no-ops at 0; near misses, mutants, exploits
    tried and killed; reruns and those identical."""

    def total(tallies: Iterator[Tally]) -> dict[str, int]:
        listed = list(tallies)
        return {"n": sum(one.n for one in listed), "killed": sum(one.killed for one in listed)}

    return {
        "tasks": len(tasks),
        "ok": sum(one.ok for one in tasks),
        "oracle": sum(one.oracle == 1.0 for one in tasks),
        "noop": sum(one.noop == 0.0 for one in tasks),
        "near_misses": total(one.near_misses for one in tasks),
        "equivalent": sum(one.equivalent for one in tasks),
        "mutants": total(one.mutants for one in tasks),
        "exploits": total(one.exploits for one in tasks),
        "reruns": sum(one.reruns for one in tasks),
        "reruns_identical": sum(one.reruns_identical for one in tasks),
    }


def by_template(certificate: Certificate, suite: Suite) -> dict[str, dict[str, Any]]:
    """:func:`summary` per template; tasks that ``suite`` does not serve come under ``not served``."""
    groups: dict[str, list[TaskCertificate]] = {}
    for one in certificate.tasks:
        task = suite.tasks.get(one.task_id)
        groups.setdefault(task.template if task else "not served", []).append(one)
    return {template: summary(tasks) for template, tasks in groups.items()}


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Summaries as a text table, a line each."""
    head = ("", "tasks", "ok", "oracle=1", "no-op=0", "near misses", "equivalent", "mutants", "exploits", "reruns")
    lines = [head, *((name, *_cells(row)) for name, row in rows.items())]
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    justified = ([cell.rjust(w) for cell, w in zip(line, widths, strict=True)] for line in lines)
    return "\n".join("  ".join([line[0].strip().ljust(widths[0]), *line[1:]]) for line in justified)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    def killed(tally: Mapping[str, int]) -> str:
        return f"{tally['killed']}/{tally['n']}" if tally["n"] else "-"

    plain = (str(row[name]) for name in ("tasks", "ok", "oracle", "noop"))
    return (*plain, killed(row["near_misses"]), str(row["equivalent"]), killed(row["mutants"]), killed(row["exploits"]),
            f"{row['reruns_identical']}/{row['reruns']}")  # fmt: skip


def _there(suite: Suite, task_ids: Sequence[str] | None) -> list[str]:
    """The ids asked for, each once, or all. Raises BuildError for one that ``suite`` lacks."""
    ids = list(dict.fromkeys(suite.tasks if task_ids is None else task_ids))
    for id in ids:
        if id not in suite.tasks:
            near = difflib.get_close_matches(id, suite.tasks, n=1)
            raise BuildError(f"{suite.name} has no task {id}", f"did you mean {near[0]}?" if near else "")
    return ids


# ---- repositories


async def _audit_repo(
    suite: Suite, task_ids: Sequence[str] | None, workers: int, tell: Tell
) -> tuple[TaskCertificate, ...]:
    from factory.repos.certify import certify  # a world's audit needs none of the repositories' parts
    from factory.repos.suite import RepoSuite

    if not isinstance(suite, RepoSuite):
        raise BuildError(f"{suite.name} is neither a world nor a repository: nothing here can audit it")
    tasks = [suite.tasks[id] for id in _there(suite, task_ids)]
    found: dict[str, TaskCertificate] = {}
    async for one in certify(suite, tasks, concurrency=max(1, workers)):
        found[one.task_id] = one
        tell(len(found), len(tasks))
    return tuple(found[task.id] for task in tasks)


# ---- worlds


def _audit_world(
    store: Store, suite: WorldSuite, task_ids: Sequence[str] | None, workers: int, tell: Tell
) -> tuple[TaskCertificate, ...]:
    whole = replace(_whole(store, suite.digest), judging=suite.judging)
    ids = _there(whole, task_ids)
    again = rerun.start(store, suite.digest)
    try:
        found: dict[str, Found] = {}
        planted = suite.judging is not judge_net_change
        for one in _in_process(whole, ids) if workers <= 1 or planted else _in_processes(store, whole, ids, workers):
            found[one[0].task_id] = one
            tell(len(found), len(ids))
        behaving = Behaving(_manifest(store, suite.digest), store)
        here = behaving.answers(), behaving.answers()
        other = rerun.finish(again)
    finally:
        again.kill()
        again.wait()
    wrong = [f"{name}: asked again it answers otherwise" for name in differing(*here, other.answers)]
    return tuple(_with_rerun(*found[id], other, wrong) for id in ids)


def _with_rerun(certificate: TaskCertificate, trace: str, other: rerun.Rerun, wrong: Sequence[str]) -> TaskCertificate:
    """``wrong``: what holds of no task, since it is the world's own."""
    identical = other.traces.get(certificate.task_id) == trace
    differs = () if identical else ("a rerun in another process differs",)
    survivors = (*certificate.survivors, *differs, *wrong)
    ok = certificate.ok and identical and not wrong
    return replace(certificate, reruns=1, reruns_identical=int(identical), survivors=survivors, ok=ok)


def _whole(store: Store, digest: str) -> WorldSuite:
    return load(_manifest(store, digest), store)


def _manifest(store: Store, digest: str) -> Manifest:
    return Manifest.model_validate(store.get_json(digest))


def _in_process(suite: WorldSuite, ids: Sequence[str]) -> Iterator[Found]:
    auditor = Auditor(suite)
    return (auditor.certify(suite.tasks[id]) for id in ids)


@lru_cache(maxsize=1)
def _auditor(root: str, digest: str) -> Auditor:
    """What a worker process loads once for all its batches."""
    return Auditor(_whole(Store(root), digest))


def _in_processes(store: Store, suite: WorldSuite, ids: Sequence[str], workers: int) -> Iterator[Found]:
    n = -(-len(ids) // _BATCH)
    batches = [ids[k::n] for k in range(n)]  # dealt out in turn, as templates differ in what they cost
    spawn = multiprocessing.get_context("spawn")  # a fork of a process with threads (Ray, torch) may hang
    with ProcessPoolExecutor(workers, spawn, end_with_pool) as pool:
        for batch in as_completed([pool.submit(_batch, str(store.root), suite.digest, one) for one in batches]):
            yield from batch.result()


def _batch(root: str, digest: str, ids: Sequence[str]) -> list[Found]:
    auditor = _auditor(root, digest)
    return [auditor.certify(auditor.suite.tasks[id]) for id in ids]


def _silent(done: int, of: int) -> None:
    return None


def _read(kept: Mapping[str, Any]) -> Certificate:
    tallies = ("near_misses", "mutants", "exploits")
    tasks = tuple(
        TaskCertificate(
            **{**one, **{name: Tally(**one[name]) for name in tallies}, "survivors": tuple(one["survivors"])}
        )
        for one in kept["tasks"]
    )
    return Certificate(kept["environment"], kept["name"], tasks)
