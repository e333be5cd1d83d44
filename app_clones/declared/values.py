"""What a field or parameter takes: checks of JSON values, texts from paths and forms, JSON Schema."""

from __future__ import annotations

import binascii
import json
import math
import re
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable
from typing import Any

from app_clones.declared.model import PERSON, AppDecl, Param, Value
from app_clones.declared.shapes import Shapes, format_of, matcher
from app_clones.kit.errors import AppError

Json = Any
Accept = Callable[[Json, str], Json]
"""Takes a JSON value and the name to call it by in errors; returns it as Python has it. Raises :class:`AppError`."""

#: Characters of one text, items of one list, characters of one JSON value: beyond any use.
LONGEST = 100_000
MOST_ITEMS = 1000

_FORMATS = {"email": "email", "url": "uri", "date": "date", "datetime": "date-time"}
_TEXTS = ("string", "text", "email", "url", "date", "datetime", "bytes")
_INTEGER = re.compile(r"-?[0-9]{1,20}\Z")


def canonical(value: Json) -> str:
    """``value`` as the one text that stands for it: keys sorted, no spaces."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def acceptor(value: Value, shapes: Shapes) -> Accept:
    """The check of ``value``, made ready. Refs stay as they are called from outside; ``None`` is no value."""
    one = _acceptor_of_one(value, shapes)
    if not value.repeated:
        return one
    low, high = value.min or 0, MOST_ITEMS if value.max is None else value.max

    def accept_list(given: Json, at: str) -> Json:
        if not isinstance(given, list):
            raise AppError(f"{at}: a list is needed, not {_kind(given)}")
        if not low <= len(given) <= high:
            raise AppError(f"{at}: {_bounds(low, high)} items are needed, not {len(given)}")
        return [one(item, f"{at}.{place}") for place, item in enumerate(given)]

    return accept_list


def _acceptor_of_one(value: Value, shapes: Shapes) -> Accept:
    if value.type in _TEXTS:
        return _text(value)
    if value.type == "enum":
        return _enum(value)
    if value.type == "boolean":
        return _boolean
    if value.type == "integer":
        return _integer(value)
    if value.type == "number":
        return _number(value)
    if value.type == "ref":
        return _ref
    return _json(value, shapes)


def _text(value: Value) -> Accept:
    low = 0 if value.repeated or value.min is None else value.min
    high = LONGEST if value.repeated or value.max is None else value.max
    form = format_of(_FORMATS[value.type]) if value.type in _FORMATS else None
    pattern = matcher(value.pattern) if value.pattern is not None else None
    is_bytes = value.type == "bytes"

    def accept(given: Json, at: str) -> str:
        if not isinstance(given, str):
            raise AppError(f"{at}: a text is needed, not {_kind(given)}")
        if not low <= len(given) <= high:
            raise AppError(f"{at}: {_bounds(low, high)} characters are needed, not {len(given)}")
        if not given.isascii():
            check_text(given, at)
        if form is not None and not form.is_valid(given):
            raise AppError(f"{at}: {given[:60]!r} is no {value.type}")
        if pattern is not None and not pattern.is_valid(given):
            raise AppError(f"{at}: {given[:60]!r} does not match {value.pattern}")
        if is_bytes:
            _check_base64(given, at)
        return given

    return accept


def check_text(given: str, at: str) -> None:
    """Half a surrogate pair is no text, and no database takes it. Raises :class:`AppError`."""
    try:
        given.encode()
    except UnicodeEncodeError:
        raise AppError(f"{at}: this is no valid Unicode text") from None


def _check_base64(given: str, at: str) -> None:
    padded = given + "=" * (-len(given) % 4)
    try:
        b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        try:
            if not re.fullmatch(r"[A-Za-z0-9_=-]*", given):
                raise ValueError
            urlsafe_b64decode(padded)
        except (binascii.Error, ValueError):
            raise AppError(f"{at}: this is no base64") from None


def _enum(value: Value) -> Accept:
    allowed = frozenset(value.values)

    def accept(given: Json, at: str) -> str:
        if not isinstance(given, str) or (allowed and given not in allowed):
            shown = repr(given[:60]) if isinstance(given, str) else _kind(given)
            raise AppError(f"{at}: {shown} is none of {', '.join(value.values[:20])}")
        check_text(given, at)
        return given

    return accept


def _boolean(given: Json, at: str) -> bool:
    if not isinstance(given, bool):
        raise AppError(f"{at}: true or false is needed, not {_kind(given)}")
    return given


def _integer(value: Value) -> Accept:
    low = -(1 << 63) if value.repeated or value.min is None else value.min
    high = (1 << 63) - 1 if value.repeated or value.max is None else value.max

    def accept(given: Json, at: str) -> int:
        if isinstance(given, float) and given.is_integer():
            given = int(given)
        if value.int64 and isinstance(given, str) and _INTEGER.match(given):
            given = int(given)
        if not isinstance(given, int) or isinstance(given, bool):
            raise AppError(f"{at}: an integer is needed, not {_kind(given)}")
        if not low <= given <= high:
            raise AppError(f"{at}: {given} is not {_bounds(low, high)}")
        return given

    return accept


def _number(value: Value) -> Accept:
    low = -math.inf if value.repeated or value.min is None else value.min
    high = math.inf if value.repeated or value.max is None else value.max

    def accept(given: Json, at: str) -> float:
        if not isinstance(given, int | float) or isinstance(given, bool):
            raise AppError(f"{at}: a number is needed, not {_kind(given)}")
        try:
            number = float(given)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number) or not low <= number <= high:
            raise AppError(f"{at}: {str(given)[:40]} is not {_bounds(low, high)}")
        return number

    return accept


def _ref(given: Json, at: str) -> Json:
    if isinstance(given, str):
        if not 0 < len(given) <= 1000:
            raise AppError(f"{at}: no such id")
        check_text(given, at)
    elif not isinstance(given, int) or isinstance(given, bool):
        raise AppError(f"{at}: an id is needed, not {_kind(given)}")
    return given


def _json(value: Value, shapes: Shapes) -> Accept:
    shape, longest = value.shape, LONGEST if value.repeated or value.max is None else int(value.max)

    def accept(given: Json, at: str) -> Json:
        try:
            text = canonical(given)
            check_text(text, at)
        except (ValueError, TypeError, RecursionError):
            raise AppError(f"{at}: this is no plain JSON") from None
        if len(text) > longest:
            raise AppError(f"{at}: {len(text)} characters are more than {longest}")
        if shape is not None and (fault := shapes.fault(shape, given)):
            raise AppError(f"{at}: {fault}")
        return given

    return accept


def stand_in(param: Param) -> Json:
    """A value for a parameter that is needed on the wire, and makes no difference to those who do not speak on it."""
    if param.role in ("read_mask", "parts"):
        held: Json = "*"
    elif param.type in ("integer", "number"):
        held = int(param.min or 1)
    else:
        held = False if param.type == "boolean" else param.values[0] if param.values else "all"
    return [held] if param.repeated else held


def from_text(value: Value, text: str, at: str) -> Json:
    """A JSON value from the text of a path, a query or a form, by the type of one item of ``value``.

    Text that is none of that type stays text, so that the check which follows says what is wrong with it. Raises
    :class:`AppError` where JSON is needed and it is none.
    """
    if value.type in ("integer", "ref"):
        # Not where it would not read back alike: an id may be called 007.
        return int(text) if _INTEGER.match(text) and (value.type == "integer" or str(int(text)) == text) else text
    if value.type == "number":
        try:
            return float(text)
        except ValueError:
            return text
    if value.type == "boolean":
        return {"true": True, "false": False, "1": True, "0": False}.get(text.lower(), text)
    if value.type == "json":
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise AppError(f"{at}: this is no JSON") from None
    return text


def schema_of(value: Value, decl: AppDecl, *, wire: bool = False) -> dict[str, Json]:
    """JSON Schema of ``value``; ``wire``: as the API writes it, where an int64 is text."""
    one = _schema_of_one(value, decl, wire)
    if value.repeated:
        bounds = {"minItems": value.min, "maxItems": value.max}
        one = {"type": "array", "items": one, **{k: int(v) for k, v in bounds.items() if v is not None}}
    if value.about:
        one["description"] = value.about
    return one


def _schema_of_one(value: Value, decl: AppDecl, wire: bool) -> dict[str, Json]:
    if value.type == "ref":
        return ref_schema(decl, value.to or PERSON)
    if value.type == "json":
        return dict(value.shape or {})
    if value.type == "boolean":
        return {"type": "boolean"}
    if value.type in ("integer", "number"):
        if value.int64 and wire:
            return {"type": "string", "format": "int64"}
        return {"type": value.type, **_limits(value, "minimum", "maximum", value.type == "integer")}
    schema: dict[str, Json] = {"type": "string"}
    if value.type == "enum" and value.values:
        schema["enum"] = list(value.values)
    if value.type in _FORMATS:
        schema["format"] = _FORMATS[value.type]
    if value.type == "bytes":
        schema["contentEncoding"] = "base64"
    if value.pattern is not None:
        schema["pattern"] = value.pattern
    return schema | _limits(value, "minLength", "maxLength", True)


def ref_schema(decl: AppDecl, entity: str) -> dict[str, Json]:
    """JSON Schema of how a row of ``entity`` is called from outside."""
    if entity == PERSON:
        return {"type": "string", "format": "email"}
    key = decl.entities[entity].key
    return {"type": "integer"} if key.form == "number" and key.path is None else {"type": "string"}


def _limits(value: Value, low: str, high: str, whole: bool) -> dict[str, Json]:
    if value.repeated:
        return {}
    found = {low: value.min, high: value.max}
    return {name: int(bound) if whole else bound for name, bound in found.items() if bound is not None}


def _bounds(low: float, high: float) -> str:
    return f"{low:.15g} to {high:.15g}"


def _kind(given: Json) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}
    return "null" if given is None else names.get(type(given), "that")
