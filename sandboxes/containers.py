"""Details of the Docker engine's API: attached execs and the file modes of its archive calls."""

from __future__ import annotations

import select
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any

_DIR, _LINK, _PIPE, _SPECIAL = 1 << 31, 1 << 27, 1 << 25, (1 << 26) | (1 << 24) | (1 << 21) | (1 << 19)
_LOOK_S = 0.25
_DRAIN_S = 5.0


def kind_of(mode: int) -> str:
    """``file``, ``dir``, ``link`` or ``special``, of a Go file mode."""
    if mode & _DIR:
        return "dir"
    if mode & _LINK:
        return "link"
    return "special" if mode & (_PIPE | _SPECIAL) else "file"


class Attached:
    """The streams of one exec, frames of eight bytes header (stream, length) and payload. Blocks; for use in a
    thread."""

    def __init__(self, client: Any, exec_id: str, limit: int) -> None:
        self._client = client
        self._id = exec_id
        self._limit = limit
        self._kept = {1: bytearray(), 2: bytearray()}
        self._pending = bytearray()
        self._open = True
        self.truncated = False
        self._holder = client.exec_start(exec_id, socket=True)
        self._sock: socket.socket = getattr(self._holder, "_sock", self._holder)

    def __enter__(self) -> Attached:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._holder.close()
        self._sock.close()

    @property
    def stdout(self) -> bytes:
        return bytes(self._kept[1])

    @property
    def stderr(self) -> bytes:
        return bytes(self._kept[2])

    def run(self, stdin: bytes, timeout_s: float) -> bool:
        """Feeds and reads until the command itself has ended; False if the time is over before."""
        until = time.monotonic() + timeout_s
        feeder = threading.Thread(target=self._feed, args=(stdin,), daemon=True)
        feeder.start()
        while self._open:
            left = until - time.monotonic()
            if left <= 0:
                return False
            if not self._take(min(left, _LOOK_S)) and not self._client.exec_inspect(self._id)["Running"]:
                return True  # something it left behind holds the streams open
        return True

    def drain(self) -> None:
        """Takes what is still under way. Nobody writes any more, so the end is near."""
        until = time.monotonic() + _DRAIN_S
        while self._open and time.monotonic() < until:
            self._take(_LOOK_S)

    def _feed(self, stdin: bytes) -> None:
        if stdin:
            with suppress(OSError):  # the command need not read it all
                self._sock.sendall(stdin)
                self._sock.shutdown(socket.SHUT_WR)

    def _take(self, wait_s: float) -> bool:
        if not select.select([self._sock], [], [], wait_s)[0]:
            return False
        data = self._sock.recv(1 << 16)
        self._open = bool(data)
        self._pending += data
        while len(self._pending) >= 8:
            length = int.from_bytes(self._pending[4:8], "big")
            if len(self._pending) < 8 + length:
                break
            kept = self._kept[2 if self._pending[0] == 2 else 1]
            room = max(0, self._limit - len(kept))
            kept += self._pending[8 : 8 + min(length, room)]
            self.truncated = self.truncated or length > room
            del self._pending[: 8 + length]
        return True
