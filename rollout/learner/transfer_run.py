"""``make transfer``: a policy learns in 20 compiled apps and is tried in 5 others; leaves out/transfer/report.json.

``python -m rollout.learner.transfer_run --out DIR``. The figures are reported whichever way they come out; exit code 0
says that they are there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from factory.audit import audit
from factory.build import build, load_suite
from factory.durable import write_whole
from factory.errors import BuildError, GrindError
from factory.lock import lock_spec
from factory.spec import WorldSpec, load_spec
from factory.store import Store, default_root
from factory.worlds.generated.certify import is_held_out
from factory.worlds.suite import WorldSuite
from rollout.learner.controls import p_above
from rollout.learner.recipe import CurvePoint, Say
from rollout.learner.transfer import FormLearning, Ground, TransferConfig, TransferLearning, report, survey
from rollout.pools import LocalPool

SPEC = Path(__file__).resolve().parents[2] / "specs" / "transfer.yaml"


def heldout_apps(spec: WorldSpec) -> list[str]:
    """The apps that the spec keeps from training. Raises BuildError where they are not those that the hash holds out:
    nobody picks them."""
    named = sorted(spec.tasks.generated.heldout_apps) if spec.tasks.generated else []
    ruled = sorted(name for name in spec.apps if name != "docs" and is_held_out(name))
    if named != ruled:
        raise BuildError(f"{spec.name} holds out {named}, the hash {ruled}", "hold out those of the hash")
    return named


def build_world(spec_path: Path, store: Store) -> tuple[WorldSuite, list[str]]:
    """The world, built, and its held-out apps."""
    spec = cast(WorldSpec, load_spec(spec_path))
    held = heldout_apps(spec)
    manifest = build(spec, lock_spec(spec_path, store), store)
    return cast(WorldSuite, load_suite(store, manifest.digest)), held


async def surveyed(suite: WorldSuite, held: Sequence[str], config: TransferConfig) -> Ground:
    """See :func:`rollout.learner.transfer.survey`."""
    async with LocalPool(suite) as pool:
        return await survey(pool, suite, held, config)


def certified(store: Store, suite: WorldSuite, ground: Ground, workers: int) -> Ground:
    """With those of its tasks that may be played: whose certificate holds. Not from within an event loop."""
    found = audit(store, suite, task_ids=sorted(ground.suite.tasks), workers=workers)
    return ground.only({one.task_id for one in found.tasks if one.ok})


async def learned(ground: Ground, config: TransferConfig, folder: Path, say: Say) -> dict[str, Any]:
    """Both warm starts, GRPO, controls: the report's figures."""
    async with LocalPool(ground.suite) as pool:
        other = config.model_copy(update={"run": f"{config.run}-form", "sft": config.form})
        form = FormLearning(pool, ground, other, folder / "form", say)
        stages = {"chance": await form.assess(await form.warm_start(), "chance")}
        run = TransferLearning(pool, ground, config, folder, say)
        checkpoint = await run.warm_start()
        stages["warm_start"] = await run.assess(checkpoint, "warm_start")
        await run.reinforce(checkpoint)
        stages["final"] = await run.assess(checkpoint, "final")
        controls = await run.controls(checkpoint)
    chance, first, last = (found["heldout"] for found in stages.values())
    curve = [CurvePoint(0, first.success, first.stderr, first.n), *run.curve]
    curve.append(CurvePoint(len(run.rounds), last.success, last.stderr, last.n))
    return {
        **report(stages, ground),
        "p_above_chance": {"warm_start": p_above(first, chance), "final": p_above(last, chance)},
        "p_above_warm_start": p_above(last, first),
        "controls": {name: asdict(one) for name, one in controls.items()},
        "curve": [asdict(point) for point in curve],
        "rounds": len(run.rounds),
        "rollouts": form.rollouts + run.rollouts,
        "parameters": sum(p.numel() for p in checkpoint.model.parameters()),
        "seconds": {name: round(s, 1) for name, s in run.seconds.items()},
        "seconds_chance": {name: round(s, 1) for name, s in form.seconds.items()},
    }


def transfer(spec_path: Path, store: Store, out: Path, config: TransferConfig, workers: int) -> dict[str, Any]:
    """All of it; returns the report, which is then in ``out``."""
    begun = time.monotonic()

    def line(stage: str, text: str) -> None:
        print(f"[{time.monotonic() - begun:4.0f} s] {stage:12} {text}", flush=True)

    def say(stage: str, facts: Mapping[str, Any]) -> None:
        told = {name: facts[name] for name in ("name", "step", "round", "success", "heldout") if name in facts}
        line(stage, ", ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in told.items()))

    suite, held = build_world(spec_path, store)
    line("build", f"{suite.name} {suite.digest[:12]}: {len(suite.apps)} apps, {len(suite.tasks)} tasks")
    ground = asyncio.run(surveyed(suite, held, config))
    line("survey", f"{len(ground.suite.tasks)} tasks fit {config.context} tokens")
    ground = certified(store, suite, ground, workers)
    line("certify", f"{len(ground.suite.tasks)} of them hold")
    shutil.rmtree(out / "learner", ignore_errors=True)
    found = asyncio.run(learned(ground, config, out / "learner", say))
    found["wall_s"] = round(time.monotonic() - begun, 1)
    write_whole(out / "report.json", json.dumps(found, indent=1) + "\n")
    for group, by_stage in found["success"].items():
        told = (f"{stage} {of['success']:.3f} ± {of['stderr']:.3f} (n {of['n']})" for stage, of in by_stage.items())
        line(group, ", ".join(told))
    return found


def main() -> int:
    """Exit code 0 where there is a report, 1 where there could be none."""
    parser = argparse.ArgumentParser(prog="python -m rollout.learner.transfer_run", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/transfer"), help="where report and learner's state go")
    parser.add_argument("--workers", type=int, default=2, help="processes that certify")
    arguments = parser.parse_args()
    try:
        transfer(SPEC, Store(default_root()), arguments.out, TransferConfig(), arguments.workers)
    except GrindError as error:
        print(f"transfer: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
