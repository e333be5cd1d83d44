"""Commands on environments: lock, build, audit, ls, serve-world."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from factory.errors import GrindError
from rollout.commands.speaking import example, open_store, runs_option, say, store_option, tell


@click.command(epilog=example("grind lock specs/cachetools.yaml"))
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


@click.command(epilog=example("grind build specs/mail.yaml"))
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


@click.command(epilog=example("grind audit mail --workers 2"))
@click.argument("env")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--task", "tasks", multiple=True, help="Only this task (may be given again); keeps no certificate.")
@store_option
def audit(env: str, workers: int, tasks: Sequence[str], store_root: Path | None, as_json: bool) -> None:
    """Certify every task of ENV by running it. Exit code 1 if a task fails; failing tasks are not served."""
    from factory import audit as auditing
    from factory.build import load_suite
    from factory.manifest import read_manifest
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
    varied = auditing.diversity(suite)
    found = {"environment": suite.digest, "failed": bad, "rows": rows, "diversity": varied}
    say(as_json, found, lambda: "\n".join((auditing.table(rows), *([auditing.told(varied)] if varied else []))))
    if bad:
        raise SystemExit(1)


@click.command(name="ls", epilog=example("grind ls --json"))
@runs_option
@store_option
def list_all(runs: Path, store_root: Path | None, as_json: bool) -> None:
    """List built environments and runs."""
    from factory.manifest import environments
    from rollout.runs import runs as all_runs

    built = {name: {"digest": m.digest, "kind": m.kind} for name, m in environments(open_store(store_root)).items()}
    names = all_runs(runs)
    lines = [f"{name}  {m['kind']}  {m['digest']}" for name, m in built.items()] + [f"run {name}" for name in names]
    say(as_json, {"environments": built, "runs": names}, "\n".join(lines) or "nothing built, no runs")


@click.command(name="serve-world", epilog=example("grind serve-world mail --port 8025"))
@click.argument("env")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="On 127.0.0.1; 0 takes any free one."
)
@click.option("--admin", is_flag=True, help="With a read-only view of the whole state under /admin/.")
@store_option
def serve_world(env: str, port: int, admin: bool, store_root: Path | None, as_json: bool) -> None:
    """Serve a fresh fork of ENV on loopback, for browsers and vendors' clients, until Ctrl-C.

    Prints one line of JSON (with or without --json): {"apps": {"mail": {"url", "api", "token"}}}, and the address of
    the view of its state under "admin".
    """
    from app_clones.kit.serve import serve_world as serving
    from factory.build import load_suite
    from factory.worlds.suite import WorldSuite

    suite = load_suite(open_store(store_root), env)
    if not isinstance(suite, WorldSuite):
        raise GrindError(f"{suite.name} has no apps to serve: it is a {suite.kind}", "serve a world, as `mail`")
    try:
        with suite.fork_world() as world, serving(world, port, admin=admin) as served:
            click.echo(json.dumps(served.describe()))
            sys.stdout.flush()
            while True:
                time.sleep(1)  # a wait without end could miss a signal that comes just before it begins
    except OSError as error:
        raise GrindError(
            f"cannot serve on port {port}: {error.strerror or error}", "--port 0 takes a free one"
        ) from error
