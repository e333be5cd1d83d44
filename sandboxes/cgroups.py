"""Limits and accounting by control groups, versions 1 and 2 behind one shape.

One group per sandbox carries the limits; one child per exec counts its CPU time and names its processes. All groups
of a warden lie in one folder named after the warden's pid and start time, so a folder whose process is gone can be
swept.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sandboxes.base import SandboxFault

_PREFIX = "grindworks-"


class Group(Protocol):
    """The control group of one sandbox."""

    def set_processes(self, limit: int) -> None: ...

    def open_exec(self, name: str) -> tuple[str, ...]:
        """Makes the child group; returns the files into which a process writes ``0`` to enter."""
        ...

    def close_exec(self, name: str) -> None: ...

    def cpu_s(self, name: str) -> float: ...

    def pids(self, name: str) -> list[int]: ...

    def threads(self, name: str) -> list[int]: ...

    def memory_bytes(self) -> int:
        """Anonymous memory of all processes now (not files, which the disk limit bounds)."""
        ...

    def memory_kills(self) -> int: ...

    def refused_forks(self) -> int: ...

    def remove(self) -> None: ...


class Hierarchy(Protocol):
    """Where groups are made."""

    version: int

    def make(self, name: str, *, memory_bytes: int, processes: int) -> Group: ...

    def remove(self) -> None:
        """Removes what is left of this warden's groups, ending the processes in them."""
        ...


