"""The tables and searches of a declared app."""

from __future__ import annotations

from collections.abc import Mapping

from app_clones.declared.expand import outer_parent
from app_clones.declared.model import PERSON, AppDecl, Entity, FieldDecl
from app_clones.kit.schema import Column, Search, SqlType, Table

_ID = Column("id", "INTEGER", "id")

SQL_TYPES: Mapping[str, SqlType] = {"boolean": "INTEGER", "integer": "INTEGER", "ref": "INTEGER", "number": "REAL"}


def table_name(app: str, entity: str) -> str:
    """The table of ``entity``; persons live in the kit's."""
    return "kit_person" if entity == PERSON else f"{app}_{entity}"


def words_of(app: str, name: str, entity: Entity) -> tuple[str, Mapping[str, tuple[str, ...]]]:
    """The full-text index of an entity: its name, and the fields whose words each of its columns holds, none where
    nothing is searched. By default one column, ``words``."""
    if entity.words is not None:
        return f"{app}_{entity.words.name}", entity.words.columns
    fields = tuple(field_name for field_name, field in entity.fields.items() if field.search)
    return f"{app}_{name}_words", {"words": fields} if fields else {}


def tables(decl: AppDecl) -> tuple[Table, ...]:
    """Every table: one an entity, and the engine's own where some operation needs them."""
    made = [_table(decl, name, entity) for name, entity in decl.entities.items()]
    made += [_link(decl, name, refs) for name, refs in decl.links.items()]
    operations = decl.operations.values()
    if any(operation.record or operation.kind == "record" for operation in operations):
        made.append(_calls(decl.app))
    if decl.api.long_running is not None:
        made.append(_pending(decl.app))
    if any(param.role == "request_id" for operation in operations for param in operation.params.values()):
        made.append(_requests(decl.app))
    return tuple(made)


def searches(decl: AppDecl) -> tuple[Search, ...]:
    """One index for each entity of which anything is searched."""
    found = (words_of(decl.app, name, entity) for name, entity in decl.entities.items())
    return tuple(Search(name, tuple(columns)) for name, columns in found if columns)


def _table(decl: AppDecl, name: str, entity: Entity) -> Table:
    columns = [_ID]
    if entity.key.form == "given":
        columns.append(Column("slug", "TEXT", nullable=True))
    columns += [_column(decl, name, field_name, field) for field_name, field in entity.fields.items()]
    unique = [tuple(group) for group in entity.unique]
    parent = (entity.parent,) if entity.parent else ()
    if entity.key.form == "given":
        unique.append((*parent, "slug"))
    if entity.singleton:
        unique.append(parent)
    led = {group[0] for group in entity.indexes}
    refs = [
        (field_name,)
        for field_name, field in entity.fields.items()
        if field.type == "ref" and not field.repeated and (field_name,) not in unique and field_name not in led
    ]
    distinct, indexes = tuple(dict.fromkeys(unique)), (*entity.indexes, *refs)
    return Table(table_name(decl.app, name), tuple(columns), unique=distinct, indexes=indexes)


def _link(decl: AppDecl, name: str, refs: Mapping[str, str]) -> Table:
    """Rows that say only which rows belong together, found from each of these."""
    columns = tuple(Column(column, "INTEGER", "ref", to=table_name(decl.app, to)) for column, to in refs.items())
    others = tuple((column, *(one for one in refs if one != column)) for column in list(refs)[1:])
    return Table(table_name(decl.app, name), columns, key=tuple(refs), indexes=others)


def _column(decl: AppDecl, entity_name: str, name: str, field: FieldDecl) -> Column:
    entity = decl.entities[entity_name]
    needed = field.required or field.auto is not None or name in (outer_parent(entity_name, entity), entity.owner)
    if field.type == "ref" and field.to is not None and not field.repeated:
        return Column(name, "INTEGER", "ref", to=table_name(decl.app, field.to), nullable=not needed)
    if field.is_moment:
        return Column(name, "INTEGER", "log" if field.log else "time")
    type_ = "TEXT" if field.repeated else SQL_TYPES.get(field.type, "TEXT")
    return Column(name, type_, "log" if field.log else "content", nullable=not needed)


def _calls(app: str) -> Table:
    actor = Column("actor", "INTEGER", "ref", to="kit_person")
    return Table(f"{app}_call", (_ID, actor, Column("operation"), Column("arguments")))


def _pending(app: str) -> Table:
    """Long-running operations under way. A log: when and how they end follows from the rows that tell of them."""
    kinds = (("due_ms", "INTEGER"), ("running", "INTEGER"), ("operation", "TEXT"), ("target", "INTEGER"))
    columns = [Column(name, type_, "log", nullable=name == "target") for name, type_ in kinds]  # type: ignore[arg-type]
    return Table(f"{app}_pending", (_ID, *columns), indexes=(("due_ms", "id"),))


def _requests(app: str) -> Table:
    """Answers by the id that a client gave its request. A log: that something was asked before is no change."""
    columns = [Column(name, "TEXT", "log") for name in ("operation", "request", "answer")]
    actor = Column("actor", "INTEGER", "log")
    return Table(f"{app}_request", (_ID, actor, *columns), unique=(("actor", "operation", "request"),))
