"""The content-addressed store: everything that was fetched or built, by SHA-256, and names that point into it.

Layout under the root: ``blobs/ab/cdef…`` (read-only files), ``refs/KIND/NAME`` (one digest each), ``tmp/`` (files
being written), ``unpacked/`` (a cache). A blob appears whole or not at all: it is written beside, synced, and renamed.
So killing a writer at any moment, two writers of one blob, or a full disk leave no half blob; at worst a file in
``tmp/``, see ``sweep``.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from factory.durable import sync_folder
from factory.errors import BuildError, InputGone

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def default_root() -> Path:
    """``$GRINDWORKS_HOME`` if set, else ``~/.local/share/grindworks``."""
    home = os.environ.get("GRINDWORKS_HOME")
    return Path(home) if home else Path.home() / ".local" / "share" / "grindworks"


def canonical_json(obj: Any) -> bytes:
    """The one JSON text of ``obj``: sorted keys, no spaces, UTF-8, no NaN. Raises ValueError or TypeError."""
    return json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256(data: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


class Store:
    """Blobs and refs under ``root``. Safe for concurrent use by any number of processes; also a sandbox's LayerStore.

    Every method raises BuildError where the disk is full, read-only or not ours.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        with self._writing("open"):
            for folder in ("blobs", "refs", "tmp"):
                (self.root / folder).mkdir(parents=True, exist_ok=True)

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    @property
    def unpacked(self) -> Path:
        """Where sandboxes keep the unpacked trees of its layers: a cache, checked by them, of no blob or ref."""
        return self.root.absolute() / "unpacked"

    # ---- blobs

    def path(self, digest: str) -> Path:
        """Where the blob lies or would lie. Raises ValueError for what is no hex SHA-256."""
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"not a SHA-256 in lower-case hex: {digest!r}")
        return self.root / "blobs" / digest[:2] / digest[2:]

    def has(self, digest: str) -> bool:
        """Whether the blob is there. Its bytes are only checked by ``get``."""
        return self.path(digest).is_file()

    def put(self, data: bytes) -> str:
        """Keeps ``data``; returns its digest. A damaged blob of that digest is replaced."""
        digest = sha256(data)
        path = self.path(digest)
        if not self._holds(path, data):
            with self._writing(f"write {len(data)} bytes to"):
                path.parent.mkdir(exist_ok=True)
                self._write(path, data)
        return digest

    def get(self, digest: str) -> bytes:
        """The blob's bytes, checked. Raises InputGone if it is missing or was altered."""
        path = self.path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise InputGone(
                f"blob {digest} is not in the store {self.root}", "`grind lock` fetches inputs, `grind build` the rest"
            ) from None
        except OSError as error:
            raise InputGone(f"blob {digest} cannot be read: {error}", f"look at {path}") from error
        if (found := sha256(data)) != digest:
            raise InputGone(
                f"blob {digest} was altered: its bytes now have the SHA-256 {found}",
                "`grind lock` (an input) or `grind build` (the rest) restores it",
            )
        return data

    def put_json(self, obj: Any) -> str:
        """Keeps ``obj`` as canonical JSON; returns its digest."""
        return self.put(canonical_json(obj))

    def get_json(self, digest: str) -> Any:
        """What ``put_json`` kept. Raises InputGone."""
        return json.loads(self.get(digest))

    # ---- refs

    def set_ref(self, kind: str, name: str, digest: str) -> None:
        """Points ``name`` at ``digest``, in one step. Raises ValueError for a name that is not plain."""
        path = self._ref_path(kind, name)
        if path is None:
            raise ValueError(f"not a plain name: {kind!r}, {name!r}")
        self.path(digest)
        with self._writing("write a name to"):
            path.parent.mkdir(exist_ok=True)
            self._write(path, digest.encode())

    def ref(self, kind: str, name: str) -> str | None:
        """What ``name`` points at, or None. Raises InputGone where what is kept there is no digest."""
        path = self._ref_path(kind, name)
        try:
            digest = path.read_text(errors="replace") if path else None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputGone(f"name {name!r} of kind {kind!r} cannot be read: {error}", f"look at {path}") from error
        if digest is not None and not _DIGEST.fullmatch(digest):
            raise InputGone(f"name {name!r} of kind {kind!r} was altered", f"delete {path}, then `grind build`")
        return digest

    def refs(self, kind: str) -> dict[str, str]:
        """All names of ``kind``, sorted. Raises InputGone as ``ref`` does."""
        folder = self.root / "refs" / kind
        names = sorted(path.name for path in folder.iterdir()) if _NAME.fullmatch(kind) and folder.is_dir() else []
        found = {name: self.ref(kind, name) for name in names}
        return {name: digest for name, digest in found.items() if digest is not None}

    def sweep(self) -> int:
        """Removes what killed writers left in ``tmp/``; what is being written is locked and stays. Returns how many."""
        swept = 0
        for path in (self.root / "tmp").iterdir():
            # Busy, finished meanwhile, swept by another process, or another user's: not ours to take.
            with suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                swept += 1
        return swept

    # ---- how

    def _ref_path(self, kind: str, name: str) -> Path | None:
        plain = _NAME.fullmatch(kind) and _NAME.fullmatch(name)
        return self.root / "refs" / kind / name if plain else None

    @staticmethod
    def _holds(path: Path, data: bytes) -> bool:
        try:
            return path.stat().st_size == len(data) and path.read_bytes() == data
        except OSError:
            return False

    def _write(self, path: Path, data: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=self.root / "tmp")
        with open(handle, "wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH)
                if not os.fstat(file.fileno()).st_nlink:  # swept between its creation and its lock
                    return self._write(path, data)
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), 0o444)
                os.fsync(file.fileno())
                os.replace(name, path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        return sync_folder(path.parent)

    @contextmanager
    def _writing(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise BuildError(
                    f"cannot {doing} the store {self.root}: no space left on its disk",
                    "free some, or set GRINDWORKS_HOME to a folder on a larger disk",
                ) from error
            raise BuildError(
                f"cannot {doing} the store {self.root}: {error.strerror or error}",
                "set GRINDWORKS_HOME to a folder that you may write",
            ) from error
