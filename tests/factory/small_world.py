"""A mail world with a few tasks of every template, and ways to play in it: for tests of worlds, verifiers and audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from factory.environment import Action, Checkpoint, Step, Task, Verdict
from factory.manifest import Manifest
from factory.spec import TemplateSpec, WorldSpec, load_spec
from factory.store import Store
from factory.worlds.mail_templates import TEMPLATES
from factory.worlds.suite import WorldSuite, build_world, load

ROOT = Path(__file__).parents[2]


def full_spec() -> WorldSpec:
    """The spec that users are given."""
    spec = load_spec(ROOT / "specs" / "mail.yaml")
    assert isinstance(spec, WorldSpec)
    return spec


def small_spec(train: int = 4, heldout: int = 2) -> WorldSpec:
    """The same with fewer tasks."""
    spec = full_spec()
    templates = {name: TemplateSpec(train=train, heldout=heldout) for name in TEMPLATES}
    return spec.model_copy(update={"tasks": spec.tasks.model_copy(update={"templates": templates})})


def built(root: Path, spec: WorldSpec) -> tuple[Store, Manifest, WorldSuite]:
    """Built as ``grind build`` does, and loaded."""
    store = Store(root)
    manifest = build_world(spec, store)
    store.put(manifest.to_json())
    return store, manifest, load(manifest, store)


def some(suite: WorldSuite, template: str, **private: object) -> Task:
    """The first task of a template with these private values."""
    return next(
        task
        for task in suite.tasks.values()
        if task.template == template and all(task.private[name] == value for name, value in private.items())
    )


def act(tool: str, **arguments: object) -> Action:
    return Action(tool, arguments)


async def played(
    suite: WorldSuite, task: Task, actions: Sequence[Action], checkpoint: Checkpoint | None = None
) -> tuple[list[Step], Verdict, Checkpoint]:
    """Plays ``actions`` and asks for the verdict."""
    environment = suite.fork(task, checkpoint)
    await environment.open()
    steps = [await environment.step(action) for action in actions]
    verdict = await environment.verdict()
    frozen = await environment.freeze()
    await environment.close()
    return steps, verdict, frozen


def with_private(suite: WorldSuite, task: Task, **private: object) -> WorldSuite:
    """The suite with that one task's private values replaced."""
    changed = replace(task, private={**task.private, **private})
    return replace(suite, tasks={**suite.tasks, task.id: changed}, expected={})
