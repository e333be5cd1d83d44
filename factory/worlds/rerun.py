"""Oracles' runs again, under other circumstances: ``python -m factory.worlds.rerun STORE DIGEST WATCHED``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from factory.errors import BuildError
from factory.manifest import Manifest
from factory.orphans import Helper, end_with_parent
from factory.store import Store
from factory.worlds.behaving import Behaving
from factory.worlds.certify import traces
from factory.worlds.suite import load

_LATER = "+2190d"  # relative: with an absolute time, libfaketime breaks sleeps on the monotonic clock
_OTHERWISE = {"PYTHONHASHSEED": "4242", "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"}


@dataclass(frozen=True, slots=True)
class Rerun:
    """``traces`` by task id; ``answers`` of the apps' behaviours; ``year``: what the process took for the present one;
    ``faketime``: if it was lied to."""

    traces: dict[str, str]
    answers: dict[str, str]
    year: int
    zone: str
    hash_seed: str
    faketime: bool


def start(store: Store, digest: str) -> Helper:
    """Starts the rerun of all tasks; :func:`finish` waits for it. Without Debian's ``faketime`` the year stays."""
    root = str(Path(__file__).parents[2])
    env = {**os.environ, **_OTHERWISE, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    other_year = ["faketime", "-f", _LATER] if shutil.which("faketime") else []
    command = [*other_year, sys.executable, "-m", "factory.worlds.rerun", str(store.root.resolve()), digest]
    return Helper(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root)


def finish(process: Helper) -> Rerun:
    """What the rerun found. Raises BuildError if it died."""
    out, err = process.communicate()
    if process.returncode:
        raise BuildError(f"the rerun in another process failed: {err.decode(errors='replace')[-800:]}")
    return Rerun(**json.loads(out))


def main(root: str, digest: str, watched: str) -> None:
    """Prints a :class:`Rerun` as JSON."""
    end_with_parent(int(watched))
    store = Store(root)
    manifest = Manifest.model_validate(store.get_json(digest))
    suite = load(manifest, store)
    year = time.localtime().tm_year  # only told, so that a test can see that the circumstances were others
    found = {
        "traces": traces(suite, list(suite.tasks)),
        "answers": Behaving(manifest, store).answers(),
        "year": year,
        "zone": time.strftime("%z"),
        "hash_seed": os.environ.get("PYTHONHASHSEED", ""),
        "faketime": "FAKETIME" in os.environ,
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
