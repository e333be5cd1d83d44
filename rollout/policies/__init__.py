"""Policies by name. A policy is made where it is used: in the worker, from a small picklable spec."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from factory.environment import Action, Suite
from factory.errors import PolicyError, boundary
from factory.worlds.suite import WorldSuite
from rollout.policies.base import Policy
from rollout.policies.scripted import NoisyOraclePolicy, OraclePolicy, Privileged, ScriptedPolicy

DEFAULT_NOISE = 0.75
"""On mail, about one episode in five of the noisy oracle still succeeds."""


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """What a worker makes a policy of. ``kind``: oracle, noisy_oracle, scripted or torch; ``payload``: of that kind;
    ``version`` names the weights, for the ledger."""

    kind: str
    payload: bytes = b""
    version: str = ""

    @property
    def key(self) -> str:
        """Equal for equal specs (hex)."""
        data = f"{self.kind}\0{self.version}\0".encode() + self.payload
        return hashlib.sha256(data).hexdigest()


def script_payload(scripts: Mapping[str, list[Action]]) -> bytes:
    """Payload of kind ``scripted``: calls by task id, or by ``TASK#N`` for attempt N alone."""
    calls = {task: [[a.name, a.arguments, a.raw] for a in actions] for task, actions in scripts.items()}
    return json.dumps(calls, sort_keys=True).encode()


def make_policy(spec: PolicySpec, suite: Suite) -> Policy | Privileged:
    """The policy that ``spec`` describes. Raises :class:`PolicyError` for an unknown kind, an unreadable payload, and a
    policy of words in a suite that shows pictures alone."""
    makers: dict[str, Callable[[], Policy | Privileged]] = {
        "oracle": lambda: OraclePolicy(suite, spec.version or "oracle"),
        "noisy_oracle": lambda: _noisy(spec, suite),
        "scripted": lambda: _scripted(spec),
        "torch": lambda: _torch(spec),
    }
    if spec.kind not in makers:
        raise PolicyError(f"no policy of kind {spec.kind!r}", f"kinds are {', '.join(makers)}")
    if spec.kind != "scripted" and isinstance(suite, WorldSuite) and suite.view == "pixels":
        hint = "--policy scripted does, by a script of clicks and keys; `view: browser` in the spec is for all policies"
        raise PolicyError(f"the {spec.kind} policy cannot play what is shown in pictures alone (view: pixels)", hint)
    with boundary(PolicyError, f"make the {spec.kind} policy"):
        return makers[spec.kind]()


def _noisy(spec: PolicySpec, suite: Suite) -> NoisyOraclePolicy:
    noise = float(json.loads(spec.payload)["noise"]) if spec.payload else DEFAULT_NOISE
    if not 0 <= noise <= 1:
        raise ValueError(f"noise {noise} is not in [0, 1]")
    return NoisyOraclePolicy(suite, spec.version or f"noisy_oracle-{noise:g}", noise)


def _scripted(spec: PolicySpec) -> ScriptedPolicy:
    scripts = {task: [Action(*call) for call in calls] for task, calls in json.loads(spec.payload).items()}
    return ScriptedPolicy(scripts, spec.version or "scripted")


def _torch(spec: PolicySpec) -> Policy:
    from rollout.policies.torch_policy import TorchPolicy  # torch only where it is asked for

    policy: Policy = TorchPolicy(spec.payload)
    return policy
