"""The few Linux calls that Python's standard library lacks. Thin: errors become OSError, nothing else is added."""

from __future__ import annotations

import ctypes
import os

# Numbers above 423 are the same on every architecture.
_OPEN_TREE, _MOVE_MOUNT, _OPENAT2, _MOUNT_SETATTR = 428, 429, 437, 442

RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000

MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
MNT_DETACH = 2

_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE = 1
_MOUNT_ATTR_IDMAP = 0x00100000
_MOVE_MOUNT_F_EMPTY_PATH = 4

_libc = ctypes.CDLL(None, use_errno=True)


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def openat2(dir_fd: int, path: str, flags: int, *, mode: int = 0, resolve: int = 0) -> int:
    """Opens ``path`` relative to ``dir_fd`` under the kernel's own resolution rules (RESOLVE_*), free of races."""
    how = _OpenHow(flags | os.O_CLOEXEC, mode, resolve)
    raw = os.fsencode(path)
    while True:
        fd = int(_libc.syscall(_OPENAT2, dir_fd, raw, ctypes.byref(how), ctypes.sizeof(how)))
        if fd >= 0 or ctypes.get_errno() != 11:  # EAGAIN: a rename raced with the walk; the kernel asks us to retry
            return _checked(fd, path)


def unshare(flags: int) -> None:
    _checked(_libc.unshare(flags), "unshare")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    def raw(text: str | None) -> bytes | None:
        return None if text is None else os.fsencode(text)

    result = _libc.mount(raw(source), raw(target), raw(kind), ctypes.c_ulong(flags), raw(data))
    _checked(result, f"mount {kind or 'bind'} at {target}")


def umount(target: str) -> None:
    """Detaches the mount and all below it; what is still open lives on until it is closed."""
    _checked(_libc.umount2(os.fsencode(target), MNT_DETACH), f"umount {target}")


def clone_mount(dir_fd: int, target: str, *, userns_fd: int | None = None) -> None:
    """Binds the directory ``dir_fd`` at ``target``; with ``userns_fd``, ids on disk are seen through its id map."""
    tree = int(_libc.syscall(_OPEN_TREE, dir_fd, b"", _AT_EMPTY_PATH | _OPEN_TREE_CLONE | os.O_CLOEXEC))
    _checked(tree, "open_tree")
    try:
        if userns_fd is not None:
            attr = _MountAttr(_MOUNT_ATTR_IDMAP, 0, 0, userns_fd)
            size = ctypes.sizeof(attr)
            _checked(
                int(_libc.syscall(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, ctypes.byref(attr), size)),
                "mount_setattr(idmap)",
            )
        flags = _MOVE_MOUNT_F_EMPTY_PATH
        _checked(int(_libc.syscall(_MOVE_MOUNT, tree, b"", -100, os.fsencode(target), flags)), f"move_mount {target}")
    finally:
        os.close(tree)
