"""The tables of a run: ``rollouts``, ``steps``, ``blobs``. This text is their documentation; ``VERSION`` their version.

``rollouts``: one row a rollout.
  rollout_id            24 hex digits, a pure function of (run, task_id, attempt)
  group_id              of all rollouts of one task under one policy version in one run; what GRPO compares
  run, task_id, attempt, policy_seed          what was asked for; the attempt seeds the policy, never the world
  env_name, environment, snapshot             the environment: name, digest, digest(s) of its snapshot, comma between
  policy_version        names the weights that played
  instruction, opening  what the policy was first shown
  start_digest          state digest found on opening
  stop_reason           submitted, declined, gave_up, step_limit, token_limit, fault
  reward                in [0, 1]; null for a fault, always
  fault_kind, fault_message                   null unless it is a fault
  checks                list of {name, passed, detail}: the verdict's named checks
  evidence              JSON: the verdict's evidence
  n_turns, n_steps
  turns                 list of {text, sample, start, length}: a turn's sampled ids are
                        ``samples[sample].token_ids[start : start + length]``, its prompt all before ``start``;
                        ``sample`` is null where the policy gave no tokens
  samples               list of {token_ids, mask, logprobs, temperatures}, prime-rl's TrainingSample: turns are merged
                        where one's prompt and answer are an exact prefix of the next prompt; ``mask`` is true for
                        sampled tokens; ``logprobs`` (natural log) and ``temperatures`` are 0 where it is false
  advantages            list, one a sample; null until a learner writes them
  temperature
  origin_rollout_id, origin_step              of a fork; its steps before ``origin_step`` are copied

``steps``: one row a tool call.
  rollout_id, step, turn
  action                the tool's name
  arguments             JSON object; null where what was emitted was none; ``raw`` is then its text
  raw, observation
  error                 code of the agent's mistake, or null
  changeset             digest of the step's SQLite changeset in ``blobs``, or null
  state_digest, trace_digest                  after the step

``blobs``: digest (SHA-256, hex), size, data. Each digest once in a part.
"""

from __future__ import annotations

import pyarrow as pa

VERSION = 1
VERSION_KEY = b"grindworks.schema_version"

_METADATA = {VERSION_KEY: str(VERSION).encode()}


def _struct(**fields: pa.DataType) -> pa.DataType:
    return pa.struct([pa.field(name, kind) for name, kind in fields.items()])


def schemas() -> dict[str, pa.Schema]:
    """Arrow schema by table name, in the order in which a part's files are written: ``rollouts`` last commits it."""
    text, i64, i32 = pa.string(), pa.int64(), pa.int32()
    sample = _struct(
        token_ids=pa.list_(i32),
        mask=pa.list_(pa.bool_()),
        logprobs=pa.list_(pa.float64()),
        temperatures=pa.list_(pa.float32()),
    )
    rollouts = {
        "rollout_id": text,
        "group_id": text,
        "run": text,
        "task_id": text,
        "attempt": i64,
        "policy_seed": i64,
        "env_name": text,
        "environment": text,
        "snapshot": text,
        "policy_version": text,
        "instruction": text,
        "opening": text,
        "start_digest": text,
        "stop_reason": text,
        "reward": pa.float64(),
        "fault_kind": text,
        "fault_message": text,
        "checks": pa.list_(_struct(name=text, passed=pa.bool_(), detail=text)),
        "evidence": text,
        "n_turns": i32,
        "n_steps": i32,
        "turns": pa.list_(_struct(text=text, sample=i32, start=i32, length=i32)),
        "samples": pa.list_(sample),
        "advantages": pa.list_(pa.float64()),
        "temperature": pa.float64(),
        "origin_rollout_id": text,
        "origin_step": i32,
    }
    steps = {
        "rollout_id": text,
        "step": i32,
        "turn": i32,
        "action": text,
        "arguments": text,
        "raw": text,
        "observation": text,
        "error": text,
        "changeset": text,
        "state_digest": text,
        "trace_digest": text,
    }
    blobs = {"digest": text, "size": i64, "data": pa.large_binary()}
    tables = {"blobs": blobs, "steps": steps, "rollouts": rollouts}
    return {
        name: pa.schema([pa.field(column, kind) for column, kind in columns.items()], metadata=_METADATA)
        for name, columns in tables.items()
    }
