"""The API of a declared app over HTTP: one route that finds the operation by itself, reads, performs and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app_clones.declared import openapi, rows, wire
from app_clones.declared.arguments import Reader
from app_clones.declared.batch import Batch
from app_clones.declared.perform import check_built, run
from app_clones.declared.plans import Plan
from app_clones.declared.refusals import NotBuilt
from app_clones.declared.routing import Found, Tree
from app_clones.declared.uploads import PREFIX, read_upload
from app_clones.kit.asgi import opened
from app_clones.kit.errors import AppError, NotFound

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_DOCUMENT = "openapi.json"


def routes(ready: Declared) -> Sequence[BaseRoute]:
    """The API's routes, relative to the app's mount."""
    api, reached = ready.decl.api, [one for one in ready.decl.operations.values() if one.http]
    if not reached:
        return ()
    found = [Route(f"/{api.base}{{rest:path}}", _Endpoint(ready), methods=list(_METHODS))]
    if any(operation.media for operation in reached):
        endpoint = _Endpoint(ready, PREFIX)
        found.append(Route(f"/{PREFIX}{api.base}{{rest:path}}", endpoint, methods=list(_METHODS)))
    return (*found, *(Route(f"/{path}", Batch(ready), methods=["POST"]) for path in api.batch))


def guarded(ready: Declared) -> tuple[str, ...]:
    """The paths below the app's mount that are the API's, each with all below it."""
    api = ready.decl.api
    uploads = (f"{PREFIX}{api.base}",) if any(one.media for one in ready.decl.operations.values()) else ()
    return (api.base, *uploads, *api.batch)


class _Endpoint:
    """Answers every request below the API's root, or, with a prefix, all uploads. (Starlette takes an object that is no
    function for an ASGI app.)"""

    def __init__(self, ready: Declared, prefix: str = "") -> None:
        self._ready = ready
        self._prefix = prefix
        self._tree = Tree(ready.decl)
        self._readers: dict[str, Reader] = {}
        params = [(one.entity, param) for one in ready.decl.operations.values() for param in one.params.values()]
        #: Entities whose rows' etags clients send in a header, and so are told in one.
        self._etagged = {entity for entity, one in params if one.role == "etag" and one.place == "header"}
        self._document: dict[str, Any] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        data = await request.body()
        try:
            response = self._respond(request, data)
        except AppError as error:
            response = wire.failed(self._ready.decl.api, error)
        await response(scope, receive, send)

    def _respond(self, request: Request, data: bytes) -> Response:
        segments = _segments(request, f"{self._prefix}{self._ready.decl.api.base}")
        method = "GET" if request.method == "HEAD" else request.method
        found = self._tree.find(segments, method)
        if found is None:
            if segments == [_DOCUMENT] and method == "GET" and not self._prefix:
                self._document = self._document or openapi.document(self._ready)
                return wire.answered(self._document, 200)
            raise NotFound("there is nothing at this path")
        return self._perform(request, data, method, found)

    def _perform(self, request: Request, data: bytes, method: str, found: Found) -> Response:
        ready = self._ready
        target = found.targets.get(method)
        if target is None:
            allowed = tuple(sorted(found.targets))
            raise wire.NotAllowed(f"{method} is not for this path; {', '.join(allowed)} is", allowed)
        plan = ready.plan(target.operation)
        check_built(plan)
        arguments = self._arguments(request, data, plan, found.captured(target))
        with opened(request) as call:
            body = _with_addresses(request, plan, run(ready, call, plan, arguments))
        response = wire.answered(body, plan.decl.result.status, pretty=bool(plan.first("pretty", arguments)))
        if plan.decl.entity is not None and plan.decl.entity in self._etagged and _shows_row(plan):
            row = body[plan.decl.result.wrap] if plan.decl.result.wrap else body
            response.headers["ETag"] = rows.etag_shown(ready, plan.decl.entity, row)
        return response

    def _arguments(self, request: Request, data: bytes, plan: Plan, captured: Mapping[str, str]) -> dict[str, Any]:
        reader = self._readers.get(plan.name)
        if reader is None:
            reader = self._readers[plan.name] = Reader(self._ready, plan.name)
        if not self._prefix:
            return plan.accept(reader.read(request, data, captured), reader.called)
        if not plan.decl.media:
            raise NotBuilt(f"nothing is uploaded to {request.method} {request.url.path}")
        upload = read_upload(request, data, plan.decl.media)
        return {
            **plan.accept(reader.read(request, upload.body, captured, upload.media), reader.called),
            "media": upload.media,
        }


def _with_addresses(request: Request, plan: Plan, body: Any) -> Any:
    """A list's answer with the whole addresses of the pages beside it, which are asked for as it was."""
    for name in (plan.decl.result.next_url, plan.decl.result.previous_url):
        if name is not None and body.get(name):
            body[name] = str(request.url.include_query_params(**dict(parse_qsl(body[name].removeprefix("?")))))
    return body


def _shows_row(plan: Plan) -> bool:
    """Whether what is answered is a row that is there, and all of it."""
    result = plan.decl.result
    gone = plan.decl.kind == "delete" or plan.decl.delete
    return result.shape == "row" and result.field is None and "read_mask" not in plan.roles and not gone


def _segments(request: Request, base: str) -> list[str]:
    """The path below the API's root, cut before it is decoded: an id may hold a slash."""
    raw: Any = request.scope.get("raw_path")
    path = raw.decode("latin-1").partition("?")[0] if raw else request.scope["path"]
    depth = 1 + len(base.strip("/").split("/"))
    segments = [unquote(part) for part in path.split("/")[1:]][depth:]
    return segments[:-1] if segments and not segments[-1] else segments
