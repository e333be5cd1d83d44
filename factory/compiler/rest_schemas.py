"""What a REST API's bodies hold: a row, a row under a property, a list of rows under one beside what tells of pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from factory.compiler.api import ApiDoc, Schema
from factory.compiler.openapi_schema import KINDS
from factory.compiler.rest_values import default_of

Json = Any

_REF = "#/$defs/"
_NEXT = re.compile(r"(next_?)?(page_?)?(cursor|token|next)|next_?page(_?token)?|next_?cursor|ending_before", re.I)
_PREVIOUS = re.compile(r"prev(ious)?(_?page)?(_?url)?", re.I)
_NEXT_URL = re.compile(r"next(_?page)?_?(url|link|uri|href)", re.I)
_TOTAL = re.compile(r"(total|count|total_?(count|size|items|results|records))", re.I)
_ADDRESS = re.compile(r"url|href|self|link|path", re.I)
_MORE = re.compile(r"(has_?more|has_?next(_?page)?|more)", re.I)
#: What an answer has beside the row that it is about, and what then holds the row.
_BESIDE = re.compile(
    r"_?(meta(data)?|links?|included|errors?|warnings|messages?|success|ok|status|code|(request|trace)_?id|version"
    r"|api_?version|json_?api|timestamp|pagination)",
    re.I,
)
_HOLDER = re.compile(r"data|result|item|payload|response|record", re.I)
_BOUNDS = ("minLength", "maxLength", "pattern", "minimum", "maximum", "minItems", "maxItems")
_SUCCESS = re.compile(r"success|ok", re.I)


@dataclass(frozen=True, slots=True)
class Answered:
    """The row in an answer. ``wrap``: the property that holds it, None where it is the answer itself; ``constants``:
    what the answer must have beside it, always alike."""

    row: Schema
    wrap: str | None = None
    constants: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A list in an answer. ``items``: the property it stands in, None of a bare list; ``next``, ``total``, ``more``:
    properties that lead on, that count, that say whether there is more; ``next_url``, ``previous_url``: those that hold
    addresses of pages; ``constants``: others, always alike."""

    row: Schema
    items: str | None
    next: str | None = None
    total: str | None = None
    more: str | None = None
    next_url: str | None = None
    previous_url: str | None = None
    constants: Mapping[str, Json] = field(default_factory=dict)


def _meaning(name: str, schema: Schema, *, address: bool) -> str | None:
    """What a property beside a list tells, as a field of :class:`Envelope`; ``address``: it holds one, or null."""
    kind = schema.get("type")
    if address and (_NEXT.fullmatch(name) or _NEXT_URL.fullmatch(name)):
        return "next_url"
    if address and _PREVIOUS.fullmatch(name):
        return "previous_url"
    told = (("next", "string", _NEXT), ("total", "integer", _TOTAL), ("more", "boolean", _MORE))
    return next((meaning for meaning, of, pattern in told if kind == of and pattern.fullmatch(name)), None)


