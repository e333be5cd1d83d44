"""The mail pages: server-rendered, working without JavaScript. A GET never writes; a POST redirects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from app_clones.kit.errors import AppError, Fault, NotFound, SignedOut
from app_clones.kit.world import Call
from app_clones.mail import actions, drafts, labels, mailbox, people, views
from app_clones.mail.actions import DONE

Form = Mapping[str, str]


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("app_clones.mail"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(request: Request, call: Call, template: str, status: int = 200, **values: Any) -> Response:
    page = _templates().get_template(template)
    text = page.render(
        base=request.scope["root_path"],
        here=forms.here(request),
        me=people.person(call, call.actor),
        folders=views.folders(call),
        flash=DONE.get(request.query_params.get(forms.DONE, "")),
        **{"folder": "", "query": "", "problem": "", **values},
    )
    return forms.page(request, text, status)


def _number(text: str, least: int = 1) -> int:
    if not text.isdecimal() or not least <= int(text[:12]) or len(text) > 12:
        raise NotFound(f"no page {text[:20]!r}")
    return int(text)


def _back(request: Request, form: Form, done: str, otherwise: str = "/") -> Response:
    return forms.redirect(request, form.get("back", ""), otherwise, done)


def _page(show: Callable[[Request, Call, Form], Response]) -> Callable[[Request], Any]:
    """A handler in one transaction; what somebody gets wrong is a page that says so, and changes nothing."""

    async def endpoint(request: Request) -> Response:
        try:
            form = await forms.read_form(request) if request.method == "POST" else {}
            with opened(request) as call:
                return show(request, call, form)
        except AppError as error:
            return _problem(request, error)

    return endpoint


def _problem(request: Request, error: AppError) -> Response:
    if isinstance(error, SignedOut):
        return forms.sign_in(request)
    again, way = forms.way_out(request, error)
    text = _templates().get_template("error.html").render(
        base=request.scope["root_path"],
        message=error.message,
        status=error.status,
        again=again,
        way=way,
        flash=DONE.get(request.query_params.get(forms.DONE, "")) if isinstance(error, Fault) else None,
    )  # fmt: skip
    return forms.html(text, error.status)


def _list(request: Request, call: Call, form: Form) -> Response:
    params = request.query_params
    query = params.get("q", "").strip()
    # A mailbox's own address shows the inbox; /all, which no label can be called, shows all mail.
    folder = request.path_params.get("folder", None if request.url.path.endswith("/all") else "inbox")
    page = _number(params.get("page", "1"))
    try:
        listing = views.listing(call, folder, query, page)
    except AppError as error:
        if not query:
            raise
        empty = views.Listing((), 0, 0, 0)
        return _render(request, call, "list.html", 400, listing=empty, folder="", query=query, title="Search", page=1,
                       newer="", older="", problem=error.message)  # fmt: skip
    titles = {name.lower(): title for name, title in views.FOLDERS}
    title = "Search" if query else "All mail" if folder is None else titles.get(folder.lower(), folder)

    def link(number: int) -> str:
        return f"{request.url.path}?{urlencode({**({'q': query} if query else {}), 'page': number})}"

    return _render(request, call, "list.html", listing=listing, query=query,
                   folder="" if query else folder and folder.lower(), title=title, page=page,
                   newer=link(page - 1) if page > 1 else "",
                   older=link(page + 1) if listing.last < listing.total else "")  # fmt: skip


def _thread(request: Request, call: Call, form: Form, problem: str = "", text: str = "") -> Response:
    found = views.conversation(call, _number(request.path_params["id"]))
    on_it = {chip.name for chip in found.chips}
    free = [one.name for one in views.own_labels(labels.all_labels(call, call.actor)) if one.name not in on_it]
    shown = request.query_params.get("quoted", "")
    return _render(request, call, "thread.html", 400 if problem else 200, thread=found, free=free, shown=shown,
                   problem=problem, text=text)  # fmt: skip


_OTHER_FIELDS = ("cc", "bcc", "body", "draft", "forward")


def _compose(request: Request, call: Call, form: Form) -> Response:
    params = request.query_params
    fields = {"to": params.get("to", ""), "subject": params.get("subject", ""), **dict.fromkeys(_OTHER_FIELDS, "")}
    if params.get("draft"):
        mail = drafts.find(call, call.actor, _number(params["draft"]))
        lines = {"to": mail.to_line, "cc": mail.cc_line, "bcc": mail.bcc_line}
        fields |= {name: people.names(line) for name, line in lines.items()}
        fields |= {"subject": mail.subject, "body": mail.body, "draft": params["draft"]}
    elif params.get("forward"):
        mail = mailbox.message(call, call.actor, _number(params["forward"]))
        fields |= {"subject": f"Fwd: {mailbox.bare(mail.subject)}", "forward": str(mail.id)}
    return _compose_form(request, call, fields)


def _compose_form(request: Request, call: Call, fields: Form, problem: str = "") -> Response:
    quoted = ""
    if draft := actions.row_number(fields["draft"]):
        quoted = drafts.find(call, call.actor, draft).history
    elif forwarded := actions.row_number(fields["forward"]):
        quoted = mailbox.message(call, call.actor, forwarded).body
    return _render(request, call, "compose.html", 400 if problem else 200, fields=fields, quoted=quoted,
                   problem=problem, folder="compose")  # fmt: skip


def _write(request: Request, call: Call, form: Form) -> Response:
    done = actions.write(call, form)
    return _back(request, form, done, "/folder/draft" if done == "saved" else "/")


def _write_again(request: Request, call: Call, form: Form) -> Response:
    fields = {name: form.get(name, "") for name in ("to", "subject", *_OTHER_FIELDS)}
    return _compose_form(request, call, fields, form["problem"])


def _answer(request: Request, call: Call, form: Form) -> Response:
    id = _number(request.path_params["id"])
    actions.answer(call, id, form)
    return _back(request, form, "sent", f"/thread/{id}")


def _answer_again(request: Request, call: Call, form: Form) -> Response:
    return _thread(request, call, form, form["problem"], form.get("body", ""))


def _tried(act: Callable[..., Response], again: Callable[..., Response]) -> Callable[[Request], Any]:
    """A form that, when refused, comes back as it was filled in. The second look is read-only and changes nothing."""

    async def endpoint(request: Request) -> Response:
        try:
            form = await forms.read_form(request)
        except AppError as error:
            return _problem(request, error)
        try:
            with opened(request) as call:
                return act(request, call, form)
        except Fault as error:
            return _problem(request, error)
        except AppError as error:
            problem = error.message
        page = _page(lambda req, call, _: again(req, call, {**form, "problem": problem}))
        shown: Response = await page(forms.look_again(request))
        return shown

    return endpoint


def _act_on_thread(request: Request, call: Call, form: Form) -> Response:
    action = request.path_params["action"]
    actions.on_thread(call, _number(request.path_params["id"]), action, form.get("label", ""))
    return _back(request, form, action)


def _act_on_message(request: Request, call: Call, form: Form) -> Response:
    action = request.path_params["action"]
    actions.on_message(call, _number(request.path_params["id"]), action)
    return _back(request, form, action)


def _labels(request: Request, call: Call, form: Form) -> Response:
    every = views.own_labels(labels.all_labels(call, call.actor))
    return _render(request, call, "labels.html", 400 if form.get("problem") else 200, every=every, folder="labels",
                   problem=form.get("problem", ""))  # fmt: skip


def _change_labels(request: Request, call: Call, form: Form) -> Response:
    return _back(request, form, actions.on_labels(call, form), "/labels")


def _attachment(request: Request, call: Call, form: Form) -> Response:
    mail = mailbox.message(call, call.actor, _number(request.path_params["message"]))
    wanted = _number(request.path_params["id"])
    for one in mailbox.attachments(call, mail.id):
        if one.id == wanted:
            name = quote(one.filename)
            headers = {
                "content-disposition": f"attachment; filename*=utf-8''{name}",
                "x-content-type-options": "nosniff",
            }
            return Response(one.data, media_type="application/octet-stream", headers=headers)
    raise NotFound(f"no attachment {wanted}")


def _nothing(request: Request, call: Call, form: Form) -> Response:
    raise NotFound("There is no page at this address.")


async def _style(request: Request) -> Response:
    text = files("app_clones.mail").joinpath("templates/mail.css").read_text()
    return forms.style_sheet(text)


def page_routes() -> Sequence[BaseRoute]:
    """Returns the pages' routes, relative to the app's mount."""
    return [
        Route("/", _page(_list), methods=["GET"]),
        Route("/mail.css", _style, methods=["GET"]),
        Route("/all", _page(_list), methods=["GET"]),
        Route("/folder/{folder:path}", _page(_list), methods=["GET"]),
        Route("/thread/{id}", _page(_thread), methods=["GET"]),
        Route("/thread/{id}/reply", _tried(_answer, _answer_again), methods=["POST"]),
        Route("/thread/{id}/{action}", _page(_act_on_thread), methods=["POST"]),
        Route("/message/{message}/attachment/{id}", _page(_attachment), methods=["GET"]),
        Route("/message/{id}/{action}", _page(_act_on_message), methods=["POST"]),
        Route("/compose", _page(_compose), methods=["GET"]),
        Route("/compose", _tried(_write, _write_again), methods=["POST"]),
        Route("/labels", _page(_labels), methods=["GET"]),
        Route("/labels", _tried(_change_labels, _labels), methods=["POST"]),
        Route("/{rest:path}", _page(_nothing), methods=["GET"]),
    ]
