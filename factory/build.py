"""Spec in, frozen environment out: the manifest, what its digest covers, and loading what was built."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Literal

from pydantic import BaseModel, ConfigDict

from factory.store import canonical_json, sha256

Report = Callable[[str], None]


class Manifest(BaseModel):
    """What one build made. Its digest is the environment's, and covers all that decides an episode or its reward.

    ``snapshot``: digests of blobs: one (a world's database) or a file snapshot's layers, lowest first.
    ``start_digest``: state digest of a fresh fork. ``parts``: further blobs by name (tests, deltas, search tables …).
    ``code_digest``: of the source of app, kit, verifier, templates and builder, see ``code_digest()``.
    ``tasks``: blob holding the canonical JSON list of tasks, private parts included.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: Literal["world", "repo"]
    snapshot: tuple[str, ...]
    start_digest: str
    parts: Mapping[str, str] = {}
    tasks: str
    code_digest: str
    sqlite_version: str

    @property
    def digest(self) -> str:
        """The environment's digest (hex)."""
        return sha256(self.to_json())

    def to_json(self) -> bytes:
        """Canonical JSON; what the store keeps under ``digest``."""
        return canonical_json(self.model_dump(mode="json"))


def code_digest(modules: Iterable[ModuleType]) -> str:
    """Digest (hex) over the source files of ``modules``; of a package, all of its files but caches.

    By path within the module's own tree and content, so neither place nor time of the checkout counts.
    """
    whole = hashlib.sha256()
    for module in sorted(modules, key=lambda m: m.__name__):
        for name, data in _sources(module):
            entry = f"{module.__name__}\0{name}\0{len(data)}\0".encode()
            whole.update(entry + data)
    return whole.hexdigest()


def _sources(module: ModuleType) -> list[tuple[str, bytes]]:
    file = Path(str(module.__file__))
    if not hasattr(module, "__path__"):
        return [(file.name, file.read_bytes())]
    root = file.parent
    found = (p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return sorted((p.relative_to(root).as_posix(), p.read_bytes()) for p in found)
