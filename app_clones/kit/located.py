"""What a person writes in YAML, read so that whatever is wrong with it is told by file, line and field."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from app_clones.kit.errors import KitError

M = TypeVar("M", bound=BaseModel)
Loc = tuple[str | int, ...]
"""Where in a document: keys and list positions from the root down."""

_MAX_FIELDS = 20_000


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. ``line`` from 1 (0: the whole file); ``field``: dotted, empty where none is meant."""

    source: str
    line: int
    field: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" if self.line else self.source
        return ": ".join(part for part in (place, self.field, self.message) if part)


class FileError(KitError):
    """A file is not what it should be. ``message`` has one line per fault; ``hint`` says what to do about the first."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults

    @property
    def message(self) -> str:
        """All faults, a line each."""
        return str(self)

    @property
    def hint(self) -> str:
        """Of the first fault that has one."""
        return next((fault.hint for fault in self.faults if fault.hint), "")

    def __reduce__(self) -> tuple[type[FileError], tuple[Fault, ...]]:
        return type(self), self.faults


@dataclass(frozen=True, slots=True)
class Document:
    """A file's content, and on which line each part of it stands. ``source`` is what errors call the file."""

    source: str
    data: Any
    lines: Mapping[Loc, int]

    def line(self, loc: Loc) -> int:
        """The line of ``loc``, or of the nearest thing above it that is there."""
        return line_of(self.lines, loc)

    def fault(self, loc: Loc, message: str, hint: str = "") -> Fault:
        """A fault at ``loc``."""
        return Fault(self.source, self.line(loc), dotted(loc), message, hint)

    def validate(self, model: type[M], data: Any, at: Loc = ()) -> M:
        """``data``, which stands at ``at``, as ``model``. Raises :class:`FileError` with all that is wrong with it."""
        try:
            return model.model_validate(data)
        except ValidationError as error:
            # a mistyped key is first: the missing one that it was meant to be follows from it
            found = sorted(error.errors(include_url=False), key=lambda e: e["type"] == "missing")
            raise FileError(*(self._described(model, one, at) for one in found)) from None

    def _described(self, model: type[BaseModel], error: Any, at: Loc) -> Fault:
        loc: Loc = tuple(part for part in error["loc"] if part != "[key]")
        if error["type"] == "extra_forbidden":
            return self.fault((*at, *loc), unknown(str(loc[-1]), _keys(model, loc[:-1])))
        if error["type"] == "missing":
            return self.fault((*at, *loc), "missing")
        text = str(error["msg"])
        return self.fault((*at, *loc), f"{text[:1].lower()}{text[1:]}, not {_short(error['input'])}")


def read(path: Path, what: str) -> str:
    """The text of a file. Raises :class:`FileError`: ``PATH: cannot read WHAT: No such file or directory``."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        hint = "give the path of a YAML file"
        raise FileError(Fault(str(path), 0, "", f"cannot read {what}: {reason}", hint)) from error


class JsonLoader(yaml.SafeLoader):
    """Reads nothing but JSON's types, as YAML 1.2 does: ``2025-03-01``, ``on`` and ``12:30`` are text."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 (the base's own way: looked up on the class)

    def construct_decimal(self, node: yaml.ScalarNode) -> int:
        """``010`` is ten."""
        return int(self.construct_scalar(node))


for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", ["n", "~", ""]),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    JsonLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))
JsonLoader.add_constructor("tag:yaml.org,2002:int", JsonLoader.construct_decimal)


def parse(text: str, source: str, loading: type[yaml.SafeLoader] = yaml.SafeLoader) -> Document:
    """The one YAML document in ``text``: plain data only, no key given twice. Raises :class:`FileError`."""
    try:
        loader = loading(text)
        node = loader.get_single_node()
        if node is None:
            return Document(source, None, {})
        lines: dict[Loc, int] = {}
        for loc, at in _walk(node, (), source):
            lines.setdefault(loc, at)
            if len(lines) > _MAX_FIELDS:  # aliases of aliases: a page of YAML can mean terabytes
                raise FileError(Fault(source, at, "", f"more than {_MAX_FIELDS} fields"))
        return Document(source, loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise FileError(Fault(source, line, "", f"not YAML: {error.problem or error.context}")) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise FileError(Fault(source, 1, "", f"not YAML: {error}")) from error


def unknown(name: str, known: Sequence[str]) -> str:
    """Says that ``name`` is none of ``known``, and which was probably meant."""
    near = difflib.get_close_matches(name, known, n=1)
    return "unknown key; " + (f"did you mean {near[0]}?" if near else f"known here: {', '.join(known) or 'none'}")


def line_of(lines: Mapping[Loc, int], loc: Loc) -> int:
    """The line of ``loc``, or of the nearest thing above it that is there."""
    return next((lines[loc[:n]] for n in range(len(loc), -1, -1) if loc[:n] in lines), 1)


def dotted(loc: Loc) -> str:
    """``entities.ticket.fields.0``."""
    return ".".join(map(str, loc))


def _walk(node: yaml.Node, loc: Loc, source: str) -> Iterator[tuple[Loc, int]]:
    """Every location in the document with its line (of its key, where it has one), refusing keys given twice."""
    yield loc, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, (*loc, index), source)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line, name = key.start_mark.line + 1, str(key.value)
            if name in seen:
                twice = f"given twice, first on line {seen[name]}"
                raise FileError(Fault(source, line, dotted((*loc, name)), twice, "delete one of them"))
            seen[name] = line
            yield (*loc, name), line
            yield from _walk(value, (*loc, name), source)


def _short(value: Any) -> str:
    text = value.isoformat() if isinstance(value, datetime) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _keys(model: type[BaseModel], loc: Loc) -> list[str]:
    """The keys known at ``loc`` within ``model``."""
    inner: Any = reduce(_step, loc, model)
    if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
        return []
    return [field.alias or name for name, field in inner.model_fields.items()]


def _step(kind: Any, part: str | int) -> Any:
    """The type one level down: a field's, an item's, or a mapping's value's."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = next((one for name, one in kind.model_fields.items() if part in (one.alias, name)), None)
        return _plain(field.annotation) if field else None
    arguments = get_args(kind)
    if not arguments:
        return None
    return _plain(arguments[-1] if issubclass(get_origin(kind) or object, Mapping) else arguments[0])


def _plain(kind: Any) -> Any:
    """Without ``Annotated`` and ``| None``."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _plain(next(a for a in get_args(kind) if a is not type(None)))
    return kind
