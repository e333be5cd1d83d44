"""One app's tasks, drawn in a world of that app alone and certified: what ``make apps`` asks of each declaration."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app_clones.declared.engine import declared
from app_clones.declared.model import AppDecl
from app_clones.kit.faults import KINDS
from app_clones.kit.seeds import derive
from factory.apps import FoundApp, found_of
from factory.audit import audit
from factory.environment import Task, TaskCertificate
from factory.spec import FaultsSpec, GeneratedSpec, WorldSpec, WorldTasksSpec
from factory.store import Store
from factory.worlds.certify import walk_faults
from factory.worlds.generated.diversity import kind_of, measure
from factory.worlds.generated.kinds import KINDS as TASK_KINDS
from factory.worlds.suite import WorldSuite, build_found, load

MOST_TASKS = 30
"""Tasks drawn for one app: some more than it needs, should some not hold."""

_FAULTY = 5
"""One task of so many is to recover from a fault of the app."""

_RATE = 0.5
_PER_TEMPLATE = 10
_MAX_STEPS = 12
_MOST_PAGES = 40
_PERSONS = 6
_START = datetime(2025, 3, 3, 9, tzinfo=UTC)
_KNOWN = re.compile(r"(?<!\w)[\"'`].*?[\"'`](?!\w)|\(.*?\)|\d+|⟨.*?⟩")


@dataclass(frozen=True, slots=True)
class AppTasks:
    """What was found of an app. ``templates``: certified tasks by kind; ``faults``: the seeded faults that their
    oracles meet, by kind; ``diversity``: figures of their instructions (:func:`measure`); ``causes``: of those that did
    not hold, how many by cause; ``failures``: the first few in full, by task; ``near_misses``: tried, all of them
    killed where a task holds. ``walks``: certified tasks, one a kind, whose oracle was also sent through the pages,
    ``walked``: those that it solved there."""

    app: str
    drawn: int
    certified: int
    heldout: int
    near_misses: int
    equivalent: int
    templates: Mapping[str, int]
    faults: Mapping[str, int]
    diversity: Mapping[str, Any]
    causes: Mapping[str, int]
    failures: Mapping[str, str]
    walks: int
    walked: int


def certify_app(decl: AppDecl | FoundApp, seed: int, *, most: int = MOST_TASKS, heldout: bool = False) -> AppTasks:
    """Builds two worlds of the app, one that now and then fails and one that never does, draws at most ``most`` tasks
    over all templates of both and certifies them, reruns included.

    ``heldout``: the app is one that training never sees. Raises BuildError where a world cannot be built.
    """
    found = decl if isinstance(decl, FoundApp) else found_of(declared(decl))
    with tempfile.TemporaryDirectory(prefix="grind-app-") as folder:
        store = Store(Path(folder))
        faulty = _certified(_spec(found.name, seed, most // _FAULTY, heldout, FaultsSpec(rate=_RATE)), found, store)
        sound = _certified(_spec(found.name, seed, most - len(faulty), heldout), found, store)
        tried = [*sound, *faulty]
        good = [one for one in tried if one.certificate.ok]
        bad = [one.certificate for one in tried if not one.certificate.ok]
        walks = {kind_of(one.task.template): one for one in sorted(good, key=lambda one: one.task.id, reverse=True)}
        return AppTasks(
            app=found.name,
            drawn=len(tried),
            certified=len(good),
            heldout=sum(one.task.split == "heldout" for one in good),
            near_misses=sum(one.certificate.near_misses.n for one in tried),
            equivalent=sum(one.certificate.equivalent for one in tried),
            templates=dict(sorted(Counter(kind_of(one.task.template) for one in good).items())),
            faults=dict(sorted(sum((one.faults() for one in good), Counter()).items())),
            diversity=measure([one.task for one in good], kind_of),
            causes=dict(Counter(cause(one) for one in bad).most_common()),
            failures={one.task_id: "; ".join(one.survivors[:3]) for one in bad[:5]},
            walks=len(walks),
            walked=sum(one.walks() for one in walks.values()),
        )


@dataclass(frozen=True, slots=True)
class _Certified:
    suite: WorldSuite
    task: Task
    certificate: TaskCertificate

    def faults(self) -> Counter[str]:
        """The seeded faults that its oracle meets, by kind."""
        names = {error.code: name for name, error in KINDS.items()}
        with self.suite.fork_world() as world:
            errors = [world.call(one.name, one.arguments).result.error for one in self.suite.oracle(self.task)]
        return Counter(names[error] for error in errors if error in names)

    def walks(self) -> bool:
        """Whether the oracle solves it through the pages, too."""
        return not walk_faults(self.suite, replace(self.task, max_steps=_MOST_PAGES))


def _certified(spec: WorldSpec, found: FoundApp, store: Store) -> list[_Certified]:
    """All tasks of a world, each with its certificate."""
    manifest = build_found(spec, (found,), store)
    store.put(manifest.to_json())
    suite = load(manifest, store)
    certificates = audit(store, suite).tasks if suite.tasks else ()
    return [_Certified(suite, suite.tasks[one.task_id], one) for one in certificates]


def _spec(app: str, seed: int, most: int, heldout: bool, faults: FaultsSpec | None = None) -> WorldSpec:
    """A world of the app. One with faults has those tasks alone that are about them, and more steps for its retries."""
    generated = GeneratedSpec(
        per_template=_PER_TEMPLATE,
        most=max(1, most),
        heldout_apps=(app,) if heldout else (),
        templates=tuple(name for name, kind in TASK_KINDS.items() if kind.faulty) if faults else (),
    )
    name, steps = (f"{app}_failing", _MAX_STEPS * 2) if faults else (app, _MAX_STEPS)
    if faults:  # a seed of its own, for what fails first is a matter of the seed: else all apps' sessions end at once
        seed = derive(seed, "apps", "faults", app) >> 1
    return WorldSpec(
        kind="world", name=name, seed=seed, start=_START, step_seconds=60, persons=_PERSONS, apps={app: {}},
        tasks=WorldTasksSpec(max_steps=steps, generated=generated), faults=faults,
    )  # fmt: skip


def is_held_out(app: str) -> bool:
    """Whether all tasks of an app are kept from training: one app in five."""
    return derive(0, "apps", "heldout", app) % 5 == 0


def cause(certificate: TaskCertificate) -> str:
    """Why a task does not hold, without what is its own in it."""
    kind = certificate.task_id.split(".")[1] if "." in certificate.task_id else ""
    if certificate.survivors:
        return f"{kind}: {_KNOWN.sub('_', certificate.survivors[0])[:120]}"
    return f"{kind}: oracle {certificate.oracle:g}, no-op {certificate.noop:g}, near misses {certificate.near_misses.n}"
