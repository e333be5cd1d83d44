"""The pages that list rows: a collection, a search over all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.responses import Response

from app_clones.declared import pages_text as words
from app_clones.declared import rows
from app_clones.declared.keys import Names
from app_clones.declared.listing import Filter, Query, Typed
from app_clones.declared.model import FieldDecl
from app_clones.declared.pages_cells import PLAIN, cell, enum_options, head_class, options, row_head
from app_clones.declared.pages_frame import PAGE, SORT, WORDS, Act, Visit, act
from app_clones.declared.pages_inputs import parent_label
from app_clones.declared.pages_plan import Shelf, is_searched
from app_clones.declared.pages_refs import are_alike, choices, named, names_in, told_apart
from app_clones.declared.values import from_text
from app_clones.kit.errors import AppError, NotFound

Line = Markup
"""A row of a table, ready to be shown: its head, which leads to its page, and its cells."""

Head = tuple[str, str, str, Markup]
"""The head of a column: its text, where sorting by it leads (or ``""``), ``aria-sort`` (or ``""``), class attribute."""

_ON_A_SEARCH = 6


@dataclass(frozen=True, slots=True)
class Narrow:
    """A control of the filter form; ``options`` None: it takes text."""

    name: str
    label: str
    held: str
    options: Markup | None
    wide: bool = False


def table(
    visit: Visit,
    shelf: Shelf,
    found: Sequence[rows.Row],
    sort: str = "",
    kept: Mapping[str, str] | None = None,
    skip: str = "",
) -> tuple[list[Head], list[Line]]:
    """``found`` as a table without the column ``skip``: its heads, which sort where ``kept``, the list's other
    parameters, is given, and its rows."""
    ids = _has_ids(visit, shelf)
    return _heads(visit, shelf, ids, sort, kept, skip), _lines(visit, shelf, ids, found, skip)


def _lines(visit: Visit, shelf: Shelf, ids: bool, found: Sequence[rows.Row], skip: str) -> list[Line]:
    makers = [each for each in visit.site.makers(shelf) if each[0] != skip]
    refs = {name: field for name, field, _ in makers if field.type == "ref"}
    names = names_in(visit.ready, visit.call, refs, found) if refs else {}
    plan, now, label = visit.ready.entities[shelf.name], visit.call.now_ms, shelf.entity.label
    root = f"{visit.base}{shelf.url}/"
    called = Names(visit.ready, visit.call)
    made = []
    for row in found:
        head = row_head(words.short(named(plan, row["id"], row[label] if label else None)), f"{root}{row['id']}")
        id = cell(PLAIN, str(called.ident(shelf.name, row))) if ids else ""
        cells = "".join([make(row[name], names, now) for name, _, make in makers])
        made.append(Markup(f"<tr>{head}{id}{cells}</tr>"))
    return made


def _has_ids(visit: Visit, shelf: Shelf) -> bool:
    """Whether the table tells ids: nobody chose its columns, and names alone do not tell its rows apart."""
    return not shelf.page.columns and "id" not in shelf.columns and are_alike(visit.ready, visit.call, shelf.name)


def _heads(visit: Visit, shelf: Shelf, ids: bool, sort: str, kept: Mapping[str, str] | None, skip: str) -> list[Head]:
    label = shelf.entity.label
    columns: list[tuple[str, FieldDecl | None]] = [(label, shelf.field(label))] if label else [("", None)]
    columns += [(name, field) for name, field, _ in visit.site.makers(shelf) if name != skip]
    made: list[Head] = []
    root = f"{visit.base}{shelf.url}?{urlencode(kept)}{'&' if kept else ''}" if kept is not None else ""
    for name, field in columns:
        text, css = words.label(name) or shelf.entity.title, Markup(head_class(field) if field else PLAIN)
        if kept is None or field is None or field.repeated or field.type in ("json", "ref") or field.hidden:
            made.append((text, "", "", css))
            continue
        descending = f"{name} desc"
        sorted_ = "ascending" if sort == name else "descending" if sort == descending else ""
        query = urlencode({SORT: descending if sort == name else name})
        made.append((text, root + query, sorted_, css))
    if ids:
        made.insert(1, ("ID", "", "", Markup(PLAIN)))
    return made


def show_list(visit: Visit, shelf: Shelf) -> Response:
    """The page of a collection, narrowed and sorted as its query says."""
    query = visit.query
    sort = query.get(SORT, "")
    number = _number(query.get(PAGE, "1"))
    kept = {name: query[name] for name in (*shelf.entity.fields, WORDS) if query.get(name, "").strip()}
    problem, listing = "", rows.Listing([], 0, None)
    try:
        wanted = Query(
            filters=tuple(_filters(visit, shelf, kept)),
            typed=_typed(visit, shelf, kept.get(WORDS, "")),
            order=_order(visit, shelf, sort),
            limit=shelf.page_size,
            offset=(number - 1) * shelf.page_size,
        )
        listing = rows.page(visit.ready, visit.call, shelf.name, wanted)
    except AppError as error:
        problem = words.sentence(error.message)
    if number > 1 and not listing.rows and not problem:
        raise NotFound(f"{shelf.plural} have no page {number}.")
    first = (number - 1) * shelf.page_size + 1
    last = first + len(listing.rows) - 1
    same = {**kept, **({SORT: sort} if sort else {})}
    heads, lines = table(visit, shelf, listing.rows, sort, kept)

    def page(to: int) -> str:
        return f"{visit.base}{shelf.url}?{urlencode({**same, PAGE: to})}"

    return visit.render(
        "list.html",
        shelf.name,
        400 if problem else 200,
        shelf=shelf,
        acts=_acts(visit, shelf, kept),
        problem=problem,
        filters=list(_narrows(visit, shelf, kept)),
        narrowed=bool(kept),
        sort=sort,
        heads=heads,
        rows=lines,
        total=listing.total,
        first=first,
        last=last,
        newer=page(number - 1) if number > 1 else "",
        older=page(number + 1) if last < listing.total else "",
    )


def _typed(visit: Visit, shelf: Shelf, text: str) -> Typed | None:
    """``text`` as rows are looked for by it; it may also be what one of them is called from outside."""
    text = text.strip()
    if not text:
        return None
    try:
        return Typed(text, int(rows.find(visit.ready, visit.call, shelf.name, text)["id"]))
    except AppError:
        return Typed(text)


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise NotFound(f"There is no page {text[:20]!r}.")
    return int(text)


def _order(visit: Visit, shelf: Shelf, sort: str) -> str:
    """The order as the engine takes it, which calls fields by their names in the API."""
    if not sort:
        return shelf.page.order
    name, _, direction = sort.partition(" ")
    field = shelf.entity.fields.get(name)
    if field is None or field.hidden or direction not in ("", "desc"):
        raise AppError(f"{shelf.plural} cannot be sorted by {sort[:60]!r}.")
    return f"{visit.ready.entities[shelf.name].names[name]} {direction}".strip()


def _filters(visit: Visit, shelf: Shelf, kept: Mapping[str, str]) -> Iterator[Filter]:
    for name, text in kept.items():
        if name == WORDS:
            continue
        field, text = shelf.field(name), text.strip()
        secret = field.hidden and field.type != "ref"  # a ref is told on the page of what it leads to
        if secret or field.type == "json":
            raise AppError(f"{shelf.plural} cannot be filtered by {words.words(name)}.")
        if field.type == "ref":
            yield Filter(name, row_of(visit, field.to or "", text), "has" if field.repeated else "eq")
            continue
        value = from_text(field, text, words.label(name))
        if field.type == "boolean" and not isinstance(value, bool):
            raise AppError(f"{words.label(name)} is true or false, not {text[:40]!r}.")
        loose = field.type in ("string", "text", "email", "url") and not field.repeated
        yield Filter(name, value, "contains" if loose else "has" if field.repeated else "eq")


def row_of(visit: Visit, entity: str, text: str) -> int:
    """The row that ``text`` names: its row id as pages have it, how it is called from outside, or its name.

    Raises :class:`NotFound`, or :class:`AppError` where several rows fit.
    """
    if text.isdecimal() and len(text) < 16:
        try:
            return int(rows.fetch(visit.ready, visit.call, entity, int(text))["id"])
        except NotFound:
            pass  # it may still be a name
    try:
        return int(rows.find(visit.ready, visit.call, entity, text)["id"])
    except AppError:
        pass
    noun = visit.ready.entities[entity].noun
    found = choices(visit.ready, visit.call, entity, text)
    if found is None:
        raise AppError(f"More rows fit {text[:60]!r} than can be told apart: type more of the name.")
    exact = [rowid for rowid, name in found if name.lower() == text.lower()]
    fitting = exact or [rowid for rowid, _ in found]
    if not fitting:
        raise NotFound(f"There is no {noun} {text[:60]!r}.")
    if len(fitting) > 1:
        some = ", ".join(f"{name} ({rowid})" for rowid, name in found[:8])
        raise AppError(f"{len(fitting)} fit {text[:60]!r}: {some}. Type the number of the one meant.")
    return fitting[0]


def _narrows(visit: Visit, shelf: Shelf, kept: Mapping[str, str]) -> Iterator[Narrow]:
    """The filter form's controls: the usual ones, and whatever else the list is narrowed by."""
    if is_searched(shelf.entity):
        yield Narrow(WORDS, "Contains words", kept.get(WORDS, ""), None, True)
    for name in dict.fromkeys((*shelf.filters, *(each for each in kept if each != WORDS))):
        field, held = shelf.field(name), kept.get(name, "")
        label = parent_label(name) if name == shelf.entity.parent else words.label(name)
        yield Narrow(name, label, held, _options(visit, field, held))


