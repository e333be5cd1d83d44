"""The kit's few errors. ``factory.boundary`` sorts them into the project's tree; apps raise only :class:`AppError`."""

from __future__ import annotations

from collections.abc import Mapping


class KitError(Exception):
    """Something is wrong with the world or its apps themselves, never with what an agent asked for."""


class SchemaRuleError(KitError):
    """A table breaks a rule without which sessions lose state (DESIGN 2). Raised when an app is registered."""


class WorldDiverged(KitError):
    """An incremental digest and a full computation disagree: state moved behind the kit's back."""


class AppError(Exception):
    """What an operation answers instead of a result: the agent's mistake, shown to it as an observation.

    ``code`` is a stable word (``not_found``), ``status`` the HTTP status its API form uses, ``headers`` what stands
    beside that.
    """

    status = 400
    code = "invalid"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __reduce__(self) -> tuple[type[AppError], tuple[str]]:
        return type(self), (self.message,)

    @property
    def headers(self) -> Mapping[str, str]:
        """HTTP headers, by lower-case name."""
        return {}


class NotFound(AppError):
    """The row named is not there, or not there for this user."""

    status = 404
    code = "not_found"


class NamesNothing(AppError):
    """A row that the request's content refers to is not there: what was sent is wrong, not where it was sent."""


class Conflict(AppError):
    """The row is there already, or not in the state that the operation needs."""

    status = 409
    code = "conflict"


class Forbidden(AppError):
    """The row is there, but not this user's to touch."""

    status = 403
    code = "forbidden"


class NoToken(AppError):
    """Nobody says who asks, or says so by a token that is nobody's."""

    status = 401
    code = "unauthenticated"


class TooLarge(AppError):
    """A body beyond what is read."""

    status = 413
    code = "too_large"


class Fault(AppError):
    """Nobody's mistake: a seeded failure of the service. Nothing was done; dealt with, the same succeeds."""


class Unavailable(Fault):
    """The service failed by itself; later the same may succeed."""

    status = 500
    code = "unavailable"


class RateLimited(Fault):
    """Too many requests; the same succeeds once ``retry_s`` virtual seconds have passed."""

    status = 429
    code = "rate_limited"

    def __init__(self, message: str, retry_s: int) -> None:
        super().__init__(message)
        self.retry_s = retry_s

    def __reduce__(self) -> tuple[type[RateLimited], tuple[str, int]]:  # type: ignore[override]
        return type(self), (self.message, self.retry_s)

    @property
    def headers(self) -> Mapping[str, str]:
        """When to come back."""
        return {"retry-after": str(self.retry_s)}


class StalePage(Fault):
    """What is to be changed was touched after it was looked at; looked at again, the same succeeds."""

    status = 412
    code = "stale"


class SignedOut(Fault):
    """The session has ended; signed in again, the same succeeds."""

    status = 401
    code = "session_expired"

    @property
    def headers(self) -> Mapping[str, str]:
        """That the token is no longer good (RFC 6750)."""
        return {"www-authenticate": 'Bearer error="invalid_token"'}


class UnknownTool(AppError):
    """No operation of that name in this world."""

    status = 404
    code = "unknown_tool"
