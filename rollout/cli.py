"""``grind``: one command from a spec to a better policy. Results go to stdout, progress and errors to stderr."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from factory.errors import GrindError
from factory.store import Store, default_root
from rollout.runs import ROOT

INTERRUPTED = 130


def example(text: str) -> str:
    """An epilog that click leaves as it is."""
    return f"\b\nExample:\n  {text}"


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--store``, ``--json`` of every command."""
    command = click.option(
        "--store",
        "store_root",
        type=click.Path(path_type=Path),
        default=None,
        help="Where built environments live (default: $GRINDWORKS_HOME, else ~/.local/share/grindworks).",
    )(command)
    return click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")(command)


def runs_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--runs``: the folder of runs."""
    return click.option(
        "--runs", type=click.Path(path_type=Path), default=ROOT, show_default=True, help="The folder of runs."
    )(command)


def open_store(root: Path | None) -> Store:
    """The store asked for."""
    return Store(root or default_root())


def say(as_json: bool, data: Any, text: str | Callable[[], str]) -> None:
    """Prints the result: ``data`` as one line of JSON, or ``text``."""
    click.echo(json.dumps(data, ensure_ascii=False) if as_json else text if isinstance(text, str) else text())


def tell(line: str) -> None:
    """A line of what goes on."""
    click.echo(line, err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="grindworks", prog_name="grind")
def cli() -> None:
    """Grindworks: specs in, certified environments, rollouts and better policies out."""


@cli.command(epilog=example("grind lock specs/cachetools.yaml"))
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--update", is_flag=True, help="Decide all versions anew.")
@store_option
def lock(spec: Path, update: bool, store_root: Path | None, as_json: bool) -> None:
    """Pin every input of SPEC by SHA-256 and fetch it. Uses the network, runs nothing."""
    from factory.lock import lock_path, lock_spec

    made = lock_spec(spec, open_store(store_root), update=update, report=None if as_json else tell)
    path = lock_path(spec)
    data = {"lock": str(path), "digest": made.digest, "inputs": len(made.inputs)}
    say(as_json, data, f"{path}: {len(made.inputs)} inputs, all in the store")


@cli.command(epilog=example("grind build specs/mail.yaml"))
@click.argument("spec", type=click.Path(path_type=Path))
@store_option
def build(spec: Path, store_root: Path | None, as_json: bool) -> None:
    """Build SPEC from its locked inputs alone, without a network."""
    from factory import build as building
    from factory.lock import lock_path, read_lock
    from factory.spec import load_spec

    store = open_store(store_root)
    manifest = building.build(load_spec(spec), read_lock(lock_path(spec)), store, None if as_json else tell)
    tasks = len(store.get_json(manifest.tasks))
    data = {"name": manifest.name, "kind": manifest.kind, "digest": manifest.digest, "tasks": tasks}
    say(as_json, data, f"{manifest.name} {manifest.digest} ({manifest.kind}, {tasks} tasks)")


@cli.command(epilog=example("grind audit mail --workers 2"))
@click.argument("env")
@click.option("--workers", default=1, show_default=True, help="Processes.")
@click.option("--task", "tasks", multiple=True, help="Only this task (may be given again); keeps no certificate.")
@store_option
def audit(env: str, workers: int, tasks: Sequence[str], store_root: Path | None, as_json: bool) -> None:
    """Certify every task of ENV by running it. Exit code 1 if a task fails; failing tasks are not served."""
    from factory import audit as auditing
    from factory.build import load_suite, read_manifest
    from rollout.progress import progress

    store = open_store(store_root)
    suite = load_suite(store, env)
    known = {one["id"] for one in store.get_json(read_manifest(store, env).tasks)}
    if unknown := [task for task in tasks if task not in known]:
        raise GrindError(f"{suite.name} has no task {unknown[0]!r}", f"one of {len(known)} is {min(known)}")
    done = 0
    with progress(f"auditing {suite.name}", len(tasks) or len(suite.tasks), quiet=as_json) as advance:

        def count(so_far: int, of: int) -> None:
            nonlocal done
            advance(so_far - done, "")
            done = so_far

        certificate = auditing.audit(store, suite, task_ids=list(tasks) or None, workers=workers, tell=count)
    bad = [one.task_id for one in certificate.tasks if not one.ok]
    rows = {**auditing.by_template(certificate, suite), "all": auditing.summary(certificate.tasks)}
    say(as_json, {"environment": suite.digest, "failed": bad, "rows": rows}, lambda: auditing.table(rows))
    if bad:
        raise SystemExit(1)


@cli.command(epilog=example("grind run mail --policy oracle --n 200 --workers 2 --run first"))
@click.argument("env")
@click.option("--run", "name", required=True, help="Name of the run; its folder is RUNS/NAME.")
@click.option("--policy", "kind", default="oracle", show_default=True, help="oracle, noisy_oracle, scripted or torch.")
@click.option("--payload", type=click.Path(path_type=Path), help="A script (JSON) or a checkpoint, for such a policy.")
@click.option("--noise", type=float, help="For noisy_oracle: the chance that a call goes wrong.")
@click.option("--n", default=200, show_default=True, help="How many rollouts.")
@click.option("--split", type=click.Choice(["train", "heldout"]), help="Only tasks of this split.")
@click.option("--seed", default=0, show_default=True)
@click.option("--temperature", default=1.0, show_default=True)
@click.option("--workers", default=2, show_default=True, help="Ray workers; 0 plays in this process, without Ray.")
@click.option("--resume", is_flag=True, help="Go on with a run: plays what it lacks, as it was first asked for.")
@runs_option
@store_option
def run(env: str, name: str, resume: bool, workers: int, runs: Path, store_root: Path | None, as_json: bool,
        **asked: Any) -> None:  # fmt: skip
    """Play rollouts of ENV, verify and record each of them."""
    from rollout import session
    from rollout.policies.base import Sampling
    from rollout.pools import PlayOptions

    store = open_store(store_root)
    if resume:
        played, suite = session.old_run(store, name, env, runs)
    else:
        plan = {key: asked[key] for key in ("n", "split", "seed", "temperature")}
        played, suite = session.new_run(store, env, name, _policy(asked), plan, runs)
    plan = played.info.get("plan") or {}
    if not plan:
        raise GrindError(f"run {name} was not made by `grind run`", "`grind train --resume` goes on with a training")
    wanted = session.attempts(suite, played.name, plan["n"], plan["seed"], plan["split"])
    options = PlayOptions(sampling=Sampling(temperature=plan["temperature"]))
    found = asyncio.run(
        session.play_run(store, suite, played, wanted, options, workers=workers, quiet=as_json)
    )  # fmt: skip
    say(as_json, found, lambda: _summary_text(found))


def _policy(asked: dict[str, Any]) -> Any:
    from rollout.policies import PolicySpec

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
    lines = [f"run {found['run']}: {found['rollouts']} rollouts of {found['env_name']}, {reward}"]
    lines.append("  " + ", ".join(f"{reason} {n}" for reason, n in found["stop_reasons"].items()))
    if found.get("seconds"):
        rate = found["played"] / found["seconds"]
        lines.append(f"  {found['played']} played now in {found['seconds']:.1f} s ({rate:.0f} a second)")
    lines.append(f"  {found['distinct_start_digests']} distinct start digest(s), faults {found['faults'] or 'none'}")
    return "\n".join(lines)


@cli.command(epilog=example("grind train mail --run better --workers 2"))
@click.argument("env")
@click.option("--run", "name", required=True, help="Name of the run; its folder is RUNS/NAME.")
@click.option("--rounds", default=60, show_default=True, help="GRPO rounds, at most.")
@click.option("--seed", default=0, show_default=True)
@click.option("--workers", default=2, show_default=True, help="Ray workers; 0 plays in this process, without Ray.")
@click.option("--resume", is_flag=True, help="Go on with a training that was cut short.")
@runs_option
@store_option
def train(env: str, name: str, rounds: int, seed: int, workers: int, resume: bool, runs: Path,
          store_root: Path | None, as_json: bool) -> None:  # fmt: skip
    """Train a small policy on ENV: warm start on demonstrations, then GRPO on the verifiers' rewards."""
    from rollout import training

    store = open_store(store_root)
    found = training.train(
        store, env, name, rounds=rounds, seed=seed, workers=workers, resume=resume, runs=runs, quiet=as_json
    )
    say(as_json, found, lambda: training.text(found))


