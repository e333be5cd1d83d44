"""Gmail's routes: every method, the batch endpoint, and a clear refusal of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from email import message_from_bytes, policy
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app_clones.kit.asgi import ACTOR, WORLD, Reply
from app_clones.kit.asgi import request as ask
from app_clones.mail.gmail import labels_drafts, messages, threads, wire
from app_clones.mail.gmail.wire import GoogleError

_VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_MOST_CALLS = 100
_BOUNDARY = "batch-answer"


def gmail_routes() -> Sequence[BaseRoute]:
    """Returns the routes, relative to the app's mount."""
    methods = (*messages.METHODS, *threads.METHODS, *labels_drafts.METHODS)
    routes: list[BaseRoute] = [route for method in methods for route in method.routes()]
    routes += [Route(path, _batch, methods=["POST"]) for path in ("/batch", "/batch/gmail/v1")]
    routes += [Route(f"{head}/{{rest:path}}", _unknown, methods=_VERBS) for head in ("/gmail/v1", "/upload/gmail/v1")]
    return routes


async def _unknown(request: Request) -> Response:
    return wire.failed(GoogleError(f"This clone has no method {request.method} {request.url.path}", 501))


async def _batch(request: Request) -> Response:
    """Runs the calls of a multipart/mixed body, in order; each is a request, and so a step, of its own."""
    data = await request.body()
    try:
        calls = _calls(request.headers.get("content-type", ""), data, request.scope["root_path"])
    except GoogleError as error:
        return wire.failed(error)
    parts = []
    for id, verb, path, headers, body in calls:
        reply = await ask(request.scope[WORLD], verb, path, headers=headers, body=body, actor=request.scope[ACTOR])
        parts.append(_part(id, reply))
    text = b"".join(b"--" + _BOUNDARY.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    return Response(
        text + b"--" + _BOUNDARY.encode() + b"--\r\n", media_type=f'multipart/mixed; boundary="{_BOUNDARY}"'
    )


Inner = tuple[str, str, str, dict[str, str], bytes]


def _calls(content_type: str, data: bytes, base: str) -> list[Inner]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    whole: Any = message_from_bytes(head + data, policy=policy.HTTP)
    parts = list(whole.iter_parts()) if whole.get_content_type() == "multipart/mixed" and whole.is_multipart() else []
    if not parts or len(parts) > _MOST_CALLS:
        raise GoogleError(f"A batch is multipart/mixed with 1 to {_MOST_CALLS} parts of application/http")
    return [_call(part, base) for part in parts]


def _call(part: Any, base: str) -> Inner:
    content = part.get_payload(decode=True) or b""
    first, _, rest = content.lstrip().partition(b"\n")
    words = first.decode("latin-1").split()
    if part.get_content_type() != "application/http" or len(words) != 3 or not words[1].startswith("/"):
        raise GoogleError("A batch's part holds one HTTP request")
    inner: Any = message_from_bytes(rest, policy=policy.HTTP)
    head_end = min((at for at in (rest.find(b"\r\n\r\n"), rest.find(b"\n\n")) if at >= 0), default=len(rest))
    body = rest[head_end:].lstrip(b"\r\n")
    headers = {name.lower(): str(value) for name, value in inner.items() if name.lower() != "content-length"}
    path = words[1]
    if not path.startswith((f"{base}/gmail/v1/", f"{base}/upload/gmail/v1/")):
        raise GoogleError("A batch's calls go to Gmail's methods")
    return str(part.get("Content-ID", "")), words[0].upper(), path, headers, body


def _part(id: str, reply: Reply) -> bytes:
    marked = f"<response-{id.strip().removeprefix('<')}" if id else "<response>"
    head = (
        f"Content-Type: application/http\r\nContent-ID: {marked}\r\n\r\n"
        f"HTTP/1.1 {reply.status} {'OK' if reply.status < 400 else 'Error'}\r\n"
        f"Content-Type: {reply.headers.get('content-type', 'application/json; charset=UTF-8')}\r\n"
        f"Content-Length: {len(reply.body)}\r\n\r\n"
    )
    return head.encode() + reply.body
