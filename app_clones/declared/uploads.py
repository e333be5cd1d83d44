"""Uploads as Google's APIs take them: bytes alone (``uploadType=media``), or after a part of JSON (``multipart``)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage, Message

from starlette.requests import Request

from app_clones.kit.errors import AppError

#: Where they go: this, then the API's root.
PREFIX = "upload/"
#: The parameter of the query that says how they come.
KIND = "uploadType"


@dataclass(frozen=True, slots=True)
class Upload:
    """A request in two parts: its JSON, which may be empty, and the bytes that are uploaded, as base64 text."""

    body: bytes
    media: str


def read_upload(request: Request, data: bytes, accepted: Sequence[str]) -> Upload:
    """What is uploaded, of one of the media types ``accepted``. Raises :class:`AppError`."""
    kind, content_type = request.query_params.get(KIND, ""), request.headers.get("content-type", "")
    if kind == "media":
        _check_type(content_type.partition(";")[0].strip().lower(), accepted)
        return Upload(b"", _text(data))
    if kind != "multipart":
        raise AppError(f"{KIND} is media or multipart here, not {kind[:40]!r}")
    parts = parts_of(content_type, data)
    if len(parts) != 2:
        raise AppError("a multipart upload has two parts: JSON, then what is uploaded")
    _check_type(parts[1].get_content_type(), accepted)
    body = parts[0].get_payload(decode=True)
    return Upload(body if isinstance(body, bytes) else b"", _text(_bytes(parts[1])))


def parts_of(content_type: str, data: bytes) -> list[Message]:
    """The parts of a multipart body; none where it is something else."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    found = message_from_bytes(head + data, policy=policy.HTTP)
    return list(found.iter_parts()) if isinstance(found, EmailMessage) and found.is_multipart() else []


def _check_type(given: str, accepted: Sequence[str]) -> None:
    if given not in accepted:
        raise AppError(f"media of the type {given[:80]!r} is not taken; it is {', '.join(accepted)}")


def _bytes(part: Message) -> bytes:
    inner = part.get_payload()
    if isinstance(inner, list) and isinstance(inner[0], Message):  # a message within a message
        return inner[0].as_bytes(policy=policy.SMTP)
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else str(inner).encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode()
