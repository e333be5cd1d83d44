"""One ASGI app per process for all worlds: the world comes in the scope, an app's routes are mounted at ``/<app>``."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Scope

from app_clones.kit import faults
from app_clones.kit.app import App, Auth, plain_error
from app_clones.kit.errors import AppError, KitError, NoToken, StalePage, TooLarge
from app_clones.kit.protocol import Call
from app_clones.kit.seeds import derive
from app_clones.kit.step import check_may_act

if TYPE_CHECKING:
    from app_clones.kit.faults import Faults
    from app_clones.kit.registry import Registry
    from app_clones.kit.world import World

_log = logging.getLogger(__name__)

WORLD = "grindworks.world"
ACTOR = "grindworks.actor"
#: Whether the request has had its one transaction.
TRANSACTION = "grindworks.transaction"
#: Of a posted form, when (virtual ms) and on which page it was shown.
SHOWN = "grindworks.shown"
#: Of a path, what goes out as it is given: all else only in per cent, as over a socket.
_ASCII = bytes(range(128))
#: A request's body, in bytes, beyond which it is refused unread.
LARGEST_BODY = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response. ``raw`` holds its headers as sent, repeated ones too."""

    status: int
    raw: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers by lower-case name."""
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.raw}

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()


def world_app(registry: Registry) -> ASGIApp:
    """The ASGI app of all worlds of these apps; the same registry gives the same app.

    A request needs ``grindworks.world`` and ``grindworks.actor`` (a person's id) in its scope.
    """
    return _world_app(registry)


@lru_cache(maxsize=64)
def _world_app(registry: Registry) -> ASGIApp:
    from app_clones.kit.sessions import session_routes  # whose pages are answered by what is in here

    mounts = [Mount(f"/{app.name}", routes=list(app.routes())) for app in registry.apps]
    mounts.append(Mount("/kit", routes=list(session_routes())))
    # Anything else that an operation raises becomes a plain 500 too: a page must answer, and the world was rolled back.
    handlers: dict[Any, Any] = {AppError: _refused, KitError: _broken}
    return Starlette(routes=mounts, exception_handlers=handlers)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    return plain_error(error)


async def _broken(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": {"code": "internal", "message": f"internal error: {error}"}}, status_code=500)


@contextmanager
def opened(request: Request) -> Iterator[Call]:
    """The request's one transaction: read-only for GET and HEAD, else one step of the world.

    Await nothing inside it; read the body first. Raises :class:`KitError` at a second one in the same request,
    :class:`AppError` at a write when the task is over, :class:`~app_clones.kit.errors.Fault` where the world's faults
    have it fail.
    """
    world: World = request.scope[WORLD]
    if request.scope.get(TRANSACTION):
        raise KitError(f"{request.method} {request.url.path}: a request has one transaction")
    if world.faults is not None and TRANSACTION not in request.scope:  # a second look at the same request meets none
        _fail(world, world.faults, request)
    request.scope[TRANSACTION] = True
    readonly = request.method in ("GET", "HEAD")
    with world.transaction(request.scope.get(ACTOR, 1), readonly=readonly) as call:
        if not readonly:
            check_may_act(call)
        yield call


def _fail(world: World, given: Faults, request: Request) -> None:
    """Raises the fault that the request meets, if it meets one.

    It is a step then, as a tool call that fails is one, a GET's too: only time makes an outage pass.
    """
    actor, writes = request.scope.get(ACTOR, 1), request.method not in ("GET", "HEAD")
    what = f"{'GET' if request.method == 'HEAD' else request.method} {request.url.path}"
    shown = request.scope.get(SHOWN)
    with world.transaction(actor, readonly=True) as call:
        if call.one("SELECT 1 FROM task_outcome LIMIT 1"):
            return
        seen = faults.seen(call, what) | ({what: shown[0]} if shown else {})
        fault = given.met(world.seed, call.now_ms, world.step_ms, what, writes=writes, seen=seen)
    if fault is None:
        return
    with world.transaction(actor) as call:
        if isinstance(fault, StalePage) and not shown:  # an API's client has no page: being told is enough
            faults.see(call, what)
    raise fault


async def json_body(request: Request) -> dict[str, Any]:
    """The request's body as a JSON object; :class:`AppError` where it is none. Read it before :func:`opened`."""
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        raise AppError("the body is no JSON") from None
    if not isinstance(body, dict):
        raise AppError("the body is no JSON object")
    return body


async def request(
    world: World,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    actor: int = 1,
) -> Reply:
    """Asks ``world`` in this process, without a socket, as ``actor``. ``path`` may have a query string."""
    bare, _, query = path.partition("?")
    sent = {"host": "world", "content-length": str(len(body)), **{k.lower(): v for k, v in (headers or {}).items()}}
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method.upper(),
        "scheme": "http",
        "path": unquote(bare),
        "raw_path": quote(bare, safe=_ASCII).encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()],
        "server": ("world", 80),
        "client": ("127.0.0.1", 0),
        WORLD: world,
        ACTOR: actor,
    }
    return await exchange(world_app(world.registry), scope, body)


