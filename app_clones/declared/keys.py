"""How rows are called from outside: numbers, codes, chosen ids, resource names; and finding them by those."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app_clones.declared.entities import EntityPlan, Row
from app_clones.declared.model import PERSON, FieldDecl
from app_clones.declared.shapes import matcher
from app_clones.kit.errors import AppError, NotFound
from app_clones.kit.protocol import Call
from app_clones.kit.schema import quoted

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

_CODE = re.compile(r"00[0-9a-f]{6}\Z")
_LARGEST = 1 << 63


def code(prefix: str, rowid: int) -> str:
    """The code of a row: always of the same width, computed and never stored."""
    return f"{prefix}{rowid:08x}"


def rowid_of(prefix: str, text: str) -> int | None:
    """The row that ``text`` is the code of; None where it is no code."""
    tail = text.removeprefix(prefix)
    if not text.startswith(prefix) or not _CODE.match(tail):
        return None
    return int(tail, 16)


class Names:
    """Names of rows within one transaction, each looked up once."""

    def __init__(self, ready: Declared, call: Call) -> None:
        self._ready = ready
        self._call = call
        self._rows: dict[tuple[str, int], Row] = {}
        self._paths: dict[tuple[str, int], str] = {}

    def row(self, entity: str, rowid: int) -> Row:
        """A row by id, whoever may see it. Raises :class:`NotFound` where it is gone."""
        found = self._rows.get((entity, rowid))
        if found is None:
            found = self._rows[entity, rowid] = by_id(self._ready.entities[entity], self._call, rowid)
        return found

    def hold(self, entity: str, row: Row) -> None:
        """``row`` is now so."""
        self._rows[entity, row["id"]] = row

    def field(self, entity: str, name: str) -> FieldDecl:
        """The declaration of a field."""
        return self._ready.entities[entity].decl.fields[name]

    def ident(self, entity: str, row: Row) -> str | int:
        """The id of ``row`` as called from outside: an email, a number, a code, a chosen id."""
        plan = self._ready.entities[entity]
        if entity == PERSON:
            return str(row["email"])
        key = plan.decl.key
        if key.form == "number":
            return str(row["id"]) if key.int64 else int(row["id"])
        if key.form == "given" and row["slug"] is not None:
            return str(row["slug"])
        return code(key.prefix, row["id"])

    def path(self, entity: str, row: Row) -> str:
        """The resource name of ``row``: the collections and ids from the root down."""
        found = self._paths.get((entity, row["id"]))
        if found is None:
            found = self._paths[entity, row["id"]] = self._path(entity, row)
        return found

    def _path(self, entity: str, row: Row) -> str:
        plan = self._ready.entities[entity]
        own = collection(plan) if plan.decl.singleton else own_name(plan, self.ident(entity, row))
        if plan.decl.key.scope is not None:
            return joined(row[plan.decl.key.scope], own)
        parent, above = plan.decl.parent, plan.above
        if parent is None or above is None or row[parent] is None:
            return own
        return f"{self.path(above, self.row(above, row[parent]))}/{own}"

    def outside(self, entity: str, rowid: int) -> str | int:
        """How a ref to a row is written: its resource name where it has such, else its id."""
        plan = self._ready.entities[entity]
        key = plan.decl.key
        if entity != PERSON and key.path is None and key.form != "given":
            number = str(rowid) if key.int64 else rowid
            return number if key.form == "number" else code(key.prefix, rowid)
        try:
            row = self.row(entity, rowid)
        except NotFound:
            return rowid if key.form == "number" else code(key.prefix, rowid)
        return self.path(entity, row) if key.path is not None else self.ident(entity, row)


def collection(plan: EntityPlan) -> str:
    """The segments of resource names that say what kind of thing comes next; empty where nothing says so."""
    if plan.decl.key.collection is not None:
        return plan.decl.key.collection
    return plan.name if plan.decl.singleton else plan.decl.plural


def own_name(plan: EntityPlan, ident: str | int) -> str:
    """The part of a row's resource name that is not its parent's."""
    return joined(collection(plan), str(ident))


def joined(*names: str) -> str:
    """Parts of a resource name in one, those that are empty left out."""
    return "/".join(name for name in names if name)


def by_id(plan: EntityPlan, call: Call, rowid: int) -> Row:
    """A row by id, whoever may see it. Raises :class:`NotFound`."""
    raw = call.one(f"{plan.select} WHERE t.id=?", rowid)
    if raw is None:
        raise NotFound(f"no {plan.noun} {rowid}")
    return plan.row(raw)


def select(plan: EntityPlan, call: Call, where: Mapping[str, Any]) -> list[Row]:
    """The rows (two at most) whose columns equal ``where``, of those that the actor may see."""
    conditions = [f"t.{quoted(name)} IS ?" for name in where]
    args = list(where.values())
    if plan.visible:
        conditions.append(plan.visible)
        args += [call.actor] * plan.visible_args
    sql = f"{plan.select} WHERE {' AND '.join(conditions) or '1'} ORDER BY t.id LIMIT 2"
    return [plan.row(raw) for raw in call.rows(sql, *args)]


def find(ready: Declared, call: Call, entity: str, ident: Any, *, under: int | None = None) -> Row:
    """The row that is called ``ident`` from outside; ``under``: the parent's row id, where that is known.

    Raises :class:`NotFound`, also for what the actor may not see, and :class:`AppError` where several are called so.
    """
    plan = ready.entities[entity]
    if isinstance(ident, str) and plan.name != PERSON and "/" in ident:
        row = _by_path(ready, call, plan, ident.split("/"))
        if under is not None and row[plan.decl.parent or ""] != under:
            raise NotFound(f"no {plan.noun} {ident[:200]}")
        return row
    keyword = plan.decl.key.keywords.get(ident) if isinstance(ident, str) else None
    if keyword == "first":
        return _first(plan, call, str(ident), under)
    if keyword == "actor":
        ident = actors_email(call)
    for where in _wheres(plan, call, ident):
        if under is not None and plan.decl.parent is not None:
            where[plan.decl.parent] = under
        found = select(plan, call, where)
        if len(found) > 1:
            raise AppError(f"more than one {plan.noun} is called {str(ident)[:80]}; say under which {plan.above}")
        if found:
            return found[0]
    raise NotFound(f"no {plan.noun} {str(ident)[:200]}")


def actors_email(call: Call) -> str:
    """What the acting person is called from outside."""
    found = call.one("SELECT email FROM kit_person WHERE id=?", call.actor)
    return str(found[0]) if found else ""


def _first(plan: EntityPlan, call: Call, keyword: str, under: int | None) -> Row:
    """The row that ``keyword`` stands for. Raises :class:`NotFound` where there is none at all."""
    known = under is not None and plan.decl.parent is not None
    found = select(plan, call, {plan.decl.parent or "": under} if known else {})
    if not found:
        raise NotFound(f"no {plan.noun} {keyword}")
    return found[0]


def _wheres(plan: EntityPlan, call: Call, ident: Any) -> list[dict[str, Any]]:
    """What ``ident`` may mean, the likeliest first."""
    if plan.name == PERSON:
        if isinstance(ident, int):
            return [{"id": ident}] if 0 < ident < _LARGEST else []
        return [{"id": call.actor}] if ident == "me" else [{"email": str(ident)}]
    key = plan.decl.key
    if key.form == "number":
        number = int(ident) if isinstance(ident, int) or re.fullmatch(r"[0-9]{1,18}", str(ident)) else 0
        return [{"id": number}] if 0 < number < _LARGEST else []
    text = str(ident)
    found: list[dict[str, Any]] = [{"slug": text}] if key.form == "given" else []
    rowid = rowid_of(key.prefix, text)
    if rowid is not None:
        found.append({"id": rowid, "slug": None} if key.form == "given" else {"id": rowid})
    return found


def _by_path(ready: Declared, call: Call, plan: EntityPlan, segments: list[str]) -> Row:
    """The row of a resource name, its last segments its own, the ones before its parent's."""
    name = "/".join(segments)[:200]
    words = [word for word in collection(plan).split("/") if word]
    own = len(words) + (0 if plan.decl.singleton else 1)
    head, tail = segments[:-own], segments[-own:]
    if tail[: len(words)] != words:
        raise NotFound(f"no {plan.noun} {name}")
    if plan.decl.key.scope is not None:
        return _in_scope(find(ready, call, plan.name, tail[-1]), plan, "/".join(head))
    parent = plan.decl.parent
    if parent is None or plan.above is None or (not head and plan.above == plan.name):
        if head or plan.decl.singleton:
            raise NotFound(f"no {plan.noun} {name}")
        return find(ready, call, plan.name, tail[-1])
    above = find_named(ready, call, plan.above, head)
    if plan.decl.singleton:
        found = select(plan, call, {parent: above["id"]})
        if not found:
            raise NotFound(f"no {plan.noun} {name}")
        return found[0]
    return find(ready, call, plan.name, tail[-1], under=above["id"])