def find_hierarchy(root: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc")) -> Hierarchy | None:
    """The hierarchy this process may make groups in, version 1 preferred where its controllers are mounted (a host has
    memory and pids on one of the two), or None. Sweeps folders of dead wardens."""
    own = _own_groups(proc)
    lease = f"{_PREFIX}{os.getpid()}-{_start_time(os.getpid(), proc)}"
    v1 = {name: _nested(root / name, own.get(name, "/")) for name in ("memory", "pids", "cpuacct")}
    if all((folder / "cgroup.procs").exists() and os.access(folder, os.W_OK) for folder in v1.values()):
        for folder in v1.values():
            sweep(folder, proc)
        return HierarchyV1({name: folder / lease for name, folder in v1.items()})
    for mount in (root, root / "unified"):
        parent = _writable_v2(mount, own.get("", "/")) if (mount / "cgroup.controllers").exists() else None
        if parent is not None:
            sweep(parent, proc)
            return HierarchyV2(parent / lease)
    return None


def sweep(folder: Path, proc: Path = Path("/proc")) -> None:
    """Removes groups of wardens that died without cleaning up."""
    for path in folder.glob(_PREFIX + "*"):
        match = re.fullmatch(_PREFIX + r"(\d+)-(\d+)", path.name)
        if match and _start_time(int(match[1]), proc) != match[2]:
            _remove_tree(path, patience_s=0.2)


# ------------------------------------------------------------------------------------------------------------
# version 1


@dataclass
class HierarchyV1:
    """Memory, pids and cpuacct are trees of their own, and inner nodes may hold processes."""

    folders: dict[str, Path]
    version: int = 1

    def make(self, name: str, *, memory_bytes: int, processes: int) -> Group:
        with _as_fault("make a cgroup"):
            group = _GroupV1(*(self.folders[kind] / name for kind in ("memory", "pids", "cpuacct")))
            for path in (group.memory, group.processes, group.cpu):
                path.mkdir(parents=True, exist_ok=True)
            _put(group.memory / "memory.limit_in_bytes", memory_bytes)
            with suppress(OSError):  # kernels without swap accounting have no such file
                _put(group.memory / "memory.memsw.limit_in_bytes", memory_bytes)
            group.set_processes(processes)
            return group

    def remove(self) -> None:
        for folder in self.folders.values():
            _remove_tree(folder)


@dataclass
class _GroupV1:
    memory: Path
    processes: Path
    cpu: Path

    def set_processes(self, limit: int) -> None:
        _put(self.processes / "pids.max", limit)

    def open_exec(self, name: str) -> tuple[str, ...]:
        (self.cpu / name).mkdir()
        return tuple(str(path / "cgroup.procs") for path in (self.memory, self.processes, self.cpu / name))

    def close_exec(self, name: str) -> None:
        _remove(self.cpu / name)

    def cpu_s(self, name: str) -> float:
        return int((self.cpu / name / "cpuacct.usage").read_text()) / 1e9

    def pids(self, name: str) -> list[int]:
        return _pids(self.cpu / name)

    def threads(self, name: str) -> list[int]:
        return _pids(self.cpu / name, "tasks")

    def memory_bytes(self) -> int:
        return _field(self.memory / "memory.stat", "total_rss")

    def memory_kills(self) -> int:
        return _field(self.memory / "memory.oom_control", "oom_kill")

    def refused_forks(self) -> int:
        return _field(self.processes / "pids.events", "max")

    def remove(self) -> None:
        for path in (self.cpu, self.memory, self.processes):
            _remove_tree(path)


# ------------------------------------------------------------------------------------------------------------
# version 2


@dataclass
class HierarchyV2:
    """One tree; processes only in leaves. The sandbox's group has the limits, its children the processes."""

    folder: Path
    version: int = 2
    _ready: list[bool] = field(default_factory=list)

    def make(self, name: str, *, memory_bytes: int, processes: int) -> Group:
        with _as_fault("make a cgroup"):
            if not self._ready:
                self.folder.mkdir(parents=True, exist_ok=True)
                _put(self.folder / "cgroup.subtree_control", "+memory +pids")
                self._ready.append(True)
            group = _GroupV2(self.folder / name)
            group.path.mkdir(exist_ok=True)
            _put(group.path / "memory.max", memory_bytes)
            with suppress(OSError):  # no swap accounting
                _put(group.path / "memory.swap.max", 0)
            group.set_processes(processes)
            return group

    def remove(self) -> None:
        _remove_tree(self.folder)


@dataclass
class _GroupV2:
    path: Path

    def set_processes(self, limit: int) -> None:
        _put(self.path / "pids.max", limit)

    def open_exec(self, name: str) -> tuple[str, ...]:
        (self.path / name).mkdir()
        return (str(self.path / name / "cgroup.procs"),)

    def close_exec(self, name: str) -> None:
        _remove(self.path / name)

    def cpu_s(self, name: str) -> float:
        return _field(self.path / name / "cpu.stat", "usage_usec") / 1e6

    def pids(self, name: str) -> list[int]:
        return _pids(self.path / name)

    def threads(self, name: str) -> list[int]:
        return _pids(self.path / name, "cgroup.threads")

    def memory_bytes(self) -> int:
        return _field(self.path / "memory.stat", "anon")

    def memory_kills(self) -> int:
        return _field(self.path / "memory.events", "oom_kill")

    def refused_forks(self) -> int:
        return _field(self.path / "pids.events", "max")

    def remove(self) -> None:
        _remove_tree(self.path)


def _writable_v2(mount: Path, own: str) -> Path | None:
    """The topmost ancestor of our own group whose children get memory and pids from it, and which we may write."""
    parts = [part for part in own.split("/") if part]
    for depth in range(len(parts) + 1):
        folder = mount.joinpath(*parts[:depth])
        try:
            granted = (folder / "cgroup.subtree_control").read_text().split()
        except OSError:
            continue
        files = (folder, folder / "cgroup.procs")
        if {"memory", "pids"} <= set(granted) and all(os.access(file, os.W_OK) for file in files):
            return folder
    return None


# --------------------------------------------------------------------------------------------------------------
# helpers


class _as_fault:  # noqa: N801 - reads as a statement
    def __init__(self, doing: str) -> None:
        self.doing = doing

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise SandboxFault(f"cannot {self.doing}: {error}") from error


def _own_groups(proc: Path) -> dict[str, str]:
    """Path of our own group by version-1 controller; under ``""`` that of version 2."""
    found: dict[str, str] = {}
    for line in (proc / "self" / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        found.update(dict.fromkeys(controllers.split(","), path))
    return found


def _nested(mount: Path, own: str) -> Path:
    folder = mount / own.lstrip("/")
    return folder if folder.is_dir() else mount  # in a container, our path may be that of the host's view


def _start_time(pid: int, proc: Path) -> str:
    """Empty for a process that has ended, reaped or not: some hosts' first process never reaps."""
    try:
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return ""


def _put(path: Path, value: int | str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, str(value).encode())
    finally:
        os.close(fd)


def _field(path: Path, name: str) -> int:
    for line in path.read_text().splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0


def _pids(path: Path, members: str = "cgroup.procs") -> list[int]:
    try:
        return [int(line) for line in (path / members).read_text().split()]
    except OSError:
        return []


def _remove(path: Path) -> bool:
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _remove_tree(path: Path, *, patience_s: float = 2.0) -> None:
    """Ends what runs in the group and below, then removes both. Gives up after ``patience_s``: the next sweep
    returns."""
    until = time.monotonic() + patience_s
    folders = sorted((Path(folder) for folder, _, _ in os.walk(path)), reverse=True)
    for folder in folders:
        while not _remove(folder) and time.monotonic() < until:
            for pid in _pids(folder):
                with suppress(ProcessLookupError):
                    os.kill(pid, 9)
            time.sleep(0.001)
