"""Which operation answers a path: a tree of segments, so that a thousand methods cost no more than ten."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app_clones.declared.model import AppDecl, OperationDecl

_PLACE = re.compile(r"\{(\+?)([^\W\d][\w.-]*)\}")
_VERB = re.compile(r"(?P<head>.*[^/]):(?P<verb>[A-Za-z][A-Za-z0-9_]*)\Z")
#: Of a resource name's pattern: what one of its segments may be, or what takes any number of them.
_ANY_ONE = ("[^/]+", "[^/]*")
_ANY_MANY = (".*", ".+")


@dataclass(frozen=True, slots=True)
class Piece:
    """One step of a path: a ``literal`` segment, one that ``pattern`` matches, any one, or (``many``) one or more."""

    literal: str | None = None
    pattern: str | None = None
    many: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A path taken apart. ``spans``: placeholder → (first piece, piece after the last, group of that pattern)."""

    pieces: tuple[Piece, ...]
    verb: str
    spans: Mapping[str, tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Target:
    """An operation at the end of a path."""

    operation: str
    template: Template


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    patterns: dict[str, _Node] = field(default_factory=dict)
    one: _Node | None = None
    many: _Node | None = None
    targets: dict[str, dict[str, Target]] = field(default_factory=dict)  # custom verb → HTTP verb → target


@dataclass(frozen=True, slots=True)
class Found:
    """A path that is there: what answers each HTTP verb, and the starts of its pieces among ``segments``."""

    targets: Mapping[str, Target]
    segments: Sequence[str]
    starts: Sequence[int]

    def captured(self, target: Target) -> dict[str, str]:
        """The texts of the placeholders."""
        found = {}
        bounds = [*self.starts, len(self.segments)]
        for name, (first, last, group) in target.template.spans.items():
            text = "/".join(self.segments[bounds[first] : bounds[last]])
            if group:
                matched = re.fullmatch(target.template.pieces[first].pattern or "", text)
                text = matched[group] if matched else text
            found[name] = text
        return found


class Tree:
    """All paths of an API."""

    def __init__(self, decl: AppDecl) -> None:
        self._root = _Node()
        self.clashes: list[tuple[str, str]] = []
        for name, operation in decl.operations.items():
            if operation.http is not None:
                self._add(name, operation)

    def _add(self, name: str, operation: OperationDecl) -> None:
        assert operation.http is not None
        parsed = template(operation)
        at = self._root
        for piece in parsed.pieces:
            at = _child(at, piece)
        verbs = at.targets.setdefault(parsed.verb, {})
        if operation.http.verb in verbs:
            self.clashes.append((name, verbs[operation.http.verb].operation))
        verbs.setdefault(operation.http.verb, Target(name, parsed))

    def find(self, segments: Sequence[str], method: str = "") -> Found | None:
        """What is at the path of ``segments``; literals come before placeholders, ``:verb`` before ids with a colon.

        Of several places that the path may mean, the first that answers the HTTP verb ``method``, else the first.
        """
        if segments and (split := _VERB.match(segments[-1])):
            found = self._at([*segments[:-1], split["head"]], split["verb"], method)
            if found is not None:
                return found
        return self._at(segments, "", method)

    def _at(self, segments: Sequence[str], verb: str, method: str) -> Found | None:
        first: Found | None = None
        for node, starts in _walk(self._root, segments, 0, ()):
            if verb in node.targets:
                found = Found(node.targets[verb], segments, starts)
                if method in found.targets:
                    return found
                first = first or found
        return first


def _child(at: _Node, piece: Piece) -> _Node:
    if piece.literal is not None:
        return at.literals.setdefault(piece.literal, _Node())
    if piece.pattern is not None:
        return at.patterns.setdefault(piece.pattern, _Node())
    if piece.many:
        at.many = at.many or _Node()
        return at.many
    at.one = at.one or _Node()
    return at.one


def _walk(
    node: _Node, segments: Sequence[str], at: int, starts: tuple[int, ...]
) -> Iterator[tuple[_Node, tuple[int, ...]]]:
    if at == len(segments):
        yield node, starts
        return
    segment, next_starts = segments[at], (*starts, at)
    literal = node.literals.get(segment)
    if literal is not None:
        yield from _walk(literal, segments, at + 1, next_starts)
    for pattern, child in node.patterns.items():
        if re.fullmatch(pattern, segment):
            yield from _walk(child, segments, at + 1, next_starts)
    if node.one is not None and segment:
        yield from _walk(node.one, segments, at + 1, next_starts)
    if node.many is not None:
        for end in range(at + 1, len(segments) + 1):  # words that follow the name are no part of it
            yield from _walk(node.many, segments, end, next_starts)


def template(operation: OperationDecl) -> Template:
    """The path of ``operation`` taken apart. Raises ``ValueError`` where it is none."""
    assert operation.http is not None
    path, verb = operation.http.path.strip("/"), ""
    if (split := _VERB.match(path)) and "{" not in split["verb"]:
        path, verb = split["head"], split["verb"]
    pieces: list[Piece] = []
    spans: dict[str, tuple[int, int, int]] = {}
    for segment in path.split("/") if path else ():
        names = _PLACE.findall(segment)
        if "{" in _PLACE.sub("", segment) or "}" in _PLACE.sub("", segment):
            raise ValueError(f"the segment {segment!r} has a brace that is no placeholder")
        if any(name in spans for _, name in names):
            raise ValueError(f"{segment!r}: this placeholder is there twice")
        first = len(pieces)
        if len(names) == 1 and _PLACE.fullmatch(segment):
            plus, name = names[0]
            pieces += _name_pieces(operation, name) if plus else [Piece()]
            spans[name] = (first, len(pieces), 0)
        elif names:
            pieces.append(Piece(pattern=_PLACE.sub("(.+?)", _escaped(segment))))
            spans.update({name: (first, first + 1, group) for group, (_, name) in enumerate(names, 1)})
        else:
            pieces.append(Piece(literal=segment))
    return Template(tuple(pieces), verb, spans)


def _escaped(segment: str) -> str:
    parts = _PLACE.split(segment)
    # Of each placeholder, split() gives its two groups between the texts around it.
    return "".join(
        re.escape(part) if place % 3 == 0 else f"{{{part}" if place % 3 == 1 else f"{part}}}"
        for place, part in enumerate(parts)
    )


def _name_pieces(operation: OperationDecl, name: str) -> list[Piece]:
    """What a resource name is made of, by the pattern of its parameter."""
    param = operation.params.get(name) or next((p for p in operation.params.values() if p.wire == name), None)
    pattern = param.pattern if param is not None else None
    if pattern is None:
        return [Piece(many=True)]
    parts = _rejoined(pattern.removeprefix("^").removesuffix("$").split("/"))
    return [_piece(part) for part in parts]


def _rejoined(parts: list[str]) -> list[str]:
    """``parts`` of a pattern split at slashes, those put together again whose slash stood in brackets (``[^/]+``)."""
    found: list[str] = []
    for part in parts:
        if found and found[-1].count("[") > found[-1].count("]"):
            found[-1] += f"/{part}"
        else:
            found.append(part)
    return found


def _piece(part: str) -> Piece:
    if part in _ANY_ONE:
        return Piece()
    if part in _ANY_MANY:
        return Piece(many=True)
    if re.fullmatch(r"[A-Za-z0-9_.~-]+", part):
        return Piece(literal=part)
    try:
        re.compile(part)
    except re.error:
        return Piece()  # what the pattern allows is checked with the parameter itself
    return Piece(pattern=part)
