"""Checks of entities: fields, keys, parents, owners, names on the wire."""

from __future__ import annotations

from collections.abc import Mapping

from app_clones.declared.check_common import DeclError, Loc, check_constant, check_value, need_expression, need_field
from app_clones.declared.model import PERSON, AppDecl, Entity, FieldDecl
from app_clones.declared.tables import table_name, words_of
from app_clones.declared.words import camel

#: A row's own keys in Python, beside its fields; the first is a column of every table too.
RESERVED_FIELDS = ("id", "slug")
#: Types of fields whose words are in a full-text index.
_SEARCHED = ("string", "text", "email", "url", "enum", "date", "datetime", "bytes")
#: Addresses of the engine's own, so no entity's.
RESERVED_PAGES = ("do",)
#: Tables of the engine's own, so no entity's.
RESERVED_ENTITIES = (PERSON, "call", "pending", "request")


def check_entities(decl: AppDecl) -> None:
    """Raises :class:`DeclError` at the first fault of an entity, alone or with its parents."""
    for name, entity in decl.entities.items():
        _check_entity(decl, name, entity, ("entities", name))
    _check_parents(decl)
    _check_searches(decl)
    for name, refs in decl.links.items():
        _check_link(decl, name, refs, ("links", name))


def _check_searches(decl: AppDecl) -> None:
    """A full-text index is a table, too."""
    taken = {table_name(decl.app, name): name for name in (*decl.entities, *decl.links)}
    for name, entity in decl.entities.items():
        index, columns = words_of(decl.app, name, entity)
        if columns and index in taken:
            raise DeclError(f"{taken[index]} is the name of the table in which {name} is searched", ("entities", name))


def _check_link(decl: AppDecl, name: str, refs: Mapping[str, str], loc: Loc) -> None:
    if name in (*RESERVED_ENTITIES, *decl.entities):
        raise DeclError(f"{name} is the name of another table", loc)
    if len(refs) < 2:
        raise DeclError("a link has two refs at least", loc)
    for column, to in refs.items():
        if to != PERSON and to not in decl.entities:
            raise DeclError(f"no entity {to}", (*loc, column))


def _check_entity(decl: AppDecl, name: str, entity: Entity, loc: Loc) -> None:
    if name in (*RESERVED_ENTITIES, *RESERVED_PAGES):
        raise DeclError(f"{name} is a name of the engine's own", loc)
    if f"{name}/" == decl.api.base:
        raise DeclError(f"its pages would lie where the API does, at {decl.api.base}", loc)
    for field_name, field in entity.fields.items():
        _check_field(decl, field_name, field, (*loc, "fields", field_name))
    _check_wires(decl, entity, loc)
    if entity.label is not None:
        need_field(entity, entity.label, (*loc, "label"))
    for what, groups in (("unique", entity.unique), ("indexes", entity.indexes)):
        for place, group in enumerate(groups):
            if not group:
                raise DeclError(f"{what} over no field", (*loc, what, place))
            for part, field_name in enumerate(group):
                need_field(entity, field_name, (*loc, what, place, part))
    _check_words(entity, loc)
    _check_links(entity, loc)
    _check_key(entity, loc)
    _check_derived(decl, entity, loc)
    _check_branches(decl, entity, (*loc, "branches"))
    for place, row in enumerate(entity.given):
        for field_name in row:
            if field_name not in ("id", "slug"):
                at: Loc = (*loc, "given", place, field_name)
                check_constant(decl, need_field(entity, field_name, at), row[field_name], at)


def _check_field(decl: AppDecl, name: str, field: FieldDecl, loc: Loc) -> None:
    if name in RESERVED_FIELDS:
        raise DeclError(f"{name} is a row's own; call the field {name}_ and give it a wire name", loc)
    check_value(decl, field, loc)
    if field.is_moment and field.type not in ("date", "datetime", "integer", "string"):
        raise DeclError(f"a {field.type} cannot hold a time of the clock", (*loc, "auto"))
    if field.auto == "actor" and not (field.to == PERSON or field.type in ("email", "string")):
        raise DeclError("who acts is a ref to person, or an email", (*loc, "auto"))
    if field.auto and (field.required or field.default is not None or field.repeated):
        raise DeclError("what the engine sets is not required of anyone and has no default", (*loc, "auto"))
    check_constant(decl, field, field.default, (*loc, "default"))
    if field.search and not _is_text(field):
        raise DeclError("only texts are searched", (*loc, "search"))
    if field.log and field.type == "ref":
        raise DeclError("a ref is what a row is about, so no log", (*loc, "log"))
    if field.on_delete == "clear" and field.required:
        raise DeclError("a required ref cannot be cleared", (*loc, "on_delete"))


def _is_text(field: FieldDecl) -> bool:
    return field.type in _SEARCHED and not field.repeated


