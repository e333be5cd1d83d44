"""Stages 1 and 2: both environments built, built again elsewhere, and certified."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from factory import audit
from factory.build import build, load_suite
from factory.errors import BuildError, InputGone
from factory.lock import Lock, lock_spec
from factory.rebuild import rebuild
from factory.spec import load_spec
from factory.store import Store
from rollout.demo.screen import Screen
from rollout.progress import progress

CORES = min(2, os.cpu_count() or 1)

Digests = Mapping[str, Mapping[str, str]]
"""By environment: ``first`` and ``again``."""


def build_twice(screen: Screen, store: Store, specs: Sequence[Path]) -> dict[str, dict[str, str]]:
    """Builds all specs here, and all again elsewhere; by name. Raises BuildError unless the digests are equal."""
    digests = {}
    for spec in specs:
        name = load_spec(spec).name
        locked = _locked(screen, spec, store)
        with ThreadPoolExecutor(1) as other:
            again = other.submit(rebuild, spec, locked, store)
            first = build(load_spec(spec), locked, store).digest
            found = again.result()
        digests[name] = {"first": first, "again": found.digest}
        if found.digest != first:
            raise BuildError(f"{name} built twice gives {first} and {found.digest}", "this is a bug: please report it")
        screen.line("build", f"{name} {first[:12]}, the same in another {', '.join(found.differed)}")
    return digests


def _locked(screen: Screen, spec: Path, store: Store) -> Lock:
    """All inputs, fetched. The index of Debian keeps only a package's newest version: where a pinned one is gone, the
    demo pins anew, and says so; a project of one's own would rather keep the blobs."""
    try:
        locked = lock_spec(spec, store)
    except InputGone as error:
        screen.line("lock", f"{error.message}: pinned anew")
        locked = lock_spec(spec, store, update=True)
    if locked.inputs:
        screen.line("lock", f"{spec.stem}: {len(locked.inputs)} inputs, each by its SHA-256")
    return locked


def certify(screen: Screen, store: Store, digests: Digests) -> dict[str, dict[str, Any]]:
    """Certifies every task of all, and prints the table. Returns the report's section."""
    rows = {}
    for name in digests:
        suite = load_suite(store, digests[name]["first"])
        with progress(f"certifying {name}", len(suite.tasks)) as advance:
            certificate = audit.audit(store, suite, workers=CORES, tell=lambda done, of: advance(1, ""))
        rows[name] = audit.summary(certificate.tasks)
        screen.line("certify", f"{name}: {rows[name]['ok']} of {rows[name]['tasks']} tasks certified")
    print(audit.table(rows), flush=True)
    return {name: _section(row) for name, row in rows.items()}


def _section(row: Mapping[str, Any]) -> dict[str, Any]:
    """The report's form. ``oracle`` and ``noop`` are means of rewards that are 1 or 0."""
    return {
        "tasks": row["tasks"],
        "served": row["ok"],
        "oracle": row["oracle"] / row["tasks"],
        "noop": 1 - row["noop"] / row["tasks"],
        "near_misses": row["near_misses"],
        "equivalent": row["equivalent"],
        "mutants": row["mutants"],
        "exploits": row["exploits"],
        "reruns_identical": row["reruns_identical"] == row["reruns"],
    }
