"""The parts of an app's form that say what can be done: parameters, answers, effects, operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from app_clones.declared.model_entities import Json, Name, Part, Value

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
    "parts",  # create, update, replace: the properties to write, whatever else is given, and to answer with
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

    ``entity`` of a ``row``; ``field`` of a ``field`` or ``filter``, and of a ``row`` that is no ancestor the ref by
    which the target (of a list: each row) belongs to that one, where there are several such: a target that a path names
    through a row to which it does not belong is not found. A ``row`` in the style of resource names takes the whole
    name (``projects/p1/topics/t2``) and ``pattern`` says which names. A ``repeated`` ``row`` names several: a list
    answers with them all; what changes something is done on each, or on none, and answers ``empty``. A ``resource``
    without ``wire`` is the whole body, with it the property of the body under which it stands; ``wire`` of another
    ``body`` parameter may be dotted (``policy.etag``).
    """

    place: Literal["path", "query", "body", "header", "cookie", "tool"] = "body"
    role: Role = "input"
    entity: Name | None = None
    field: Name | None = None
    compare: Literal["eq", "ne", "lt", "le", "gt", "ge", "contains", "has", "prefix"] = "eq"
    default: Json = None


class Result(Part):
    """What an operation answers.

    ``row``: the target's JSON form; ``page``: rows under ``items`` and, where there are more, a token under ``next``
    (and how many in all under ``total``, whether there are more under ``more``; under ``next_url`` and ``previous_url``
    the whole addresses of the pages beside this one, or null); ``list``: a bare JSON list;
    ``empty``: ``{}`` or nothing (``status`` 204); ``operation``: a long-running operation; ``value``: ``constants`` and
    ``values`` (expressions by property).
    ``wrap``: the property under which the row stands. ``schema_name``: in the app's ``schemas``. ``field``: the answer
    is the value of this json field of the target, alone (``shape`` value; ``{}`` where it has none). ``group``: of a
    page whose ``items`` is an object: by the name of each row's parent, as below the root (``zones/z1``), another
    object that holds the rows of it under ``group``. ``within``: of an ``operation``, or a page of such, the words that
    stand between the name of what it lies under and its own (``topics``, of ``p1/topics/operations/o1``).
    """

    shape: Literal["row", "page", "list", "empty", "operation", "value"] = "row"
    items: str = "items"
    next: str | None = None
    total: str | None = None
    more: str | None = None
    next_url: str | None = None
    previous_url: str | None = None
    wrap: str | None = None
    schema_name: str | None = None
    constants: Mapping[str, Json] = {}
    values: Mapping[str, Json] = {}
    field: Name | None = None
    group: str | None = None
    within: str = ""
    status: int = 200


class Require(Part):
    """A condition without which an operation is refused: ``that``, an expression, compares with ``value``, which may be
    one or hold some.

    ``in``: it is one of the list ``value``; ``has``, ``lacks``: it is a list of which ``value`` is one, or none. ``eq``
    and ``ne`` with null: it has no value, or some. A condition about a parameter that is not given is none.
    ``refusal``: what the error says, with expressions between braces (``only {row.stock} are left``); ``error``: which
    of the kit's it is.
    """

    that: str = Field(pattern=r"^\$[a-z]")
    compare: Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "has", "lacks"]
    value: Json = None
    refusal: str = ""
    error: Literal["conflict", "invalid", "forbidden", "not_found"] = "conflict"


class Emit(Part):
    """An event of this world, ``after`` so many of the clock's ``unit``; ``payload`` holds expressions.

    ``after`` may be an expression too: a number from 0 up, or nothing, where the event does not happen. An event that
    no app of the world handles is skipped, or, where it is ``required``, an error. One that is due comes to nothing
    where what it needs has no value, or is gone or in another state by then; any other refusal is logged as a mistake.
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
    a segment, ``{+x}`` a resource name (its parameter's ``pattern`` says which); it may end in ``:verb``. ``joined``:
    of a form, the properties whose items stand in one text, each with what separates them."""

    verb: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    joined: Mapping[str, Annotated[str, Field(min_length=1)]] = {}


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
    ``require``: further conditions, each with an error of its own; the first that does not hold is told. ``only``: ref
    fields of the target to persons, one of whom must be acting. ``set``, ``append``, ``remove``: effects on the
    target's fields, as expressions (the latter two on lists); ``make``: further rows; ``delete``: the target goes, or,
    of a custom one that has a ``when`` and an ``http`` path that names no row, all that meet its conditions. ``copy``:
    the answer is a new row with the target's values, then ``set``. ``emit``: events. ``record``: what was asked is kept
    in the app's ``call`` table (at the least that, where nothing else is evident). ``behaviour``: a function of the
    app's Python file that does it instead; ``fixed``: what it is told beside the arguments, alike each time. ``media``:
    the types of what may be uploaded to it, at its path below ``/upload/``; a behaviour finds that as the argument
    ``media``, base64 text. ``takes``: of the tool's arguments, one of the app's sets. ``text``: what an agent reads of
    the answer, line by line.
    ``writes``: by default whether ``kind`` and effects do.
    ``internal``: it happens as an event alone, so there is no tool, route or form for it.
    ``reason``: of a ``refused`` or ``record`` one, why it is no more. ``origin``: its name in what it was compiled
    from.
    """

    about: str = ""
    kind: Kind = "custom"
    entity: Name | None = None
    http: Http | None = None
    params: dict[str, Param] = Field(default={})
    result: Result = Result()
    when: Mapping[Name, tuple[Json, ...]] = {}
    refusal: str = ""
    require: tuple[Require, ...] = ()
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
