"""Why the engine refuses, beyond the kit's own errors; their codes are the kit's, their HTTP forms differ."""

from __future__ import annotations

from app_clones.kit.errors import AppError, Conflict


class Exists(Conflict):
    """There is such a row already."""


class Stale(Conflict):
    """The row is no longer the one that the client saw."""

    status = 412


class NotBuilt(AppError):
    """The clone does not have this part of its original, and says so."""

    status = 501
    code = "not_implemented"
