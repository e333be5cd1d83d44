"""File snapshots as OCI layer tars: bit-reproducible, content-addressed, unpacked once and shared by every fork.

The rules, the same for every backend:

- entries are sorted by path; every parent directory is an entry of its own; times are the constant :data:`MTIME`;
- owners are fixed: what lies under WORKSPACE belongs to the agent (:data:`AGENT`), everything else to root, so that
  code in a sandbox may write WORKSPACE and /tmp and nothing else, by ordinary permissions;
- modes are git's: a file is executable or it is not (755, 644), directories are 755, /tmp 1777. No setuid, no
  sticky, no xattrs;
- hard links within one layer stay hard links; sockets and devices are left out, as are names that begin with ``.wh.``,
  which OCI reserves for whiteouts;
- a deleted path is an OCI whiteout in the tar and overlayfs's whiteout on disk.

Files come back with one constant time, so a stale ``.pyc`` of a same-sized source would look fresh: sandboxes
therefore set PYTHONDONTWRITEBYTECODE by default.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sandboxes.base import WORKSPACE, LayerMalformed, NotFreezable
from sandboxes.syscalls import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, openat2

AGENT = 1000  # uid and gid of the code inside, and of everything under WORKSPACE
MTIME = 315_619_200  # 1980-01-02: zip files, and so wheels, know no earlier time
MAX_PATH = 3500  # bytes of one relative path; leaves room below PATH_MAX for where it is unpacked

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_WORK = WORKSPACE.strip("/")

Kind = Literal["file", "dir", "link", "hardlink", "fifo", "whiteout", "opaque"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a layer. ``path`` is relative, without ``./``, undecodable bytes as surrogates; ``target`` is where
    a link points, or the path of the hard link's first name. ``opaque`` hides what lower layers hold in the
    directory."""

    path: str
    kind: Kind = "file"
    data: bytes = b""
    executable: bool = False
    target: str = ""


def owner_of(path: str) -> int:
    return AGENT if path == _WORK or path.startswith(_WORK + "/") else 0


def mode_of(entry: Entry) -> int:
    if entry.kind == "dir":
        return 0o1777 if entry.path == "tmp" else 0o755
    return 0o755 if entry.executable else 0o644


def sort_key(path: str) -> tuple[bytes, ...]:
    """Parents before children, independent of the locale."""
    return tuple(os.fsencode(path).split(b"/"))


def pack_entries(entries: Iterable[Entry]) -> bytes:
    """The layer tar of an in-memory tree. Missing parent directories are added. Raises LayerMalformed."""
    by_path: dict[tuple[str, bool], Entry] = {}
    for entry in entries:
        check_path(entry.path)
        by_path[entry.path, entry.kind == "opaque"] = entry
        for parent in _parents(entry.path):
            by_path.setdefault((parent, False), Entry(parent, "dir"))
    ordered = sorted(by_path.items(), key=lambda item: (sort_key(item[0][0]), item[0][1]))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as tar:
        for _, entry in ordered:
            info = _header(entry)
            tar.addfile(info, io.BytesIO(entry.data) if info.size else None)
    return out.getvalue()


def pack(root: Path) -> bytes:
    """The layer tar of a directory tree on disk. Raises NotFreezable."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return pack_entries(scan(fd))
    finally:
        os.close(fd)


def unpack(data: bytes, into: Path, *, opaque_xattr: str | None = None) -> None:
    """Writes a layer under ``into``. Without ``opaque_xattr`` the whiteouts are carried out on what is there already;
    with it they are kept as overlayfs knows them (``trusted.overlay.opaque`` or ``user.overlay.opaque``).

    Owners are set where we are root. Raises LayerMalformed."""
    entries = list(entries_of(data))
    if opaque_xattr is None:
        for entry in entries:
            if entry.kind == "whiteout":
                _remove(into, entry.path)
            elif entry.kind == "opaque":
                _empty(into, entry.path)
    for entry in entries:
        _write(into, entry, opaque_xattr)
    for entry in reversed(entries):
        if entry.kind == "dir":
            os.utime(into / entry.path, (MTIME, MTIME))


def entries_of(data: bytes) -> Iterator[Entry]:
    """The entries of a layer tar, in its order. Raises LayerMalformed."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape") as tar:
            for member in tar:
                if entry := _entry(member, data):
                    yield entry
    except tarfile.TarError as error:
        raise LayerMalformed(f"not a layer tar: {error}") from error


