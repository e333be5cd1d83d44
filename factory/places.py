"""Worlds to walk in: the mail, the example app and compiled ones, with rows enough that pages are as full as in use."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app_clones.declared.drawing.order import order_of
from app_clones.declared.engine import declared
from app_clones.declared.expand import outer_parent
from app_clones.declared.model import AppDecl
from app_clones.declared.pages_plan import plan as pages_of
from app_clones.kit.app import App
from factory.apps import FoundApp, find_app, found_of
from factory.compiler.compile import compile_app
from factory.spec import GeneratedSpec, WorldSpec, WorldTasksSpec
from factory.store import Store
from factory.worlds.suite import WorldSuite, build_found, load

COMPILED = (
    "dfareporting:v4", "networksecurity:v1beta1", "displayvideo:v4", "logging:v2", "walletobjects:v1",
    "androidmanagement:v1", "alloydb:v1alpha", "analyticsadmin:v1alpha", "contactcenterinsights:v1",
    "content:v2.1", "vmwareengine:v1", "bigquerydatatransfer:v1", "merchantapi:accounts_v1",
    "datamigration:v1", "netapp:v1", "apigee:v1", "securitycenter:v1", "realtimebidding:v1",
    "dialogflow:v2", "dlp:v2",
)  # fmt: skip
"""Documents whose apps have large pages: of 176 with twenty methods or more, those with the most collections of which a
full page comes to 250 elements, or whose first page does."""

ROWS = 60
"""Rows of a collection, or some more: its page shows 20 to 50 at once."""

PARENTS = 40
CHILDREN = 6
"""Rows of what others lie under, and of those under each: no more in all than an oracle turns pages for."""

TASKS = 16
"""Generated tasks of an app, of all kinds in turn."""

SEED = 7
PERSONS = 6
SPECS = Path(__file__).parents[1] / "specs"
_START = datetime(2026, 1, 5, 8, tzinfo=UTC)
_MAX_STEPS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A world to walk in. ``starts``: addresses that a person would know, the apps' first pages and collections."""

    name: str
    suite: WorldSuite
    starts: tuple[str, ...]

    @property
    def snapshot(self) -> bytes:
        """The world's start."""
        return self.suite.snapshot

    @property
    def apps(self) -> tuple[App, ...]:
        """Its apps."""
        return self.suite.apps


def places(count: int = len(COMPILED), tasks: int = TASKS) -> Iterator[Place]:
    """The mail with notes, the example app beside the mail, and ``count`` compiled apps, each in a world of its own, of
    at most ``tasks`` tasks an app. Raises GrindError for an app that cannot be compiled or built."""
    mail = find_app("mail")
    yield place("mail", mail, find_app("notes"), tasks=tasks)
    yield place("helpdesk", find_app("helpdesk", "apps/helpdesk", SPECS), mail, tasks=tasks)
    for id in COMPILED[:count]:
        yield compiled(id, tasks)


def compiled(id: str, tasks: int = TASKS) -> Place:
    """The app of a discovery document (``gmail:v1``) in a world of its own. Raises GrindError."""
    return place(id, found_of(declared(compile_app(f"discovery:{id}"))), tasks=tasks)


def place(name: str, *found: FoundApp, tasks: int = TASKS) -> Place:
    """A world of these apps, with rows and tasks. Raises BuildError."""
    generated = GeneratedSpec(per_template=1, most=tasks) if tasks else None
    spec = WorldSpec(
        kind="world", name=found[0].name, seed=SEED, start=_START, step_seconds=60, persons=PERSONS,
        apps={one.name: {} if one.declared is None else {"rows": rows_of(one.declared.decl)} for one in found},
        tasks=WorldTasksSpec(max_steps=_MAX_STEPS, generated=generated),
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="grind-walk-") as folder:
        store = Store(Path(folder))
        suite = load(build_found(spec, found, store), store)
    return Place(name, suite, tuple(start for one in found for start in _starts(one)))


def rows_of(decl: AppDecl) -> dict[str, int]:
    """How many rows of each entity to draw, under each row of its parent where it has one: some :data:`ROWS` in all,
    fewer of what others lie under, of which each has :data:`CHILDREN`."""
    counts: dict[str, int] = {}
    total: dict[str, int] = {}
    parents = {entity.fields[entity.parent].to for entity in decl.entities.values() if entity.parent}
    for name in order_of(decl):
        entity = decl.entities[name]
        parent = outer_parent(name, entity)
        above = total.get(entity.fields[parent].to or "", PERSONS) if parent else 1
        if entity.singleton:
            total[name] = above
            continue
        wanted = PARENTS if name in parents else ROWS
        counts[name] = max(-(-wanted // max(1, above)), CHILDREN if parent and above <= PARENTS else 1)
        total[name] = counts[name] * above
    return counts


def _starts(found: FoundApp) -> Iterator[str]:
    if found.app.routes():
        yield f"/{found.name}/"
    if found.declared is not None:
        yield from (f"/{found.name}/{entity}" for entity in pages_of(found.declared.decl).shelves)
    elif found.name == "mail":
        yield from ("/mail/all", "/mail/folder/sent", "/mail/labels")
