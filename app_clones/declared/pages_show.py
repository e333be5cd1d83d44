"""The pages that show what is there: one row with all that hangs on it, and the dashboard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from app_clones.declared import pages_text as words
from app_clones.declared import rows
from app_clones.declared.act import Act as Operation
from app_clones.declared.keys import Names
from app_clones.declared.listing import Filter, Query
from app_clones.declared.pages_cells import Fact, fact
from app_clones.declared.pages_frame import Act, Visit, act
from app_clones.declared.pages_list import Head, Line, table
from app_clones.declared.pages_plan import Shelf
from app_clones.declared.pages_refs import count, counts_by, named, names_in
from app_clones.declared.preconditions import refused_alone
from app_clones.kit.errors import NotFound

#: Rows of each collection on the page of what they hang on; buttons beside a title; the dashboard's tiles, latest rows.
MOST_ROWS = 10
MOST_BUTTONS = 6
MOST_TILES = 8
MOST_LATEST = 8
MOST_ACTIONS = 24
_URGENCY = {"bad": 0, "wait": 1, "busy": 2}


@dataclass(frozen=True, slots=True)
class Part:
    """A section of a row's page: a table of rows that hang on it, or the facts of its one such row."""

    id: str
    title: str
    total: int | None
    links: Sequence[tuple[str, str]]
    fields: Sequence[Fact] = ()
    heads: Sequence[Head] = ()
    rows: Sequence[Line] = ()


def name_of(visit: Visit, shelf: Shelf, row: rows.Row) -> str:
    """What people call the row."""
    label = shelf.entity.label
    return named(visit.ready.entities[shelf.name], row["id"], row[label] if label else None)


def short_name(visit: Visit, shelf: Shelf, row: rows.Row) -> str:
    """The same in one line: some labels are whole letters."""
    return words.short(name_of(visit, shelf, row), 60)


def trail(visit: Visit, shelf: Shelf, row: rows.Row | None) -> list[tuple[str, str]]:
    """The way from the dashboard to the row's page: each ancestor's collection and row, then its own collection."""
    entity, above = shelf.entity, visit.site.plan.parent_of(shelf.name)
    start: list[tuple[str, str]] = []
    if row is not None and entity.parent and above and row[entity.parent] is not None:
        upper = visit.site.shelf(above)
        try:
            parent = rows.fetch(visit.ready, visit.call, above, row[entity.parent])
            start = [*trail(visit, upper, parent), (short_name(visit, upper, parent), f"{upper.url}/{parent['id']}")]
        except NotFound:
            pass  # its parent is not for this person to see
    return [*start, (shelf.plural, shelf.url)]


def show_row(visit: Visit, shelf: Shelf, row: rows.Row) -> Response:
    """The page of one row."""
    acts = list(_acts(visit, shelf, row))
    first, last = _standard(visit, shelf, row)
    values: dict[str, Any] = {
        "shelf": shelf,
        "row": row,
        "trail": trail(visit, shelf, row),
        "heading": words.short(name_of(visit, shelf, row)),
        "standing": _standing(shelf, row),
        "acts": [*first, *(acts if len(acts) <= MOST_BUTTONS else ()), *last],
        "more_acts": acts if len(acts) > MOST_BUTTONS else [],
        "fields": facts(visit, shelf, row),
        "parts": [*_singletons(visit, shelf, row), *_children(visit, shelf, row)],
    }
    return visit.render("detail.html", shelf.name, **values)


def facts(visit: Visit, shelf: Shelf, row: rows.Row) -> list[Fact]:
    """All that the row holds, its id first, what takes the whole width last."""
    decl, entity = visit.ready.decl, shelf.entity
    shown = {name: entity.fields[name] for name in shelf.reading if not entity.fields[name].hidden}
    refs = {name: field for name, field in shown.items() if field.type == "ref"}
    names = names_in(visit.ready, visit.call, refs, [row])
    own = [Fact("ID", ((str(rows.ident(visit.ready, visit.call, shelf.name, row)), "", None),))]
    if entity.key.path is not None:
        own.append(Fact("Resource name", ((rows.path_of(visit.ready, visit.call, shelf.name, row), "", None),)))
    own += [fact(decl, name, field, row[name], names) for name, field in shown.items()]
    return sorted(own, key=lambda one: one.full)


def _standing(shelf: Shelf, row: rows.Row) -> tuple[str, str] | None:
    field = status_field(shelf)
    value = row[field] if field else None
    return (value, words.tint(value)) if value else None


def status_field(shelf: Shelf) -> str | None:
    """The enum that tells how a row stands: the one called so, else the first."""
    enums = [n for n, one in shelf.entity.fields.items() if one.type == "enum" and not (one.repeated or one.hidden)]
    return next((name for name in ("status", "state") if name in enums), enums[0] if enums else None)


def _standard(visit: Visit, shelf: Shelf, row: rows.Row) -> tuple[list[Act], list[Act]]:
    """The buttons that come before all others, and after them."""
    root = f"{visit.base}{shelf.url}/{row['id']}"
    edit, delete = (name and _refused(visit, name, row) for name in (shelf.update, shelf.delete))
    first = [] if edit is None else [Act("Edit", f"{root}/edit", refused=edit)]
    return first, [] if delete is None else [Act("Delete", f"{root}/delete", refused=delete, look="danger")]


def _acts(visit: Visit, shelf: Shelf, row: rows.Row) -> Iterator[Act]:
    root = f"{visit.base}{shelf.url}/{row['id']}"
    for name in shelf.row_acts:
        operation = visit.ready.decl.operations[name]
        refused = _refused(visit, name, row)
        if refused:
            yield act(visit, name, refused=refused)
        elif visit.site.inputs(name) or operation.delete:
            yield act(visit, name, href=f"{root}/do/{name}")
        elif not operation.writes:
            yield act(visit, name, href=f"{root}/do/{name}?_go=1")
        else:
            yield act(visit, name, post=f"{root}/do/{name}")


