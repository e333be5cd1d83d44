"""An app as data: entities, operations, how they speak over HTTP, how their first rows are drawn.

What a person writes is terse (``app.yaml``); :func:`app_clones.declared.expand.expand` fills in all that is left out,
so that the engine, the pages, the compiler, the provers and the task generators read one full form. Where a field says
*expression*, a string that starts with ``$`` is one: ``$now``, ``$actor``, ``$id`` (the row's), ``$row.FIELD`` (may
follow refs: ``$row.customer.email``), ``$NAME`` (a parameter); ``$$`` stands for a plain ``$``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from app_clones.declared.model_entities import (
    PERSON,
    AppName,
    Branch,
    Branches,
    Entity,
    FieldDecl,
    Json,
    Key,
    Name,
    Part,
    Type,
    Value,
    Words,
)
from app_clones.declared.model_operations import (
    Emit,
    Http,
    Kind,
    Line,
    Make,
    OperationDecl,
    Param,
    Require,
    Result,
    Role,
)

__all__ = [
    "PERSON", "Api", "AppDecl", "AppName", "Auth", "Branch", "Branches", "Emit", "Entity", "ErrorForm", "FieldDecl",
    "Http", "Json", "Key", "Kind", "Line", "LongRunning", "Make", "Name", "OperationDecl", "Page", "Param", "Part",
    "Require",
    "Result", "Role", "Source", "Told", "Type", "Value", "Words",
]  # fmt: skip


class LongRunning(Part):
    """How the API tells of work that takes time: rows of ``entity``, whose fields are set to ``pending`` at first and
    to ``finished`` after ``seconds`` (expressions; ``$response`` is the target's JSON form). Where the entity's key has
    a ``scope``, that is the nearest of the target and its ancestors that is an ``under`` entity (none: empty)."""

    entity: Name
    pending: Mapping[Name, Json]
    finished: Mapping[Name, Json]
    seconds: int = Field(default=60, ge=0)
    under: tuple[Name, ...] = ()


class Told(Part):
    """What an API says at errors of one status, where that is not what Google's others say."""

    status: str | None = None
    reason: str | None = None
    message: str | None = None


class ErrorForm(Part):
    """An API's own form of error bodies. ``body``: JSON in which the expressions ``$status`` (of HTTP, 404), ``$code``
    (a stable word, ``not_found``), ``$title`` (the same as a title, ``Not found``) and ``$message`` stand for what is
    told. ``media``: its content type. ``shape``: the JSON Schema that every such body meets."""

    body: Mapping[str, Json]
    media: str = "application/json"
    shape: Mapping[str, Json] = {"type": "object"}


class Auth(Part):
    """Where a request says who asks: by a token in ``header``, behind the word ``scheme`` where that is not empty, or,
    where there is a ``query``, in that parameter alone."""

    header: str = Field(default="Authorization", pattern=r"^[A-Za-z0-9-]+$")
    scheme: str = Field(default="Bearer", pattern=r"^[A-Za-z0-9-]*$")
    query: str = ""


class Api(Part):
    """``base``: the API's root below the app's own mount. ``root``: the part of it that a client is given, where it
    says the rest itself (none: all of it). ``errors``: the form of error bodies, one that has a name or its own;
    ``told``: by the status that Google's others tell (``NOT_FOUND``), what this one does. ``naming``: of properties
    whose field gives no ``wire`` name. ``page_size`` and ``page_max``: rows a page has where nothing is asked, and at
    most. ``common``: parameters that every operation takes besides its own (``fields``, ``prettyPrint``). ``batch``:
    the paths below the app's mount that take several requests at once. ``auth``: where a request says who asks."""

    base: str = Field(default="api/", pattern=r"^([A-Za-z0-9._-]+/)+$")
    root: str | None = None
    errors: Literal["plain", "google", "problem"] | ErrorForm = "plain"
    told: dict[str, Told] = Field(default={})
    naming: Literal["snake", "camel"] = "snake"
    page_size: int = Field(default=20, ge=1, le=1000)
    page_max: int = Field(default=100, ge=1, le=5000)
    common: dict[str, Param] = Field(default={})
    batch: tuple[Annotated[str, Field(pattern=r"^[a-z][A-Za-z0-9_/-]*$")], ...] = ()
    long_running: LongRunning | None = None
    auth: Auth = Auth()


class Page(Part):
    """An entity's pages, where the defaults will not do: the columns of its list, what can be filtered by, the order
    (fields, each with ``desc`` or not, separated by commas). ``template``: of the app's ``templates`` the one that its
    row's page has, ``ENTITY/detail.html``, where it is short enough to stand here."""

    columns: tuple[Name, ...] = ()
    filters: tuple[Name, ...] = ()
    order: str = ""
    template: str | None = None


class Source(Part):
    """What a declaration was compiled from; ``sha256`` of that document."""

    kind: Literal["discovery", "openapi"]
    name: str
    version: str
    sha256: str


class AppDecl(Part):
    """A whole app. ``schemas``: JSON Schema 2020-12 by name; each may refer to the others as ``#/$defs/NAME``.

    ``links`` say only which rows belong together: each a table ``{app}_{name}`` without row ids, keyed by all of its
    refs (the entity by column). Behaviours write its rows; one goes with each row that it names. ``arguments``: sets of
    tools' parameters by the titles of their schemas, read as pydantic reads them, ``"12"`` as a number; where there are
    such, those operations alone are tools that take one. ``templates``: Jinja sources by the name of the page that
    they show, of one entity (``ticket/detail.html``) or of all (``list.html``, ``dashboard.html``); those in the folder
    ``templates`` beside the declaration are among them. One may extend the default page by its name, and fill its
    blocks; ``{% include "app/_bits.html" %}`` takes in another of the app's.
    """

    app: AppName
    title: str
    about: str = ""
    version: str = "1"
    source: Source | None = None
    api: Api = Api()
    entities: dict[Name, Entity]
    links: dict[Name, dict[Name, Name]] = Field(default={})
    arguments: dict[str, dict[Name, Param]] = Field(default={})
    operations: dict[Name, OperationDecl] = Field(default={})
    pages: dict[Name, Page] = Field(default={})
    templates: dict[str, str] = Field(default={})
    schemas: dict[str, Mapping[str, Json]] = Field(default={})
