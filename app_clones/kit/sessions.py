"""Signing in again where a session has ended: a page for people, a token endpoint (RFC 6749, section 6) for clients."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app_clones.kit import faults, forms
from app_clones.kit.asgi import WORLD, opened, token


def session_routes() -> Sequence[BaseRoute]:
    """The routes, relative to the kit's own mount."""
    return (
        Route("/sign-in", _show, methods=["GET"]),
        Route("/sign-in", _sign_in, methods=["POST"]),
        Route("/sign-in.css", _style, methods=["GET"]),
        Route("/token", _refresh, methods=["POST"]),
    )


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(loader=PackageLoader("app_clones.kit"), autoescape=True, undefined=StrictUndefined)


async def _show(request: Request) -> Response:
    with opened(request) as call:
        me = call.one("SELECT name,email FROM kit_person WHERE id=?", call.actor)
    name, email = me or ("", "")
    back = request.query_params.get("back", "/")
    return forms.html(_templates().get_template("sign_in.html").render(name=name, email=email, back=back))


async def _sign_in(request: Request) -> Response:
    form = await forms.read_form(request)
    with opened(request) as call:
        faults.see(call, faults.SESSION)
    return forms.back(form.get("back", "/"))


async def _style(request: Request) -> Response:
    return forms.style_sheet(files("app_clones.kit").joinpath("templates/sign_in.css").read_text())


async def _refresh(request: Request) -> Response:
    """A token of the world is its own refresh token: refreshed, the same word is good again."""
    form = await forms.read_form(request)
    world = request.scope[WORLD]
    known = {token(world, person): person for person in world.persons()}
    person = known.get(form.get("refresh_token", ""))
    if form.get("grant_type") != "refresh_token":
        return JSONResponse({"error": "unsupported_grant_type"}, status_code=400)
    if person is None:
        return JSONResponse({"error": "invalid_grant"}, status_code=400)
    with opened(request) as call:
        faults.see(call, faults.SESSION, person)
    headers = {"cache-control": "no-store"}
    return JSONResponse({"access_token": token(world, person), "token_type": "Bearer"}, headers=headers)
