"""What lies below a served world: Debian's Python and a few wheels, locked by SHA-256 as the inputs of a build are."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from app_clones.kit import located
from app_clones.kit.located import FileError
from factory import indexes
from factory import lock as locking
from factory.errors import SpecError
from factory.lock import Lock, Report
from factory.spec import Located, Name, Part
from factory.store import Store, canonical_json, sha256

SPEC = Path(__file__).with_name("server.yaml")
"""The base that comes with Grindworks, and beside it ``server.lock``."""

_GLIBC = ("2_34", "2_28", "2_17")  # of wheels; Debian's is newer than any of these


class ImageBase(Part):
    """Debian packages and wheels, compiled ones too, with all they need."""

    distribution: Literal["debian"]
    packages: tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]+$")], ...] = Field(min_length=1)
    requires: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+]+$")], ...]


class ImageSpec(Located):
    """The base of an image."""

    kind: Literal["image"]
    name: Name
    base: ImageBase

    @property
    def wants(self) -> str:
        """Digest of what is to be locked."""
        return sha256(canonical_json(self.base.model_dump(mode="json")))


def load_image_spec(path: Path = SPEC) -> ImageSpec:
    """Raises SpecError by file, line and field."""
    try:
        document = located.parse(located.read(path, "the spec"), str(path))
        spec = document.validate(ImageSpec, document.data)
    except FileError as error:
        raise SpecError(error.message, error.hint) from error
    spec._source, spec._lines = str(path), document.lines
    return spec


def locked_base(store: Store, *, path: Path = SPEC, update: bool = False, report: Report | None = None) -> Lock:
    """The base's lock, made if it is not there (or ``update``), and all it pins fetched into ``store``.

    Raises SpecError, also where the spec has changed since; InputGone, BuildError as :func:`factory.lock.fetch` does.
    """
    spec, at = load_image_spec(path), locking.lock_path(path)
    if update or not at.exists():
        lock = _resolve(spec, store)
        locking.write_lock(lock, at)
    else:
        lock = locking.read_lock(at)
        if (lock.spec, lock.wants) != (spec.name, spec.wants):
            raise SpecError(f"{at}: the lock was made for another state of {path.name}", "`grind export --relock`")
    locking.fetch(lock, store, report)
    return lock


def _resolve(spec: ImageSpec, store: Store) -> Lock:
    debs = locking.resolve_debs(spec.base.packages, spec.at("base", "packages"))
    files = locking.wheel_files(spec.base.requires, _tags(), debs, spec.at("base", "requires"))
    settings = indexes.pip_settings()
    with indexes.client_for(settings) as client:
        wheels = locking.take_wheels(files, client, settings, store)
    inputs = tuple(sorted([*wheels, *debs], key=lambda entry: (entry.kind, entry.name)))
    return Lock(spec=spec.name, wants=spec.wants, platform=locking.platform_here(), inputs=inputs)


def _tags() -> tuple[str, ...]:
    """What pip is told so that it finds the wheels of Debian's CPython on this architecture."""
    machine = platform.machine()
    platforms = (*(f"manylinux_{version}_{machine}" for version in _GLIBC), f"manylinux2014_{machine}", "any")
    return ("--implementation=cp", *(f"--platform={one}" for one in platforms))