def _in_scope(row: Row, plan: EntityPlan, scope: str) -> Row:
    """``row``, which must lie in ``scope``. Raises :class:`NotFound`."""
    if row[plan.decl.key.scope or ""] != scope:
        raise NotFound(f"no {plan.noun} there")
    return row


def find_named(ready: Declared, call: Call, entity: str, segments: list[str]) -> Row:
    """The row of the resource name ``segments``, whether or not its entity has resource names of its own."""
    return _by_path(ready, call, ready.entities[entity], segments)


def check_new_id(plan: EntityPlan, slug: str) -> str:
    """An id that a client chooses. Raises :class:`AppError` where it cannot be one."""
    if not 0 < len(slug) <= 200 or "/" in slug:
        raise AppError(f"{slug[:80]!r} is no id: 1 to 200 characters without a slash")
    pattern = plan.decl.key.pattern
    if pattern is not None and not matcher(pattern).is_valid(slug):
        raise AppError(f"{slug[:80]!r} is no id of a {plan.noun}: it does not match {pattern}")
    if rowid_of(plan.decl.key.prefix, slug) is not None:
        raise AppError(f"{slug}: ids of this form are given by the service itself")
    if slug in plan.decl.key.keywords:
        raise AppError(f"{slug}: this word stands for another {plan.noun}")
    return slug
