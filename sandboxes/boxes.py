"""Where a warden keeps its sandboxes: mount points, host uids, control groups. Runs inside the warden process only.

Everything lies on a private tmpfs over :data:`_YARD` in the warden's own mount namespace:

    /run/l/<slot>   the unpack cache, bound with the agent's uid shown as the slot's uid (an id-mapped mount)
    /run/b/<slot>   one tmpfs per sandbox for upper directory, work directory and /tmp; its size is the disk limit
    /run/b/<slot>/m the overlay

Where the cache's file system cannot map ids (an overlay, a kernel before 5.19), the mode is ``copy`` instead of
``root``: a fork then copies the workspace, and costs what that costs.

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
from sandboxes.base import WORKSPACE, SandboxFault, Unsupported
from sandboxes.cell import Cell, open_cell
from sandboxes.cgroups import Group, Hierarchy, find_hierarchy
from sandboxes.layers import AGENT
from sandboxes.seccomp import seccomp_program
from sandboxes.wire import memory_file

SHM_BYTES = 16 << 20
_YARD = "/run"  # exists everywhere; nothing under it is needed by a warden
_FIRST_UID = 0x70000000  # above what distributions and container managers hand out
_UIDS_PER_WARDEN = 4096
_OVERHEAD_PROCESSES = 3  # the cell, and bubblewrap outside and inside
_MOST_IDLE = 32
_INODES_PER_MB = 256
_OVERLAY_OPTIONS = "redirect_dir=off,metacopy=off,index=off,xino=off"


@dataclass
class Slot:
    """What one sandbox after another with equal limits uses: a host uid, a control group, cells in it."""

    number: int
    uid: int
    limits: Mapping[str, Any]
    group: Group
    cells: list[Cell]

    def close(self) -> None:
        for cell in self.cells:
            cell.close()
        self.group.remove()


@dataclass
class Box:
    """One sandbox, as its warden sees it."""

    slot: Slot
    folder: str
    bwrap: str
    seccomp_fd: int

    @property
    def limits(self) -> Mapping[str, Any]:
        return self.slot.limits

    @property
    def group(self) -> Group:
        return self.slot.group

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

    def enter(self) -> Cell:
        """A cell for one command, made if all are busy: commands may run beside each other."""
        slot = self.slot
        cell = next((cell for cell in slot.cells if not cell.busy), None)
        if cell is None:
            cell = open_cell(slot.group, f"c{len(slot.cells)}", slot.uid, self.limits["disk_mb"] << 20)
            slot.cells.append(cell)
            self._allow_processes()
        cell.busy = True
        return cell

    def leave(self, cell: Cell) -> None:
        cell.busy = False
        if cell.sock.fileno() < 0:  # it is gone
            self.slot.cells.remove(cell)
            self.group.close_exec(cell.name)

    def _allow_processes(self) -> None:
        self.group.set_processes(self.limits["processes"] + _OVERHEAD_PROCESSES * len(self.slot.cells))


class BoxYard:
    """Makes and clears sandboxes. Raises Unsupported, saying what to install, where this host cannot."""

    def __init__(self, cache: str, *, copying: bool = False) -> None:
        bwrap = shutil.which("bwrap")
        if bwrap is None:
            raise Unsupported("bubblewrap is missing: apt-get install bubblewrap")
        if os.geteuid() != 0:
            raise Unsupported("the native backend mounts file systems: run it as root, or take the docker backend")
        self._bwrap = bwrap
        self._claim, self._first_uid = _claim_uids()
        self._seccomp_fd = memory_file(seccomp_program())
        hierarchy = find_hierarchy()
        if hierarchy is None:
            raise Unsupported("no writable control groups with memory and pids; take the docker backend")
        self._groups: Hierarchy = hierarchy
        self._free = list(range(_UIDS_PER_WARDEN - 1, -1, -1))
        self._idle: list[Slot] = []
        self._mapped: set[int] = set()
        syscalls.unshare(syscalls.CLONE_NEWNS)
        syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
        # Opened in our own mount namespace, which cloning asks for, and before something is mounted over its path.
        self._cache_fd = os.open(cache, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        syscalls.mount("grindworks", _YARD, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=755")
        for name in ("l", "b", "l/plain"):
            os.mkdir(f"{_YARD}/{name}", 0o755)
        syscalls.clone_mount(self._cache_fd, f"{_YARD}/l/plain")
        self.mode = "copy" if copying or not self._can_map_ids() else "root"

    def describe(self) -> dict[str, Any]:
        return {"mode": self.mode, "cgroups": self._groups.version}

    def fork(self, layers: Sequence[str], limits: Mapping[str, Any]) -> Box:
        """Mounts a new, empty upper directory over the named trees of the cache (lowest first)."""
        slot = self._slot(limits)
        box = Box(slot, f"{_YARD}/b/{slot.number}", self._bwrap, self._seccomp_fd)
        try:
            self._mount(box, layers)
        except BaseException:
            self.drop(box)
            raise
        return box

    def drop(self, box: Box) -> None:
        """Unmounts it; the slot is kept for the next sandbox, if not too many are."""
        if os.path.ismount(box.folder):
            syscalls.umount(box.folder)
        self._idle.append(box.slot)
        if len(self._idle) > _MOST_IDLE:
            self._retire(self._idle.pop(0))

    def close(self, boxes: Sequence[Box]) -> None:
        for slot in (*self._idle, *(box.slot for box in boxes)):
            slot.close()
        self._groups.remove()

    def _slot(self, limits: Mapping[str, Any]) -> Slot:
        for index in reversed(range(len(self._idle))):
            if self._idle[index].limits == limits:
                return self._idle.pop(index)
        if not self._free:
            raise SandboxFault(f"more than {_UIDS_PER_WARDEN} sandboxes at once in one process")
        number = self._free.pop()
        uid, disk = self._first_uid + number, limits["disk_mb"]
        group = self._groups.make(
            str(number),
            memory_bytes=((limits["memory_mb"] + disk) << 20) + SHM_BYTES,
            processes=limits["processes"] + _OVERHEAD_PROCESSES,
        )
        return Slot(number, uid, limits, group, [open_cell(group, "c0", uid, disk << 20)])

    def _retire(self, slot: Slot) -> None:
        slot.close()
        self._free.append(slot.number)

    def _mount(self, box: Box, layers: Sequence[str]) -> None:
        folder, lower, disk = box.folder, self._lower(box.slot), box.limits["disk_mb"]
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
        if self.mode == "copy":
            _give(box.tree + WORKSPACE, box.slot.uid)
        syscalls.mount(f"{folder}/t", f"{folder}/m/tmp", None, syscalls.MS_BIND)

    def _lower(self, slot: Slot) -> str:
        """The cache as this slot sees it: what belongs to AGENT on disk belongs to the slot's uid here."""
        if self.mode == "copy":
            return f"{_YARD}/l/plain"
        target = f"{_YARD}/l/{slot.number}"
        if slot.number not in self._mapped:
            self._bind_mapped(target, slot.uid)
            self._mapped.add(slot.number)
        return target

    def _bind_mapped(self, target: str, uid: int) -> None:
        os.makedirs(target, exist_ok=True)
        userns = _user_namespace(f"0 0 1\n{AGENT} {uid} 1\n")
        try:
            syscalls.clone_mount(self._cache_fd, target, userns_fd=userns)
        finally:
            os.close(userns)

    def _can_map_ids(self) -> bool:
        try:
            self._bind_mapped(f"{_YARD}/l/probe", self._first_uid)
        except OSError:
            return False
        return True


def _give(folder: str, uid: int) -> None:
    """Makes everything under ``folder`` belong to ``uid``; on an overlay that copies it up."""
    os.chown(folder, uid, uid)
    for where, folders, names in os.walk(folder):
        for name in (*folders, *names):
            os.chown(os.path.join(where, name), uid, uid, follow_symlinks=False)


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
