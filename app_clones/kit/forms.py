"""What every app's server-rendered pages share: their headers, forms of the same origin, redirects that stay at home.

A GET never writes; a POST that did what it was asked redirects (303), one that was refused shows the form again.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app_clones.kit.asgi import TRANSACTION
from app_clones.kit.errors import AppError, Forbidden

#: A page may load its app's own style sheet and nothing else, whatever a text in it says.
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}
#: The query parameter that names what a page reports as just done, where an app's own parameters leave it free.
DONE = "done"


def html(text: str, status: int = 200) -> Response:
    """A page."""
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
        return dict(parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=most))
    except ValueError:
        raise AppError("the form cannot be read") from None


def here(request: Request, flag: str = DONE) -> str:
    """The address of this page, without what it reports as done (under ``flag``)."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != flag]
    return request.url.path + (f"?{urlencode(kept)}" if kept else "")


def redirect(request: Request, wanted: str, otherwise: str, done: str, flag: str = DONE) -> Response:
    """On to ``wanted``, or where that is no page of this app to its page ``otherwise``; reports ``done``."""
    base = request.scope["root_path"]
    if not wanted.startswith(f"{base}/") or wanted.startswith("//") or "\\" in wanted:
        wanted = base + otherwise
    joint = "&" if "?" in wanted else "?"
    return RedirectResponse(f"{quote(wanted, safe='/?&=%+:@,-_.~')}{joint}{flag}={done}", status_code=303)


def look_again(request: Request) -> Request:
    """The same request as a read-only one, to show a refused form as it was filled in: that changes nothing."""
    scope: dict[str, Any] = {**request.scope, "method": "GET", TRANSACTION: False}
    return Request(scope)
