"""Where a warden keeps its sandboxes: mount points, host uids, control groups. Runs inside the warden process only.

Everything lies on a private tmpfs over :data:`_YARD` in the warden's own mount namespace:

    /run/l/<slot>   the unpack cache, bound with the agent's uid shown as the slot's uid (an id-mapped mount)
    /run/b/<slot>   one tmpfs of ``disk_mb`` per sandbox: upper directory, work directory, /tmp; the disk limit is
    its size
    /run/b/<slot>/m the overlay

So the paths are short (mount(2) has one page for them), nothing is left on any disk, and the workspace's files
belong to the code inside although each sandbox has a uid of its own on the host.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandboxes import syscalls
from sandboxes.base import SandboxFault, Unsupported
from sandboxes.cgroups import Group, Hierarchy, find_hierarchy
from sandboxes.layers import AGENT
from sandboxes.seccomp import seccomp_program
from sandboxes.wire import memory_file

SHM_BYTES = 16 << 20
_YARD = "/run"  # exists everywhere; nothing under it is needed by a warden
_FIRST_UID = 0x70000000  # above what distributions and container managers hand out
_UIDS_PER_WARDEN = 4096
_OVERHEAD_PROCESSES = 2  # bubblewrap itself, outside and inside
_INODES_PER_MB = 256
_OVERLAY_OPTIONS = "redirect_dir=off,metacopy=off,index=off,xino=off"


@dataclass
class Box:
    """One sandbox, as its warden sees it."""

    slot: int
    uid: int
    folder: str
    limits: Mapping[str, Any]
    group: Group
    bwrap: str
    seccomp_fd: int
    execs: int = 0
    running: int = 0

    @property
    def tree(self) -> str:
        return f"{self.folder}/m"

    def open(self) -> tuple[int, int]:
        """Descriptors of the merged tree and of the upper directory."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        return os.open(self.tree, flags), os.open(f"{self.folder}/u", flags)

    def is_full(self) -> bool:
        room = os.statvfs(self.folder)
        return room.f_bavail == 0 or room.f_favail == 0

    def running_changed(self, by: int) -> None:
        self.running += by
        if self.running > 1 or by < 0:
            self.group.set_processes(self.limits["processes"] + _OVERHEAD_PROCESSES * max(self.running, 1))


