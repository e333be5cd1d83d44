"""How well the inference agrees with what a person says that methods should do: ``python -m
factory.compiler.labels``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from factory.compiler.compile import compiled

Json = Any


@dataclass(frozen=True, slots=True)
class Label:
    """What one method should do: ``kind`` of operation, on which ``resource``, as a person read it."""

    document: str
    method: str
    kind: str
    resource: str
    effect: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A label beside what was inferred."""

    label: Label
    kind: str
    resource: str

    @property
    def agrees(self) -> tuple[bool, bool]:
        """Whether kind and resource are the same."""
        return self.kind == self.label.kind, self.resource == self.label.resource


def labels(name: str) -> list[Label]:
    """The labels of ``labels.yaml`` or ``held_out.yaml``."""
    text = (resources.files("factory.compiler") / name).read_text(encoding="utf-8")
    return [
        Label(
            each["document"].replace(".", ":", 1),
            each["method"],
            each["kind"],
            each["resource"],
            each.get("effect", ""),
        )
        for each in yaml.safe_load(text)["labels"]
    ]


def compare(known: Sequence[Label]) -> list[Comparison]:
    """Compiles each label's document once, and looks up what became of its method."""
    found = {}
    for document in sorted({label.document for label in known}):
        inferred = compiled(f"discovery:{document}")
        kinds = {operation.origin: operation.kind for operation in inferred.decl.operations.values()}
        found[document] = {method: (kinds[method], word) for method, word in inferred.about.items()}
    return [Comparison(label, *found[label.document].get(label.method, ("none", "-"))) for label in known]


def main(names: Sequence[str]) -> None:
    """Prints where inference and labels differ, and the agreement."""
    for name in names or ("labels.yaml", "held_out.yaml"):
        made = compare(labels(name))
        for each in made:
            if not all(each.agrees):
                label, found = each.label, f"{each.kind} {each.resource}"
                print(f"{label.document} {label.method}: {label.kind} {label.resource}, inferred {found}")
        kinds, things = (sum(each.agrees[part] for each in made) for part in (0, 1))
        print(f"{name}: of {len(made)}: kind {kinds}, resource {things}, both {sum(all(c.agrees) for c in made)}")


if __name__ == "__main__":
    main(sys.argv[1:])
