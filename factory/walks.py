"""``make walk N=5000``: random walks through the pages of many apps, in the driver without a browser and in Chromium.

``python -m factory.walks --steps 5000``. After every step the two must show the same text at the same address over the
same state. The report is out/walk/report.json; exit code 1 where anything differed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from app_clones.browser.chromium import Chromium, chromium
from app_clones.browser.walk import Finding, Walk, walk
from app_clones.declared.engine import declared
from app_clones.kit.app import App
from app_clones.kit.seeds import derive
from app_clones.kit.world import World
from app_clones.mail import MAIL
from app_clones.notes import NOTES
from factory.apps import find_app
from factory.compiler import discovery
from factory.compiler.compile import compile_app
from factory.durable import write_whole
from factory.errors import GrindError

COMPILED = 22
"""Compiled apps, spread over all documents."""

WALK = 40
"""Steps of one walk; the next begins anew at some app's front page."""

SPECS = Path(__file__).parents[1] / "specs"


@dataclass(frozen=True, slots=True)
class Place:
    """A world to walk in."""

    name: str
    snapshot: bytes
    apps: tuple[App, ...]

    @property
    def starts(self) -> tuple[str, ...]:
        """The front pages of its apps."""
        return tuple(f"/{app.name}/" for app in self.apps if app.routes())


def places(count: int) -> Iterator[Place]:
    """The mail with notes, the example app beside the mail, and ``count`` compiled apps, each in a world of its own."""
    yield _place("mail", (MAIL, NOTES))
    yield _place("helpdesk", (find_app("helpdesk", "apps/helpdesk", SPECS).app, MAIL))
    ids, found = discovery.documents(), 0
    for id in ids[:: max(1, len(ids) // (count * 2))]:
        if found == count:
            return
        try:
            place = _place(id, (declared(compile_app(f"discovery:{id}")).app(),))
        except GrindError:
            continue  # that it cannot be compiled is told by ``make apps``
        found += 1
        yield place


def _place(name: str, apps: tuple[App, ...]) -> Place:
    with World.build(apps, seed=7, start_ms=1_767_600_000_000, step_ms=60_000, persons=6) as world:
        return Place(name, world.snapshot(), apps)


async def walks(places: Sequence[Place], steps: int, seed: int) -> dict[str, Any]:
    """Walks ``steps`` steps in all, in turn through ``places``; returns the report."""
    begun, taken, sizes = time.monotonic(), Counter[str](), list[int]()
    findings: list[tuple[str, Finding]] = []
    async with chromium() as process:
        for n, (place, length) in enumerate(_shares(places, steps)):
            done = await _one(process, place, length, derive(seed, "walk", place.name, n))
            taken[place.name] += done.steps
            sizes += done.sizes
            findings += [(place.name, one) for one in done.findings]
            print(f"[{sum(taken.values())}/{steps}] {place.name}: {len(findings)} differ so far", flush=True)
        version = process.version
    return {
        "steps": sum(taken.values()),
        "differ": len(findings),
        "places": len(taken),
        "median_lines": median(sizes) if sizes else 0,
        "chromium": version,
        "by_place": dict(taken),
        "findings": [{"place": name, **asdict(one)} for name, one in findings],
        "wall_s": round(time.monotonic() - begun, 1),
    }


def _shares(places: Sequence[Place], steps: int) -> Iterator[tuple[Place, int]]:
    left, n = steps, 0
    while left > 0:
        length = min(WALK, left)
        yield places[n % len(places)], length
        left, n = left - length, n + 1


async def _one(process: Chromium, place: Place, steps: int, seed: int) -> Walk:
    return await walk(process, place.snapshot, place.apps, place.starts, steps=steps, seed=seed)


def main() -> int:
    """Exit code 0 if nothing differed."""
    parser = argparse.ArgumentParser(prog="python -m factory.walks", description=__doc__)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--compiled", type=int, default=COMPILED, help="how many compiled apps to walk through")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/walk"))
    given = parser.parse_args()
    found = asyncio.run(walks(list(places(given.compiled)), given.steps, given.seed))
    given.out.mkdir(parents=True, exist_ok=True)
    write_whole(given.out / "report.json", json.dumps(found, indent=1, default=str) + "\n")
    same = found["steps"] - found["differ"]
    print(f"{same} of {found['steps']} steps the same in both, {found['places']} worlds, pages of median "
          f"{found['median_lines']:g} lines, Chromium {found['chromium']}, {found['wall_s']} s")  # fmt: skip
    return 1 if found["differ"] else 0


if __name__ == "__main__":
    sys.exit(main())
