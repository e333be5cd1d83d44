"""Near misses in the agent's own action space: the oracle's way with one step left out, swapped, doubled, altered, or
with something done beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from factory.environment import Action

if TYPE_CHECKING:
    from factory.worlds.suite import WorldSuite

_BESIDE = 4
"""Other tasks' writes tried beside each oracle."""


@dataclass(frozen=True, slots=True)
class Variant:
    """``way`` differs from the oracle's from step ``at`` on."""

    name: str
    at: int
    way: tuple[Action, ...]


class Pool:
    """The values that oracles give to each argument, over all tasks: what an agent that errs would plausibly give."""

    def __init__(self, suite: WorldSuite) -> None:
        self.suite = suite
        self.properties: dict[str, Mapping[str, Any]] = {
            tool.name: tool.parameters.get("properties", {}) for tool in suite.tools
        }
        values: dict[str, set[str | int]] = {}
        writes: dict[str, Action] = {}
        for task in suite.tasks.values():
            for action in suite.oracle(task):
                for name, value in (action.arguments or {}).items():
                    values.setdefault(f"{action.name}.{name}", set()).add(value)
                if suite.writes(action.name) and not action.name.startswith("task_"):
                    writes[repr(action)] = action
        self.values = {name: sorted(found, key=lambda v: (str(type(v)), v)) for name, found in values.items()}
        by_tool: dict[str, list[Action]] = {}
        for _, action in sorted(writes.items()):
            by_tool.setdefault(action.name, []).append(action)
        self.writes = by_tool

    def another(self, tool: str, name: str, value: Any, rng: Random) -> Any:
        """Another value for that argument, of the same kind."""
        found = [one for one in self.values.get(f"{tool}.{name}", ()) if one != value]
        if found:
            return found[rng.randrange(len(found))]
        return value + 1 if isinstance(value, int) else f"{value}x"


def variants(way: Sequence[Action], pool: Pool, rng: Random) -> Iterator[Variant]:
    """All near misses of ``way``."""
    way = tuple(way)
    for k, action in enumerate(way):
        yield Variant(f"without step {k}: {action.name}", k, (*way[:k], *way[k + 1 :]))
        if k + 1 < len(way):
            yield Variant(f"steps {k} and {k + 1} swapped", k, (*way[:k], way[k + 1], action, *way[k + 2 :]))
        if pool.suite.writes(action.name):
            yield Variant(f"step {k} twice: {action.name}", k, (*way[: k + 1], action, *way[k + 1 :]))
        for what, arguments in _altered(action, pool, rng):
            yield Variant(f"step {k}: {what}", k, (*way[:k], Action(action.name, arguments), *way[k + 1 :]))
    last = len(way) - 1
    other = "task_decline" if way[last].name == "task_submit" else "task_submit"
    yield Variant(f"{other} instead", last, (*way[:last], Action(other, {})))
    yield Variant(f"{other} at once", 0, (Action(other, {}),))
    for tool in rng.sample(sorted(pool.writes), min(_BESIDE, len(pool.writes))):
        action = pool.writes[tool][rng.randrange(len(pool.writes[tool]))]
        yield Variant(f"beside it {tool}({dict(action.arguments or {})})", last, (*way[:last], action, way[last]))


def _altered(action: Action, pool: Pool, rng: Random) -> Iterator[tuple[str, dict[str, Any]]]:
    given = dict(action.arguments or {})
    if not pool.suite.writes(action.name):  # what a read is asked changes nothing: one is enough to see it
        for name in list(given)[-1:]:
            value = pool.another(action.name, name, given[name], rng)
            yield f"{action.name}.{name} = {value!r}", {**given, name: value}
        return
    for name, about in pool.properties[action.name].items():
        if name in given:
            value = pool.another(action.name, name, given[name], rng)
            yield f"{action.name}.{name} = {value!r}", {**given, name: value}
            if isinstance(given[name], str):
                near = rng.choice((f"{given[name]} x", ""))
                yield f"{action.name}.{name} = {near!r}", {**given, name: near}
        else:
            value = 5 if about.get("type") == "integer" else pool.another(action.name, name, "", rng)
            yield f"{action.name}.{name} given as {value!r}", {**given, name: value}
