"""What an agent hands in: of all it left in its sandbox, the source files that may count, as plain text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from factory.repos.source import SourceTree
from sandboxes.base import WORKSPACE
from sandboxes.layers import Entry
from sandboxes.trees import lay

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
    dropped: it never reaches the sandbox where tests run. A link, a FIFO or an oversized file in place of a source, or
    of a folder that leads to it, is refused outright, since dropping it would grade something else than what was handed
    in; and a source that is gone, by itself or with a folder above it, counts as deleted.
    """
    pristine = {path: text for path, text in tree.modules.items() if _allowed(tree, path)}
    state = {_ROOT + path: Entry(_ROOT + path, "file", text.encode()) for path, text in pristine.items()}
    gone: set[str] = set()
    for layer in layers:
        entries = [entry for entry in layer if entry.path.startswith(_ROOT)]
        gone |= {entry.path.removeprefix(_ROOT) for entry in entries if entry.kind == "whiteout"}
        lay(state, _resolved(entries))
    final = {path.removeprefix(_ROOT): entry for path, entry in state.items() if entry.kind != "dir"}
    dropped = tuple(sorted(p for p in final.keys() | gone if not _allowed(tree, p)))
    package = PurePosixPath(tree.package_dir)
    for folder in map(str, (package, *package.parents)):
        if folder in final:  # no source can lie there, and none is to be taken from elsewhere
            return Submission({}, dropped, f"{folder} is {_what(final[folder])}, not a folder of sources")
    files: dict[str, str | None] = dict.fromkeys(pristine.keys() - final.keys())
    for path, entry in sorted(final.items()):
        if not _allowed(tree, path):
            continue
        if entry.kind != "file" or len(entry.data) > MAX_FILE:
            return Submission({}, dropped, f"{path} is {_what(entry)}, not a source file")
        files[path] = entry.data.decode("utf-8", "surrogateescape")
    counting = {p: t for p, t in files.items() if t != pristine.get(p, "")}
    if len(counting) > MAX_FILES or sum(len(t or "") for t in counting.values()) > MAX_TOTAL:
        return Submission({}, dropped, "more source than a repository of this size has")
    return Submission(counting, dropped)


def _resolved(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Hard links as files of their own; one that leads out of the work tree stays what it is."""
    files = {entry.path: entry for entry in entries if entry.kind == "file"}
    for entry in entries:
        inside = entry.kind == "hardlink" and entry.target in files
        yield replace(files[entry.target], path=entry.path) if inside else entry


def _allowed(tree: SourceTree, path: str) -> bool:
    inside = path.startswith(tree.package_dir + "/") and path.endswith(".py")
    return inside and not _RESERVED.search(path[len(tree.package_dir) :])


def _what(entry: Entry) -> str:
    if entry.kind == "file":
        return f"{len(entry.data)} bytes long"
    return {"link": "a symbolic link", "fifo": "a FIFO"}.get(entry.kind, f"a {entry.kind}")