@cli.command(epilog=example("grind replay first 3fa9 --step 2"))
@click.argument("run_name", metavar="RUN")
@click.argument("rollout_id", metavar="[ID]", required=False)
@click.option("--step", type=int, help="Show the state after this many steps, rebuilt from the record.")
@click.option("--fork", type=int, help="Go back to after this many steps and let the oracle play on.")
@click.option("--failed", is_flag=True, help="Without ID: only rollouts with a reward below 1.")
@runs_option
@store_option
def replay(run_name: str, rollout_id: str | None, step: int | None, fork: int | None, failed: bool, runs: Path,
           store_root: Path | None, as_json: bool) -> None:  # fmt: skip
    """Run recorded actions again and compare observation and state at every step.

    ID may be shortened. Without it, all rollouts of RUN are replayed. Exit code 1 if one differs.
    """
    from rollout import session
    from rollout.review import fork_rollout, replay_run, show_step

    store = open_store(store_root)
    played, suite = session.old_run(store, run_name, None, runs)
    if rollout_id is None and (step is not None or fork is not None):
        raise click.UsageError("--step and --fork need the ID of a rollout")
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
        say(as_json, found, "\n".join(lines))
    elif fork is not None:
        forked = asyncio.run(fork_rollout(played, suite, trajectory, fork))
        say(as_json, session.trajectory_json(suite, forked), lambda: session.trajectory_text(suite, forked))
    else:
        _replay_one(suite, trajectory, as_json)


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


