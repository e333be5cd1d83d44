"""The events of a declared app: each operation that writes is one; which it schedules, and whether it may."""

from __future__ import annotations

from app_clones.declared.check_common import DeclError, check_constant
from app_clones.declared.expand import writes
from app_clones.declared.model import AppDecl, OperationDecl
from app_clones.kit.app import Emission, Takes
from app_clones.kit.events import emission_fault, ring_at_once, ring_fault


def handled(decl: AppDecl) -> dict[str, str]:
    """The operations that can be events, by the event's name; any app may schedule them. ``decl``: the full form."""
    return {
        f"{decl.app}.{name}": name
        for name, operation in decl.operations.items()
        if operation.kind != "refused" and writes(operation)
    }


def finish(decl: AppDecl) -> str | None:
    """The event that ends work which takes time, of an app that has such."""
    return f"{decl.app}.finish" if decl.api.long_running is not None else None


def takes(decl: AppDecl) -> dict[str, Takes]:
    """What each event's payload may hold: the operation's arguments."""
    found = {event: _takes(decl, decl.operations[name]) for event, name in handled(decl).items()}
    ending = finish(decl)
    return found if ending is None else {**found, ending: Takes(frozenset())}


def _takes(decl: AppDecl, operation: OperationDecl) -> Takes:
    params = {**({} if operation.takes else decl.api.common), **operation.params}
    return Takes(
        frozenset(name for name, param in params.items() if param.role != "refused"),
        frozenset(name for name, param in params.items() if param.required and param.default is None),
    )


def emissions(decl: AppDecl) -> tuple[Emission, ...]:
    """All that the app's operations schedule."""
    return tuple(each for name in decl.operations for each in _emissions(decl, name))


def _emissions(decl: AppDecl, name: str) -> tuple[Emission, ...]:
    return tuple(
        Emission(each.event, f"{decl.app}.{name}", frozenset(each.payload), at_once=each.after == 0)
        for each in decl.operations[name].emit
    )


def check_events(decl: AppDecl) -> None:
    """Of the full form: each event of the app's own is there and told what it takes, and none goes on without end.
    Raises :class:`DeclError`. Those of other apps are checked once a world has them."""
    known = takes(decl)
    for name, operation in decl.operations.items():
        for place, emission in enumerate(_emissions(decl, name)):
            if emission.event.partition(".")[0] != decl.app:
                continue
            if fault := emission_fault(emission, known, known):
                raise DeclError(f"emits {fault}", ("operations", name, "emit", place))
            target = decl.operations.get(emission.event.partition(".")[2])
            for key, value in operation.emit[place].payload.items():
                if target is not None and key in target.params and target.params[key].role in ("input", "field"):
                    check_constant(decl, target.params[key], value, ("operations", name, "emit", place, "payload", key))
    if ring := ring_at_once(emissions(decl)):
        raise DeclError(ring_fault(ring), ("operations", ring[0].partition(".")[2], "emit"))
