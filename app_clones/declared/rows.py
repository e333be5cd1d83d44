"""Rows of a declared app as Python and as JSON, and the only ways to write them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from app_clones.declared.branches import check_branch, check_form, excluded
from app_clones.declared.entities import EntityPlan, Row
from app_clones.declared.keys import Names, check_new_id, find, select
from app_clones.declared.listing import Listing, Query, page
from app_clones.declared.model import PERSON, FieldDecl
from app_clones.declared.refusals import Exists
from app_clones.declared.removal import delete
from app_clones.declared.values import canonical
from app_clones.kit.errors import AppError, NotFound
from app_clones.kit.protocol import Call
from app_clones.kit.schema import quoted

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

__all__ = [
    "Listing", "Names", "Query", "Row", "delete", "etag_of", "fetch", "find", "ident", "insert", "page", "path_of",
    "title", "update", "view",
]  # fmt: skip

Json = Any

#: The largest id that a client may choose: one can always count on from it.
LARGEST_ID = 1 << 53


def fetch(ready: Declared, call: Call, entity: str, rowid: int) -> Row:
    """The row of that row id. Raises :class:`NotFound`, also for what the actor may not see."""
    plan = ready.entities[entity]
    found = select(plan, call, {"id": rowid})
    if not found:
        raise NotFound(f"no {plan.noun} {rowid}")
    return found[0]


def ident(ready: Declared, call: Call, entity: str, row: Row) -> str | int:
    """The id of ``row`` as called from outside."""
    return Names(ready, call).ident(entity, row)


def path_of(ready: Declared, call: Call, entity: str, row: Row) -> str:
    """The resource name of ``row``."""
    return Names(ready, call).path(entity, row)


def title(ready: Declared, call: Call, entity: str, row: Row) -> str:
    """What people call ``row``: its label, or, without one, its kind and id."""
    plan = ready.entities[entity]
    label = row.get(plan.decl.label) if plan.decl.label else None
    return str(label) if label not in (None, "") else f"{plan.decl.title} {ident(ready, call, entity, row)}"


def view(ready: Declared, call: Call, entity: str, row: Row, names: Names | None = None) -> dict[str, Json]:
    """The JSON form of ``row``. What it has no value for is left out; ``names`` saves looking names up again."""
    plan = ready.entities[entity]
    names = names or Names(ready, call)
    key = plan.decl.key
    shown: dict[str, Json] = {}
    if key.wire is not None:
        shown[key.wire] = names.ident(entity, row)
    if key.path is not None:
        shown[key.path] = names.path(entity, row)
    for name, wire, field in plan.shown:
        value = row[name]
        if value is not None:
            shown[wire] = value if field is None else _shown(names, field, value)
    shown.update(plan.decl.constants)
    for wire, chain in plan.derived:
        value = _derived(names, entity, row, chain)
        if value is not None:
            shown[wire] = value
    if plan.decl.etag is not None:
        shown[plan.decl.etag] = _etag(shown)
    return shown


def _derived(names: Names, entity: str, row: Row, chain: tuple[str, ...]) -> Json:
    """What a chain of names says of ``row``: its own id or name, or a field of it or of what its refs lead to."""
    if chain[0] != "row":
        return names.path(entity, row) if chain[0] == "path" else names.ident(entity, row)
    for part in chain[1:-1]:
        to = names.field(entity, part).to
        if to is None or row[part] is None:
            return None
        entity, row = to, names.row(to, row[part])
    last = chain[-1]
    if last in ("id", "path"):
        return names.path(entity, row) if last == "path" else names.ident(entity, row)
    field = names.field(entity, last)
    return None if row[last] is None else _shown(names, field, row[last])


def etag_of(ready: Declared, call: Call, entity: str, row: Row) -> str:
    """The etag of ``row``: a hash of its JSON form."""
    return etag_shown(ready, entity, view(ready, call, entity, row))


def etag_shown(ready: Declared, entity: str, shown: Mapping[str, Json]) -> str:
    """The etag of a row by its JSON form."""
    told = ready.entities[entity].decl.etag
    return _etag(shown) if told is None else str(shown[told])


def _etag(shown: Mapping[str, Json]) -> str:
    return f'"{blake2b(canonical(shown).encode(), digest_size=8).hexdigest()}"'


def _shown(names: Names, field: FieldDecl, value: Any) -> Json:
    if field.repeated:
        return [_shown_one(names, field, item) for item in value]
    return _shown_one(names, field, value)


def _shown_one(names: Names, field: FieldDecl, value: Any) -> Json:
    if field.type == "ref" and field.to is not None:
        return names.outside(field.to, value)
    if field.is_moment:
        return time_shown(field, value)
    return str(value) if field.int64 else value


def time_shown(field: FieldDecl, ms: int) -> str | int:
    """A time of the kit's clock as the API tells it: RFC 3339 text, seconds, or (int64) ms as text, by type."""
    if field.type == "integer":
        return str(ms) if field.int64 else ms // 1000
    text = time_text(ms)
    return text[:10] if field.type == "date" else text


