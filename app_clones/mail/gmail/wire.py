"""How Google's APIs speak: typed parameters, field masks, and one error form. Nothing unknown is ever ignored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import QueryParams
from starlette.responses import Response

from app_clones.kit.errors import AppError, Conflict, Forbidden, NotFound

_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED",
           412: "FAILED_PRECONDITION", 413: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL",
           501: "UNIMPLEMENTED"}  # fmt: skip
_REASON = {400: "invalidArgument", 401: "authError", 403: "forbidden", 404: "notFound", 409: "aborted",
           412: "conditionNotMet", 413: "uploadTooLarge", 429: "rateLimitExceeded", 500: "backendError",
           501: "notImplemented"}  # fmt: skip


class GoogleError(AppError):
    """An answer that is an error; ``status`` is its HTTP status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[type[GoogleError], tuple[str, int]]:  # type: ignore[override]
        return type(self), (self.message, self.status)


class Query(BaseModel):
    """The query parameters that every method takes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    alt: Literal["json"] = "json"
    fields: str = ""
    pretty_print: bool = Field(default=False, alias="prettyPrint")
    key: str = ""
    quota_user: str = Field(default="", alias="quotaUser")
    access_token: str = ""
    oauth_token: str = ""
    xgafv: Literal["1", "2"] = Field(default="1", alias="$.xgafv")
    upload_type: Literal["", "media", "multipart"] = Field(default="", alias="uploadType")


class Body(BaseModel):
    """A request's JSON body."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def parse_query(model: type[Query], params: QueryParams) -> Any:
    """Returns the query as ``model``. Raises GoogleError for an unknown name and for a value given twice."""
    lists = {f.alias or name for name, f in model.model_fields.items() if "list" in str(f.annotation)}
    given: dict[str, Any] = {}
    for name in params:
        values = params.getlist(name)
        if name not in lists and len(values) > 1:
            raise GoogleError(f'Parameter "{name}" is given {len(values)} times')
        given[name] = values if name in lists else values[0]
    return _validated(model, given, "query parameter")


def parse_body(model: type[Body], data: bytes) -> Any:
    """Returns the JSON body as ``model``; an empty one counts as ``{}``. Raises GoogleError."""
    try:
        given = json.loads(data) if data.strip() else {}
        json.dumps(given, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        raise GoogleError("Invalid JSON payload received. Parse error.") from None
    if not isinstance(given, dict):
        raise GoogleError("Invalid JSON payload received. An object is needed.")
    return _validated(model, given, "field")


def _validated(model: type[BaseModel], given: Mapping[str, Any], what: str) -> Any:
    try:
        return model.model_validate(given, by_alias=True, by_name=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise GoogleError(f'Unknown name "{name[:80]}": no such {what}.') from None
        raise GoogleError(f"Invalid value for {what} '{name[:80]}': {first['msg']}") from None


def error_body(status: int, message: str) -> dict[str, Any]:
    """Returns Google's error envelope."""
    return {
        "error": {
            "code": status,
            "message": message,
            "errors": [{"message": message, "domain": "global", "reason": _REASON.get(status, "invalid")}],
            "status": _STATUS.get(status, "UNKNOWN"),
        }
    }


def failed(error: AppError) -> Response:
    """Returns an error as Google says it."""
    status = error.status
    message = error.message
    if isinstance(error, NotFound) and message.startswith(("no message", "no thread", "no draft", "no label")):
        message = "Requested entity was not found."
    if isinstance(error, Conflict | Forbidden) and status not in _STATUS:
        status = 400
    response = answer(error_body(status, message), status=status)
    response.headers.update(error.headers)
    return response


def answer(data: Any, *, status: int = 200, pretty: bool = False) -> Response:
    """Returns ``data`` as JSON; None as an empty 204."""
    if data is None:
        return Response(status_code=204)
    text = json.dumps(data, ensure_ascii=False, indent=2 if pretty else None, separators=None if pretty else (",", ":"))
    return Response(text.encode(), status_code=status, media_type="application/json; charset=UTF-8")
