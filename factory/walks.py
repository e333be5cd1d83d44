"""``make walk N=5000``: walks through the pages of many apps, in the driver without a browser and in Chromium.

``python -m factory.walks --steps 5000``. Three steps of four are random, the others solve tasks as their oracle does in
the pages. After every step the two must show the same text at the same address over the same state, and what solves a
task in one must solve it in the other. The report is out/walk/report.json; exit code 1 where anything differed, or
where the pages met were small.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from itertools import cycle
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Literal

from app_clones.browser.base import Browser
from app_clones.browser.chromium import Chromium, chromium
from app_clones.browser.dom import DomBrowser
from app_clones.browser.walk import Finding, Pair, Walk, walk
from app_clones.browser.web import WorldSite
from app_clones.kit.seeds import derive
from app_clones.kit.world import World
from factory.durable import write_whole
from factory.environment import Action, Task
from factory.places import COMPILED, Place, places
from factory.worlds.browsing import BrowserEnvironment
from factory.worlds.certify import walk_faults

WALK = 40
"""Random steps of one walk; the next begins anew at some app's front page or collection."""

ORACLE_SHARE = 0.25
"""Of all steps; the others are random."""

LONGEST = 60
"""Steps that a task may take in the pages, which may have to be turned to the last."""

LEAST_NODES = 250
"""Elements of a page in the median of all steps: what the walk has to come to."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One walk at one place. ``source``: the seed of a random one, the task of an oracle's."""

    kind: Literal["random", "oracle"]
    place: str
    source: int | str
    walk: Walk


async def walks(places: Sequence[Place], steps: int, seed: int) -> dict[str, Any]:
    """Walks ``steps`` steps in all, in turn through ``places``, and returns the report. A task is played whole, so
    there may be a few steps more."""
    begun, legs, by_place = time.monotonic(), list[Leg](), Counter[str]()
    left_out: dict[str, str] = {}
    async with chromium() as process:
        async for leg in _legs(process, places, steps, seed, left_out):
            legs.append(leg)
            by_place[leg.place] += leg.walk.steps
            differ = sum(bool(one.walk.findings) for one in legs)
            print(f"[{by_place.total()}/{steps}] {leg.place}, {leg.kind}: {differ} differ so far", flush=True)
        version = process.version
    return {
        **_figures(legs),
        "places": len(by_place),
        "random": _figures([leg for leg in legs if leg.kind == "random"]),
        "oracle": _figures([leg for leg in legs if leg.kind == "oracle"]),
        "tasks": len({leg.source for leg in legs if leg.kind == "oracle"}),
        "tasks_left_out": left_out,
        "chromium": version,
        "by_place": dict(by_place),
        "findings": [
            {"kind": leg.kind, "place": leg.place, "source": leg.source, **asdict(one)}
            for leg in legs
            for one in leg.walk.findings
        ],
        "wall_s": round(time.monotonic() - begun, 1),
    }


def _figures(legs: Sequence[Leg]) -> dict[str, Any]:
    """Steps, and after how many the two were the same: a walk ends where they differ. Medians are over all steps."""
    steps, differ = sum(leg.walk.steps for leg in legs), sum(bool(leg.walk.findings) for leg in legs)
    nodes = [size for leg in legs for size in leg.walk.nodes]
    lines = [size for leg in legs for size in leg.walk.lines]
    return {
        "steps": steps,
        "same": steps - differ,
        "differ": differ,
        "median_nodes": median(nodes) if nodes else 0,
        "median_lines": median(lines) if lines else 0,
    }


