"""What an API's schemas are for: rows, lists of rows, long-running operations, nothing at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from factory.compiler.api import ApiDoc, Schema

Json = Any

_REF = "#/$defs/"
#: Arrays of objects that an answer may hold beside its rows.
_BESIDE = {
    "unreachable",
    "warnings",
    "errors",
    "warning",
    "missingRegions",
    "missingZones",
    "facets",
    "failedLocations",
}


def ref_of(schema: Schema | None) -> str | None:
    """The name that a schema refers to."""
    ref = (schema or {}).get("$ref")
    return ref.removeprefix(_REF) if isinstance(ref, str) else None


@dataclass(frozen=True, slots=True)
class Listed:
    """A list in an answer: the property it stands in, the schema of its items."""

    prop: str
    item: str


@dataclass(frozen=True)
class Shapes:
    """The schemas of one document."""

    doc: ApiDoc

    def schema(self, name: str | None) -> Schema:
        """The schema of that name; ``{}`` where there is none."""
        return self.doc.schemas.get(name, {}) if name else {}

    def properties(self, name: str | None) -> Mapping[str, Schema]:
        """The properties of the schema of that name, those of ``allOf`` among them."""
        found = self.schema(name)
        own: dict[str, Schema] = dict(found.get("properties", {}))
        for part in found.get("allOf", ()):
            inner = self.properties(ref_of(part)) if ref_of(part) else part.get("properties", {})
            own = {**inner, **own}
        return own

    def is_empty(self, schema: Schema | None) -> bool:
        """Whether an answer of this schema says nothing."""
        if schema is None:
            return True
        name = ref_of(schema)
        found = self.schema(name) if name else schema
        return not found.get("properties") and not found.get("additionalProperties") and found.get("type") in (
            None,
            "object",
        ) and "items" not in found and "allOf" not in found  # fmt: skip

    def is_operation(self, name: str | None) -> bool:
        """Whether the schema is that of a long-running operation, in either of the two forms that Google knows."""
        props = self.properties(name)
        return {"done", "name", "response"} <= props.keys() or {"targetLink", "operationType", "status"} <= props.keys()

    @cached_property
    def operations(self) -> tuple[str, ...]:
        """The schemas of long-running operations that some method answers, the most frequent first."""
        counts: dict[str, int] = {}
        for method in self.doc.methods:
            name = ref_of(method.response)
            if name and self.is_operation(name):
                counts[name] = counts.get(name, 0) + 1
        return tuple(sorted(counts, key=lambda name: (-counts[name], name)))

    def lists(self, schema: Schema | None) -> tuple[Listed, ...]:
        """The lists of objects in an answer, by property."""
        name = ref_of(schema)
        if schema is None or (name is None and "properties" not in schema):
            return ()
        props = self.properties(name) if name else schema["properties"]
        found = []
        for prop, inner in props.items():
            item = ref_of(inner.get("items")) if inner.get("type") == "array" else None
            if item and prop not in _BESIDE and self.schema(item).get("type") != "array":
                found.append(Listed(prop, item))
        return tuple(found)

    def envelope(self, schema: Schema | None, hint: str = "") -> Listed | None:
        """The list that an answer is about: none where it is a row, an operation, or has other matter of its own."""
        name = ref_of(schema)
        found = self.lists(schema)
        if not found or self.is_operation(name):
            return None
        props = self.properties(name) if name else (schema or {})["properties"]
        lists = {listed.prop for listed in found}
        matter = [prop for prop, inner in props.items() if prop not in lists and not _is_beside(prop, inner)]
        telling = {"nextPageToken", "pageInfo", "nextLink"} & props.keys() or ("kind" in props and "items" in props)
        if matter and not telling and not (name or "").lower().startswith("list"):
            return None
        for listed in found:
            if listed.prop in ("items", hint):
                return listed
        return found[0] if len(found) == 1 or telling or (name or "").lower().startswith("list") else None


def _is_beside(prop: str, schema: Schema) -> bool:
    if prop in _BESIDE or prop in ("kind", "etag", "id", "selfLink", "username", "eventId", "visitorId"):
        return True
    if "Token" in prop or "Link" in prop or prop in ("pageInfo", "tokenPagination", "responseHeader"):
        return True
    counting = schema.get("type") == "integer" or schema.get("format") in ("int64", "uint64")
    return counting or schema.get("type") == "boolean" or prop.startswith("total")