def _options(visit: Visit, field: FieldDecl, held: str) -> Markup | None:
    if field.type == "enum" and field.values:
        return enum_options(tuple(field.values), held)
    if field.type == "boolean":
        return options([("", "Any"), ("true", "Yes"), ("false", "No")], held)
    if field.type == "ref":
        found = choices(visit.ready, visit.call, field.to or "")
        return None if found is None else options([("", "Any"), *told_apart(found)], held)
    return None


def _acts(visit: Visit, shelf: Shelf, kept: Mapping[str, str]) -> list[Act]:
    acts = [act(visit, name, f"{visit.base}/do/{name}") for name in shelf.acts]
    if shelf.create:
        # What the list is narrowed by is what a new row most likely has.
        given = {name: text for name, text in kept.items() if name != WORDS}
        query = f"?{urlencode(given)}" if given else ""
        acts.append(Act(f"New {shelf.noun}", f"{visit.base}{shelf.url}/new{query}", look="primary"))
    return acts


def show_search(visit: Visit) -> Response:
    """The page of a search over everything: the first matches of each collection."""
    text = visit.query.get("q", "").strip()[:200]
    groups: list[dict[str, Any]] = []
    for shelf in visit.site.plan.shelves.values():
        typed = _typed(visit, shelf, text)
        if typed is None or (typed.called is None and not is_searched(shelf.entity)):
            continue
        listing = rows.page(visit.ready, visit.call, shelf.name, Query(limit=_ON_A_SEARCH, typed=typed))
        if listing.rows:
            heads, lines = table(visit, shelf, listing.rows)
            groups.append({"shelf": shelf, "heads": heads, "rows": lines,
                           "total": listing.total, "url": f"{visit.base}{shelf.url}?{urlencode({WORDS: text})}",
                           "more": listing.total > len(listing.rows)})  # fmt: skip
    total = sum(group["total"] for group in groups)
    return visit.render("search.html", "", q=text, groups=groups, total=total)
