"""Fork + first exec + teardown of a sandbox: native against Docker, on the same layers, in one run.

    python benchmarks/bench_sandbox.py [--json out/bench/sandbox.json]

Alternates the two, so that whatever else the machine does hits both. Prints a table and writes JSON (milliseconds).
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

from sandboxes.base import Backend, FileSnapshot, Limits, SandboxFault
from sandboxes.docker import DockerBackend
from sandboxes.engine import docker_engine
from sandboxes.hostroot import host_root
from sandboxes.layers import Entry, pack_entries
from sandboxes.native import NativeBackend
from sandboxes.store import DirectoryStore

_BUDGET_S = 25.0
_MOST_ROUNDS = 30
_NATIVE_PER_ROUND = 5
_AT_ONCE = 64
_MARKS = {"native_p50_ms": 12.0, "ratio": 15.0}


async def once(backend: Backend, base: FileSnapshot) -> dict[str, float]:
    """Milliseconds of each stage of one short life."""
    begun = time.perf_counter()
    async with backend.fork(base, Limits()) as box:
        forked = time.perf_counter()
        result = await box.exec(["/bin/true"], timeout_s=30)
        ran = time.perf_counter()
        if result.exit_code != 0:
            raise SandboxFault(f"/bin/true: {result}")
    done = time.perf_counter()
    stages = {"fork": forked - begun, "exec": ran - forked, "teardown": done - ran, "all": done - begun}
    return {stage: seconds * 1000 for stage, seconds in stages.items()}


def bare_spawn() -> float:
    """Milliseconds of starting /bin/true with no sandbox at all: what this machine costs anyway, as busy as it is."""
    begun = time.perf_counter()
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    return (time.perf_counter() - begun) * 1000


def summary(samples: list[dict[str, float]]) -> dict[str, float]:
    """p50 of every stage, p90 of all together."""
    found = {f"{stage}_p50_ms": statistics.median(sample[stage] for sample in samples) for stage in samples[0]}
    totals = sorted(sample["all"] for sample in samples)
    return {**found, "all_p90_ms": totals[int(0.9 * (len(totals) - 1))], "n": len(samples)}


async def details(native: NativeBackend, base: FileSnapshot) -> dict[str, float]:
    """Figures of the native backend alone: later execs, freeze, digest, many at once."""
    found: dict[str, float] = {}
    async with native.fork(base, Limits()) as box:
        await box.exec(["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do echo $i > f$i; done"], timeout_s=30)
        for name, act in {
            "later_exec_p50_ms": lambda: box.exec(["/bin/true"], timeout_s=30),
            "freeze_p50_ms": box.freeze,
            "digest_p50_ms": box.digest,
            "read_p50_ms": lambda: box.read("/work/f1"),
            "write_p50_ms": lambda: box.write("/work/f1", b"x"),
        }.items():
            times = []
            for _ in range(20):
                begun = time.perf_counter()
                await act()
                times.append(time.perf_counter() - begun)
            found[name] = statistics.median(times) * 1000
    begun = time.perf_counter()
    await asyncio.gather(*(once(native, base) for _ in range(_AT_ONCE)))
    found[f"per_second_{_AT_ONCE}_at_once"] = _AT_ONCE / (time.perf_counter() - begun)
    return found


async def run(url: str, home: Path) -> dict[str, Any]:
    store = DirectoryStore(home / "layers")
    low = store.put(pack_entries(host_root()))
    high = store.put(pack_entries(Entry(f"work/src/f{number}.py", data=b"x = 1\n" * 50) for number in range(200)))
    base = FileSnapshot((low, high))
    samples: dict[str, list[dict[str, float]]] = {"native": [], "docker": []}
    bare: list[float] = []
    async with NativeBackend(store, home / "cache") as native, DockerBackend(store, url) as docker:
        await once(native, base)  # unpacks the layers
        await once(docker, base)  # loads the image
        until = time.monotonic() + _BUDGET_S
        while len(samples["docker"]) < _MOST_ROUNDS and time.monotonic() < until:
            samples["docker"].append(await once(docker, base))
            bare.append(bare_spawn())
            samples["native"] += [await once(native, base) for _ in range(_NATIVE_PER_ROUND)]
        found: dict[str, Any] = {name: summary(taken) for name, taken in samples.items()}
        found["native_details"] = {**await native.describe(), **await details(native, base)}
    medians = {name: statistics.median(sample["all"] for sample in taken) for name, taken in samples.items()}
    found["ratio"] = medians["docker"] / medians["native"]
    found["marks"] = _MARKS
    found["bare_spawn_p50_ms"] = statistics.median(bare)
    found["reached"] = {
        "native_p50_ms": medians["native"] <= _MARKS["native_p50_ms"],
        "ratio": found["ratio"] >= _MARKS["ratio"],
    }
    found["machine"] = {"cpus": os.cpu_count(), "kernel": os.uname().release, "load": os.getloadavg()[0]}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=Path("out/bench/sandbox.json"))
    out = parser.parse_args().json
    with tempfile.TemporaryDirectory(prefix="grindworks-bench-") as home, docker_engine() as url:
        found = asyncio.run(run(url, Path(home)))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=2) + "\n")
    for name in ("native", "docker", "native_details"):
        figures = {key: value for key, value in found[name].items() if isinstance(value, float)}
        print(f"{name:>14}: " + "  ".join(f"{key} {value:.2f}" for key, value in figures.items()))
    print(f"{'bare spawn':>14}: p50_ms {found['bare_spawn_p50_ms']:.2f}  load {found['machine']['load']:.1f}")
    print(f"{'ratio':>14}: {found['ratio']:.1f} docker / native, p50 of fork + first exec + teardown")
    print(f"{'reached':>14}: {found['reached']}")


if __name__ == "__main__":
    main()
