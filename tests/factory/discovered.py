"""Small descriptions as Google writes them, and what the proof finds of the apps that are compiled from them."""

from __future__ import annotations

from typing import Any

from factory.compiler import discovery
from factory.compiler.certificate import AppCertificate
from factory.compiler.infer import infer
from factory.compiler.prove import prove

Json = Any

TEXT: Json = {"type": "string"}


def method(id: str, verb: str, path: str, params: dict[str, str], **more: Json) -> Json:
    """A method as Google writes it; ``params``: pattern by path parameter, ``""`` where there is none; ``query`` and
    ``needed``: names of parameters; all else: names of schemas."""
    placed = {
        name: {"type": "string", "location": "path", "required": True, **({"pattern": p} if p else {})}
        for name, p in params.items()
    }
    query = {name: {"type": "string", "location": "query"} for name in more.pop("query", ())}
    query |= {name: {**TEXT, "location": "query", "required": True} for name in more.pop("needed", ())}
    found = {"id": id, "httpMethod": verb, "path": path, "parameters": {**placed, **query}, "parameterOrder": []}
    refs = {name: {"$ref": schema} for name, schema in more.items()}
    return {**found, **refs}


def nested(*methods: Json) -> Json:
    """The resources of a document that has these methods, as their ids say."""
    root: Json = {}
    for one in methods:
        _, *parts, name = one["id"].split(".")
        at = root
        for part in parts:
            at = at.setdefault("resources", {}).setdefault(part, {})
        at.setdefault("methods", {})[name] = one
    return root["resources"]


def listed(schema: str, prop: str) -> Json:
    """The properties of a page of rows."""
    return {prop: {"type": "array", "items": {"$ref": schema}}, "nextPageToken": TEXT}


def described(resources: Json, schemas: dict[str, dict[str, Json]]) -> Json:
    """A whole document; ``schemas``: properties by name."""
    return {
        "kind": "discovery#restDescription", "name": "depot", "version": "v1", "title": "Depot", "rootUrl": "https://x/",
        "servicePath": "", "resources": resources, "parameters": {"alt": {"type": "string", "location": "query"}},
        "schemas": {n: {"id": n, "type": "object", "properties": props} for n, props in schemas.items()},
    }  # fmt: skip


def proven(document: Json) -> AppCertificate:
    """The app of a document, proven with Google's client, too."""
    doc = discovery.parse(document, "0" * 64)
    return prove(infer(doc).decl, document=doc, discovery=document)


def verdicts(found: AppCertificate) -> dict[str, str]:
    """By the method's id."""
    return {one.origin: one.verdict for one in found.methods}


def failures(found: AppCertificate) -> list[str]:
    """What did not hold."""
    return [f"{one.operation}: {check}" for one in found.methods for check in one.checks if not check.ok]
