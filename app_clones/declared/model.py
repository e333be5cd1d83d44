"""An app as data: entities, operations, how they speak over HTTP, how their first rows are drawn.

What a person writes is terse (``app.yaml``); :func:`app_clones.declared.expand.expand` fills in all that is left out,
so that the engine, the pages, the compiler, the provers and the task generators read one full form. Where a field says
*expression*, a string that starts with ``$`` is one: ``$now``, ``$actor``, ``$id`` (the row's), ``$row.FIELD`` (may
follow refs: ``$row.customer.email``), ``$NAME`` (a parameter); ``$$`` stands for a plain ``$``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Json = Any
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
AppName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,23}$")]

PERSON = "person"
"""The entity that every world has: ``kit_person``, with the fields ``name`` and ``email``; read-only, no operations."""

Type = Literal[
    "string", "text", "email", "url", "enum", "boolean", "integer", "number", "date", "datetime", "bytes", "ref", "json"
]
"""``text`` is prose of several lines; ``date`` and ``datetime`` are RFC 3339 text as the client gave it, except where
the field is ``auto``: then the kit's clock, in ms. ``bytes`` is base64 text. ``json`` is any value that meets
``shape``."""


class Part(BaseModel):
    """Base of every part of a declaration: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Value(Part):
    """What a field or parameter may hold. ``min`` and ``max`` bound a number, or the length of a text or list; ``max``
    also that of JSON.

    ``wire``: its name in the API's JSON or query, where that is another. ``repeated``: a list of such. ``shape``: JSON
    Schema (2020-12) of a ``json`` value, which may refer to ``#/$defs/NAME`` of the app's ``schemas``. ``int64``: an
    integer that the API writes as text.
    """

    type: Type = "string"
    about: str = ""
    required: bool = False
    repeated: bool = False
    values: tuple[str, ...] = ()
    to: Name | None = None
    min: float | None = None
    max: float | None = None
    pattern: str | None = None
    shape: Mapping[str, Json] | None = None
    int64: bool = False
    wire: str | None = None


class FieldDecl(Value):
    """A field of an entity; one column (a list, or ``json``, is canonical JSON text).

    ``default``: what a new row has where nothing is given. ``auto``: set by the engine alone (``created``, ``updated``:
    the clock; ``actor``: who acts; ``moment``: a time of the clock that a behaviour tells, or else now). ``readonly``:
    only operations' effects write it; ``immutable``: given on creation only; ``hidden``: written, never shown (a
    password). ``log``: no part of what is compared. ``search``: in the full-text index. ``on_delete`` of a ref: what
    happens to this row when that one goes. ``seed``: a drawer of ``declared.seeds`` by name, or a mapping ``{drawer:
    arguments}``; by default chosen from name, type and text.
    """

    default: Json = None
    auto: Literal["created", "updated", "moment", "actor"] | None = None
    readonly: bool = False
    immutable: bool = False
    hidden: bool = False
    log: bool = False
    search: bool = False
    on_delete: Literal["restrict", "cascade", "clear"] = "restrict"
    seed: Json = None

    @property
    def is_moment(self) -> bool:
        """Whether the field holds times of the kit's clock, in ms."""
        return self.auto in ("created", "updated", "moment")


class Key(Part):
    """How a row is called from outside.

    ``number``: its row id. ``code``: ``prefix`` and the row id in a form of its own (``cus_000f``), always the same
    width. ``given``: text that the client chooses, unique within the parent, or, where it gives none, as ``code``.
    Codes are computed, never stored, so that fresh rows stay comparable up to renaming. ``wire``: property of the JSON
    that holds it (none: it is not shown). ``path``: property that holds the resource name, the ids from the root down
    (``projects/p1/topics/t2``), where the API has such; ``collection`` is then the segment before the id.
    ``scope``: the text field that holds the resource name (where it has none, the ids from the root down, joined by
    ``/``) of what the row lies under, for entities without ``parent`` whose rows lie under things of several kinds
    (operations): its own name is then ``{scope}/{collection}/{id}`` (no ``{scope}/`` where that is empty), and the last
    ``row`` parameter of another entity says the scope. ``int64``: of a ``number`` that the API writes as text.
    """

    form: Literal["number", "code", "given"] = "number"
    prefix: str = ""
    wire: str | None = "id"
    path: str | None = None
    collection: str | None = None
    pattern: str | None = None
    scope: Name | None = None
    int64: bool = False


