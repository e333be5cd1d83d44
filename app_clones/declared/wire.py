"""How requests and answers stand on the wire: texts to JSON, forms with nested keys, error bodies of several kinds."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from starlette.responses import Response

from app_clones.declared.expressions import prepare
from app_clones.declared.model import Api, ErrorForm, Told
from app_clones.declared.refusals import Exists, Stale
from app_clones.kit.app import plain_body
from app_clones.kit.errors import AppError, Conflict

Json = Any

_FORM = "application/x-www-form-urlencoded"
_GOOGLE = {
    400: ("INVALID_ARGUMENT", "badRequest"),
    401: ("UNAUTHENTICATED", "authError"),
    403: ("PERMISSION_DENIED", "forbidden"),
    404: ("NOT_FOUND", "notFound"),
    405: ("UNIMPLEMENTED", "httpMethodNotAllowed"),
    409: ("ABORTED", "conflict"),
    412: ("FAILED_PRECONDITION", "conditionNotMet"),
    413: ("INVALID_ARGUMENT", "uploadTooLarge"),
    415: ("INVALID_ARGUMENT", "unsupportedMediaType"),
    429: ("RESOURCE_EXHAUSTED", "rateLimitExceeded"),
    500: ("INTERNAL", "backendError"),
    501: ("UNIMPLEMENTED", "notImplemented"),
    503: ("UNAVAILABLE", "backendError"),
}
#: The words by which an API's declaration calls them.
STATUSES = frozenset(word for word, _ in _GOOGLE.values()) | {"ALREADY_EXISTS"}
#: What the expressions of an API's own form of errors may name.
ERROR_NAMES = ("status", "code", "title", "message")


class NotAllowed(AppError):
    """The path is there, but not for this method; ``allowed`` are those it is for."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, message: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.allowed = allowed

    @property
    def headers(self) -> Mapping[str, str]:
        """What the path is for."""
        return {"allow": ", ".join(self.allowed)}


class WrongMedia(AppError):
    """A body of a kind that is not read."""

    status = 415
    code = "unsupported_media_type"


def read_body(content_type: str, data: bytes) -> tuple[Json, bool]:
    """The body as JSON, and whether it was a form, whose leaves are texts. An empty one is an empty object.

    Raises :class:`AppError` where it cannot be read.
    """
    if not data.strip():
        return {}, False
    kind = content_type.partition(";")[0].strip().lower()
    if kind == _FORM:
        return read_form(data), True
    if kind != "application/json" and not kind.endswith("+json"):
        raise WrongMedia(f"a body of {kind[:60]} is not read; it is JSON")
    try:
        return parse_json(data), False
    except (ValueError, RecursionError):
        raise AppError("the body is no JSON") from None


def parse_json(data: bytes | str) -> Json:
    """What ``data`` says in JSON. Raises ValueError, or RecursionError, where it is none."""
    found = json.loads(data, parse_constant=_no_constant)
    json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is no text
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def read_form(data: bytes) -> Json:
    """A form whose keys nest: ``a[b][0]=x`` is ``{"a": {"b": ["x"]}}``, ``a[][b]=x&a[][b]=y`` a list of two objects,
    and so is ``a=x&a=y`` of two texts.

    Raises :class:`AppError`.
    """
    try:
        pairs = parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        raise AppError("the form cannot be read") from None
    whole: dict[str, Json] = {}
    for key, text in pairs:
        parts = re.findall(r"\[([^\[\]]*)\]", key)
        head = key.partition("[")[0]
        if key != head + "".join(f"[{part}]" for part in parts) or len(parts) > 20:
            raise AppError(f"the form's key {key[:60]!r} cannot be read")
        _graft(whole, [head, *parts], text, key)
    return _lists(whole)


def _graft(whole: dict[str, Json], path: list[str], text: str, key: str) -> None:
    at = whole
    for depth, part in enumerate(path[:-1]):
        at = at.setdefault(part or _item(at, path[depth + 1 :]), {})
        if not isinstance(at, dict):
            raise AppError(f"the form's key {key[:60]!r} is a value and more than one")
    last = path[-1] or str(len(at))  # a[]=x&a[]=y
    held = at.get(last, text)
    if isinstance(held, dict):
        raise AppError(f"the form's key {key[:60]!r} is a value and more than one")
    at[last] = text if last not in at else [*held, text] if isinstance(held, list) else [held, text]


def _item(at: Mapping[str, Json], path: Sequence[str]) -> str:
    """Which item of a list ``[]`` means: the last, unless that has a value at ``path`` already; then the next."""
    held = at.get(str(len(at) - 1))
    for part in path:
        held = held.get(part) if isinstance(held, dict) and part else None
    return str(len(at)) if held is not None or not at else str(len(at) - 1)


def _lists(value: Json) -> Json:
    """Objects whose keys count from 0 are lists."""
    if not isinstance(value, dict):
        return value
    inner = {name: _lists(each) for name, each in value.items()}
    if inner and sorted(inner) == sorted(map(str, range(len(inner)))):
        return [inner[str(place)] for place in range(len(inner))]
    return inner


def answered(body: Json, status: int, *, pretty: bool = False) -> Response:
    """An answer."""
    if status in (204, 304):
        return Response(status_code=status)
    return _json(body, status, "application/json; charset=UTF-8", pretty=pretty)


def failed(api: Api, error: AppError) -> Response:
    """An error in the API's own form."""
    headers = error.headers
    if isinstance(api.errors, ErrorForm):
        return _json(error_body(api.errors, error), error.status, api.errors.media, headers)
    if api.errors == "google":
        status, body = google_error(api, error)
        return _json(body, status, "application/json; charset=UTF-8", headers)
    if api.errors == "problem":
        problem = {"type": "about:blank", "title": _title(error), "status": error.status, "detail": error.message}
        return _json(problem, error.status, "application/problem+json", headers)
    return _json(plain_body(error), error.status, "application/json; charset=UTF-8", headers)


def error_body(form: ErrorForm, error: AppError) -> Json:
    """The body of an error as ``form`` has it."""
    told = {"status": error.status, "code": error.code, "title": _title(error), "message": error.message}
    return prepare(form.body)(lambda names: told[names[0]])


def _title(error: AppError) -> str:
    return error.code.replace("_", " ").capitalize()


def google_error(api: Api, error: AppError) -> tuple[int, Mapping[str, Json]]:
    """The HTTP status and the body of an error as Google's APIs tell it."""
    status = error.status
    word, reason = _GOOGLE.get(status, ("UNKNOWN", "invalid"))
    if isinstance(error, Exists):
        word, reason = "ALREADY_EXISTS", "alreadyExists"
    elif isinstance(error, Stale):
        status, (word, reason) = 409, _GOOGLE[409]
    elif isinstance(error, Conflict):
        status, word, reason = 400, "FAILED_PRECONDITION", "failedPrecondition"
    own = api.told.get(word, Told())
    message, word = own.message or error.message, own.status or word
    first = {"message": message, "domain": "global", "reason": own.reason or reason}
    return status, {"error": {"code": status, "message": message, "errors": [first], "status": word}}


def _json(
    body: Json, status: int, media: str, headers: Mapping[str, str] | None = None, *, pretty: bool = False
) -> Response:
    spaced: Mapping[str, Any] = {"indent": 2} if pretty else {"separators": (",", ":")}
    text = json.dumps(body, ensure_ascii=False, **spaced)
    return Response(text.encode(), status_code=status, media_type=media, headers=dict(headers or {}))
