"""A page of rows as a list operation's arguments ask for it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from app_clones.declared import rows
from app_clones.declared.act import Act
from app_clones.declared.arguments import param_wire
from app_clones.declared.bodies import resolve
from app_clones.declared.entities import EntityPlan
from app_clones.declared.keys import find, joined
from app_clones.declared.listing import Filter, Query, page
from app_clones.kit.errors import AppError, KitError, NotFound

Json = Any


def read_page(act: Act) -> Json:
    """The answer of a list operation: an object with a page of rows, or the bare list."""
    plan, entity = act.plan, act.plan.entity
    if entity is None:
        raise KitError(f"{plan.name} lists no entity")
    size = _size(act)
    parent, within = _above(act, entity)
    query = Query(
        filters=(*_scoped(act, entity), *_related(act, entity), *_filters(act, entity)),
        search=str(plan.first("search", act.arguments) or ""),
        order=str(plan.first("order_by", act.arguments) or ""),
        limit=size,
        offset=_offset(act, size),
        parent_id=parent,
        within=within,
        expression=str(plan.first("expression", act.arguments) or ""),
        token=str(plan.first("page_token", act.arguments) or ""),
        after=_after(act, entity),
    )
    found = page(act.ready, act.call, entity.name, query)
    items = [rows.view(act.ready, act.call, entity.name, row, act.names) for row in found.rows]
    result = plan.decl.result
    if result.shape == "list":
        return items
    told = items if result.group is None else _grouped(act, entity, found.rows, items, result.group)
    answer: dict[str, Json] = {**result.constants, result.items: told}
    if result.next is not None and found.next is not None:
        answer[result.next] = found.next
    if result.total is not None:
        answer[result.total] = found.total
    if result.more is not None:
        answer[result.more] = found.next is not None
    if result.next_url is not None:
        answer[result.next_url] = None if found.next is None else _onward(act, size, found.next)
    if result.previous_url is not None:
        answer[result.previous_url] = _back(act, size)
    return answer


def _onward(act: Act, size: int, token: str) -> str | None:
    """How the next page is asked for."""
    if "page_number" in act.plan.roles:
        return _reference(act, "page_number", _number(act) + 1)
    if "offset" in act.plan.roles:
        return _reference(act, "offset", _offset(act, size) + size)
    return _reference(act, "page_token", token) if "page_token" in act.plan.roles else None


def _back(act: Act, size: int) -> str | None:
    """How the page before is asked for; None where there is none, or by a token, which leads on alone."""
    if "page_number" in act.plan.roles:
        return _reference(act, "page_number", _number(act) - 1) if _number(act) > 1 else None
    offset = _offset(act, size)
    return _reference(act, "offset", max(0, offset - size)) if offset else None


def _number(act: Act) -> int:
    return int(act.plan.first("page_number", act.arguments) or 1)


def _reference(act: Act, role: str, value: str | int) -> str:
    """Another page, by the one parameter that is another there: ``?page=3``. Who serves it knows its whole address."""
    name = act.plan.roles[role][0]
    return f"?{urlencode({param_wire(act.ready.decl, name, act.plan.params[name]): value})}"


def _grouped(act: Act, entity: EntityPlan, listed: list[rows.Row], items: list[Json], group: str) -> dict[str, Json]:
    """``items`` by the last two segments of their parents' names (``zones/z1``), each lot under ``group``."""
    found: dict[str, Json] = {}
    for row, item in zip(listed, items, strict=True):
        parent = row[entity.decl.parent] if entity.decl.parent is not None else None
        place = act.names.path(entity.above or "", act.names.row(entity.above or "", parent)) if parent else "global"
        found.setdefault("/".join(place.split("/")[-2:]), {group: []})[group].append(item)
    return found


def _after(act: Act, entity: EntityPlan) -> int | None:
    """The row after which to go on, where the request names one. Raises :class:`AppError` where it is none."""
    given = act.plan.first("after", act.arguments)
    if given in (None, ""):
        return None
    try:
        return int(find(act.ready, act.call, entity.name, given)["id"])
    except NotFound as error:
        raise AppError(f"after: {error.message}") from None


def _size(act: Act) -> int:
    api = act.ready.decl.api
    given = act.plan.first("page_size", act.arguments)
    if given is not None and int(given) < 0:
        raise AppError("a page has no fewer than no rows")
    onward = {"page_size", "offset", "after"} & act.plan.roles.keys()
    if not onward and act.plan.decl.result.next is None:
        # Where nothing leads to a second page, the first holds all.
        return 1_000_000 if "page_number" not in act.plan.roles else api.page_size
    return min(int(given), api.page_max) if given else api.page_size


def _offset(act: Act, size: int) -> int:
    offset = int(act.plan.first("offset", act.arguments) or 0)
    number = act.plan.first("page_number", act.arguments)
    if offset < 0 or (number is not None and int(number) < 1):
        raise AppError("pages are counted from 1, rows to skip from 0")
    return min(offset + (int(number) - 1) * size if number is not None else offset, 1 << 62)


def _above(act: Act, entity: EntityPlan) -> tuple[int | None, tuple[str, int] | None]:
    """The parent that the operation names, or else the nearest ancestor that it names."""
    for key in reversed(act.plan.ancestors):
        if key in act.rows:
            name, row = act.rows[key]
            return (row["id"], None) if name == entity.above else (None, (name, row["id"]))
    return None, None


def scope_asked(act: Act) -> str | None:
    """The scope that is asked for: the name of the last row that the operation names beside its own, and the words
    after it."""
    if act.plan.entity is None or act.plan.entity.decl.key.scope is None:
        return None
    named = [act.rows[key] for key in act.plan.others if key in act.rows]
    within = act.plan.decl.result.within
    return joined(act.names.path(*named[-1]) if named else "", within) if named or within else None


def _scoped(act: Act, entity: EntityPlan) -> list[Filter]:
    scope = scope_asked(act)
    if scope is None or entity.decl.key.scope is None:
        return []
    return [Filter(entity.decl.key.scope, scope)]


def _related(act: Act, entity: EntityPlan) -> list[Filter]:
    """Rows that refer to the rows which the operation names beside ancestors."""
    found = []
    for key in act.plan.others:
        if key in act.rows and (field := act.plan.related.get(key)):
            how = "has" if entity.decl.fields[field].repeated else "eq"
            found.append(Filter(field, act.rows[key][1]["id"], how))
    return found


def _filters(act: Act, entity: EntityPlan) -> list[Filter]:
    found = []
    for key in act.plan.roles.get("filter", ()):
        param = act.plan.params[key]
        if key not in act.arguments or param.field is None:
            continue
        given = act.arguments[key]
        one = entity.decl.fields[param.field].model_copy(update={"repeated": isinstance(given, list)})
        settled = resolve(act.ready, act.call, key, one, given)
        if isinstance(settled, list) and param.compare in ("has", "contains"):
            found += [Filter(param.field, each, param.compare) for each in settled]
        else:
            found.append(Filter(param.field, settled, param.compare))
    return found
