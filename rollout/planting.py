"""Planted faults: a recorded world changed behind everybody's back, so that replay is seen to find it."""

from __future__ import annotations

from random import Random
from typing import Any, cast

from app_clones.kit.seeds import derive
from app_clones.kit.world import World
from factory.environment import Environment, Suite
from factory.errors import GrindError
from rollout.past import InWorld, check_suite
from rollout.replay import Tamper, quoted
from rollout.trajectory import Trajectory


def plant(suite: Suite, trajectory: Trajectory, step: int | None = None, *, seed: int = 0) -> Tamper:
    """One row of the recorded world changed silently before ``step`` (None: one drawn from ``seed``); replaying with it
    must diverge there.

    Raises :class:`GrindError` for what is no world, or has no steps or no text to change.
    """
    task = check_suite(suite, trajectory)
    if suite.kind != "world" or not trajectory.steps:
        raise GrindError(f"{trajectory.rollout_id}: only a world that took steps can be tampered with")
    rng = Random(derive(seed, "plant", trajectory.rollout_id))
    step = rng.randrange(len(trajectory.steps)) if step is None else step
    environment = suite.fork(task)
    assert isinstance(environment, InWorld)
    with environment.world as world:
        table, column, key = _victim(world, rng)

    def apply(environment: Environment) -> None:
        world = cast(InWorld, environment).world
        where = f"{quoted(key[0])}=?"
        sql = f"UPDATE {quoted(table)} SET {quoted(column)}={quoted(column)}||' ' WHERE {where}"
        world.connection.execute(sql, (key[1],))

    return Tamper(step, f"{table}.{column} of row {key[1]}", apply)


def _victim(world: World, rng: Random) -> tuple[str, str, tuple[str, Any]]:
    """A text cell of the world's largest app table: its table, column and (key column, key)."""
    found: list[tuple[int, str, str]] = []
    for name, table in sorted(world.registry.schema.items()):
        texts = [c.name for c in table.columns if c.type == "TEXT" and c.kind == "content"]
        if texts and not table.key and not name.startswith(("kit_", "task_", "clock_")):
            rows = world.connection.execute(f"SELECT id FROM {quoted(name)}").fetchall()
            found.append((len(rows), name, texts[0]))
    if not found or max(found)[0] == 0:
        raise GrindError("this world has no text to change")
    _, name, column = max(found)
    ids = [row[0] for row in world.connection.execute(f"SELECT id FROM {quoted(name)} ORDER BY id")]
    return name, column, ("id", rng.choice(ids))
