"""A world's fork beside a whole-file copy, and tool steps per second on one core. Writes out/bench/world.json.

Run: python benchmarks/bench_world.py   (a few seconds)
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import apsw

from app_clones.kit.world import World, fork_many
from app_clones.mail.app import MAIL
from app_clones.notes import NOTES

OUT = Path(__file__).parents[1] / "out" / "bench" / "world.json"
APPS = (MAIL, NOTES)
FORKS = 400
ALIVE = 32
EPISODES = 150
EPISODE_STEPS = 6
LONG_STEPS = 4000
MARKS = {"fork_p50_ms": 0.5, "tool_steps_per_s": 2000}


def main() -> None:
    """Builds a mail world, measures, prints a line for each figure and writes the JSON."""
    started = time.perf_counter()
    with World.build(APPS, seed=1, start_ms=1_740_992_400_000, step_ms=60_000, persons=24) as world:
        build_s = time.perf_counter() - started
        snapshot = world.snapshot()
    if len(snapshot) < 1_000_000:
        raise SystemExit(f"the world has only {len(snapshot)} bytes; the marks are for at least 1 MB")
    memory = measure_memory(snapshot)  # first, while freed memory is not yet there to be taken again
    forks = measure_forks(snapshot)
    steps = measure_steps(snapshot)
    report = {
        "machine": {"python": platform.python_version(), "sqlite": apsw.sqlite_lib_version(), "cores_used": 1},
        "world": {"bytes": len(snapshot), "build_s": round(build_s, 3), "apps": [app.name for app in APPS]},
        "memory": memory,
        "fork": forks,
        "steps": steps,
        "putaway": measure_putaway(snapshot),
        "marks": {
            "fork_p50_ms": {
                "mark": MARKS["fork_p50_ms"],
                "found": forks["world_fork"]["p50_ms"],
                "met": forks["world_fork"]["p50_ms"] <= MARKS["fork_p50_ms"],
            },
            "tool_steps_per_s": {
                "mark": MARKS["tool_steps_per_s"],
                "found": steps["mail_search_label_per_cpu_s"],
                "met": steps["mail_search_label_per_cpu_s"] >= MARKS["tool_steps_per_s"],
            },
        },
        "wall_s": round(time.perf_counter() - started, 1),
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(report, indent=2) + "\n")
    show(report)


def measure_forks(snapshot: bytes) -> dict[str, Any]:
    """Ways to a fresh copy whose first query has run, taken in turns; each keeps ``ALIVE`` copies alive."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "world.db"
        source.write_bytes(snapshot)
        ways: dict[str, Callable[[int], World | apsw.Connection]] = {
            "world_fork": lambda number: World.fork(snapshot, APPS),
            "file_copy_and_open": lambda number: copied(source, number),
            "file_backup_to_memory": lambda number: backed_up(source),
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        alive: dict[str, deque[World | apsw.Connection]] = {name: deque() for name in ways}
        for number in range(FORKS):
            for name, make in ways.items():
                if len(alive[name]) == ALIVE:
                    alive[name].popleft().close()
                begun = time.perf_counter()
                alive[name].append(make(number % (ALIVE + 1)))
                taken[name].append((time.perf_counter() - begun) * 1000)
        for copies in alive.values():
            for copy in copies:
                copy.close()
    found: dict[str, Any] = {name: spread(times) for name, times in taken.items()}
    for name in ("file_copy_and_open", "file_backup_to_memory"):
        found[f"{name}_over_world_fork"] = round(found[name]["p50_ms"] / found["world_fork"]["p50_ms"], 2)
    return found


def copied(source: Path, number: int) -> apsw.Connection:
    """What one would do without the kit: copy the file, open it, ask it something."""
    target = source.with_name(f"copy{number}.db")
    shutil.copyfile(source, target)
    db = apsw.Connection(str(target))
    db.execute("SELECT now_ms FROM kit_meta").fetchall()
    return db


def backed_up(source: Path) -> apsw.Connection:
    """The other usual way: SQLite's backup into memory."""
    db = apsw.Connection(":memory:")
    origin = apsw.Connection(str(source))
    with db.backup("main", origin, "main") as backup:
        backup.step(-1)
    origin.close()
    db.execute("SELECT now_ms FROM kit_meta").fetchall()
    return db


def measure_steps(snapshot: bytes) -> dict[str, Any]:
    """Steps per second, changeset and digest of each included: one long episode, and short ones with their forks."""
    with World.fork(snapshot, APPS) as world:
        mix = script(world)
        begun, begun_cpu = time.perf_counter(), time.process_time()
        for number in range(LONG_STEPS):
            run(world, *mix[number % len(mix)])
        long_s, long_cpu_s = time.perf_counter() - begun, time.process_time() - begun_cpu
        world.check()
    begun = time.perf_counter()
    for episode in range(EPISODES):
        with World.fork(snapshot, APPS) as world:
            for number in range(EPISODE_STEPS):
                run(world, *mix[(episode * EPISODE_STEPS + number) % len(mix)])
            world.net_change()
    short_s = time.perf_counter() - begun
    return {
        # One thread does it all; where others use the machine too, its CPU seconds say what one core would do.
        "mail_search_label_per_cpu_s": round(LONG_STEPS / long_cpu_s),
        "mail_search_label_per_wall_s": round(LONG_STEPS / long_s),
        "short_episodes_steps_per_s": round(EPISODES * EPISODE_STEPS / short_s),
        "short_episodes_per_s": round(EPISODES / short_s, 1),
        "steps_per_short_episode": EPISODE_STEPS,
    }


def script(world: World) -> list[tuple[str, dict[str, Any]]]:
    """Searches by sender, by label and by word, each followed by putting a label on a message or taking it off."""
    persons = [person.name.split()[0] for person in world.persons().values()]
    query = "SELECT id FROM mail_message WHERE owner_id=1 ORDER BY id DESC LIMIT 60"
    ids = [int(str(id)) for (id,) in world.connection.execute(query)]
    searches: list[dict[str, Any]] = [{"sender": name} for name in persons[1:]]
    searches += [{"text": word} for word in ("budget", "review", "travel")] + [{"label": "inbox", "page": 2}]
    calls: list[tuple[str, dict[str, Any]]] = []
    for id in ids:
        for tool in ("mail_label", "mail_unlabel"):
            calls.append(("mail_search", searches[len(calls) // 2 % len(searches)]))
            calls.append((tool, {"id": id, "label": "finance"}))
    return calls


def run(world: World, tool: str, arguments: dict[str, Any]) -> None:
    """One step that must not fail for another reason than that the label is (not) there."""
    error = world.call(tool, arguments).result.error
    if error not in (None, "conflict", "not_found"):
        raise SystemExit(f"{tool} {arguments}: {error}")


def measure_putaway(snapshot: bytes) -> dict[str, Any]:
    """Putting a world of six steps away (net changeset) and bringing it back (fork and apply); taking a step back."""
    away, back, undone, size = [], [], [], 0
    for _ in range(60):
        with World.fork(snapshot, APPS) as world:
            for tool, arguments in script(world)[:EPISODE_STEPS]:
                run(world, tool, arguments)
            begun = time.perf_counter()
            changeset = world.changeset()
            away.append((time.perf_counter() - begun) * 1000)
            size = len(changeset)
            begun = time.perf_counter()
            World.restore(snapshot, APPS, [changeset]).close()
            back.append((time.perf_counter() - begun) * 1000)
            begun = time.perf_counter()
            world.undo()
            undone.append((time.perf_counter() - begun) * 1000)
    return {"bytes": size, "away": spread(away), "back": spread(back), "undo": spread(undone)}


def measure_memory(snapshot: bytes, n: int = 100) -> dict[str, float]:
    """Resident memory of ``n`` live worlds that have played a few steps each, per world."""
    before = resident_kb()
    worlds = fork_many(snapshot, APPS, n)
    for world in worlds:
        for name in ("budget", "review"):
            run(world, "mail_search", {"text": name})
    grown = resident_kb() - before
    for world in worlds:
        world.close()
    return {"worlds": n, "kb_per_world": round(grown / n), "snapshot_kb": round(len(snapshot) / 1024)}


def resident_kb() -> int:
    """Of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def spread(times_ms: list[float]) -> dict[str, float]:
    """Median and 95th percentile, ms."""
    return {"p50_ms": round(median(times_ms), 4), "p95_ms": round(quantiles(times_ms, n=20)[-1], 4)}


def show(report: dict[str, Any]) -> None:
    """One line for each figure."""
    fork, steps, putaway = report["fork"], report["steps"], report["putaway"]
    print(f"world of {report['world']['bytes'] / 1e6:.2f} MB, built in {report['world']['build_s']} s")
    for name in ("world_fork", "file_copy_and_open", "file_backup_to_memory"):
        print(f"{name:24} p50 {fork[name]['p50_ms']:.3f} ms   p95 {fork[name]['p95_ms']:.3f} ms")
    print(
        f"a live world takes {report['memory']['kb_per_world']} KB, {report['memory']['snapshot_kb']} of them its rows"
    )
    print(f"a file copy costs {fork['file_copy_and_open_over_world_fork']} times a fork")
    print(f"mail search and label    {steps['mail_search_label_per_cpu_s']} steps per second of one core", end=" ")
    print(f"({steps['mail_search_label_per_wall_s']} by the wall clock)")
    print(f"episodes of six steps    {steps['short_episodes_per_s']}/s, {steps['short_episodes_steps_per_s']} steps/s")
    print(f"put away {putaway['away']['p50_ms']:.3f} ms, {putaway['bytes']} bytes", end="; ")
    print(f"brought back {putaway['back']['p50_ms']:.3f} ms")
    for name, mark in report["marks"].items():
        print(f"mark {name}: {mark['found']} against {mark['mark']}: {'met' if mark['met'] else 'MISSED'}")


if __name__ == "__main__":
    main()
