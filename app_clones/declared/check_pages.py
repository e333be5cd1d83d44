"""An app's own pages, checked by showing each once: that they can be, and that both drivers see the same."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response

from app_clones.declared import rows
from app_clones.declared.check_common import DeclError
from app_clones.declared.engine import Declared
from app_clones.declared.listing import Query
from app_clones.declared.own_templates import line_of, sources
from app_clones.declared.pages_forms import Sheet, show_form
from app_clones.declared.pages_frame import Site, Visit, style
from app_clones.declared.pages_list import show_list, show_search
from app_clones.declared.pages_plan import Shelf
from app_clones.declared.pages_show import show_dashboard, show_row
from app_clones.kit.asgi import WORLD
from app_clones.kit.world import World

_ROWS = 3
"""Rows of each entity that are shown: the first may have a value where others have none."""


def check_shown(ready: Declared) -> None:
    """Shows each page that has a template of the app's own, in a world of its first rows.

    Raises :class:`DeclError` at the first that cannot be shown, or holds what the drivers would not see alike. Pages of
    rows are shown where there are first rows.
    """
    if not sources(ready.decl):
        return
    site = Site(ready)
    world = World.build([ready.app()], seed=0, start_ms=0, step_ms=1000, persons=3)
    with world, world.transaction(readonly=True) as call:
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], WORLD: world}
        visit = Visit(site, Request(scope), call, {"q": "a"})
        for page, entity in _pages(site):
            _check(visit, page, entity)


def _pages(site: Site) -> Iterator[tuple[str, str]]:
    """Every page that the app's own templates show, with its entity."""
    all_pages = [(f"{page}.html", "") for page in ("dashboard", "search")]
    all_pages += [(f"{page}.html", name) for name in site.plan.shelves for page in ("list", "detail", "form", "delete")]
    return (one for one in all_pages if site.own.name(*one) is not None)


def _check(visit: Visit, page: str, entity: str) -> None:
    from app_clones.browser.lint import lint_page  # a parser of CSS, which few apps need

    name = visit.site.own.name(page, entity) or ""
    at = ("templates", name) if name in visit.ready.decl.templates else ("pages", entity, "template")
    try:
        for shown in _shown(visit, page, entity):
            faults = lint_page(bytes(shown.body).decode(), (style(),))
            if faults:
                raise DeclError(f"drivers would not see alike: {faults[0].where}: {faults[0].message}", at)
    except DeclError:
        raise
    except Exception as error:  # whatever an expression in it does
        line = line_of(error)
        where = f"line {line} of the template: " if line else ""
        raise DeclError(f"{where}{error or type(error).__name__}", at) from error


def _shown(visit: Visit, page: str, entity: str) -> Iterator[Response]:
    if page == "dashboard.html":
        yield show_dashboard(visit)
    elif page == "search.html":
        yield show_search(visit)
    else:
        yield from _of_shelf(visit, page, visit.site.shelf(entity))


def _of_shelf(visit: Visit, page: str, shelf: Shelf) -> Iterator[Response]:
    if page == "list.html":
        yield show_list(visit, shelf)
        return
    if page == "form.html" and shelf.create:
        yield show_form(visit, Sheet(shelf.create, shelf, None, f"{shelf.url}/new"))
    for row in rows.page(visit.ready, visit.call, shelf.name, Query(limit=_ROWS)).rows:
        if page == "detail.html":
            yield show_row(visit, shelf, row)
            continue
        operations = [shelf.delete] if page == "delete.html" else [shelf.update, *shelf.row_acts]
        for operation in operations:
            if operation is not None:
                yield show_form(visit, Sheet(operation, shelf, row, f"{shelf.url}/{row['id']}"))
