"""One command in one sandbox: starting bubblewrap, watching its limits, telling how it ended. Runs inside the
warden."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sandboxes import wire
from sandboxes.base import WORKSPACE
from sandboxes.boxes import SHM_BYTES, Box
from sandboxes.cell import Cell
from sandboxes.layers import AGENT

_FIRST_LOOK_S, _LONGEST_PAUSE_S = 0.02, 0.2
OVERLOADED = "machine"
"""What a command is stopped for that has had neither its CPU seconds nor its time of waiting after all this time."""


@dataclass
class Running:
    """A command between its start and the death of the last process of its pid namespace.

    ``waited_s``: for how long none of its threads asked for a CPU, as sampled at each look. What its threads spend
    queueing for one is in neither that nor its CPU time: it is the machine's doing. The two bound a command: on a
    machine that is not overloaded it ends within ``timeout_s`` plus its CPU seconds, however it mixes work and sleep.
    A thread that waits for a disk counts as waiting: code can bring about such a state (``vfork``) for as long as it
    likes.
    """

    box: Box
    cell: Cell
    status_fd: int
    started: float
    timeout_s: float
    deadline: float
    next_look: float
    cpu_before: float
    kills_before: int
    refused_before: int
    full_before: bool
    looked: float
    waited_s: float = 0.0
    pid: int | None = None  # bubblewrap
    init: int | None = None  # pid 1 of the sandbox, as seen from outside
    exit_code: int | None = None
    error: str | None = None
    stopped: str | None = None
    ended: bool = False
    _status: bytes = b""

    def hear(self) -> None:
        """Takes in what the cell says. A cell that is gone (killed for memory) takes its command along."""
        heard = wire.receive(self.cell.sock)
        if heard is None:
            self.cell.close()
            self.ended = True
            return
        message = heard[0]
        self.pid = message.get("pid", self.pid)
        self.error = message.get("error")
        self.ended = "pid" not in message
        if self.stopped and not self.ended:
            self.stop(self.stopped)

    def read_status(self) -> bool:
        """Takes in what bubblewrap says; False once it will say no more."""
        try:
            text = os.read(self.status_fd, 4096)
        except BlockingIOError:
            return True
        self._status += text
        *lines, self._status = self._status.split(b"\n")
        for line in filter(None, lines):
            said = json.loads(line)
            self.init = said.get("child-pid", self.init)
            self.exit_code = said.get("exit-code", self.exit_code)
        return bool(text)

    def stop(self, reason: str) -> None:
        """Ends it. The first reason counts; repeated calls are harmless."""
        self.stopped = self.stopped or reason
        # Pid 1 takes its namespace along, and bubblewrap then ends only after it; before there is one, bubblewrap
        # itself is all there is.
        victim = self.init or self.pid
        if victim is not None and not self.ended:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        self._kill_group()

    def look(self, now: float) -> None:
        """Compares use with the limits. What the control group itself bounds is ended here as well: a process that can
        get no more memory or no more children would otherwise only burn time."""
        limits = self.box.limits
        if not self._wants_cpu():
            self.waited_s += now - self.looked
        self.looked = now
        if self.stopped is not None:
            self.stop(self.stopped)
        elif self.waited_s >= self.timeout_s:
            self.stop("time")
        elif now >= self.deadline:
            self.stop(OVERLOADED)
        elif self._cpu_s() > limits["cpu_s"]:
            self.stop("cpu")
        elif self.box.group.memory_bytes() > limits["memory_mb"] << 20:
            self.stop("memory")
        elif reason := self._limit_hit():
            self.stop(reason)
        pause = min(max((now - self.started) / 4, _FIRST_LOOK_S), _LONGEST_PAUSE_S)
        pause *= 0.5 + os.urandom(1)[0] / 510  # code that knew the moments could be busy at just these
        self.next_look = now + max(0.002, min(pause, self.deadline - now, self.timeout_s - self.waited_s))

    def is_empty(self) -> bool:
        """Whether all its processes are gone; those that outlived the command are killed."""
        if not self.ended:
            return False
        if not self.cell.outsiders():
            return True
        self._kill_group()
        return False

    def finish(self) -> dict[str, Any]:
        """The answer to the parent. ``exit_code`` None: bubblewrap could not set the sandbox up."""
        while self.read_status():  # the writer is gone, so this ends with what it has written
            pass
        cpu_s = self._cpu_s()
        stopped = self.stopped or self._limit_hit()
        self.box.leave(self.cell)
        os.close(self.status_fd)
        return {"exit_code": self.exit_code, "stopped": stopped, "cpu_s": cpu_s, "why": self.error}

    def _wants_cpu(self) -> bool:
        """Whether any thread runs or queues for a CPU; the cell's, which starts the command, is one of them."""
        return any(_is_runnable(thread) for thread in self.cell.group.threads(self.cell.name))

    def _cpu_s(self) -> float:
        return self.cell.group.cpu_s(self.cell.name) - self.cpu_before

    def _limit_hit(self) -> str | None:
        if self.box.group.memory_kills() > self.kills_before:
            return "memory"
        if self.box.group.refused_forks() > self.refused_before:
            return "processes"
        # A command that finds the disk full may clear it up; one that goes on writing meets another limit.
        if (self.box.is_full() and not self.full_before) or self.exit_code == 128 + signal.SIGXFSZ:
            return "disk"
        return None

    def _kill_group(self) -> None:
        for pid in self.cell.outsiders():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _is_runnable(thread: int) -> bool:
    try:
        with open(f"/proc/{thread}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2].startswith(b"R")
    except OSError:  # it has ended
        return False


def start(box: Box, message: Mapping[str, Any], fds: Sequence[int]) -> Running:
    """Starts ``message``'s argv in ``box`` with ``fds`` as stdin, stdout, stderr."""
    cell = box.enter()
    group = box.group
    arguments = wire.memory_file(b"".join(os.fsencode(item) + b"\0" for item in _arguments(box, message)))
    seccomp = os.open(f"/proc/self/fd/{box.seccomp_fd}", os.O_RDONLY | os.O_CLOEXEC)  # an offset of its own
    status_r, status_w = os.pipe()
    os.set_blocking(status_r, False)
    now = time.monotonic()
    running = Running(
        box,
        cell,
        status_r,
        now,
        message["timeout_s"],
        now + message["machine_s"],
        now + min(_FIRST_LOOK_S, message["timeout_s"], message["machine_s"]),
        group.cpu_s(cell.name),
        group.memory_kills(),
        group.refused_forks(),
        box.is_full(),
        now,
    )
    argv = [box.bwrap, "--args", "3", "--seccomp", "4", "--json-status-fd", "5", "--", *message["argv"]]
    try:
        wire.send(cell.sock, {"argv": argv}, (*fds[:3], arguments, seccomp, status_w))
    finally:
        for fd in (arguments, seccomp, status_w):
            os.close(fd)
    return running


def _arguments(box: Box, message: Mapping[str, Any]) -> list[str]:
    """bubblewrap's options. They travel by descriptor: /proc/1/cmdline inside must not tell of the host."""
    spaces = ("user", "pid", "net", "ipc", "uts", "cgroup-try")
    found = [f"--unshare-{space}" for space in spaces]
    found += ["--uid", str(AGENT), "--gid", str(AGENT), "--disable-userns", "--hostname", "sandbox"]
    found += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    for path, bind in (("/", "--ro-bind"), (WORKSPACE, "--bind"), ("/tmp", "--bind")):
        found += [bind, box.tree + path, path]
    found += ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev"]
    found += ["--perms", "1777", "--size", str(SHM_BYTES), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    for key, value in message["env"].items():
        found += ["--setenv", key, value]
    return [*found, "--chdir", message["cwd"]]
