"""A small repository of our own, built for real on the locked base: everything true of it is known."""

from __future__ import annotations

import asyncio
import functools
import io
import tarfile
import tempfile
from pathlib import Path

from factory.lock import Lock, LockedInput, fetch, read_lock, wanted
from factory.repos.suite import RepoSuite, build_repo, load
from factory.spec import parse_spec
from factory.store import Store, sha256
from sandboxes.native import NativeBackend

ROOT = Path(__file__).parents[2]

PACKAGE = '''"""Small sums."""


def spread(values):
    """Return the largest of some numbers less the smallest."""
    low = min(values)
    high = max(values)
    return high - low  # never below zero


def mean(values):
    """Return the arithmetic mean of some numbers, zero for none."""
    if not values:
        return 0
    total = sum(values)
    return total / len(values)


def count(values, wanted):
    """Return how many of the values equal the wanted one."""
    found = 0
    for value in values:
        if value == wanted:
            found += 1
    return found


def power(base, exponent):
    """Return base to the power of a whole exponent that is not negative."""
    result = 1
    for _ in range(exponent):
        result *= base
    return result
'''
TESTS = {
    "tests/test_alone.py": "import sums\n\n\ndef test_it_is_documented():\n    assert sums.__doc__ == 'Small sums.'\n",
    "tests/test_power.py": """import unittest

import sums


class PowerTest(unittest.TestCase):
    def test_small(self):
        self.assertEqual(sums.power(2, 3), 8)
        self.assertEqual(sums.power(3, 2), 9)

    def test_none(self):
        self.assertEqual(sums.power(7, 0), 1)
        self.assertEqual(sums.power(7, 1), 7)
""",
    "tests/test_sums.py": """import sums


def test_spread():
    assert sums.spread([3, 9, 4]) == 6
    assert sums.spread([5]) == 0


def test_mean():
    assert sums.mean([2, 4, 9]) == 5
    assert sums.mean([]) == 0


def test_count():
    assert sums.count([1, 2, 1, 3], 1) == 2
    assert sums.count([], 1) == 0
    assert sums.count(["a", "b"], "a") == 1
""",
}
SPEC = """kind: repo
name: toy
seed: 3
source: {package: sums, version: "1.0"}
base: {distribution: debian, packages: [python3-minimal], test_requires: [pytest==8.4.2]}
test: {paths: [tests], timeout_s: 60}
tasks: {count: 6}
"""


def sdist(extra: dict[str, str] | None = None) -> bytes:
    """The toy as an index would have it."""
    files = {
        "sums/__init__.py": PACKAGE,
        "README": "Sums.\n",
        "PKG-INFO": "x",
        ".git/HEAD": "x",
        **TESTS,
        **(extra or {}),
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for path, text in files.items():
            info = tarfile.TarInfo(f"sums-1.0/{path}")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def spec():
    return parse_spec(SPEC, "toy.yaml")


@functools.cache
def stocked() -> tuple[Store, Lock]:
    """A store with the base's inputs and the toy, fetched once per test session."""
    store = Store(Path(tempfile.mkdtemp(prefix="toy-repo-")))
    real = read_lock(ROOT / "specs" / "cachetools.lock")
    fetch(real, store)
    return store, locked(store, sdist())


def locked(store: Store, data: bytes) -> Lock:
    """The toy's lock: the real base, our own sdist."""
    real = read_lock(ROOT / "specs" / "cachetools.lock")
    store.put(data)
    entry = LockedInput(
        kind="sdist", name="sums", version="1.0", filename="sums-1.0.tar.gz", sha256=sha256(data), size=len(data)
    )
    kept = tuple(i for i in real.inputs if i.kind != "sdist")
    return Lock(spec="toy", wants=wanted(spec()), inputs=(*kept, entry))


@functools.cache
def manifest():
    """The toy, built once per test session."""
    store, lock = stocked()

    async def build():
        async with NativeBackend(store) as backend:
            return await build_repo(spec(), lock, store, backend)

    return asyncio.run(build())


def toy_suite(backend: NativeBackend | None = None) -> RepoSuite:
    """The built toy, loaded anew."""
    return load(manifest(), stocked()[0], backend)


def task_on(suite: RepoSuite, kind: str, function: str):
    """The task of that kind on that function."""
    return next(t for t in suite.tasks.values() if t.template == kind and suite.edit(t).function == function)
