"""docs/new-app.md is followed to the letter: its files are written, its commands run, in the order of the page."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import get_args

from app_clones.declared.model import PERSON, Entity, FieldDecl, OperationDecl, Type
from rollout.cli import execute

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "new-app.md"
STEP = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)```\n", re.DOTALL)


def test_the_page_leads_to_a_certified_app_that_is_played(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRINDWORKS_HOME", str(tmp_path / "store"))
    said = {}
    for step in STEP.finditer(PAGE.read_text()):
        if step["file"]:
            Path(step["file"]).write_text(step["text"])
        elif step["kind"] == "sh":
            for line in step["text"].splitlines():
                run(shlex.split(line), capsys)
                said[line] = capsys.readouterr().out
    assert {"pytest -q apps/library", "grind serve-world library --port 8027"} <= said.keys()
    table = said["grind audit library"]
    tasks, ok = re.findall(r"^all +(\d+) +(\d+)", table, re.MULTILINE)[0]
    assert int(tasks) == int(ok) > 100
    assert "library.act.book_lend" in table
    assert "mean reward 1.000" in said["grind run library --policy oracle --n 100 --run first --workers 0"]


def run(command: list[str], capsys) -> None:
    """One line of the page. A server is asked for its first page, then stopped."""
    if command[0] == "pytest":
        ran = subprocess.run(
            [sys.executable, "-m", *command, "-p", "no:cacheprovider"],
            env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout
    elif command[1] == "serve-world":
        serve(command[1:])
    else:
        assert command[0] == "grind"
        assert execute(command[1:]) == 0, (command, capsys.readouterr())


def serve(arguments: list[str]) -> None:
    arguments = ["0" if one.isdigit() else one for one in arguments]  # any free port: the page's may be taken here
    command = [sys.executable, "-m", "rollout.cli", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=None) as serving:
        assert serving.stdout is not None
        try:
            library = json.loads(serving.stdout.readline())["apps"]["library"]
            with urllib.request.urlopen(library["url"]) as page:
                assert b"Library" in page.read()
            asked = urllib.request.Request(f"{library['url']}api/items")
            asked.add_header("Authorization", f"Bearer {library['token']}")
            with urllib.request.urlopen(asked) as answer:
                assert json.load(answer)["items"]
        finally:
            serving.terminate()


def test_every_key_that_the_page_names_is_one_of_the_form():
    page = PAGE.read_text().partition("## What can be said")[2]
    values = {*get_args(Type), *get_args(FieldDecl.model_fields["on_delete"].annotation), PERSON}
    for heading, model in (("Fields", FieldDecl), ("Entities", Entity), ("Operations", OperationDecl)):
        part = page.partition(f"**{heading}.**")[2].partition("\n\n")[0]
        named = set(re.findall(r"`([a-z_]+)`", part)) - values
        assert len(named) > 5
        assert named <= set(model.model_fields), named - set(model.model_fields)
