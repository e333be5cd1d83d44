"""A world on a loopback socket, for browsers and vendors' clients."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from app_clones.kit import admin as view
from app_clones.kit.asgi import Gate, token
from app_clones.kit.world import World


@dataclass(frozen=True, slots=True)
class Served:
    """Where a world answers. ``url`` ends without a slash; ``admin``: the admin view's address, or ``""``."""

    url: str
    port: int
    world: World
    admin: str = ""

    def token(self, person: int = 1) -> str:
        """The bearer token with which ``person`` uses the apps' APIs."""
        return token(self.world, person)

    def describe(self) -> dict[str, Any]:
        """What a user of the world needs to know, as JSON-able data: per app with routes its page, the API's root (as a
        client is given it), token."""
        apps = {}
        for app in self.world.apps:
            if app.routes():
                url = f"{self.url}/{app.name}/"
                apps[app.name] = {"url": url, "api": f"{url}{app.root}", "token": self.token()}
        return {"apps": apps, "admin": self.admin} if self.admin else {"apps": apps}


@contextmanager
def serve_world(world: World, port: int = 0, *, host: str = "127.0.0.1", admin: bool = False) -> Iterator[Served]:
    """Serves ``world`` on ``host`` (``port`` 0: any free one) from a thread of its own until the block ends.

    ``admin``: with the admin view of its state, for people. The thread owns the world meanwhile: look at it from
    elsewhere only while no request is under way. Raises OSError where the port is taken.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(64)  # so that nobody who asks at once is turned away while the loop starts
        # Clients that are cut off in mid-request at the end are no errors to tell of.
        config = uvicorn.Config(
            Gate(world, {view.ROOT: view.admin_app()} if admin else None),
            log_level="critical",
            lifespan="off",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="serve-world", daemon=True)
        thread.start()
        try:
            number = bound.getsockname()[1]
            url = f"http://127.0.0.1:{number}"
            yield Served(url, number, world, f"{url}{view.ROOT}/" if admin else "")
        finally:
            server.should_exit = True
            thread.join()