def _check_words(entity: Entity, loc: Loc) -> None:
    for column, names in entity.words.columns.items() if entity.words is not None else ():
        for place, name in enumerate(names):
            if not _is_text(need_field(entity, name, (*loc, "words", "columns", column, place))):
                raise DeclError(f"{name}: only texts are searched", (*loc, "words", "columns", column, place))


def _check_wires(decl: AppDecl, entity: Entity, loc: Loc) -> None:
    seen: dict[str, str] = {}
    own: list[tuple[str | None, str]] = [(entity.key.wire, "key"), (entity.key.path, "path"), (entity.etag, "etag")]
    own += [(name, "constants") for name in entity.constants] + [(name, "derived") for name in entity.derived]
    for field_name, field in entity.fields.items():
        own.append((field.wire or (camel(field_name) if decl.api.naming == "camel" else field_name), field_name))
    for wire, what in own:
        if wire is None:
            continue
        if wire in seen:
            raise DeclError(f"the property {wire} is {seen[wire]} and {what}", loc)
        seen[wire] = what


def _check_links(entity: Entity, loc: Loc) -> None:
    for what, name in (("parent", entity.parent), ("owner", entity.owner)):
        if name is None:
            continue
        field = need_field(entity, name, (*loc, what))
        if field.type != "ref" or field.repeated:
            raise DeclError(f"{name} is no ref to one row", (*loc, what))
        if what == "owner" and field.to != PERSON:
            raise DeclError(f"{name} is no ref to person", (*loc, what))
        if what == "parent" and field.on_delete == "clear":
            raise DeclError("a row does not outlive its parent's link", (*loc, "fields", name, "on_delete"))


def _check_key(entity: Entity, loc: Loc) -> None:
    if entity.singleton and entity.parent is None:
        raise DeclError("a singleton is one to each parent, and there is none", (*loc, "singleton"))
    if entity.singleton:
        for name, field in entity.fields.items():
            if field.required and name != entity.parent and field.default is None:
                raise DeclError("a singleton is made by itself, so what it needs has a default", (*loc, "fields", name))
    banned = {"singleton": ("list", "create", "delete"), "fixed": ("create", "delete")}
    for what, kinds in banned.items():
        for place, kind in enumerate(entity.operations):
            if getattr(entity, what) and kind in kinds:
                raise DeclError(f"an entity that is {what} has no {kind}", (*loc, "operations", place))
    if entity.key.scope is not None:
        field = need_field(entity, entity.key.scope, (*loc, "key", "scope"))
        if field.type not in ("string", "text") or field.repeated or entity.parent is not None:
            raise DeclError(
                "a scope is a text that says where a row lies, in place of a parent", (*loc, "key", "scope")
            )
    if entity.key.keywords and (entity.key.form == "number" or entity.singleton):
        raise DeclError("a keyword stands where an id is a text", (*loc, "key", "keywords"))
    if entity.key.int64 and entity.key.form != "number":
        raise DeclError("only a number is written as int64", (*loc, "key", "int64"))


def _check_branches(decl: AppDecl, entity: Entity, loc: Loc) -> None:
    if entity.branches is None:
        return
    telling = need_field(entity, entity.branches.field, (*loc, "field"))
    if telling.type != "enum" or telling.repeated or set(telling.values) != set(entity.branches.of):
        raise DeclError("what tells the kind of a row is an enum of the kinds that there are", (*loc, "field"))
    for value, branch in entity.branches.of.items():
        for name in (*branch.fields, *branch.required):
            if need_field(entity, name, (*loc, "of", value)).required:
                raise DeclError(f"{name} is required of all rows, so it is of no kind's own", (*loc, "of", value))
        if branch.schema_name is not None and branch.schema_name not in decl.schemas:
            raise DeclError(f"there is no schema {branch.schema_name}", (*loc, "of", value, "schema_name"))


def _check_derived(decl: AppDecl, entity: Entity, loc: Loc) -> None:
    for wire, expression in entity.derived.items():
        need_expression(expression, {"row": entity, "id": None, "path": None}, decl, (*loc, "derived", wire))
        if not isinstance(expression, str) or not expression.startswith("$") or expression.startswith("$$"):
            raise DeclError("a derived property is one expression", (*loc, "derived", wire))
        if expression == "$row":
            raise DeclError("$row alone is no value; say which of its fields", (*loc, "derived", wire))


def _check_parents(decl: AppDecl) -> None:
    for name in decl.entities:
        seen, at = [name], name
        while (parent := decl.entities[at].parent) is not None:
            above = decl.entities[at].fields[parent].to
            if above is None or above in (PERSON, at):
                break
            if above in seen:
                raise DeclError(f"parents go in a ring: {' → '.join([*seen, above])}", ("entities", name, "parent"))
            seen.append(above)
            at = above
