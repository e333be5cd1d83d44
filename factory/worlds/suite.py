"""A world as a suite of tasks: built once from a spec, then loaded in any process from the store alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import apsw

import app_clones.browser
import app_clones.declared
import app_clones.docs
import app_clones.kit
import app_clones.mail
import app_clones.notes
import factory.environment
import factory.verifiers
import factory.worlds
from app_clones.kit.app import App
from app_clones.kit.canonical import Canonical
from app_clones.kit.change import describe, parse
from app_clones.kit.faults import Faults
from app_clones.kit.registry import register
from app_clones.kit.world import World
from factory.apps import FoundApp, load_app
from factory.environment import Action, Checkpoint, Task, ToolSpec, Verdict
from factory.errors import BuildError, InputGone, boundary
from factory.manifest import Manifest, check_code, code_digest
from factory.spec import WorldSpec
from factory.store import Store
from factory.verifiers.net_change import Expected, judge, wanted_form
from factory.verifiers.start import Start
from factory.worlds.browsing import BrowserEnvironment, PixelEnvironment, in_chromium, in_process
from factory.worlds.episode import WorldEnvironment
from factory.worlds.family import Family, View
from factory.worlds.mail_family import MailFamily
from factory.worlds.oracle import rest_of

if TYPE_CHECKING:
    from factory.worlds.generated.survey import Slip

Slips = Mapping[str, Sequence["Slip"]]
NO_SLIPS: Slips = MappingProxyType({})
Judge = Callable[["WorldSuite", Task, World], Verdict]

CODE = (
    app_clones.browser, app_clones.declared, app_clones.docs, app_clones.kit, app_clones.mail, app_clones.notes,
    factory.environment, factory.verifiers, factory.worlds,
)  # fmt: skip
"""What an environment's digest covers of the code: a change of any of it makes another environment."""


def judge_net_change(suite: WorldSuite, task: Task, world: World) -> Verdict:
    """The verdict on ``world`` as it is now."""
    schema = world.registry.schema
    if task.id not in suite.expected:
        expected = suite.family(task.template).expected(task, suite.start)
        suite.expected[task.id] = expected, wanted_form(expected, schema)
    expected, wanted = suite.expected[task.id]
    return judge(expected, world.net_change(), schema, wanted, explain=suite.explain)


