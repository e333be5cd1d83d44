"""A repository's source: the locked sdist, split into what an agent sees and what only grading brings in."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from factory.errors import BuildError
from sandboxes.base import WORKSPACE
from sandboxes.layers import Entry, pack_entries

_LEFT_OUT = re.compile(r"(^|/)(\.git[^/]*|\.hg|\.svn|[^/]+\.egg-info|__pycache__)(/|$)|^PKG-INFO$|\.py[co]$")
_MAX_FILE = 4 << 20


@dataclass(frozen=True, slots=True)
class SourceTree:
    """Paths are relative to WORKSPACE. ``visible``: sources and documentation. ``hidden``: the test files.
    ``import_root``: what goes on sys.path (``src`` or ``""``). ``package_dir``: the package's folder."""

    visible: Mapping[str, bytes]
    hidden: Mapping[str, bytes]
    import_root: str
    package_dir: str

    @property
    def modules(self) -> dict[str, str]:
        """The package's Python files, path to text."""
        prefix = self.package_dir + "/"
        return {p: d.decode() for p, d in self.visible.items() if p.startswith(prefix) and p.endswith(".py")}

    def layer(self) -> bytes:
        """What an agent sees, as a layer."""
        root = WORKSPACE.strip("/")
        return pack_entries([Entry(f"{root}/{path}", "file", data) for path, data in self.visible.items()])


def unpack_sdist(data: bytes, package: str, test_paths: Iterable[str]) -> SourceTree:
    """Reads a ``.tar.gz`` sdist. Executes nothing; history, caches and packaging metadata are left out.

    Raises BuildError where it is no sdist, holds links, or has no package or no tests where they should be.
    """
    files = _files(data)
    tests = tuple(path.rstrip("/") for path in test_paths)
    hidden = {p: d for p, d in files.items() if any(p == t or p.startswith(t + "/") for t in tests)}
    if not any(p.endswith(".py") for p in hidden):
        raise BuildError(f"the sdist of {package} has no tests at {', '.join(tests)}", "set test.paths in the spec")
    visible = {p: d for p, d in files.items() if p not in hidden}
    root, folder = _package(visible, package)
    return SourceTree(visible, hidden, root, folder)


def _files(data: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if member.isdir():
                    continue
                if not member.isreg() or path.is_absolute() or ".." in path.parts or member.size > _MAX_FILE:
                    raise BuildError(f"the sdist holds {member.name!r}, which is no plain file of a source")
                inner = "/".join(path.parts[1:])
                file = tar.extractfile(member)
                if inner and file is not None and not _LEFT_OUT.search(inner):
                    found[inner] = file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BuildError(f"not an sdist: {error}", "`grind lock` fetches it again") from error
    return dict(sorted(found.items()))


def _package(files: Mapping[str, bytes], package: str) -> tuple[str, str]:
    name = re.sub(r"[-.]+", "_", package)
    for root in ("src", "lib", ""):
        for spelled in (name, name.lower()):
            folder = f"{root}/{spelled}".lstrip("/")
            if f"{folder}/__init__.py" in files:
                return root, folder
    raise BuildError(f"the sdist of {package} has no package folder {name}/", "looked in src/, lib/ and the root")
