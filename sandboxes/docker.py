"""The Docker backend: the same layers as an image, a container for each fork. For hosts where the native one cannot
run, and to hold the native one against.

It does what ``conformance.CORE`` asks: fork, exec, files, freeze, digest, grading. Code inside runs as uid 1000
without capabilities or network, with limits on memory and processes; CPU time and disk are not limited, and the one
limit named in ``stopped`` is ``time``: wall time here, so on a busy machine a slow command may meet it. ``/tmp`` lasts
as long as the fork and is not part of its snapshots.

A watchdog process removes the containers if this process dies, see :mod:`sandboxes.watchdog`.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import tarfile
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from types import TracebackType
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from sandboxes.base import (
    WORKSPACE,
    ExecResult,
    FileSnapshot,
    LayerStore,
    Limits,
    PathRefused,
    SandboxFault,
    Unsupported,
)
from sandboxes.containers import Attached, kind_of
from sandboxes.digest import entries_digest
from sandboxes.engine import usual_url
from sandboxes.files import normal
from sandboxes.layers import AGENT, Entry, entries_of, pack_entries, sort_key
from sandboxes.native import ENVIRONMENT, check_command
from sandboxes.oci import image_archive
from sandboxes.store import SKELETON
from sandboxes.trees import changes, merged, without_hardlinks
from sandboxes.watchdog import Watchdog

_MOST_LAYERS = 120  # of an image; the engine stops at 127
_OWN_PROCESSES = 3  # its init, the process that keeps the container alive, and the one that clears up
_KILLED = 137
_MOST_LINKS = 40
_WORK = WORKSPACE.strip("/")


class DockerBackend:
    """Forks as containers of the engine at ``url`` (``unix://…``; the usual one by default).

    ``async with`` or ``aclose`` removes what is left. Raises Unsupported where no engine answers."""

    name = "docker"

    def __init__(self, store: LayerStore, url: str | None = None) -> None:
        self._store = store
        self._url = url or usual_url()
        self._label = f"grindworks.owner={os.getpid()}-{os.urandom(8).hex()}"
        self._lock = threading.Lock()
        self._client: Any = None
        self._watchdog: Watchdog | None = None

    async def __aenter__(self) -> DockerBackend:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await asyncio.to_thread(self._close)

    def fork(self, snapshot: FileSnapshot, limits: Limits) -> AbstractAsyncContextManager[DockerSandbox]:
        return self._fork(snapshot, limits)

    @asynccontextmanager
    async def _fork(self, snapshot: FileSnapshot, limits: Limits) -> AsyncIterator[DockerSandbox]:
        client = await asyncio.to_thread(self._connect)
        container = await asyncio.to_thread(self._start, client, snapshot, limits)
        try:
            yield DockerSandbox(client, container, snapshot, limits, self._store)
        finally:
            await asyncio.shield(asyncio.to_thread(_remove, client, container))

    def _connect(self) -> Any:
        with self._lock:
            if self._client is None:
                try:
                    self._client = docker.APIClient(base_url=self._url, version="auto", timeout=120)
                except DockerException as error:
                    raise Unsupported(f"no Docker engine answers at {self._url}: {error}") from error
                self._watchdog = Watchdog("containers", self._url, self._label)
            return self._client

    def _close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
            watchdog, self._watchdog = self._watchdog, None
        if watchdog is not None:
            watchdog.close()
        if client is not None:
            client.close()

    def _start(self, client: Any, snapshot: FileSnapshot, limits: Limits) -> str:
        memory = limits.memory_mb << 20
        key, _, value = self._label.partition("=")
        try:
            image = self._image(client, snapshot)
            config = client.create_host_config(
                network_mode="none",
                mem_limit=memory,
                memswap_limit=memory,
                pids_limit=limits.processes + _OWN_PROCESSES,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                init=True,
            )
            container = client.create_container(
                image, ["sleep", "infinity"], user="0:0", hostname="sandbox", labels={key: value}, host_config=config
            )["Id"]
            client.start(container)
        except (DockerException, OSError) as error:
            raise SandboxFault(f"no container: {error}") from error
        return str(container)

    def _image(self, client: Any, snapshot: FileSnapshot) -> str:
        """Tag of the snapshot's image, loaded if the engine has it not. It stays there, as a cache."""
        if len(snapshot.layers) > _MOST_LAYERS:
            raise Unsupported(f"{len(snapshot.layers)} layers are more than an image may have; take the native backend")
        tag = "grindworks:" + hashlib.sha256("\n".join(snapshot.layers).encode()).hexdigest()[:40]
        try:
            client.inspect_image(tag)
        except ImageNotFound:
            client.load_image(image_archive(tag, [SKELETON, *(self._store.get(digest) for digest in snapshot.layers)]))
        return tag


def _remove(client: Any, container: str) -> None:
    with suppress(NotFound):
        client.remove_container(container, force=True, v=True)


class DockerSandbox:
    """One container. Made by :class:`DockerBackend` only."""

    def __init__(self, client: Any, container: str, snapshot: FileSnapshot, limits: Limits, store: LayerStore) -> None:
        self._client = client
        self._container = container
        self._snapshot = snapshot
        self._limits = limits
        self._store = store
        self._written: set[str] = set()  # by us, outside WORKSPACE

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
        variables = {**ENVIRONMENT, **(env or {})}
        return await asyncio.to_thread(self._exec, list(argv), timeout_s, stdin, variables, cwd)

    async def read(self, path: str) -> bytes:
        return await asyncio.to_thread(self._read, path)

    async def write(self, path: str, data: bytes, *, executable: bool = False) -> None:
        await asyncio.to_thread(self._write, path, data, executable)

    async def freeze(self) -> FileSnapshot:
        return await asyncio.to_thread(self._freeze)

    async def digest(self) -> str:
        return await asyncio.to_thread(lambda: entries_digest(self._tree(WORKSPACE)))

    # ------------------------------------------------------------------------------------------------------------ exec

    def _exec(self, argv: list[str], timeout_s: float, stdin: bytes, env: Mapping[str, str], cwd: str) -> ExecResult:
        limit = self._limits.output_bytes
        try:
            created = self._client.exec_create(
                self._container, argv, stdin=bool(stdin), user=f"{AGENT}:{AGENT}", environment=dict(env), workdir=cwd
            )["Id"]
            with Attached(self._client, created, limit) as attached:
                in_time = attached.run(stdin, timeout_s)
                self._end_processes()
                attached.drain()
            code = self._client.exec_inspect(created)["ExitCode"]
        except (DockerException, OSError) as error:
            raise SandboxFault(f"exec in a container: {error}") from error
        stdout, stderr, truncated = attached.stdout, attached.stderr, attached.truncated
        if not in_time:
            return ExecResult(_KILLED, stdout, stderr, "time", truncated)
        if code in (126, 127) and stdout.startswith(b"OCI runtime exec failed"):
            stdout, stderr = b"", stdout
            code = 127 if b"not found" in stderr or b"no such file" in stderr else 126
        return ExecResult(int(code), stdout, stderr, None, truncated)

    def _end_processes(self) -> None:
        """Whatever the agent's uid still runs: one signal reaches all of it at once."""
        running = self._client.top(self._container, "-eo pid,uid,stat")["Processes"]
        if any(int(uid) == AGENT and not stat.startswith("Z") for _, uid, stat in running):
            killer = self._client.exec_create(self._container, ["sh", "-c", "kill -9 -1"], user=f"{AGENT}:{AGENT}")
            self._client.exec_start(killer["Id"])

    # ----------------------------------------------------------------------------------------------------------- files

    def _stat(self, path: str) -> tuple[str, Any, Any]:
        """Kind and engine's stat of ``path``, and the stream of its archive. Raises FileNotFoundError."""
        try:
            stream, stat = self._client.get_archive(self._container, path)
        except APIError as error:
            if error.status_code == 404 or "not a directory" in str(error):
                raise FileNotFoundError(2, "no such file in the sandbox", path) from error
            raise PathRefused(f"{path!r}: {error.explanation}") from error
        return kind_of(stat["mode"]), stat, stream

    def _read(self, path: str) -> bytes:
        found = "/" + normal(path)
        for _ in range(_MOST_LINKS):
            kind, stat, stream = self._stat(found)
            if kind == "link":
                stream.close()
                found = stat["linkTarget"]
                continue
            if kind != "file":
                stream.close()
                raise PathRefused(f"not a regular file: {path!r}")
            return next(entries_of(b"".join(stream))).data
        raise PathRefused(f"too many links: {path!r}")

    def _write(self, path: str, data: bytes, executable: bool) -> None:
        relative = normal(path)
        *folders, name = relative.split("/")
        if len(os.fsencode(name)) > 255:
            raise PathRefused(f"name too long: {path[:80]!r}")
        depth = self._existing(folders, path)
        with suppress(FileNotFoundError):
            kind, _, stream = self._stat("/" + relative)
            stream.close()
            if kind == "dir":
                raise PathRefused(f"a directory: {path!r}")
        owner = AGENT if folders[:1] in ([_WORK], ["tmp"]) else 0
        tar = _one_file("/".join((*folders[depth:], name)), data, executable, owner)
        try:
            self._client.put_archive(self._container, "/" + "/".join(folders[:depth]), tar)
        except (DockerException, OSError) as error:
            raise SandboxFault(f"write {path!r}: {error}") from error
        if owner == 0:
            self._written.add(relative)

    def _existing(self, folders: Sequence[str], path: str) -> int:
        """How many of the file's directories are there. Raises PathRefused where one is something else, say a link."""
        for depth in range(1, len(folders) + 1):
            try:
                kind, _, stream = self._stat("/" + "/".join(folders[:depth]))
            except FileNotFoundError:
                return depth - 1
            stream.close()
            if kind != "dir":
                raise PathRefused(f"not a directory on the way: {path!r}")
        return len(folders)

    # ---------------------------------------------------------------------------------------------------------- freeze

    def _tree(self, path: str) -> list[Entry]:
        """Everything at and below ``path`` now, in tar order. Names that OCI reserves are no part of a snapshot."""
        _, _, stream = self._stat(path)
        prefix = path.strip("/").rpartition("/")[0]
        found = [
            Entry(
                f"{prefix}/{entry.path}" if prefix else entry.path,
                entry.kind,
                entry.data,
                entry.executable,
                entry.target,
            )
            for entry in entries_of(b"".join(stream))
            if entry.kind not in ("whiteout", "opaque")
        ]
        return sorted(without_hardlinks(found), key=lambda entry: sort_key(entry.path))

    def _freeze(self) -> FileSnapshot:
        before = merged(SKELETON, *(self._store.get(digest) for digest in self._snapshot.layers))
        now = {entry.path: entry for entry in self._tree(WORKSPACE)}
        for path in self._written:
            now |= {entry.path: entry for entry in self._tree("/" + path)}
        tracked = {path: entry for path, entry in before.items() if path in now or path.startswith(_WORK + "/")}
        changed = changes(tracked, now)
        if not changed:
            return self._snapshot
        return FileSnapshot((*self._snapshot.layers, self._store.put(pack_entries(changed))))


def _one_file(path: str, data: bytes, executable: bool, owner: int) -> bytes:
    """A tar of one file and its directories, all owned by ``owner``."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as tar:
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            info = tarfile.TarInfo("/".join(parts[:depth]))
            info.uid = info.gid = owner
            is_file = depth == len(parts)
            info.type = tarfile.REGTYPE if is_file else tarfile.DIRTYPE
            info.mode = 0o755 if executable or not is_file else 0o644
            info.size = len(data) if is_file else 0
            tar.addfile(info, io.BytesIO(data) if is_file else None)
    return out.getvalue()