@lru_cache(maxsize=65_536)
def time_text(ms: int) -> str:
    """Virtual ms since 1970 as RFC 3339 in UTC, to the millisecond."""
    at = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def insert(
    ready: Declared, call: Call, entity: str, values: Mapping[str, Any], *, new_id: str | int | None = None
) -> Row:
    """A new row of ``values`` by field (refs as row ids), all else by default; its singletons with it.

    ``new_id``: the id that its client chose, where ids are given or numbers. Raises :class:`AppError` where a required
    field has no value or one has a value that it cannot hold, :class:`Conflict` where the row is there already.
    """
    plan = _writable(ready, entity)
    row: Row = {}
    without = excluded(plan.decl, values)
    for name, field in plan.decl.fields.items():
        value = values.get(name)
        if field.auto:
            value = value if field.auto == "moment" and value is not None else automatic(call, field)
        elif value is None and name not in without:
            value = call.actor if name == plan.decl.owner else field.default
        if value is None and field.required:
            raise AppError(f"{plan.names[name]}: a {plan.noun} needs one")
        row[name] = _within(ready, plan, name, value)
    if unknown := sorted(set(values) - set(plan.decl.fields)):
        raise AppError(f"a {plan.noun} has no {', '.join(unknown)}")
    check_branch(plan, row)
    rowid = _chosen(plan, call, row, new_id)
    _check_unique(plan, call, row, None)
    encoded = {name: plan.encode(name, value) for name, value in row.items()}
    row["id"] = call.insert(plan.table, **encoded, **({} if rowid is None else {"id": rowid}))
    _index(plan, call, row)
    for child in plan.singletons:
        parent = ready.entities[child].decl.parent
        assert parent is not None
        insert(ready, call, child, {parent: row["id"]})
    _check_form(ready, call, plan, row)
    return row


def _within(ready: Declared, plan: EntityPlan, name: str, value: Any) -> Any:
    """A value as its field keeps it, whoever writes it. Raises :class:`AppError` where it is beyond what that holds."""
    field = plan.decl.fields[name]
    return value if value is None or field.auto else ready.accept(field)(value, plan.names[name])


def _check_form(ready: Declared, call: Call, plan: EntityPlan, row: Row) -> None:
    if plan.decl.branches is not None:
        check_form(plan, ready.shapes, row, view(ready, call, plan.name, row))


def _chosen(plan: EntityPlan, call: Call, row: Row, new_id: str | int | None) -> int | None:
    """Puts a chosen id where it belongs: into ``row``, or, where ids are numbers, it is the row id."""
    if plan.has_slug:
        row["slug"] = None if new_id is None else check_new_id(plan, str(new_id))
        return None
    if new_id is None:
        return None
    if plan.decl.key.form != "number" or not isinstance(new_id, int) or not 0 < new_id < LARGEST_ID:
        raise AppError(f"{str(new_id)[:80]!r} is no id that a {plan.noun} can be given")
    if call.one(f"SELECT 1 FROM {plan.table} WHERE id=?", new_id):
        raise Exists(f"there is a {plan.noun} {new_id} already")
    return new_id


