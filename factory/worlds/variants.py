"""Near misses in the agent's own action space: the oracle's way with one step left out, swapped, doubled, altered, or
with something done beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from factory.environment import Action

if TYPE_CHECKING:
    from factory.worlds.suite import WorldSuite

_BESIDE = 4
"""Other tasks' writes tried beside each oracle."""

_LEFT_OUT = 6
"""Arguments tried that an oracle leaves out, of one call."""


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
        values: dict[str, dict[str, Any]] = {}
        writes: dict[str, Action] = {}
        for task in suite.tasks.values():
            for action in suite.oracle(task):
                for name, value in (action.arguments or {}).items():
                    values.setdefault(f"{action.name}.{name}", {})[_json(value)] = value
                if suite.writes(action.name) and not action.name.startswith("task_"):
                    writes[repr(action)] = action
        self.values = {name: sorted(found.values(), key=_order) for name, found in values.items()}
        by_tool: dict[str, list[Action]] = {}
        for _, action in sorted(writes.items()):
            by_tool.setdefault(action.name, []).append(action)
        self.writes = by_tool

    def another(self, tool: str, name: str, value: Any, rng: Random) -> Any:
        """Another value for that argument, of the same kind."""
        found = [one for one in self.values.get(f"{tool}.{name}", ()) if one != value]
        if found:
            return found[rng.randrange(len(found))]
        return near(value)


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


def near(value: Any) -> Any:
    """Some other JSON value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, dict) and value:
        return {name: near(one) if k == len(value) - 1 else one for k, (name, one) in enumerate(value.items())}
    if isinstance(value, dict):
        return {"x": "x"}
    if isinstance(value, list):
        return value[:-1] or ["x"]
    return value + 1 if isinstance(value, int | float) else f"{value}x"


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _order(value: Any) -> tuple[str, Any]:
    """By type, then by value; what Python cannot compare goes by its JSON."""
    return str(type(value)), value if isinstance(value, str | int | float) else _json(value)


def _altered(action: Action, pool: Pool, rng: Random) -> Iterator[tuple[str, dict[str, Any]]]:
    given = dict(action.arguments or {})
    if not pool.suite.writes(action.name):  # what a read is asked changes nothing: one is enough to see it
        for name in list(given)[-1:]:
            value = pool.another(action.name, name, given[name], rng)
            yield f"{action.name}.{name} = {value!r}", {**given, name: value}
        return
    properties = pool.properties[action.name]
    left_out = [name for name in properties if name not in given]
    if len(left_out) > _LEFT_OUT:  # an API's method may take dozens
        chosen = set(rng.sample(left_out, _LEFT_OUT))
        properties = {name: about for name, about in properties.items() if name in given or name in chosen}
    for name, about in properties.items():
        if name in given:
            yield from _altered_one(action.name, name, given, pool, rng)
        else:
            value = _first(about) if "type" in about and about["type"] != "string" else None
            value = pool.another(action.name, name, "", rng) if value is None else value
            yield f"{action.name}.{name} given as {value!r}", {**given, name: value}


def _altered_one(
    tool: str, name: str, given: dict[str, Any], pool: Pool, rng: Random
) -> Iterator[tuple[str, dict[str, Any]]]:
    value = given[name]
    other = pool.another(tool, name, value, rng)
    yield f"{tool}.{name} = {other!r}", {**given, name: other}
    if isinstance(value, str):
        close = rng.choice((f"{value} x", ""))
        yield f"{tool}.{name} = {close!r}", {**given, name: close}
    if isinstance(value, dict):  # a resource: each of its properties left out, and each altered
        for key, inner in value.items():
            rest = {one: held for one, held in value.items() if one != key}
            yield f"{tool}.{name} without {key}", {**given, name: rest}
            yield f"{tool}.{name}.{key} = {near(inner)!r}", {**given, name: {**value, key: near(inner)}}


def _first(about: Mapping[str, Any]) -> Any:
    """A value by JSON Schema, for an argument that an oracle left out."""
    kinds = about["type"] if isinstance(about["type"], list) else [about["type"]]
    if isinstance(about.get("enum"), list):
        return about["enum"][0]
    return {"integer": 5, "number": 5.5, "boolean": True, "array": [], "object": {}}.get(kinds[0])