@dataclass(frozen=True, eq=False)
class WorldSuite:
    """Satisfies :class:`factory.environment.Suite`. Not thread-safe. Replace ``judging`` to plant a weak verifier.

    ``families``: whose templates its tasks are of. ``explain``: whether a verdict below 1 says row by row what was
    wrong.
    """

    name: str
    digest: str
    start_digest: str
    snapshot_digest: str
    snapshot: bytes
    apps: tuple[App, ...]
    families: tuple[Family, ...]
    tasks: Mapping[str, Task]
    tools: tuple[ToolSpec, ...]
    account: str
    start: Start
    judging: Judge = judge_net_change
    explain: bool = True
    view: View = "tools"
    kind: Literal["world"] = "world"
    expected: dict[str, tuple[Expected, Canonical]] = field(default_factory=dict)
    _writes: frozenset[str] = field(default=frozenset())

    def fork(self, task: Task, checkpoint: Checkpoint | None = None) -> WorldEnvironment | BrowserEnvironment:
        """A fresh world at the start, or at ``checkpoint`` of this same snapshot. Raises InputGone for another's."""
        if self.view == "tools":
            return WorldEnvironment(self, task, self.fork_world(checkpoint))
        if self.view == "browser":
            return BrowserEnvironment(self, task, self.fork_world(), in_process, checkpoint)
        return PixelEnvironment(self, task, self.fork_world(), in_chromium, checkpoint)

    def fork_world(self, checkpoint: Checkpoint | None = None) -> World:
        """The bare world of :meth:`fork`; the caller closes it."""
        if checkpoint is None or not checkpoint.changeset:
            return World.fork(self.snapshot, self.apps)
        if checkpoint.snapshot not in (None, self.snapshot_digest):
            raise InputGone(
                f"the checkpoint belongs to snapshot {checkpoint.snapshot}, {self.name} has {self.snapshot_digest}",
                "load the environment that the checkpoint was made in",
            )
        return World.restore(self.snapshot, self.apps, [checkpoint.changeset])

    def judge(self, task: Task, world: World) -> Verdict:
        """The verdict on ``world``."""
        return self.judging(self, task, world)

    def oracle(self, task: Task, done: Sequence[Action] = ()) -> Sequence[Action]:
        """What solves ``task`` after ``done``. Reads and writes already done rightly are left out; after an outcome
        nothing is left; where ``done`` cannot be made good any more, what was not yet tried."""
        if self.view == "tools":
            return rest_of(self, task, self.family(task.template).oracle(task), done)
        if self.view == "browser":
            return self.walk(task, done)
        raise BuildError(f"{task.id}: nobody here finds their way by pictures alone", "view: browser")

    def walk(self, task: Task, done: Sequence[Action] = ()) -> tuple[Action, ...]:
        """What solves ``task`` in the apps' pages after ``done``. Raises BuildError where they do not offer it."""
        family = self.family(task.template)
        way = family.walk(task, self.pages(task), ())
        if tuple(done) == way[: len(done)]:
            return way[len(done) :]
        return family.walk(task, self.pages(task), done)

    def pages(self, task: Task) -> BrowserEnvironment:
        """A fresh world seen through its pages, whatever view the suite has."""
        return BrowserEnvironment(self, task, self.fork_world(), in_process)

    def family(self, template: str) -> Family:
        """Whose template it is. Raises BuildError for nobody's."""
        return family_of(template, self.families)

    def writes(self, tool: str) -> bool:
        """Whether a tool can change anything but the clock."""
        return tool in self._writes

    def best_blind(self, task: Task) -> Sequence[Action]:
        """The best that can be done knowing the instruction and all training tasks, but observing nothing."""
        return best_blind(self, task)

    def describe(self, changeset: bytes) -> Sequence[str]:
        """The change of a step, a readable line per row."""
        return describe(parse(changeset, register(self.apps).layouts))


def best_blind(suite: WorldSuite, task: Task) -> Sequence[Action]:
    """The observation-blind policy's actions; reads are left out, since what they answer isn't looked at."""
    training = (one for one in suite.tasks.values() if one.template == task.template and one.split == "train")
    return [action for action in suite.family(task.template).blind(task, training) if suite.writes(action.name)]


# ---- building


def build_world(spec: WorldSpec, store: Store) -> Manifest:
    """Builds the world, draws its tasks, keeps both in the store. Raises BuildError."""
    return build_found(spec, tuple(spec.find_app(name) for name in spec.apps), store)


def build_found(spec: WorldSpec, found: Sequence[FoundApp], store: Store) -> Manifest:
    """The same of apps that are there already, in the order of ``spec.apps``. Raises BuildError."""
    with boundary(BuildError, f"build {spec.name}"):
        options = {name: spec.options(name) for name in spec.apps}
        with World.build(
            [one.app for one in found],
            seed=spec.seed,
            start_ms=spec.start_ms,
            step_ms=spec.step_seconds * 1000,
            persons=spec.persons,
            options=options,
            faults=_faults(spec),
        ) as world:
            slips = _slips(spec, world, found)
            snapshot, start_digest = world.snapshot(), world.state_digest
            tasks = draw_tasks(spec, snapshot, found, slips)
    about = {"apps": list(spec.apps), "view": spec.view}
    kept = {part: digest for one in found for part, digest in one.keep(store).items()}
    return Manifest(
        name=spec.name,
        kind="world",
        snapshot=(store.put(snapshot),),
        start_digest=start_digest,
        parts={"about": store.put_json(about), **kept},
        tasks=store.put_json(tasks),
        code_digest=code_digest(CODE),
        sqlite_version=apsw.sqlite_lib_version(),
    )