class Schemas:
    """The schemas of one document."""

    def __init__(self, doc: ApiDoc) -> None:
        self._defs = doc.schemas
        bodies = {self.name(method.request) for method in doc.methods}
        lists = (self.listed(method.response) for method in doc.methods)
        #: Schemas that stand for rows wherever they occur: clients send them, or lists hold them.
        self._rows = (bodies | {self.name(one.row) for one in lists if one is not None}) - {None}

    def name(self, schema: Schema | None) -> str | None:
        """The name that a schema refers to."""
        ref = (schema or {}).get("$ref")
        return ref.removeprefix(_REF) if isinstance(ref, str) else None

    def plain(self, schema: Schema | None) -> Schema:
        """``schema`` with a ref at its top followed, null aside, its kinds (``oneOf``) put together."""
        found = self._followed(schema)
        for several in ("oneOf", "anyOf"):
            if several in found:
                kinds = [one for one in found[several] if one.get("type") != "null"]
                rest = {key: value for key, value in found.items() if key != several}
                found = {**self._union([self.plain(one) for one in kinds]), **rest}
        for part in found.pop("allOf", ()):
            found = self._union([found, self.plain(part)], every=True)
        kind = found.get("type")
        if isinstance(kind, list):
            named = [one for one in kind if one != "null"] or ["null"]
            found["type"] = named[0] if len(named) == 1 else named
        if isinstance(found.get("enum"), list):
            found["enum"] = [one for one in found["enum"] if one is not None]
        return found

    def _followed(self, schema: Schema | None) -> dict[str, Json]:
        """``schema`` with a ref at its top followed."""
        found: dict[str, Json] = dict(schema or {})
        for _ in range(20):
            name = found.get("$ref")
            if name is None:
                break
            rest = {key: value for key, value in found.items() if key != "$ref"}
            found = {**self._defs.get(str(name).removeprefix(_REF), {}), **rest}
        return found

    def kinds(self, schema: Schema | None) -> tuple[str, Mapping[str, str]] | None:
        """The property that tells of which kind (``oneOf``) a value is, and by what it then holds the name of that
        kind's schema; None where there are no kinds, or nothing tells them apart."""
        found = self._followed(schema)
        told = found.get(KINDS)
        if told is None:
            return None
        known: dict[str, str] = {}
        for name in filter(None, (self.name(one) for one in (*found.get("oneOf", ()), *found.get("anyOf", ())))):
            one = self.plain(self.properties({"$ref": f"{_REF}{name}"}).get(told["property"]))
            said = [one["const"]] if "const" in one else one.get("enum", [name])
            mapped = [value for value, target in told["of"].items() if target == name]
            known |= {str(value): name for value in mapped or said}
        return told["property"], known

    def properties(self, schema: Schema | None) -> Mapping[str, Schema]:
        """The properties of an object's schema."""
        found = self.plain(schema).get("properties", {})
        return found if isinstance(found, Mapping) else {}

    def bounded(self, schema: Schema, sent: Schema) -> Schema:
        """``schema``, of a property, within the bounds that are told only where clients send it."""
        there, told = self.plain(schema), self.plain(sent)
        if there.get("type") != told.get("type"):
            return schema
        more = {key: told[key] for key in _BOUNDS if key in told and key not in there}
        return {**schema, **more} if more else schema

    def is_object(self, schema: Schema | None) -> bool:
        """Whether it says what an object has."""
        return bool(self.properties(schema))

    def wrapped(self, schema: Schema | None) -> tuple[Schema, str | None]:
        """The row of a body, and the property that holds it (``{ticket: {...}}``), None where it is the body itself."""
        properties = self.properties(schema)
        inner = [name for name, one in properties.items() if self.is_object(one)]
        if len(inner) == 1 and len(properties) == 1:
            return properties[inner[0]], inner[0]
        return schema or {}, None

    def answered(self, schema: Schema | None) -> Answered:
        """The row of an answer, beside which there may be more than in bodies that are sent (``{data: {...}, meta:
        {...}}``): what it need not have is left out."""
        row, wrap = self.wrapped(schema)
        if wrap is not None or self.name(schema) in self._rows:
            return Answered(row, wrap)
        found = self.plain(schema)
        properties = self.properties(found)
        held = [name for name in properties if not _BESIDE.fullmatch(name)]
        if len(held) != 1 or not self._is_held(held[0], properties[held[0]]):
            return Answered(row)
        constants: dict[str, Json] = {}
        for name in found.get("required", ()):
            if name != held[0]:
                constants[name] = self._always(name, properties.get(name, {}))
        if None in constants.values():
            return Answered(row)
        return Answered(properties[held[0]], held[0], constants)

    def _is_held(self, name: str, schema: Schema) -> bool:
        """Whether a property holds the row that an answer is about."""
        return self.is_object(schema) and (bool(_HOLDER.fullmatch(name)) or self.name(schema) in self._rows)

    def _always(self, name: str, schema: Schema) -> Json:
        """What an answer can have in a property each time; None where nothing will do."""
        found = self.plain(schema)
        if found.get("type") == "boolean" and _SUCCESS.fullmatch(name):
            return True
        fixed = constant(found)
        return fixed if fixed is not None else default_of(found, needed=True)

    def listed(self, schema: Schema | None) -> Envelope | None:
        """The list that a body is about, if it is about one."""
        found = self.plain(schema)
        if found.get("type") == "array":
            return Envelope(found.get("items", {}), None)
        properties = self.properties(found)
        lists = [name for name, one in properties.items() if self._is_rows(one)]
        if len(lists) != 1:
            return None
        rest = {name: self.plain(one) for name, one in properties.items() if name != lists[0]}
        required = found.get("required", ())
        constants: dict[str, Json] = {}
        told: dict[str, str] = {}
        for name, one in rest.items():
            if meaning := _meaning(name, one, address=self._is_address(properties[name])):
                told.setdefault(meaning, name)
            elif (value := constant(one)) is not None:
                constants[name] = value
            elif name in required and one.get("type") == "string" and _ADDRESS.fullmatch(name):
                constants[name] = ""  # of the list itself: nothing here follows it
            elif name in required:
                if not _BESIDE.fullmatch(name) or (value := self._always(name, one)) is None:
                    return None
                constants[name] = value
        return Envelope(properties[lists[0]]["items"], lists[0], constants=constants, **told)

    def _is_address(self, schema: Schema) -> bool:
        """Whether a property holds an address, or null where there is none."""
        found = self._followed(schema)
        kinds = [found, *found.get("anyOf", ()), *found.get("oneOf", ())]
        nullable = any("null" in (kind.get("type") or ()) for kind in kinds)
        return nullable and any(kind.get("format") in ("uri", "url", "uri-reference") for kind in kinds)

    def _is_rows(self, schema: Schema) -> bool:
        found = self.plain(schema)
        return found.get("type") == "array" and self.is_object(found.get("items", {}))

    def _union(self, kinds: list[Schema], *, every: bool = False) -> dict[str, Json]:
        """One schema for what is any of ``kinds``; ``every``: all of them at once."""
        if not kinds:
            return {}
        texts = [one for one in kinds if not one.get("properties")]
        if texts and not every:
            if len(texts) == len(kinds) and any(one != texts[0] for one in texts):
                return {"type": [*dict.fromkeys(kind.get("type") for kind in texts)]}  # a text or a number
            return dict(texts[0])  # an id, or the whole thing: the id
        properties: dict[str, Json] = {}
        for kind in kinds:
            for name, one in kind.get("properties", {}).items():
                old, one = properties.get(name), _as_enum(one)
                if old is not None and "enum" in old and "enum" in one:
                    one = {**old, "enum": [*dict.fromkeys([*old["enum"], *one["enum"]])]}
                    properties[name] = one
                properties.setdefault(name, one)
        sets = [set(kind.get("required", ())) for kind in kinds]
        shared = set.union(*sets) if every else set.intersection(*sets)
        made = {**kinds[0], "type": "object", "properties": properties}
        return {**made, "required": [name for name in properties if name in shared]}


def _as_enum(schema: Schema) -> Schema:
    """A constant as an enum of one, so that those of several kinds can be put together."""
    if "const" not in schema:
        return schema
    return {**{key: value for key, value in schema.items() if key != "const"}, "enum": [schema["const"]]}


def constant(schema: Schema) -> Json:
    """The one value that a schema allows, None where there are several."""
    if "const" in schema:
        return schema["const"]
    values = schema.get("enum")
    return values[0] if isinstance(values, list) and len(values) == 1 else None
