"""Policies that know the task: the oracle, the oracle with mistakes, and fixed scripts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from app_clones.kit.seeds import derive
from factory.environment import Action, Suite, Task
from rollout.policies.base import Conversation, Policy, Sampling, Turn

if TYPE_CHECKING:
    from rollout.trajectory import Attempt

_NUMBER = re.compile(r"\b\d+\b")
_NAME = re.compile(r"\b[A-Z][a-z]+\b")
_WORD = re.compile(r"\b[a-z]{2,}\b")


@runtime_checkable
class Privileged(Protocol):
    """A policy that must know the task it plays (oracles, scripts): it is bound to each episode's task.

    A policy that learns is none: all it knows is its conversation.
    """

    @property
    def version(self) -> str: ...
    def bind(self, task: Task, attempt: Attempt) -> Policy: ...


def performed(conversation: Conversation) -> tuple[Action, ...]:
    """All calls of the conversation so far."""
    return tuple(action for message in conversation.messages for action in message.actions)


@dataclass
class _Planned:
    """Emits a plan call by call. The plan is made at the first turn, from what was done until then."""

    version: str
    make_plan: Callable[[Conversation], Sequence[Action]]
    plan: list[Action] | None = None

    def next(self, conversation: Conversation) -> Action | None:
        if self.plan is None:
            self.plan = list(self.make_plan(conversation))
        return self.plan.pop(0) if self.plan else None

    async def act(self, conversation: Conversation, *, seed: int, sampling: Sampling) -> Turn:
        action = self.next(conversation)
        return Turn("", (action,) if action else ())


class OraclePolicy:
    """Plays the suite's oracle, one call a turn; in a fork it plays what is left to do."""

    def __init__(self, suite: Suite, version: str) -> None:
        self.suite = suite
        self.version = version

    def bind(self, task: Task, attempt: Attempt) -> Policy:
        """The oracle for one episode."""
        return _Planned(self.version, lambda conversation: self.suite.oracle(task, performed(conversation)))


class ScriptedPolicy:
    """Plays fixed calls by task id (one call a turn), then has nothing to say."""

    def __init__(self, scripts: Mapping[str, Sequence[Action]], version: str) -> None:
        self.scripts = scripts
        self.version = version

    def bind(self, task: Task, attempt: Attempt) -> Policy:
        """The script of one episode. ``TASK#N`` is the script of attempt N alone, ``TASK`` of all others."""
        script = self.scripts.get(f"{task.id}#{attempt.attempt}", self.scripts.get(task.id, ()))
        return _Planned(self.version, lambda conversation: script[len(performed(conversation)) :])


class NoisyOraclePolicy:
    """The oracle with mistakes a beginner would make: a wrong id, a wrong name, a wrong value, a step left out.

    ``noise``: chance that a call goes wrong. What stands in for the right value was seen in the instruction or in an
    observation, so that the calls stay within the words of the episode.
    """

    def __init__(self, suite: Suite, version: str, noise: float) -> None:
        self.suite = suite
        self.version = version
        self.noise = noise

    def bind(self, task: Task, attempt: Attempt) -> Policy:
        """The demonstrator of one episode."""
        plan = _Planned(self.version, lambda conversation: self.suite.oracle(task, performed(conversation)))
        return _Noisy(self.version, plan, self.noise)


@dataclass
class _Noisy:
    version: str
    plan: _Planned
    noise: float
    derailed: bool = False

    async def act(self, conversation: Conversation, *, seed: int, sampling: Sampling) -> Turn:
        rng = Random(derive(seed, "noise"))
        action = self.plan.next(conversation)
        seen = " ".join(message.text for message in conversation.messages)
        wrong = action is not None and rng.random() < self.noise
        if wrong and self.plan.plan and rng.random() < 0.25:
            self.derailed = True
            action = self.plan.next(conversation)
            wrong = False
        if action is not None and self.derailed:
            action = unseen_replaced(action, seen, rng)
        if wrong and action is not None and action.arguments:
            self.derailed = True
            action = spoil(action, seen, rng)
        return Turn("", (action,) if action else ())


def spoil(action: Action, seen: str, rng: Random) -> Action:
    """``action`` with one argument replaced by another value of its kind from ``seen``; unchanged if there is none."""
    arguments = dict(action.arguments or {})
    for name in rng.sample(sorted(arguments), len(arguments)):
        wrong = _other(arguments[name], seen, rng)
        if wrong is not None:
            return Action(action.name, arguments | {name: wrong})
    return action


def unseen_replaced(action: Action, seen: str, rng: Random) -> Action:
    """``action`` with every word that was never seen replaced by a seen one: who did not look has to guess.

    Else demonstrations would teach to know values without looking.
    """
    known = {word.lower() for word in re.findall(r"\w+", seen)}

    def guess(match: re.Match[str]) -> str:
        word = match.group()
        return word if word.lower() in known else str(_other(word, seen, rng) or word)

    def value(old: Any) -> Any:
        if isinstance(old, int) and not isinstance(old, bool) and str(old) not in known:
            found = _other(old, seen, rng)
            return old if found is None else found
        return re.sub(r"\w+", guess, old) if isinstance(old, str) else old

    return Action(action.name, {name: value(old) for name, old in (action.arguments or {}).items()})


def _other(value: Any, seen: str, rng: Random) -> Any:
    """Another value of the kind of ``value`` (number, name, word) among those in ``seen``, or None."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, int):
        numbers = _distinct(_NUMBER, seen, str(value))
        return int(rng.choice(numbers)) if numbers else None
    for kind in (_NUMBER, _NAME, _WORD):
        found = kind.findall(value)
        others = _distinct(kind, seen, *found)
        if found and others:
            return value.replace(rng.choice(found), rng.choice(others), 1)
    return None


def _distinct(kind: re.Pattern[str], seen: str, *without: str) -> list[str]:
    return sorted(set(kind.findall(seen)) - set(without))
