"""Builds: from locked blobs alone, the same digest wherever, and everything that matters is in the digest."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from shelf import GRIST

from factory.build import build, load_suite
from factory.errors import BuildError, InputGone, SpecError
from factory.lock import Lock, lock_path, lock_spec, read_lock, wanted
from factory.manifest import Manifest, check_code, code_digest, environments, read_manifest
from factory.rebuild import rebuild
from factory.spec import load_spec
from factory.store import Store, default_root

ROOT = Path(__file__).parents[2]

WORLD = """\
kind: world
name: tiny
seed: 11
start: 2025-03-03T09:00:00Z
step_seconds: 60
persons: 24
apps:
  mail: {}
  notes: {}
tasks:
  templates:
    create_label: {train: 2}
"""


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def world(tmp_path, store):
    """Spec path and lock of a small world."""
    path = tmp_path / "tiny.yaml"
    path.write_text(WORLD)
    return path, lock_spec(path, store)


def test_a_world_built_again_elsewhere_has_the_same_digest(world, store):
    path, lock = world
    first = build(load_spec(path), lock, store)
    again = rebuild(path, lock, store)
    assert again.digest == first.digest
    assert {"directory", "zone", "locale", "hash seed", "year"} == set(again.differed)


def test_a_repository_built_again_elsewhere_has_the_same_digest(tmp_path):
    """The real one, with one task instead of many; its inputs are kept in the user's store between runs."""
    path, kept = tmp_path / "cachetools.yaml", Store(default_root())
    path.write_text(re.sub(r"count: \d+", "count: 1", (ROOT / "specs/cachetools.yaml").read_text()))
    shutil.copyfile(ROOT / "specs/cachetools.lock", lock_path(path))
    lock = lock_spec(path, kept)
    store = Store(tmp_path / "store")
    for entry in lock.inputs:
        store.put(kept.get(entry.sha256))
    with ThreadPoolExecutor() as pool:
        again = pool.submit(rebuild, path, lock, store)
        first = build(load_spec(path), lock, store)
    assert len(load_suite(store, "cachetools").tasks) == 1
    assert again.result().digest == first.digest


LEAKS = {
    "hash seed": "hash('grind')",
    "zone": "time.strftime('%H:%M', time.localtime(0))",
    "year": "time.strftime('%Y')",
    "locale": "sys.getfilesystemencoding(), locale.setlocale(locale.LC_ALL, '')",
    "directory": "__file__",
}
LEAKY = """

import locale, os, sys, time
_tight_build_world = build_world
def build_world(spec, store):
    made = _tight_build_world(spec, store)
    return made.model_copy(update={"parts": {**made.parts, "leak": store.put_json([LEAK])}})
"""
TWICE = """
import sys
from factory.build import build
from factory.lock import lock_spec
from factory.rebuild import rebuild
from factory.spec import load_spec
from factory.store import Store
store = Store(sys.argv[2])
lock = lock_spec(sys.argv[1], store)
print(build(load_spec(sys.argv[1]), lock, store).digest, rebuild(sys.argv[1], lock, store).digest)
"""


