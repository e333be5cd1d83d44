"""Seeded faults: apps that now and then fail as real services do, and work again once that is dealt with.

Off unless a world is built with them. What fails is a pure function of the world's seed, of what is asked (a tool; a
request's method and path) and of the window of virtual time, so every fork meets the same faults. An error or a rate
limit is over with its window. A stale page or an ended session lasts within it only until the account has seen to it:
looked again, signed in again; when it last did so is a row, a log that no comparison counts.

A fault always comes before any effect: what failed has done nothing, and may be repeated.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import apsw

from app_clones.kit.errors import Fault, KitError, RateLimited, SignedOut, StalePage, Unavailable
from app_clones.kit.protocol import Call
from app_clones.kit.schema import Column, Table
from app_clones.kit.seeds import derive

if TYPE_CHECKING:
    from app_clones.kit.call import Transaction

ERROR, RATE_LIMIT, STALE, EXPIRED = "error", "rate_limit", "stale_page", "expired_session"

KINDS: Mapping[str, type[Fault]] = {
    ERROR: Unavailable,
    RATE_LIMIT: RateLimited,
    STALE: StalePage,
    EXPIRED: SignedOut,
}
"""What can happen, by the name that a spec calls it."""

#: What never fails: how an episode ends and how its time passes is not up to a service, and one can always sign in.
SPARED = ("task_", "clock_", "GET /kit/", "POST /kit/")

#: A session is one for all apps, so that is what ends; all else fails by itself.
SESSION = "session"

TABLE = Table(
    "kit_fault",
    (Column("id", "INTEGER", "id"), Column("kind"), Column("rate", "REAL"), Column("window_ms", "INTEGER")),
)
#: When an account last looked again at what had become stale, or signed in.
SEEN_TABLE = Table(
    "kit_fault_seen",
    (Column("actor", "INTEGER", "log"), Column("what", kind="log"), Column("at_ms", "INTEGER", "log")),
    key=("actor", "what"),
)
_WHOLE = 1 << 63  # of what derive() gives
#: Steps after a rate limit is over in which what it hit works for certain: a wait is a step, and may be rounded up.
_GRACE = 3


@dataclass(frozen=True, slots=True)
class Faults:
    """``rate``: the share of windows, each of ``window_ms`` virtual ms, in which what is asked fails, the ``kinds`` (of
    KINDS) in equal parts. Reading, nothing is stale; a session ends for all apps at once."""

    rate: float = 0.0
    kinds: Sequence[str] = tuple(KINDS)
    window_ms: int = 120_000

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - set(KINDS))
        if unknown or not self.kinds:
            raise KitError(f"faults are of the kinds {', '.join(KINDS)}, not {', '.join(unknown) or 'none'}")
        if not 0 <= self.rate <= 0.9 or self.window_ms < 1:
            raise KitError("faults come in 0 to 0.9 of the windows, each of at least 1 ms: what fails must work again")

    def met(
        self, seed: int, now_ms: int, step_ms: int, what: str, *, writes: bool, seen: Mapping[str, int]
    ) -> Fault | None:
        """The fault that ``what`` meets at that time, or None. ``seen``: when the account last looked at it, or signed
        in (:data:`SESSION`), in virtual ms."""
        if not self.rate or what.startswith(SPARED):
            return None
        window = now_ms // self.window_ms
        begin = window * self.window_ms
        undone = "nothing was done" if writes else "nothing was read"
        if self._drawn(seed, SESSION, window) == EXPIRED and seen.get(SESSION, -1) < begin:
            return SignedOut(f"your session has ended; {undone}; sign in again (POST /kit/token)")
        kind = self._drawn(seed, what, window)
        if kind == ERROR:
            return Unavailable(f"the service failed; {undone}; try again")
        if kind == RATE_LIMIT:
            seconds = self._clear_s(seed, now_ms, step_ms, what)
            return RateLimited(f"too many requests; {undone}; try again in {seconds} seconds", seconds)
        if kind == STALE and writes and seen.get(what, -1) < begin:
            return StalePage(f"this has changed since you looked at it; {undone}; look again, then repeat it")
        return None

    def _drawn(self, seed: int, what: str, window: int) -> str | None:
        drawn = derive(seed, "fault", what, window)
        return self.kinds[drawn % len(self.kinds)] if drawn < self.rate * _WHOLE else None

    def _clear_s(self, seed: int, now_ms: int, step_ms: int, what: str) -> int:
        """Seconds from the end of this step until ``what`` works, and goes on to for a while."""
        window = now_ms // self.window_ms + 1
        while any(
            self._drawn(seed, what, window + k * step_ms // self.window_ms) in (ERROR, RATE_LIMIT)
            for k in range(_GRACE + 1)
        ):
            window += 1
        return max(1, -((now_ms + step_ms - window * self.window_ms) // 1000))


def write(call: Transaction, faults: Faults) -> None:
    """Makes ``faults`` the world's own, as it is built."""
    for kind in faults.kinds if faults.rate else ():
        call.insert(TABLE.name, kind=kind, rate=float(faults.rate), window_ms=faults.window_ms)


def of(db: apsw.Connection) -> Faults | None:
    """The world's faults, None where it has none."""
    rows = db.execute("SELECT kind,rate,window_ms FROM kit_fault ORDER BY id").fetchall()
    if not rows:
        return None
    return Faults(float(rows[0][1]), tuple(str(row[0]) for row in rows), int(rows[0][2]))  # type: ignore[arg-type]


def seen(call: Call, what: str) -> dict[str, int]:
    """When the acting account last saw to ``what`` and to its session, as :meth:`Faults.met` takes it."""
    sql = f"SELECT what,at_ms FROM {SEEN_TABLE.name} WHERE actor=? AND what IN (?,?) ORDER BY what"
    return {str(name): int(at_ms) for name, at_ms in call.rows(sql, call.actor, what, SESSION)}


def see(call: Call, what: str, actor: int | None = None) -> None:
    """Notes that the account has seen to ``what`` now."""
    who = call.actor if actor is None else actor
    call.delete(SEEN_TABLE.name, actor=who, what=what)
    call.put(SEEN_TABLE.name, actor=who, what=what, at_ms=call.now_ms)


def check(call: Transaction, tool: str, *, writes: bool) -> None:
    """Raises the fault that ``tool`` meets now, if it meets one.

    A tool has no page to look at again and no form to sign in with: being told is enough, and the call may be repeated.
    """
    if call.faults is None:
        return
    fault = call.faults.met(call.seed, call.now_ms, call.step_ms, tool, writes=writes, seen=seen(call, tool))
    if isinstance(fault, SignedOut):
        see(call, SESSION)
        fault = SignedOut(f"{fault.message.partition(';')[0]}; you were signed in again; repeat the call")
    elif isinstance(fault, StalePage):
        see(call, tool)
    if fault is not None:
        raise fault


def codes() -> Collection[str]:
    """The error codes by which an agent knows that trying again may help."""
    return tuple(error.code for error in KINDS.values())