class Words(Part):
    """A full-text index ``{app}_{name}``: its columns, each with the text fields whose words it holds."""

    name: Name
    columns: dict[Name, tuple[Name, ...]]


class Entity(Part):
    """A kind of thing, one table ``{app}_{name}``.

    ``label``: the field by which people call a row. ``parent``: the ref field that says under which row this one lies.
    ``owner``: the ref field (to ``person``) whose person alone sees and changes the row; set to who acts on creation.
    ``singleton``: each parent has exactly one, made with it. ``fixed``: rows come from seeds alone (``location``).
    ``schema_name``: of the JSON form, in the app's ``schemas``. ``etag``: property that holds the row's etag.
    ``constants``: properties that every row shows alike (``kind: calendar#event``). ``derived``: properties computed
    from the row when it is shown, as expressions (``$row.container.account``: a ref gives the id by which its row is
    called; ``$path``: the row's resource name); a client may send them back, unread. ``indexes``: groups of fields by
    which rows are looked up, beside each ref that leads none of them. ``words``: a full-text index of several columns,
    in place of the one that holds all fields which are ``search``. ``rows`` are drawn, on average so many per parent;
    ``given`` are written as they stand, before them.
    """

    title: str = ""
    plural: str = ""
    about: str = ""
    label: Name | None = None
    parent: Name | None = None
    owner: Name | None = None
    singleton: bool = False
    fixed: bool = False
    key: Key = Key()
    fields: dict[Name, FieldDecl]
    unique: tuple[tuple[Name, ...], ...] = ()
    indexes: tuple[tuple[Name, ...], ...] = ()
    words: Words | None = None
    operations: tuple[Literal["list", "get", "create", "update", "delete"], ...] = ()
    schema_name: str | None = None
    etag: str | None = None
    constants: Mapping[str, Json] = {}
    derived: Mapping[str, Json] = {}
    rows: int = Field(default=0, ge=0, le=100_000)
    given: tuple[Mapping[str, Json], ...] = ()


Role = Literal[
    "row",  # names a row of ``entity``: the target of the operation, or an ancestor of it
    "self",  # names who acts, by ``me`` or by email; anybody else is refused
    "new_id",  # the id that the client chooses for a new row: of a given key, or a number
    "body",  # the whole body, json; null stands for what is not given
    "resource",  # the JSON form of the row: its writable fields; in a body without ``wire``, the whole body
    "field",  # one writable field, ``field``
    "filter",  # list: rows whose ``field`` compares with it by ``compare``
    "expression",  # list: a filter expression (AIP-160: ``a = "x" AND b > 3``); what cannot be parsed is refused
    "search",  # list: words that must all occur
    "order_by",  # list: ``field``, ``field desc``, several separated by commas
    "page_size",
    "page_token",
    "after",  # list: the id of the row after which to go on
    "offset",
    "page_number",
    "mask",  # update: the fields to write, all others stay
    "read_mask",  # the properties to answer with
    "etag",  # refuses unless the row's etag is this one
    "validate_only",  # all checks, no effect
    "request_id",  # the same one again answers as the first time, and does nothing
    "force",  # delete: children too
    "allow_missing",  # update: create what is not there; delete: no error where nothing is
    "input",  # read by expressions and behaviours alone
    "pretty",  # whether the answer is JSON of several lines
    "inert",  # by its own documentation changes neither state nor answer (prettyPrint, quotaUser)
    "refused",  # not built: giving it is an error that says so
]


