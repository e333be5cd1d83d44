"""Mail rollouts played, verified and recorded per second: in this process and on Ray, at several concurrencies.

    python benchmarks/bench_rollouts.py [--json out/bench/rollouts.json]

Oracle policy, every rollout committed to a journal (SQLite, FULL) before it counts; then what sealing, reading back and
replaying cost. The two places are measured in turns, so that whatever else the machine does hits both.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from factory.build import build, load_suite
from factory.environment import Suite
from factory.lock import lock_spec
from factory.spec import load_spec
from factory.store import Store
from rollout.cluster import RayPool
from rollout.policies import PolicySpec
from rollout.pools import LocalPool, Pool, SuiteRef
from rollout.replay import replay
from rollout.runs import Run
from rollout.session import about, attempts

SPEC = Path(__file__).parents[1] / "specs" / "mail.yaml"
CONCURRENCY = (1, 16, 256)
ROUNDS, PER_ROUND = 3, 300


async def rate(pool: Pool, suite: Suite, name: str, n: int) -> float:
    """Rollouts per second, committed; raises AssertionError unless all of them earned 1."""
    wanted = attempts(suite, name, n, 0)
    begun = time.perf_counter()
    got = [one async for batch in pool.play(wanted, PolicySpec("oracle")) for one in batch]
    seconds = time.perf_counter() - begun
    assert len(got) == n
    assert {one.reward for one in got} == {1.0}
    return n / seconds


async def local_rates(suite: Suite, run: Run) -> dict[str, float]:
    """In this process, by concurrency; ``unrecorded``: the same without a journal, measured in turns with it."""
    samples: dict[str, list[float]] = {}
    for round_ in range(ROUNDS):
        for concurrency in CONCURRENCY:
            async with LocalPool(suite, run.journal_folder, concurrency=concurrency) as pool:
                found = await rate(pool, suite, f"local-{concurrency}-{round_}", PER_ROUND)
                samples.setdefault(str(concurrency), []).append(found)
        async with LocalPool(suite) as pool:
            samples.setdefault("unrecorded", []).append(await rate(pool, suite, f"bare-{round_}", PER_ROUND))
    return {name: statistics.median(found) for name, found in samples.items()}


async def cpu_ms(suite: Suite, run: Run) -> float:
    """Processor time of one recorded rollout, which other work on the machine does not change."""
    async with LocalPool(suite, run.journal_folder) as pool:
        begun = time.process_time()
        await rate(pool, suite, "cpu", PER_ROUND)
        return (time.process_time() - begun) * 1000 / PER_ROUND


async def ray_rates(suite: Suite, ref: SuiteRef, run: Run, workers: int) -> dict[str, float]:
    """On Ray: seconds to start and stop, rollouts per second once it runs."""
    begun = time.perf_counter()
    async with RayPool(ref, run.journal_folder, workers=workers) as pool:
        started = time.perf_counter() - begun
        await rate(pool, suite, "warm", 2 * PER_ROUND)
        samples = [await rate(pool, suite, f"ray-{i}", 2 * PER_ROUND) for i in range(ROUNDS)]
        ended = time.perf_counter()
    stopped = time.perf_counter() - ended
    return {"per_second": statistics.median(samples), "workers": workers, "start_s": started, "stop_s": stopped}


async def afterwards(suite: Suite, run: Run) -> dict[str, float]:
    """Sealing, reading back and replaying, rollouts per second each."""
    begun = time.perf_counter()
    sealed = run.drain()
    read = time.perf_counter()
    trajectories = list(run.tables.trajectories())
    done = time.perf_counter()
    assert len(trajectories) == sealed
    some = trajectories[:: max(1, sealed // 60)]
    for trajectory in some:
        (await replay(suite, trajectory)).require()
    replayed = time.perf_counter() - done
    return {
        "sealed": sealed,
        "seal_per_second": sealed / (read - begun),
        "read_per_second": sealed / (done - read),
        "replay_per_second": len(some) / replayed,
        "bytes_per_rollout": sum(f.stat().st_size for f in run.path.rglob("*.parquet")) / sealed,
    }


async def measure(folder: Path) -> dict[str, Any]:
    """All figures."""
    store = Store(folder / "store")
    lock = lock_spec(SPEC, store)
    manifest = build(load_spec(SPEC), lock, store)
    suite = load_suite(store, manifest.digest)
    run = Run.create("bench", about(store, suite), folder / "runs")
    workers = os.cpu_count() or 1
    local = await local_rates(suite, run)
    ray = await ray_rates(suite, SuiteRef(str(store.root), manifest.digest), run, workers)
    return {
        "local": local,
        "cpu_ms": await cpu_ms(suite, run),
        "ray": ray,
        "ray_to_local": ray["per_second"] / local[str(CONCURRENCY[-1])],
        "recording_costs": 1 - local[str(CONCURRENCY[-1])] / local["unrecorded"],
        **await afterwards(suite, run),
        "tasks": len(suite.tasks),
        "cores": workers,
    }


def main() -> None:
    """Prints the figures; writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, default=Path("out/bench/rollouts.json"))
    path = parser.parse_args().json
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder)))
    local, ray = found["local"], found["ray"]
    for name, value in local.items():
        print(f"in process, {name if name == 'unrecorded' else f'{name} at once':14} {value:8.0f} rollouts/s")
    print(f"processor time of one {found['cpu_ms']:11.2f} ms")
    print(f"on Ray, {ray['workers']} workers {ray['per_second']:16.0f} rollouts/s, started in {ray['start_s']:.1f} s")
    print(f"Ray : in process {found['ray_to_local']:.2f}; recording costs {found['recording_costs']:.0%}")
    print(
        f"sealed {found['seal_per_second']:.0f}/s, read {found['read_per_second']:.0f}/s, "
        f"replayed {found['replay_per_second']:.0f}/s, {found['bytes_per_rollout']:.0f} bytes a rollout"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
