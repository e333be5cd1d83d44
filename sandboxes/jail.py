"""One command in one sandbox: starting bubblewrap, watching its limits, telling how it ended. Runs inside the
warden."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sandboxes.base import WORKSPACE
from sandboxes.boxes import SHM_BYTES, Box
from sandboxes.layers import AGENT
from sandboxes.wire import memory_file

_PR_SET_PDEATHSIG = 1
_OPEN_FILES = 4096
_GRACE_S = 1.0
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Running:
    """A command between its start and the death of the last process of its pid namespace."""

    box: Box
    name: str
    pid: int
    pid_fd: int
    status_fd: int
    started: float
    deadline: float
    next_look: float
    kills_before: int
    refused_before: int
    full_before: bool
    init: int | None = None  # pid 1 of the sandbox, as seen from outside
    exit_code: int | None = None
    stopped: str | None = None
    ended: bool = False
    _status: bytes = b""

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
        # itself.
        with suppress(ProcessLookupError):
            if self.init is not None and not self.ended:
                os.kill(self.init, signal.SIGKILL)
            elif not self.ended:
                signal.pidfd_send_signal(self.pid_fd, signal.SIGKILL)
        self._kill_group()

    def look(self, now: float) -> None:
        """Compares use with the limits. What the control group itself bounds is ended here as well: a process that can
        get no more memory or no more children would otherwise only burn time."""
        limits = self.box.limits
        if self.stopped is not None:
            self.stop(self.stopped)
        elif now >= self.deadline:
            self.stop("time")
        elif self.box.group.cpu_s(self.name) > limits["cpu_s"]:
            self.stop("cpu")
        elif self.box.group.memory_bytes() > limits["memory_mb"] << 20:
            self.stop("memory")
        elif reason := self._limit_hit():
            self.stop(reason)

    def reap(self) -> None:
        os.waitpid(self.pid, 0)
        self.ended = True
        with suppress(OSError):
            self.read_status()

    def is_empty(self) -> bool:
        """Whether all its processes are gone; those that outlived the command are killed."""
        if not self.ended:
            if os.waitpid(self.pid, os.WNOHANG)[0] == 0:
                return False
            self.ended = True
        if not self.box.group.pids(self.name):
            return True
        self._kill_group()
        return False

    def finish(self) -> dict[str, Any]:
        """The answer to the parent. ``exit_code`` None: bubblewrap could not set the sandbox up."""
        cpu_s = self.box.group.cpu_s(self.name)
        stopped = self.stopped or self._limit_hit()
        self.box.group.close_exec(self.name)
        self.box.running_changed(-1)
        os.close(self.pid_fd)
        os.close(self.status_fd)
        return {"exit_code": self.exit_code, "stopped": stopped, "cpu_s": cpu_s}

    def _limit_hit(self) -> str | None:
        if self.box.group.memory_kills() > self.kills_before:
            return "memory"
        if self.box.group.refused_forks() > self.refused_before:
            return "processes"
        if (self.box.is_full() and not self._may_clear_up()) or self.exit_code == 128 + signal.SIGXFSZ:
            return "disk"
        return None

    def _may_clear_up(self) -> bool:
        """A command that finds the disk full gets the time to delete something."""
        return self.full_before and not self.ended and time.monotonic() < self.started + _GRACE_S

    def _kill_group(self) -> None:
        for pid in self.box.group.pids(self.name):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def start(box: Box, message: Mapping[str, Any], fds: Sequence[int]) -> Running:
    """Starts ``message``'s argv in ``box`` with ``fds`` as stdin, stdout, stderr."""
    box.execs += 1
    name = f"x{box.execs}"
    enter = box.group.open_exec(name)
    kills, refused = box.group.memory_kills(), box.group.refused_forks()
    box.running_changed(+1)
    arguments = memory_file(b"".join(os.fsencode(item) + b"\0" for item in _arguments(box, message)))
    status_r, status_w = os.pipe()
    os.set_blocking(status_r, False)
    argv = [box.bwrap, "--args", str(arguments), "--json-status-fd", str(status_w), "--", *message["argv"]]
    seccomp = os.open(f"/proc/self/fd/{box.seccomp_fd}", os.O_RDONLY)  # an offset of its own
    argv[1:1] = ["--seccomp", str(seccomp)]
    pid = os.fork()
    if pid == 0:
        _become(box, enter, argv, fds, (arguments, status_w, seccomp))
    for fd in (arguments, status_w, seccomp):
        os.close(fd)
    now = time.monotonic()
    pid_fd = os.pidfd_open(pid)
    deadline = now + message["timeout_s"]
    look = min(now + 0.02, deadline)
    return Running(box, name, pid, pid_fd, status_r, now, deadline, look, kills, refused, box.is_full())


def _arguments(box: Box, message: Mapping[str, Any]) -> list[str]:
    """bubblewrap's options. They travel by descriptor: /proc/1/cmdline inside must not tell of the host."""
    spaces = ("user", "pid", "net", "ipc", "uts", "cgroup-try")
    found = [f"--unshare-{space}" for space in spaces]
    found += ["--uid", str(AGENT), "--gid", str(AGENT), "--disable-userns", "--hostname", "sandbox"]
    found += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    for path, bind in (("/", "--ro-bind"), (WORKSPACE, "--bind"), ("/tmp", "--bind")):
        found += [bind, box.tree + path, path]
    found += ["--proc", "/proc", "--dev", "/dev"]
    found += ["--perms", "1777", "--size", str(SHM_BYTES), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    for key, value in message["env"].items():
        found += ["--setenv", key, value]
    return [*found, "--chdir", message["cwd"]]


def _become(box: Box, enter: Sequence[str], argv: list[str], fds: Sequence[int], passed: Sequence[int]) -> None:
    """In the child: enter the control group, give up everything, become bubblewrap. Never returns."""
    try:
        warden = os.getppid()
        for path in enter:
            fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            os.write(fd, b"0")
            os.close(fd)
        disk = box.limits["disk_mb"] << 20
        bounds = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: disk, resource.RLIMIT_NOFILE: _OPEN_FILES}
        for kind, value in bounds.items():
            hard = resource.getrlimit(kind)[1]
            capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (capped, capped))
        for number in (signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        for target, fd in enumerate(fds[:3]):
            os.dup2(fd, target)
        for fd in passed:
            os.set_inheritable(fd, True)
        os.setgroups([])
        os.setresgid(box.uid, box.uid, box.uid)
        os.setresuid(box.uid, box.uid, box.uid)
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == warden:
            os.execve(argv[0], argv, {})
    except BaseException as error:
        with suppress(OSError):
            os.write(2, f"bwrap: cannot start: {error}\n".encode())
    finally:
        os._exit(127)
