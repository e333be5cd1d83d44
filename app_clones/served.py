"""``python -m app_clones.served FOLDER``: serves an exported world until it is told to stop; a container's one command.

``FOLDER`` holds ``world.sqlite`` (the snapshot), ``apps.json`` (the names of its apps, in order) and, of each app that
is data, ``apps/NAME/app.json`` with a ``behaviours.py`` beside it where there is one.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from importlib import import_module
from pathlib import Path

from app_clones.kit.app import App
from app_clones.kit.errors import KitError
from app_clones.kit.serve import serve_world
from app_clones.kit.world import World

SNAPSHOT, APPS = "world.sqlite", "apps.json"


def load(folder: Path) -> World:
    """A fork of the world in ``folder``. Raises KitError, OSError."""
    names: list[str] = json.loads((folder / APPS).read_text(encoding="utf-8"))
    return World.fork((folder / SNAPSHOT).read_bytes(), [_app(folder / "apps" / name, name) for name in names])


def _app(folder: Path, name: str) -> App:
    declaration, behaviours = folder / "app.json", folder / "behaviours.py"
    if declaration.exists():
        from app_clones.declared.load import from_json

        return from_json(declaration.read_bytes(), behaviours.read_bytes() if behaviours.exists() else b"").app()
    for value in vars(import_module(f"app_clones.{name}")).values():
        if isinstance(value, App) and value.name == name:
            return value
    raise KitError(f"package app_clones.{name} offers no App named {name!r}")


def main() -> None:
    """Prints one line of JSON, as ``grind serve-world`` does, once the world answers."""
    parser = argparse.ArgumentParser(prog="python -m app_clones.served", description="Serves an exported world.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--host", default="0.0.0.0", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):  # the first process of a container has no default for them
        signal.signal(number, lambda *_: stop.set())
    try:
        with load(given.folder) as world, serve_world(world, given.port, host=given.host, admin=True) as served:
            print(json.dumps(served.describe()), flush=True)
            while not stop.wait(1):  # without end, it could miss a signal that comes just before it begins
                pass
    except (KitError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