def _refused(visit: Visit, name: str, row: rows.Row) -> str:
    """Why the operation cannot be done on the row as it is; ``""`` where it can, or what it is given decides."""
    made = Operation(visit.ready, visit.call, visit.ready.plan(name), {}, Names(visit.ready, visit.call), row=row)
    return refused_alone(made)


def _singletons(visit: Visit, shelf: Shelf, row: rows.Row) -> Iterator[Part]:
    for child in visit.ready.entities[shelf.name].singletons:
        under = visit.site.shelf(child)
        found = rows.page(visit.ready, visit.call, child, Query(parent_id=row["id"], limit=1)).rows
        if found:
            root = f"{visit.base}{under.url}/{found[0]['id']}"
            links = [("Open", root), *([("Edit", f"{root}/edit")] if under.update else [])]
            above = ("ID", words.label(under.entity.parent or ""))
            own = [one for one in facts(visit, under, found[0]) if one.label not in above]
            yield Part(child, under.entity.title, None, links, fields=own)


def _children(visit: Visit, shelf: Shelf, row: rows.Row) -> Iterator[Part]:
    for child, field in shelf.children:
        under = visit.site.shelf(child)
        if under.entity.singleton and field == under.entity.parent:
            continue
        query = Query((Filter(field, row["id"]),), order=under.page.order, limit=MOST_ROWS)
        found = rows.page(visit.ready, visit.call, child, query)
        asked = urlencode({field: row["id"]})
        title = under.plural if field in (under.entity.parent, shelf.name) else f"{under.plural} ({words.words(field)})"
        links = [(f"Show all {found.total}", f"{visit.base}{under.url}?{asked}")] if found.total > MOST_ROWS else []
        if under.create and any(one.field == field for one in visit.site.inputs(under.create)):
            links.append((f"New {under.noun}", f"{visit.base}{under.url}/new?{asked}"))
        heads, lines = table(visit, under, found.rows, skip=field)
        yield Part(f"{child}-{field}", title, found.total, links, heads=heads, rows=lines)


def show_dashboard(visit: Visit) -> Response:
    """The first page: how many there are of each, what needs attention, what came last, what can be done."""
    plan = visit.site.plan
    counts = {name: count(visit.ready, visit.call, name) for name in plan.shelves}
    own = [name for name, shelf in plan.shelves.items() if name not in plan.roots and not shelf.entity.singleton]
    first = (*plan.roots, *own)[:MOST_TILES]
    rest = len(plan.shelves) > len(first)
    acts = [act(visit, name, href=f"{visit.base}/do/{name}") for name in plan.loose]
    rowless = [(shelf, name) for shelf in plan.shelves.values() for name in shelf.acts]
    for shelf, name in rowless if len(rowless) <= MOST_ACTIONS else ():
        one = act(visit, name, href=f"{visit.base}/do/{name}")
        acts.append(replace(one, text=f"{shelf.plural}: {one.text}"))
    return visit.render(
        "dashboard.html",
        "/",
        about=words.prose(plan.decl.about, 400),
        tiles=[(plan.shelves[name], counts[name]) for name in first],
        attention=_attention(visit),
        recent=_latest(visit, counts),
        acts=acts,
        groups=[(plan.shelves[root].plural, [(plan.shelves[name], counts[name]) for name in _family(visit, root)])
                for root in plan.roots] if rest else [],
    )  # fmt: skip


def _family(visit: Visit, root: str) -> list[str]:
    found = [root]
    for name in visit.site.plan.below(root):
        found += _family(visit, name)
    return found


def _attention(visit: Visit) -> list[tuple[Shelf, str, str, str, int]]:
    """Collection, field, value, tint and number of the rows, by status, that somebody must still do something about."""
    found = []
    for name, shelf in visit.site.plan.shelves.items():
        field = status_field(shelf)
        if field is not None:
            for value, total in counts_by(visit.ready, visit.call, name, field).items():
                if words.tint(value) in _URGENCY and value.lower() not in words.FINAL:
                    found.append((shelf, field, value, words.tint(value), total))
    return sorted(found, key=lambda one: _URGENCY[one[3]])[:MOST_LATEST]


def _latest(visit: Visit, counts: Mapping[str, int]) -> list[tuple[str, str, str, str]]:
    """Name, address, kind and time of the rows that were made last; without times, the last few of the first kinds."""
    dated: list[tuple[int, str, Any]] = []
    for name, shelf in visit.site.plan.shelves.items():
        field = next((n for n, one in shelf.entity.fields.items() if one.auto == "created" and not one.hidden), None)
        if field is None or not counts[name]:
            continue
        wire = visit.ready.entities[name].names[field]
        found = rows.page(visit.ready, visit.call, name, Query(order=f"{wire} desc", limit=4)).rows
        dated += [(row[field], name, row) for row in found]
    dated.sort(key=lambda one: (-one[0], one[1], -one[2]["id"]))
    if not dated:
        some = [name for name in visit.site.plan.roots if counts[name]][:4]
        dated = [(0, n, row) for n in some for row in rows.page(visit.ready, visit.call, n, Query(limit=2)).rows]
    made = []
    for ms, name, row in dated[:MOST_LATEST]:
        shelf = visit.site.shelf(name)
        when = words.moment(ms, visit.call.now_ms) if ms else ""
        made.append((words.short(name_of(visit, shelf, row), 48), f"{shelf.url}/{row['id']}", shelf.entity.title, when))
    return made
