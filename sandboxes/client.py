"""The parent's side of a warden: starting it, asking it, noticing that it is gone."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from sandboxes import wire
from sandboxes.base import SandboxFault, Unsupported

Answer = tuple[wire.Message, list[int]]

_KINDS: dict[str, type[SandboxFault]] = {"Unsupported": Unsupported}


# Isolated and without site: it starts in a third of the time and imports nothing but the standard library and
# sandboxes.
_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from sandboxes.warden import main; main()"


class WardenClient:
    """One warden process and the thread that receives its answers. Serves any number of threads and event loops."""

    def __init__(self, cache: Path, *, copying: bool = False) -> None:
        """Blocks (tens of milliseconds) until the warden is ready. Raises Unsupported, SandboxFault."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = [sys.executable, "-I", "-S", "-c", _START, str(Path(__file__).parents[1])]
        argv += [str(theirs.fileno()), str(os.getpid()), str(cache), "copy" if copying else "map"]
        with theirs:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], env={}, cwd="/"
            )
        self.owner = os.getpid()
        self._sock = ours
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Answer]] = {0: Future()}
        self._last = 0
        self.alive = True
        hello = self._waiting[0]
        self._thread = threading.Thread(target=self._receive, name="warden-client", daemon=True)
        self._thread.start()
        try:
            self.about = _checked(hello.result(timeout=30)[0])
        except BaseException:
            self.close()
            raise

    async def post(self, op: str, fds: Sequence[int] = (), **content: Any) -> tuple[int, Future[Answer]]:
        """Sends a request; returns its number and what its answer will be. ``fds`` may be closed on return, also by
        cancellation. Never blocks the event loop, even if the warden has fallen behind. Raises SandboxFault."""
        try:
            return self._send(op, fds, content, wait=False)
        except BlockingIOError:
            sending = asyncio.ensure_future(asyncio.to_thread(self._send, op, fds, content, wait=True))
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            await asyncio.wait([sending])
            raise

    async def ask(self, op: str, fds: Sequence[int] = (), **content: Any) -> Answer:
        """A request and its answer, which raises SandboxFault if the warden could not do it."""
        _, answer = await self.post(op, fds, **content)
        message, received = await asyncio.wrap_future(answer)
        return _checked(message), received

    def tell(self, op: str, **content: Any) -> None:
        """A request without an answer, sent in the background."""
        threading.Thread(target=self._send_quietly, args=(op, content), daemon=True).start()

    def _send_quietly(self, op: str, content: wire.Message) -> None:
        with suppress(SandboxFault):  # the warden's end is noticed elsewhere
            self._send(op, (), content, wait=True)

    def _send(self, op: str, fds: Sequence[int], content: wire.Message, *, wait: bool) -> tuple[int, Future[Answer]]:
        if not self._lock.acquire(blocking=wait):
            raise BlockingIOError
        try:
            if not self.alive:
                raise SandboxFault("the warden process is gone")
            number, answer = self._last + 1, Future[Answer]()
            self._waiting[number] = answer
            try:
                wire.send(self._sock, {"op": op, "id": number, **content}, fds, wait=wait)
            except BlockingIOError:
                del self._waiting[number]
                raise
            except OSError as error:
                del self._waiting[number]
                raise SandboxFault(f"the warden process is gone: {error}") from error
            self._last = number
            return number, answer
        finally:
            self._lock.release()

    def close(self) -> None:
        """Ends the warden, and with it every sandbox, mount and control group. Blocks until it is gone."""
        with self._lock:
            self.alive = False
            with suppress(OSError):  # it may have ended by itself
                self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._sock.close()
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _receive(self) -> None:
        while True:
            try:
                heard = wire.receive(self._sock)
            except OSError:
                heard = None
            if heard is None:
                break
            answer = self._waiting.pop(heard[0]["id"], None)
            if answer is None or not answer.set_running_or_notify_cancel():
                _close_all(heard[1])
            else:
                answer.set_result(heard)
        with self._lock:
            self.alive = False
            waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if answer.set_running_or_notify_cancel():
                answer.set_exception(SandboxFault("the warden process ended"))


def _close_all(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)


def _checked(message: wire.Message) -> wire.Message:
    if "error" in message:
        kind, _, text = message["error"].partition(": ")
        raise _KINDS.get(kind, SandboxFault)(text or kind)
    return message