async def _legs(
    process: Chromium, places: Sequence[Place], steps: int, seed: int, left_out: dict[str, str]
) -> AsyncIterator[Leg]:
    """Walks one after the other, in turn through the places: a random one, then as many tasks as keep the share.
    Fills in ``left_out``."""
    tasks = {place.name: _tasks(place, seed, left_out) for place in places}
    random = oracle = 0
    for n, place in enumerate(cycle(places)):
        length = min(WALK, round(steps * (1 - ORACLE_SHARE)) - random)
        if length > 0:
            source = derive(seed, "walk", place.name, n)
            done = await walk(process, place.snapshot, place.apps, place.starts, steps=length, seed=source)
            random += done.steps
            yield Leg("random", place.name, source, done)
        while place.name in tasks and oracle < ORACLE_SHARE * (random + oracle):
            task = next(tasks[place.name], None)
            if task is None:
                del tasks[place.name]
                break
            done = await solve(process, place, task)
            oracle += done.steps
            yield Leg("oracle", place.name, task.id, done)
        if random + oracle >= steps or (length <= 0 and not tasks):
            return


def _tasks(place: Place, seed: int, left_out: dict[str, str]) -> Iterator[Task]:
    """The place's tasks, over and over, in an order of its own. What the oracle of the pages does not solve in the
    driver without a browser goes into ``left_out``, with the reason: it has no certificate in this view."""
    order = list(place.suite.tasks.values())
    Random(derive(seed, "tasks", place.name)).shuffle(order)
    good = []
    for task in order:
        wrong = walk_faults(place.suite, replace(task, max_steps=LONGEST))
        if wrong:
            left_out[task.id] = wrong[0]
        else:
            good.append(task)
            yield task
    while good:
        yield from good


async def solve(process: Chromium, place: Place, task: Task) -> Walk:
    """Plays the pages' oracle in both drivers at once, until they differ; at the end both must have earned 1."""

    @asynccontextmanager
    async def tab(world: World) -> AsyncIterator[Browser]:
        page = await process.open(WorldSite(world))
        try:
            yield page
        finally:
            await page.close()

    done = Walk()
    mine = place.suite.pages(task)
    theirs = BrowserEnvironment(place.suite, task, place.suite.fork_world(), tab)
    try:
        await mine.open()
        await theirs.open()
        assert isinstance(mine.page, DomBrowser)
        pair = Pair(mine.page, theirs.page, mine.world, theirs.world)
        for action in place.suite.walk(task):
            errors = [str((await one.step(action)).error) for one in (mine, theirs)]
            await done.compare(pair, _told(action), errors)
            if done.findings:
                return done
        rewards = [(await one.verdict()).reward for one in (mine, theirs)]
        if rewards != [1.0, 1.0]:
            done.findings.append(Finding(done.steps - 1, _told(action), "reward", mine.page.url, str(rewards)))
        return done
    finally:
        await mine.close()
        await theirs.close()


def _told(action: Action) -> str:
    return f"{action.name}{json.dumps(action.arguments, ensure_ascii=False)}"


def main() -> int:
    """Exit code 0 if nothing differed on pages of the size asked for."""
    parser = argparse.ArgumentParser(prog="python -m factory.walks", description=__doc__)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--compiled", type=int, default=len(COMPILED), help="how many compiled apps to walk through")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/walk"))
    given = parser.parse_args()
    found = asyncio.run(walks(list(places(given.compiled)), given.steps, given.seed))
    given.out.mkdir(parents=True, exist_ok=True)
    write_whole(given.out / "report.json", json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    print(
        f"{found['same']} of {found['steps']} steps the same in both ({found['oracle']['steps']} of them oracles', of "
        f"{found['tasks']} tasks; {len(found['tasks_left_out'])} left out), "
        f"{found['places']} worlds, pages of median {found['median_nodes']:g} nodes and {found['median_lines']:g} "
        f"lines, Chromium {found['chromium']}, {found['wall_s']} s"
    )
    wrong = list(faults(found))
    for one in wrong:
        print(one, file=sys.stderr)
    return 1 if wrong else 0


def faults(report: dict[str, Any]) -> Iterator[str]:
    """What a report says that falls short."""
    if report["differ"]:
        yield f"{report['differ']} steps differ: see the findings in the report"
    if report["median_nodes"] < LEAST_NODES:
        yield f"the pages met are small: {report['median_nodes']:g} nodes in the median, not {LEAST_NODES}"


if __name__ == "__main__":
    sys.exit(main())
