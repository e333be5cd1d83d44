"""A trajectory as JSON and back, without loss. The journal keeps this form; tables split it into columns."""

from __future__ import annotations

import base64
import json
from typing import Any

import zstandard

from factory.environment import Action, Check, Fault, Outcome, Verdict
from rollout.policies.base import TokenTrace
from rollout.trajectory import Attempt, StepRecord, Trajectory, TurnRecord

VERSION = 1


def encode(trajectory: Trajectory) -> bytes:
    """Compressed JSON of ``trajectory``."""
    text = json.dumps(to_json(trajectory), separators=(",", ":"), ensure_ascii=False)
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(text.encode())


def decode(data: bytes) -> Trajectory:
    """What ``encode`` was given. Raises ValueError for anything else, one flipped bit included."""
    try:
        return from_json(json.loads(zstandard.ZstdDecompressor().decompress(data)))
    except (zstandard.ZstdError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a recorded trajectory: {error}") from error


def to_json(t: Trajectory) -> dict[str, Any]:
    """JSON-able form; bytes are base64."""
    return {
        "version": VERSION,
        "attempt": [t.attempt.run, t.attempt.task_id, t.attempt.attempt, t.attempt.policy_seed],
        "rollout_id": t.rollout_id,
        "environment": t.environment,
        "policy_version": t.policy_version,
        "instruction": t.instruction,
        "opening": t.opening,
        "start_digest": t.start_digest,
        "turns": [[turn.text, _trace(turn.tokens)] for turn in t.turns],
        "steps": [_step(step) for step in t.steps],
        "stop_reason": t.stop_reason,
        "outcome": outcome_to_json(t.outcome),
        "origin": dict(t.origin) if t.origin is not None else None,
        "temperature": t.temperature,
    }


def from_json(d: dict[str, Any]) -> Trajectory:
    """The inverse of ``to_json``. Raises ValueError for another version, KeyError and TypeError for other shapes."""
    if d["version"] != VERSION:
        raise ValueError(f"recorded by format {d['version']}, this reads format {VERSION}")
    return Trajectory(
        rollout_id=d["rollout_id"],
        attempt=Attempt(*d["attempt"]),
        environment=d["environment"],
        policy_version=d["policy_version"],
        instruction=d["instruction"],
        opening=d["opening"],
        start_digest=d["start_digest"],
        turns=tuple(TurnRecord(text, _untrace(trace)) for text, trace in d["turns"]),
        steps=tuple(_unstep(step) for step in d["steps"]),
        stop_reason=d["stop_reason"],
        outcome=outcome_from_json(d["outcome"]),
        origin=d["origin"],
        temperature=d["temperature"],
    )


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    """``{"fault": [kind, message]}`` or ``{"reward", "checks", "evidence"}``."""
    if isinstance(outcome, Fault):
        return {"fault": [outcome.kind, outcome.message]}
    checks = [[check.name, check.passed, check.detail] for check in outcome.checks]
    return {"reward": outcome.reward, "checks": checks, "evidence": dict(outcome.evidence)}


def outcome_from_json(d: dict[str, Any]) -> Outcome:
    """The inverse of ``outcome_to_json``."""
    if "fault" in d:
        return Fault(*d["fault"])
    return Verdict(float(d["reward"]), tuple(Check(*check) for check in d["checks"]), d["evidence"])


def _trace(trace: TokenTrace | None) -> list[list[Any]] | None:
    return None if trace is None else [list(trace.prompt_ids), list(trace.ids), list(trace.logprobs)]


def _untrace(parts: list[list[Any]] | None) -> TokenTrace | None:
    return None if parts is None else TokenTrace(tuple(parts[0]), tuple(parts[1]), tuple(parts[2]))


def _step(s: StepRecord) -> list[Any]:
    changeset = base64.b64encode(s.changeset).decode()
    action = [s.action.name, s.action.arguments, s.action.raw]
    return [s.index, s.turn, action, s.observation, s.error, changeset, s.state_digest, s.trace_digest]


def _unstep(parts: list[Any]) -> StepRecord:
    index, turn, action, observation, error, changeset, state, trace = parts
    return StepRecord(index, turn, Action(*action), observation, error, base64.b64decode(changeset), state, trace)
