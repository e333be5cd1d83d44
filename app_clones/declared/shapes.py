"""JSON Schema, compiled when first needed: shapes of ``json`` values, formats and patterns of texts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jsonschema_rs

Json = Any

_INT = re.compile(r"-?[0-9]{1,20}\Z")
_DEFS = "#/$defs/"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


@lru_cache(maxsize=8192)
def matcher(pattern: str) -> Any:
    """A validator whose ``is_valid(text)`` says whether ``pattern`` is found in it. Its work is bounded, whatever the
    text. Raises ``ValueError`` where the pattern is none."""
    return jsonschema_rs.Draft202012Validator({"pattern": pattern})


def pattern_fault(pattern: str) -> str | None:
    """What is wrong with a pattern, if anything is."""
    try:
        matcher(pattern)
    except ValueError as error:
        return f"no pattern: {str(error).splitlines()[0][:200]}"
    return None


@lru_cache(maxsize=64)
def format_of(name: str) -> Any:
    """A validator whose ``is_valid(text)`` says whether a text has the format of that name (``date-time``)."""
    return jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True)


def _within(low: int, high: int) -> Any:
    return lambda text: bool(_INT.match(text)) and low <= int(text) <= high


_FORMATS = {
    "int64": _within(-(1 << 63), (1 << 63) - 1),
    "uint64": _within(0, (1 << 64) - 1),
    "int32": _within(-(1 << 31), (1 << 31) - 1),
    "uint32": _within(0, (1 << 32) - 1),
}


class Shapes:
    """The schemas of one app. Validators are compiled when first asked for, each with only what it refers to."""

    def __init__(self, schemas: Mapping[str, Mapping[str, Json]]) -> None:
        self._schemas = schemas
        self._validators: dict[str, Any] = {}

    def fault(self, shape: Mapping[str, Json], value: Json) -> str | None:
        """Where and why ``value`` does not meet ``shape``, in one line; None where it does."""
        key = json.dumps(shape, sort_keys=True)
        validator = self._validators.get(key)
        if validator is None:
            whole = self.whole(shape)
            validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True, formats=_FORMATS)
            self._validators[key] = validator
        try:
            if validator.is_valid(value):
                return None
            error = next(iter(validator.iter_errors(value)))
        except (ValueError, OverflowError, RecursionError):
            return "it is no plain JSON"
        place = ".".join(str(part) for part in error.instance_path)
        return f"{place[:80]}: {error.message[:160]}" if place else str(error.message)[:160]

    def shape_fault(self, shape: Mapping[str, Json]) -> str | None:
        """Why ``shape`` is no JSON Schema, or refers to none, in one line; None where it is one."""
        try:
            jsonschema_rs.meta.validate({**shape, "$schema": _DRAFT})
        except jsonschema_rs.ValidationError as error:
            place = ".".join(str(part) for part in error.instance_path)
            return f"{place}: {error.message}"[:200] if place else str(error.message)[:200]
        if unknown := sorted(set(references(shape)) - self._schemas.keys() - dict(shape.get("$defs", {})).keys()):
            return f"there is no schema {unknown[0]}"
        return None

    def whole(self, shape: Mapping[str, Json]) -> dict[str, Json]:
        """``shape`` with all that it refers to, however far, under ``$defs``."""
        names = self.closure(shape)
        own = dict(shape)
        if names:
            own["$defs"] = {**{name: self._schemas[name] for name in names}, **dict(own.get("$defs", {}))}
        return own

    def closure(self, *shapes: Json) -> list[str]:
        """The names of all schemas that ``shapes`` refer to, however far, sorted."""
        found: set[str] = set()
        edge = list(shapes)
        while edge:
            for name in references(edge.pop()):
                if name in self._schemas and name not in found:
                    found.add(name)
                    edge.append(self._schemas[name])
        return sorted(found)

    def resolved(self, shape: Mapping[str, Json]) -> Mapping[str, Json]:
        """What ``shape`` refers to, where it is but a reference."""
        seen = 0
        while (ref := shape.get("$ref")) is not None and seen < 20:
            shape = self._schemas.get(str(ref).removeprefix(_DEFS), {})
            seen += 1
        return shape

    def properties(self, shape: Mapping[str, Json]) -> Mapping[str, Json] | None:
        """The properties that an object of this shape may have; None where it may have any."""
        shape = self.resolved(shape)
        listed = shape.get("properties")
        closed = isinstance(listed, Mapping) and not shape.get("additionalProperties") and "allOf" not in shape
        return listed if closed else None


def references(shape: Json) -> list[str]:
    """The names that ``shape`` itself refers to, in no particular order."""
    found, edge = [], [shape]
    while edge:
        at = edge.pop()
        if isinstance(at, Mapping):
            ref = at.get("$ref")
            if isinstance(ref, str) and ref.startswith(_DEFS):
                found.append(ref[len(_DEFS) :])
            edge += at.values()
        elif isinstance(at, list | tuple):
            edge += at
    return found
