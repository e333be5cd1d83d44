"""The distribution: what a user gets who installs the wheel and has no checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("app_clones", "sandboxes", "factory", "rollout")
SPEC = """\
kind: world
name: tiny
seed: 5
start: 2025-03-03T09:00:00Z
step_seconds: 60
persons: 8
apps:
  mail: {messages: 60}
tasks:
  max_steps: 8
  templates:
    label: {train: 2, heldout: 0}
"""
PAGE = """\
import asyncio, sys
from app_clones.kit.asgi import request
from factory.build import load_suite
from factory.store import Store
with load_suite(Store(sys.argv[1]), "tiny").fork_world() as world:
    page = asyncio.run(request(world, "GET", "/mail/"))
    css = asyncio.run(request(world, "GET", "/mail/mail.css"))
print(page.status, css.status, "<html" in page.text)
"""


def run(*argv, **options):
    done = subprocess.run([str(item) for item in argv], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    run(*pip, "wheel", ".", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, cwd=source)
    [made] = folder.glob("*.whl")
    run(*pip, "install", "--no-deps", "--no-index", "--no-compile", "--target", folder / "installed", made)
    return made, source, folder / "installed"


def test_the_wheel_holds_every_file_of_the_packages_and_the_licence(wheel):
    made, source, _ = wheel
    inside = set(zipfile.ZipFile(made).namelist())
    wanted = {str(p.relative_to(source)) for name in PACKAGES for p in (source / name).rglob("*") if p.is_file()}
    assert {Path(name).suffix for name in wanted} >= {".py", ".html", ".css", ".j2", ".typed"}
    assert wanted - inside == set()
    assert any(name.endswith("licenses/LICENSE") for name in inside)


def test_grind_works_from_an_empty_directory_on_a_spec_beside_it(wheel, tmp_path):
    installed = wheel[2]
    env = {**os.environ, "PYTHONPATH": str(installed), "GRINDWORKS_HOME": str(tmp_path / "home")}
    here = tmp_path / "empty"
    here.mkdir()
    grind = (sys.executable, installed / "bin" / "grind")

    def say(*argv):
        return run(*argv, cwd=here, env=env)

    assert Path(say(sys.executable, "-c", "import rollout.cli as r; print(r.__file__)").strip()).is_relative_to(
        installed
    )
    assert "serve-world" in say(*grind, "--help")
    (here / "tiny.yaml").write_text(SPEC)
    say(*grind, "lock", "tiny.yaml")
    assert json.loads(say(*grind, "build", "tiny.yaml", "--json"))["tasks"] == 2
    say(*grind, "audit", "tiny")
    assert json.loads(say(*grind, "run", "tiny", "--run", "one", "--n", "2", "--workers", "0", "--json"))["reward"] == 1
    assert say(sys.executable, "-c", PAGE, tmp_path / "home") == "200 200 True\n"
