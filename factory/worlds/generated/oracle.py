"""The honest agent's way through the tools: look up what the task names, do its deeds, hand in."""

from __future__ import annotations

from collections.abc import Iterable

from app_clones.declared.model import AppDecl
from factory.environment import Action
from factory.verifiers.declared.deeds import Plan, Read, targets_of
from factory.worlds.generated.abilities import Abilities
from factory.worlds.generated.calls import deed_call


def way(decl: AppDecl, plan: Plan) -> tuple[Action, ...]:
    """All calls, the reads first, each once."""
    reads: dict[str, Read] = {}
    for read in (*(read for target in targets_of(plan) for read in target.look), *plan.look):
        reads.setdefault(read.model_dump_json(), read)
    looks = [Action(read.tool, dict(read.arguments)) for read in reads.values()]
    if not plan.act:
        return (*looks, Action("task_decline", {}))
    end = Action("task_submit", {"answer": plan.answer} if plan.question else {})
    return (*looks, *(deed_call(decl, deed) for deed in plan.deeds), end)


def read_up(can: Abilities, plan: Plan, actions: Iterable[Action]) -> tuple[Action, ...]:
    """A look into the docs for each kind of thing that ``actions`` deal with, by what the task calls it."""
    prefix = f"{can.decl.app}_"
    operations = (can.decl.operations.get(action.name.removeprefix(prefix)) for action in actions)
    entities = dict.fromkeys(one.entity for one in operations if one and one.entity)
    several = plan.every.entity if plan.every else None
    nouns = (can.of[entity].plural if entity == several else can.of[entity].noun for entity in entities)
    return tuple(Action("docs_find", {"about": noun}) for noun in nouns)
