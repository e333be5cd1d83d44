"""From nothing to an app that is built, certified, played and served, by the commands of the manual."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from app_clones.declared.load import load_decl
from rollout.cli import execute

ROOT = Path(__file__).parents[2]


def grind(capsys, *arguments) -> tuple[int, str, str]:
    capsys.readouterr()
    code = execute([str(one) for one in arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    """A new app and its world, built into a store beside it."""
    folder = tmp_path_factory.mktemp("new")
    apps = folder / "apps"
    assert execute(["new", "app", "library", "--into", str(apps), "--json"]) == 0
    for command in ("lock", "build"):
        assert execute([command, str(apps / "library" / "world.yaml"), "--store", str(folder / "store"), "--json"]) == 0
    return folder


def test_a_new_app_says_what_it_wrote(tmp_path, capsys):
    code, out, _ = grind(capsys, "new", "app", "library", "--into", tmp_path, "--json")
    assert code == 0
    files = [str(tmp_path / "library" / name) for name in ("app.yaml", "test_library.py", "world.yaml")]
    assert json.loads(out) == {"app": "library", "files": files}
    assert sorted(str(path) for path in (tmp_path / "library").iterdir()) == files
    assert load_decl(files[0]).app == "library"


def test_its_test_passes_wherever_it_is_run(library, tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(library / "apps")],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    assert " passed" in ran.stdout


def test_its_tasks_are_certified_and_the_oracle_solves_them(library, capsys):
    store, runs = ["--store", library / "store", "--json"], ["--runs", library / "runs"]
    code, out, _ = grind(capsys, "audit", "library", *store)
    assert code == 0
    found = json.loads(out)["rows"]["all"]
    assert found["tasks"] == found["ok"] > 100
    asked = ["--policy", "oracle", "--n", 30, "--run", "first", "--workers", 0]
    code, out, err = grind(capsys, "run", "library", *asked, *store, *runs)
    assert code == 0, err
    assert (json.loads(out)["reward"], json.loads(out)["rollouts"]) == (1.0, 30)


def test_its_world_is_served(library):
    command = [sys.executable, "-m", "rollout.cli", "serve-world", "library", "--store", str(library / "store")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        try:
            url = json.loads(serving.stdout.readline())["apps"]["library"]["url"]
            with urllib.request.urlopen(url + "item") as page:
                assert b"Items" in page.read()
        finally:
            serving.terminate()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Library", "no name for an app"),
        ("my-app", "no name for an app"),
        ("../etc", "no name for an app"),
        ("9lives", "no name for an app"),
        ("a" * 25, "no name for an app"),
        ("mail", "comes with Grindworks"),
        ("notes", "comes with Grindworks"),
        ("kit", "comes with Grindworks"),
        ("clock", "comes with Grindworks"),
        ("admin", "comes with Grindworks"),
        ("browser", "comes with Grindworks"),
    ],
)
def test_a_name_that_is_none_or_taken_is_refused_and_nothing_is_written(tmp_path, capsys, name, says):
    for more in ([], ["--json"]):
        code, out, err = grind(capsys, "new", "app", name, "--into", tmp_path / "apps", *more)
        assert code == 1
        assert says in err
        assert (says in out) == bool(more)
    assert not (tmp_path / "apps").exists()


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path, capsys):
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "mine.txt").write_text("precious")
    code, _, err = grind(capsys, "new", "app", "library", "--into", tmp_path)
    assert (code, "is there already" in err) == (1, True)
    assert [path.name for path in tmp_path.rglob("*")] == ["library", "mine.txt"]


def test_only_apps_can_be_new(tmp_path, capsys):
    assert grind(capsys, "new", "car", "x", "--into", tmp_path)[0] == 2