class BoxYard:
    """Makes and clears sandboxes. Raises Unsupported, saying what to install, where this host cannot."""

    def __init__(self, cache: str) -> None:
        bwrap = shutil.which("bwrap")
        if bwrap is None:
            raise Unsupported("bubblewrap is missing: apt-get install bubblewrap")
        if os.geteuid() != 0:
            raise Unsupported("the native backend needs root; take the docker backend")
        self._bwrap = bwrap
        self._claim, self._first_uid = _claim_uids()
        self._seccomp_fd = memory_file(seccomp_program())
        hierarchy = find_hierarchy()
        if hierarchy is None:
            raise Unsupported("no writable control groups with memory and pids; take the docker backend")
        self._groups: Hierarchy = hierarchy
        self._free = list(range(_UIDS_PER_WARDEN - 1, -1, -1))
        self._mapped: set[int] = set()
        syscalls.unshare(syscalls.CLONE_NEWNS)
        syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
        # Opened in our own mount namespace, which cloning asks for, and before something is mounted over its path.
        self._cache_fd = os.open(cache, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        syscalls.mount("grindworks", _YARD, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=755")
        for name in ("l", "b"):
            os.mkdir(f"{_YARD}/{name}", 0o755)

    def describe(self) -> dict[str, Any]:
        return {"mode": "root", "cgroups": self._groups.version}

    def fork(self, layers: Sequence[str], limits: Mapping[str, Any]) -> Box:
        """Mounts a new, empty upper directory over the named trees of the cache (lowest first)."""
        if not self._free:
            raise SandboxFault(f"more than {_UIDS_PER_WARDEN} sandboxes at once in one process")
        slot = self._free.pop()
        try:
            return self._make(slot, layers, limits)
        except BaseException:
            self._clear(slot)
            raise

    def _make(self, slot: int, layers: Sequence[str], limits: Mapping[str, Any]) -> Box:
        uid, folder = self._first_uid + slot, f"{_YARD}/b/{slot}"
        lower = self._lower(slot, uid)
        disk = limits["disk_mb"]
        group = self._groups.make(
            str(slot),
            memory_bytes=((limits["memory_mb"] + disk) << 20) + SHM_BYTES,
            processes=limits["processes"] + _OVERHEAD_PROCESSES,
        )
        os.makedirs(folder, 0o755, exist_ok=True)
        plain = syscalls.MS_NOSUID | syscalls.MS_NODEV
        size = f"size={disk}m,nr_inodes={disk * _INODES_PER_MB},mode=755"
        syscalls.mount("grindworks", folder, "tmpfs", plain, size)
        for name, mode in (("u", 0o755), ("w", 0o755), ("m", 0o755), ("t", 0o1777)):
            os.mkdir(f"{folder}/{name}")
            os.chmod(f"{folder}/{name}", mode)
        stack = ":".join(f"{lower}/{name}" for name in reversed(layers))
        data = f"lowerdir={stack},upperdir={folder}/u,workdir={folder}/w,{_OVERLAY_OPTIONS}"
        syscalls.mount("overlay", f"{folder}/m", "overlay", plain, data)
        syscalls.mount(f"{folder}/t", f"{folder}/m/tmp", None, syscalls.MS_BIND)
        return Box(slot, uid, folder, limits, group, self._bwrap, self._seccomp_fd)

    def drop(self, box: Box) -> None:
        self._clear(box.slot)
        box.group.remove()

    def _clear(self, slot: int) -> None:
        folder = f"{_YARD}/b/{slot}"
        if os.path.ismount(folder):
            syscalls.umount(folder)
        self._free.append(slot)

    def close(self, boxes: Sequence[Box]) -> None:
        for box in boxes:
            self.drop(box)
        self._groups.remove()

    def _lower(self, slot: int, uid: int) -> str:
        """The cache as this slot sees it: what belongs to AGENT on disk belongs to the slot's uid here."""
        target = f"{_YARD}/l/{slot}"
        if slot not in self._mapped:
            os.makedirs(target, exist_ok=True)
            userns = _user_namespace(f"0 0 1\n{AGENT} {uid} 1\n")
            try:
                syscalls.clone_mount(self._cache_fd, target, userns_fd=userns)
            finally:
                os.close(userns)
            self._mapped.add(slot)
        return target


def _claim_uids() -> tuple[socket.socket, int]:
    """A block of host uids that no other warden uses: an abstract socket name is a lock that dies with its holder."""
    for block in range(4096):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            sock.bind(f"\0grindworks-uids-{block}")
        except OSError:
            sock.close()
            continue
        return sock, _FIRST_UID + block * _UIDS_PER_WARDEN
    raise SandboxFault("no free block of uids: thousands of wardens are running")


def _user_namespace(id_map: str) -> int:
    """A descriptor of a new user namespace with this uid and gid map (its maker, a child, is gone on return)."""
    ready_r, ready_w = os.pipe()
    hold_r, hold_w = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(hold_w)
            syscalls.unshare(syscalls.CLONE_NEWUSER)
            os.write(ready_w, b"1")
            os.read(hold_r, 1)
        finally:
            os._exit(0)
    try:
        os.close(ready_w)
        os.read(ready_r, 1)
        for kind in ("uid_map", "gid_map"):
            with open(f"/proc/{child}/{kind}", "w") as file:
                file.write(id_map)
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        for fd in (ready_r, hold_r, hold_w):
            os.close(fd)
        os.waitpid(child, 0)