@pytest.mark.parametrize("leak", LEAKS)
def test_a_build_that_something_of_its_surroundings_leaks_into_is_found_out(world, tmp_path, leak):
    """The planted fault of the test above: the same comparison, on a copy of the code with one leak in it."""
    for package in ("app_clones", "factory", "sandboxes"):
        shutil.copytree(ROOT / package, tmp_path / "code" / package, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "code/factory/worlds/suite.py").open("a") as suite:
        suite.write(LEAKY.replace("LEAK", LEAKS[leak]))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "code"), "PYTHONHASHSEED": "0"}
    argv = [sys.executable, "-c", TWICE, str(world[0]), str(tmp_path / "other")]
    ran = subprocess.run(argv, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    first, again = ran.stdout.split()
    assert first != again


def test_what_was_built_is_loaded_by_name_and_by_digest_also_in_another_process(world, store):
    path, lock = world
    manifest = build(load_spec(path), lock, store)
    suite = load_suite(store, "tiny")
    assert (suite.name, suite.kind, suite.digest) == ("tiny", "world", manifest.digest)
    assert load_suite(store, manifest.digest).start_digest == suite.start_digest == manifest.start_digest
    assert environments(store) == {"tiny": manifest}
    code = "import sys; from factory.build import *; print(load_suite(Store(sys.argv[1]), 'tiny').start_digest)"
    argv = [sys.executable, "-c", code, str(store.root)]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip() == suite.start_digest


def test_another_seed_makes_another_environment(world, store):
    path, lock = world
    first = build(load_spec(path), lock, store)
    path.write_text(WORLD.replace("seed: 11", "seed: 12"))
    assert build(load_spec(path), lock, store).snapshot != first.snapshot


def test_what_was_never_built_is_said_with_what_was(world, store):
    path, lock = world
    build(load_spec(path), lock, store)
    for wrong in ("mial", "0" * 64, "../x", ""):
        with pytest.raises(BuildError, match="was built") as caught:
            load_suite(store, wrong)
        assert "here: tiny" in caught.value.hint
    with pytest.raises(BuildError, match="names no environment"):
        load_suite(store, store.put(b"{}"))


def test_a_damaged_snapshot_is_noticed_on_loading(world, store):
    path, lock = world
    manifest = build(load_spec(path), lock, store)
    blob = store.path(manifest.snapshot[0])
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 4
    blob.chmod(0o644)
    blob.write_bytes(bytes(data))
    with pytest.raises(InputGone, match="altered"):
        load_suite(store, "tiny")
    assert build(load_spec(path), lock, store) == manifest
    assert load_suite(store, "tiny").digest == manifest.digest


def test_an_environment_of_other_code_or_of_another_sqlite_is_not_served(world, store):
    path, lock = world
    manifest = build(load_spec(path), lock, store)
    for field, message in (("code_digest", "built by other code"), ("sqlite_version", "built with SQLite")):
        other = manifest.model_copy(update={field: "3.0"})
        with pytest.raises(BuildError, match=message):
            load_suite(store, store.put(other.to_json()))


MANIFEST = Manifest(
    name="n", kind="repo", snapshot=("a", "b"), start_digest="c", parts={"d": "e"}, tasks="f", code_digest="g",
    sqlite_version="3.1",
)  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"name": "m"}, {"kind": "world"}, {"snapshot": ("b", "a")}, {"start_digest": "x"}, {"parts": {}},
        {"parts": {"d": "x"}}, {"tasks": "x"}, {"code_digest": "x"}, {"sqlite_version": "3.2"},
    ],
    ids=str,
)  # fmt: skip
def test_the_digest_of_an_environment_covers_every_field(change):
    assert MANIFEST.model_copy(update=change).digest != MANIFEST.digest


def test_a_manifest_is_read_back_as_it_was_written(store):
    digest = store.put(MANIFEST.to_json())
    assert digest == MANIFEST.digest
    assert read_manifest(store, digest) == MANIFEST


@pytest.fixture
def package(tmp_path):
    """A module object for a package on disk; nothing is imported."""

    def at(folder: str) -> types.ModuleType:
        root = tmp_path / folder
        root.mkdir(parents=True)
        for name, text in (("__init__.py", "x = 1\n"), ("page.html", "<p>\n")):
            (root / name).write_text(text)
        module = types.ModuleType("pack")
        module.__file__, module.__path__ = str(root / "__init__.py"), [str(root)]
        return module

    return at


def test_the_digest_of_code_is_of_its_files_and_not_of_where_they_lie(package, tmp_path):
    here, there = package("a/pack"), package("b/elsewhere")
    first = code_digest([here])
    assert code_digest([there]) == first
    (tmp_path / "b/elsewhere/__pycache__").mkdir()
    (tmp_path / "b/elsewhere/__pycache__/x.pyc").write_bytes(b"cache")
    assert code_digest([there]) == first
    (tmp_path / "b/elsewhere/page.html").write_text("<b>\n")
    assert code_digest([there]) != first
    (tmp_path / "a/pack/page.html").rename(tmp_path / "a/pack/other.html")
    assert code_digest([here]) != first
    with pytest.raises(BuildError, match="other code"):
        check_code(MANIFEST, [here])


# ---- locked inputs


def test_a_build_without_one_of_its_blobs_says_which_before_anything_runs(shelf, tmp_path, store):
    spec = tmp_path / "grist.yaml"
    spec.write_text(GRIST)
    lock = lock_spec(spec, store)
    victim = lock.of_kind("wheel")[0]
    store.path(victim.sha256).unlink()
    with pytest.raises(
        InputGone, match=f"{victim.filename} .{victim.sha256}. is locked but not in the store"
    ) as caught:
        build(load_spec(spec), lock, store)
    assert "grind lock" in caught.value.hint


def test_a_lock_of_another_spec_builds_nothing(world, store):
    path, _ = world
    with pytest.raises(SpecError, match="another state of spec"):
        build(load_spec(path), Lock(spec="other", wants=wanted(load_spec(path))), store)
    assert environments(store) == {}


def test_the_locks_in_the_repository_are_those_that_its_specs_ask_for():
    for path in (ROOT / "specs").glob("*.yaml"):
        assert read_lock(lock_path(path)).wants == wanted(load_spec(path))
