"""The one small tree of errors, and the boundary that sorts what lower layers raise into it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from sandboxes.base import LayerMalformed, LayerMissing, SandboxFault


class GrindError(Exception):
    """Base. ``message`` says what is wrong, ``hint`` what to do about it. All of them pickle."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def __reduce__(self) -> tuple[type[GrindError], tuple[str, str]]:
        return type(self), (self.message, self.hint)


class SpecError(GrindError):
    """A spec is wrong; the message names file, line and field."""


class BuildError(GrindError):
    """A build ran and failed."""


class InputGone(GrindError):
    """A locked blob is missing from the store or its bytes do not match its digest."""


class SandboxError(GrindError):
    """A sandbox could not be had or was lost."""


class PolicyError(GrindError):
    """A policy failed to answer (not: answered badly)."""


class VerifierError(GrindError):
    """A verifier failed to come to a verdict (not: came to a bad one)."""


class ReplayDivergence(GrindError):
    """A replayed step differs from the recorded one."""


class RecordError(GrindError):
    """A recorded run, journal or trajectory file cannot be read."""


@contextmanager
def boundary(kind: type[GrindError], doing: str) -> Iterator[None]:
    """Turns anything that is not yet a :class:`GrindError` into one, once, keeping the cause: what a sandbox raises for
    the infrastructure into SandboxError, a lost layer into InputGone, all else into ``kind``.

    ``with boundary(VerifierError, "verify mail/label/3"): ...``; also around awaits.
    """
    try:
        yield
    except GrindError:
        raise
    except LayerMissing as error:
        raise InputGone(f"{doing}: {error}", "`grind build` makes it anew") from error
    except LayerMalformed as error:  # what was being packed is at fault, not the sandbox
        raise kind(f"{doing}: {error}") from error
    except SandboxFault as error:
        raise SandboxError(f"{doing}: {type(error).__name__}: {error}") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise kind(f"{doing}: {type(error).__name__}: {error}") from error
        where = f" for {error.filename}" if error.filename else ""
        hint = "free some, or set GRINDWORKS_HOME to a folder on a larger disk; then run it again"
        raise kind(f"{doing}: no space left on the disk{where}", hint) from error
    except Exception as error:
        raise kind(f"{doing}: {type(error).__name__}: {error}") from error