def check_path(path: str) -> None:
    parts = path.split("/")
    if not path or any(part in ("", ".", "..") for part in parts) or "\0" in path:
        raise LayerMalformed(f"a layer holds no path like {path!r}")


# ---------------------------------------------------------------------------------------------------- reading a tree


def scan(root_fd: int, *, opaque_xattr: str = "", max_bytes: int | None = None) -> Iterator[Entry]:
    """All entries below an open directory, symbolic links never followed. Overlayfs whiteouts become whiteout entries.

    Raises NotFreezable where paths are too deep or the files' sizes sum to more than ``max_bytes`` (sparse files)."""
    first_name: dict[tuple[int, int], str] = {}
    total = 0
    for path, info in walk(root_fd):
        if stat.S_ISDIR(info.st_mode):
            yield Entry(path, "dir")
            if opaque_xattr and _is_opaque(root_fd, path, opaque_xattr):
                yield Entry(path, "opaque")
        elif stat.S_ISCHR(info.st_mode) and info.st_rdev == 0:
            yield Entry(path, "whiteout")
        elif stat.S_ISLNK(info.st_mode):
            yield Entry(path, "link", target=read_link(root_fd, path))
        elif stat.S_ISFIFO(info.st_mode):
            yield Entry(path, "fifo")
        elif stat.S_ISREG(info.st_mode):
            inode = (info.st_dev, info.st_ino)
            if info.st_nlink > 1 and inode in first_name:
                yield Entry(path, "hardlink", target=first_name[inode])
                continue
            first_name[inode] = path
            total += info.st_size
            if max_bytes is not None and total > max_bytes:
                raise NotFreezable(f"files larger than the disk limit ({max_bytes} bytes) at {path!r}")
            yield Entry(path, "file", read_file(root_fd, path), bool(info.st_mode & 0o100))


