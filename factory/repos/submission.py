"""What an agent hands in: of all it left in its sandbox, the source files that may count, as plain text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from factory.repos.source import SourceTree
from sandboxes.base import WORKSPACE
from sandboxes.layers import Entry

MAX_FILE, MAX_TOTAL, MAX_FILES = 512 << 10, 4 << 20, 200
_RESERVED = re.compile(r"(^|/)(conftest|sitecustomize|usercustomize|test_[^/]*|[^/]*_test)\.py$|(^|/)tests?/")
_ROOT = WORKSPACE.strip("/") + "/"


@dataclass(frozen=True, slots=True)
class Submission:
    """``files``: changed source files against the pristine tree, path to text; None where deleted. ``dropped``: what
    else was left in the work tree and does not count. ``refused``: why nothing of it is graded, or empty."""

    files: Mapping[str, str | None] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    refused: str = ""

    @property
    def digest(self) -> str:
        """Hex, of what is graded."""
        whole = hashlib.sha256()
        for path, text in sorted(self.files.items()):
            whole.update(repr((path, text)).encode("utf-8", "surrogateescape"))
        return whole.hexdigest()


def collect(tree: SourceTree, layers: Sequence[Iterable[Entry]]) -> Submission:
    """Reads a submission off the layers above the pristine snapshot, lowest first.

    Allowed are the package's own ``.py`` files, and new ones in its folders. Whatever else lies in the work tree is
    dropped: it never reaches the sandbox where tests run. A link, a FIFO or an oversized file in place of a source is
    refused outright, since dropping it would grade something else than what was handed in.
    """
    final: dict[str, Entry] = {}
    for layer in layers:
        _lay(final, layer)
    pristine = tree.modules
    files: dict[str, str | None] = {}
    dropped: list[str] = []
    for path, entry in sorted(final.items()):
        if not _allowed(tree, path):
            if entry.kind not in ("dir", "opaque"):
                dropped.append(path)
        elif entry.kind == "whiteout":
            if path in pristine:
                files[path] = None
        elif entry.kind != "file" or len(entry.data) > MAX_FILE:
            return Submission({}, tuple(dropped), f"{path} is {_what(entry)}, not a source file")
        else:
            files[path] = entry.data.decode("utf-8", "surrogateescape")
    counting = {p: t for p, t in files.items() if t != pristine.get(p, "")}
    if len(counting) > MAX_FILES or sum(len(t or "") for t in counting.values()) > MAX_TOTAL:
        return Submission({}, tuple(dropped), "more source than a repository of this size has")
    return Submission(counting, tuple(dropped))


def _lay(final: dict[str, Entry], layer: Iterable[Entry]) -> None:
    """One layer over what is there: whiteouts and files hide what lay below their path."""
    entries = [e for e in layer if e.path.startswith(_ROOT)]
    for entry in entries:
        path = entry.path.removeprefix(_ROOT)
        if entry.kind in ("whiteout", "file", "link", "fifo", "opaque"):
            for below in [p for p in final if p.startswith(path + "/")]:
                del final[below]
    data = {e.path: e.data for e in entries if e.kind == "file"}
    for entry in entries:
        path = entry.path.removeprefix(_ROOT)
        if entry.kind == "hardlink" and entry.target in data:
            final[path] = Entry(entry.path, "file", data[entry.target], entry.executable)
        elif entry.kind in ("whiteout", "file", "link", "fifo", "hardlink"):
            final[path] = entry


def _allowed(tree: SourceTree, path: str) -> bool:
    inside = path.startswith(tree.package_dir + "/") and path.endswith(".py")
    return inside and not _RESERVED.search(path[len(tree.package_dir) :])


def _what(entry: Entry) -> str:
    if entry.kind == "file":
        return f"{len(entry.data)} bytes long"
    return {"link": "a symbolic link", "fifo": "a FIFO"}.get(entry.kind, f"a {entry.kind}")
