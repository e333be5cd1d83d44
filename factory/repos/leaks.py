"""Looking for the answer in the base: upstream copies, vendored or compiled or zipped, and version-control history."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence

from factory.repos.operators import Source
from factory.repos.source import SourceTree
from sandboxes.layers import entries_of

_ARCHIVES = (".whl", ".zip", ".egg", ".pyz", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_HISTORY = re.compile(r"(^|/)(\.git|\.hg|\.svn|\.bzr)(/|$)")
_MARKERS = 40
_NEEDED = 2  # one line in common may be chance


def find_copies(layers: Iterable[bytes], tree: SourceTree, package: str) -> list[str]:
    """What of ``layers`` gives the package away, one line for each file: by name, by history, by content.

    Content: passages of source or docstring that are the package's own, looked for in every file, byte code (which
    keeps docstrings and names) and archives' members included."""
    name = tree.package_dir.rpartition("/")[2]
    spelled = re.compile(rf"(^|/){re.escape(name)}(\.py[cowd]?|\.[^/]*\.(pyc|so)|-[^/]*|\.egg[^/]*|\.whl)?(/|$)", re.I)
    markers = own_passages(tree)
    found = []
    for path, data in _files(layers):
        if spelled.search(path):
            found.append(f"{path} is named after {package}")
        elif _HISTORY.search(path):
            found.append(f"{path} is version-control history")
        elif sum(marker in data for marker in markers) >= _NEEDED:
            found.append(f"{path} holds passages of {package}")
    return found


def own_passages(tree: SourceTree) -> list[bytes]:
    """Long lines of code and docstrings of the package, spread over its functions."""
    passages: list[str] = []
    for path, text in tree.modules.items():
        for function in Source(path, text).functions():
            lines = [*function.doc.splitlines()[:1], *function.source.get(function.node).splitlines()]
            longest = sorted((line.strip() for line in lines), key=len)[-2:]
            passages += [line for line in longest if len(line) >= 40]
            passages += [function.doc] if len(function.doc) >= 40 else []
    unique = sorted(set(passages), key=len, reverse=True)
    docs = [p for p in unique if "\n" in p or not p.isascii() or p.endswith(".")]
    chosen = [*docs[: _MARKERS // 2], *[p for p in unique if p not in docs][: _MARKERS // 2]]
    return [p.encode() for p in chosen]


def _files(layers: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    for layer in layers:
        for entry in entries_of(layer):
            yield entry.path, entry.data
            if entry.kind == "file" and entry.path.endswith(_ARCHIVES):
                yield from _members(entry.path, entry.data)


def _members(path: str, data: bytes) -> Sequence[tuple[str, bytes]]:
    try:
        if zipfile.is_zipfile(io.BytesIO(data)):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return [(f"{path}!/{n}", archive.read(n)) for n in archive.namelist() if not n.endswith("/")]
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            plain = [(m, tar.extractfile(m)) for m in tar if m.isreg()]
            return [(f"{path}!/{m.name}", file.read()) for m, file in plain if file is not None]
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError):
        return []
