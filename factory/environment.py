"""The vocabulary of environments: what a policy sees and does, how an episode ends, what a built suite offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from sandboxes.base import FileSnapshot

Json = Any  # JSON-able data
Split = Literal["train", "heldout"]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One tool as a policy is told of it. ``parameters`` is a JSON schema object."""

    name: str
    description: str
    parameters: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Action:
    """One tool call. ``arguments`` is None where the policy emitted no JSON object; ``raw`` is then its text."""

    name: str
    arguments: Mapping[str, Json] | None
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What the policy reads. ``tools`` only on opening. ``image``: a picture (PNG) to look at, in views that have one;
    ``text`` then names its digest, which is what is recorded and compared."""

    text: str
    tools: tuple[ToolSpec, ...] = ()
    image: bytes = b""


@dataclass(frozen=True, slots=True)
class Step:
    """Outcome of one action. ``error``: code of the agent's mistake, if it was one. ``changeset``: the SQLite changeset
    of a world (else empty). ``state_digest``: hex, of the state after it. ``done``: the episode ended by this action,
    ``stop_reason`` then says how (``submitted``, ``declined``)."""

    observation: Observation
    done: bool
    stop_reason: str | None = None
    error: str | None = None
    changeset: bytes = b""
    state_digest: str = ""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state at one moment: a world as (snapshot digest, changeset), files as layers, or both. ``actions``: what
    was done since the start, of which a view with more state than that (a page half filled in) makes itself again."""

    snapshot: str | None = None
    changeset: bytes = b""
    files: FileSnapshot | None = None
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One named check of a verdict."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reward`` in [0, 1]."""

    reward: float
    checks: tuple[Check, ...]
    evidence: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """The infrastructure's failure alone; never reaches a gradient. ``kind`` is a GrindError's class name."""

    kind: str
    message: str


Outcome = Verdict | Fault


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a suite. ``private`` feeds oracle and verifier and is never shown to a policy."""

    id: str  # "mail/label/0042"
    template: str  # "label"
    instruction: str
    split: Split
    max_steps: int
    private: Mapping[str, Json]


class Environment(Protocol):
    """Single use: fork one, play one episode, discard it.

    ``state_digest``: hex, of the state as it is now; valid once opened. Equals the last step's.
    """

    @property
    def state_digest(self) -> str: ...
    async def open(self) -> Observation: ...
    async def step(self, action: Action) -> Step: ...
    async def freeze(self) -> Checkpoint: ...
    async def verdict(self) -> Verdict: ...
    async def close(self) -> None: ...


class Suite(Protocol):
    """A built environment, loaded: tasks, forks, oracle. Everything an episode needs, nothing that Ray or torch need.

    Constructed in any process from (store root, digest) alone, cheaply, so workers can do it themselves.
    """

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> Literal["world", "repo"]: ...

    @property
    def digest(self) -> str:
        """Of the environment (hex): snapshot, code, verifier, templates, SQLite version."""
        ...

    @property
    def start_digest(self) -> str:
        """State digest of a fresh fork: the same for every rollout of a world; the base snapshot's for repos."""
        ...

    @property
    def tasks(self) -> Mapping[str, Task]:
        """By id. As loaded, all that were built; ``factory.audit.certified`` picks those that may be served."""
        ...

    def fork(self, task: Task, checkpoint: Checkpoint | None = None) -> Environment:
        """A fresh environment at the task's start, or at ``checkpoint`` of an earlier episode of the same task."""
        ...

    def oracle(self, task: Task, done: Sequence[Action] = ()) -> Sequence[Action]:
        """The actions that solve ``task``, in the agent's own action space; after the actions ``done``, what is left
        (reads may repeat, writes already done rightly are left out)."""
        ...

    def describe(self, changeset: bytes) -> Sequence[str]:
        """The change of a step, one readable line per row, for a person reading a trajectory."""
        ...


@dataclass(frozen=True, slots=True)
class Tally:
    """n tried, killed = those that the verifier refused as it should; survivors are named in the certificate."""

    n: int
    killed: int


@dataclass(frozen=True, slots=True)
class TaskCertificate:
    """What running one task's audit found. ``ok`` only if every part holds."""

    task_id: str
    oracle: float
    noop: float
    near_misses: Tally
    equivalent: int  # near misses whose net change and answer equal the oracle's: listed, not counted
    mutants: Tally
    exploits: Tally
    reruns: int
    reruns_identical: int
    survivors: tuple[str, ...] = ()
    ok: bool = False


@dataclass(frozen=True, slots=True)
class Certificate:
    """An environment's certificate; stored under its digest. Tasks that fail are not served."""

    environment: str  # digest
    name: str
    tasks: tuple[TaskCertificate, ...]
