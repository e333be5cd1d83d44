"""One entity made ready: its SQL, how its columns become Python and JSON, who may see its rows, what hangs on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app_clones.declared.expressions import chain
from app_clones.declared.model import PERSON, AppDecl, Entity, FieldDecl
from app_clones.declared.people import PERSON_ENTITY
from app_clones.declared.tables import table_name, words_of
from app_clones.declared.values import canonical
from app_clones.declared.words import camel
from app_clones.kit.protocol import Value
from app_clones.kit.schema import quoted

Json = Any
Row = dict[str, Any]
"""A row in Python: values by field name (refs as row ids, times in ms), ``id``, and ``slug`` where ids are given."""


#: How much a field of a type tells of a row; the least rank tells most.
_RANKS = {
    "enum": 0,
    "ref": 1,
    "boolean": 2,
    "email": 2,
    "date": 3,
    "datetime": 3,
    "integer": 4,
    "number": 4,
    "string": 5,
}


@dataclass(frozen=True, slots=True)
class Incoming:
    """A ref field by which rows of ``entity`` hang on rows of another; ``parent``: it is their parent field."""

    entity: str
    field: str
    decl: FieldDecl
    parent: bool


@dataclass(frozen=True, slots=True, eq=False)
class EntityPlan:
    """One entity of a declared app, ready for use.

    ``columns`` are those of the table in the order of ``select``; ``wires`` gives the field of a property, ``names``
    the property of a field. ``visible``: SQL (over alias ``t``) that holds for the rows which the actor may see, with
    ``visible_args`` question marks for the actor's id; empty where all see all. ``above``: the parent's entity.
    ``shown``: field, property, and the field's declaration where JSON shows its value in another form than Python.
    ``derived``: property, and the chain of names that says its value. ``words``: the columns of the full-text index
    ``search``, each with the fields that it holds. ``links``: table and column of each link to its rows.
    ``telling``: the fields that tell most of a row, those first.
    """

    name: str
    decl: Entity
    noun: str
    table: str
    columns: tuple[str, ...]
    select: str
    decoders: tuple[tuple[str, Callable[[Any], Any]], ...]
    names: Mapping[str, str]
    wires: Mapping[str, str]
    visible: str
    visible_args: int
    above: str | None
    incoming: tuple[Incoming, ...]
    singletons: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]]
    search: str
    links: tuple[tuple[str, str], ...]
    has_slug: bool
    shown: tuple[tuple[str, str, FieldDecl | None], ...]
    derived: tuple[tuple[str, tuple[str, ...]], ...]
    telling: tuple[str, ...]

    def row(self, raw: tuple[Value, ...]) -> Row:
        """``raw``, read by ``select``, as Python has it."""
        found: Row = dict(zip(self.columns, raw, strict=True))
        for name, decode in self.decoders:
            if found[name] is not None:
                found[name] = decode(found[name])
        return found

    def words_in(self, row: Mapping[str, Any]) -> dict[str, str]:
        """What the full-text index holds of ``row``, by its columns."""
        return {
            column: "\n".join(str(row[name]) for name in names if row.get(name) is not None)
            for column, names in self.words.items()
        }

    def encode(self, name: str, value: Any) -> Value:
        """A field's value as its column holds it."""
        if value is None or name == "slug":
            return value  # type: ignore[no-any-return]
        field = self.decl.fields[name]
        if field.repeated or field.type == "json":
            return canonical(value)
        if field.type == "boolean":
            return int(value)
        if field.type == "number":
            return float(value)
        return value  # type: ignore[no-any-return]


def entity_plans(decl: AppDecl) -> dict[str, EntityPlan]:
    """All entities of an expanded declaration by name, ``person`` too."""
    entities = {**decl.entities, PERSON: PERSON_ENTITY}
    incoming: dict[str, list[Incoming]] = {name: [] for name in entities}
    singletons: dict[str, list[str]] = {name: [] for name in entities}
    for name, entity in decl.entities.items():
        for field_name, field in entity.fields.items():
            if field.type == "ref" and field.to is not None:
                is_parent = field_name == entity.parent
                incoming[field.to].append(Incoming(name, field_name, field, is_parent))
                if is_parent and entity.singleton:
                    singletons[field.to].append(name)
    return {
        name: _plan(decl, entities, name, entity, tuple(incoming[name]), tuple(singletons[name]))
        for name, entity in entities.items()
    }


