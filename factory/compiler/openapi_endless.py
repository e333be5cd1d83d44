"""Schemas that no value meets, since each would have to hold another of its kind, and that one another, without end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Json = Any
Schema = dict[str, Json]

_REF = "#/$defs/"


def demand_no_endless(defs: dict[str, Schema]) -> list[str]:
    """Takes out of ``required`` in ``defs`` what would go on without end; one note each."""
    notes = []
    while (found := _endless(defs)) is not None:
        name, schema, held = found
        schema["required"] = [one for one in schema["required"] if one != held]
        notes.append(f"{name}: {held} is required, and would have to hold {name} without end; here it may be left out")
    return notes


def _endless(defs: Mapping[str, Schema]) -> tuple[str, Schema, str] | None:
    """The name of a schema that no value meets, what in it requires a property that never ends, and that property."""
    finite: set[str] = set()
    while more := {name for name, schema in defs.items() if name not in finite and _ends(schema, finite)}:
        finite |= more
    for name, schema in defs.items():
        for part in _musts(schema) if name not in finite else ():
            for held in part.get("required", ()):
                if not _ends(part.get("properties", {}).get(held, {}), finite):
                    return name, part, held
    return None


def _musts(schema: Schema) -> Iterator[Schema]:
    """``schema``, and what stands in it that a value of it meets, or may have to meet."""
    yield schema
    for key in ("allOf", "oneOf", "anyOf"):
        for one in schema.get(key, ()):
            yield from _musts(one)
    for name in schema.get("required", ()):
        yield from _musts(schema.get("properties", {}).get(name, {}))


def _ends(schema: Schema, finite: set[str]) -> bool:
    """Whether some value meets ``schema``, where those of ``finite`` have some."""
    kind = schema.get("type")
    if isinstance(kind, list) and set(kind) - {"object", "array"}:
        return True
    if "$ref" in schema and schema["$ref"].removeprefix(_REF) not in finite:
        return False
    for key in ("oneOf", "anyOf"):
        if key in schema and not any(_ends(one, finite) for one in schema[key]):
            return False
    held = [schema.get("properties", {}).get(name, {}) for name in schema.get("required", ())]
    items = [schema["items"]] if schema.get("minItems") and isinstance(schema.get("items"), dict) else []
    return all(_ends(one, finite) for one in (*schema.get("allOf", ()), *held, *items))
