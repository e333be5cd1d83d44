"""Where each method acts: paths read as steps from resource to resource, whichever style they are written in.

A resource is called by its :data:`Key`: one word per step down from the root, ``instances/*`` for a collection whose
rows have ids, ``settings`` for a single thing. Words between that are no resources themselves (``global/images/*``)
stay with the next one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from factory.compiler.api import ApiDoc, Method
from factory.compiler.infer_schemas import Shapes

Key = tuple[str, ...]

_VERSION = re.compile(r"v[0-9]+[a-z0-9_]*\Z")
_LITERAL = re.compile(r"[A-Za-z0-9_.@~-]+\Z")
_ID = "*"
#: Stands in a key for the word that an id has not got: of ``policies/*/*`` the second is an item.
BARE = "~item"
#: Words that stand for who asks, so no resource: their rows are the actor's own.
_SELF = (("users", "@me"), ("users", "me"), ("me",))
_VERBS = re.compile(
    r"(get|set|test|list|fetch|find|search|query|lookup|watch|cancel|check|validate|generate|update|compute|batch)"
    r"(?![a-z])"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One segment: ``word``, None for an id. ``param``: the parameter whose value ends here. ``named``: whether it is a
    resource name, which begins at the root."""

    word: str | None
    param: str | None = None
    named: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """What a method acts on: ``key`` of the resource, ``on`` one row (or single thing), the collection, or nothing.

    ``verb``: what is asked beyond the HTTP verb. ``rows``: parameter → the resource that it names a row of. ``names``:
    those of them that take a resource name. ``fixed``: ids that the path spells out, by key.
    """

    key: Key
    on: Literal["row", "collection", "root"]
    verb: str | None
    rows: Mapping[str, Key]
    names: frozenset[str]
    fixed: Mapping[Key, str]


@dataclass(slots=True)
class _Node:
    children: dict[str, _Node] = field(default_factory=dict)
    methods: list[Method] = field(default_factory=list)
    colon: bool = False


def places(doc: ApiDoc, shapes: Shapes) -> dict[int, Place]:
    """Position of a method in ``doc.methods`` → its place."""
    root = _Node()
    tokens = [_tokens(method) for method in doc.methods]
    for method, (segments, verb) in zip(doc.methods, tokens, strict=True):
        node = root
        for token in segments:
            node = node.children.setdefault(_ID if token.word is None else token.word, _Node())
        if verb is None:
            node.methods.append(method)
        else:
            node.colon = True
    return {at: _resolve(root, *found, shapes) for at, found in enumerate(tokens)}


def words(word: str) -> str:
    """The collection's or thing's own word: of ``global/images/*`` it is ``images``."""
    return word.removesuffix("/*").rpartition("/")[2]


def is_collection(key: Key) -> bool:
    """Whether the rows of ``key`` have ids."""
    return bool(key) and key[-1].endswith("/*")


def _tokens(method: Method) -> tuple[list[Token], str | None]:
    """A path as tokens, without version and such, and the verb after its colon."""
    path, verb = method.path, None
    tail = re.search(r":([A-Za-z][A-Za-z0-9_.-]*)\Z", path)
    if tail:
        path, verb = path[: tail.start()], tail[1]
    found = _expanded(method, path)
    versions = [n for n, token in enumerate(found[:4]) if token.word and _VERSION.match(token.word) and not token.named]
    ids = [n for n, token in enumerate(found) if token.word is None]
    if versions and (not ids or versions[-1] < ids[0]):
        found = found[versions[-1] + 1 :]
    for own in _SELF:
        if tuple(token.word for token in found[: len(own)]) == own and len(found) > len(own):
            found = found[len(own) :]
            break
    return found, verb


def _expanded(method: Method, path: str) -> list[Token]:
    patterns = {parameter.name: parameter.pattern for parameter in method.parameters if parameter.place == "path"}
    found: list[Token] = []
    for segment in filter(None, path.split("/")):
        named = re.fullmatch(r"\{\+?([^}]+)\}", segment)
        if named is None:
            found.append(Token(None) if "{" in segment else Token(segment))
            continue
        spelt = _spelt(patterns.get(named[1])) if segment.startswith("{+") else None
        if spelt is None and segment.startswith("{+"):
            spelt = _from_flat(method, path, segment)
        if spelt is None or spelt == [None]:
            found.append(Token(None, named[1]))
            continue
        if spelt[0] is not None and all(token.word is not None for token in found):
            found.clear()  # v1/settings/{+name}: what stands before a name, which begins at the root, says no place
        found += [Token(word, named=True) for word in spelt[:-1]]
        found.append(Token(spelt[-1], named[1], named=True))
    return found


