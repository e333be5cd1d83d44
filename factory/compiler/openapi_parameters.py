"""The parameters of an OpenAPI operation, by place and style, as :class:`~factory.compiler.api.Parameter`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, cast

from factory.compiler.api import Parameter
from factory.compiler.openapi_schema import Schema, Schemas
from factory.compiler.openapi_source import Json, Pointer, Source

Place = Literal["path", "query", "header", "cookie"]

_STYLES: Mapping[str, tuple[str, ...]] = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form",),
}
#: Headers that are no parameters, whatever a document says.
_PROTOCOL = ("accept", "content-type", "authorization")
#: What separates the items of a list that stands in one text.
SEPARATORS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}
_JOINTS = {"form": "commas", "simple": "commas", "spaceDelimited": "spaces", "pipeDelimited": "|"}


class Parameters:
    """Reads parameters of one document."""

    def __init__(self, source: Source, schemas: Schemas) -> None:
        self._source = source
        self._schemas = schemas

    def of(
        self, item: Mapping[str, Json], item_at: Pointer, given: Mapping[str, Json], at: Pointer
    ) -> tuple[Parameter, ...]:
        """Those of the operation ``given`` at ``at``, and those of its path that it does not tell anew."""
        found: dict[tuple[str, str], tuple[Parameter, ...]] = {}
        for holder, where in ((item, item_at), (given, at)):
            listed = holder.get("parameters", [])
            if not isinstance(listed, list):
                self._source.fail((*where, "parameters"), "parameters is a list")
            here: set[tuple[str, str]] = set()
            for n, one in enumerate(listed):
                one_at = (*where, "parameters", str(n))
                told, told_at = self._source.follow(one, one_at, "a parameter")
                name = self._source.text_of(told.get("name"), (*told_at, "name"), "a parameter's name")
                place = str(told.get("in"))
                if place not in _STYLES:
                    self._source.fail((*told_at, "in"), f"a parameter is in {', '.join(_STYLES)}, not in {place!r}")
                if (name, place) in here:
                    self._source.fail(one_at, f"{name} in {place} is told twice")
                here.add((name, place))
                found[name, place] = tuple(self._one(name, cast(Place, place), told, told_at))
        return tuple(one for several in found.values() for one in several)

    def _one(self, name: str, place: Place, told: Mapping[str, Json], at: Pointer) -> Iterator[Parameter]:
        if place == "header" and name.lower() in _PROTOCOL:
            return
        if place == "path" and told.get("required") is not True:
            self._source.fail(at, f"{name} is in the path, so it is required: true")
        about = str(told.get("description") or "").strip()
        required, deprecated = told.get("required") is True, told.get("deprecated") is True
        schema = self._schema(told, at)
        kind = schema.get("type")
        style, explode = self._style(place, told, at)
        if kind == "object" and schema.get("properties") and (style == "deepObject" or (style == "form" and explode)):
            for inner, one in schema["properties"].items():
                wire = f"{name}[{inner}]" if style == "deepObject" else inner
                needed = required and inner in schema.get("required", [])
                plain, repeated = self._item(self._schemas.inline(one))
                yield Parameter(wire, place, plain, needed, repeated, about=_about(one, about), deprecated=deprecated)
        elif kind == "array" and not (style == "form" and explode):
            # A list in one value: the API sees one text.
            joint = f"Items are separated by {_JOINTS.get(style, 'commas')}."
            about = f"{about} {joint}".strip()
            yield Parameter(name, place, {"type": "string"}, required, about=about, deprecated=deprecated)
        else:
            plain, repeated = self._item(schema)
            yield Parameter(name, place, plain, required, repeated, about=about, deprecated=deprecated)

    def _style(self, place: Place, told: Mapping[str, Json], at: Pointer) -> tuple[str, bool]:
        style = told.get("style", _STYLES[place][0])
        if style not in _STYLES[place]:
            self._source.fail((*at, "style"), f"in {place}, styles are {', '.join(_STYLES[place])}, not {style!r}")
        return style, bool(told.get("explode", style == "form"))

    def _schema(self, told: Mapping[str, Json], at: Pointer) -> Schema:
        if ("schema" in told) == ("content" in told):
            self._source.fail(at, "a parameter has either a schema or a content")
        if "schema" in told:
            return self._schemas.inline(self._schemas.read(told["schema"], (*at, "schema")))
        # JSON as text within a query: the API sees a text.
        self._source.mapping(told["content"], (*at, "content"), "content")
        return {"type": "string"}

    def _item(self, schema: Schema) -> tuple[Schema, bool]:
        """The schema of one value, and whether there may be several."""
        if schema.get("type") != "array":
            return schema, False
        return self._schemas.inline(schema.get("items", {})), True


def _about(schema: Schema, otherwise: str) -> str:
    return str(schema.get("description") or otherwise).strip()
