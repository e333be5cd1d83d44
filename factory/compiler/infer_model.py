"""What the inference knows of one document while it makes an app of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app_clones.declared.model import Entity
from factory.compiler import infer_keywords
from factory.compiler.api import ApiDoc, Method
from factory.compiler.infer_paths import Key, Place
from factory.compiler.infer_resources import Resource, Resources
from factory.compiler.infer_schemas import Shapes


@dataclass(slots=True)
class Model:
    """What the inference knows of one document: ``places`` by a method's position, ``entities`` by name, the words that
    stand for a row by resource."""

    doc: ApiDoc
    shapes: Shapes
    places: Mapping[int, Place]
    resources: Resources
    entities: dict[str, Entity] = field(default_factory=dict)
    keywords: Mapping[Key, Mapping[str, infer_keywords.Means]] = field(init=False)

    def __post_init__(self) -> None:
        named = [(one, place) for at, place in self.places.items() for one in self.doc.methods[at].parameters]
        self.keywords = infer_keywords.by_key(
            (one.about, place.rows[one.name], one.name in place.names)
            for one, place in named
            if one.place == "path" and one.name in place.rows
        )

    def method(self, at: int) -> tuple[Method, Place]:
        """The method at a position, and its place."""
        return self.doc.methods[at], self.places[at]

    def entity(self, resource: Resource) -> Entity | None:
        """The entity of a resource; None of the one that every world has."""
        return self.entities.get(resource.entity)


def makes_row(method: Method, place: Place) -> bool:
    """Whether a method adds a row to a collection."""
    return method.verb == "POST" and place.on == "collection" and place.verb is None


def policy_verb(method: Method, place: Place) -> str | None:
    """``get``, ``set`` or ``test`` where a method is about who may do what."""
    for name in (place.verb, method.id.rpartition(".")[2]):
        if name in ("getIamPolicy", "setIamPolicy", "testIamPermissions"):
            return {"g": "get", "s": "set", "t": "test"}[name[0]]
    return None
