"""What the inference knows of one document while it makes an app of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app_clones.declared.model import Entity
from factory.compiler.api import ApiDoc, Method
from factory.compiler.infer_paths import Place
from factory.compiler.infer_resources import Resource, Resources
from factory.compiler.infer_schemas import Shapes


@dataclass(slots=True)
class Model:
    """What the inference knows of one document: ``places`` by a method's position, ``entities`` by name."""

    doc: ApiDoc
    shapes: Shapes
    places: Mapping[int, Place]
    resources: Resources
    entities: dict[str, Entity] = field(default_factory=dict)

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
