"""Trajectories as rows of the three tables, and back, without loss. The columns are told in ``schema.py``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from factory.environment import Action, Check, Fault, Outcome, Verdict
from rollout.policies.base import TokenTrace
from rollout.trajectory import Attempt, StepRecord, Trajectory, TurnRecord

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class About:
    """What a run says of its environment once, and its tables in every row."""

    env_name: str = ""
    snapshot: str = ""


def group_id(trajectory: Trajectory) -> str:
    """24 hex digits, equal for rollouts of one task under one policy version in one run."""
    parts = (trajectory.attempt.run, trajectory.attempt.task_id, trajectory.policy_version)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def rollout_row(t: Trajectory, about: About) -> Row:
    """The row of ``rollouts``."""
    turns, samples = _pack(t.turns, t.temperature)
    origin = t.origin or {}
    return {
        "rollout_id": t.rollout_id,
        "group_id": group_id(t),
        "run": t.attempt.run,
        "task_id": t.attempt.task_id,
        "attempt": t.attempt.attempt,
        "policy_seed": t.attempt.policy_seed,
        "env_name": about.env_name,
        "environment": t.environment,
        "snapshot": about.snapshot,
        "policy_version": t.policy_version,
        "instruction": t.instruction,
        "opening": t.opening,
        "start_digest": t.start_digest,
        "stop_reason": t.stop_reason,
        **_outcome_columns(t.outcome),
        "n_turns": len(t.turns),
        "n_steps": len(t.steps),
        "turns": turns,
        "samples": samples,
        "advantages": None,
        "temperature": t.temperature,
        "origin_rollout_id": origin.get("rollout_id"),
        "origin_step": origin.get("step"),
    }


def step_rows(t: Trajectory) -> list[Row]:
    """The rows of ``steps``."""
    return [
        {
            "rollout_id": t.rollout_id,
            "step": s.index,
            "turn": s.turn,
            "action": s.action.name,
            "arguments": None if s.action.arguments is None else json.dumps(s.action.arguments, ensure_ascii=False),
            "raw": s.action.raw,
            "observation": s.observation,
            "error": s.error,
            "changeset": digest_of(s.changeset) if s.changeset else None,
            "state_digest": s.state_digest,
            "trace_digest": s.trace_digest,
        }
        for s in t.steps
    ]


def digest_of(data: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


def trajectory_of(row: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], blobs: Mapping[str, bytes]) -> Trajectory:
    """The trajectory of a row of ``rollouts``, its rows of ``steps`` and the blobs these name. Raises KeyError."""
    origin = None
    if row["origin_rollout_id"] is not None:
        origin = {"rollout_id": row["origin_rollout_id"], "step": row["origin_step"]}
    return Trajectory(
        rollout_id=row["rollout_id"],
        attempt=Attempt(row["run"], row["task_id"], row["attempt"], row["policy_seed"]),
        environment=row["environment"],
        policy_version=row["policy_version"],
        instruction=row["instruction"],
        opening=row["opening"],
        start_digest=row["start_digest"],
        turns=_unpack(row["turns"], row["samples"]),
        steps=tuple(_step_of(step, blobs) for step in sorted(steps, key=lambda s: int(s["step"]))),
        stop_reason=row["stop_reason"],
        outcome=_outcome_of(row),
        origin=origin,
        temperature=row["temperature"],
    )


def _step_of(row: Mapping[str, Any], blobs: Mapping[str, bytes]) -> StepRecord:
    arguments = None if row["arguments"] is None else json.loads(row["arguments"])
    return StepRecord(
        row["step"],
        row["turn"],
        Action(row["action"], arguments, row["raw"]),
        row["observation"],
        row["error"],
        blobs[row["changeset"]] if row["changeset"] is not None else b"",
        row["state_digest"],
        row["trace_digest"],
    )


def _outcome_columns(outcome: Outcome) -> Row:
    if isinstance(outcome, Fault):
        fault = {"fault_kind": outcome.kind, "fault_message": outcome.message}
        return {"reward": None, "checks": [], "evidence": "{}", **fault}
    checks = [{"name": c.name, "passed": c.passed, "detail": c.detail} for c in outcome.checks]
    evidence = json.dumps(dict(outcome.evidence), ensure_ascii=False)
    return {
        "reward": outcome.reward,
        "checks": checks,
        "evidence": evidence,
        "fault_kind": None,
        "fault_message": None,
    }


def _outcome_of(row: Mapping[str, Any]) -> Outcome:
    if row["fault_kind"] is not None:
        return Fault(row["fault_kind"], row["fault_message"])
    checks = tuple(Check(c["name"], c["passed"], c["detail"]) for c in row["checks"])
    return Verdict(row["reward"], checks, json.loads(row["evidence"]))


def _pack(turns: Sequence[TurnRecord], temperature: float) -> tuple[list[Row], list[Row]]:
    """Turn rows and the samples they point into. A turn goes on with the sample whose tokens its prompt starts with."""
    rows: list[Row] = []
    samples: list[Row] = []
    for turn in turns:
        trace = turn.tokens
        if trace is None:
            rows.append({"text": turn.text, "sample": None, "start": None, "length": None})
            continue
        prompt, ids = list(trace.prompt_ids), list(trace.ids)
        last = samples[-1] if samples else None
        if last is None or prompt[: len(last["token_ids"])] != last["token_ids"]:
            last = {"token_ids": [], "mask": [], "logprobs": [], "temperatures": []}
            samples.append(last)
        context = len(prompt) - len(last["token_ids"])
        last["token_ids"] = prompt + ids
        last["mask"] += [False] * context + [True] * len(ids)
        last["logprobs"] += [0.0] * context + list(trace.logprobs)
        last["temperatures"] += [0.0] * context + [temperature] * len(ids)
        rows.append({"text": turn.text, "sample": len(samples) - 1, "start": len(prompt), "length": len(ids)})
    return rows, samples


def _unpack(rows: Sequence[Mapping[str, Any]], samples: Sequence[Mapping[str, Any]]) -> tuple[TurnRecord, ...]:
    return tuple(TurnRecord(row["text"], _trace_of(row, samples)) for row in rows)


def _trace_of(row: Mapping[str, Any], samples: Sequence[Mapping[str, Any]]) -> TokenTrace | None:
    if row["sample"] is None:
        return None
    sample, start = samples[row["sample"]], row["start"]
    end = start + row["length"]
    ids = sample["token_ids"]
    return TokenTrace(tuple(ids[:start]), tuple(ids[start:end]), tuple(sample["logprobs"][start:end]))
