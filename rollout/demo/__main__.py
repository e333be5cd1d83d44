"""Runs all stages. Every figure in ``out/demo/report.json`` is measured by this run."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from factory.durable import write_whole
from factory.errors import GrindError
from factory.store import Store, default_root
from rollout.cluster import start_ray
from rollout.demo.again import replay_failures
from rollout.demo.environments import CORES, REPO, WORLD, build_twice, certify
from rollout.demo.play import learn_mail, play_repository
from rollout.demo.screen import Screen
from rollout.studio.report import render

OUT = Path("out/demo")


def demo(screen: Screen) -> None:
    """All stages; leaves the report and its page."""
    store = Store(default_root())
    digests = build_twice(screen, store)
    certificates = certify(screen, store, digests)
    report, views = asyncio.run(_live(screen, store, digests))
    whole = {"run": "out/demo/runs/mail", "digests": digests, "certificates": certificates, **report}
    whole["wall_s"] = round(screen.wall_s, 1)
    write_whole(OUT / "report.json", json.dumps(whole, indent=1) + "\n")
    write_whole(OUT / "report.html", render(whole, views))
    screen.line("done", f"{OUT}/report.html and report.json; the runs are in {OUT}/runs")


async def _live(screen: Screen, store: Store, digests: dict[str, dict[str, str]]) -> tuple[dict[str, Any], list[Any]]:
    start_ray(CORES)
    repository = await play_repository(screen, store, digests[REPO]["first"])
    lesson = await learn_mail(screen, store, digests[WORLD]["first"])
    replayed, views = await replay_failures(screen, lesson)
    rollouts = {WORLD: lesson.played.section(), REPO: repository.section()}
    return {"rollouts": rollouts, "learning": lesson.section(), "replay": replayed}, views


def main() -> int:
    """Exit status 0; 1 with one line that says what to do; 130 after Ctrl-C."""
    try:
        OUT.mkdir(parents=True, exist_ok=True)
        demo(Screen())
    except GrindError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"demo: {error}; is the disk full?", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: stopped; `make demo` starts over", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
