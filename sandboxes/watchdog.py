"""Small processes that wait for their parent to end, however it ends, and then clear up what it started.

Each holds the reading end of a pipe whose writing end only the parent has; SIGKILL closes that too. They are
sessions of their own, so Ctrl-C reaches the parent alone. Standard library only: they start in tens of milliseconds.

    containers URL LABEL     removes the engine's containers that carry LABEL
    engine DIR ARGV...       runs a Docker engine as its child; at the end stops it and deletes DIR
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

_STOP_S = 20.0


class Watchdog:
    """The parent's handle. ``close`` lets it do its work now and waits until it has."""

    def __init__(self, *arguments: str) -> None:
        reading, self._writing = os.pipe2(os.O_CLOEXEC)
        argv = [sys.executable, "-I", "-S", "-c", _START, str(Path(__file__).parents[1]), str(reading), *arguments]
        try:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, pass_fds=[reading], start_new_session=True, cwd="/"
            )
        finally:
            os.close(reading)

    def close(self) -> None:
        os.close(self._writing)
        self.process.wait()


_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from sandboxes.watchdog import main; main()"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def engine_request(url: str, method: str, path: str) -> Any:
    """One call of a Docker engine's API at ``unix://…``; the JSON it answered, or None. Raises OSError."""
    connection = _UnixConnection(url.removeprefix("unix://"))
    try:
        connection.request(method, path)
        body = connection.getresponse().read()
        return json.loads(body) if body.strip() else None
    except (ValueError, http.client.HTTPException) as error:
        raise OSError(f"the engine at {url} answers in no known way: {error}") from error
    finally:
        connection.close()


def remove_containers(url: str, label: str) -> None:
    """Kills and removes every container with ``label`` (``key=value``)."""
    filters = quote(json.dumps({"label": [label]}))
    for container in engine_request(url, "GET", f"/containers/json?all=1&filters={filters}") or []:
        engine_request(url, "DELETE", f"/containers/{container['Id']}?force=1&v=1")


def _watch_containers(reading: int, url: str, label: str) -> None:
    os.read(reading, 1)
    with suppress(OSError):  # the engine may have gone first
        remove_containers(url, label)


def _watch_engine(reading: int, folder: str, argv: Sequence[str]) -> None:
    with open(os.path.join(folder, "log"), "wb") as log:
        engine = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    os.read(reading, 1)
    engine.send_signal(signal.SIGTERM)
    try:
        engine.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        engine.kill()
        engine.wait()
    for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
        target = line.split()[1]
        if target.startswith(folder + "/"):
            subprocess.run(["umount", "-l", target], check=False)
    shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    reading, role, first, *rest = sys.argv[1:]
    os.set_inheritable(int(reading), False)
    if role == "containers":
        _watch_containers(int(reading), first, rest[0])
    else:
        _watch_engine(int(reading), first, rest)
