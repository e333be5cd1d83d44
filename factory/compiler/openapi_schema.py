"""The schemas of an OpenAPI document as JSON Schema 2020-12 by name: nullable told by type, ``allOf`` merged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from app_clones.declared.shapes import pattern_fault
from factory.compiler.infer_names import free, in_ascii
from factory.compiler.openapi_source import Json, Pointer, Source

Schema = dict[str, Json]

_TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
_DROPPED = ("nullable", "discriminator", "xml", "externalDocs", "$schema", "$id", "$anchor")
_MAPS = ("properties", "patternProperties", "$defs", "dependentSchemas")
_LISTS = ("oneOf", "anyOf", "prefixItems")
_ONES = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
_ABOUT = ("description", "title", "readOnly", "writeOnly")
#: What may stand beside a ref and leaves what it means as it is.
_BESIDE = (*_ABOUT, "default", "example", "examples", "deprecated")
_BOUNDS = (
    ("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties"), ("minimum", "maximum"),
    ("exclusiveMinimum", "maximum"), ("minimum", "exclusiveMaximum"), ("exclusiveMinimum", "exclusiveMaximum"),
)  # fmt: skip
_COMPONENTS = ("components", "schemas")
KINDS = "x-kinds"
"""Beside ``oneOf`` or ``anyOf``: what a discriminator says."""


class Schemas:
    """All schemas of ``source``, made as they are asked for. ``defs``: by name; refs to them are ``#/$defs/NAME``."""

    def __init__(self, source: Source) -> None:
        self.defs: dict[str, Schema] = {}
        self._source = source
        self._names: dict[Pointer, str] = {}
        self.notes: list[str] = []
        self._making: list[str] = []
        self._whole = 0  # of those in the making, from which on the schema that is read is all of it, not a part

    def read_components(self) -> None:
        """Makes every schema that the document's components hold, used or not."""
        data = self._source.data
        components = self._source.mapping(data.get("components", {}), ("components",), "components")
        listed = self._source.mapping(components.get("schemas", {}), _COMPONENTS, "components.schemas")
        for name in listed:
            self._named((*_COMPONENTS, name), _COMPONENTS)

    def read(self, value: Json, at: Pointer) -> Schema:
        """The schema written at ``at``. Raises SpecError where it is none."""
        if isinstance(value, bool):
            return {} if value else {"not": {}}
        given = self._source.mapping(value, at, "a schema")
        self._check(given, at)
        made: Schema = {}
        for key, inner in given.items():
            if key not in _DROPPED and not key.startswith("x-") and key != "allOf":
                made[key] = self._inner(key, inner, (*at, key))
        _bounds_of_3_0(made)
        if "properties" in made or "additionalProperties" in made:
            made.setdefault("type", "object")
        if "discriminator" in given and (kinds := self._kinds(given, made, at)):
            made[KINDS] = kinds
        if "allOf" in given:
            branches = [self.read(one, (*at, "allOf", str(n))) for n, one in enumerate(given["allOf"])]
            made = self._merged(made, branches, at)
        self._leave_out(made, at)
        return _nullable(made) if given.get("nullable") is True else made

    def inline(self, schema: Mapping[str, Json]) -> Schema:
        """``schema`` with a ref at its top replaced by what it means, once and again."""
        seen: set[str] = set()
        found = dict(schema)
        while (ref := found.get("$ref")) is not None and ref not in seen:
            seen.add(ref)
            found = {**self.defs[_name_of(ref)], **{key: value for key, value in found.items() if key != "$ref"}}
        return found

    def _inner(self, key: str, value: Json, at: Pointer) -> Json:
        if key == "$ref":
            return f"#/$defs/{self._named(self._source.pointer(value, at[:-1]), at[:-1])}"
        if key in _MAPS:
            mapping = self._source.mapping(value, at, key)
            return {name: self._part(one, (*at, name)) for name, one in mapping.items()}
        if key in _LISTS:
            return [self._part(one, (*at, str(n))) for n, one in enumerate(self._list(value, at, key))]
        if key in _ONES:
            return value if isinstance(value, bool) else self._part(value, at)
        return value

    def _part(self, value: Json, at: Pointer) -> Schema:
        """A schema within another, which may name that one."""
        whole, self._whole = self._whole, len(self._making)
        made = self.read(value, at)
        self._whole = whole
        return made

    def _kinds(self, given: Mapping[str, Json], made: Schema, at: Pointer) -> Json:
        """Which property tells of which of several schemas a value is, and the names of those by what it then holds, as
        far as the document says so; None where there are not several."""
        told = self._source.mapping(given["discriminator"], (*at, "discriminator"), "a discriminator")
        several = [one for key in ("oneOf", "anyOf") for one in made.get(key, ())]
        names = {_name_of(one["$ref"]) for one in several if "$ref" in one}
        mapping = self._source.mapping(told.get("mapping", {}), (*at, "discriminator", "mapping"), "a mapping")
        targets = {value: str(target).removeprefix("#/components/schemas/") for value, target in mapping.items()}
        known = {value: self._names.get((*_COMPONENTS, target)) for value, target in targets.items()}
        if not names or not isinstance(told.get("propertyName"), str):
            return None
        return {"property": told["propertyName"], "of": {v: name for v, name in known.items() if name in names}}

    def _named(self, target: Pointer, asked_at: Pointer) -> str:
        """The name in ``defs`` of the schema at ``target``; makes it where it is new."""
        if target in self._names:
            return self._names[target]
        value = self._source.at(target, asked_at)
        name = target[-1] if target[:-1] == _COMPONENTS else "_".join(target).strip("_")
        # A ref is a URI reference, which holds no other letters; what is told apart stays so.
        name = self._names[target] = free(re.sub(r"[^A-Za-z0-9.-]+", "_", in_ascii(name)), self.defs)
        self._making.append(name)
        self.defs[name] = {}  # taken: a schema that contains itself finds its name
        self.defs[name] = self.read(value, target)
        self._making.remove(name)
        return name

    def _leave_out(self, schema: Schema, at: Pointer) -> None:
        """Takes bounds that no value meets and patterns that are none out of ``schema``, and tells so."""
        for key, why in [*_no_bounds(schema), *_no_patterns(schema)]:
            self.notes.append(f"{'.'.join(at)}: {key} is left out: {why}")
            del schema[key]

    def _list(self, value: Json, at: Pointer, what: str) -> Sequence[Json]:
        if not isinstance(value, list) or not value:
            self._source.fail(at, f"{what} is a list of schemas")
        return value

    def _check(self, given: Mapping[str, Json], at: Pointer) -> None:
        types = given.get("type", [])
        for one in types if isinstance(types, list) else [types]:
            if one not in _TYPES:
                self._source.fail((*at, "type"), f"there is no type {one!r}", f"types are {', '.join(_TYPES)}")
        if "allOf" in given:
            self._list(given["allOf"], (*at, "allOf"), "allOf")
        required = given.get("required", [])
        if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
            self._source.fail((*at, "required"), "required is a list of property names")
        if "enum" in given and not (isinstance(given["enum"], list) and given["enum"]):
            self._source.fail((*at, "enum"), "enum is a list of values")

    def _merged(self, own: Schema, branches: Sequence[Schema], at: Pointer) -> Schema:
        """One schema for what ``own`` and all ``branches`` say; those that cannot be merged stay in ``allOf``."""
        total, rest = own, []
        for branch in branches:
            name = _name_of(branch.get("$ref", ""))
            if name in self._making[self._whole :]:
                self._source.fail((*at, "allOf"), f"{name} is all of itself")
            if name in self._making:
                rest.append(branch)  # it holds this very schema
                continue
            branch = self.inline(branch)
            both = _both(total, branch)
            if both is None:
                rest.append(branch)
            else:
                total = both
        if len(branches) == len(rest) == 1 and all(key in _BESIDE for key in total):
            return {**total, **rest[0]}  # how 3.0 says something about a ref
        return {**total, "allOf": [*total.get("allOf", []), *rest]} if rest else total


