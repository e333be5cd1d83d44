"""The protocol of sandboxes: fork a file snapshot, run things in the fork, freeze or throw it away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

WORKSPACE = "/work"  # the only tree, besides /tmp, that code in a sandbox may write; where a task's files live


class SandboxFault(Exception):
    """The infrastructure failed (no mount, no cgroup, engine gone). Never raised for what the code inside did."""


class Unsupported(SandboxFault):
    """This host or backend lacks something; the message says what to install or which backend to take."""


class LayerMissing(SandboxFault):
    """A layer's blob is not in the store, or its bytes do not match its digest."""


class LayerMalformed(SandboxFault):
    """A layer tar holds what no layer of ours holds (absolute paths, ``..``, devices)."""


class PathRefused(ValueError):
    """A path given to read or write leaves the sandbox's root, or is not of the form asked for."""


class NotFreezable(Exception):
    """The tree holds what no layer can (sparse files above the disk limit, paths too deep): the doing of the code
    inside, never a fault of the infrastructure."""


@dataclass(frozen=True, slots=True)
class FileSnapshot:
    """A file tree: SHA-256 digests (hex) of uncompressed OCI layer tars, lowest first."""

    layers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """Per sandbox. Exceeding one is the agent's doing and shows in :class:`ExecResult`."""

    memory_mb: int = 512
    processes: int = 64
    disk_mb: int = 256
    output_bytes: int = 1 << 20  # kept of stdout and of stderr each; the rest is drained and dropped
    cpu_s: float = 60.0  # CPU seconds of one exec


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How one command ended. ``exit_code`` is 128+n after signal n, 126 or 127 where it could not be started.

    ``stopped`` names the limit that was hit, if any: ``time``, ``cpu``, ``memory``, ``processes``, ``disk``; the
    exit code is then 137, whatever the command made of it. Each is the command's own doing, on the slowest machine,
    too. ``truncated``: output was dropped."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    stopped: str | None = None
    truncated: bool = False
    cpu_s: float = 0.0


class LayerStore(Protocol):
    """Content-addressed blobs on disk. ``put`` is atomic and idempotent; ``get`` checks the digest."""

    def put(self, data: bytes) -> str: ...
    def get(self, digest: str) -> bytes: ...


class Sandbox(Protocol):
    """One fork. Processes started by an exec are gone when it returns."""

    async def exec(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: str = WORKSPACE,
    ) -> ExecResult:
        """Runs one command; several may run at once, sharing files but no processes.

        ``timeout_s``: seconds that it may spend waiting by its own choice: none of its threads has work for a CPU. A
        command that waits for the machine uses up neither these nor its CPU seconds, and so is never stopped for it; at
        many times both, the machine is at fault, and SandboxFault is raised. Raises ValueError for an empty argv and
        for NUL in it; whatever the command does is a result."""
        ...

    async def read(self, path: str) -> bytes:
        """Raises FileNotFoundError, PathRefused. Never follows a symbolic link out of the sandbox."""
        ...

    async def write(self, path: str, data: bytes, *, executable: bool = False) -> None:
        """Replaces what is at ``path`` unless that is a directory; makes missing parents. Never writes through a
        symbolic link. Raises PathRefused, OSError (ENOSPC where the disk limit is reached)."""
        ...

    async def freeze(self) -> FileSnapshot:
        """The tree now, as the snapshot plus at most one new layer (put into the store). The sandbox stays usable.
        For use while no command runs. Raises NotFreezable. /tmp is no part of it."""
        ...

    async def digest(self) -> str:
        """Digest of the whole visible tree under WORKSPACE: paths, kinds, executable bits, contents, link targets."""
        ...


class Backend(Protocol):
    """Makes forks. ``name`` is ``native`` or ``docker``."""

    name: str

    def fork(self, snapshot: FileSnapshot, limits: Limits) -> AbstractAsyncContextManager[Sandbox]: ...
