"""An app as data: tables, operations, event handlers, routes. Python only where a declaration cannot say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from app_clones.kit.errors import AppError
from app_clones.kit.protocol import Build, Call
from app_clones.kit.schema import Search, Table


class Params(BaseModel):
    """Base of every operation's parameters: unknown or mistyped arguments are refused, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=100_000, allow_inf_nan=False)


class Parameters(Protocol):
    """What an operation takes: a :class:`Params` class, or an object that does as one (a thousand classes are slow)."""

    def model_validate(self, obj: Any, /) -> Any:
        """``obj``, a dict of JSON values, as ``run`` takes it. Raises :class:`~app_clones.kit.errors.AppError` (or
        pydantic's error) at what it does not know or cannot take."""
        ...

    def model_json_schema(self) -> dict[str, Any]:
        """JSON Schema of that dict."""
        ...


class Options(BaseModel):
    """Base of an app's build options, as a spec's ``apps: {mail: {...}}`` gives them."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing an app can do; the tool of the same name, prefixed by the app's (``mail_search``).

    ``run(call, params)`` returns JSON-able data or raises :class:`~app_clones.kit.errors.AppError`, in which case
    nothing it did stays. ``render`` turns the data into the text an agent reads (default: compact JSON).
    """

    name: str
    description: str
    params: type[Params] | Parameters
    run: Callable[[Call, Any], Any]
    writes: bool
    render: Callable[[Any], str] | None = None


@dataclass(frozen=True, slots=True)
class Takes:
    """What an event's payload may hold, by name; ``needed``: what it must."""

    names: frozenset[str]
    needed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Emission:
    """An event that an app schedules. ``by``: what does so, called as the event that it may be itself
    (``helpdesk.ticket_solve``); ``payload``: the names in it; ``at_once``: in the same moment."""

    event: str
    by: str = ""
    payload: frozenset[str] = frozenset()
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Auth:
    """Where a request to an API says who asks: by a token in ``header``, behind the word ``scheme`` where that is not
    empty, or, where there is a ``query``, in that parameter alone."""

    header: str = "Authorization"
    scheme: str = "Bearer"
    query: str = ""

    def token(self, headers: Sequence[tuple[bytes, bytes]], query: bytes) -> str | None:
        """The token of a request, None where it gives none; empty where what it gives is no token."""
        if self.query:
            return next((text for name, text in parse_qsl(query.decode("latin-1")) if name == self.query), None)
        wanted = self.header.lower().encode()
        given = next((value.decode("latin-1") for name, value in headers if name.lower() == wanted), None)
        if given is None or not self.scheme:
            return given
        kind, _, word = given.partition(" ")
        return word.strip() if kind.lower() == self.scheme.lower() else ""


def plain_body(error: AppError) -> dict[str, Any]:
    """The JSON of an error that is told in no form of an API's own."""
    return {"error": {"code": error.code, "message": error.message}}


def plain_error(error: AppError) -> Response:
    """An error as APIs tell it that have no form of their own."""
    return JSONResponse(plain_body(error), status_code=error.status, headers=dict(error.headers))


@dataclass(frozen=True, slots=True, eq=False)
class App:
    """A whole app. Table, search and event names start with the app's own name and ``_`` resp. ``.``.

    ``populate`` writes the first rows at build time. ``events`` maps an event's name (``mail.deliver``) to the handler
    that runs it when it is due; any app may schedule any other's event by name, which is how effects cross.
    ``takes``: what they are told, of those that say so. ``emits``: events that it schedules; nothing comes of one whose
    app is not in the world.
    ``routes`` are Starlette routes (API and pages) mounted at ``/<name>``; ``api`` lists the paths under that mount
    whose requests need a token when the world is served over a socket (``gmail/v1/``). ``root``: the path under
    that mount that a client of the API is given to put its own behind (``api/``; the Gmail client says ``gmail/v1/``
    itself). ``failed``: how its API tells of an error that comes before any route;
    ``auth``: where it looks for a token.
    """

    name: str
    tables: Sequence[Table]
    operations: Sequence[Operation]
    populate: Callable[[Build, Any], None] = lambda build, options: None
    options: type[Options] = Options
    search: Sequence[Search] = ()
    events: Mapping[str, Callable[[Call, Mapping[str, Any]], None]] = field(default_factory=dict)
    takes: Mapping[str, Takes] = field(default_factory=dict)
    emits: Sequence[Emission] = ()
    routes: Callable[[], Sequence[BaseRoute]] = tuple
    api: Sequence[str] = ()
    root: str = ""
    failed: Callable[[AppError], Response] = plain_error
    auth: Auth = Auth()
