"""``make evidence``: trained on shuffled rewards, a policy is not significantly above its warm start.

``python -m rollout.learner.evidence --store DIR --environment NAME --out DIR``. Trains twice from one warm start with
one budget, once on true rewards and once on rewards permuted within each group; tests both against the warm start.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factory.durable import write_whole
from factory.environment import Suite
from factory.errors import GrindError
from factory.store import Store, default_root
from rollout.learner.checkpoint import Checkpoint
from rollout.learner.controls import p_above, permuted_credit, z_score
from rollout.learner.grpo import Credit, group_credit
from rollout.learner.recipe import LearnConfig, Learning
from rollout.pools import LocalPool, Pool
from rollout.session import served

SIGNIFICANT = 0.01
"""One-sided p below which a rise counts as one."""


async def shuffled_rewards(pool: Pool, suite: Suite, config: LearnConfig, folder: Path) -> dict[str, Any]:
    """The comparison as JSON-able data; ``ok`` if true rewards raise success significantly and shuffled ones do not."""
    base = Learning(pool, suite, config, folder)
    warm = (await base.warm_start()).to_bytes()
    before = await base.evaluate(Checkpoint.from_bytes(warm), "warm_start")
    out: dict[str, Any] = {"warm_start": {"success": before.success, "stderr": before.stderr, "n": before.n}}
    credits: Mapping[str, Credit] = {"true_rewards": group_credit, "shuffled_rewards": permuted_credit}
    for name, credit in credits.items():
        # The shuffled run must not stop early by luck, nor the true one train longer: equal rounds for both.
        own = config.model_copy(update={"run": f"{config.run}-{name}", "target": 2.0, "curve_every": 10**9})
        run = Learning(pool, suite, own, folder / name)
        after = await run.evaluate(await run.reinforce(Checkpoint.from_bytes(warm), credit), "final")
        out[name] = {
            "success": after.success, "stderr": after.stderr, "n": after.n, "z": z_score(after, before),
            "p_above_warm_start": p_above(after, before), "rounds": len(run.rounds),
        }  # fmt: skip
    rose = out["true_rewards"]["p_above_warm_start"] < SIGNIFICANT
    return {**out, "ok": rose and out["shuffled_rewards"]["p_above_warm_start"] >= SIGNIFICANT}


async def _run(arguments: argparse.Namespace) -> int:
    store = Store(Path(arguments.store) if arguments.store else default_root())
    suite = served(store, arguments.environment)
    config = LearnConfig(run="evidence", seed=arguments.seed)
    config = config.model_copy(update={"grpo": config.grpo.model_copy(update={"rounds": arguments.rounds})})
    folder = Path(arguments.out)
    async with LocalPool(suite) as pool:
        found = await shuffled_rewards(pool, suite, config, folder)
    write_whole(folder / "shuffled_rewards.json", json.dumps(found, indent=1) + "\n")
    for name in ("warm_start", "true_rewards", "shuffled_rewards"):
        entry = found[name]
        p = f", p above warm start {entry['p_above_warm_start']:.2g}" if "p_above_warm_start" in entry else ""
        print(f"{name:17} {entry['success']:.3f} ± {entry['stderr']:.3f} (n {entry['n']}){p}")
    return 0 if found["ok"] else 1


def main() -> int:
    """Exit code 0 if learning needs its rewards, 1 if not, or if the comparison could not be made."""
    parser = argparse.ArgumentParser(prog="python -m rollout.learner.evidence", description=__doc__)
    parser.add_argument("--store", default="", help="the store's folder (default: $GRINDWORKS_HOME)")
    parser.add_argument("--environment", default="mail", help="name or digest of a built world")
    parser.add_argument("--out", default="out/evidence", help="where the runs and the result go")
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    try:
        return asyncio.run(_run(parser.parse_args()))
    except GrindError as error:
        print(f"evidence: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
