"""JSON values drawn from a JSON Schema: bounded in depth and size, each property by its own name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from app_clones.declared.drawing import words as w
from app_clones.declared.drawing.drawers import DRAWERS
from app_clones.declared.drawing.fields import drawer, is_unspecified
from app_clones.declared.drawing.names import Subject
from app_clones.declared.drawing.spot import Drawer, Json, Spot
from app_clones.declared.model import Type, Value

Schema = Mapping[str, Any]

_DEEPEST = 8  # beyond it even what is required is left out: only a shape without end gets there
_FULL = 3  # levels on which properties that are not required appear at all
_PARTS = 60  # properties of one value that are drawn though not required
_DEFS = "#/$defs/"
_MERGED = ("properties", "required", "allOf")
_MAPS = frozenset({"labels", "annotations", "metadata", "tags"})

_FORMATS: Mapping[str, str] = {
    "email": "email", "uri": "url", "url": "url", "uuid": "uuid", "ipv4": "ipv4", "ipv6": "ipv6", "hostname": "host",
    "byte": "base64", "google-duration": "duration", "duration": "duration", "color": "hex_color",
}  # fmt: skip
_WHOLE = frozenset({"int64", "uint64", "int32", "uint32"})
_MOMENTS = frozenset({"date-time", "google-datetime"})


def compile_shape(shape: Schema, schemas: Mapping[str, Schema], name: str, subject: Subject) -> Drawer:
    """Draws values of ``shape``. ``name``: of the field that holds them; ``schemas``: what ``#/$defs/NAME`` means."""
    return _Compiler(schemas, subject).draw(shape, name, 0)


