"""A built world in, an OCI image out: the same world, served from a container, with the same digests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import app_clones
from app_clones.served import APPS, SNAPSHOT
from factory.errors import BuildError, boundary
from factory.image.base import locked_base
from factory.lock import Lock, Report
from factory.manifest import Manifest, check_code, read_manifest
from factory.rootfs import PACKAGES, base_snapshot
from factory.store import Store, canonical_json, sha256
from factory.worlds.suite import CODE
from sandboxes.layers import Entry, pack_entries
from sandboxes.oci import image_archive

WORLD = "world"
"""The folder of the image in which the world lies."""

PORT = 8000


@dataclass(frozen=True, slots=True)
class Image:
    """``archive``: what ``docker load`` reads. ``digest`` of those bytes (hex): the same inputs give the same."""

    tag: str
    archive: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the archive (hex)."""
        return sha256(self.archive)


def export(store: Store, environment: str, *, lock: Lock | None = None, report: Report | None = None) -> Image:
    """The image of a built world, by name or digest. Fetches the base's locked files where the store lacks them.

    Its layers, lowest first: Debian's Python, the wheels, the apps' code, the world. Raises BuildError for what is no
    world, or was built by other code than is here; InputGone.
    """
    manifest = read_manifest(store, environment)
    if manifest.kind != "world":
        raise BuildError(f"{manifest.name} is a {manifest.kind}: only worlds are served", "`docker load` its layers")
    check_code(manifest, CODE)
    base = base_snapshot(lock or locked_base(store, report=report), store, report)
    with boundary(BuildError, f"export {manifest.name}"):
        layers = [store.get(layer) for layer in base.layers]
        layers += [pack_entries(_code()), pack_entries(_world(manifest, store))]
        tag = f"grindworks-{manifest.name.replace('_', '-')}:{manifest.digest[:12]}"
        return Image(tag, image_archive(tag, layers, _config()))


def _config() -> dict[str, object]:
    return {
        "Entrypoint": ["python3", "-m", "app_clones.served", f"/{WORLD}"],
        "Env": ["PATH=/usr/bin:/bin", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1", "PYTHONHASHSEED=0"],
        "ExposedPorts": {f"{PORT}/tcp": {}},
        "StopSignal": "SIGTERM",
        "User": "1000:1000",
    }


def _code() -> Iterator[Entry]:
    """The package ``app_clones`` as it is here, without byte code."""
    root = Path(str(app_clones.__file__)).parent
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield Entry(f"{PACKAGES}/app_clones/{path.relative_to(root).as_posix()}", data=path.read_bytes())


def _world(manifest: Manifest, store: Store) -> Iterator[Entry]:
    yield Entry(f"{WORLD}/{SNAPSHOT}", data=store.get(manifest.snapshot[0]))
    yield Entry(f"{WORLD}/{APPS}", data=canonical_json(store.get_json(manifest.parts["about"])["apps"]))
    for name, digest in manifest.parts.items():
        if name.startswith("apps/"):
            yield Entry(f"{WORLD}/{name}", data=store.get(digest))
