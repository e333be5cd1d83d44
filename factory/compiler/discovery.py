"""Google's discovery documents as :class:`~factory.compiler.api.ApiDoc`: the 610 that the client library carries.

Schemas become JSON Schema 2020-12 under ``#/$defs``. An object that lists its properties may have no others, as
Google's own servers refuse names that they do not know.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Set
from importlib import resources
from pathlib import Path
from typing import Any

from factory.compiler.api import ApiDoc, Method, Parameter, Schema
from factory.compiler.discovery_paths import address, flat_path, parted
from factory.errors import InputGone, SpecError

Json = Any

_DURATION = r"^-?[0-9]{1,12}(\.[0-9]{1,9})?s$"
_KEPT = ("description", "readOnly", "deprecated", "enum", "enumDescriptions", "minimum", "maximum", "pattern")


def documents() -> tuple[str, ...]:
    """The ids of all documents (``gmail:v1``), sorted; the library's index of them is none itself."""
    stems = sorted(path.name.removesuffix(".json") for path in _folder().iterdir() if path.name.endswith(".json"))
    return tuple(":".join(stem.split(".", 1)) for stem in stems if stem != "index")


def load(id: str) -> tuple[Mapping[str, Json], str]:
    """The document ``gmail:v1`` as the library carries it, and its SHA-256. Raises :class:`SpecError` where none is."""
    path = _folder() / f"{id.replace(':', '.', 1)}.json"
    if id.count(":") != 1 or "/" in id or not path.is_file():
        raise SpecError(f"no discovery document {id!r}; one is called by name and version, as in gmail:v1")
    data = path.read_bytes()
    # Three documents are there twice, under ids of which the version is written otherwise: the id tells them apart.
    return {**json.loads(data), "version": id.partition(":")[2]}, hashlib.sha256(data).hexdigest()


def parse(document: Mapping[str, Json], sha256: str) -> ApiDoc:
    """What a discovery document says. Raises :class:`SpecError` where it is none."""
    if document.get("kind") != "discovery#restDescription" or "name" not in document:
        raise SpecError("this is no discovery document of one API")
    schemas = {name: schema(found) for name, found in sorted(document.get("schemas", {}).items())}
    told = list(_methods(document))
    addresses = {address(found) for found in told}
    methods = sorted(
        (_method(found, addresses) for found in told), key=lambda method: (method.id, method.verb, method.flat)
    )
    common = document.get("parameters", {})
    return ApiDoc(
        kind="discovery",
        name=document["name"],
        version=document["version"],
        title=document.get("title") or document["name"],
        about=document.get("description", ""),
        base=document.get("servicePath", ""),
        style="google",
        sha256=sha256,
        methods=tuple(methods),
        schemas=schemas,
        common=tuple(_parameter(name, {"location": "query", **found}) for name, found in sorted(common.items())),
    )


def schema(found: Mapping[str, Json]) -> Schema:
    """One schema, or property, of a discovery document as JSON Schema 2020-12."""
    if "$ref" in found:
        return {"$ref": f"#/$defs/{found['$ref']}", **_texts(found)}
    made = _texts(found)
    type_ = found.get("type", "object")
    if type_ == "any":
        return made
    made["type"] = type_
    _formatted(made, found.get("format"))
    if type_ == "array":
        made["items"] = schema(found.get("items", {"type": "any"}))
    if type_ == "object":
        _object(made, found)
    if "default" in found:
        made["default"] = _plain(found["default"], type_)
    return made


def _object(made: dict[str, Json], found: Mapping[str, Json]) -> None:
    if "properties" in found:
        made["properties"] = {name: schema(inner) for name, inner in sorted(found["properties"].items())}
        made["additionalProperties"] = False
    if "additionalProperties" in found:
        made["additionalProperties"] = schema(found["additionalProperties"])


def _texts(found: Mapping[str, Json]) -> dict[str, Json]:
    made = {name: found[name] for name in _KEPT if found.get(name) not in (None, "")}
    for name in ("minimum", "maximum"):
        if name in made:
            made[name] = _plain(made[name], "integer")
    if "enumDescriptions" in made:
        made["x-enum-about"] = made.pop("enumDescriptions")
    required_by = found.get("annotations", {}).get("required")
    if required_by:
        made["x-required-by"] = list(required_by)
    return made


def _formatted(made: dict[str, Json], format_: str | None) -> None:
    match format_:
        case None | "google-fieldmask":  # paths with commas between: any text
            return
        case "google-datetime":
            made["format"] = "date-time"
        case "google-duration":
            made["pattern"] = _DURATION
        case _:
            made["format"] = format_


def _plain(value: Json, type_: str) -> Json:
    """A value that the document holds as text."""
    if not isinstance(value, str):
        return value
    try:
        match type_:
            case "integer":
                return int(value)
            case "number":
                return float(value)
            case "boolean":
                return value == "true"
    except ValueError:
        return value
    return value


def _methods(node: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    yield from node.get("methods", {}).values()
    for resource in node.get("resources", {}).values():
        yield from _methods(resource)


def _method(found: Mapping[str, Json], addresses: Set[str]) -> Method:
    flat = flat_path(found)
    found = parted(found, addresses)
    required = {"required": True}
    return Method(
        id=found["id"],
        verb=found["httpMethod"],
        path=found["path"],
        flat=flat,
        parameters=tuple(
            _parameter(name, {**known, **required} if known.get("location") == "path" else known)
            for name, known in sorted(found.get("parameters", {}).items())
        ),
        request=schema(found["request"]) if "request" in found else None,
        response=schema(found["response"]) if "response" in found else None,
        about=found.get("description", ""),
        media=tuple(found.get("mediaUpload", {}).get("accept", ())),
        deprecated=bool(found.get("deprecated")),
    )


def _parameter(name: str, found: Mapping[str, Json]) -> Parameter:
    pattern = found.get("pattern")
    kept = {key: value for key, value in found.items() if key not in ("required", "repeated", "pattern", "location")}
    return Parameter(
        name=name,
        place=found.get("location", "query"),
        schema=schema(kept),
        required=bool(found.get("required")),
        repeated=bool(found.get("repeated")),
        pattern=pattern,
        about=found.get("description", ""),
        deprecated=bool(found.get("deprecated")),
    )


def _folder() -> Path:
    try:
        package = resources.files("googleapiclient.discovery_cache")
    except ModuleNotFoundError as error:
        raise InputGone(
            "discovery documents come with google-api-python-client: install the extra `compiler`"
        ) from error
    return Path(str(package)) / "documents"
