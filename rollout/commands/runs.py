"""Commands on runs: run, train, replay, show."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from factory.durable import write_whole
from factory.errors import GrindError
from rollout.commands.speaking import (
    example,
    open_store,
    runs_option,
    say,
    store_option,
    tell,
    uncertified_option,
    workers_option,
)


@click.command(epilog=example("grind run mail --policy oracle --n 200 --workers 2 --run first"))
@click.argument("env")
@click.option("--run", "name", required=True, help="Name of the run; its folder is RUNS/NAME.")
@click.option(
    "--policy",
    "kind",
    default="oracle",
    show_default=True,
    help="oracle, noisy_oracle, scripted or torch; where the view is pixels, scripted.",
)
@click.option("--payload", type=click.Path(path_type=Path), help="A script (JSON) or a checkpoint, for such a policy.")
@click.option("--noise", type=click.FloatRange(0, 1), help="For noisy_oracle: the chance that a call goes wrong.")
@click.option("--n", type=click.IntRange(1), default=200, show_default=True, help="How many rollouts.")
@click.option("--split", type=click.Choice(["train", "heldout"]), help="Only tasks of this split.")
@click.option("--seed", default=0, show_default=True)
@click.option("--temperature", type=click.FloatRange(0, 100), default=1.0, show_default=True)
@workers_option
@click.option("--resume", is_flag=True, help="Go on with a run: plays what it lacks, as it was first asked for.")
@uncertified_option
@runs_option
@store_option
def run(env: str, name: str, resume: bool, workers: int, uncertified: bool, runs: Path, store_root: Path | None,
        as_json: bool, **asked: Any) -> None:  # fmt: skip
    """Play rollouts of ENV, verify and record each of them. Only certified tasks are played: see `grind audit`.

    Exit code 1 if all that the run holds are faults: `grind show RUN ID` tells why.
    """
    from rollout import session
    from rollout.policies.base import Sampling
    from rollout.pools import PlayOptions

    if math.isnan(asked["temperature"]):
        raise click.BadParameter("not a number", param_hint="--temperature")
    store = open_store(store_root)
    if resume:
        _refuse_anew(asked)
        played, suite = session.resumed(store, name, env, runs)
    else:
        plan = {key: asked[key] for key in ("n", "split", "seed", "temperature")}
        played, suite = session.new_run(store, env, name, _policy(asked), plan, runs, uncertified=uncertified)
    plan = played.info.get("plan") or {}
    if not plan:
        raise GrindError(f"run {name} was not made by `grind run`", "`grind train --resume` goes on with a training")
    wanted = session.attempts(suite, played.name, plan["n"], plan["seed"], plan["split"])
    options = PlayOptions(sampling=Sampling(temperature=plan["temperature"]))
    playing = session.play_run(store, suite, played, wanted, options, workers=workers, quiet=as_json)
    found = asyncio.run(playing)
    say(as_json, found, lambda: _summary_text(found))
    if set(found["stop_reasons"]) == {"fault"}:
        raise SystemExit(1)


def _refuse_anew(asked: dict[str, Any]) -> None:
    """Raises UsageError for what a run that goes on was asked anew: it would change nothing."""
    context = click.get_current_context()
    for option in context.command.params:
        if option.name in asked and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--resume plays what the run was first asked for: leave out {option.opts[0]}")


def _policy(asked: dict[str, Any]) -> Any:
    from rollout.policies import PolicySpec

    if asked["noise"] is not None and asked["kind"] != "noisy_oracle":
        raise click.UsageError(f"--noise is for --policy noisy_oracle, not {asked['kind']}")
    payload, kind = b"", asked["kind"]
    if asked["payload"] is not None:
        try:
            payload = asked["payload"].read_bytes()
        except OSError as error:
            raise GrindError(f"--payload {asked['payload']}: {error.strerror}") from error
    if asked["noise"] is not None:
        payload = json.dumps({"noise": asked["noise"]}).encode()
    return PolicySpec(kind, payload)


def _summary_text(found: dict[str, Any]) -> str:
    reward = "no verdict" if found["reward"] is None else f"mean reward {found['reward']:.3f}"
    without = "" if found["certified"] else " (uncertified)"
    lines = [f"run {found['run']}: {found['rollouts']} rollouts of {found['env_name']}{without}, {reward}"]
    lines.append("  " + ", ".join(f"{reason} {n}" for reason, n in found["stop_reasons"].items()))
    if found.get("seconds"):
        rate = found["played"] / found["seconds"]
        lines.append(f"  {found['played']} played now in {found['seconds']:.1f} s ({rate:.0f} a second)")
    lines.append(f"  {found['distinct_start_digests']} distinct start digest(s), faults {found['faults'] or 'none'}")
    return "\n".join(lines)


@click.command(epilog=example("grind train mail --run better --workers 2"))
@click.argument("env")
@click.option("--run", "name", required=True, help="Name of the run; its folder is RUNS/NAME.")
@click.option("--rounds", type=click.IntRange(1), default=60, show_default=True, help="GRPO rounds, at most.")
@click.option("--seed", default=0, show_default=True)
@workers_option
@click.option("--resume", is_flag=True, help="Go on with a training that was cut short.")
@uncertified_option
@runs_option
@store_option
def train(env: str, name: str, rounds: int, seed: int, workers: int, resume: bool, uncertified: bool, runs: Path,
          store_root: Path | None, as_json: bool) -> None:  # fmt: skip
    """Train a small policy on ENV: warm start on demonstrations, then GRPO on the verifiers' rewards.

    Only certified tasks are played: see `grind audit`.
    """
    from rollout import training

    store = open_store(store_root)
    found = training.train(
        store,
        env,
        name,
        rounds=rounds,
        seed=seed,
        workers=workers,
        resume=resume,
        runs=runs,
        quiet=as_json,
        uncertified=uncertified,
    )
    say(as_json, found, lambda: training.text(found))


@click.command(epilog=example("grind replay first 3fa9 --step 2"))
@click.argument("run_name", metavar="RUN")
@click.argument("rollout_id", metavar="[ID]", required=False)
@click.option("--step", type=int, help="Show the state after this many steps, rebuilt from the record.")
@click.option("--fork", type=int, help="Go back to after this many steps and let the oracle play on.")
@click.option("--screenshot", type=click.Path(path_type=Path, dir_okay=False), help="With --step: a PNG of the page.")
@click.option("--page", help="With --screenshot: of this page (/mail/labels), not of the one that the agent was on.")
@click.option("--failed", is_flag=True, help="Without ID: only rollouts with a reward below 1.")
@runs_option
@store_option
def replay(run_name: str, rollout_id: str | None, step: int | None, fork: int | None, screenshot: Path | None,
           page: str | None, failed: bool, runs: Path, store_root: Path | None, as_json: bool) -> None:  # fmt: skip
    """Run recorded actions again and compare observation and state at every step.

    ID may be shortened. Without it, all rollouts of RUN are replayed. Exit code 1 if one differs.
    """
    from rollout import session
    from rollout.review import fork_rollout, replay_run, show_step

    if rollout_id is None and (step is not None or fork is not None):
        raise click.UsageError("--step and --fork need the ID of a rollout")
    if step is not None and fork is not None:
        raise click.UsageError("--step and --fork: one at a time")
    if (screenshot is not None and step is None) or (page is not None and screenshot is None):
        raise click.UsageError("--screenshot goes with --step, --page with --screenshot")
    played, suite = session.old_run(open_store(store_root), run_name, None, runs)
    if rollout_id is None:
        found = asyncio.run(replay_run(played, suite, failed_only=failed, quiet=as_json))
        say(as_json, found, f"{found['identical']} of {found['checked']} rollouts identical at every step")
        for line in found["diverged"]:
            tell(f"  {line['rollout_id']}: {line['what']}")
        if found["diverged"]:
            raise SystemExit(1)
        return
    trajectory = played.find(rollout_id)
    if step is not None:
        found = asyncio.run(show_step(suite, trajectory, step))
        lines = [f"{found['rollout_id']} after {step} steps: {found['state_digest']}"]
        lines += [f"  ~ {line}" for line in found["changes"]]
        lines += [f"  layer {layer}" for layer in found["layers"]]
        if screenshot is not None:
            _take(suite, trajectory, step, page, screenshot)
            lines.append(f"  page  {screenshot}")
        say(as_json, found, "\n".join(lines))
    elif fork is not None:
        forked = asyncio.run(fork_rollout(played, suite, trajectory, fork))
        say(as_json, session.trajectory_json(suite, forked), lambda: session.trajectory_text(suite, forked))
    else:
        _replay_one(suite, trajectory, as_json)


def _take(suite: Any, trajectory: Any, step: int, page: str | None, to: Path) -> None:
    from rollout.screenshot import screenshot

    write_whole(to, asyncio.run(screenshot(suite, trajectory, step, page)))


def _replay_one(suite: Any, trajectory: Any, as_json: bool) -> None:
    from rollout.replay import replay as play_again

    report = asyncio.run(play_again(suite, trajectory))
    unstable = f", unstable output at {list(report.unstable)}" if report.unstable else ""
    if report.divergence is None:
        text = f"{report.rollout_id}: {report.steps} steps, identical ({report.kind}{unstable})"
    else:
        text = f"{report.rollout_id}: {report.divergence}"
    say(as_json, {**asdict(report), "identical": report.identical}, text)
    if not report.identical:
        raise SystemExit(1)


@click.command(epilog=example("grind show first --failed"))
@click.argument("run_name", metavar="RUN")
@click.argument("rollout_id", metavar="[ID]", required=False)
@click.option("--failed", is_flag=True, help="List only rollouts with a reward below 1, or faults.")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Rollouts listed.")
@runs_option
@store_option
def show(run_name: str, rollout_id: str | None, failed: bool, limit: int, runs: Path, store_root: Path | None,
         as_json: bool) -> None:  # fmt: skip
    """Sum up RUN, or show one of its rollouts step by step."""
    from rollout import session
    from rollout.review import list_rollouts
    from rollout.runs import Run

    if rollout_id is not None:
        played, suite = session.old_run(open_store(store_root), run_name, None, runs)
        trajectory = played.find(rollout_id)
        say(as_json, session.trajectory_json(suite, trajectory), lambda: session.trajectory_text(suite, trajectory))
        return
    played = Run.open(run_name, runs)
    found = {**session.summary(played), "unsealed": played.unsealed()}
    rows = list_rollouts(played, failed_only=failed, limit=limit)
    lines = [f"  {r['rollout_id']}  {r['task_id']}  {r['stop_reason']}  {r['reward']}" for r in rows]
    if found["unsealed"]:
        lines.insert(
            0, f"  {found['unsealed']} more are committed and not sealed yet: `grind run … --resume` does that"
        )
    say(as_json, {**found, "listed": rows}, lambda: "\n".join([_summary_text(found), *lines]))
