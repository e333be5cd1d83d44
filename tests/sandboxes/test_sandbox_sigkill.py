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

async def main(kind, store, cache, layer, url, seconds):
    store = DirectoryStore(Path(store))
    backend = NativeBackend(store, Path(cache)) if kind == "native" else DockerBackend(store, url)
    base = FileSnapshot((layer,))
    async with backend.fork(base, Limits()) as one, backend.fork(base, Limits()) as two:
        await one.exec(["true"], timeout_s=30)
        print("ready", flush=True)
        await asyncio.gather(
            one.exec(["sh", "-c", f"(sleep {seconds} &); echo x >> f; sleep {seconds}; true"], timeout_s=600),
            two.exec(["sleep", seconds], timeout_s=600),
        )

asyncio.run(main(*sys.argv[1:]))
"""


class _Scene:
    """A process that uses a backend and is killed, and what of it can still be seen on this machine. Other users of the
    package may be running: what is ours is told by the length of the sleep and the path of the cache."""

    def __init__(self, kind: str, store: Path, cache: Path, layer: str, url: str = "") -> None:
        self._seconds = f"{os.getpid()}.{time.monotonic_ns()}"
        self._cache = cache
        argv = [sys.executable, "-c", _PROGRAM, kind, str(store), str(cache), layer, url, self._seconds]
        self.process = subprocess.Popen(argv, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        children = [path.read_text().split() for path in Path(f"/proc/{self.process.pid}/task").glob("*/children")]
        (self.helper,) = (int(pid) for pids in children for pid in pids)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def left(self) -> dict[str, list[str]]:
        name = f"grindworks-{self.helper}-"
        groups = [where for where, _, _ in os.walk("/sys/fs/cgroup") if os.path.basename(where).startswith(name)]
        mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if line.startswith("grindworks ")]
        found = {"processes": self._processes(), "groups": groups, "mounts": mounts}
        return {kind: what for kind, what in found.items() if what}

    def _processes(self) -> list[str]:
        found = []
        for folder in Path("/proc").iterdir():
            try:
                command = (folder / "cmdline").read_bytes()
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            except (OSError, IndexError):
                continue
            ours = self._seconds.encode() in command or folder.name == str(self.helper)
            if state != "Z" and ours:
                found.append(folder.name)
        return found


def _await(condition, seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    return condition()


@pytest.mark.skipif(os.geteuid() != 0, reason="the native backend's full mode needs root")
def test_a_killed_parent_leaves_no_process_mount_or_control_group_of_native_sandboxes(layer_store, sandbox_home, base):
    scene = _Scene("native", layer_store.root, sandbox_home / "cache", base.layers[0])
    try:
        assert _await(lambda: len(scene.left().get("processes", ())) >= 5), "the sandboxes cannot be seen running"
        assert scene.left()["groups"]
    finally:
        scene.kill()
    assert _await(lambda: not scene.left()), scene.left()


@pytest.mark.skipif(os.geteuid() != 0, reason="the native backend's full mode needs root")
def test_a_killed_warden_takes_its_sandboxes_along_and_the_next_one_sweeps_its_groups(layer_store, sandbox_home, base):
    scene = _Scene("native", layer_store.root, sandbox_home / "cache", base.layers[0])
    os.kill(scene.helper, signal.SIGKILL)
    scene.kill()
    assert _await(lambda: set(scene.left()) == {"groups"}), scene.left()
    later = _Scene("native", layer_store.root, sandbox_home / "cache", base.layers[0])
    later.kill()
    assert _await(lambda: not scene.left()), scene.left()
    assert _await(lambda: not later.left()), later.left()


@pytest.mark.docker
def test_a_killed_parent_leaves_no_container(docker_url, layer_store, sandbox_home, base):
    def containers() -> list[str]:
        return [container["Id"] for container in engine_request(docker_url, "GET", "/containers/json?all=1")]

    old = containers()
    scene = _Scene("docker", layer_store.root, sandbox_home / "cache", base.layers[0], docker_url)
    try:
        assert len(containers()) == len(old) + 2
    finally:
        scene.kill()
    assert _await(lambda: containers() == old), containers()
    assert _await(lambda: not scene.left()), scene.left()


@pytest.mark.docker
def test_an_engine_of_our_own_ends_with_the_process_that_started_it(monkeypatch):
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
    process.kill()
    process.communicate()
    assert _await(lambda: not folder.exists() and not Path(f"/proc/{engine}/cmdline").exists()), folder
    assert str(folder) not in Path("/proc/mounts").read_text()


@pytest.mark.docker
def test_an_engine_of_our_own_is_gone_after_use(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with docker_engine() as url:
        folder = Path(url.removeprefix("unix://")).parent
        assert engine_request(url, "GET", "/version")["Version"]
    assert not folder.exists()
