"""A driver process for the simulator: plays a run of the toy suite to its end, or goes on with it.

``python driver.py RUNS NAME --workers W --n N [--slow]``; exit code and errors as ``grind run``'s.
"""

import argparse
import asyncio
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROLLOUT_TESTS = HERE.parent / "rollout"
sys.path[:0] = [str(HERE.parents[1]), str(ROLLOUT_TESTS), str(HERE)]

from simulator import mixed, wanted  # noqa: E402
from toy_suite import ToySuite, load_slow  # noqa: E402

from factory.errors import GrindError  # noqa: E402
from rollout.pools import LocalPool, SuiteRef  # noqa: E402
from rollout.runs import Run  # noqa: E402
from rollout.session import sealed  # noqa: E402


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=Path)
    parser.add_argument("name")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--slow", action="store_true")
    return parser.parse_args()


async def drive(options):
    suite = load_slow(None, "toy-7") if options.slow else ToySuite()
    try:
        run = Run.open(options.name, options.runs)
    except GrindError:
        run = Run.create(options.name, {"env_name": "toy", "environment": suite.digest}, options.runs)
    with run.owned():
        run.drain()
        left = run.remaining(wanted(suite, options.name, options.n))
        with sealed(run):
            async with make_pool(options, suite, run) as pool:
                async for batch in pool.play(left, mixed(suite)):
                    print(len(batch), flush=True)


def make_pool(options, suite, run):
    if not options.workers:
        return LocalPool(suite, run.journal_folder, concurrency=4)
    from rollout.cluster import RayPool

    loader = "toy_suite:load_slow" if options.slow else "toy_suite:load"
    return RayPool(
        SuiteRef("/", suite.digest, loader),
        run.journal_folder,
        workers=options.workers,
        concurrency=4,
        pythonpath=[str(ROLLOUT_TESTS)],
    )


if __name__ == "__main__":
    try:
        asyncio.run(drive(parse()))
    except GrindError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
