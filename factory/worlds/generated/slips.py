"""Mistakes that were made in a world before its episodes begin: what tasks of the kind ``undo`` are about."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from app_clones.declared.tools import use
from app_clones.kit.errors import AppError
from app_clones.kit.seeds import derive
from app_clones.kit.world import Call, World
from factory.verifiers.declared.deeds import Update
from factory.worlds.generated.abilities import Abilities, Ability
from factory.worlds.generated.calls import deed_call
from factory.worlds.generated.kind import ME, changed, shuffled
from factory.worlds.generated.permitting import permits
from factory.worlds.generated.survey import Seen, Slip, Survey, is_quotable, survey

_MOST_FIELDS = 2


def slips(can: Abilities, world: World, seed: int, most: int) -> tuple[Slip, ...]:
    """Changes up to ``most`` rows of each entity that can be updated, never more than half of them, by the app's own
    operation and all in one step of ``world``. Returns what was there before."""
    seen = survey(can, world, seed)
    mistakes = [one for about in can if about.update and about.changed for one in _drawn(seen, about, most)]
    if not mistakes:
        return ()
    with world.transaction(ME) as call:
        return tuple(slip for update, slip in mistakes if _made(can, call, update, slip))


def _drawn(survey: Survey, about: Ability, most: int) -> Iterator[tuple[Update, Slip]]:
    assert about.update is not None
    rng = Random(derive(survey.seed, "tasks", "slips", survey.can.decl.app, about.name))
    rows = survey.rows.get(about.name, ())
    for seen in shuffled(rows, rng)[: min(most, len(rows) // 2)]:
        target = survey.target(seen) if permits(survey, about.update.decl, seen) else None
        news = tuple(
            new
            for new in changed(survey, about, [seen], rng, _MOST_FIELDS)
            if new.row is None and _is_tellable(seen, new.field)
        )
        if target and news:
            before = {new.field: seen.values[new.field] for new in news}
            yield Update(operation=about.update.name, target=target, set=news), Slip(about.name, seen.id, before)


def _is_tellable(seen: Seen, field: str) -> bool:
    return seen.values[field] is not None and is_quotable(seen.values[field])


def _made(can: Abilities, call: Call, update: Update, slip: Slip) -> bool:
    """Whether the app let it happen. The request is another than the one that later puts it right."""
    arguments = dict(deed_call(can.decl, update).arguments or {})
    params = can.decl.operations[update.operation].params
    arguments |= {name: f"slip-{slip.id}" for name in arguments if params[name].role == "request_id"}
    try:
        call.protected(lambda: use(can.ready, call, update.operation, arguments))
    except AppError:
        return False
    return True
