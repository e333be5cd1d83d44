"""What a property's JSON Schema says of a field or parameter, and what a new row has where nothing is given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from factory.compiler.api import Schema

if TYPE_CHECKING:
    from factory.compiler.rest_schemas import Schemas

Json = Any

_PROSE = re.compile(r"(description|body|content|notes?|comment|message|text|bio|about)$")
_NUMBER_KEYS = {"exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
_ITEM_KEYS = {"minLength", "maxLength", "minimum", "maximum", "pattern", "format", *_NUMBER_KEYS}
_TEXTS = {"description", "title", "example", "examples", "readOnly", "writeOnly", "deprecated", "default"}
_TYPES = {"date-time": "datetime", "date": "date", "email": "email", "uri": "url", "byte": "bytes"}


def type_of(schemas: Schemas, told: Schema) -> dict[str, Json]:
    """The arguments of :class:`~app_clones.declared.model.Value` for a property: type, values, bounds, shape."""
    schema = schemas.plain(told)
    kind = schema.get("type")
    if kind == "array":
        return _list(schemas, told, schema)
    if kind == "boolean":
        return {"type": "boolean"}
    if kind in ("integer", "number") and "enum" not in schema and not _NUMBER_KEYS & schema.keys():
        return {"type": kind, **_bounds(schema, "minimum", "maximum")}
    if kind == "string":
        if "enum" in schema:
            return {"type": "enum", "values": tuple(str(one) for one in schema["enum"])}
        format_ = schema.get("format", "")
        if format_ in _TYPES and not {"pattern", "minLength", "maxLength"} & schema.keys():
            return {"type": _TYPES[format_]}
        if format_ in ("", "password", "int32") or format_ in _TYPES:
            made = {"type": "string", **_bounds(schema, "minLength", "maxLength")}
            return {**made, "pattern": schema["pattern"]} if "pattern" in schema else made
    return {"type": "json", "shape": bare(told)}


def _list(schemas: Schemas, told: Schema, schema: Schema) -> dict[str, Json]:
    items = schemas.plain(schema.get("items", {}))
    one = type_of(schemas, schema.get("items", {})) if items.get("type") != "array" else {"type": "json"}
    if one["type"] == "json" or schema.get("uniqueItems") or _ITEM_KEYS & items.keys():
        return {"type": "json", "shape": bare(told)}
    return {**one, "repeated": True, **_bounds(schema, "minItems", "maxItems")}


def _bounds(schema: Schema, low: str, high: str) -> dict[str, Json]:
    return {key: schema[name] for name, key in ((low, "min"), (high, "max")) if name in schema}


def bare(schema: Json) -> Json:
    """A schema without its texts."""
    if isinstance(schema, Mapping):
        named = {"properties", "$defs", "patternProperties"}
        return {
            key: ({name: bare(one) for name, one in inner.items()} if key in named else bare(inner))
            for key, inner in schema.items()
            if key not in _TEXTS
        }
    return [bare(one) for one in schema] if isinstance(schema, list) else schema


def default_of(schema: Schema, *, needed: bool) -> Json:
    """What a new row has of a property: the document's own default; where an answer must show one, the plainest."""
    if schema.get("default") is not None:
        return schema["default"]
    if not needed:
        return None
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type"):
        case "boolean":
            return False
        case "integer" | "number":
            low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
            return max(low, 0) if "maximum" not in schema else min(max(low, 0), schema["maximum"])
        case "string":
            return "-" * max(1, int(schema.get("minLength", 1))) if not schema.get("format") else None
        case "array":
            return []
        case "object":
            return {} if not schema.get("required") else None
    return None


def is_prose(name: str) -> bool:
    """Whether a text of that name has several lines."""
    return bool(_PROSE.search(name))
