"""The honest agent's way through the tools: look up what the task names, do its deeds, hand in."""

from __future__ import annotations

from app_clones.declared.model import AppDecl
from app_clones.kit.faults import Faults
from factory.environment import Action
from factory.verifiers.declared.deeds import Plan, Read, targets_of
from factory.worlds.generated.calls import deed_call

_MOST_TRIES = 12


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


def persistent(
    actions: tuple[Action, ...], faults: Faults, seed: int, start_ms: int, step_ms: int
) -> tuple[Action, ...]:
    """The same way, each call tried again until the service does not fail it. ``start_ms``: when the first is made."""
    done: list[Action] = []
    for action in actions:
        for _ in range(_MOST_TRIES):
            fault = faults.at(seed, start_ms + len(done) * step_ms, action.name)
            done.append(action)
            if fault is None:
                break
    return tuple(done)