class _Compiler:
    def __init__(self, schemas: Mapping[str, Schema], subject: Subject) -> None:
        self.schemas = schemas
        self.subject = subject
        self.parts = 0

    def draw(self, given: Schema | bool, name: str, depth: int) -> Drawer:
        if not isinstance(given, Mapping) or depth > _DEEPEST:
            return lambda rng, at: {}
        shape = self.plain(given)
        if "const" in shape or (name == "kind" and "default" in shape):
            return _always(shape.get("const", shape.get("default")))
        if "enum" in shape:
            values = [one for one in shape["enum"] if not is_unspecified(str(one))] or list(shape["enum"])
            return lambda rng, at: rng.choice(values)
        kinds: dict[str, Callable[[Schema, str, int], Drawer]] = {
            "object": self.object,
            "array": self.array,
            "string": self.string,
            "integer": self.number,
            "number": self.number,
            "boolean": lambda shape, name, depth: lambda rng, at: rng.random() < 0.5,
            "null": lambda shape, name, depth: _always(None),
        }
        return kinds[_kind(shape)](shape, name, depth)

    def plain(self, shape: Schema) -> Schema:
        """``shape`` without refs and choices at its top: what it refers to, and all that must hold, in one."""
        for _ in range(20):
            if "$ref" in shape:
                target = self.schemas.get(str(shape["$ref"]).removeprefix(_DEFS), {})
                shape = _merge(target, {k: v for k, v in shape.items() if k != "$ref"})
            elif "allOf" in shape:
                rest: Schema = {k: v for k, v in shape.items() if k != "allOf"}
                for part in shape["allOf"]:
                    rest = _merge(self.plain(part), rest)
                shape = rest
            elif choices := shape.get("oneOf") or shape.get("anyOf"):
                rest = {k: v for k, v in shape.items() if k not in ("oneOf", "anyOf")}
                shape = _merge(next((one for one in choices if one.get("type") != "null"), choices[0]), rest)
            else:
                break
        return shape

    def object(self, shape: Schema, name: str, depth: int) -> Drawer:
        """Required properties, and of the others the fewer the deeper it is."""
        required = set(shape.get("required", ()))
        chance = (0.75, 0.5, 0.3)[depth] if depth < _FULL else 0.0
        parts: list[tuple[str, float, Drawer]] = []
        for key, inner in shape.get("properties", {}).items():
            if key not in required:
                if not chance or self.parts >= _PARTS or (isinstance(inner, Mapping) and inner.get("deprecated")):
                    continue
                self.parts += 1
            parts.append((key, 1.0 if key in required else chance, self.draw(inner, key, depth + 1)))
        known = {key for key, _, _ in parts}
        parts += [(key, 1.0, DRAWERS["tag"]) for key in sorted(required - known)]
        extra = self.entries(shape, name, depth)

        def draw(rng: Random, at: Spot) -> Json:
            found = {key: inner(rng, at) for key, chance, inner in parts if chance == 1.0 or rng.random() < chance}
            return {**extra(rng, at), **found}

        return draw

    def entries(self, shape: Schema, name: str, depth: int) -> Drawer:
        """The entries of a map, by keys of the client's own."""
        open_ended = not shape.keys() & {"properties", "required"}
        inner = shape.get("additionalProperties", open_ended)
        if inner is True:
            return DRAWERS["labels"] if name in _MAPS else lambda rng, at: {}
        if inner is False:
            return lambda rng, at: {}
        if (not depth or name in _MAPS) and set(inner) <= {"type", "description"} and _kind(inner) == "string":
            return DRAWERS["labels"]
        value = self.draw(inner, name, depth + 1)
        least = int(shape.get("minProperties", 0))
        most = max(least, min(int(shape.get("maxProperties", 2)), 0 if depth >= _FULL else 2))

        def draw(rng: Random, at: Spot) -> Json:
            keys = sorted(rng.sample(w.SERVICES, min(rng.randint(least, most), len(w.SERVICES))))
            return {key: value(rng, at) for key in keys}

        return draw

    def array(self, shape: Schema, name: str, depth: int) -> Drawer:
        """A few items, none twice."""
        first = [self.draw(inner, name, depth + 1) for inner in shape.get("prefixItems", ())]
        item = self.draw(shape.get("items", {"type": "string"}), name, depth + 1)
        least = int(shape.get("minItems", 0))
        most = max(least, min(int(shape.get("maxItems", 3)), 0 if depth >= _FULL else 3))
        if shape.get("items") is False:
            least = most = 0

        def draw(rng: Random, at: Spot) -> Json:
            drawn = [inner(rng, at) for inner in first]
            return drawn + several(rng, at, item, least, max(least, rng.randint(min(1, most), most)) - len(drawn))

        return draw

    def string(self, shape: Schema, name: str, depth: int) -> Drawer:
        """By format, else as a field of that name."""
        form = str(shape.get("format", ""))
        if form in _WHOLE:
            return lambda rng, at: str(rng.randint(1, 5000))
        kind: Type = "datetime" if form in _MOMENTS else "date" if form in ("date", "google-date") else "string"
        about = str(shape.get("description", ""))
        value = Value(type=kind, about=about, **_limits(shape, "minLength", "maxLength"), pattern=shape.get("pattern"))
        return DRAWERS[_FORMATS[form]] if form in _FORMATS else drawer(name, value, self.subject)

    def number(self, shape: Schema, name: str, depth: int) -> Drawer:
        """Within its bounds, a multiple of what it must be one of."""
        kind: Type = "integer" if _kind(shape) == "integer" else "number"
        limits = _limits(shape, "minimum", "maximum")
        if "exclusiveMinimum" in shape:
            limits["min"] = shape["exclusiveMinimum"] + 1
        if "exclusiveMaximum" in shape:
            limits["max"] = shape["exclusiveMaximum"] - 1
        step = shape.get("multipleOf")
        if step:
            low = limits.get("min", 0) // step + (1 if limits.get("min", 0) % step else 0)
            return lambda rng, at: (low + rng.randint(0, 9)) * step
        return drawer(name, Value(type=kind, **limits), self.subject)


def several(rng: Random, at: Spot, item: Drawer, least: int, count: int) -> list[Json]:
    """``count`` values, all different as far as there are so many; at the least ``least``."""
    drawn: list[Json] = []
    for _ in range(count * 4):
        if len(drawn) == count:
            break
        value = item(rng, at)
        if value not in drawn:
            drawn.append(value)
    while len(drawn) < min(least, count):
        drawn.append(item(rng, at))
    return drawn


def _kind(shape: Schema) -> str:
    kind = shape.get("type")
    if isinstance(kind, Sequence) and not isinstance(kind, str):
        kind = next((one for one in kind if one != "null"), "null")
    if kind is None:
        kind = "array" if "items" in shape else "object" if shape.keys() & {"properties", "required"} else None
    return str(kind or ("object" if "additionalProperties" in shape else "string"))


def _merge(one: Schema, other: Schema) -> Schema:
    both: dict[str, Any] = {**one, **other}
    both["properties"] = {**one.get("properties", {}), **other.get("properties", {})}
    both["required"] = [*one.get("required", ()), *other.get("required", ())]
    both["allOf"] = [*one.get("allOf", ()), *other.get("allOf", ())]
    return {key: value for key, value in both.items() if key not in _MERGED or value}


def _limits(shape: Schema, low: str, high: str) -> dict[str, Any]:
    return {key: shape[bound] for key, bound in (("min", low), ("max", high)) if bound in shape}


def _always(value: Json) -> Drawer:
    return lambda rng, at: value
