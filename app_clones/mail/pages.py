"""The mail pages: server-rendered, working without JavaScript. A GET never writes; a POST redirects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app_clones.kit import forms
from app_clones.kit.asgi import opened
from app_clones.kit.errors import AppError, Fault, NotFound
from app_clones.kit.world import Call
from app_clones.mail import actions, drafts, mailbox, people, views
from app_clones.mail.actions import DONE

Form = dict[str, str]


@lru_cache(maxsize=1)
def _templates() -> Environment:
    found = Environment(
        loader=PackageLoader("app_clones.mail"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(tint=views.tint, moment=views.moment, names=people.names)
    return found


@dataclass(frozen=True, slots=True)
class Visit:
    """A request in its one transaction, with the fields of its form. ``problem``: why that was refused just before."""

    request: Request
    call: Call
    form: Form
    problem: str = ""

    def number(self, name: str) -> int:
        """A row that the address names."""
        return _number(self.request.path_params[name])

    def render(self, template: str, *, problem: str = "", **values: Any) -> Response:
        problem = problem or self.problem
        page = _templates().get_template(template)
        text = page.render(
            base=self.request.scope["root_path"],
            here=forms.here(self.request),
            me=people.person(self.call, self.call.actor),
            now=self.call.now_ms,
            folders=views.folders(self.call),
            flash=_flash(self.request),
            problem=problem,
            **{"folder": "", "query": "", **values},
        )
        return forms.page(self.request, text, 400 if problem else 200)

    def back(self, done: str, otherwise: str = "/") -> Response:
        return forms.redirect(self.request, self.form.get("back", ""), otherwise, done)


Show = Callable[[Visit], Response]


def _page(show: Show, again: Show | None = None) -> Callable[[Request], Any]:
    """A handler in one transaction; what somebody gets wrong is a page that says so, and changes nothing. ``again``
    shows a form that was refused as it was filled in."""

    def act(request: Request, form: Form | None) -> Response:
        with opened(request) as call:
            return show(Visit(request, call, form or {}))

    def retry(request: Request, form: Form, error: AppError) -> Response:
        assert again is not None
        with opened(request) as call:
            return again(Visit(request, call, form, error.message))

    async def endpoint(request: Request) -> Response:
        return await forms.answer(request, act, retry if again else None, _problem)

    return endpoint


def _problem(request: Request, error: AppError) -> Response:
    again, way = forms.way_out(request, error)
    text = _templates().get_template("error.html").render(
        base=request.scope["root_path"],
        message=error.message,
        status=error.status,
        again=again,
        way=way,
        flash=_flash(request) if isinstance(error, Fault) else None,
    )  # fmt: skip
    return forms.html(text, error.status)


def _flash(request: Request) -> str | None:
    return DONE.get(request.query_params.get(forms.DONE, ""))


def _number(text: str, least: int = 1) -> int:
    if not text.isdecimal() or not least <= int(text[:12]) or len(text) > 12:
        raise NotFound(f"no page {text[:20]!r}")
    return int(text)


def _list(at: Visit) -> Response:
    request, params = at.request, at.request.query_params
    query = params.get("q", "").strip()
    # A mailbox's own address shows the inbox; /all, which no label can be called, shows all mail.
    folder = request.path_params.get("folder", None if request.url.path.endswith("/all") else "inbox")
    page = _number(params.get("page", "1"))
    try:
        listing, problem = views.listing(at.call, folder, query, page), ""
    except AppError as error:
        if not query:
            raise
        listing, problem, page = views.Listing((), 0, 0, 0), error.message, 1
    titles = {name.lower(): title for name, title in views.FOLDERS}
    title = "Search" if query else "All mail" if folder is None else titles.get(folder.lower(), folder)

    def link(number: int) -> str:
        return f"{request.url.path}?{urlencode({**({'q': query} if query else {}), 'page': number})}"

    return at.render("list.html", problem=problem, listing=listing, query=query, title=title, page=page,
                     folder="" if query else folder and folder.lower(),
                     newer=link(page - 1) if page > 1 else "",
                     older=link(page + 1) if listing.last < listing.total else "")  # fmt: skip


def _thread(at: Visit) -> Response:
    found = views.conversation(at.call, at.number("id"))
    free = [one.name for one in views.own_labels(at.call) if one.name not in found.chips]
    shown = at.request.query_params.get("quoted", "")
    return at.render("thread.html", thread=found, free=free, shown=shown, text=at.form.get("body", ""))


_FIELDS = ("to", "subject", "cc", "bcc", "body", "draft", "forward")


def _compose(at: Visit) -> Response:
    params = at.request.query_params
    fields = {**dict.fromkeys(_FIELDS, ""), "to": params.get("to", ""), "subject": params.get("subject", "")}
    if params.get("draft"):
        mail = drafts.find(at.call, at.call.actor, _number(params["draft"]))
        lines = {"to": mail.to_line, "cc": mail.cc_line, "bcc": mail.bcc_line}
        fields |= {name: people.names(line) for name, line in lines.items()}
        fields |= {"subject": mail.subject, "body": mail.body, "draft": params["draft"]}
    elif params.get("forward"):
        mail = mailbox.message(at.call, at.call.actor, _number(params["forward"]))
        fields |= {"subject": f"Fwd: {mailbox.bare(mail.subject)}", "forward": str(mail.id)}
    return _compose_form(at, fields)


def _compose_form(at: Visit, given: Form | None = None) -> Response:
    """The form as it is ``given``, or as it was sent."""
    fields = given or {name: at.form.get(name, "") for name in _FIELDS}
    quoted = ""
    if draft := actions.row_number(fields["draft"]):
        quoted = drafts.find(at.call, at.call.actor, draft).history
    elif forwarded := actions.row_number(fields["forward"]):
        quoted = mailbox.message(at.call, at.call.actor, forwarded).body
    return at.render("compose.html", fields=fields, quoted=quoted, folder="compose")


def _write(at: Visit) -> Response:
    done = actions.write(at.call, at.form)
    return at.back(done, "/folder/draft" if done == "saved" else "/")


def _answer(at: Visit) -> Response:
    id = at.number("id")
    actions.answer(at.call, id, at.form)
    return at.back("sent", f"/thread/{id}")


def _act(at: Visit) -> Response:
    action = at.request.path_params["action"]
    if "thread" in at.request.path_params:
        actions.on_thread(at.call, at.number("thread"), action, at.form.get("label", ""))
    else:
        actions.on_message(at.call, at.number("message"), action)
    return at.back(action)


def _labels(at: Visit) -> Response:
    return at.render("labels.html", every=views.own_labels(at.call), folder="labels")


def _change_labels(at: Visit) -> Response:
    return at.back(actions.on_labels(at.call, at.form), "/labels")


def _attachment(at: Visit) -> Response:
    mail, wanted = mailbox.message(at.call, at.call.actor, at.number("message")), at.number("id")
    for one in mailbox.attachments(at.call, mail.id):
        if one.id == wanted:
            headers = {
                "content-disposition": f"attachment; filename*=utf-8''{quote(one.filename)}",
                "x-content-type-options": "nosniff",
            }
            return Response(one.data, media_type="application/octet-stream", headers=headers)
    raise NotFound(f"no attachment {wanted}")


def _nothing(at: Visit) -> Response:
    raise NotFound("There is no page at this address.")


async def _style(request: Request) -> Response:
    return forms.style_sheet(files("app_clones.mail").joinpath("templates/mail.css").read_text())


def page_routes() -> Sequence[BaseRoute]:
    """Returns the pages' routes, relative to the app's mount."""
    return [
        Route("/mail.css", _style, methods=["GET"]),
        *(Route(path, _page(_list), methods=["GET"]) for path in ("/", "/all", "/folder/{folder:path}")),
        Route("/thread/{id}", _page(_thread), methods=["GET"]),
        Route("/thread/{id}/reply", _page(_answer, _thread), methods=["POST"]),
        Route("/message/{message}/attachment/{id}", _page(_attachment), methods=["GET"]),
        *(
            Route(path, _page(_act), methods=["POST"])
            for path in ("/thread/{thread}/{action}", "/message/{message}/{action}")
        ),
        Route("/compose", _page(_compose), methods=["GET"]),
        Route("/compose", _page(_write, _compose_form), methods=["POST"]),
        Route("/labels", _page(_labels), methods=["GET"]),
        Route("/labels", _page(_change_labels, _labels), methods=["POST"]),
        Route("/{rest:path}", _page(_nothing), methods=["GET"]),
    ]
