"""Runs all stages. Every figure in ``out/demo/report.json`` is measured by this run."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from factory.durable import write_whole
from factory.errors import GrindError
from factory.store import Store, default_root
from rollout.cluster import start_ray
from rollout.demo.again import replay_failures
from rollout.demo.config import DemoConfig, check_room, read_config
from rollout.demo.environments import CORES, build_twice, certify
from rollout.demo.play import learn_world, play_repository
from rollout.demo.screen import Screen
from rollout.studio.report import render


def demo(screen: Screen, config: DemoConfig) -> None:
    """All stages; leaves the report and its page."""
    store = Store(default_root())
    check_room(config, store.root)
    digests = build_twice(screen, store, (config.world, config.repository))
    certificates = certify(screen, store, digests)
    report, views = asyncio.run(_live(screen, store, digests, config))
    world = next(iter(digests))
    whole = {"run": str(config.out / "runs" / world), "digests": digests, "certificates": certificates, **report}
    whole["wall_s"] = round(screen.wall_s, 1)
    write_whole(config.out / "report.json", json.dumps(whole, indent=1) + "\n")
    write_whole(config.out / "report.html", render(whole, views))
    screen.line("done", f"{config.out}/report.html and report.json; the runs are in {config.out}/runs")


async def _live(
    screen: Screen, store: Store, digests: Mapping[str, Mapping[str, str]], config: DemoConfig
) -> tuple[dict[str, Any], list[Any]]:
    world, repository = digests
    start_ray(CORES)
    played = await play_repository(screen, store, digests[repository]["first"], config)
    lesson = await learn_world(screen, store, digests[world]["first"], config)
    replayed, views = await replay_failures(screen, lesson)
    rollouts = {world: lesson.played.section(), repository: played.section()}
    return {"rollouts": rollouts, "learning": lesson.section(), "replay": replayed}, views


def main(arguments: Sequence[str]) -> int:
    """``[FILE]``: a configuration in JSON, see ``config.py``. Exit status 0; 1 with one line that says what to do; 130
    after Ctrl-C."""
    try:
        config = read_config(Path(arguments[0]) if arguments else None)
        config.out.mkdir(parents=True, exist_ok=True)
        demo(Screen(), config)
    except GrindError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"demo: {error}: look at rights and free space, then run it again", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: stopped; `make demo` starts over", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
