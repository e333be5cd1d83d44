"""File trees as dictionaries of entries by path: what layers add up to, and the layer that leads from one to
another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sandboxes.layers import Entry, entries_of

Tree = dict[str, Entry]


def merged(*layers: bytes) -> Tree:
    """The tree that layer tars, lowest first, add up to; hard links resolved."""
    tree: Tree = {}
    for layer in layers:
        lay(tree, without_hardlinks(entries_of(layer)))
    return tree


def lay(tree: Tree, layer: Iterable[Entry]) -> None:
    """Lays one layer over ``tree``: what it removes, or puts in place of a directory, goes with all below it."""
    entries = list(layer)
    for entry in entries:
        if entry.kind in ("whiteout", "opaque"):
            _remove_below(tree, entry.path)
            if entry.kind == "whiteout":
                tree.pop(entry.path, None)
    for entry in entries:
        if entry.kind not in ("whiteout", "opaque"):
            if entry.kind != "dir":
                _remove_below(tree, entry.path)
            tree[entry.path] = entry


def without_hardlinks(entries: Iterable[Entry]) -> list[Entry]:
    """The same entries, each hard link as a file of its own."""
    files: Tree = {}
    found: list[Entry] = []
    for entry in entries:
        if entry.kind == "hardlink":
            first = files[entry.target]
            entry = replace(first, path=entry.path)
        if entry.kind == "file":
            files[entry.path] = entry
        found.append(entry)
    return found


def changes(before: Mapping[str, Entry], now: Mapping[str, Entry]) -> list[Entry]:
    """Entries of the layer that makes ``now`` of ``before``."""
    found = [entry for path, entry in now.items() if before.get(path) != entry]
    gone = before.keys() - now.keys()
    for path in gone:
        folder = path.rpartition("/")[0]
        # What lies in a directory that is gone, or no directory any more, goes with it.
        if not folder or (folder in now and now[folder].kind == "dir"):
            found.append(Entry(path, "whiteout"))
    return found


def _remove_below(tree: Tree, path: str) -> None:
    for below in [name for name in tree if name.startswith(path + "/")]:
        del tree[below]
