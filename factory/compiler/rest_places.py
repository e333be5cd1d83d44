"""Where the methods of a REST API act: on a collection, on a row of it, or by a verb on either."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from factory.compiler.api import ApiDoc, Method

Key = tuple[str, ...]
"""A collection: its literal segments from the root down, ``("tickets", "comments")``."""

_VERSION = re.compile(r"v\d+(\.\d+)*|api|rest")
_ID = re.compile(r"\{[^{}]+\}")
#: What may follow the last segment proper: the form of the answer, which is always JSON, and a custom verb (AIP-136).
_TAIL = re.compile(r"(?P<head>.+?)(?:\.json)?(?P<verb>:[A-Za-z][\w-]*)?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one method acts. ``key``: its collection; ``on``: what there; ``verb``: the segments after that, if any;
    ``ids``: the path's parameters, from the root down, one for each collection but, on a collection, the last.
    ``obscure``: the first segment of which nothing is known (``{year}-{month}``); the place is no collection then."""

    key: Key
    on: Literal["collection", "row"]
    verb: str | None
    ids: tuple[str, ...]
    obscure: str | None = None

    def above(self, n: int) -> Key:
        """The collection whose row the path's ``n``-th parameter names; empty where it follows none."""
        depth = len(self.key) - len(self.ids) + (0 if self.on == "row" else -1)
        return self.key[: depth + n + 1] if depth >= 0 else ()


def places(doc: ApiDoc) -> list[Place]:
    """The place of each method of ``doc``, in its order."""
    paths = [_segments(method) for method in doc.methods]
    rows = {tuple(path[: n + 1]) for path in paths for n, part in enumerate(path) if _is_id(part)}
    read = {tuple(path) for method, path in zip(doc.methods, paths, strict=True) if method.verb == "GET"}
    return [_place(path, rows, read) for path in paths]


def _segments(method: Method) -> list[str]:
    parts = [part for part in method.path.strip("/").split("/") if part]
    while parts and _VERSION.fullmatch(parts[0]):
        parts = parts[1:]
    if parts and (split := _TAIL.fullmatch(parts[-1])):
        parts[-1:] = [part for part in (split["head"], split["verb"]) if part]
    return parts


def _is_id(part: str) -> bool:
    return _ID.fullmatch(part) is not None


def _place(path: Sequence[str], rows: set[tuple[str, ...]], read: set[tuple[str, ...]]) -> Place:
    if (obscure := next((part for part in path if "{" in part and not _is_id(part)), None)) is not None:
        return Place((), "collection", None, (), obscure)
    literals: list[str] = []
    ids: list[str] = []
    verb: list[str] = []
    on: Literal["collection", "row"] = "collection"
    for n, part in enumerate(path):
        if _is_id(part):
            ids.append(part.strip("{}"))
            on = "row"
        elif verb or (literals and not _opens(path, n, rows, read)):
            verb.append(part.removeprefix(":"))
        else:
            literals.append(part)
            on = "collection"
    return Place(tuple(literals), on, "_".join(verb) or None, tuple(ids))


def _opens(path: Sequence[str], n: int, rows: set[tuple[str, ...]], read: set[tuple[str, ...]]) -> bool:
    """Whether the segment at ``n`` is a collection (or a thing of its own below a row), and no verb."""
    here = tuple(path[: n + 1])
    if path[n].startswith(":"):
        return False
    if any(len(row) == n + 2 and row[: n + 1] == here for row in rows):
        return True
    # ``/plans/{id}/steps``, without a path to one step: what is read there is no verb.
    return n == len(path) - 1 and _is_id(path[n - 1]) and here in read
