"""How rows of a resource are called: by an id of their own or a whole name, chosen by the client or by the service."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app_clones.declared.model import Key
from factory.compiler import infer_keywords
from factory.compiler.api import Method
from factory.compiler.infer_fields import compiles
from factory.compiler.infer_model import Model, makes_row
from factory.compiler.infer_names import singular, snake
from factory.compiler.infer_paths import BARE, Place, is_collection, words
from factory.compiler.infer_resources import Resource

Json = Any


def key_of(model: Model, resource: Resource, props: Mapping[str, Json]) -> Key:
    """How a row is called, and where its JSON says so."""
    given = _is_given(model, resource)
    collection = "/".join(part for part in resource.key[-1].split("/") if part not in ("*", BARE))
    if resource.named:
        texts = [name for name in (*resource.named, "name", "resourceName", "path") if is_text(props.get(name))]
        path = next(iter(texts), None if props else "name")
        if path is not None:
            return Key(form="given" if given or not props else "code", wire=None, path=path, collection=collection)
    wire = _wire(resource, props)
    if wire is None:
        return Key(form="given" if given or not props else "code", wire=None, collection=collection)
    schema = props[wire]
    if schema.get("type") == "integer":
        return Key(form="number", wire=wire, collection=collection)
    if schema.get("format") in ("int64", "uint64"):
        return Key(form="number", wire=wire, int64=True, collection=collection)
    about = str(schema.get("description", ""))
    writable = not schema.get("readOnly") and not re.search(r"output only|read-?only|assigned by", about, re.I)
    chosen = given or (is_made(model, resource) and writable and wire != "id")
    told = schema.get("pattern") or _pattern(model, resource)
    pattern = f"^(?:{told})$" if chosen and compiles(told) else None
    prefix = _prefix(told, resource)
    return Key(form="given" if chosen else "code", wire=wire, collection=collection, pattern=pattern, prefix=prefix)


def worded(model: Model, resource: Resource, props: Mapping[str, Json], key: Key) -> Key:
    """``key`` with the words that stand for a row, where ids are texts."""
    if key.form == "number" or not is_collection(resource.key):
        return key
    told = dict(model.keywords.get(resource.key, {}))
    told |= infer_keywords.words(str(props.get(key.wire or "", {}).get("description", "")))
    # Only where a client chooses ids can one be the acting person's.
    chosen = key.form == "given" and is_made(model, resource)
    means = {word: "actor" if chosen and what == "person" else "first" for word, what in sorted(told.items())}
    return key.model_copy(update={"keywords": means})


def _pattern(model: Model, resource: Resource) -> str | None:
    """What ids in paths must be, by the first method that says so."""
    for at in resource.methods:
        method, place = model.method(at)
        for one in method.parameters:
            if place.rows.get(one.name) == resource.key and one.pattern and "/" not in one.pattern:
                return one.pattern
    return None


def _prefix(pattern: Json, resource: Resource) -> str:
    """What goes before the digits of an id that the service gives, where its pattern asks for more than digits."""
    if not compiles(pattern):
        return ""
    noun = singular(snake(words(resource.key[-1]))).replace("_", "-")
    return next((one for one in ("", f"{noun}-", noun[0]) if re.search(pattern, f"{one}00000001")), "")


def is_text(schema: Json) -> bool:
    """Whether values of ``schema`` are plain texts."""
    return isinstance(schema, Mapping) and schema.get("type") == "string" and "enum" not in schema


def _wire(resource: Resource, props: Mapping[str, Json]) -> str | None:
    noun = singular(snake(words(resource.key[-1])))
    camel = re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), noun)
    options = [name for name, _ in resource.ids.most_common() if name not in ("name",)]
    named = [name for name in ("name",) if any(not re.search(r"(?:\A|[a-z])Id\Z|\Aid\Z", o) for o in options)]
    nouns = [
        f"{camel}Id",
        f"{snake(resource.schema or '')}_id",
        f"{(resource.schema or ' ')[0].lower()}{(resource.schema or '')[1:]}Id",
    ]
    for option in (*options, *nouns, *named, "id", "name", "key"):
        schema = props.get(option)
        if isinstance(schema, Mapping) and schema.get("type") in ("string", "integer") and "enum" not in schema:
            return option
    return None


def is_made(model: Model, resource: Resource) -> bool:
    """Whether clients make rows of ``resource``."""
    return any(makes_row(*model.method(at)) for at in resource.methods)


def _is_given(model: Model, resource: Resource) -> bool:
    """Whether the client chooses the id of a new row, by a parameter of its own or by its whole name."""
    for at in resource.methods:
        method, place = model.method(at)
        if makes_row(method, place) and new_id(method, place, resource):
            return True
        if place.verb is None and place.on == "row" and method.verb == "PUT" and method.id.endswith(".create"):
            return True
    return False


def new_id(method: Method, place: Place, resource: Resource) -> str | None:
    """The parameter by which a client chooses the id of a new row."""
    noun = singular(snake(words(resource.key[-1])))
    for parameter in method.parameters:
        name = snake(parameter.name)
        if parameter.place != "query" or not name.endswith("_id") or name == "request_id":
            continue
        stem = name.removesuffix("_id")
        if stem in (noun, resource.entity, snake(resource.schema or "")) or noun.endswith(stem) or stem.endswith(noun):
            return parameter.name
        if re.search(r"\bid\b[^.]*\bto use for\b|final component", parameter.about[:300], re.I):
            return parameter.name
    return None
