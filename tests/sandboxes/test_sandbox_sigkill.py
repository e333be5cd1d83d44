"""What is left when the process that uses a backend dies of SIGKILL in the middle of an exec: nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandboxes.engine import docker_engine
from sandboxes.watchdog import engine_request

_ROOT = Path(__file__).parents[2]
_PROGRAM = """
import asyncio, sys
from pathlib import Path
from sandboxes.base import FileSnapshot, Limits
from sandboxes.docker import DockerBackend
from sandboxes.native import NativeBackend
from sandboxes.store import DirectoryStore

async def main(kind, store, cache, layer, url):
    store = DirectoryStore(Path(store))
    backend = NativeBackend(store, Path(cache)) if kind == "native" else DockerBackend(store, url)
    async with backend.fork(FileSnapshot((layer,)), Limits()) as one, backend.fork(FileSnapshot((layer,)), Limits()) as two:
        await one.exec(["true"], timeout_s=30)
        print("ready", flush=True)
        await asyncio.gather(
            one.exec(["sh", "-c", "(sleep 54321 &) ; while :; do echo x >> f; sleep 54321; done"], timeout_s=600),
            two.exec(["sleep", "54321"], timeout_s=600),
        )

asyncio.run(main(*sys.argv[1:]))
"""


def _traces() -> dict[str, set[str]]:
    """Mounts, control groups and processes of this machine that could be a sandbox's."""
    processes = set()
    for folder in Path("/proc").iterdir():
        try:
            command = (folder / "cmdline").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            continue
        if state != "Z" and any(word in command for word in (b"54321", b"sandboxes.warden", b"sandboxes.watchdog")):
            processes.add(folder.name)
    groups = {str(path) for path in Path("/sys/fs/cgroup").rglob("grindworks-*")}
    mounts = {line for line in Path("/proc/mounts").read_text().splitlines() if "grindworks" in line}
    return {"processes": processes, "groups": groups, "mounts": mounts}


def _left(before: dict[str, set[str]]) -> dict[str, set[str]]:
    now = _traces()
    return {kind: now[kind] - before[kind] for kind in now if now[kind] - before[kind]}


def _await(condition, seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    return condition()


def _start(kind: str, layer_store, sandbox_home: Path, base, url: str = "") -> subprocess.Popen[str]:
    argv = [
        sys.executable,
        "-c",
        _PROGRAM,
        kind,
        str(layer_store.root),
        str(sandbox_home / "cache"),
        base.layers[0],
        url,
    ]
    process = subprocess.Popen(argv, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="the native backend's full mode needs root")
def test_a_killed_parent_leaves_no_process_mount_or_control_group_of_native_sandboxes(layer_store, sandbox_home, base):
    before = _traces()
    process = _start("native", layer_store, sandbox_home, base)
    try:
        assert _await(lambda: len(_left(before).get("processes", ())) >= 4), "the sandboxes cannot be seen running"
        assert _left(before)["groups"]
    finally:
        _kill(process)
    assert _await(lambda: not _left(before)), _left(before)


@pytest.mark.skipif(os.geteuid() != 0, reason="the native backend's full mode needs root")
def test_a_killed_warden_takes_its_sandboxes_along_and_the_next_one_sweeps_its_groups(layer_store, sandbox_home, base):
    before = _traces()
    process = _start("native", layer_store, sandbox_home, base)
    warden = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
    os.kill(warden, signal.SIGKILL)
    _kill(process)
    assert _await(lambda: set(_left(before)) <= {"groups"}), _left(before)
    _kill(_start("native", layer_store, sandbox_home, base))
    assert _await(lambda: not _left(before)), _left(before)


@pytest.mark.docker
def test_a_killed_parent_leaves_no_container(docker_url, layer_store, sandbox_home, base):
    before = _traces()

    def containers() -> list[str]:
        return [container["Id"] for container in engine_request(docker_url, "GET", "/containers/json?all=1")]

    old = containers()
    process = _start("docker", layer_store, sandbox_home, base, docker_url)
    try:
        assert len(containers()) == len(old) + 2
    finally:
        _kill(process)
    assert _await(lambda: containers() == old), containers()
    assert _await(lambda: not _left(before)), _left(before)


@pytest.mark.docker
def test_an_engine_of_our_own_ends_with_the_process_that_started_it(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    program = (
        "from sandboxes.engine import docker_engine\nwith docker_engine() as url: print(url, flush=True); input()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    folder = Path(url.removeprefix("unix://")).parent
    engine = (folder / "pid").read_text().strip()
    _kill(process)
    assert process.stdin is not None
    process.stdin.close()
    assert _await(lambda: not folder.exists() and not Path(f"/proc/{engine}/cmdline").exists()), folder
    assert str(folder) not in Path("/proc/mounts").read_text()


@pytest.mark.docker
def test_an_engine_of_our_own_is_gone_after_use(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with docker_engine() as url:
        folder = Path(url.removeprefix("unix://")).parent
        assert engine_request(url, "GET", "/version")["Version"]
    assert not folder.exists()
