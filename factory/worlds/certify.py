"""What must hold of one task of a world, found by running it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

from app_clones.kit.change import RowChange
from app_clones.kit.errors import AppError, WorldDiverged
from app_clones.kit.faults import codes
from app_clones.kit.seeds import derive
from app_clones.kit.world import World
from factory.environment import Action, Tally, Task, TaskCertificate
from factory.errors import BuildError, VerifierError, boundary
from factory.trace import chain
from factory.worlds.at_once import at_once
from factory.worlds.edits import Edit, Inventory, edits, unrelated
from factory.worlds.episode import step
from factory.worlds.fullcheck import FullCheck
from factory.worlds.isomorphism import Form
from factory.worlds.resumed import State, resume
from factory.worlds.variants import Pool, Variant, variants

if TYPE_CHECKING:
    from factory.worlds.suite import WorldSuite


_BESIDE = 4
"""Unrelated row edits tried beside each oracle, of all that there are: every table comes up in some tasks."""


@dataclass(frozen=True, slots=True)
class Played:
    """An oracle's run: the state before each step and, last, after all; the net change, also as what it comes to up to
    renaming (and up to the answer, where the oracle gives none); the trace digest (hex)."""

    way: tuple[Action, ...]
    states: tuple[State, ...]
    changes: tuple[RowChange, ...]
    form: Form
    reward: float
    trace: str
    wrong: tuple[str, ...]


@dataclass(slots=True)
class Count:
    """Near misses as they are tried."""

    n: int = 0
    killed: int = 0
    equivalent: int = 0
    survivors: list[str] = field(default_factory=list)


class Auditor:
    """Certifies tasks of one suite; what all tasks share is computed once."""

    def __init__(self, suite: WorldSuite) -> None:
        self.walks = suite.view == "browser"
        # Tens of verdicts a task, read by nobody; what a state is worth is the same in every view.
        self.suite = suite = replace(suite, explain=False, view="tools")
        self.pool = Pool(suite)
        with suite.fork_world() as world:
            self.schema = world.registry.schema
            self.full = FullCheck(world)
        self.inventory = Inventory(suite.start, self.schema)
        self._acting = {
            (task.template, task.split, task.private.get("wording"))
            for task in suite.tasks.values()
            if suite.oracle(task)[-1].name != "task_decline"
        }

    def certify(self, task: Task) -> tuple[TaskCertificate, str]:
        """The certificate, its reruns still to be counted, and the trace digest that a rerun must come to.

        A task whose verifier cannot even come to a verdict has a certificate too: one that doesn't hold.
        """
        with boundary(BuildError, f"audit {task.id}"):
            count = Count()
            try:
                played = play(self.suite, task, self.full)
                noop = self._noop(task)
                count.survivors += [*played.wrong, *self._twinless(task, played)]
                if self.walks:
                    count.survivors += walk_faults(self.suite, task)
                self._near_misses(task, played, count)
            except VerifierError as error:
                count.survivors.append(f"no verdict: {error}")
                return certificate(task, 0.0, 0.0, count), ""
        return certificate(task, played.reward, noop, count), played.trace

    def _near_misses(self, task: Task, played: Played, count: Count) -> None:
        rng = Random(derive(0, "audit", task.id))
        for variant in variants(played.way, self.pool, rng):
            self._try(task, played, variant.name, self._vary(played, variant), count)
        beside = list(unrelated(played.changes, self.inventory, rng))
        for edit in (*edits(played.changes, self.inventory, rng), *rng.sample(beside, min(_BESIDE, len(beside)))):
            self._try(task, played, edit.name, self._edit(played, edit), count)

    def _noop(self, task: Task) -> float:
        with self.suite.fork_world() as world:
            return self.suite.judge(task, world).reward

    def _twinless(self, task: Task, played: Played) -> Iterator[str]:
        """Where refraining is right, some task of the same wording and split must pay for acting only."""
        kind = (task.template, task.split, task.private.get("wording"))
        if played.way[-1].name == "task_decline" and kind not in self._acting:
            yield "always declining pays: no twin of this wording where acting is right"

    def _try(self, task: Task, played: Played, name: str, run: Callable[[], World | None], count: Count) -> None:
        world = run()
        if world is None:
            return
        with world:
            reward = self.suite.judge(task, world).reward
            equal = Form(world.net_change(), self.schema, asked=played.form.asked).same(played.form)
        if equal:
            count.equivalent += 1
            if reward != played.reward:
                count.survivors.append(f"{name}: equal to the oracle, yet it earned {reward:g}")
            return
        count.n += 1
        if reward < 1.0:
            count.killed += 1
        else:
            count.survivors.append(name)

    def _vary(self, played: Played, variant: Variant) -> Callable[[], World]:
        def run() -> World:
            world = resume(self.suite, played.states[variant.at])
            for action in variant.way[variant.at :]:
                if step(world, action).done:
                    break
            return world

        return run

    def _edit(self, played: Played, edit: Edit) -> Callable[[], World | None]:
        def run() -> World | None:
            world = resume(self.suite, played.states[-1])
            try:
                with world.transaction() as call:
                    edit.run(call)
            except AppError:  # two rows of one key, or of one unique value: no such state exists
                world.close()
                return None
            return world

        return run


def certificate(task: Task, oracle: float, noop: float, count: Count) -> TaskCertificate:
    """What was found, as it is kept; worlds have no mutants and exploits beside their near misses."""
    return TaskCertificate(
        task_id=task.id,
        oracle=oracle,
        noop=noop,
        near_misses=Tally(count.n, count.killed),
        equivalent=count.equivalent,
        mutants=Tally(0, 0),
        exploits=Tally(0, 0),
        reruns=0,
        reruns_identical=0,
        survivors=tuple(count.survivors),
        ok=oracle == 1.0 and noop == 0.0 and 0 < count.n == count.killed and not count.survivors,
    )


def walk_faults(suite: WorldSuite, task: Task) -> list[str]:
    """What is wrong with the oracle's way through the pages: played in them, it must earn 1 within the task's steps."""
    try:
        way = suite.walk(task)
        reward = walked_reward(suite, task, way)
    except BuildError as error:
        return [str(error)]
    wrong = [] if reward == 1.0 else [f"through the pages the oracle earned {reward:g}"]
    if len(way) > task.max_steps:
        wrong.append(f"through the pages the oracle takes {len(way)} steps of {task.max_steps}")
    return wrong


def walked_reward(suite: WorldSuite, task: Task, way: Sequence[Action]) -> float:
    """What actions in the pages earn, played from the start."""
    environment = suite.pages(task)
    try:
        at_once(environment.open())
        for action in way:
            at_once(environment.step(action))
        return at_once(environment.verdict()).reward
    finally:
        at_once(environment.close())


def play(suite: WorldSuite, task: Task, full: FullCheck) -> Played:
    """Plays the oracle, comparing the digest followed step by step with one computed from all rows at the end."""
    way, wrong = tuple(suite.oracle(task)), []
    states, read = [], []
    with suite.fork_world() as world:
        trace = suite.start_digest
        if world.state_digest != suite.start_digest:
            wrong.append("a fresh fork is not in the start state")
        for k, action in enumerate(way):
            states.append(State.of(world))
            after = step(world, action)
            if not suite.writes(action.name):  # what a write answers comes too late
                read.append(after.observation.text)
            trace = chain(trace, action, after.observation.text, after.state_digest)
            if after.error and not (after.error in codes() and _is_repeated(way, k)):
                wrong.append(f"the oracle's {action.name} failed: {after.observation.text}")
        states.append(State.of(world))
        try:
            full.check(world)
        except WorldDiverged as error:
            wrong.append(str(error))
        wrong += [f"nothing tells {what}" for what in suite.family(task.template).untold(task, "\n".join(read))]
        reward = suite.judge(task, world).reward
        changes = world.net_change()
        form = Form(changes, world.registry.schema, asked="answer" in (way[-1].arguments or {}))
        return Played(way, tuple(states), changes, form, reward, trace, tuple(wrong))


def _is_repeated(way: Sequence[Action], k: int) -> bool:
    """Whether step ``k`` is done once more, after waiting at most."""
    after = (action for action in way[k + 1 :] if action.name != "clock_wait")
    return next(after, None) == way[k]


def traces(suite: WorldSuite, ids: Sequence[str]) -> dict[str, str]:
    """Trace digests of the oracle's runs by task id; no digest is computed in full."""
    found = {}
    suite = replace(suite, view="tools")
    for id in ids:
        with suite.fork_world() as world:
            trace = world.state_digest
            for action in suite.oracle(suite.tasks[id]):
                after = step(world, action)
                trace = chain(trace, action, after.observation.text, after.state_digest)
        found[id] = trace
    return found
