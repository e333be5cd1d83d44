"""Values of JSON Schemas from one seeded generator: a valid one, another valid one, some that are surely wrong."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from math import ceil, floor
from random import Random
from typing import Any

from rstr import Rstr

from factory.compiler.validators import Validators

Json = Any
Schema = Mapping[str, Json]

_DEFS = "#/$defs/"
#: Objects within objects: from here on only what is required.
_SPARSE_FROM = 2
_DEEPEST = 7
#: Optional properties of one object below the top: enough to tell values apart.
_MOST_OPTIONAL = 4
_TRIES = 12
#: Where a group with a name is meant again, or begins; ``escaped``: what is neither.
_NAMED_GROUP = re.compile(r"\\k<(?P<name>\w+)>|(?P<escaped>\\.)|\(\?<(?![=!])")

_WORDS = (
    "amber", "basin", "cedar", "dune", "ember", "fjord", "grove", "heron", "islet", "juniper", "kelp", "larch", "maple",
    "nettle", "otter", "poplar", "quartz", "river", "sable", "thicket", "umber", "vale", "willow", "yarrow", "zinnia",
)  # fmt: skip


class Undrawable(Exception):
    """No value of a schema could be found."""


class Values:
    """Draws. The same generator and the same questions give the same values."""

    def __init__(self, validators: Validators, rng: Random) -> None:
        self._validators = validators
        self._rng = rng
        self._regex = Rstr(rng)

    def draw(self, schema: Schema) -> Json:
        """A value of ``schema``. Raises :class:`Undrawable`."""
        for _ in range(_TRIES):
            value = self._draw(schema, 0)
            if self._validators.is_valid(schema, value):
                return value
        raise Undrawable(f"no value found for {_short(schema)}")

    def other(self, schema: Schema, than: Json) -> Json:
        """A value of ``schema`` unlike ``than``. Raises :class:`Undrawable` where it has but one."""
        for _ in range(_TRIES):
            value = self.draw(schema)
            if value != than:
                return value
        raise Undrawable(f"no other value than {_short(than)} found for {_short(schema)}")

    def wrong(self, schema: Schema) -> list[Json]:
        """Values that do not meet ``schema``, of several kinds: type, enum, bounds, format, pattern."""
        told = self._follow(schema)
        candidates: list[Json] = [
            {"no": ["such", "value"]},
            "no such value \u2603",
            2.5,
            -(10**30),
            True,
            [[]],
            "",
            "0",
        ]
        length = told.get("maxLength")
        if isinstance(length, int) and length < 10_000:
            candidates.insert(0, "x" * (length + 1))
        for bound, step in (("minimum", -1), ("maximum", 1)):
            if isinstance(told.get(bound), int | float):
                candidates.insert(0, told[bound] + step)
        return [one for one in candidates if not self._validators.is_valid(schema, one)]

    def word(self) -> str:
        """A word and a number, unlike any drawn before but for a rare chance."""
        return f"{self._rng.choice(_WORDS)}{self._rng.randrange(10**6):06d}"

    def number(self, below: int) -> int:
        """A whole number from 0 on."""
        return self._rng.randrange(below)

    def _follow(self, schema: Schema) -> Schema:
        seen = 0
        while (ref := schema.get("$ref")) is not None and seen < 20:
            name = str(ref).removeprefix(_DEFS)
            schema = {**self._validators.schemas.get(name, {}), **{k: v for k, v in schema.items() if k != "$ref"}}
            seen += 1
        return schema

    def _draw(self, schema: Schema, depth: int) -> Json:
        if depth > _DEEPEST:
            raise Undrawable("a schema that contains itself without end")
        schema = self._follow(schema)
        if "const" in schema:
            return schema["const"]
        listed = [one for one in schema.get("enum", ()) if one is not None]
        if listed:
            return self._rng.choice(listed)
        for several in ("oneOf", "anyOf"):
            if schema.get(several):
                return self._one_of(schema, several, depth)
        if schema.get("allOf"):
            whole: dict[str, Json] = {key: value for key, value in schema.items() if key != "allOf"}
            for part in schema["allOf"]:
                whole = _joined(whole, self._follow(part))
            return self._draw(whole, depth)
        return self._DRAWERS[_type(schema)](self, schema, depth)

    def _one_of(self, schema: Schema, several: str, depth: int) -> Json:
        rest = {key: value for key, value in schema.items() if key != several}
        branches = [one for one in schema[several] if one.get("type") != "null"] or [{"type": "null"}]
        self._rng.shuffle(branches)
        for branch in branches:
            try:
                return self._draw(_joined(rest, self._follow(branch)), depth + 1)
            except Undrawable:
                continue
        raise Undrawable(f"none of {len(branches)} kinds can be drawn")

    def _object(self, schema: Schema, depth: int) -> Json:
        properties = schema.get("properties", {})
        required = [name for name in schema.get("required", ()) if name in properties]
        optional = [name for name, one in properties.items() if name not in required and not one.get("readOnly")]
        if depth >= 1:
            optional = sorted(self._rng.sample(optional, min(len(optional), _MOST_OPTIONAL)))
        chosen = required if depth >= _SPARSE_FROM else [name for name in properties if name in {*required, *optional}]
        made: dict[str, Json] = {}
        for name in chosen:
            try:
                made[name] = self._draw(properties[name], depth + 1)
            except Undrawable:
                if name in required:
                    raise
        extra = schema.get("additionalProperties")
        if not properties and extra is not False:
            inner = extra if isinstance(extra, Mapping) else {"type": "string"}
            if depth < _SPARSE_FROM or schema.get("minProperties"):
                made[self._rng.choice(_WORDS)] = self._draw(inner, depth + 1)
        return made

    def _array(self, schema: Schema, depth: int) -> Json:
        low, high = schema.get("minItems", 0), schema.get("maxItems", 1 << 20)
        wanted = min(max(low, 1 if depth >= _SPARSE_FROM else self._rng.randint(1, 2)), high)
        items = schema.get("items", {})
        try:
            drawn = [self._draw(items if isinstance(items, Mapping) else {}, depth + 1) for _ in range(wanted)]
        except Undrawable:
            if low:
                raise
            return []
        if schema.get("uniqueItems"):
            drawn = [one for n, one in enumerate(drawn) if one not in drawn[:n]]
        return drawn

    def _integer(self, schema: Schema, depth: int) -> Json:
        step = schema.get("multipleOf", 1)
        low, high = _bounds(schema, 1)
        return int(self._rng.randint(-(-int(low) // int(step)), int(high) // int(step)) * step)

    def _number(self, schema: Schema, depth: int) -> Json:
        low, high = _bounds(schema, 0.25)
        if schema.get("multipleOf"):
            return self._integer(schema, depth)
        # In quarters: what a float holds exactly reads back exactly.
        return self._rng.randint(ceil(low * 4), floor(high * 4)) / 4 if high - low >= 1 else (low + high) / 2

    def _string(self, schema: Schema, depth: int) -> Json:
        low, high = int(schema.get("minLength", 0)), int(schema.get("maxLength", 1 << 20))
        drawer = _BY_FORMAT.get(schema.get("format", ""))
        if schema.get("pattern"):
            try:
                text = str(self._regex.xeger(_of_python(schema["pattern"])))
            except Exception as error:  # a pattern of another dialect than Python's
                raise Undrawable(f"pattern {_short(schema['pattern'])}: {error}") from error
            return text[:high]
        if drawer is not None:
            return drawer(self._rng)
        if schema.get("contentEncoding") == "base64":
            return b64encode(self.word().encode()).decode()
        text = f"{self._rng.choice(_WORDS)} {self.word()}" if high >= 22 else self.word()[-high:] if high else ""
        return text.ljust(low, "x")

    _DRAWERS: Mapping[str, Callable[[Values, Schema, int], Json]] = {}


Values._DRAWERS = {
    "object": Values._object,
    "array": Values._array,
    "integer": Values._integer,
    "number": Values._number,
    "string": Values._string,
    "boolean": lambda self, schema, depth: self._rng.random() < 0.5,
    "null": lambda self, schema, depth: None,
}


def _type(schema: Schema) -> str:
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    named = [kind for kind in kinds if kind not in (None, "null")]
    if named:
        return str(named[0])
    if "properties" in schema or "additionalProperties" in schema:
        return "object"
    return "array" if "items" in schema else "null" if "null" in kinds else "string"


def _joined(a: Schema, b: Schema) -> dict[str, Json]:
    made = {**a, **b}
    if "properties" in a and "properties" in b:
        made["properties"] = {**a["properties"], **b["properties"]}
    if "required" in a and "required" in b:
        made["required"] = [*a["required"], *b["required"]]
    return made


def _of_python(pattern: str) -> str:
    """A pattern of JSON Schema, ECMA-262's, in Python's dialect: groups with names are written otherwise."""
    return _NAMED_GROUP.sub(lambda at: at["escaped"] or (f"(?P={at['name']})" if at["name"] else "(?P<"), pattern)


def _bounds(schema: Schema, step: float) -> tuple[float, float]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"] + step
    if "exclusiveMaximum" in schema:
        high = schema["exclusiveMaximum"] - step
    if low is None:
        low = 1 if high is None or high >= 1000 else high - 999
    if high is None:
        high = low + 900_000
    if low > high:
        raise Undrawable(f"no number from {low} to {high}")
    return low, min(high, low + 900_000)


def _date(rng: Random) -> str:
    return f"20{rng.randint(24, 29)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


def _moment(rng: Random) -> str:
    return f"{_date(rng)}T{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}Z"


def _hex(rng: Random, digits: int) -> str:
    return f"{rng.getrandbits(4 * digits):0{digits}x}"


_BY_FORMAT: Mapping[str, Callable[[Random], str]] = {
    "date": _date,
    "date-time": _moment,
    "google-datetime": _moment,
    "time": lambda rng: _moment(rng)[11:],
    "duration": lambda rng: f"PT{rng.randint(1, 59)}M",
    "google-duration": lambda rng: f"{rng.randint(1, 9999)}s",
    "google-fieldmask": lambda rng: rng.choice(_WORDS),
    "email": lambda rng: f"{rng.choice(_WORDS)}.{rng.randrange(10**5)}@example.com",
    "uri": lambda rng: f"https://{rng.choice(_WORDS)}.example/{rng.randrange(10**5)}",
    "uri-reference": lambda rng: f"/{rng.choice(_WORDS)}/{rng.randrange(10**5)}",
    "hostname": lambda rng: f"{rng.choice(_WORDS)}{rng.randrange(10**4)}.example",
    "ipv4": lambda rng: f"10.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}",
    "ipv6": lambda rng: f"2001:db8::{_hex(rng, 4).lstrip('0') or '0'}",
    "uuid": lambda rng: f"{_hex(rng, 8)}-{_hex(rng, 4)}-4{_hex(rng, 3)}-8{_hex(rng, 3)}-{_hex(rng, 12)}",
    "byte": lambda rng: b64encode(f"{rng.choice(_WORDS)}{rng.randrange(1000)}".encode()).decode(),
    **dict.fromkeys(("int64", "uint64", "int32", "uint32"), lambda rng: str(rng.randint(1, 10**6))),
}


def _short(value: Json) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
