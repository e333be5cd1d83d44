"""Scripted submissions whose rewards are known beforehand: what the demo plays to see that verdicts are right."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from app_clones.kit.seeds import derive
from factory.environment import Action, Task
from factory.repos.exploits import battery
from factory.repos.operators import Edit
from factory.repos.suite import RepoSuite


class Scripted(NamedTuple):
    """One episode: what is done in which task, and what it has to earn."""

    task_id: str
    actions: tuple[Action, ...]
    expected_reward: float
    label: str


def scripted_mix(suite: RepoSuite, n: int, seed: int) -> list[Scripted]:
    """``n`` episodes over all tasks: gold, broken, no-op, partial and cheating submissions, by seed."""
    rng = Random(derive(seed, "mix", suite.name))
    tasks = [suite.tasks[name] for name in sorted(suite.tasks)]
    kinds: list[tuple[str, Callable[[RepoSuite, Task, Random], list[Action]], float]] = [
        ("gold", _gold, 1.0),
        ("gold after looking around", _looking, 1.0),
        ("no-op", _noop, 0.0),
        ("broken", _broken, 0.0),
        ("partial", _partial, 0.0),
        ("cheating", _cheating, 0.0),
    ]
    found = []
    for number in range(n):
        task = tasks[number % len(tasks)]
        label, build, reward = kinds[(number + number // len(tasks)) % len(kinds)]
        found.append(Scripted(task.id, tuple(build(suite, task, rng)), reward, label))
    return found


def _gold(suite: RepoSuite, task: Task, rng: Random) -> list[Action]:
    return list(suite.oracle(task))


def _looking(suite: RepoSuite, task: Task, rng: Random) -> list[Action]:
    edit = suite.edit(task)
    look = [
        Action("shell_run", {"command": f"ls -R {suite.tree.package_dir}; grep -n 'class ' {edit.path}"}),
        Action("shell_read", {"path": edit.path, "start": 1}),
    ]
    check = Action("shell_run", {"command": f"python3 -c 'import {suite.tree.package_dir.rpartition('/')[2]}'"})
    *repair, submit = suite.oracle(task)
    return [*look, *repair, check, submit]


def _noop(suite: RepoSuite, task: Task, rng: Random) -> list[Action]:
    return [Action("shell_run", {"command": "ls"}), Action("task_submit", {})]


def _broken(suite: RepoSuite, task: Task, rng: Random) -> list[Action]:
    path = suite.edit(task).path
    return [Action("shell_run", {"command": f"echo 'def broken(:' >> {path}"}), Action("task_submit", {})]


def _partial(suite: RepoSuite, task: Task, rng: Random) -> list[Action]:
    """The right place, not quite the right text: the gold with a known fault in the same function."""
    mutant = Edit(**rng.choice(task.private["mutants"]))
    text = mutant.apply(suite.tree.modules[mutant.path])
    return [Action("shell_write", {"path": mutant.path, "content": text}), Action("task_submit", {})]


def _cheating(suite: RepoSuite, task: Task, rng: Random) -> list[Action]:
    return list(rng.choice(battery()).play(suite.scene(task)))
