"""The resources of an API: which there are, whose schema their rows have, which methods are about them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from app_clones.declared.model import PERSON
from factory.compiler.api import ApiDoc, Method
from factory.compiler.infer_names import short, singular, snake
from factory.compiler.infer_paths import Key, Place, is_collection, words
from factory.compiler.infer_schemas import Shapes, ref_of

#: Entities of the engine's own: no resource may be called so.
RESERVED = {PERSON, "call", "pending", "request"}
OPERATION = "operation"
_NAME = 30


@dataclass(slots=True)
class Resource:
    """One kind of thing: ``entity``: its name in the declaration, ``whole`` the same as long as it is, where that one
    had to be cut; ``schema`` of its rows, where any is known;
    ``methods``: positions of those that are about it; ``ids``: parameters that name a row of it (name → how often)."""

    key: Key
    entity: str
    whole: str
    schema: str | None
    methods: list[int] = field(default_factory=list)
    ids: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    fixed_ids: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Resources:
    """All resources of a document; ``running``: the schema of its long-running operations, whose rows are one entity
    wherever they lie; ``under``: the resources that have such; ``within``: the same with the words that go before
    ``operations`` there, where there are any."""

    by_key: dict[Key, Resource]
    running: str | None
    under: list[Key]
    within: list[Key]

    def of(self, key: Key) -> Resource | None:
        """The resource of ``key``; that of long-running operations for all of theirs."""
        return self.by_key.get(key)

    def parent(self, key: Key) -> Resource | None:
        """The resource that rows of ``key`` lie under."""
        return self.by_key.get(key[:-1]) if len(key) > 1 else None

    def with_schema(self, schema: str | None, near: Key) -> Resource | None:
        """The resource whose rows have ``schema``; of several, the one that shares most of its key with ``near``."""
        if schema is None:
            return None
        known = [resource for resource in self.by_key.values() if resource.schema == schema]
        return max(known, key=lambda resource: (_shared(resource.key, near), -len(resource.key)), default=None)


def _shared(one: Key, other: Key) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def resources(doc: ApiDoc, places: Mapping[int, Place], shapes: Shapes) -> Resources:
    """Finds the resources of ``doc``. Order: as their keys sort, so that names are the same every time."""
    votes: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    about: defaultdict[Key, list[int]] = defaultdict(list)
    keys: set[Key] = set()
    for at, place in places.items():
        keys |= {place.key[:depth] for depth in range(1, len(place.key) + 1)}
        keys |= {key[:depth] for key in place.rows.values() for depth in range(1, len(key) + 1)}
        about[place.key].append(at)
        for schema, weight in _votes(doc.methods[at], place, shapes):
            votes[place.key][schema] += weight
    running = next(iter(shapes.operations), None)
    schemas = {key: _winner(votes[key]) for key in keys}
    operations = {key for key in keys if is_operations(key, schemas[key], shapes)}
    named = any(place.rows.get(param, ())[:1] == ("users/*",) for place in places.values() for param in place.names)
    people = None if named or schemas.get(("users/*",)) else ("users/*",)
    names = _names(sorted(keys - operations, key=lambda key: (len(key), key)), schemas, people)
    by_key = {key: Resource(key, *names[key], schemas[key], about[key]) for key in names}
    if operations or running:
        running = running or next((schemas[key] for key in sorted(operations) if schemas[key]), None)
        one = Resource(
            (f"{OPERATION}s/*",), OPERATION, OPERATION, running, [at for key in sorted(operations) for at in about[key]]
        )
        by_key |= dict.fromkeys(sorted(operations) or [one.key], one)
    _count_ids(by_key, doc, places)
    under = sorted({key[:-1] for key in operations if len(key) > 1})
    before = {key: key[-1].removesuffix("/*").rpartition("/")[0] for key in operations}
    return Resources(by_key, running, under, sorted((*key[:-1], word) for key, word in before.items() if word))


def is_operations(key: Key, schema: str | None, shapes: Shapes) -> bool:
    """Whether the rows of ``key`` are long-running operations."""
    return is_collection(key) and words(key[-1]).lower() == "operations" and (
        schema is None or shapes.is_operation(schema)
    )  # fmt: skip


def within(resources: Resources, key: Key) -> str:
    """The words below a row that the operations of what ``key`` is about have in their names; empty where none has."""
    for under in resources.within:
        *head, words_ = under
        there = key[len(head)].removesuffix("/*").removesuffix("/operations") if len(key) > len(head) else ""
        if list(key[: len(head)]) == head and there == words_:
            return words_
    return ""


def _votes(method: Method, place: Place, shapes: Shapes) -> list[tuple[str, int]]:
    """Schemas that a method suggests for the rows of what it is about, each with a weight."""
    if place.verb is not None:
        return []
    request, response = ref_of(method.request), ref_of(method.response)
    listed = shapes.envelope(method.response, words(place.key[-1]) if place.key else "")
    if method.verb == "GET":
        if place.on == "collection":
            return [(listed.item, 4)] if listed else []
        single = response and not (listed and is_collection(place.key)) and not shapes.is_empty(method.response)
        return [(response, 5)] if single and response else []
    found = []
    if request and method.verb in ("POST", "PUT", "PATCH") and not request.endswith("Request"):
        found.append((request, 3))
    if response and not shapes.is_empty(method.response) and (not shapes.is_operation(response) or found == []):
        running = shapes.is_operation(response) and words(place.key[-1] if place.key else "").lower() != "operations"
        if not running and not response.endswith("Response"):
            found.append((response, 2))
    return found


def _winner(votes: Counter[str]) -> str | None:
    return min(votes, key=lambda schema: (-votes[schema], schema)) if votes else None


def _names(keys: list[Key], schemas: Mapping[Key, str | None], people: Key | None) -> dict[Key, tuple[str, str]]:
    """A name for each, cut and whole: its own word in the singular; where that is taken, with those above it."""
    found: dict[Key, tuple[str, str]] = {}
    taken = set(RESERVED) | {OPERATION}
    for key in keys:
        if key == people:
            found[key] = PERSON, PERSON
            continue
        parts = [_part(word) for word in key]
        if len(parts[-1]) <= 2 and schemas[key]:  # b, o: Cloud Storage's buckets and objects
            parts[-1] = snake(schemas[key] or "")
        options = ["_".join(parts[-depth:]) for depth in range(1, len(parts) + 1)]
        options += ["_".join([*map(snake, "/".join(key).replace("/*", "").split("/"))]), f"{options[0]}_item"]
        options += [f"{options[0]}_{number}" for number in range(2, 100)]
        name, whole = next((short(one, _NAME), one) for one in options if short(one, _NAME) not in taken)
        taken.add(name)
        found[key] = name, whole
    return found


def _part(word: str) -> str:
    name = snake(words(word))
    return singular(name) if word.endswith("/*") else name


def _count_ids(by_key: Mapping[Key, Resource], doc: ApiDoc, places: Mapping[int, Place]) -> None:
    for place in places.values():
        for param, key in place.rows.items():
            resource = by_key.get(key)
            if resource is not None:
                (resource.named if param in place.names else resource.ids)[param] += 1
        for key, id in place.fixed.items():
            if key in by_key and re.fullmatch(r"[A-Za-z0-9_.-]+", id):
                by_key[key].fixed_ids.add(id)