async def exchange(app: ASGIApp, scope: Scope, body: bytes) -> Reply:
    """Runs one request through ``app`` and gathers its whole response. An unhandled exception is a plain 500."""
    # Starlette's routes match no line feed: left encoded, it is a part of an id like another (``raw_path`` has it too).
    scope = {**scope, "path": scope["path"].replace("\n", "%0A")}
    parts: list[Message] = []
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return pending.pop() if pending else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        parts.append(message)

    try:
        await app(scope, receive, send)
    except Exception as error:
        # Starlette has sent its 500 and raises again for the server's log.
        if not parts:
            raise
        _log.error("%s %s crashed", scope["method"], scope["path"], exc_info=error)
    start = parts[0]
    raw = tuple((bytes(name), bytes(value)) for name, value in start.get("headers", ()))
    return Reply(start["status"], raw, b"".join(part.get("body", b"") for part in parts[1:]))


def token(world: World, person: int) -> str:
    """The bearer token of ``person``: 32 hex digits that follow from the world's seed."""
    return "".join(f"{derive(world.seed, 'token', person, part):016x}" for part in range(2))


class Gate:
    """What stands between a socket and a world: tokens, one request at a time, bodies read before it starts.

    ``extra``: an ASGI app by the mount that it takes from the world's own, ``/admin``.
    """

    def __init__(self, world: World, extra: Mapping[str, ASGIApp] | None = None) -> None:
        self._world = world
        self._app = world_app(world.registry)
        self._extra = dict(extra or {})
        self._apis = [(f"/{app.name}/{prefix}", app) for app in world.apps for prefix in app.api]

    def _api(self, path: str) -> App | None:
        """The app whose API ``path`` is a part of."""
        return next((app for prefix, app in self._apis if path.startswith(prefix)), None)

    def _actor(self, scope: Scope, api: App | None) -> int | None:
        """Who asks, or None for someone that may not. Pages without a token act as the agent's own account."""
        given = (Auth() if api is None else api.auth).token(scope["headers"], scope["query_string"])
        if given is None:
            return None if api is not None else 1
        known = {token(self._world, person): person for person in self._world.persons()}
        return known.get(given)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answers one HTTP request; refuses all else (web sockets)."""
        if scope["type"] != "http":
            return
        api = self._api(scope["path"])
        refuse = plain_error if api is None else api.failed
        actor = self._actor(scope, api)
        try:
            body = await _read(receive)
        except ClientDisconnect:
            return  # half a request is none
        if actor is None:
            await refuse(NoToken("a token of this world is needed"))(scope, receive, send)
        elif body is None:
            await refuse(TooLarge("the body is too large"))(scope, receive, send)
        else:
            if api is not None:
                scope, body = _as_meant(scope, body)
            # Nothing in here awaits the outside, so two requests never share a transaction.
            app = self._extra.get("/" + scope["path"][1:].partition("/")[0], self._app)
            reply = await exchange(app, {**scope, WORLD: self._world, ACTOR: actor}, body)
            await send({"type": "http.response.start", "status": reply.status, "headers": list(reply.raw)})
            await send({"type": "http.response.body", "body": reply.body})


def _as_meant(scope: Scope, body: bytes) -> tuple[Scope, bytes]:
    """What a POST stands for that says so by ``x-http-method-override: GET``, its query as a form in the body: vendors'
    clients send one where a query would be too long for an address."""
    headers = {name.lower(): value for name, value in scope["headers"]}
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    override = headers.get(b"x-http-method-override", b"").strip().upper()
    if (scope["method"], override, kind) != ("POST", b"GET", b"application/x-www-form-urlencoded"):
        return scope, body
    query = b"&".join(part for part in (scope["query_string"], body) if part)
    left = [pair for pair in scope["headers"] if pair[0].lower() not in (b"content-type", b"content-length")]
    return {**scope, "method": "GET", "query_string": query, "headers": left}, b""


async def _read(receive: Any) -> bytes | None:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        size += len(part)
        if size <= LARGEST_BODY:
            parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts) if size <= LARGEST_BODY else None
