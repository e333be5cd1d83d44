"""Events as apps declare them: what a world is refused for, since at run time nobody would be told of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches

from app_clones.kit.app import App, Emission, Takes
from app_clones.kit.errors import SchemaRuleError


def check_emissions(apps: Sequence[App]) -> None:
    """An event may be of an app that this world has not; of one that it has, it is one that the app handles, told what
    it takes; and no ring of events goes on without end at one moment. Raises :class:`SchemaRuleError`."""
    known = {app.name: app for app in apps}
    for app in apps:
        for each in app.emits:
            by = known.get(each.event.partition(".")[0])
            if by is not None and (fault := emission_fault(each, by.events, by.takes)):
                raise SchemaRuleError(f"{each.by or app.name}: emits {fault}")
    if ring := ring_at_once(each for app in apps for each in app.emits):
        raise SchemaRuleError(f"{ring[0]}: {ring_fault(ring)}")


def emission_fault(emission: Emission, handled: Collection[str], takes: Mapping[str, Takes]) -> str | None:
    """What is wrong with an event of an app that handles ``handled``, each told what ``takes`` says."""
    event = emission.event
    if event not in handled:
        name = event.partition(".")[0]
        close = get_close_matches(event, handled, 1)
        meant = f"did you mean {close[0]}?" if close else f"it has {', '.join(sorted(handled)) or 'none'}"
        return f"{event}, but {name} handles no such event; {meant}"
    told = takes.get(event)
    if told is None:
        return None
    if unknown := sorted(emission.payload - told.names):
        return f"{event} with {', '.join(unknown)}, but that takes {', '.join(sorted(told.names)) or 'nothing'}"
    if missing := sorted(told.needed - emission.payload):
        return f"{event} without {', '.join(missing)}, which that needs"
    return None


def ring_at_once(emissions: Iterable[Emission]) -> list[str]:
    """Events each of which schedules the next one at once, the last one the first; empty where there is none such."""
    following: dict[str, list[str]] = {}
    for each in emissions:
        if each.at_once:
            following.setdefault(each.by, []).append(each.event)
    done: set[str] = set()

    def walk(path: list[str]) -> list[str]:
        for event in following.get(path[-1], ()):
            if event in path:
                return [*path[path.index(event) :], event]
            if event not in done and (found := walk([*path, event])):
                return found
        done.add(path[-1])
        return []

    return next((ring for event in following if event not in done and (ring := walk([event]))), [])


def ring_fault(ring: Sequence[str]) -> str:
    """What is wrong with such a ring."""
    return f"events without end at one moment: {' → '.join(ring)}; let one of them come later (`after: 1`)"
