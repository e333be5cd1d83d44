"""What an API's description says, whichever format it came in: the frontends' output, the inference's input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app_clones.declared.model import Auth

Json = Any
Schema = Mapping[str, Json]

PROBLEM = "application/problem+json"
"""The content type of RFC 9457's errors."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter outside the body. ``name`` is its name on the wire; ``schema`` JSON Schema 2020-12 of one value;
    ``pattern`` of a resource name (``^projects/[^/]+/topics/[^/]+$``), where the description gives one."""

    name: str
    place: Literal["path", "query", "header", "cookie"]
    schema: Schema
    required: bool = False
    repeated: bool = False
    pattern: str | None = None
    about: str = ""
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """One method. ``id``: its name in the document (``gmail.users.labels.create``, an operationId).

    ``path``: as documented, relative to the root (``v1/{+name}``, ``v1/{+name}:cancel``); ``flat``: the same with every
    segment spelt out (``v1/projects/{projectsId}/topics/{topicsId}``), equal to ``path`` where there is no such form.
    ``request`` and ``response``: JSON Schemas, mostly ``{"$ref": "#/$defs/Topic"}``; None: no body. ``media``: the
    body's content types where it is not JSON; ``joined``: of a form, the properties whose items stand in one text, each
    with what separates them. ``status``: of success.
    """

    id: str
    verb: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    flat: str
    parameters: tuple[Parameter, ...] = ()
    request: Schema | None = None
    response: Schema | None = None
    request_required: bool = False
    about: str = ""
    status: int = 200
    media: tuple[str, ...] = ()
    joined: Mapping[str, str] = field(default_factory=dict)
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What the bodies of errors are: JSON of this ``schema``, under the content type ``media``."""

    schema: Schema
    media: str


@dataclass(frozen=True, slots=True)
class ApiDoc:
    """A whole description. ``schemas``: JSON Schema 2020-12 by name, refs as ``#/$defs/NAME``; a property's
    ``readOnly`` and ``x-required-by`` (ids of methods that demand it) are kept as the document tells. ``common``:
    parameters that every method takes. ``style``: whose habits the API has (envelopes, error bodies, names).
    ``errors``: what most of its methods say of error bodies, where they say it. ``auth``: where a request says who
    asks."""

    kind: Literal["discovery", "openapi"]
    name: str
    version: str
    title: str
    about: str
    base: str
    style: Literal["google", "rest"]
    sha256: str
    methods: tuple[Method, ...]
    schemas: Mapping[str, Schema]
    common: tuple[Parameter, ...] = ()
    errors: ErrorBody | None = None
    auth: Auth = field(default=Auth())
    notes: tuple[str, ...] = field(default=())
