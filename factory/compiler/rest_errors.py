"""The form of a REST API's error bodies, from the schema that its document has for them."""

from __future__ import annotations

from random import Random
from typing import Any, Literal

from app_clones.declared.model import ErrorForm
from app_clones.declared.wire import error_body
from app_clones.kit.errors import AppError, Conflict, NotFound
from factory.compiler.api import PROBLEM, ApiDoc, Schema
from factory.compiler.infer_names import snake
from factory.compiler.rest_schemas import Schemas
from factory.compiler.rest_values import bare, default_of
from factory.compiler.validators import Validators
from factory.compiler.values import Undrawable, Values

Json = Any

#: Properties that hold the message, the likeliest first; the others of an object tell something else.
_MESSAGES = (
    "message", "detail", "msg", "error_message", "error_description", "description", "text", "reason", "error", "title",
)  # fmt: skip
_TEXTS = {
    "code": "$code", "error_code": "$code", "error_type": "$code", "type": "$code", "kind": "$code", "status": "$code",
    "error": "$code", "reason": "$code", "title": "$title", "name": "$title", "detail": "$message",
    "message": "$message", "description": "$message",
}  # fmt: skip
_NUMBERS = ("code", "status", "status_code", "error_code", "http_status", "http_code", "http_status_code")
_LISTS = ("error", "errors", "messages", "error_messages", "details", "detail", "issues")
_DEEPEST = 4
_EXAMPLES = (AppError("it is wrong"), NotFound("there is no such thing"), Conflict("it is there already"))


def error_form(doc: ApiDoc) -> tuple[Literal["plain", "problem"] | ErrorForm, tuple[str, ...]]:
    """The form of errors that ``doc`` asks for, and notes on what of it cannot be told."""
    if doc.errors is None:
        return "plain", ()
    schemas, checks = Schemas(doc), Validators(doc.schemas)
    if not schemas.is_object(doc.errors.schema):
        return "problem" if doc.errors.media == PROBLEM else "plain", ()
    try:
        body = _Forms(schemas, Values(checks, Random(0))).body(doc.errors.schema, 0)
    except Undrawable as error:
        return "plain", (f"errors are not as the document has them: {error}",)
    form = ErrorForm(body=body, media=doc.errors.media, shape=bare(doc.errors.schema))
    for example in _EXAMPLES:
        if faults := checks.faults(doc.errors.schema, error_body(form, example)):
            return "plain", (f"errors are not as the document has them: {faults[0]}",)
    return form, ()


class _Forms:
    """Makes bodies of schemas: what is known by its name and type is told, what else is required has a fixed value."""

    def __init__(self, schemas: Schemas, values: Values) -> None:
        self._schemas = schemas
        self._values = values

    def body(self, schema: Schema, depth: int) -> dict[str, Json]:
        """The JSON of an object, with expressions. Raises Undrawable where something required has no value."""
        properties = self._schemas.properties(schema)
        required = self._schemas.plain(schema).get("required", ())
        by_word = {snake(name): name for name, one in properties.items() if self._is_text(one)}
        message = next((by_word[word] for word in _MESSAGES if word in by_word), None)
        found: dict[str, Json] = {}
        for name, one in properties.items():
            told = "$message" if name == message else self._known(snake(name), one)
            if told is None and (name in required or message is None):
                told = self._held(snake(name), one, depth + 1)
            if told is None and name in required:
                told = self._fixed(one)
            if told is not None:
                found[name] = told
        return found

    def _is_text(self, schema: Schema) -> bool:
        one = self._schemas.plain(schema)
        return one.get("type") == "string" and not {"enum", "const", "format", "pattern"} & one.keys()

    def _known(self, word: str, schema: Schema) -> Json:
        """What a plain property of this name tells, None where nothing here says it."""
        one = self._schemas.plain(schema)
        if word in _NUMBERS and one.get("type") in ("integer", "number") and "enum" not in one:
            return "$status"
        if word == "type" and one.get("format") in ("uri", "uri-reference"):
            return "about:blank"  # RFC 9457: no more than the status says
        return _TEXTS.get(word) if self._is_text(schema) else None

    def _held(self, word: str, schema: Schema, depth: int) -> Json:
        """What an object or a list of this name holds that tells of an error by itself; None where that is nothing."""
        one = self._schemas.plain(schema)
        if depth > _DEEPEST:
            return None
        if one.get("type") == "array" and word in _LISTS:
            items = one.get("items", {})
            inner = "$message" if self._is_text(items) else self._held(word, items, depth)
            return None if inner is None else [inner]
        return self.body(schema, depth) or None if self._schemas.is_object(schema) else None

    def _fixed(self, schema: Schema) -> Json:
        """A value that the schema allows, always alike."""
        plainest = default_of(self._schemas.plain(schema), needed=True)
        return _quoted(self._values.draw(schema) if plainest is None else plainest)


def _quoted(value: Json) -> Json:
    """``value`` as an expression that means it: a text that starts like one is none."""
    if isinstance(value, dict):
        return {name: _quoted(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_quoted(inner) for inner in value]
    return f"${value}" if isinstance(value, str) and value.startswith("$") else value
