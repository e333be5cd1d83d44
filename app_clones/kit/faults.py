"""Seeded faults: tools that now and then fail as real services do, and work again a little later.

Off unless a world is built with them. Whether a tool fails is a pure function of the world's seed, the tool and the
window of virtual time, so every fork meets the same faults, and trying again in a later window succeeds. Faults of
the pages (a stale page, an expired session) are no kinds of these: they belong to the browser's session.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app_clones.kit.errors import AppError, KitError, RateLimited, Unavailable
from app_clones.kit.schema import Column, Table
from app_clones.kit.seeds import derive

if TYPE_CHECKING:
    from app_clones.kit.call import Transaction

KINDS: dict[str, type[AppError]] = {"error": Unavailable, "rate_limit": RateLimited}
"""What can happen, by the name that a spec calls it."""

#: Apps that never fail: how an episode ends and how its time passes is not up to a service.
SPARED = ("task_", "clock_")

TABLE = Table(
    "kit_fault",
    (Column("id", "INTEGER", "id"), Column("kind"), Column("rate", "REAL"), Column("window_ms", "INTEGER")),
)
_MESSAGES = {"error": "the service failed; nothing was done", "rate_limit": "too many requests; nothing was done"}
_WHOLE = 1 << 63  # of what derive() gives


@dataclass(frozen=True, slots=True)
class Faults:
    """``rate``: the share of windows, each of ``window_ms`` virtual ms, in which a tool fails; ``kinds``: of KINDS."""

    rate: float = 0.0
    kinds: Sequence[str] = tuple(KINDS)
    window_ms: int = 120_000

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - set(KINDS))
        if unknown or not self.kinds:
            raise KitError(f"faults are of the kinds {', '.join(KINDS)}, not {', '.join(unknown) or 'none'}")
        if not 0 <= self.rate <= 0.9 or self.window_ms < 1:
            raise KitError("faults come in 0 to 0.9 of the windows, each of at least 1 ms: what fails must work again")

    def at(self, seed: int, now_ms: int, tool: str) -> str | None:
        """The kind of fault that ``tool`` meets at that time, or None."""
        if not self.rate or tool.startswith(SPARED):
            return None
        drawn = derive(seed, "fault", tool, now_ms // self.window_ms)
        return self.kinds[drawn % len(self.kinds)] if drawn < self.rate * _WHOLE else None


def write(call: Transaction, faults: Faults) -> None:
    """Makes ``faults`` the world's own, as it is built."""
    for kind in faults.kinds if faults.rate else ():
        call.insert(TABLE.name, kind=kind, rate=float(faults.rate), window_ms=faults.window_ms)


def of(call: Transaction) -> Faults | None:
    """The world's faults, None where it has none."""
    rows = call.db.execute("SELECT kind,rate,window_ms FROM kit_fault ORDER BY id").fetchall()
    if not rows:
        return None
    return Faults(float(rows[0][1]), tuple(str(row[0]) for row in rows), int(rows[0][2]))  # type: ignore[arg-type]


def check(call: Transaction, tool: str) -> None:
    """Raises the fault that ``tool`` meets now, if it meets one. Tools ask by themselves, routes call this."""
    faults = of(call)
    kind = faults.at(call.seed, call.now_ms, tool) if faults else None
    if kind:
        raise KINDS[kind](_MESSAGES[kind])


def codes() -> Collection[str]:
    """The error codes by which an agent knows that trying again may help."""
    return tuple(error.code for error in KINDS.values())
