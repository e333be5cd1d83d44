"""A cell: a small process that already sits in a sandbox's control groups, as its uid, and starts commands there.

Moving a process into a control group waits for an RCU grace period, several milliseconds; children of a process that
is there already cost nothing. So each sandbox has a cell, which outlives its sandbox and serves the next one with
the same limits, and each command is spawned by a cell (``posix_spawn``, no copy of page tables). Forked by the
warden; dies with it.

    {argv} + the six descriptors that become 0..5   -> {pid} or {error}, and at its end {ended}
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from sandboxes import wire
from sandboxes.cgroups import Group

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_OPEN_FILES = 4096
_FIRST_FD = 10  # below lie the command's own; what we receive must not collide with them
_OURS = 3

libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Cell:
    """The warden's handle. One command at a time."""

    group: Group
    name: str
    pid: int
    sock: socket.socket
    busy: bool = False

    def outsiders(self) -> list[int]:
        """Pids in the control group, the cell's own left out."""
        return [pid for pid in self.group.pids(self.name) if pid != self.pid]

    def close(self) -> None:
        """Ends the cell and whatever runs in it."""
        self.sock.close()
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def open_cell(group: Group, name: str, uid: int, file_bytes: int) -> Cell:
    """A new cell in ``group``. ``file_bytes`` bounds a single file. Returns at once; the cell gets ready by itself."""
    enter = group.open_exec(name)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    warden = os.getpid()
    pid = os.fork()
    if pid == 0:
        _live(theirs, enter, uid, file_bytes, warden)
    theirs.close()
    return Cell(group, name, pid, ours)


def _live(sock: socket.socket, enter: Sequence[str], uid: int, file_bytes: int, warden: int) -> NoReturn:
    """The cell's life. Never returns."""
    try:
        for path in enter:
            fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            os.write(fd, b"0")
            os.close(fd)
        os.dup2(sock.fileno(), _OURS, inheritable=False)
        os.closerange(_OURS + 1, _OPEN_FILES)  # above all the way to the parent: it must see the warden's end
        while os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC) < _FIRST_FD - 1:
            pass
        _confine(uid, file_bytes)
        _end_with_the_warden(Path(enter[-1]))
        if os.getppid() == warden:
            _serve(socket.socket(fileno=_OURS))
    finally:
        os._exit(0)


def _confine(uid: int, file_bytes: int) -> None:
    bounds = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: file_bytes, resource.RLIMIT_NOFILE: _OPEN_FILES}
    for kind, value in bounds.items():
        hard = resource.getrlimit(kind)[1]
        capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (capped, capped))
    if os.geteuid() == 0 and uid != 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_with_the_warden(members: Path) -> None:
    """bubblewrap dies with us once it has asked the kernel for that; a command still on its way there has not, so we
    end what is in our control group before we go."""

    def end(_number: int, _frame: object) -> None:
        while others := [int(pid) for pid in members.read_text().split() if int(pid) != os.getpid()]:
            for pid in others:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.001)
        os._exit(0)

    signal.signal(signal.SIGHUP, end)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGHUP, 0, 0, 0)


def _serve(sock: socket.socket) -> None:
    defaults = [signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ]
    while heard := wire.receive(sock):
        message, fds = heard
        moves = [(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate(fds)]
        argv = message["argv"]
        try:
            pid = os.posix_spawn(argv[0], argv, {}, file_actions=moves, setsigdef=defaults)
        except OSError as error:
            wire.send(sock, {"error": f"cannot start: {error.strerror}"})
            continue
        finally:
            for fd in fds:
                os.close(fd)
        wire.send(sock, {"pid": pid})
        # Pid 1 of the sandbox becomes ours when bubblewrap ends before it. Once it is reaped, its namespace is empty.
        with suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        wire.send(sock, {"ended": True})
