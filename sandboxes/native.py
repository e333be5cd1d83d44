"""The native backend: overlayfs for the fork, bubblewrap for the walls. A fork costs milliseconds.

What code inside has: WORKSPACE and /tmp to write, the rest of the tree read-only, /proc of its own pid namespace, a
minimal /dev, a 16 MiB /dev/shm per exec, a loopback interface that is up, uid 1000 (on the host: a uid no one else
has), no capability, no way to gain one, and the system calls that :mod:`sandboxes.seccomp` leaves.

What bounds it: the disk limit is the size of one tmpfs that holds the upper directory and /tmp. Its pages count as
memory of the sandbox, so the control group allows ``memory_mb + disk_mb``, and anonymous memory is held to
``memory_mb`` by looking (every 10 to 200 ms). CPU time, and the time in which no thread wants a CPU, are looked at in
the same way. A limit that is hit ends the command: its exit code is then 137 and ``stopped`` names the limit, whether
or not the command would have gone on. /tmp lasts as long as the fork and is not part of its snapshots.

Nothing survives the process that uses the backend, see :mod:`sandboxes.warden`.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from sandboxes import files
from sandboxes.base import WORKSPACE, ExecResult, FileSnapshot, LayerStore, Limits, SandboxFault
from sandboxes.client import WardenClient
from sandboxes.digest import tree_digest
from sandboxes.jail import OVERLOADED
from sandboxes.layers import pack_entries, scan
from sandboxes.pipes import Collector
from sandboxes.store import UnpackCache
from sandboxes.trees import merged, without_hardlinks
from sandboxes.wire import memory_file

ENVIRONMENT: Mapping[str, str] = {
    "HOME": WORKSPACE,
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
    "USER": "agent",
}
PATIENCE = 10.0
"""A command that takes this many times what it may wait and compute together has not been given a CPU."""
_KILLED = 137
_WORK = WORKSPACE.strip("/")


class NativeBackend:
    """Forks of snapshots whose layers are in ``store``. ``cache`` holds their unpacked trees, shared by all
    processes of this machine; it may be deleted whenever no sandbox runs.

    The helper process starts with the first fork and ends with this process at the latest; ``async with`` or
    ``aclose`` ends it sooner. Raises Unsupported on the first fork where the host cannot.
    """

    name = "native"

    def __init__(self, store: LayerStore, cache: Path | None = None, *, copying: bool = False) -> None:
        """``copying`` takes the slower mode that hosts without id-mapped mounts fall back to."""
        self._store = store
        self._copying = copying
        self._cache = UnpackCache(cache if cache is not None else default_cache(), store)
        self._lock = threading.Lock()
        self._client: WardenClient | None = None
        self._forks = 0

    async def __aenter__(self) -> NativeBackend:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends all forks and the helper process. The backend may be used again."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None and client.owner == os.getpid():
            await asyncio.to_thread(client.close)

    async def describe(self) -> Mapping[str, object]:
        """How this host runs sandboxes: ``mode`` (``root``, or ``copy`` where ids cannot be mapped), ``cgroups``
        version."""
        client = await asyncio.to_thread(self._warden)
        return {key: client.about[key] for key in ("mode", "cgroups")}

    def fork(self, snapshot: FileSnapshot, limits: Limits) -> AbstractAsyncContextManager[NativeSandbox]:
        return self._fork(snapshot, limits)

    @asynccontextmanager
    async def _fork(self, snapshot: FileSnapshot, limits: Limits) -> AsyncIterator[NativeSandbox]:
        names = self._cache.ready(snapshot.layers) or await asyncio.to_thread(self._cache.ensure, snapshot.layers)
        client = self._client
        if client is None or not client.alive or client.owner != os.getpid():
            client = await asyncio.to_thread(self._warden)
        with self._lock:
            self._forks += 1
            number = self._forks
        descriptors: list[int] = []
        try:
            answer, descriptors = await client.ask("fork", box=number, layers=names, limits=asdict(limits))
            root, upper = descriptors
            box = NativeSandbox(client, number, snapshot, limits, self._store, root, upper, answer["uid"])
            try:
                yield box
            finally:
                box.closed = True  # the numbers of its descriptors will soon be someone else's
        finally:
            for fd in descriptors:
                os.close(fd)
            if client.alive:
                await asyncio.shield(client.ask("drop", box=number))

    def _warden(self) -> WardenClient:
        with self._lock:
            if self._client is None or not self._client.alive or self._client.owner != os.getpid():
                self._cache.root.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._client = WardenClient(self._cache.root, copying=self._copying)
            return self._client


class NativeSandbox:
    """One fork. Made by :class:`NativeBackend` only."""

    def __init__(
        self,
        client: WardenClient,
        number: int,
        snapshot: FileSnapshot,
        limits: Limits,
        store: LayerStore,
        root_fd: int,
        upper_fd: int,
        uid: int,
    ) -> None:
        self._client = client
        self._number = number
        self._snapshot = snapshot
        self._limits = limits
        self._store = store
        self._root_fd = root_fd
        self._upper_fd = upper_fd
        self._uid = uid
        self.closed = False

    async def exec(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: str = WORKSPACE,
    ) -> ExecResult:
        check_command(argv, env, cwd)
        self._check_open()
        out, err = Collector(self._limits.output_bytes), Collector(self._limits.output_bytes)
        source = memory_file(stdin) if stdin else os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        number = 0
        try:
            try:
                number, answer = await self._client.post(
                    "exec",
                    (source, out.writing_end, err.writing_end),
                    box=self._number,
                    argv=list(argv),
                    env={**ENVIRONMENT, **(env or {})},
                    cwd=cwd,
                    timeout_s=timeout_s,
                    machine_s=PATIENCE * (timeout_s + self._limits.cpu_s),
                )
            finally:
                os.close(source)
                out.start()
                err.start()
            message, _ = await asyncio.wrap_future(answer)
        except asyncio.CancelledError:
            self._client.tell("kill", exec=number)
            raise
        finally:
            stdout, stderr = out.finish(), err.finish()
        if "error" in message:
            raise SandboxFault(message["error"])
        return _result(message, stdout, stderr, out.dropped or err.dropped)

    async def read(self, path: str) -> bytes:
        self._check_open()
        return await asyncio.to_thread(files.read, self._root_fd, path)

    async def write(self, path: str, data: bytes, *, executable: bool = False) -> None:
        self._check_open()
        await asyncio.to_thread(self._write, path, data, executable)

    def _write(self, path: str, data: bytes, executable: bool) -> None:
        inside = files.normal(path).split("/")[0] in (WORKSPACE.strip("/"), "tmp")
        files.write(self._root_fd, path, data, owner=self._uid if inside else 0, executable=executable)

    async def freeze(self) -> FileSnapshot:
        self._check_open()
        return await asyncio.to_thread(self._freeze)

    def _check_open(self) -> None:
        if self.closed:
            raise SandboxFault("this sandbox is closed")

    def _freeze(self) -> FileSnapshot:
        most = self._limits.disk_mb << 20
        entries = list(scan(self._upper_fd, opaque_xattr="trusted.overlay.opaque", max_bytes=most))
        if self._client.about["mode"] == "copy":  # unchanged files were copied up as well
            before = merged(*(self._store.get(digest) for digest in self._snapshot.layers))
            entries = [entry for entry in without_hardlinks(entries) if before.get(entry.path) != entry]
        if all(entry.path == _WORK and entry.kind == "dir" for entry in entries):
            return self._snapshot
        return FileSnapshot((*self._snapshot.layers, self._store.put(pack_entries(entries))))

    async def digest(self) -> str:
        self._check_open()
        return await asyncio.to_thread(tree_digest, self._root_fd)


def default_cache() -> Path:
    """``unpacked/`` under ``$GRINDWORKS_HOME``, or under ``~/.local/share/grindworks``."""
    home = os.environ.get("GRINDWORKS_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share" / "grindworks") / "unpacked"


def check_command(argv: Sequence[str], env: Mapping[str, str] | None, cwd: str) -> None:
    """Raises ValueError for what no kernel could be asked to run."""
    if not argv or not argv[0]:
        raise ValueError("argv is empty")
    if any("=" in name or not name for name in env or {}):
        raise ValueError("the name of an environment variable is empty or holds '='")
    if any(b"\0" in os.fsencode(text) for text in (*argv, *(env or {}), *(env or {}).values(), cwd)):
        raise ValueError("NUL in argv, env or cwd")


def _result(message: Mapping[str, object], stdout: bytes, stderr: bytes, truncated: bool) -> ExecResult:
    code, stopped = message["exit_code"], message["stopped"]
    cpu_s = float(str(message["cpu_s"]))
    if stopped == "killed":
        raise SandboxFault("the sandbox was closed while a command ran in it")
    if stopped == OVERLOADED:
        raise SandboxFault("the machine is overloaded: a command that neither slept nor ended was hardly given a CPU")
    if stopped is not None:
        return ExecResult(_KILLED, stdout, stderr, str(stopped), truncated, cpu_s)
    if code is None:
        return _not_started(stdout, stderr, cpu_s, message["why"])
    return ExecResult(int(str(code)), stdout, stderr, None, truncated, cpu_s)


def _not_started(stdout: bytes, stderr: bytes, cpu_s: float, why: object) -> ExecResult:
    """bubblewrap gave up before the command, or could not even be started. A working directory that is gone is the
    doing of earlier commands; arguments that are too long are the caller's, and so the agent's."""
    if stderr.startswith(b"bwrap: execvp "):
        code = 127 if stderr.rstrip().endswith(b"No such file or directory") else 126
        return ExecResult(code, stdout, stderr.removeprefix(b"bwrap: execvp "), None, False, cpu_s)
    if stderr.startswith(b"bwrap: Can't chdir"):
        return ExecResult(126, stdout, stderr.removeprefix(b"bwrap: "), None, False, cpu_s)
    if why is not None and "Argument list too long" in str(why):
        return ExecResult(126, stdout, str(why).encode(), None, False, cpu_s)
    said = why or stderr.decode(errors="replace").strip() or "bubblewrap was killed"
    raise SandboxFault(f"the sandbox did not start: {said}")