@cli.command(epilog=example("grind show first --failed"))
@click.argument("run_name", metavar="RUN")
@click.argument("rollout_id", metavar="[ID]", required=False)
@click.option("--failed", is_flag=True, help="List only rollouts with a reward below 1, or faults.")
@click.option("--limit", default=20, show_default=True, help="Rollouts listed.")
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
    say(as_json, {**found, "listed": rows}, lambda: "\n".join([_summary_text(found), *lines]))


@cli.command(name="ls", epilog=example("grind ls --json"))
@runs_option
@store_option
def list_all(runs: Path, store_root: Path | None, as_json: bool) -> None:
    """List built environments and runs."""
    from factory.build import environments
    from rollout.runs import runs as all_runs

    built = {name: {"digest": m.digest, "kind": m.kind} for name, m in environments(open_store(store_root)).items()}
    names = all_runs(runs)
    lines = [f"{name}  {m['kind']}  {m['digest']}" for name, m in built.items()] + [f"run {name}" for name in names]
    say(as_json, {"environments": built, "runs": names}, "\n".join(lines) or "nothing built, no runs")


@cli.command(name="serve-world", epilog=example("grind serve-world mail --port 8025"))
@click.argument("env")
@click.option("--port", default=0, show_default=True, help="On 127.0.0.1; 0 takes any free one.")
@store_option
def serve_world(env: str, port: int, store_root: Path | None, as_json: bool) -> None:
    """Serve a fresh fork of ENV on loopback, for browsers and vendors' clients, until Ctrl-C.

    Prints one line of JSON (with or without --json): {"apps": {"mail": {"url", "api", "token"}}}.
    """
    from app_clones.kit.serve import serve_world as serving
    from factory.build import load_suite
    from factory.worlds.suite import WorldSuite

    suite = load_suite(open_store(store_root), env)
    if not isinstance(suite, WorldSuite):
        raise GrindError(f"{suite.name} has no apps to serve: it is a {suite.kind}", "serve a world, as `mail`")
    try:
        with suite.fork_world() as world, serving(world, port) as served:
            click.echo(json.dumps(served.describe()))
            sys.stdout.flush()
            threading.Event().wait()
    except OSError as error:
        raise GrindError(
            f"cannot serve on port {port}: {error.strerror or error}", "--port 0 takes a free one"
        ) from error


def execute(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0, 1 (failed, or found a fault), 2 (wrong usage), 130 (interrupted)."""
    try:
        code = cli.main(args=None if arguments is None else list(arguments), prog_name="grind", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    except click.ClickException as error:
        _complain(error.format_message(), "grind --help lists commands" if isinstance(error, click.UsageError) else "")
        return error.exit_code
    except GrindError as error:
        _complain(error.message, error.hint)
        return 1
    except (KeyboardInterrupt, click.Abort, asyncio.CancelledError):
        tell("interrupted")
        return INTERRUPTED


def _complain(message: str, hint: str) -> None:
    line = " ".join(f"error: {message}".split())
    tell(f"{line}  hint: {' '.join(hint.split())}" if hint else line)


def main() -> None:
    """The console script. SIGTERM ends a command as Ctrl-C does, with all that was committed sealed."""
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    sys.exit(execute())


if __name__ == "__main__":
    main()
