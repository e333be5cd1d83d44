"""A small real suite for tests: a world of the kit with one app of numbered memos. Importable by Ray's workers.

Tasks: ``copy`` (read memo A, write its word into memo B, submit) and ``tell`` (submit the word of memo A).
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from app_clones.kit.app import App, Operation, Options, Params
from app_clones.kit.change import parse
from app_clones.kit.errors import NotFound
from app_clones.kit.schema import Column, Table
from app_clones.kit.seeds import derive
from app_clones.kit.world import World
from factory.environment import Action, Check, Checkpoint, Observation, Step, Task, ToolSpec, Verdict

WORDS = ("amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "haven")
ENDINGS = {"task_submit": "submitted", "task_decline": "declined"}


class Memo(Params):
    id: int


class Write(Params):
    id: int
    word: str


def _read(call, params):
    row = call.one("SELECT word FROM memo_memo WHERE id=?", params.id)
    if row is None:
        raise NotFound(f"no memo {params.id}")
    return row[0]


def _write(call, params):
    call.update("memo_memo", params.id, word=params.word)
    return "ok"


def _populate(build, options):
    rng = build.random("words")
    for _ in range(20):
        build.insert("memo_memo", word=rng.choice(WORDS))


MEMO = App(
    name="memo",
    tables=(Table("memo_memo", (Column("id", "INTEGER", "id"), Column("word"))),),
    operations=(
        Operation("read", "Read a memo.", Memo, _read, False, lambda word: f"it says {word}"),
        Operation("write", "Write a word into a memo.", Write, _write, True, str),
    ),
    populate=_populate,
    options=Options,
)


@cache
def built(seed: int) -> tuple[bytes, str]:
    with World.build((MEMO,), seed=seed, start_ms=1_700_000_000_000, step_ms=1_000, persons=2) as world:
        snapshot = world.snapshot()
    with World.fork(snapshot, (MEMO,)) as world:
        return snapshot, world.full_digest()


@dataclass
class ToyEnvironment:
    suite: ToySuite
    task: Task
    world: World

    @property
    def state_digest(self) -> str:
        return self.world.state_digest

    async def open(self) -> Observation:
        specs = tuple(
            ToolSpec(name, op.description, op.params.model_json_schema())
            for name, (_, op) in self.world.operations().items()
        )
        return Observation("", specs)

    async def step(self, action: Action) -> Step:
        result = self.world.call(action.name, action.arguments)
        done = result.result.error is None and action.name in ENDINGS
        return Step(
            Observation(result.result.text),
            done,
            ENDINGS[action.name] if done else None,
            result.result.error,
            result.changeset,
            result.state_digest,
        )

    async def freeze(self) -> Checkpoint:
        return Checkpoint(self.suite.digest, self.world.changeset())

    async def verdict(self) -> Verdict:
        expected = self.task.private["expected"]
        found = sorted(
            f"{c.table} {c.op} {dict(c.key)} {dict(c.new)}"
            for c in parse(self.world.changeset(), self.world.registry.layouts)
            if c.table in ("memo_memo", "task_outcome")
        )
        return Verdict(float(found == expected), (Check("net change", found == expected, "; ".join(found)),))

    async def close(self) -> None:
        self.world.close()


class ToySuite:
    """``Suite`` over one built world. ``digest``: ``toy-SEED``."""

    name = "toy"
    kind = "world"

    def __init__(self, seed: int = 7, tasks: int = 40) -> None:
        self.digest = f"toy-{seed}"
        self.snapshot, self.start_digest = built(seed)
        self.tasks = {}
        with World.fork(self.snapshot, (MEMO,)) as world:
            words = dict(world.connection.execute("SELECT id, word FROM memo_memo"))
        for index in range(tasks):
            task = _task(index, Random(derive(seed, "task", index)), words)
            self.tasks[task.id] = task

    def fork(self, task: Task, checkpoint: Checkpoint | None = None) -> ToyEnvironment:
        changesets = [checkpoint.changeset] if checkpoint and checkpoint.changeset else []
        return ToyEnvironment(self, task, World.restore(self.snapshot, (MEMO,), changesets))

    def oracle(self, task: Task, done: Sequence[Action] = ()) -> Sequence[Action]:
        plan = [Action(name, arguments) for name, arguments in task.private["plan"]]
        return [action for action in plan if action not in list(done) or action.name == "memo_read"]

    def describe(self, changeset: bytes) -> Sequence[str]:
        with World.fork(self.snapshot, (MEMO,)) as world:
            rows = parse(changeset, world.registry.layouts)
        return [f"{row.table} {row.op} {dict(row.key)} {dict(row.old)} -> {dict(row.new)}" for row in rows]


def _task(index: int, rng: Random, words: dict[int, str]) -> Task:
    source, target = rng.sample(range(1, 11), 2)
    word = words[source]
    if index % 2:
        answer, plan = word, [("memo_read", {"id": source}), ("task_submit", {"answer": word})]
        text, template, expected = f"Tell the word of memo {source}.", "tell", []
    else:
        target += 10
        answer = ""
        fresh = f"{word}-{index}"
        plan = [("memo_read", {"id": source}), ("memo_write", {"id": target, "word": fresh}), ("task_submit", {})]
        text, template = f"Write the word of memo {source}, a dash and {index} into memo {target}.", "copy"
        expected = [f"memo_memo update {{'id': {target}}} {{'word': {fresh!r}}}"]
    expected.append(f"task_outcome insert {{'id': 1}} {{'id': 1, 'kind': 'submitted', 'answer': {answer!r}}}")
    private: dict[str, Any] = {"plan": plan, "expected": sorted(expected)}
    split = "heldout" if index % 5 == 0 else "train"
    return Task(f"toy/{template}/{index:04d}", template, text, split, 6, private)


def load(store: object, digest: str) -> ToySuite:
    """As ``factory.build.load_suite``; the store is not needed."""
    return ToySuite(int(digest.removeprefix("toy-")))


class SlowEnvironment(ToyEnvironment):
    """Takes its time, so that a worker can be killed in the middle."""

    async def step(self, action: Action) -> Step:
        await asyncio.sleep(0.02)
        return await super().step(action)


class DeadlyEnvironment(ToyEnvironment):
    """Takes its whole process with it, as a bug in a C library would."""

    async def step(self, action: Action) -> Step:
        os.kill(os.getpid(), signal.SIGKILL)
        return await super().step(action)


class VariedSuite(ToySuite):
    """A toy suite with environments of another kind."""

    environment: type[ToyEnvironment] = ToyEnvironment

    def fork(self, task: Task, checkpoint: Checkpoint | None = None) -> ToyEnvironment:
        plain = super().fork(task, checkpoint)
        return self.environment(self, task, plain.world)


def load_slow(store: object, digest: str) -> ToySuite:
    """A suite whose steps take 20 ms."""
    suite = VariedSuite(int(digest.removeprefix("toy-")))
    suite.environment = SlowEnvironment
    return suite


def load_deadly(store: object, digest: str) -> ToySuite:
    """A suite whose first step kills the worker."""
    suite = VariedSuite(int(digest.removeprefix("toy-")))
    suite.environment = DeadlyEnvironment
    return suite
