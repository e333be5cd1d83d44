"""Compiled JSON Schemas of one document, and the formats that Google's documents mean."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema_rs

Json = Any
Schema = Mapping[str, Json]

_DEFS = "#/$defs/"

#: What JSON Schema leaves open, and Google's documents mean.
FORMATS: Mapping[str, Callable[[str], bool]] = {
    "int64": lambda text: bool(re.fullmatch(r"-?[0-9]{1,19}", text)),
    "uint64": lambda text: bool(re.fullmatch(r"[0-9]{1,20}", text)),
    "int32": lambda text: bool(re.fullmatch(r"-?[0-9]{1,10}", text)),
    "uint32": lambda text: bool(re.fullmatch(r"[0-9]{1,10}", text)),
    "google-duration": lambda text: bool(re.fullmatch(r"-?[0-9]+(\.[0-9]{1,9})?s", text)),
    "google-fieldmask": lambda text: bool(re.fullmatch(r"[\w.*,]*", text)),
    "google-datetime": lambda text: bool(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", text)
    ),
}


class Validators:
    """Compiled schemas of one document, each with only what it refers to."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self.schemas = schemas
        self._compiled: dict[str, Any] = {}

    def faults(self, schema: Schema, value: Json) -> list[str]:
        """Where and why ``value`` does not meet ``schema``: nothing where it does, at most three lines."""
        validator = self._of(schema)
        if validator.is_valid(value):
            return []
        found = []
        for error, _ in zip(validator.iter_errors(value), range(3), strict=False):
            place = ".".join(str(part) for part in error.instance_path)
            found.append(f"{place or 'it'}: {str(error.message)[:160]}")
        return found

    def is_valid(self, schema: Schema, value: Json) -> bool:
        """Whether ``value`` meets ``schema``."""
        return bool(self._of(schema).is_valid(value))

    def _of(self, schema: Schema) -> Any:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._compiled:
            whole = {**schema, "$defs": {name: self.schemas[name] for name in self._closure(schema)}}
            self._compiled[key] = jsonschema_rs.Draft202012Validator(
                whole, validate_formats=True, formats=dict(FORMATS)
            )
        return self._compiled[key]

    def _closure(self, schema: Schema) -> list[str]:
        found: set[str] = set()
        edge: list[Json] = [schema]
        while edge:
            for name in _references(edge.pop()):
                if name in self.schemas and name not in found:
                    found.add(name)
                    edge.append(self.schemas[name])
        return sorted(found)


def without_required(schema: Json) -> Json:
    """``schema``, or several by name, with nothing required: what a part of a value meets."""
    if isinstance(schema, Mapping):
        named = schema.get("required")
        return {
            name: without_required(inner)
            for name, inner in schema.items()
            if not (name == "required" and isinstance(named, list))
        }
    return [without_required(one) for one in schema] if isinstance(schema, list | tuple) else schema


def _references(value: Json) -> Iterator[str]:
    edge = [value]
    while edge:
        at = edge.pop()
        if isinstance(at, Mapping):
            ref = at.get("$ref")
            if isinstance(ref, str) and ref.startswith(_DEFS):
                yield ref[len(_DEFS) :].partition("/")[0]
            edge += at.values()
        elif isinstance(at, list | tuple):
            edge += at
