"""Messages between a backend and its warden: one JSON object a packet, descriptors beside it, over a UNIX socket
pair."""

from __future__ import annotations

import array
import json
import os
import socket
from collections.abc import Sequence
from typing import Any

_INLINE = 32 * 1024  # larger messages travel in a memfd, whose descriptor then comes last
_MAX_FDS = 8

Message = dict[str, Any]


def send(sock: socket.socket, message: Message, fds: Sequence[int] = (), *, wait: bool = True) -> None:
    """Without ``wait``, raises BlockingIOError where the other side has fallen behind."""
    raw = json.dumps(message).encode()
    extra = -1
    try:
        if len(raw) > _INLINE:
            extra = memory_file(raw)
            raw, fds = b"", (*fds, extra)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sock.sendmsg([raw or b"\0"], rights, 0 if wait else socket.MSG_DONTWAIT)
    finally:
        if extra >= 0:
            os.close(extra)


def receive(sock: socket.socket) -> tuple[Message, list[int]] | None:
    """The next message and its descriptors (now ours to close); None when the other side is gone."""
    room = socket.CMSG_SPACE(_MAX_FDS * array.array("i").itemsize)
    try:
        raw, ancillary, _, _ = sock.recvmsg(2 * _INLINE, room, socket.MSG_CMSG_CLOEXEC)
    except ConnectionError:
        return None
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    if not raw:
        return None
    if raw != b"\0":
        return json.loads(raw), list(fds)
    with os.fdopen(fds.pop(), "rb") as file:
        file.seek(0)
        return json.loads(file.read()), list(fds)


def memory_file(data: bytes) -> int:
    """A descriptor from which ``data`` is read, starting at its beginning."""
    fd = os.memfd_create("grindworks", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
