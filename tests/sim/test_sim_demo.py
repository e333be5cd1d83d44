"""The demo as a user meets it, small: killed in the middle, on a full disk, and once more to its end."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import toy_repo
from test_sim_faults import in_mount_namespace

from factory.lock import write_lock
from rollout.demo.__main__ import main

ROOT = Path(__file__).parents[2]
WORLD = """\
kind: world
name: mail
seed: 5
start: 2025-03-03T09:00:00Z
step_seconds: 60
persons: 24
apps:
  mail: {messages: 100, history: 0}
  notes: {}
tasks:
  max_steps: 4
  templates:
    note: {train: 40, heldout: 6}
"""
LEARN = {
    "noise": 0.3, "width": 32, "layers": 2, "heads": 2, "hidden": 64, "band": [0.3, 1.0], "emphasis": {},
    "probe_every": 120, "probe_tasks": 12, "times": 6, "curve_tasks": 4,
    "grpo": {"rounds": 2, "prompts": 4, "group": 4, "minimum": 2},
}  # fmt: skip

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the native backend needs root")


class Demo:
    """A small demo in a folder of its own: specs, configuration, home and all that it leaves."""

    def __init__(self, folder):
        self.folder, self.home, self.out = folder, folder / "home", folder / "out"
        (folder / "world.yaml").write_text(WORLD)
        (folder / "toy.yaml").write_text(toy_repo.SPEC.replace("count: 6", "count: 1"))
        _, lock = toy_repo.stocked()
        write_lock(lock, folder / "toy.lock")
        self.configure()

    def configure(self, **more):
        given = {
            "world": str(self.folder / "world.yaml"), "repository": str(self.folder / "toy.yaml"), "submissions": 6,
            "learn": LEARN, "out": str(self.out), "room_mb": 0, **more,
        }  # fmt: skip
        (self.folder / "config.json").write_text(json.dumps(given))

    @property
    def argv(self):
        return [sys.executable, "-m", "rollout.demo", str(self.folder / "config.json")]

    @property
    def env(self):
        return {**os.environ, "GRINDWORKS_HOME": str(self.home), "TMPDIR": str(self.folder)}

    def run(self):
        return subprocess.run(self.argv, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)

    def left(self):
        """Processes, control groups and mounts that are still there; Ray's two helpers that look for their dead cluster
        for a while before they give up are left out."""
        mark, found = str(self.folder).encode(), []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
                about = command + (process / "environ").read_bytes()
            except OSError:
                continue
            helper = b"/dashboard/agent.py" in command or b"/runtime_env/agent/main.py" in command
            if mark in about and not helper:
                found.append(command)
        found += [line for line in Path("/proc/mounts").read_text().splitlines() if str(self.folder) in line]
        return found


def groups():
    return {where for where, _, _ in os.walk("/sys/fs/cgroup") if os.path.basename(where).startswith("grindworks-")}


@pytest.fixture
def demo():
    """Under a short path: Ray's sockets lie below it, and the kernel takes 107 characters."""
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        yield Demo(Path(folder))


def test_room_is_looked_for_before_minutes_are_spent(demo, monkeypatch, capsys):
    demo.configure(room_mb=10**9)
    monkeypatch.setenv("GRINDWORKS_HOME", str(demo.home))
    assert main([demo.argv[-1]]) == 1
    out, err = capsys.readouterr()
    [line] = err.splitlines()
    assert out == ""
    assert line.startswith(f"demo: {demo.home}: ")
    assert "1000000000 are needed (free some, or set GRINDWORKS_HOME" in line


def test_a_wrong_configuration_names_the_field(demo, capsys):
    demo.configure(submisions=3)
    assert main([demo.argv[-1]]) == 1
    assert capsys.readouterr().err == f"demo: {demo.folder}/config.json: submisions: Extra inputs are not permitted\n"


@pytest.mark.parametrize("inputs", [False, True])
def test_a_full_disk_ends_it_with_one_line_that_says_what_to_do(demo, inputs):
    """Once the store cannot hold the world; once the inputs are there, and what is built of them finds no room."""
    blobs = toy_repo.stocked()[0].root / "blobs"
    stocked = f"cp -r '{blobs}' '{demo.home}'" if inputs else "true"
    pages = sum(1 + file.stat().st_size // 4096 for file in blobs.rglob("*")) if inputs else 0
    size = pages * 4096 + 2**20
    demo.home.mkdir()
    command = " ".join(f"'{item}'" for item in demo.argv)
    done = in_mount_namespace(f"""
        mount -t tmpfs -o size={size} none '{demo.home}' && {stocked} && cd '{ROOT}' || exit 90
        GRINDWORKS_HOME='{demo.home}' TMPDIR='{demo.folder}' {command}
    """)
    assert done.returncode == 1, done
    [line] = done.stderr.splitlines()
    assert "no space left on" in line
    assert "set GRINDWORKS_HOME to a folder on a larger disk" in line
    assert demo.left() == []


@pytest.mark.timeout(900)
def test_killed_in_the_middle_it_leaves_nothing_running_and_goes_through_the_next_time(demo):
    shutil.copytree(toy_repo.stocked()[0].root, demo.home)
    before = groups()
    options = {"stdout": subprocess.PIPE, "text": True, "start_new_session": True}
    with (
        (demo.folder / "errors").open("w") as errors,
        subprocess.Popen(demo.argv, cwd=ROOT, env=demo.env, stderr=errors, **options) as driver,
    ):
        assert any("reruns" in line for line in driver.stdout)  # the certificates' table: now it starts Ray, and plays
        wait_for(lambda: driver.poll() is not None or list(demo.out.glob("runs/toy/journal/*.journal")))
        assert driver.poll() is None, (demo.folder / "errors").read_text()
        driver.kill()
    wait_for(lambda: not demo.left() and groups() <= before)
    done = demo.run()
    assert done.returncode == 0, done.stderr
    report = json.loads((demo.out / "report.json").read_text())
    assert report["rollouts"]["toy"]["n"] == 6
    assert report["rollouts"]["mail"]["distinct_start_digests"] == 1
    assert report["certificates"]["toy"]["served"] == 1
    assert report["replay"]["identical"] == report["replay"]["checked"] > 0
    assert report["replay"]["fork_reward"] == 1.0
    assert (demo.out / "report.html").stat().st_size > 10_000
    assert demo.left() == []
    assert not list(demo.folder.glob("grind-elsewhere-*"))


def wait_for(condition, tries=3000):
    for _ in range(tries):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("it did not come to that")