def walk(root_fd: int, start: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Every path below ``start``, in tar order, with its lstat. One descriptor at a time, however deep the tree."""
    pending = _children(root_fd, start)
    while pending:
        path, info = pending.pop()
        yield path, info
        if stat.S_ISDIR(info.st_mode):
            pending += _children(root_fd, path)


def _children(root_fd: int, folder: str) -> list[tuple[str, os.stat_result]]:
    """Last name first: the caller pops."""
    found: list[tuple[str, os.stat_result]] = []
    fd = open_beneath(root_fd, folder or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in sorted(os.listdir(fd), key=os.fsencode, reverse=True):
            path = f"{folder}/{name}" if folder else name
            if len(os.fsencode(path)) > MAX_PATH:
                raise NotFreezable(f"a path longer than {MAX_PATH} bytes: {path[:80]!r}…")
            if not name.startswith(_WHITEOUT):
                with suppress(FileNotFoundError):  # deleted by a running command
                    found.append((path, os.stat(name, dir_fd=fd, follow_symlinks=False)))
    finally:
        os.close(fd)
    return found


def open_beneath(root_fd: int, path: str, flags: int) -> int:
    flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
    return openat2(root_fd, path, flags, resolve=RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)


def read_file(root_fd: int, path: str) -> bytes:
    with os.fdopen(open_beneath(root_fd, path, os.O_RDONLY), "rb") as file:
        return file.read()


def read_link(root_fd: int, path: str) -> str:
    folder, _, name = path.rpartition("/")
    fd = open_beneath(root_fd, folder or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        return os.readlink(name, dir_fd=fd)
    finally:
        os.close(fd)


def _is_opaque(root_fd: int, path: str, xattr: str) -> bool:
    fd = open_beneath(root_fd, path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return os.getxattr(fd, xattr) == b"y"
    except OSError:
        return False
    finally:
        os.close(fd)


# ----------------------------------------------------------------------------------------------- tar headers and back

_TYPES: dict[str, bytes] = {
    "file": tarfile.REGTYPE,
    "dir": tarfile.DIRTYPE,
    "link": tarfile.SYMTYPE,
    "hardlink": tarfile.LNKTYPE,
    "fifo": tarfile.FIFOTYPE,
    "whiteout": tarfile.REGTYPE,
    "opaque": tarfile.REGTYPE,
}
_KINDS: dict[bytes, Kind] = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "dir",
    tarfile.SYMTYPE: "link",
    tarfile.LNKTYPE: "hardlink",
    tarfile.FIFOTYPE: "fifo",
}


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _tar_name(entry: Entry) -> str:
    if entry.kind == "opaque":
        return f"{entry.path}/{_OPAQUE}"
    if entry.kind == "whiteout":
        folder, slash, name = entry.path.rpartition("/")
        return f"{folder}{slash}{_WHITEOUT}{name}"
    return entry.path


def _header(entry: Entry) -> tarfile.TarInfo:
    info = tarfile.TarInfo(_tar_name(entry))
    info.type = _TYPES[entry.kind]
    info.mtime = MTIME
    info.uid = info.gid = owner_of(entry.path)
    info.linkname = entry.target
    if entry.kind == "file":
        info.size = len(entry.data)
    info.mode = 0o777 if entry.kind == "link" else mode_of(entry)
    return info


def _entry(member: tarfile.TarInfo, data: bytes) -> Entry | None:
    path = member.name.removeprefix("./").rstrip("/")
    if path in ("", "."):
        return None
    check_path(path)
    folder, slash, name = path.rpartition("/")
    if name == _OPAQUE:
        return Entry(folder, "opaque")
    if name.startswith(_WHITEOUT):
        return Entry(f"{folder}{slash}{name.removeprefix(_WHITEOUT)}", "whiteout")
    kind = _KINDS.get(member.type)
    if kind is None:
        raise LayerMalformed(f"a layer holds no entry of type {member.type!r} ({path!r})")
    if kind == "hardlink":
        check_path(member.linkname)
    body = data[member.offset_data : member.offset_data + member.size] if kind == "file" else b""
    return Entry(path, kind, body, kind == "file" and bool(member.mode & 0o100), member.linkname)


# ------------------------------------------------------------------------------------------------------ writing a tree


def _write(into: Path, entry: Entry, opaque_xattr: str | None) -> None:
    path = into / entry.path
    if entry.kind == "opaque":
        if opaque_xattr is not None:
            os.setxattr(path, opaque_xattr, b"y", follow_symlinks=False)
        return
    if entry.kind == "whiteout":
        if opaque_xattr is not None:
            os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))
        return
    _real_folder(into, path.parent)
    if entry.kind == "dir":
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
            path.mkdir()
        path.chmod(mode_of(entry))
    else:
        _remove(into, entry.path)
        _write_leaf(into, path, entry)
    if os.geteuid() == 0 and entry.kind != "hardlink":
        os.chown(path, owner_of(entry.path), owner_of(entry.path), follow_symlinks=False)
    if entry.kind != "dir":
        os.utime(path, (MTIME, MTIME), follow_symlinks=False)


def _write_leaf(into: Path, path: Path, entry: Entry) -> None:
    if entry.kind == "link":
        path.symlink_to(entry.target)
    elif entry.kind == "hardlink":
        _real_folder(into, (into / entry.target).parent)
        os.link(into / entry.target, path, follow_symlinks=False)
    elif entry.kind == "fifo":
        os.mkfifo(path)
        path.chmod(0o644)
    else:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(entry.data)
            os.fchmod(file.fileno(), mode_of(entry))


def _real_folder(into: Path, folder: Path) -> None:
    """A forged layer could name a link and then write through it; nothing of ours lies behind a link."""
    while folder != into:
        if folder.is_symlink() or not folder.is_dir():
            raise LayerMalformed(f"{folder.relative_to(into)} is not a directory of this layer")
        folder = folder.parent


def _remove(into: Path, path: str) -> None:
    target = into / path
    if target.is_symlink() or not target.is_dir():
        try:
            target.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        return
    _empty(into, path)
    target.rmdir()


def _empty(into: Path, path: str) -> None:
    folder = into / path
    if folder.is_symlink() or not folder.is_dir():
        return
    for name in os.listdir(folder):
        _remove(into, f"{path}/{name}")
