"""What every app's server-rendered pages share: their headers, forms of the same origin, redirects that stay at home.

A GET never writes; a POST that did what it was asked redirects (303), one that was refused shows the form again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app_clones.kit.asgi import SHOWN, TRANSACTION, WORLD
from app_clones.kit.errors import AppError, Fault, Forbidden, SignedOut, StalePage

if TYPE_CHECKING:
    from app_clones.kit.world import World

#: A page may load its app's own style sheet and nothing else, whatever a text in it says.
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}
#: The query parameter that names what a page reports as just done, where an app's own parameters leave it free.
DONE = "done"
#: The control in which a form tells when and on which page it was shown; no app's own starts with an underscore.
_SHOWN = "_shown"
_POSTING = re.compile(r'<form\b[^>]*\bmethod="post"[^>]*>')
_SIGN_IN = "/kit/sign-in"


def page(request: Request, text: str, status: int = 200, flag: str = DONE) -> Response:
    """A page of an app. Where pages can become stale, its forms tell when and where they were shown (without what that
    page reports as done, under ``flag``).

    A form that is shown again as it was filled in stays as old as it was.
    """
    world: World = request.scope[WORLD]
    if world.faults is not None:
        at_ms, where = request.scope.get(SHOWN) or (world.now_ms, here(request, flag))
        control = f'<input type="hidden" name="{_SHOWN}" value="{at_ms} {escape(where)}">'
        text = _POSTING.sub(lambda form: form[0] + control, text)
    return html(text, status)


def html(text: str, status: int = 200) -> Response:
    """A page, as it is."""
    return Response(text, status_code=status, media_type="text/html; charset=utf-8", headers=HEADERS)


def style_sheet(text: str) -> Response:
    """A style sheet, which a browser may keep for an hour."""
    return Response(text, media_type="text/css; charset=utf-8", headers={"cache-control": "max-age=3600"})


async def read_form(request: Request, most: int = 50) -> dict[str, str]:
    """The fields of a posted form, at most so many; of a repeated name the last. Read it before the transaction.

    Raises :class:`Forbidden` where the form lies on another site's page, :class:`AppError` where it cannot be read.
    """
    data = await request.body()
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden("this form is on a page of another site")
    try:
        form = dict(parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=most))
    except ValueError:
        raise AppError("the form cannot be read") from None
    at_ms, _, where = form.pop(_SHOWN, "").partition(" ")
    if at_ms.isdecimal() and len(at_ms) < 18 and is_local(where):
        request.scope[SHOWN] = int(at_ms), where
    return form


async def answer(
    request: Request,
    act: Callable[[Request, dict[str, str] | None], Response],
    again: Callable[[Request, dict[str, str], AppError], Response] | None,
    problem: Callable[[Request, AppError], Response],
    most: int = 50,
) -> Response:
    """The page, or what comes of the posted form (else None), that ``act`` gives.

    A form that is refused comes back as it was filled in by ``again``, whose look is read-only; all else that somebody
    gets wrong, and what the service fails at, is a page of ``problem``.
    """
    try:
        form = await read_form(request, most) if request.method == "POST" else None
        try:
            return act(request, form)
        except AppError as error:
            if form is None or again is None or isinstance(error, Fault):
                raise
            return again(look_again(request), form, error)
    except SignedOut:
        return sign_in(request)
    except AppError as error:
        return problem(request, error)


def here(request: Request, flag: str = DONE) -> str:
    """The address of this page, without what it reports as done (under ``flag``)."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != flag]
    return request.url.path + (f"?{urlencode(kept)}" if kept else "")


def is_local(address: str) -> bool:
    """Whether it is a path of this world, and leads nowhere else."""
    return address.startswith("/") and not address.startswith("//") and "\\" not in address


def lies_on(request: Request) -> str:
    """The page to come back to: this one, or where the posted form lies."""
    shown = request.scope.get(SHOWN)
    return shown[1] if shown else here(request, "")


def way_out(request: Request, error: AppError) -> tuple[str, str]:
    """What an error's page offers against it, address and words; no address where nothing passes by itself."""
    address = lies_on(request) if isinstance(error, Fault) else ""
    return address, "Reload the page" if isinstance(error, StalePage) else "Try again"


def sign_in(request: Request) -> Response:
    """On to where one signs in, and from there back to where one was."""
    return RedirectResponse(f"{_SIGN_IN}?{urlencode({'back': lies_on(request)})}", status_code=303)


def redirect(request: Request, wanted: str, otherwise: str, done: str, flag: str = DONE) -> Response:
    """On to ``wanted``, or where that is no page of this app to its page ``otherwise``; reports ``done``."""
    base = request.scope["root_path"]
    if not wanted.startswith(f"{base}/") or not is_local(wanted):
        wanted = base + otherwise
    joint = "&" if "?" in wanted else "?"
    return RedirectResponse(f"{_address(wanted)}{joint}{flag}={done}", status_code=303)


def back(wanted: str) -> Response:
    """On to a path of this world; where it is none, to the root."""
    return RedirectResponse(_address(wanted) if is_local(wanted) else "/", status_code=303)


def _address(path: str) -> str:
    return quote(path, safe="/?&=%+:@,-_.~")


def look_again(request: Request) -> Request:
    """The same request as a read-only one, to show a refused form as it was filled in: that changes nothing."""
    scope: dict[str, Any] = {**request.scope, "method": "GET", TRANSACTION: False}
    return Request(scope)
