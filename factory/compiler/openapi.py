"""OpenAPI 3.0 and 3.1, JSON or YAML, read into :class:`~factory.compiler.api.ApiDoc`.

``$ref``s within the document are followed, ``allOf`` is merged, ``oneOf`` and ``anyOf`` are kept. What an app has no
use for (further security, callbacks, webhooks, further servers, HEAD and OPTIONS) is left out and told in ``notes``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, cast
from urllib.parse import urlsplit

from factory.apps import names_taken
from factory.compiler.api import ApiDoc, ErrorBody, Method, Parameter
from factory.compiler.infer_names import in_ascii
from factory.compiler.openapi_bodies import Bodies, most_named
from factory.compiler.openapi_endless import demand_no_endless
from factory.compiler.openapi_parameters import Parameters
from factory.compiler.openapi_schema import Schemas
from factory.compiler.openapi_security import read_security
from factory.compiler.openapi_source import Json, Pointer, Source, parse
from factory.store import sha256

Verb = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

_VERBS = ("get", "post", "put", "patch", "delete")
_UNUSED_VERBS = ("head", "options", "trace")
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_VERSION = re.compile(r"3\.[01]\.\d+")


def read(text: str, name: str) -> ApiDoc:
    """The API that ``text`` describes; errors call it ``name``. Raises SpecError."""
    return _Reader(parse(text, name)).read()


def app_name(title: str) -> str:
    """A title as the name of an app: ``Pet Store (v2)`` is ``petstorev2``, ``Größen`` is ``grossen``; ``Mail`` is
    ``mailapi``, since a world has another app of that name."""
    letters = re.sub(r"[^a-z0-9]", "", in_ascii(title).lower()).lstrip("0123456789")
    name = letters[:24] or "app"
    return f"{name}api" if name in names_taken() else name


class _Reader:
    """One document on its way."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._schemas = Schemas(source)
        self._parameters = Parameters(source, self._schemas)
        self._notes: list[str] = []
        self._bodies = Bodies(source, self._schemas)
        self._errors: list[ErrorBody] = []
        self._ids: set[str] = set()

    def read(self) -> ApiDoc:
        """All of it."""
        source = self._source
        data = source.mapping(source.data, (), "an OpenAPI document")
        self._check_version(data)
        info = source.mapping(data.get("info"), ("info",), "info")
        title = source.text_of(info.get("title"), ("info", "title"), "the title")
        self._schemas.read_components()
        security = self._security = read_security(source, data)
        self._notes += security.notes
        methods = tuple(self._methods(data))
        if not methods:
            source.fail(("paths",), "there is no method")
        self._notes += demand_no_endless(self._schemas.defs)
        errors, several = most_named(self._errors)
        self._notes += (*self._bodies.notes, *several)
        if data.get("webhooks"):
            webhooks = source.mapping(data["webhooks"], ("webhooks",), "webhooks")
            self._notes.append(f"webhooks are left out: {', '.join(sorted(webhooks))}")
        return ApiDoc(
            kind="openapi",
            name=app_name(title),
            version=str(info.get("version", "1")),
            title=title,
            about=str(info.get("description") or info.get("summary") or "").strip(),
            base=self._base(data),
            style="rest",
            sha256=sha256(source.text.encode()),
            methods=methods,
            schemas=self._schemas.defs,
            common=security.parameters,
            errors=errors,
            auth=security.auth,
            notes=tuple(dict.fromkeys([*self._schemas.notes, *self._notes])),
        )

    def _check_version(self, data: Mapping[str, Json]) -> None:
        if "swagger" in data:
            self._source.fail(("swagger",), "Swagger 2.0 is not read", "convert it to OpenAPI 3 first")
        version = data.get("openapi")
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            short = re.fullmatch(r"3\.[01]", str(version))
            hint = f'write the whole version as text: openapi: "{version}.0"' if short else ""
            message = f"an OpenAPI document of version 3.0.x or 3.1.x is needed, not {version!r}"
            self._source.fail(("openapi",), message, hint)

    def _base(self, data: Mapping[str, Json]) -> str:
        """The path of the first server, ``v2/``; empty where it has none."""
        servers = data.get("servers") or [{"url": "/"}]
        at: Pointer = ("servers", "0")
        if not isinstance(servers, list):
            self._source.fail(("servers",), "servers is a list")
        server = self._source.mapping(servers[0], at, "a server")
        url = self._source.text_of(server.get("url"), (*at, "url"), "its url")
        variables = self._source.mapping(server.get("variables", {}), (*at, "variables"), "variables")
        for name in _PLACEHOLDER.findall(url):
            chosen = variables.get(name, {})
            if not isinstance(chosen, dict) or "default" not in chosen:
                self._source.fail((*at, "url"), f"the variable {name!r} has no default")
            url = url.replace(f"{{{name}}}", str(chosen["default"]))
        if len(servers) > 1:
            self._notes.append(f"of {len(servers)} servers the first is taken: {url}")
        path = urlsplit(url).path.strip("/")
        return f"{path}/" if path else ""

    def _methods(self, data: Mapping[str, Json]) -> Iterator[Method]:
        for path, value in self._source.mapping(data.get("paths"), ("paths",), "paths").items():
            at: Pointer = ("paths", path)
            if path.startswith("x-"):
                continue
            if not path.startswith("/"):
                self._source.fail(at, "a path starts with /")
            item, at = self._source.follow(value, at, "a path item")
            for verb in _VERBS:
                if verb in item:
                    yield self._method(path, verb, item, at)
            if unused := [verb for verb in _UNUSED_VERBS if verb in item]:
                self._notes.append(f"{path}: {', '.join(unused)} left out")

    def _method(self, path: str, verb: str, item: Mapping[str, Json], item_at: Pointer) -> Method:
        at = (*item_at, verb)
        given = self._source.mapping(item[verb], at, "an operation")
        for part in ("callbacks", "servers"):
            if given.get(part):
                self._notes.append(f"{verb.upper()} {path}: {part} left out")
        told = self._parameters.of(item, item_at, given, at)
        parameters = tuple(one for one in told if not self._security.is_token(one))
        self._check_path(path, parameters, at)
        body = self._bodies.request(given, at)
        status, response = self._bodies.response(given, at)
        self._errors += self._bodies.errors(given, at)
        about = [str(given.get(key) or "").strip() for key in ("summary", "description")]
        return Method(
            id=self._id(given.get("operationId"), path, verb, at),
            verb=cast(Verb, verb.upper()),
            path=path.lstrip("/"),
            flat=path.lstrip("/"),
            parameters=parameters,
            request=body.schema,
            response=response,
            request_required=body.required,
            about="\n\n".join(dict.fromkeys(text for text in about if text)),
            status=status,
            media=body.media,
            joined=body.joined,
            deprecated=given.get("deprecated") is True,
        )

    def _check_path(self, path: str, parameters: Sequence[Parameter], at: Pointer) -> None:
        there = _PLACEHOLDER.findall(path)
        told = [one.name for one in parameters if one.place == "path"]
        for name in there:
            if name not in told:
                self._source.fail(at, f"no parameter says what {{{name}}} of the path is")
            if there.count(name) > 1:
                self._source.fail(at, f"{{{name}}} is in the path twice")
        for name in told:
            if name not in there:
                self._source.fail((*at, "parameters"), f"the path has no {{{name}}}")

    def _id(self, given: Json, path: str, verb: str, at: Pointer) -> str:
        """The operationId, or one made of verb and path; unique."""
        if given is None:
            words = [re.sub(r"\W+", "_", part).strip("_") for part in path.replace("{", "by_").split("/")]
            given = "_".join([verb, *(word for word in words if word)])
        id = wanted = self._source.text_of(given, (*at, "operationId"), "an operationId")
        number = 1
        while id in self._ids:
            number += 1
            id = f"{wanted}_{number}"
        if id != wanted:
            self._notes.append(f"{verb.upper()} {path}: {wanted} is another method's name too; here it is {id}")
        self._ids.add(id)
        return id