def _faults(spec: WorldSpec) -> Faults | None:
    given = spec.faults
    return None if given is None else Faults(given.rate, given.kinds, given.window_seconds * 1000)


def _slips(spec: WorldSpec, world: World, found: Sequence[FoundApp]) -> Slips:
    """Makes the mistakes that tasks ask to undo, where any are asked for, and says what was there before, by app."""
    generated = spec.tasks.generated
    if generated is None or "undo" not in (generated.templates or ("undo",)):
        return {}
    from factory.worlds.generated.family import GeneratedFamily
    from factory.worlds.generated.slips import slips

    families = families_of(found, Start(world.snapshot()))
    return {
        one.name: slips(one.can, world, spec.seed, generated.per_template)
        for one in families
        if isinstance(one, GeneratedFamily)
    }


def draw_tasks(
    spec: WorldSpec, snapshot: bytes, found: Sequence[FoundApp], slips: Slips = NO_SLIPS
) -> list[dict[str, Any]]:
    """The tasks as JSON. Raises BuildError for a template that isn't there or has too few."""
    families = families_of(found, Start(snapshot), slips)
    apps = [one.app for one in found]
    for name in spec.tasks.templates:
        family_of(name, families)
    tasks: list[dict[str, Any]] = []
    for family in families:
        with World.fork(snapshot, apps) as world:
            for batch in family.draw(spec.tasks, spec.seed, world):
                tasks += [
                    {
                        "id": f"{spec.name}/{batch.template}/{batch.split[0]}{k:04}",
                        "template": batch.template,
                        "instruction": drawn.instruction,
                        "split": batch.split,
                        "max_steps": spec.tasks.max_steps,
                        "private": {**drawn.values, "wording": drawn.wording},
                    }
                    for k, drawn in enumerate(batch.tasks)
                ]
    return tasks


def families_of(found: Sequence[FoundApp], start: Start, slips: Slips = NO_SLIPS) -> tuple[Family, ...]:
    """The families that these apps give rise to, in the apps' order; of an app, those written by hand come first.
    ``slips``: the mistakes that were made in them, for drawing alone."""
    families: list[Family] = []
    for one in found:
        if one.name == MailFamily.name:
            families.append(MailFamily())
        if one.declared is not None:
            from factory.worlds.generated.family import GeneratedFamily, Setting  # not needed by the mail

            setting = Setting.of(start, [each.app for each in found])
            families.append(GeneratedFamily(one.declared, setting, slips.get(one.name, ())))
    return tuple(families)


def family_of(template: str, families: Sequence[Family]) -> Family:
    """Whose template it is. Raises BuildError for nobody's."""
    for family in families:
        if family.has(template):
            return family
    raise BuildError(f"tasks.templates.{template}: no such template", "`grind build` makes the environment anew")


# ---- loading


def load(manifest: Manifest, store: Store) -> WorldSuite:
    """The suite of a built world, with all of its tasks, certified or not. Raises BuildError where it was built by
    other code than this."""
    check_code(manifest, CODE)
    snapshot = store.get(manifest.snapshot[0])
    about = store.get_json(manifest.parts["about"])
    found = tuple(load_app(name, manifest.parts, store) for name in about["apps"])
    apps = tuple(one.app for one in found)
    tasks = {one["id"]: Task(**one) for one in store.get_json(manifest.tasks)}
    start = Start(snapshot)
    operations = register(apps).operations
    return WorldSuite(
        name=manifest.name,
        digest=manifest.digest,
        start_digest=manifest.start_digest,
        snapshot_digest=manifest.snapshot[0],
        snapshot=snapshot,
        apps=apps,
        families=families_of(found, start),
        tasks=tasks,
        tools=tuple(
            ToolSpec(name, operation.description, operation.params.model_json_schema())
            for name, (_, operation) in operations.items()
        ),
        account=str(start.row("kit_person", 1)["name"]),
        start=start,
        view=about["view"],
        _writes=frozenset(name for name, (_, operation) in operations.items() if operation.writes),
    )
