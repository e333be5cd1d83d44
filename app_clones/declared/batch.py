"""Several requests in one, as Google's clients send them: multipart/mixed, each part an HTTP request of its own."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from app_clones.declared import wire
from app_clones.declared.uploads import PREFIX, parts_of
from app_clones.kit.asgi import ACTOR, WORLD, Reply
from app_clones.kit.asgi import request as ask
from app_clones.kit.errors import AppError

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

MOST_CALLS = 100
_BOUNDARY = "batch-answer"


@dataclass(frozen=True, slots=True)
class _Inner:
    """One request of a batch; ``id``: the Content-ID of its part, which that of its answer repeats."""

    id: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Batch:
    """Answers a batch: runs its requests in order, each one a step of its own. (An object, so that it is ASGI.)"""

    def __init__(self, ready: Declared) -> None:
        self._api = ready.decl.api

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        data = await request.body()
        try:
            inner = self._inner(request, data)
        except AppError as error:
            await wire.failed(self._api, error)(scope, receive, send)
            return
        parts = []
        for one in inner:
            reply = await ask(
                scope[WORLD], one.method, one.path, headers=one.headers, body=one.body, actor=scope[ACTOR]
            )
            parts.append(b"--%s\r\n%s\r\n" % (_BOUNDARY.encode(), _answered(one.id, reply)))
        whole = b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()
        await Response(whole, media_type=f'multipart/mixed; boundary="{_BOUNDARY}"')(scope, receive, send)

    def _inner(self, request: Request, data: bytes) -> list[_Inner]:
        content_type = request.headers.get("content-type", "")
        is_mixed = content_type.partition(";")[0].strip().lower() == "multipart/mixed"
        parts = parts_of(content_type, data) if is_mixed else []
        if not 0 < len(parts) <= MOST_CALLS:
            raise AppError(f"A batch is multipart/mixed with 1 to {MOST_CALLS} parts of application/http")
        mount = request.scope["root_path"]
        roots = tuple(f"{mount}/{prefix}{self._api.base}" for prefix in ("", PREFIX))
        found = [_read(part) for part in parts]
        if not all(one.path.startswith(roots) for one in found):
            raise AppError("A batch's calls go to the API's own methods")
        return found


def _read(part: Any) -> _Inner:
    content = part.get_payload(decode=True) or b""
    first, _, rest = content.lstrip().partition(b"\n")
    words = first.decode("latin-1").split()
    if part.get_content_type() != "application/http" or len(words) != 3 or not words[1].startswith("/"):
        raise AppError("A batch's part holds one HTTP request")
    told: Any = message_from_bytes(rest, policy=policy.HTTP)
    head_end = min((at for at in (rest.find(b"\r\n\r\n"), rest.find(b"\n\n")) if at >= 0), default=len(rest))
    headers = {name.lower(): str(value) for name, value in told.items() if name.lower() != "content-length"}
    id = str(part.get("Content-ID", ""))
    return _Inner(id, words[0].upper(), words[1], headers, rest[head_end:].lstrip(b"\r\n"))


def _answered(id: str, reply: Reply) -> bytes:
    marked = f"<response-{id.strip().removeprefix('<')}" if id else "<response>"
    head = (
        f"Content-Type: application/http\r\nContent-ID: {marked}\r\n\r\n"
        f"HTTP/1.1 {reply.status} {'OK' if reply.status < 400 else 'Error'}\r\n"
        f"Content-Type: {reply.headers.get('content-type', 'application/json; charset=UTF-8')}\r\n"
        f"Content-Length: {len(reply.body)}\r\n\r\n"
    )
    return head.encode() + reply.body
