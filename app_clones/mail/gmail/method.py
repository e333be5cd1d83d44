"""One Gmail method as data, and the request that runs it: parse all, one transaction, mask, answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app_clones.kit import mask as masks
from app_clones.kit.asgi import opened
from app_clones.kit.errors import AppError
from app_clones.kit.world import Call
from app_clones.mail import people
from app_clones.mail.gmail import wire
from app_clones.mail.gmail.wire import Body, GoogleError, Query

PREFIX = "/gmail/v1/users/{user_id}"
_RFC822 = "message/rfc822"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, parsed. ``path`` holds the ids of its path, ``media`` the uploaded bytes, if any."""

    path: Mapping[str, str]
    query: Any
    body: Any
    media: bytes | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """``run`` returns the answer as data, None for an empty one. ``answers``: the fields that it may have.
    ``upload``: it also takes the message as media under ``/upload``."""

    verb: str
    path: str
    run: Callable[[Call, Asked], Any]
    answers: Mapping[str, Any]
    query: type[Query] = Query
    body: type[Body] | None = None
    upload: bool = False

    def routes(self) -> list[Route]:
        plain = Route(PREFIX + self.path, self._endpoint(uploaded=False), methods=[self.verb])
        if not self.upload:
            return [plain]
        return [plain, Route("/upload" + PREFIX + self.path, self._endpoint(uploaded=True), methods=[self.verb])]

    def _endpoint(self, *, uploaded: bool) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            data = await request.body()
            try:
                return self._answer(request, data, uploaded)
            except AppError as error:
                return wire.failed(error)

        return endpoint

    def _answer(self, request: Request, data: bytes, uploaded: bool) -> Response:
        query = wire.parse_query(self.query, request.query_params)
        if bool(query.upload_type) != uploaded:
            raise GoogleError("uploadType belongs to the upload path, and is needed there")
        media = None
        if uploaded:
            data, media = _parts(query.upload_type, request.headers.get("content-type", ""), data)
        if self.body is None and data.strip():
            raise GoogleError("This method takes no request body")
        body = wire.parse_body(self.body, data) if self.body else None
        mask = masks.parse(query.fields) if query.fields else {}
        masks.check(mask, self.answers)
        with opened(request) as call:
            _check_user(call, request.path_params["user_id"])
            out = self.run(call, Asked(request.path_params, query, body, media))
        return wire.answer(masks.apply(mask, out), pretty=query.pretty_print)


def _check_user(call: Call, user_id: str) -> None:
    me = people.person(call, call.actor)
    if user_id.lower() not in ("me", me.email.lower()):
        raise GoogleError(f"Delegation denied for {me.email}", 403)


def _parts(kind: str, content_type: str, data: bytes) -> tuple[bytes, bytes]:
    """Returns (JSON metadata, message) of an upload. Raises GoogleError."""
    if kind == "media":
        if content_type.split(";")[0].strip().lower() != _RFC822:
            raise GoogleError(f"Media type {content_type[:80]!r} is not supported; it is {_RFC822}")
        return b"", data
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    found = message_from_bytes(head + data, policy=policy.HTTP)
    parts = list(found.iter_parts()) if isinstance(found, EmailMessage) and found.is_multipart() else []
    if len(parts) != 2 or parts[1].get_content_type() != _RFC822:
        raise GoogleError(f"A multipart upload has two parts: JSON, then {_RFC822}")
    metadata = parts[0].get_payload(decode=True)
    return bytes(metadata) if isinstance(metadata, bytes) else b"", _media(parts[1])


def _media(part: Any) -> bytes:
    inner = part.get_payload()
    if isinstance(inner, list):
        return bytes(inner[0].as_bytes(policy=policy.SMTP))
    return str(inner).encode("utf-8", "surrogateescape")