def _spelt(pattern: str | None) -> list[str | None] | None:
    """The segments of a resource name's pattern, None for an id; None where it tells nothing."""
    if not pattern or pattern in ("^.*$", "^.+$", ".*"):
        return None
    text = re.sub(r"\[\^/\][+*]", "\0", pattern.removeprefix("^").removesuffix("$"))
    segments = [s for s in re.sub(r"\[[^\]]*/[^\]]*\]", "\0", text).split("/") if s]
    return [segment if _LITERAL.match(segment) else None for segment in segments]


def _from_flat(method: Method, path: str, segment: str) -> list[str | None] | None:
    """What a parameter stands for where only the flat path tells."""
    if path.count("{") != 1:
        return None
    head, _, tail = path.partition(segment)
    flat = re.sub(r":[A-Za-z][A-Za-z0-9_.-]*\Z", "", method.flat)
    if not (flat.startswith(head) and flat.endswith(tail)):
        return None
    middle = flat[len(head) : len(flat) - len(tail)]
    return [None if part.startswith("{") else part for part in middle.split("/") if part]


def _resolve(root: _Node, tokens: list[Token], verb: str | None, shapes: Shapes) -> Place:
    key: list[str] = []
    space: list[str] = []
    rows: dict[str, Key] = {}
    fixed: dict[Key, str] = {}
    on: Literal["row", "collection", "root"] = "root"
    node, at = root, 0
    while at < len(tokens):
        token = tokens[at]
        above, node = node, node.children[_ID if token.word is None else token.word]
        at += 1
        if token.word is None and not key and token.named and at < len(tokens) and tokens[at].word is None:
            # A name that begins with any collection and any id: of all that may stand there, a project.
            key.append("projects/*")
            on, token, node = "row", tokens[at], node.children[_ID]
            at += 1
        elif token.word is None:  # an id that no word goes before
            key.append("/".join([*space, BARE, _ID]))
            space, on = [], "row"
        elif at < len(tokens) and (tokens[at].word is None or _is_fixed(node, tokens[at])):
            key.append("/".join([*space, token.word or "", "*"]))
            space, on = [], "row"
            token = tokens[at]
            node = node.children[_ID if token.word is None else token.word]
            at += 1
            if token.word is not None:
                fixed[tuple(key)] = token.word
        else:
            word = token.word or ""
            kind = _kind(node, word, above is not root, shapes)
            last = at == len(tokens)
            if kind == "verb" and last and verb is None:
                verb = word
                if space and (_ID in above.children or above.methods):  # messages/import
                    key.append("/".join([*space, _ID]))
                    space, on = [], "collection"
            elif kind == "collection" and last:
                key.append("/".join([*space, word, "*"]))
                space, on = [], "collection"
            elif kind == "thing":
                key.append("/".join([*space, word]))
                space, on = [], "row"
            else:
                space.append(word)
        if token.param is not None and on == "row":
            rows[token.param] = tuple(key)
    if (last_word := _in_the_end(tokens, node, space, on, verb)) is not None:
        key.append(last_word)
        on = "collection"
    names = frozenset(token.param for token in tokens if token.param and token.named and token.param in rows)
    return Place(tuple(key), on, verb, rows, names, fixed)


def _in_the_end(tokens: list[Token], node: _Node, space: list[str], on: str, verb: str | None) -> str | None:
    """The collection that a path is about which ends neither in its word nor in a row's id."""
    if space and verb is not None and tokens[-1].word == space[-1]:
        return "/".join([*space, _ID])  # devices:query
    if on == "row" and verb is None and tokens[-1].param == "parent" and _ID in node.children:
        return f"{BARE}/{_ID}"  # policies/a/b, as what all of policies/a/b/c lie under
    return None


def _is_fixed(node: _Node, following: Token) -> bool:
    """Whether a word is an id that the path spells out: it stands where ids do, and does nothing itself."""
    child = node.children[following.word or _ID]
    return _ID in node.children and not child.methods and not child.colon and _ID not in child.children


def _kind(node: _Node, word: str, below: bool, shapes: Shapes) -> Literal["collection", "thing", "verb", "space"]:
    """What a word is whose next segment is no id."""
    if _ID in node.children:
        return "collection"
    if not node.methods:
        return "space"
    names = {method.id.rpartition(".")[2] for method in node.methods}
    verbs = {method.verb for method in node.methods}
    if _VERBS.match(word) and names == {word}:
        return "verb"
    if any(method.verb == "GET" and shapes.envelope(method.response) for method in node.methods):
        return "collection"
    reads_one = any(method.verb == "GET" and method.response is not None for method in node.methods)
    if "list" in names or (names & {"insert", "create"} and not reads_one):
        return "collection"
    silent = all(method.response is None for method in node.methods)
    if verbs == {"POST"} or verbs == {"DELETE"} or (names == {word} and "GET" not in verbs) or silent:
        return "verb" if below or not node.children else "space"
    return "thing"