def automatic(call: Call, field: FieldDecl) -> Any:
    """What the engine itself writes into ``field`` now."""
    if field.auto != "actor":
        return call.now_ms
    if field.type == "ref":
        return call.actor
    found = call.one("SELECT email FROM kit_person WHERE id=?", call.actor)
    return found[0] if found else None


def update(ready: Declared, call: Call, entity: str, row: Row, changes: Mapping[str, Any]) -> Row:
    """``row`` with ``changes`` by field (refs as row ids). Writes, and touches times of change, only where one differs.

    Raises :class:`AppError` where a required field would lose its value or one would have a value that it cannot hold,
    :class:`Conflict` at a row of the same unique values.
    """
    plan = _writable(ready, entity)
    changed = {name: value for name, value in changes.items() if _differs(row.get(name), value)}
    for name, value in changed.items():
        if value is None and plan.decl.fields[name].required:
            raise AppError(f"{plan.names[name]}: a {plan.noun} needs one")
        changed[name] = _within(ready, plan, name, value)
    if not changed:
        return row
    if plan.decl.parent in changed and plan.above == plan.name:
        _check_no_ring(plan, call, row["id"], changed[plan.decl.parent or ""])
    for name, field in plan.decl.fields.items():
        if field.auto == "updated":
            changed[name] = call.now_ms
    new = {**row, **changed}
    check_branch(plan, new)
    _check_unique(plan, call, new, row["id"])
    call.update(plan.table, row["id"], **{name: plan.encode(name, value) for name, value in changed.items()})
    if any(not changed.keys().isdisjoint(names) for names in plan.words.values()):
        _index(plan, call, new)
    _check_form(ready, call, plan, new)
    return new


def _differs(old: Any, new: Any) -> bool:
    # 1, 1.0 and True are equal in Python, and different values in JSON.
    return bool(
        type(old) is not type(new) or old != new or (isinstance(old, list | dict) and canonical(old) != canonical(new))
    )


def _writable(ready: Declared, entity: str) -> EntityPlan:
    if entity == PERSON:
        raise AppError("nobody changes the persons of a world")
    return ready.entities[entity]


def _check_no_ring(plan: EntityPlan, call: Call, rowid: int, above: int | None) -> None:
    at, steps = above, 0
    while at is not None and steps < 1000:
        if at == rowid:
            raise AppError(f"a {plan.noun} cannot lie under itself")
        found = call.one(f"SELECT {quoted(plan.decl.parent or '')} FROM {plan.table} WHERE id=?", at)
        at, steps = (found[0] if found else None), steps + 1


def _check_unique(plan: EntityPlan, call: Call, row: Row, own: int | None) -> None:
    groups = list(plan.decl.unique)
    parent = (plan.decl.parent,) if plan.decl.parent else ()
    if plan.has_slug:
        groups.append((*parent, "slug"))
    if plan.decl.singleton:
        groups.append(parent)
    for group in groups:
        values = [plan.encode(name, row[name]) for name in group]
        if None in values:
            continue
        where = " AND ".join(f"{quoted(name)}=?" for name in group)
        found = call.one(f"SELECT id FROM {plan.table} WHERE {where} AND id IS NOT ?", *values, own)
        if found:
            shown = ", ".join(
                "id" if name == "slug" else plan.names[name] for name in group if name != plan.decl.parent
            )
            raise Exists(
                f"there is a {plan.noun} of this {shown} already" if shown else f"there is a {plan.noun} already"
            )


def _index(plan: EntityPlan, call: Call, row: Row) -> None:
    if plan.words:
        call.index(plan.search, row["id"], **plan.words_in(row))
