"""The parts of an app's form that say what there is: values, fields, keys, entities."""

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
    integer that the API writes as text. ``keywords``: of a text, words that stand for who acts, whose email is kept.
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
    keywords: tuple[str, ...] = ()
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
    (``projects/p1/topics/t2``), where the API has such; ``collection`` is then the segment before the id
    (empty where none is).
    ``scope``: the text field that holds the resource name (where it has none, the ids from the root down, joined by
    ``/``) of what the row lies under, for entities without ``parent`` whose rows lie under things of several kinds
    (operations): its own name is then ``{scope}/{collection}/{id}`` (no ``{scope}/`` where that is empty), and the last
    ``row`` parameter of another entity says the scope. ``int64``: of a ``number`` that the API writes as text.
    ``keywords``: words that stand for a row in place of its id: ``actor`` for the one whose id is the acting person's
    email, ``first`` for the first that the actor may see, in either case under the parent that is named.
    """

    form: Literal["number", "code", "given"] = "number"
    prefix: str = ""
    wire: str | None = "id"
    path: str | None = None
    collection: str | None = None
    pattern: str | None = None
    scope: Name | None = None
    int64: bool = False
    keywords: Mapping[str, Literal["actor", "first"]] = {}


class Words(Part):
    """A full-text index ``{app}_{name}``: its columns, each with the text fields whose words it holds."""

    name: Name
    columns: dict[Name, tuple[Name, ...]]


class Branch(Part):
    """One kind of row: the ``fields`` that it has, of those that not all kinds have; what it needs beside what all rows
    need; the schema of its JSON form, in the app's ``schemas``."""

    fields: tuple[Name, ...] = ()
    required: tuple[Name, ...] = ()
    schema_name: str | None = None


class Branches(Part):
    """The kinds of an entity's rows, by the value of the ``field`` that tells which a row is."""

    field: Name
    of: Mapping[str, Branch]


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
    in place of the one that holds all fields which are ``search``. ``branches``: where rows are of several kinds, each
    with fields of its own. ``rows`` are drawn, on average so many per parent; ``given`` are written as they stand,
    before them.
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
    branches: Branches | None = None
    rows: int = Field(default=0, ge=0, le=100_000)
    given: tuple[Mapping[str, Json], ...] = ()
