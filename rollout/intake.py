"""What policies and verifiers hand over, made fit to be executed and recorded: whole, bounded, of the right types."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from factory.environment import Action, Check, Verdict
from rollout.limits import EpisodeLimits, clean, cut
from rollout.policies.base import TokenTrace, Turn


def admit(action: Action, limits: EpisodeLimits) -> Action:
    """``action`` as it is executed and recorded.

    What is no JSON object, or too large or deep, becomes a call without arguments: the environment answers that as the
    agent's mistake.
    """
    name, raw = cut(str(action.name), 200), cut(str(action.raw), limits.turn_text)
    if action.arguments is None:
        return Action(name, None, raw)
    try:
        text = json.dumps(action.arguments, allow_nan=False)
        plain = json.loads(clean(json.dumps(action.arguments, ensure_ascii=False)))
    except (TypeError, ValueError, RecursionError):
        return Action(name, None, raw or cut(_safe_repr(action.arguments), limits.turn_text))
    if len(text) > limits.arguments or not isinstance(plain, dict) or deeper_than(plain, limits.depth):
        return Action(name, None, cut(text, limits.turn_text))
    return Action(name, plain, raw)


def deeper_than(value: Any, most: int) -> bool:
    """Whether lists and objects of JSON-able data lie in each other more than ``most`` times."""
    level = [value]
    for _ in range(most):
        level = [inner for one in level for inner in _inner(one)]
    return any(isinstance(one, dict | list) for one in level)


def _inner(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _safe_repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:
        return f"<{type(value).__name__}: {type(error).__name__}>"


def checked_turn(turn: Turn) -> Turn:
    """``turn`` with plain numbers for tokens. Raises TypeError or ValueError for what no policy should hand over."""
    if not isinstance(turn.text, str):
        raise TypeError(f"a turn's text is a str, not {type(turn.text).__name__}")
    return Turn(turn.text, turn.actions, None if turn.tokens is None else _checked_trace(turn.tokens))


def _checked_trace(trace: TokenTrace) -> TokenTrace:
    prompt_ids, ids = (tuple(int(one) for one in part) for part in (trace.prompt_ids, trace.ids))
    logprobs = tuple(float(one) for one in trace.logprobs)
    if len(ids) != len(logprobs):
        raise ValueError(f"{len(ids)} sampled tokens with {len(logprobs)} log-probabilities")
    if not all(0 <= one < 1 << 31 for one in (*prompt_ids, *ids)):
        raise ValueError("token ids count from 0 and have 31 bits")
    if not all(math.isfinite(one) for one in logprobs):
        raise ValueError("a log-probability is no finite number")
    return TokenTrace(prompt_ids, ids, logprobs)


def checked_verdict(verdict: Verdict, limits: EpisodeLimits) -> Verdict:
    """``verdict`` as it is recorded. Agents name files and write texts that verdicts quote: what no file format takes
    is replaced, what is too long is cut. Raises ValueError unless the reward is a number in [0, 1]."""
    reward = float(verdict.reward)
    if not (math.isfinite(reward) and 0.0 <= reward <= 1.0):
        raise ValueError(f"reward {verdict.reward!r} is not in [0, 1]")
    checks = tuple(Check(cut(c.name, 200), bool(c.passed), cut(c.detail, limits.evidence)) for c in verdict.checks)
    return Verdict(reward, checks, _bounded(verdict.evidence, limits.evidence))


def _bounded(evidence: Mapping[str, Any], most: int) -> dict[str, Any]:
    text = clean(json.dumps(dict(evidence), ensure_ascii=False, allow_nan=False))
    found: dict[str, Any] = json.loads(text)
    if len(text) <= most:
        return found
    share = max(1, most // max(1, len(found)))
    return {
        key: value if _length(value) <= share else {"cut": cut(_text(value), share)} for key, value in found.items()
    }


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _length(value: Any) -> int:
    return len(_text(value))
