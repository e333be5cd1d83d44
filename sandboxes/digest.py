"""The digest of a workspace: paths, kinds, executable bits, contents, link targets; nothing of owners, times,
inodes."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from typing import Any

from sandboxes.base import WORKSPACE, NotFreezable
from sandboxes.layers import Entry, open_beneath, read_link, walk

_CHUNK = 1 << 20
_MAX_BYTES = 1 << 32  # apparent size of all files together: sparse ones must not cost us minutes of hashing
_ZEROS = hashlib.sha256(bytes(_CHUNK)).digest()
_WORK = WORKSPACE.strip("/")


def tree_digest(root_fd: int) -> str:
    """Hex digest of the tree under WORKSPACE of an open root directory. Raises NotFreezable."""
    whole = hashlib.sha256()
    contents: dict[tuple[int, int], bytes] = {}
    total = 0
    for path, info in walk(root_fd, _WORK):
        if stat.S_ISDIR(info.st_mode):
            _add(whole, path, b"d", b"")
        elif stat.S_ISLNK(info.st_mode):
            _add(whole, path, b"l", os.fsencode(read_link(root_fd, path)))
        elif stat.S_ISFIFO(info.st_mode):
            _add(whole, path, b"p", b"")
        elif stat.S_ISREG(info.st_mode):
            total += info.st_size
            if total > _MAX_BYTES:
                raise NotFreezable(f"the workspace's files claim more than {_MAX_BYTES >> 30} GiB")
            inode = (info.st_dev, info.st_ino)
            if info.st_nlink == 1 or inode not in contents:
                contents[inode] = _file_digest(root_fd, path)
            _add(whole, path, b"x" if info.st_mode & 0o100 else b"f", contents[inode])
    return whole.hexdigest()


def entries_digest(entries: Iterable[Entry]) -> str:
    """The same digest of the same tree given as entries in tar order, paths relative to the root."""
    whole = hashlib.sha256()
    files: dict[str, Entry] = {}
    for entry in entries:
        if not entry.path.startswith(_WORK + "/"):
            continue
        found = files.get(entry.target, entry) if entry.kind == "hardlink" else entry
        if found.kind == "file":
            files[entry.path] = found
            _add(whole, entry.path, b"x" if found.executable else b"f", _content_digest(found.data))
        elif found.kind == "link":
            _add(whole, entry.path, b"l", os.fsencode(entry.target))
        elif found.kind in ("dir", "fifo"):
            _add(whole, entry.path, b"d" if found.kind == "dir" else b"p", b"")
    return whole.hexdigest()


def _add(whole: Any, path: str, kind: bytes, content: bytes) -> None:
    raw = os.fsencode(path)
    whole.update(b"%s %d %d\n%s%s" % (kind, len(raw), len(content), raw, content))


def _content_digest(data: bytes) -> bytes:
    outer = hashlib.sha256(b"%d\n" % len(data))
    for start in range(0, len(data), _CHUNK):
        outer.update(hashlib.sha256(data[start : start + _CHUNK]).digest())
    return outer.digest()


def _file_digest(root_fd: int, path: str) -> bytes:
    """By chunks, so that the holes of a sparse file cost next to nothing and yet count as the zeros they are."""
    fd = open_beneath(root_fd, path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        outer = hashlib.sha256(b"%d\n" % size)
        data_from = -1
        for start in range(0, size, _CHUNK):
            length = min(_CHUNK, size - start)
            if data_from < start + length and data_from <= start:
                data_from = _next_data(fd, start, size)
            if length == _CHUNK and data_from >= start + length:
                outer.update(_ZEROS)
            else:
                outer.update(hashlib.sha256(os.pread(fd, length, start)).digest())
        return outer.digest()
    finally:
        os.close(fd)


def _next_data(fd: int, start: int, size: int) -> int:
    try:
        return os.lseek(fd, start, os.SEEK_DATA)
    except OSError:
        return size
