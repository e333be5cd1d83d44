"""What ``grind train`` does: the learner's recipe, played by a pool and recorded as a run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factory.durable import write_whole
from factory.environment import Suite
from factory.errors import GrindError
from factory.store import Store
from rollout.runs import Run
from rollout.session import about, make_pool, resumed, sealed, served


def train(
    store: Store,
    env: str,
    name: str,
    *,
    rounds: int,
    seed: int,
    workers: int,
    resume: bool,
    runs: Path,
    quiet: bool,
    uncertified: bool = False,
) -> dict[str, Any]:
    """Trains on ``env`` in run ``name``; its rollouts are sealed there, weights and ledger lie in its ``learner/``.

    Returns the learner's report with ``run`` and ``checkpoint`` (a payload for ``grind run --policy torch``). Raises
    BuildError where ``env`` has no certificate, unless it is asked to train ``uncertified``.
    """
    if resume:
        run, suite = resumed(store, name, env, runs)
        if "training" not in run.info:
            raise GrindError(
                f"run {name} was not made by `grind train`", "`grind run --resume` goes on with other runs"
            )
    else:
        suite = served(store, env, uncertified=uncertified)
        told = about(store, suite, uncertified=uncertified)
        run = Run.create(name, {**told, "training": {"rounds": rounds, "seed": seed}}, runs)
    return asyncio.run(_train(store, suite, run, workers, quiet))


async def _train(store: Store, suite: Suite, run: Run, workers: int, quiet: bool) -> dict[str, Any]:
    from rollout.learner.grpo import GrpoConfig  # torch takes a second to import
    from rollout.learner.recipe import LearnConfig, learn

    asked = run.info["training"]
    config = LearnConfig(run=run.name, seed=asked["seed"], grpo=GrpoConfig(rounds=asked["rounds"]))
    folder = run.path / "learner"
    with run.owned():
        run.drain()
        with sealed(run):
            async with make_pool(store, suite, run, workers) as pool:
                learned = await learn(pool, suite, config, folder, say=None if quiet else _say)
    checkpoint = folder / "final.pt"
    write_whole(checkpoint, learned.checkpoint.to_bytes())
    return {"run": run.name, "checkpoint": str(checkpoint), **learned.report()}


def _say(stage: str, facts: Mapping[str, Any]) -> None:
    import sys

    shown = (f"{key} {value:.3g}" for key, value in facts.items() if isinstance(value, int | float))
    print(f"{stage}: {', '.join(shown)}", file=sys.stderr, flush=True)


def text(found: Mapping[str, Any]) -> str:
    """The report in three lines."""
    success = found["heldout_success"]
    controls = ", ".join(f"{name} {value:.2f}" for name, value in found["controls"].items())
    return "\n".join(
        (
            f"held-out success {success['warm_start']:.2f} -> {success['final']:.2f} (n {success['n']})",
            f"controls: {controls or 'none'}",
            f"weights: {found['checkpoint']}",
        )
    )
