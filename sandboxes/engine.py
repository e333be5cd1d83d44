"""A Docker engine to talk to: the one that runs, or one of our own for as long as it is needed."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandboxes.base import SandboxFault, Unsupported
from sandboxes.watchdog import Watchdog, engine_request

_START_S = 60.0


def engine_answers(url: str) -> bool:
    try:
        engine_request(url, "GET", "/version")
    except OSError:
        return False
    return True


def usual_url() -> str:
    """``$DOCKER_HOST``, or the system's socket."""
    return os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


@contextmanager
def docker_engine(folder: Path | None = None) -> Iterator[str]:
    """URL of a Docker engine. If none answers, starts one on a private socket and data root (under ``folder``, which
    must not lie on an overlay) and stops it again, also if this process is killed. Blocks. Raises Unsupported,
    SandboxFault."""
    if engine_answers(usual_url()):
        yield usual_url()
        return
    dockerd = shutil.which("dockerd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if dockerd is None:
        raise Unsupported("no Docker engine answers and none is installed: apt-get install docker.io")
    if os.geteuid() != 0:
        raise Unsupported(f"no Docker engine answers at {usual_url()}, and starting one needs root")
    private = Path(tempfile.mkdtemp(prefix="grindworks-docker-", dir=folder))
    url = f"unix://{private}/socket"
    watchdog = Watchdog("engine", str(private), *_argv(dockerd, private, url))
    try:
        _await_engine(url, private, watchdog)
        yield url
    finally:
        watchdog.close()


def _argv(dockerd: str, private: Path, url: str) -> list[str]:
    """No bridge and no packet filter rules: sandboxes have no network, and the host's rules are not ours to change."""
    folders = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
    found = [dockerd, "--host", url, "--bridge", "none", "--iptables=false", "--ip6tables=false"]
    for option, name in folders.items():
        found += [f"--{option}", str(private / name)]
    return found


def _await_engine(url: str, private: Path, watchdog: Watchdog) -> None:
    until = time.monotonic() + _START_S
    while not engine_answers(url):
        if time.monotonic() > until or watchdog.process.poll() is not None:
            log = (private / "log").read_text(errors="replace") if (private / "log").exists() else ""
            raise SandboxFault(f"the Docker engine did not start: {log[-500:]}")
        time.sleep(0.05)
