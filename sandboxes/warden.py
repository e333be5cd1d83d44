"""The warden: one small process per backend that mounts overlays, starts bubblewrap, enforces limits, and outlives
no one.

It lives in a mount namespace of its own, so every mount dies with it; it watches its parent, and when that is gone,
even by SIGKILL, it ends all sandboxes, removes their control groups and exits. It is single-threaded and small on
purpose: forking it is cheap, and only it needs privileges. The parent talks to it through :mod:`sandboxes.wire`:

    fork {box, layers, limits}  -> {ok, uid}, with descriptors of the merged tree and of the upper directory
    exec {box, argv, env, cwd, timeout_s, machine_s}, with stdin, stdout, stderr
                                -> {exit_code, stopped, cpu_s, why}, when the last of its processes has ended
    kill {exec}                 -> {ok}; the exec's own answer follows
    drop {box}                  -> {ok}, when nothing of the sandbox is left

Any of them may be answered by {error} instead.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandboxes import wire
from sandboxes.base import SandboxFault
from sandboxes.boxes import Box, BoxYard
from sandboxes.jail import Running, start


@dataclass
class Warden:
    """Event loop over the parent's socket, running commands, and their timers."""

    sock: socket.socket
    yard: BoxYard
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    boxes: dict[int, Box] = field(default_factory=dict)
    running: dict[int, Running] = field(default_factory=dict)
    dropping: dict[int, int] = field(default_factory=dict)  # box -> id of the message to answer
    done: bool = False

    def serve(self, parent: int) -> None:
        parent_fd = os.pidfd_open(parent)
        self._watch(parent_fd, self._parent_ended)
        self._watch(self.sock.fileno(), self._hear)
        try:
            while not self.done:
                for key, _ in self.selector.select(self._pause()):
                    key.data()
                self._tick()
        finally:
            self._end_all()

    # ------------------------------------------------------------------------------------------------------- messages

    def _parent_ended(self) -> None:
        self.done = True

    def _hear(self) -> None:
        heard = wire.receive(self.sock)
        if heard is None:
            self.done = True
            return
        message, fds = heard
        try:
            getattr(self, "_on_" + message["op"])(message, fds)
        except Exception as error:  # whatever one request asks for, the other sandboxes go on
            self._answer(message["id"], error=f"{type(error).__name__}: {error}")
        finally:
            for fd in fds:
                os.close(fd)

    def _answer(self, number: int, fds: tuple[int, ...] = (), **content: Any) -> None:
        try:
            wire.send(self.sock, {"id": number, **content}, fds)
        except ConnectionError:
            self.done = True

    def _on_fork(self, message: wire.Message, _fds: list[int]) -> None:
        box = self.yard.fork(message["layers"], message["limits"])
        self.boxes[message["box"]] = box
        root, upper = box.open()
        try:
            self._answer(message["id"], (root, upper), ok=True, uid=box.slot.uid)
        finally:
            os.close(root)
            os.close(upper)

    def _on_exec(self, message: wire.Message, fds: list[int]) -> None:
        box = self.boxes.get(message["box"])
        if box is None or message["box"] in self.dropping:
            raise SandboxFault("this sandbox is closed")
        running = start(box, message, fds)
        self.running[message["id"]] = running
        self._watch(running.cell.sock.fileno(), lambda: self._heard(message["id"]))
        self._watch(running.status_fd, lambda: self._told(message["id"]))

    def _on_kill(self, message: wire.Message, _fds: list[int]) -> None:
        if running := self.running.get(message["exec"]):
            running.stop("killed")
        self._answer(message["id"], ok=True)

    def _on_drop(self, message: wire.Message, _fds: list[int]) -> None:
        self.dropping[message["box"]] = message["id"]
        for running in self.running.values():
            if running.box is self.boxes.get(message["box"]):
                running.stop("killed")
        self._drop_idle()

    def _drop_idle(self) -> None:
        busy = {id(running.box) for running in self.running.values()}
        for number in [n for n in self.dropping if id(self.boxes.get(n)) not in busy]:
            answer = self.dropping.pop(number)
            if box := self.boxes.pop(number, None):
                self.yard.drop(box)
            self._answer(answer, ok=True)

    # ------------------------------------------------------------------------------------------------- running
    # commands

    def _told(self, number: int) -> None:
        running = self.running.get(number)  # gone, if both of its descriptors were ready in one round
        if running is not None and not running.read_status():
            self.selector.unregister(running.status_fd)

    def _heard(self, number: int) -> None:
        running = self.running[number]
        channel = running.cell.sock.fileno()
        running.hear()
        if running.ended:
            self.selector.unregister(channel)
            self._finish_if_empty(number)

    def _finish_if_empty(self, number: int) -> None:
        running = self.running[number]
        if not running.is_empty():
            return
        del self.running[number]
        if running.status_fd in self.selector.get_map():
            self.selector.unregister(running.status_fd)
        self._answer(number, **running.finish())
        self._drop_idle()

    def _tick(self) -> None:
        now = time.monotonic()
        for number, running in list(self.running.items()):
            if running.ended:
                self._finish_if_empty(number)
            elif now >= running.next_look:
                running.look(now)

    def _pause(self) -> float | None:
        if not self.running:
            return None
        if any(running.ended for running in self.running.values()):
            return 0.0005  # only the kernel's clearing of a pid namespace is waited for
        return max(0.0, min(running.next_look for running in self.running.values()) - time.monotonic())

    def _watch(self, fd: int, then: Callable[[], None]) -> None:
        self.selector.register(fd, selectors.EVENT_READ, then)

    def _end_all(self) -> None:
        for running in self.running.values():
            running.stop("killed")
        self.yard.close(list(self.boxes.values()))


def main() -> None:
    """Arguments: socket descriptor, parent's pid, cache, whether to copy. Answers message 0 when it is ready."""
    fd, parent, cache, copying = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4] == "copy"
    os.setsid()  # a Ctrl-C at the terminal is the parent's to handle
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sock = socket.socket(fileno=fd)
    sock.set_inheritable(False)  # it had to be, to reach us; no sandbox may ever hold it
    try:
        yard = BoxYard(cache, copying=copying)
    except (SandboxFault, OSError) as error:
        wire.send(sock, {"id": 0, "error": f"{type(error).__name__}: {error}"})
        return
    wire.send(sock, {"id": 0, "ok": True, **yard.describe()})
    Warden(sock, yard).serve(parent)


if __name__ == "__main__":
    main()
