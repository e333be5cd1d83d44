"""What a build made: the manifest, what its digest covers, and reading it from the store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from factory.errors import BuildError
from factory.store import Store, canonical_json, sha256

ENVIRONMENT = "environment"  # kind of the store's refs from an environment's name to the digest of its manifest


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


def check_code(manifest: Manifest, modules: Iterable[ModuleType]) -> None:
    """Raises BuildError where ``manifest`` was built by other code than is here now: its verdicts would be others."""
    if code_digest(modules) != manifest.code_digest:
        raise BuildError(
            f"environment {manifest.name} ({manifest.digest[:12]}) was built by other code than this",
            "`grind build` makes it anew; to replay its old runs, check out the code that made them",
        )


def _sources(module: ModuleType) -> list[tuple[str, bytes]]:
    file = Path(str(module.__file__))
    if not hasattr(module, "__path__"):
        return [(file.name, file.read_bytes())]
    root = file.parent
    found = (p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return sorted((p.relative_to(root).as_posix(), p.read_bytes()) for p in found)


def read_manifest(store: Store, name_or_digest: str) -> Manifest:
    """The manifest of an environment, by name or digest (hex). Raises BuildError where there is none, InputGone."""
    digest = store.ref(ENVIRONMENT, name_or_digest) or name_or_digest
    is_digest = len(digest) == 64 and not set(digest) - set("0123456789abcdef")
    if not is_digest or not store.has(digest):
        known = ", ".join(store.refs(ENVIRONMENT)) or "nothing yet"
        raise BuildError(f"no environment {name_or_digest!r} was built", f"`grind build`; here: {known}")
    try:
        return Manifest.model_validate_json(store.get(digest))
    except ValidationError as error:
        raise BuildError(f"{name_or_digest} names no environment", "`grind build` makes it anew") from error


def environments(store: Store) -> dict[str, Manifest]:
    """All that was built, by name: each name's latest."""
    return {name: read_manifest(store, digest) for name, digest in store.refs(ENVIRONMENT).items()}