def _name_of(ref: str) -> str:
    return ref.removeprefix("#/$defs/")


def _bounds_of_3_0(schema: Schema) -> None:
    """``exclusiveMinimum: true`` beside ``minimum`` became one number."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        flag = schema.get(exclusive)
        if isinstance(flag, bool):
            del schema[exclusive]
            if flag and bound in schema:
                schema[exclusive] = schema.pop(bound)


def _no_bounds(schema: Schema) -> Iterator[tuple[str, str]]:
    """The bounds that cannot be held to, each with the reason."""
    good: dict[str, float] = {}
    for key in [key for pair in _BOUNDS for key in pair if key in schema]:
        if isinstance(schema[key], int | float) and not isinstance(schema[key], bool):
            good[key] = schema[key]
        else:
            yield key, f"{schema[key]!r} is no number"
    for low, high in _BOUNDS:
        strict = "exclusive" in low + high
        if low in good and high in good and (good[low] > good[high] or (strict and good[low] == good[high])):
            yield low, f"nothing is from {good.pop(low)} to {good[high]}"


def _no_patterns(schema: Schema) -> Iterator[tuple[str, str]]:
    """The pattern, where it is none, with the reason."""
    if "pattern" in schema and (fault := pattern_fault(schema["pattern"])):
        yield "pattern", fault


def _nullable(schema: Schema) -> Schema:
    """``schema``, or null."""
    kind = schema.get("type")
    if kind is None or "$ref" in schema:
        about: Schema = {key: schema[key] for key in _ABOUT if key in schema}
        bare = {key: value for key, value in schema.items() if key not in about}
        return {"anyOf": [bare, {"type": "null"}], **about} if bare else dict(schema)
    kinds = [*kind] if isinstance(kind, list) else [kind]
    made = {**schema, "type": kinds if "null" in kinds else [*kinds, "null"]}
    if "enum" in made and None not in made["enum"]:
        made["enum"] = [*made["enum"], None]
    return made


def _both(a: Schema, b: Schema) -> Schema | None:
    """What holds where ``a`` and ``b`` both do, as one schema; None where that cannot be written as one."""
    made = dict(a)
    for key, value in b.items():
        if key not in made or made[key] == value:
            made[key] = value
        elif key in _JOINED:
            joined = _JOINED[key](made[key], value)
            if joined is None:
                return None
            made[key] = joined
        elif key in ("oneOf", "anyOf", "not", "if", "then", "else", "$ref", "items", "const", "pattern", "format"):
            return None
        # of all else, descriptions and examples, what was said first stays
    return made


def _types(a: Json, b: Json) -> Json:
    left, right = (one if isinstance(one, list) else [one] for one in (a, b))
    shared = [one for one in left if one in right]
    return None if not shared else shared[0] if len(shared) == 1 else shared


def _properties(a: Mapping[str, Schema], b: Mapping[str, Schema]) -> dict[str, Schema]:
    made = dict(a)
    for name, schema in b.items():
        if name in made and made[name] != schema:
            both = _both(made[name], schema)
            made[name] = both if both is not None else {"allOf": [made[name], schema]}
        else:
            made[name] = schema
    return made


def _open(a: Json, b: Json) -> Json:
    # Who closes one part of a whole means the whole, or nothing could meet it.
    return next((one for one in (a, b) if isinstance(one, dict)), bool(a) and bool(b))


_JOINED: Mapping[str, Callable[[Any, Any], Json]] = {
    "type": _types,
    "properties": _properties,
    "required": lambda a, b: list(dict.fromkeys([*a, *b])),
    "enum": lambda a, b: [one for one in a if one in b] or None,
    "allOf": lambda a, b: [*a, *b],
    "additionalProperties": _open,
    **dict.fromkeys(("minimum", "minLength", "minItems", "minProperties", "exclusiveMinimum"), max),
    **dict.fromkeys(("maximum", "maxLength", "maxItems", "maxProperties", "exclusiveMaximum"), min),
    **dict.fromkeys(("readOnly", "writeOnly", "deprecated", "uniqueItems"), lambda a, b: a or b),
}
