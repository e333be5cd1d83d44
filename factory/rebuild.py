"""Building again, elsewhere: in a process that shares nothing with this one but the spec, the lock and its blobs.

What differs: the folders of code, store and work, the time zone, the locale, the hash seed, the user's settings and,
where Debian's ``faketime`` is installed, the year. Equal digests then say that none of these came into the build.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import app_clones
import factory
import sandboxes
from factory.apps import FROM, files_of
from factory.build import build
from factory.errors import BuildError
from factory.lock import Lock, read_lock, write_lock
from factory.orphans import Helper, end_with_parent
from factory.spec import WorldSpec, load_spec
from factory.store import Store

_PREFIX, _LOCK = "grind-elsewhere-", ".lock"
LATER = "+3285d"  # relative: with an absolute time, libfaketime breaks sleeps on the monotonic clock


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """``digest`` of the environment, ``differed`` in what; ``year`` is among it only where faketime is installed."""

    digest: str
    differed: tuple[str, ...]


def rebuild(spec_path: Path | str, lock: Lock, store: Store) -> Rebuilt:
    """Builds the spec again, elsewhere, from the blobs of ``lock`` alone. Raises InputGone, BuildError."""
    with _elsewhere() as root:
        for package in (app_clones, factory, sandboxes):
            folder = Path(next(iter(package.__path__)))
            shutil.copytree(folder, root / "code" / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copyfile(spec_path, root / "spec.yaml")
        _copy_apps(Path(spec_path), root)
        write_lock(lock, root / "spec.lock")
        other = Store(root / "store")
        for entry in lock.inputs:
            other.put(store.get(entry.sha256))
        faked = ["faketime", "-f", LATER] if shutil.which("faketime") else []
        argv = [*faked, sys.executable, "-m", "factory.rebuild", "spec.yaml", "spec.lock", "store"]
        with Helper(argv, cwd=root, env=_foreign(root), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as ran:
            out, err = (data.decode(errors="replace") for data in ran.communicate())
        if ran.returncode:
            raise BuildError(f"building {lock.spec} again elsewhere failed: {err.strip()[-800:]}")
        place, digest = out.rsplit(maxsplit=1)
        if not Path(place).is_relative_to(root.resolve()):
            raise BuildError(
                f"building again elsewhere ran the code of {place}", "is PYTHONSAFEPATH or a .pth in the way?"
            )
        differed = ("directory", "zone", "locale", "hash seed", *(["year"] if faked else []))
        return Rebuilt(digest, differed)


def _copy_apps(spec_path: Path, root: Path) -> None:
    """The apps that lie beside the spec, or below the working directory."""
    spec = load_spec(spec_path)
    for options in spec.apps.values() if isinstance(spec, WorldSpec) else ():
        for name, path in files_of(options[FROM], spec_path.parent).items() if FROM in options else ():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, root / name)


@contextmanager
def _elsewhere() -> Iterator[Path]:
    """A folder of ours alone. What killed processes left of theirs is removed first: it may be hundreds of MB."""
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        with suppress(OSError), lock.open("rb") as held:  # in use, another user's, or removed meanwhile
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name, open(Path(name) / _LOCK, "wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield Path(name)


def _foreign(root: Path) -> dict[str, str]:
    """An environment that shares only the search path for programs with ours."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(root / "code"),
        "PYTHONHASHSEED": "4242",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "LC_ALL": "C",
        "TZ": "Asia/Kathmandu",
        "HOME": str(root),
        "XDG_CACHE_HOME": str(root / "cache"),
        "GRINDWORKS_HOME": str(root / "home"),
    }


def main(argv: Sequence[str]) -> None:
    """``python -m factory.rebuild SPEC LOCK STORE WATCHED`` prints where its code lies, and the digest of the build."""
    spec, lock, store, watched = argv
    end_with_parent(int(watched))
    print(Path(str(factory.__file__)).resolve(), build(load_spec(spec), read_lock(lock), Store(store)).digest)


if __name__ == "__main__":
    main(sys.argv[1:])
