"""Layers on disk: the content-addressed blobs, and the cache of their unpacked trees that forks stack up."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sandboxes.base import LayerMissing, LayerStore
from sandboxes.layers import Entry, pack_entries, scan, unpack, walk

SQUASH_AT = 16  # more lower directories than this are merged into one; mount(2)'s option page is finite

# Directories that a sandbox's own mounts need; lowest of all layers, so any real layer overrides it.
SKELETON = pack_entries(Entry(path, "dir") for path in ("dev", "etc", "proc", "tmp", "work"))


class DirectoryStore:
    """A :class:`~sandboxes.base.LayerStore` in a directory: ``root/ab/cdef…``, written atomically."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".tmp-", delete=False) as file:
                file.write(data)
            os.replace(file.name, path)
        return digest

    def get(self, digest: str) -> bytes:
        try:
            data = self._path(digest).read_bytes()
        except FileNotFoundError:
            raise LayerMissing(f"layer {digest} is not in the store {self.root}") from None
        return checked(digest, data)

    def _path(self, digest: str) -> Path:
        return self.root / digest[:2] / digest[2:]


def checked(digest: str, data: bytes) -> bytes:
    """``data`` if it has that SHA-256; raises LayerMissing."""
    if hashlib.sha256(data).hexdigest() != digest:
        raise LayerMissing(f"layer {digest}: the bytes in the store have another digest")
    return data


class UnpackCache:
    """Unpacked layers under ``root``, each made once, whatever number of threads and processes ask for it.

    A tree appears by rename, so it is whole or absent; what a killed process left half done is swept by the next
    maker. Each process compares a tree with its fingerprint (contents, modes, owners) before it first uses it, and
    unpacks it anew where they differ: a flipped bit, a copy without owners or a power cut must not make a right answer
    fail. ``opaque_xattr`` is overlayfs's name for opaque directories, which depends on how the overlay will be mounted.
    """

    def __init__(self, root: Path, store: LayerStore, *, opaque_xattr: str = "trusted.overlay.opaque") -> None:
        self.root = root
        self._store = store
        self._opaque_xattr = opaque_xattr
        self._compared: set[str] = set()

    def ready(self, layers: Sequence[str]) -> tuple[str, ...] | None:
        """What ``ensure`` would return, where nothing is left to unpack or compare; costs one stat a layer."""
        names = tuple(name for name, _ in self._plan(layers))
        return names if all(name in self._compared and (self.root / name).is_dir() for name in names) else None

    def ensure(self, layers: Sequence[str]) -> tuple[str, ...]:
        """Names, under ``root``, of the directories to stack, lowest first. Raises LayerMissing, LayerMalformed."""
        return tuple(self._tree(name, digests) for name, digests in self._plan(layers))

    def _plan(self, layers: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
        prefix = (len(layers) - 1) // SQUASH_AT * SQUASH_AT if layers else 0
        yield "skeleton", ()
        if prefix:
            yield "squash-" + _name(layers[:prefix]), layers[:prefix]
        yield from ((digest[:32], (digest,)) for digest in layers[prefix:])

    def _tree(self, name: str, digests: Sequence[str]) -> str:
        if name not in self._compared or not (self.root / name).is_dir():
            with self._lock(name):
                if not self._is_whole(name):
                    self._make(name, digests)
            self._compared.add(name)
        return name

    def _is_whole(self, name: str) -> bool:
        with suppress(OSError):
            return self._fingerprint_file(name).read_text() == self._fingerprint(self.root / name)
        return False

    def _fingerprint(self, folder: Path) -> str:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            found = hashlib.sha256(pack_entries(scan(fd, opaque_xattr=self._opaque_xattr)))
            for path, info in walk(fd):  # a packed layer says nothing of these: they follow from path and kind
                found.update(os.fsencode(f"{path}\0{info.st_mode:o} {info.st_uid} {info.st_gid}\n"))
        finally:
            os.close(fd)
        return found.hexdigest()

    def _fingerprint_file(self, name: str) -> Path:
        return self.root / f".fingerprint-{name}"

    def _make(self, name: str, digests: Sequence[str]) -> None:
        partial, final = self.root / f".partial-{name}", self.root / name
        shutil.rmtree(partial, ignore_errors=True)  # we hold the lock: whoever wrote it is dead
        if final.is_dir():  # damaged; the mounts that stand on it keep what they have
            os.replace(final, partial)
            shutil.rmtree(partial)
        partial.mkdir()
        if not digests:
            unpack(SKELETON, partial)
        for digest in digests:
            keep = self._opaque_xattr if len(digests) == 1 else None
            unpack(checked(digest, self._store.get(digest)), partial, opaque_xattr=keep)
        partial.chmod(0o755)
        self._fingerprint_file(name).write_text(self._fingerprint(partial))
        os.replace(partial, final)

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self.root / f".lock-{name}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _name(digests: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:32]
