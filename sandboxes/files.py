"""Reading and writing files of a sandbox from outside, trusting nothing that lies in it."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from itertools import count

from sandboxes.base import PathRefused
from sandboxes.syscalls import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, openat2

_QUIET = os.O_NONBLOCK | os.O_NOCTTY  # opening a fifo or terminal must not wait


def normal(path: str) -> str:
    """``path`` relative to the root. Raises PathRefused unless it is absolute, without ``..`` and NUL, and names
    something."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not path.startswith("/") or ".." in parts or "\0" in path or not parts:
        raise PathRefused(f"not an absolute path of a file in the sandbox: {path!r}")
    return "/".join(parts)


def read(root_fd: int, path: str) -> bytes:
    """The regular file at ``path``, links resolved as inside the sandbox. Raises FileNotFoundError, PathRefused."""
    try:
        fd = openat2(root_fd, normal(path), os.O_RDONLY | _QUIET, resolve=RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    except NotADirectoryError as error:
        raise FileNotFoundError(errno.ENOENT, "no such file in the sandbox", path) from error
    except OSError as error:
        raise _refused(error, path) from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise PathRefused(f"not a regular file: {path!r}")
        with os.fdopen(fd, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(fd)


def write(root_fd: int, path: str, data: bytes, *, owner: int, executable: bool) -> None:
    """Puts a file at ``path``, replacing whatever is no directory there; missing directories are made. Parents that
    are links are refused: code inside could have made them point anywhere. Raises PathRefused, OSError (disk full)."""
    *folders, name = normal(path).split("/")
    folder = _open_folder(root_fd, folders, owner, path)
    try:
        temporary = _unused_name(folder)
        try:
            _fill(folder, temporary, data, owner, 0o755 if executable else 0o644)
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)  # half a file would keep a full disk full
            raise
    except IsADirectoryError as error:
        raise PathRefused(f"a directory: {path!r}") from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise PathRefused(f"name too long: {path[:80]!r}") from error
        raise
    finally:
        os.close(folder)


def _fill(folder: int, name: str, data: bytes, owner: int, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o600, dir_fd=folder), "wb") as file:
        file.write(data)
        file.flush()
        _own(file.fileno(), owner)
        os.fchmod(file.fileno(), mode)


def _open_folder(root_fd: int, folders: list[str], owner: int, path: str) -> int:
    """A descriptor of the file's directory, made where missing; the owner's only under a directory that is its own."""
    resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS
    fd = os.dup(root_fd)
    for name in folders:
        try:
            inner = _step(fd, name, resolve)
            if inner is None:
                os.mkdir(name, 0o755, dir_fd=fd)
                inner = openat2(fd, name, os.O_RDONLY | os.O_DIRECTORY, resolve=resolve)
                _own(inner, owner)
        except OSError as error:
            raise _refused(error, path) from error
        finally:
            os.close(fd)
        fd = inner
    return fd


def _step(fd: int, name: str, resolve: int) -> int | None:
    try:
        return openat2(fd, name, os.O_RDONLY | os.O_DIRECTORY, resolve=resolve)
    except FileNotFoundError:
        return None


def _unused_name(folder: int) -> str:
    """A name nobody inside holds on purpose: they are tried until one is free."""
    taken = set(os.listdir(folder))
    return next(name for number in count() if (name := f".grindworks-{number}") not in taken)


def _own(fd: int, owner: int) -> None:
    if os.geteuid() == 0:
        os.fchown(fd, owner, owner)


def _refused(error: OSError, path: str) -> Exception:
    if error.errno in (errno.ELOOP, errno.EXDEV, errno.ENXIO, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EACCES):
        return PathRefused(f"{path[:200]!r}: {error.strerror}")
    return error