class Param(Value):
    """A parameter of an operation. By its name in the mapping it is a tool's argument; ``wire`` is its name in HTTP.

    ``entity`` of a ``row``; ``field`` of a ``field`` or ``filter``. A ``row`` in the style of resource names takes the
    whole name (``projects/p1/topics/t2``) and ``pattern`` says which names. A ``repeated`` ``row`` names several: the
    operation is done on each, and answers with them all. A ``resource`` without ``wire`` is the whole body, with it the
    property of the body under which it stands; ``wire`` of another ``body`` parameter may be dotted (``policy.etag``).
    """

    place: Literal["path", "query", "body", "header", "tool"] = "body"
    role: Role = "input"
    entity: Name | None = None
    field: Name | None = None
    compare: Literal["eq", "ne", "lt", "le", "gt", "ge", "contains", "has", "prefix"] = "eq"
    default: Json = None


class Result(Part):
    """What an operation answers.

    ``row``: the target's JSON form; ``page``: rows under ``items`` and, where there are more, a token under ``next``
    (and how many in all under ``total``, whether there are more under ``more``); ``list``: a bare JSON list;
    ``empty``: ``{}`` or nothing (``status`` 204); ``operation``: a long-running operation; ``value``: ``constants`` and
    ``values`` (expressions by property).
    ``wrap``: the property under which the row stands. ``schema_name``: in the app's ``schemas``. ``field``: the answer
    is the value of this json field of the target, alone (``shape`` value; ``{}`` where it has none). ``group``: of a
    page whose ``items`` is an object: by the name of each row's parent, as below the root (``zones/z1``), another
    object that holds the rows of it under ``group``.
    """

    shape: Literal["row", "page", "list", "empty", "operation", "value"] = "row"
    items: str = "items"
    next: str | None = None
    total: str | None = None
    more: str | None = None
    wrap: str | None = None
    schema_name: str | None = None
    constants: Mapping[str, Json] = {}
    values: Mapping[str, Json] = {}
    field: Name | None = None
    group: str | None = None
    status: int = 200


class Emit(Part):
    """An event of this world, ``after`` so many of the clock's ``unit``; ``payload`` holds expressions.

    ``after`` may be an expression too: a number from 0 up, or nothing, where the event does not happen. An event that
    no app of the world handles is skipped, or, where it is ``required``, an error.
    """

    event: str = Field(pattern=r"^[a-z][a-z0-9]*\.[a-z][a-z0-9_]*$")
    after: Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=r"^\$[a-z]")] = 0
    unit: Literal["second", "minute", "hour", "day"] = "second"
    required: bool = False
    payload: Mapping[str, Json] = {}


class Make(Part):
    """A further row that an operation makes; ``values`` are expressions by field."""

    entity: Name
    values: Mapping[Name, Json]


class Http(Part):
    """Where an operation is reached. ``path`` is relative to the app's API root and has no leading slash; ``{x}`` takes
    a segment, ``{+x}`` a resource name (its parameter's ``pattern`` says which); it may end in ``:verb``."""

    verb: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str


class Line(Part):
    """A line of the text that an agent reads of an answer, or (``each``) one for each item of a list in it.

    ``{name}`` in it stands for a property of the answer, of a list for its items with commas between; in a line of a
    list for one of the item's, or ``{item}`` for the item itself. An answer that is no object is called ``answer``, and
    ``count`` says how many a list has.
    ``when``: the line is left out where this property has no value, or an empty one.
    """

    line: str
    each: Name | None = None
    when: Name | None = None


Kind = Literal["list", "get", "create", "update", "replace", "delete", "custom", "record", "refused"]


