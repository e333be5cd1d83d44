"""The bodies of an OpenAPI operation: what it takes, what it answers, and how it tells of errors."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from factory.compiler.api import PROBLEM, ErrorBody
from factory.compiler.openapi_parameters import SEPARATORS
from factory.compiler.openapi_schema import Schema, Schemas
from factory.compiler.openapi_source import Json, Pointer, Source

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Body:
    """Of a request. ``schema``: None where there is none; the rest as :class:`~factory.compiler.api.Method` has it."""

    schema: Schema | None = None
    required: bool = False
    media: tuple[str, ...] = ()
    joined: Mapping[str, str] = field(default_factory=dict)


class Bodies:
    """Reads the bodies of one document; ``notes``: what of them is left out."""

    def __init__(self, source: Source, schemas: Schemas) -> None:
        self.notes: list[str] = []
        self._source = source
        self._schemas = schemas

    def request(self, given: Mapping[str, Json], at: Pointer) -> Body:
        """What the operation ``given`` at ``at`` takes."""
        if given.get("requestBody") is None:
            return Body()
        body, at = self._source.follow(given["requestBody"], (*at, "requestBody"), "a requestBody")
        content = self._source.mapping(body.get("content"), (*at, "content"), "content")
        if not content:
            self._source.fail((*at, "content"), "a requestBody has a content type")
        json_type = next(filter(_is_json, content), None)
        chosen = json_type or next((kind for kind in (FORM, MULTIPART) if kind in content), next(iter(content)))
        schema = self._content(content, chosen, (*at, "content"))
        required = body.get("required") is True
        if json_type:
            return Body(schema, required)
        return Body(schema, required, tuple(content), self._joined(content[chosen], (*at, "content", chosen)))

    def _joined(self, media: Mapping[str, Json], at: Pointer) -> Mapping[str, str]:
        """The properties of a form whose lists stand in one text, with what separates the items."""
        at = (*at, "encoding")
        found: dict[str, str] = {}
        for name, one in self._source.mapping(media.get("encoding", {}), at, "encoding").items():
            told = self._source.mapping(one, (*at, name), "an encoding")
            style = told.get("style", "form")
            if style in SEPARATORS and not told.get("explode", style == "form"):
                found[name] = SEPARATORS[style]
        return found

    def response(self, given: Mapping[str, Json], at: Pointer) -> tuple[int, Schema | None]:
        """The status of success, and the schema of its JSON, if it has any."""
        at = (*at, "responses")
        responses = self._source.mapping(given.get("responses"), at, "responses")
        code = min((code for code in responses if re.fullmatch(r"2(\d\d|XX)", code)), default=None)
        if code is None:
            code = "default" if "default" in responses else None
        if code is None:
            # A redirect or a mere error: nothing is answered that an app could be held to.
            return 200, None
        status = int(code) if code.isdigit() else 200
        response, at = self._source.follow(responses[code], (*at, code), "a response")
        content = self._source.mapping(response.get("content", {}), (*at, "content"), "content")
        kind = next(filter(_is_json, content), None)
        if content and kind is None:
            self.notes.append(f"{'.'.join(at)}: {', '.join(content)} is answered with no schema that is checked")
        return status, self._content(content, kind, (*at, "content")) if kind else None

    def errors(self, given: Mapping[str, Json], at: Pointer) -> Iterator[ErrorBody]:
        """What the responses to bad requests hold: objects, and whatever a problem document is said to be."""
        at = (*at, "responses")
        responses = self._source.mapping(given["responses"], at, "responses")
        succeeds = any(code.startswith("2") for code in responses)
        for code in responses:
            if re.fullmatch(r"4(\d\d|XX)", code) or (code == "default" and succeeds):
                response, where = self._source.follow(responses[code], (*at, code), "a response")
                content = self._source.mapping(response.get("content", {}), (*where, "content"), "content")
                kind = next(filter(_is_json, content), None)
                if kind is not None:
                    schema, media = self._content(content, kind, (*where, "content")), kind.partition(";")[0].strip()
                    if self._schemas.inline(schema).get("type") == "object" or media == PROBLEM:
                        yield ErrorBody(schema, "application/json" if media == "*/*" else media)

    def _content(self, content: Mapping[str, Json], kind: str, at: Pointer) -> Schema:
        media = self._source.mapping(content[kind], (*at, kind), "a media type")
        return self._schemas.read(media.get("schema", {}), (*at, kind, "schema"))


def most_named(errors: Sequence[ErrorBody]) -> tuple[ErrorBody | None, tuple[str, ...]]:
    """The one that there is most often, of several the first; a note where there are others."""
    counted = Counter(json.dumps([one.media, one.schema]) for one in errors)
    if not counted:
        return None, ()
    notes = (f"errors have {len(counted)} forms; all are told in the one that is named most often",)
    media, schema = json.loads(max(counted, key=lambda text: counted[text]))
    return ErrorBody(schema, media), notes if len(counted) > 1 else ()


def _is_json(kind: str) -> bool:
    bare = kind.partition(";")[0].strip().lower()
    return bare in ("application/json", "*/*", "text/json") or bare.endswith("+json")
