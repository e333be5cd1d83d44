"""Fields of an entity from the properties of its schema."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

from app_clones.declared.model import FieldDecl, Value
from factory.compiler import infer_keywords
from factory.compiler.api import Schema
from factory.compiler.infer_names import free, short, snake
from factory.compiler.infer_schemas import Shapes, ref_of

Json = Any

_OUTPUT = re.compile(r"\boutput[ -]only\b|\[output only\]|\bread-?only\b", re.I)
_IMMUTABLE = re.compile(r"(?:\A|[.\]] )(?:required\. |optional\. )*immutable\b", re.I)
_REQUIRED = re.compile(r"\A\W*required\b(?!\s+(?:if|when|for|only|in)\b)", re.I)
#: The same further on, where it is not said when.
_REQUIRED_TOO = re.compile(r"(?:\A|[.!?]\s+)(?:The|This|It)(?: [\w`-]+){0,2} is (?:always )?required(?=\.|\s*\Z)")
_INPUT = re.compile(r"\A\W*(?:required\. |optional\. )*input[ -]only\b", re.I)
_CREATED = re.compile(r"(create|created|creation|insert|published|start)_?(time|timestamp|at|date|on|time_millis)?\Z")
_UPDATED = re.compile(r"(update|updated|modified|last_modified|last_update|modify)_?(time|timestamp|at|date|on)?\Z")
_PROSE = {"description", "body", "content", "notes", "comment", "message", "text", "snippet", "about", "details"}
_SEARCHED = ("display_name", "name", "title", "summary", "subject", "description", "body", "email", "label", "content")
_RESERVED = {"id", "slug"}
_GOOD = ("ACTIVE", "READY", "RUNNING", "ENABLED", "AVAILABLE", "OPEN", "LIVE", "OK", "SUCCEEDED", "DONE", "CREATED")
_UNSAID = re.compile(r"(?:\A|_)(?:UNSPECIFIED|UNKNOWN|UNDEFINED|INVALID)\Z", re.I)
_MOST_SEARCHED = 4


def fields_of(shapes: Shapes, schema: str, besides: Collection[str]) -> dict[str, FieldDecl]:
    """The fields of a row of ``schema``, by name; ``besides``: properties that are no fields."""
    found: dict[str, FieldDecl] = {}
    for prop, inner in shapes.properties(schema).items():
        if prop in besides:
            continue
        base = snake(prop)
        name = free(short(f"{base}_" if base in _RESERVED else base, 44), found)
        found[name] = _field(shapes, name, prop, inner)
    return _searchable(found)


def always(schema: Schema) -> str | None:
    """The one text that a property holds: its default, or what its description says that it always is."""
    if schema.get("type") != "string":
        return None
    said = re.search(r"""\balways[\s:]+["'`]?([a-z]+#[A-Za-z0-9]+)""", str(schema.get("description", "")))
    return schema.get("default") or (said[1] if said else None)


def kind_of(props: Mapping[str, Schema]) -> dict[str, Json]:
    """The constant ``kind`` among ``props``, where it is one."""
    said = always(props.get("kind", {}))
    return {"kind": said} if said else {}


def value_of(shapes: Shapes, schema: Schema, *, lists: bool = True) -> dict[str, Json]:
    """What a schema says of a value, as the arguments of :class:`Value`: type, values, pattern, shape …"""
    name = ref_of(schema)
    target = shapes.schema(name) if name else schema
    match target.get("type"):
        case "array" if lists:
            items = value_of(shapes, target.get("items", {}), lists=False)
            if items["type"] in ("json", "ref"):
                return {"type": "json", "shape": _bare(schema)}
            return {**items, "repeated": True}
        case "string":
            return _string(target)
        case "boolean":
            return {"type": "boolean"}
        case "integer":
            return {"type": "integer", **_bounds(target)}
        case "number":
            return {"type": "number", **_bounds(target)}
        case _:
            return {"type": "json", "shape": _bare(schema)}


def _string(schema: Schema) -> dict[str, Json]:
    values = [value for value in dict.fromkeys(schema.get("enum", ())) if isinstance(value, str) and value]
    if values:
        return {"type": "enum", "values": tuple(values)}
    match schema.get("format"):
        case "int64":
            return {"type": "integer", "int64": True}
        case "uint64":
            return {"type": "string", "pattern": r"^[0-9]{1,20}$"}
        case "date-time":
            return {"type": "datetime"}
        case "date":
            return {"type": "date"}
        case "byte":
            return {"type": "bytes"}
    found: dict[str, Json] = {"type": "string"}
    if compiles(schema.get("pattern")):
        found["pattern"] = schema["pattern"]
    for name, key in (("minLength", "min"), ("maxLength", "max")):
        if name in schema:
            found[key] = schema[name]
    return found


