"""The paths of Google's discovery documents, in which one parameter may stand for many segments, word by word.

So written, every parameter names a row, and the address is the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from typing import Any

Json = Any

_ID = "[^/]+"
_WORD = r"[A-Za-z0-9_.-]+"
#: The pattern of a name that begins with a word: its segments, and whether anything at all may follow.
_SPELT = re.compile(rf"\^({_WORD}(?:/(?:{_WORD}|{re.escape(_ID)}))*)(/\.\*)?\$")


def parted(found: Mapping[str, Json], addresses: Set[str]) -> Mapping[str, Json]:
    """The method as the document has it, with words in its path that stood in the patterns of its parameters."""
    return _ended(_begun(found), addresses)


def address(found: Mapping[str, Json]) -> str:
    """The path of a method with its names spelt out as their patterns say."""
    known = found.get("parameters", {})
    spelt = re.sub(r"\{\+([^}]+)\}", lambda name: str(known.get(name[1], {}).get("pattern", name[0])), found["path"])
    return re.sub(r"\^(?!/\])|\$", "", spelt)


def flat_path(found: Mapping[str, Json]) -> str:
    """The path with every segment spelt out; of one whose ``flatPath`` does not, as its parameters' patterns say."""
    flat: str = found.get("flatPath", found["path"])
    for name, known in found.get("parameters", {}).items():
        spelt = _SPELT.fullmatch(known.get("pattern", ""))
        if spelt and not spelt[2]:
            flat = flat.replace(f"{{+{name}}}", "/".join(_spelt_out(spelt[1])))
    return flat.replace("{+", "{")


def _spelt_out(name: str) -> list[str]:
    """The segments of a name, each id as a parameter that is called after the word before it."""
    segments = name.replace(_ID, "*").split("/")
    before = ["", *segments]
    return [f"{{{before[n]}Id}}" if one == "*" else one for n, one in enumerate(segments)]


def _begun(found: Mapping[str, Json]) -> Mapping[str, Json]:
    """The method with names that begin below another row (``{+store}/dicomWeb/{+path}``, the path as
    ``^studies/[^/]+/series/[^/]+$``) as words and ids: ``{+store}/dicomWeb/studies/{studiesId}/series/{path}``."""
    path, known = found["path"], dict(found.get("parameters", {}))
    _, *within = re.findall(r"\{\+?([^}]+)\}", path) or [""]
    for name in within:
        spelt = _SPELT.fullmatch(known.get(name, {}).get("pattern", "")) if f"{{+{name}}}" in path else None
        if spelt is None:
            continue
        segments = _spelt_out(spelt[1])
        if spelt[2]:
            segments.append(f"{{+{name}}}")
        else:
            segments = _last_called(segments, name)
        own = {key: value for key, value in known.pop(name).items() if key != "pattern"}
        known |= {one.strip("{+}"): own for one in segments if one.startswith("{")}
        path = path.replace(f"{{+{name}}}", "/".join(segments))
    return {**found, "path": path, "parameters": known}


def _last_called(segments: Sequence[str], name: str) -> list[str]:
    """``segments`` with the last id as the parameter of that name."""
    ids = [n for n, one in enumerate(segments) if one.startswith("{")]
    return [f"{{{name}}}" if [n] == ids[-1:] else one for n, one in enumerate(segments)]


def _ended(found: Mapping[str, Json], addresses: Set[str]) -> Mapping[str, Json]:
    """The method with words in its path that stood at the end of a resource name, after the row that it names.

    ``v1/{+name}`` with ``^projects/[^/]+/operations$``, a list, is, as an address, ``v1/{+name}/operations`` with
    ``^projects/[^/]+$``; so written, the parameter names a row. Likewise ``v1/{+parent}/modules`` and
    ``v1/{+name}:reset`` with ``^projects/[^/]+/settings$``, where settings are nothing by themselves: none of
    ``addresses``.
    """
    path, known = found["path"], found.get("parameters", {})
    name = re.search(r"\{\+([^}]+)\}(?=[/:]|\Z)", path)
    pattern = str(known.get(name[1], {}).get("pattern", "")) if name else ""
    ends = re.fullmatch(r"(\^.*\[\^/\]\+)((?:/[A-Za-z][A-Za-z0-9]*)+)\$", pattern)
    if name is None or ends is None:
        return found
    words = ends[2].split("/")[1:]
    place, _, word = found["id"].rpartition(".")
    listed = name.end() == len(path) and place.rpartition(".")[2] == words[-1] and word in ("list", "create")
    if name.end() == len(path) and not listed:
        return found
    kept = _kept(path[: name.start()] + ends[1].removeprefix("^"), words[:-1] if listed else words, addresses)
    if kept == len(words):
        return found
    split = {**known, name[1]: {**known[name[1]], "pattern": "/".join([ends[1], *words[:kept]]) + "$"}}
    whole = "/".join([path[: name.end()], *words[kept:]]) + path[name.end() :]
    return {**found, "path": whole, "parameters": split}


def _kept(row: str, words: Sequence[str], addresses: Set[str]) -> int:
    """How many of the ``words`` after a row's address name a thing of its own, or an id that is spelt out."""
    below = [one for one in addresses if one.startswith(f"{row}/")]
    within = len(words) > 1 and any(one.startswith(f"{row}/{words[0]}/[^/]+") for one in below)
    least = 2 if within else 0
    for count in range(len(words), least, -1):
        thing = "/".join([row, *words[:count]])
        # What ids follow is no thing, but the word of a collection.
        if thing in addresses and not any(one.startswith(f"{thing}/[^/]+") for one in below):
            return count
    return least