def _plan(
    decl: AppDecl,
    entities: Mapping[str, Entity],
    name: str,
    entity: Entity,
    incoming: tuple[Incoming, ...],
    singletons: tuple[str, ...],
) -> EntityPlan:
    has_slug = entity.key.form == "given" and name != PERSON
    columns = ("id", *(("slug",) if has_slug else ()), *entity.fields)
    table = table_name(decl.app, name)
    names = {field_name: wire_name(decl, field_name, field) for field_name, field in entity.fields.items()}
    visible, args = _visible(decl, entities, name, "t", ())
    search, words = words_of(decl.app, name, entity)
    return EntityPlan(
        name=name,
        decl=entity,
        noun=(entity.title or name.replace("_", " ")).lower(),
        table=table,
        columns=columns,
        select=f"SELECT {','.join(f't.{quoted(column)}' for column in columns)} FROM {table} t",
        decoders=tuple(_decoders(entity)),
        names=names,
        wires={wire: field_name for field_name, wire in names.items()},
        visible=visible,
        visible_args=args,
        above=entity.fields[entity.parent].to if entity.parent else None,
        incoming=incoming,
        singletons=singletons,
        words=words,
        search=search,
        links=tuple(
            (table_name(decl.app, link), column)
            for link, refs in decl.links.items()
            for column, to in refs.items()
            if to == name
        ),
        has_slug=has_slug,
        derived=tuple((wire, chain(text) or ()) for wire, text in entity.derived.items()),
        shown=tuple(
            (field_name, names[field_name], None if _is_plain(field) else field)
            for field_name, field in entity.fields.items()
            if not field.hidden
        ),
        telling=_telling(entity),
    )


def _is_plain(field: FieldDecl) -> bool:
    return field.type != "ref" and not field.is_moment and not field.int64


def _telling(entity: Entity) -> tuple[str, ...]:
    """States, people and things, dates, numbers, then texts; neither the label nor what the engine writes."""
    aside = (entity.label, entity.owner)
    shown = [
        name
        for name, field in entity.fields.items()
        if field.type in _RANKS and name not in aside and not (field.hidden or field.auto or field.log)
    ]
    # Equals keep the order in which they are declared.
    return tuple(sorted(shown, key=lambda name: _RANKS[entity.fields[name].type]))


def wire_name(decl: AppDecl, name: str, field: FieldDecl) -> str:
    """The property of the API's JSON that holds ``field``."""
    return field.wire or (camel(name) if decl.api.naming == "camel" else name)


def _decoders(entity: Entity) -> list[tuple[str, Callable[[Any], Any]]]:
    found: list[tuple[str, Callable[[Any], Any]]] = []
    for name, field in entity.fields.items():
        if field.repeated or field.type == "json":
            found.append((name, json.loads))
        elif field.type == "boolean":
            found.append((name, bool))
    return found


def _visible(
    decl: AppDecl, entities: Mapping[str, Entity], name: str, alias: str, under: tuple[str, ...]
) -> tuple[str, int]:
    """A row is seen by its owner alone, and only where its parent is seen; a parent of its own kind aside."""
    entity = entities[name]
    conditions, args = [], 0
    if entity.owner is not None:
        conditions.append(f"{alias}.{quoted(entity.owner)}=?")
        args += 1
    above = entity.fields[entity.parent].to if entity.parent else None
    if above is not None and above != PERSON and above not in (*under, name):
        inner, count = _visible(decl, entities, above, f"{alias}{len(under)}", (*under, name))
        if inner:
            link = f"{alias}.{quoted(entity.parent or '')}"
            conditions.append(
                f"{link} IN (SELECT id FROM {table_name(decl.app, above)} {alias}{len(under)} WHERE {inner})"
            )
            args += count
    return " AND ".join(conditions), args