def compiles(pattern: Json) -> bool:
    """Whether a pattern is one that every engine of regular expressions knows."""
    if not isinstance(pattern, str):
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return "(?" not in pattern.replace("(?:", "")


def _bounds(schema: Schema) -> dict[str, Json]:
    names = (("minimum", "min"), ("maximum", "max"))
    return {key: schema[name] for name, key in names if isinstance(schema.get(name), int | float)}


def _bare(schema: Schema) -> dict[str, Json]:
    """A schema without its texts."""
    keep = {key: inner for key, inner in schema.items() if key not in _TEXTS}
    for key in ("items", "additionalProperties"):
        if isinstance(keep.get(key), Mapping):
            keep[key] = _bare(keep[key])
    if isinstance(keep.get("properties"), Mapping):
        keep["properties"] = {name: _bare(inner) for name, inner in keep["properties"].items()}
    return keep


_TEXTS = {"description", "readOnly", "x-enum-about", "x-required-by", "deprecated", "default", "title", "example"}


def _field(shapes: Shapes, name: str, prop: str, schema: Schema) -> FieldDecl:
    about = str(schema.get("description", ""))
    made: dict[str, Json] = {"wire": prop, "about": _first(about), **value_of(shapes, schema)}
    readonly = bool(schema.get("readOnly")) or bool(_OUTPUT.search(about[:300]))
    if made["type"] == "string" and not made.get("pattern") and (name in _PROSE or name.endswith("_description")):
        made["type"] = "text"
    auto = _auto(name, made, readonly, about)
    if auto:
        made.pop("repeated", None)
        return FieldDecl(**made, auto=auto, readonly=True)
    if readonly:
        made["readonly"] = True
    else:
        made["immutable"] = bool(_IMMUTABLE.search(about[:200]))
        made["hidden"] = bool(_INPUT.match(about))
        made["required"] = bool(_REQUIRED.match(about) or _REQUIRED_TOO.search(about) or schema.get("x-required-by"))
        if made["type"] == "string" and (told := infer_keywords.persons(about)):
            made |= {"keywords": told, "seed": "someone"}
    default = _default(name, made, schema, readonly)
    if default is not None:
        made["default"] = default
        made["required"] = False
    return FieldDecl(**made)


def _auto(name: str, made: Mapping[str, Json], readonly: bool, about: str) -> Literal["created", "updated"] | None:
    """Whether the service itself writes when a row was made, or last changed."""
    if made.get("repeated") or made["type"] not in ("datetime", "date", "integer", "string"):
        return None
    if made["type"] in ("integer", "string") and not (readonly or "RFC3339" in about.replace(" ", "")):
        return None
    if made["type"] == "string" and (made.get("pattern") or not re.search(r"time|date|RFC", about, re.I)):
        return None
    if made["type"] == "integer" and not (made.get("int64") and "milli" in about.lower()):
        return None
    if _CREATED.match(name) and (readonly or name.startswith("creat")) and not name.startswith("start"):
        return "created"
    return "updated" if _UPDATED.match(name) and (readonly or name.startswith(("updat", "modif"))) else None


def _default(name: str, made: Mapping[str, Json], schema: Schema, readonly: bool) -> Json:
    """What a new row has: the document's own default; of a state that only the service writes, the plain good one."""
    if made.get("repeated"):
        return None
    if made["type"] == "enum":
        said = schema.get("default")
        if said in made["values"] and not _UNSAID.search(str(said)):
            return said
        if readonly and re.search(r"(state|status|lifecycle|phase)\Z", name):
            return good_state(made["values"])
        return None
    if made["type"] == "boolean" and isinstance(schema.get("default"), bool):
        return schema["default"]
    return None


def good_state(values: Iterable[str]) -> str | None:
    """The state of a new and healthy thing, of those that there are."""
    known = [value for value in values if not _UNSAID.search(value)]
    for good in _GOOD:
        for value in known:
            if value.upper() == good or value.upper().endswith(f"_{good}"):
                return value
    return known[0] if known else None


def _searchable(fields: dict[str, FieldDecl]) -> dict[str, FieldDecl]:
    texts = [name for name in _SEARCHED if name in fields][:_MOST_SEARCHED]
    for name in texts:
        field = fields[name]
        if field.type in ("string", "text") and not (field.repeated or field.hidden or field.auto):
            fields[name] = field.model_copy(update={"search": True})
    return fields


def _first(about: str) -> str:
    """The first sentence of a description, at most 200 characters."""
    text = re.sub(r"\s+", " ", about).strip()
    found = re.match(r"(?:Required\. |Optional\. |Output only\. |Immutable\. |Identifier\. )*.*?[.!?](?=\s|\Z)", text)
    return (found[0] if found else text)[:200]


def accepts(value: Value) -> bool:
    """Whether a value is one that a query can tell of a field: no object, no list of objects."""
    return value.type != "json"
