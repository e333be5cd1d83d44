"""Output of a command, kept up to a limit and drained beyond it, without blocking the event loop."""

from __future__ import annotations

import asyncio
import os

_CHUNK = 1 << 16


class Collector:
    """Reads one pipe in the running event loop: ``writing_end`` goes to the command, then ``start``, at last
    ``finish``."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()
        self.dropped = False
        self._reading_end, self.writing_end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._reading_end, False)
        os.set_blocking(self.writing_end, True)
        self._loop = asyncio.get_running_loop()
        self._watched = False

    def start(self) -> None:
        """Closes our copy of the writing end and begins to read."""
        os.close(self.writing_end)
        self._loop.add_reader(self._reading_end, self._take)
        self._watched = True

    def finish(self) -> bytes:
        """What was kept. Takes what lies in the pipe, and waits for no one who may still hold it open."""
        left = 1 << 21  # more than a pipe holds: a bound, should someone go on writing
        while self._watched and left > 0 and (count := self._take()):
            left -= count
        self._unwatch()
        os.close(self._reading_end)
        return bytes(self._kept)

    def _take(self) -> int:
        try:
            data = os.read(self._reading_end, _CHUNK)
        except BlockingIOError:
            return 0
        if not data:
            self._unwatch()
            return 0
        room = self._limit - len(self._kept)
        self._kept += data[:room] if room > 0 else b""
        self.dropped = self.dropped or len(data) > room
        return len(data)

    def _unwatch(self) -> None:
        if self._watched:
            self._loop.remove_reader(self._reading_end)
            self._watched = False
