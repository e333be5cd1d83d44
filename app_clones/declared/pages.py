"""The default pages of a declared app: server-rendered, without JavaScript. A GET never writes, a POST redirects.

Addresses, relative to the app: ``/`` the dashboard, ``/search?q=``, ``/app.css``, ``/{entity}`` a list, then
``/{entity}/new``, ``/{entity}/{id}`` (row ids), ``…/edit``, ``…/delete``, ``…/do/{operation}``, and ``/do/{operation}``
for operations that are on no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app_clones.declared import pages_text as words
from app_clones.declared import rows
from app_clones.declared.pages_forms import Sheet, answer_to, send, show_form
from app_clones.declared.pages_frame import FLAG, Site, Visit, style, templates, visit
from app_clones.declared.pages_list import show_list, show_search
from app_clones.declared.pages_plan import Shelf
from app_clones.declared.pages_show import show_dashboard, show_row
from app_clones.kit import forms
from app_clones.kit.errors import AppError, Fault, NotFound

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

#: Controls of one form: more than any entity has fields.
MOST_CONTROLS = 1000

_HEADINGS = {
    403: "Not yours to do",
    404: "Not found",
    409: "Not possible now",
    412: "Changed meanwhile",
    429: "Too much at once",
    500: "Something broke",
    501: "Not built",
    503: "Not available now",
}
_ADVICE = {
    400: "Go back, change what you asked for, and try again.",
    403: "Ask the person whose it is, or go back to what is yours.",
    404: "It may have been deleted, or the address may be mistyped. The search finds what is there by words and ids.",
    412: "Open the page anew: it shows how things are now. Then try again.",
    409: "Something stands in the way. Look at the page again: it shows how things are now.",
    429: "Wait a little, then try again.",
    500: "This passes by itself. Wait a little, then try again.",
    503: "Nothing was done. Wait a little, then try again.",
    501: "This part of the original is not in the clone. Nothing was changed.",
}


def page_routes(ready: Declared) -> Sequence[BaseRoute]:
    """The pages' routes, relative to the app's mount; they take every address that is left to them."""
    site = Site(ready)

    async def endpoint(request: Request) -> Response:
        return await _respond(site, request)

    return [Route("/{rest:path}", endpoint, methods=["GET", "POST"])]


async def _respond(site: Site, request: Request) -> Response:
    path = str(request.path_params["rest"])
    if path == "app.css":
        return forms.style_sheet(style())
    parts = path.split("/") if path else []

    def act(asked: Request, form: dict[str, str] | None) -> Response:
        with visit(site, asked) as here:
            return _show(here, parts) if form is None else _submit(here, parts, form)

    def again(asked: Request, form: dict[str, str], error: AppError) -> Response:
        with visit(site, asked) as here:
            return show_form(here, _sheet(here, parts), form, error)

    retry = again if _is_form(site, parts) else None
    return await forms.answer(request, act, retry, lambda asked, error: _problem(site, asked, error), MOST_CONTROLS)


def _show(here: Visit, parts: list[str]) -> Response:
    if not parts:
        return show_dashboard(here)
    if parts == ["search"] and ("q" in here.query or "search" not in here.site.plan.shelves):
        return show_search(here)
    if parts[0] != "do":
        shelf = here.site.shelf(parts[0])
        if len(parts) == 1:
            return show_list(here, shelf)
        if len(parts) == 2 and parts[1] != "new":
            return show_row(here, shelf, _row(here, shelf, parts[1]))
    sheet = _sheet(here, parts)
    operation = here.ready.decl.operations[sheet.operation]
    return show_form(here, sheet) if operation.writes else answer_to(here, sheet)


def _submit(here: Visit, parts: list[str], form: dict[str, str]) -> Response:
    sheet = _sheet(here, parts)
    if not here.ready.decl.operations[sheet.operation].writes:
        raise AppError("This only answers: open its page instead of sending it a form.")
    return send(here, sheet, form)


def _is_form(site: Site, parts: list[str]) -> bool:
    """Whether a refusal is shown in the form itself: not where there is none to fill in, only a button."""
    if len(parts) == 4 and parts[2] == "do":
        return parts[3] in site.ready.decl.operations and bool(site.inputs(parts[3]))
    return True


def _sheet(here: Visit, parts: list[str]) -> Sheet:
    """The form at the address. Raises :class:`NotFound`."""
    url = "/" + "/".join(parts)
    if not parts:
        raise NotFound("There is no form here.")
    plan = here.site.plan
    if len(parts) == 2 and parts[0] == "do":
        operation = here.ready.decl.operations.get(parts[1])
        shelf = plan.shelves.get(operation.entity or "") if operation else None
        if parts[1] in plan.loose or (shelf is not None and parts[1] in shelf.acts):
            return Sheet(parts[1], shelf, None, url)
        raise NotFound(f"There is no action {parts[1][:60]!r}.")
    shelf = here.site.shelf(parts[0])
    name: str | None = None
    if len(parts) == 2 and parts[1] == "new":
        if shelf.create:
            return Sheet(shelf.create, shelf, None, url)
        raise NotFound(f"{shelf.plural} are not made here.")
    if len(parts) == 3:
        name = {"edit": shelf.update, "delete": shelf.delete}.get(parts[2])
    if len(parts) == 4 and parts[2] == "do" and parts[3] in shelf.row_acts:
        name = parts[3]
    if name is None:
        raise NotFound(f"There is no page {url[:80]!r}.")
    return Sheet(name, shelf, _row(here, shelf, parts[1]), url)


def _row(here: Visit, shelf: Shelf, text: str) -> rows.Row:
    if not text.isdecimal() or len(text) > 18:
        raise NotFound(f"There is no {shelf.noun} {text[:40]!r}.")
    return rows.fetch(here.ready, here.call, shelf.name, int(text))


def _problem(site: Site, request: Request, error: AppError) -> Response:
    """A page that says what went wrong, what to do, and (where the service failed after it) what was done before."""
    done = request.query_params.get(FLAG, "") if isinstance(error, Fault) else ""
    again, way = forms.way_out(request, error)
    text = templates().get_template("error.html").render(
        site=site.plan,
        base=site.base,
        heading=_HEADINGS.get(error.status, "That did not work"),
        message=words.sentence(error.message or "The form cannot be sent as it is."),
        advice=_ADVICE.get(error.status, _ADVICE[400]),
        again=again,
        way=way,
        flash=site.flash(done),
    )  # fmt: skip
    return forms.html(text, error.status)
