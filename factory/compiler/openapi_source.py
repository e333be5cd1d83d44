"""The text of an OpenAPI document: read as YAML 1.2 or JSON, its ``$ref``s followed, errors told by file and line."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from factory.errors import SpecError

Json = Any
Pointer = tuple[str, ...]
"""Where in a document: keys, and list positions as text, from the root down."""

_DEEPEST = 64
_MOST_VALUES = 5_000_000


class _Loader(yaml.CSafeLoader):
    """Plain data as YAML 1.2 means it: ``on`` is a word, ``2024-01-01`` is text, keys are text."""


_CORE = (
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", "~nN\0"),
    ("tag:yaml.org,2002:int", r"[-+]?[0-9]+", "-+0123456789"),
    ("tag:yaml.org,2002:float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
)
_Loader.yaml_implicit_resolvers = {}
for _tag, _words, _first in _CORE:
    _Loader.add_implicit_resolver(_tag, re.compile(rf"^(?:{_words})$"), [c.replace("\0", "") for c in _first])


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else str(key)
        if name in found:
            raise yaml.constructor.ConstructorError(None, None, f"{name!r} is given twice", key.start_mark)
        found[name] = loader.construct_object(value, deep=True)
    return found


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(node.value)  # PyYAML would take 010 for octal


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


@dataclass(frozen=True, slots=True)
class Source:
    """A document. ``name`` is what errors call it."""

    name: str
    text: str
    data: Json

    def fail(self, at: Pointer, message: str, hint: str = "") -> NoReturn:
        """Raises SpecError: ``NAME:LINE: paths./pets.get: MESSAGE``."""
        where = ".".join(at)
        raise SpecError(f"{self.name}:{self.line(at)}: {where + ': ' if where else ''}{message}", hint)

    def line(self, at: Pointer) -> int:
        """The line of ``at``, or of the nearest thing above it that is there. Parses the text anew: for errors only."""
        node, line = yaml.compose(self.text, Loader=yaml.CSafeLoader), 1
        for part in at:
            step = _child(node, part)
            if step is None:
                break
            line, node = step
        return line

    def mapping(self, value: Json, at: Pointer, what: str) -> Mapping[str, Json]:
        """``value`` where it is a mapping, else SpecError."""
        if not isinstance(value, dict):
            self.fail(at, f"{what} is a mapping, not {_short(value)}")
        return value

    def text_of(self, value: Json, at: Pointer, what: str) -> str:
        """``value`` where it is a text with something in it, else SpecError."""
        if not isinstance(value, str) or not value.strip():
            self.fail(at, f"{what} is a text, not {_short(value)}")
        return value

    def follow(self, value: Json, at: Pointer, what: str) -> tuple[Mapping[str, Json], Pointer]:
        """``value``, or what its ``$ref`` (or the ref there, and so on) means, and where that stands."""
        seen: list[Pointer] = []
        while isinstance(value, dict) and "$ref" in value:
            target = self.pointer(value["$ref"], at)
            if target in seen:
                self.fail(at, f"$ref {value['$ref']!r} leads in a circle")
            seen.append(target)
            value, at = self.at(target, at), target
        return self.mapping(value, at, what), at

    def pointer(self, ref: Json, at: Pointer) -> Pointer:
        """``#/a/b~1c`` as ``("a", "b/c")``. Raises SpecError for a ref that leaves the document."""
        if not isinstance(ref, str) or not ref.startswith("#/"):
            self.fail((*at, "$ref"), f"{_short(ref)} is not in this document", "bundle the document into one file")
        return tuple(part.replace("~1", "/").replace("~0", "~") for part in _unquoted(ref[2:]).split("/"))

    def at(self, target: Pointer, asked_at: Pointer) -> Json:
        """What stands at ``target``; SpecError at ``asked_at`` where nothing does."""
        value = self.data
        for n, part in enumerate(target):
            try:
                value = value[int(part)] if isinstance(value, list) else value[part]
            except (KeyError, IndexError, ValueError, TypeError):
                names = [*value] if isinstance(value, dict) else []
                near = difflib.get_close_matches(part, names, n=1)
                hint = f"did you mean {near[0]}?" if near else ""
                self.fail((*asked_at, "$ref"), f"there is no #/{'/'.join(target[: n + 1])}", hint)
        return value


def parse(text: str, name: str) -> Source:
    """The document in ``text``: JSON, or else YAML. Raises SpecError with the line where it is neither."""
    data: Json = None
    if text.lstrip().startswith("{"):
        try:
            return Source(name, text, _checked(json.loads(text), name))
        except RecursionError:
            raise SpecError(f"{name}:1: nested too deeply") from None
        except ValueError as error:
            if not isinstance(error, json.JSONDecodeError):
                raise
            trouble = f"{name}:{error.lineno}: not JSON: {error.msg}"
    else:
        trouble = ""
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise SpecError(trouble or f"{name}:{line}: not YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SpecError(trouble or f"{name}:1: not YAML: {error}") from error
    return Source(name, text, _checked(data, name))


def _checked(data: Json, name: str) -> Json:
    """Refuses what is past any sense: aliases of YAML can mean terabytes, or contain themselves."""
    stack: list[tuple[Json, int]] = [(data, 0)]
    values = 0
    while stack:
        value, depth = stack.pop()
        values += 1
        if depth > _DEEPEST or values > _MOST_VALUES:
            raise SpecError(f"{name}:1: nested more than {_DEEPEST} deep, or more than {_MOST_VALUES} values")
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        stack.extend((one, depth + 1) for one in inner)
    return data


def _child(node: yaml.Node | None, part: str) -> tuple[int, yaml.Node] | None:
    """The line of ``part`` within ``node`` (of its key, where it has one), and its value."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
        item = node.value[int(part)]
        return item.start_mark.line + 1, item
    return None


def _unquoted(text: str) -> str:
    return re.sub(r"%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), text)


def _short(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
