"""One app's tasks, drawn in a world of that app alone and certified: what ``make apps`` asks of each declaration."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from app_clones.declared.engine import declared
from app_clones.declared.model import AppDecl
from app_clones.kit.seeds import derive
from factory.apps import FoundApp, found_of
from factory.audit import audit
from factory.environment import TaskCertificate
from factory.spec import GeneratedSpec, WorldSpec, WorldTasksSpec
from factory.store import Store
from factory.worlds.certify import walk_faults
from factory.worlds.generated.diversity import kind_of
from factory.worlds.suite import build_found, load

MOST_TASKS = 30
"""Tasks drawn for one app: some more than it needs, should some not hold."""

_PER_TEMPLATE = 10
_MAX_STEPS = 12
_MOST_PAGES = 40
_PERSONS = 6
_START = datetime(2025, 3, 3, 9, tzinfo=UTC)
_KNOWN = re.compile(r"(?<!\w)[\"'`].*?[\"'`](?!\w)|\(.*?\)|\d+|⟨.*?⟩")


@dataclass(frozen=True, slots=True)
class AppTasks:
    """What was found of an app. ``templates``: certified tasks by kind; ``causes``: of those that did not hold, how
    many by cause; ``failures``: the first few in full, by task; ``near_misses``: tried, all of them killed where a task
    holds. ``walks``: certified tasks, one a kind, whose oracle was also sent through the pages, ``walked``: those that
    it solved there."""

    app: str
    drawn: int
    certified: int
    heldout: int
    near_misses: int
    equivalent: int
    templates: Mapping[str, int]
    causes: Mapping[str, int]
    failures: Mapping[str, str]
    walks: int
    walked: int


def certify_app(decl: AppDecl | FoundApp, seed: int, *, most: int = MOST_TASKS, heldout: bool = False) -> AppTasks:
    """Builds a world of the app, draws at most ``most`` tasks over all templates and certifies them, reruns included.

    ``heldout``: the app is one that training never sees. Raises BuildError where the world cannot be built.
    """
    found = decl if isinstance(decl, FoundApp) else found_of(declared(decl))
    generated = GeneratedSpec(per_template=_PER_TEMPLATE, most=most, heldout_apps=(found.name,) if heldout else ())
    spec = WorldSpec(
        kind="world", name=found.name, seed=seed, start=_START, step_seconds=60, persons=_PERSONS,
        apps={found.name: {}}, tasks=WorldTasksSpec(max_steps=_MAX_STEPS, generated=generated),
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="grind-app-") as folder:
        store = Store(Path(folder))
        manifest = build_found(spec, (found,), store)
        store.put(manifest.to_json())
        suite = load(manifest, store)
        certificate = audit(store, suite) if suite.tasks else None
        tasks = certificate.tasks if certificate else ()
        good = {one.task_id for one in tasks if one.ok}
        walks = {kind_of(suite.tasks[id].template): suite.tasks[id] for id in sorted(good, reverse=True)}
        kinds = Counter(suite.tasks[one.task_id].template.split(".")[1] for one in tasks if one.ok)
        return AppTasks(
            app=found.name,
            drawn=len(suite.tasks),
            certified=sum(one.ok for one in tasks),
            heldout=sum(one.ok and suite.tasks[one.task_id].split == "heldout" for one in tasks),
            near_misses=sum(one.near_misses.n for one in tasks),
            equivalent=sum(one.equivalent for one in tasks),
            templates=dict(sorted(kinds.items())),
            causes=dict(Counter(cause(one) for one in tasks if not one.ok).most_common()),
            failures={one.task_id: "; ".join(one.survivors[:3]) for one in _bad(tasks)[:5]},
            walks=len(walks),
            walked=sum(not walk_faults(suite, replace(one, max_steps=_MOST_PAGES)) for one in walks.values()),
        )


def is_held_out(app: str) -> bool:
    """Whether all tasks of an app are kept from training: one app in five."""
    return derive(0, "apps", "heldout", app) % 5 == 0


def cause(certificate: TaskCertificate) -> str:
    """Why a task does not hold, without what is its own in it."""
    kind = certificate.task_id.split(".")[1] if "." in certificate.task_id else ""
    if certificate.survivors:
        return f"{kind}: {_KNOWN.sub('_', certificate.survivors[0])[:120]}"
    return f"{kind}: oracle {certificate.oracle:g}, no-op {certificate.noop:g}, near misses {certificate.near_misses.n}"


def _bad(tasks: Sequence[TaskCertificate]) -> list[TaskCertificate]:
    return [one for one in tasks if not one.ok]