class OperationDecl(Part):
    """One operation: the tool ``{app}_{name}``, and a route where ``http`` says so.

    One of a standard kind without ``http`` is that standard operation under another name: what it leaves out is as
    there, its ``params`` come beside those there, or in their place.
    ``when``: fields of the target and the values one of which they must have, else a conflict (``refusal`` says why).
    ``only``: ref fields of the target to persons, one of whom must be acting. ``set``, ``append``, ``remove``: effects
    on the target's fields, as expressions (the latter two on lists); ``make``: further rows; ``delete``: the target
    goes. ``copy``: the answer is a new row with the target's values, then ``set``. ``emit``: events. ``record``: what
    was asked is kept in the app's ``call`` table (at the least that, where nothing else is evident). ``behaviour``: a
    function of the app's Python file that does it instead; ``fixed``: what it is told beside the arguments, alike each
    time. ``media``: the types of what may be uploaded to it, at its path below ``/upload/``; a behaviour finds that as
    the argument ``media``, base64 text. ``takes``: of the tool's arguments, one of the app's sets. ``text``: what an
    agent reads of the answer, line by line.
    ``writes``: by default whether ``kind`` and effects do.
    ``internal``: it happens as an event alone, so there is no tool, route or form for it.
    ``reason``: of a ``refused`` or ``record`` one, why it is no more. ``origin``: its name in what it was compiled
    from.
    """

    about: str = ""
    kind: Kind = "custom"
    entity: Name | None = None
    http: Http | None = None
    params: dict[str, Param] = {}
    result: Result = Result()
    when: Mapping[Name, tuple[Json, ...]] = {}
    refusal: str = ""
    only: tuple[Name, ...] = ()
    set: Mapping[Name, Json] = {}
    append: Mapping[Name, Json] = {}
    remove: Mapping[Name, Json] = {}
    make: tuple[Make, ...] = ()
    copy_row: bool = False
    delete: bool = False
    emit: tuple[Emit, ...] = ()
    record: bool = False
    behaviour: str | None = None
    fixed: Mapping[str, Json] = {}
    media: tuple[str, ...] = ()
    takes: str | None = None
    text: tuple[str | Line, ...] = ()
    writes: bool | None = None
    internal: bool = False
    reason: str = ""
    origin: str = ""


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


class Api(Part):
    """``base``: the API's root below the app's own mount. ``errors``: the form of error bodies; ``told``: by the status
    that Google's others tell (``NOT_FOUND``), what this one does. ``naming``: of properties whose field gives no
    ``wire`` name. ``page_size`` and ``page_max``: rows a page has where nothing is asked, and at most. ``common``:
    parameters that every operation takes besides its own (``fields``, ``prettyPrint``). ``batch``: the paths below the
    app's mount that take several requests at once."""

    base: str = Field(default="api/", pattern=r"^([A-Za-z0-9._-]+/)+$")
    errors: Literal["plain", "google", "problem"] = "plain"
    told: dict[str, Told] = {}
    naming: Literal["snake", "camel"] = "snake"
    page_size: int = Field(default=20, ge=1, le=1000)
    page_max: int = Field(default=100, ge=1, le=5000)
    common: dict[str, Param] = {}
    batch: tuple[str, ...] = ()
    long_running: LongRunning | None = None


class Page(Part):
    """An entity's pages, where the defaults will not do: the columns of its list, what can be filtered by, the order
    (fields, each with ``desc`` or not, separated by commas). ``template``: Jinja source of its row's page, which may
    extend ``detail.html`` and fill the blocks ``facts`` and ``parts``; it sees ``row``, ``shelf``, ``heading``."""

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
    such, those operations alone are tools that take one.
    """

    app: AppName
    title: str
    about: str = ""
    version: str = "1"
    source: Source | None = None
    api: Api = Api()
    entities: dict[Name, Entity]
    links: dict[Name, dict[Name, Name]] = {}
    arguments: dict[str, dict[Name, Param]] = {}
    operations: dict[Name, OperationDecl] = {}
    pages: dict[Name, Page] = {}
    schemas: dict[str, Mapping[str, Json]] = {}
