"""The whole of learning, from a suite to a better policy: demonstrations, warm start, GRPO, evaluation, controls."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict

from factory.durable import write_whole
from factory.environment import Action, Suite, Task
from factory.errors import PolicyError
from rollout.learner.checkpoint import Checkpoint
from rollout.learner.controls import best_blind, shuffled_observations
from rollout.learner.evaluate import Evaluation, attempts, collect, evaluate, task_ids
from rollout.learner.grpo import Credit, GrpoConfig, Round, group_credit, round_of, train
from rollout.learner.ledger import Ledger, update_facts
from rollout.learner.model import Model, ModelConfig
from rollout.learner.renaming import Renaming, names
from rollout.learner.sft import SftConfig, WarmStart, demonstration_rows, demonstration_texts
from rollout.learner.tokenizer import Tokenizer
from rollout.pools import PolicySpec, Pool
from rollout.trajectory import Trajectory

Say = Callable[[str, Mapping[str, Any]], None]
"""Told what goes on: a stage (``demonstrate``, ``warm_start``, ``grpo``, ``curve``, ``evaluate``) and its facts."""


class LearnConfig(BaseModel):
    """``noise`` of the demonstrator, ``demonstrations`` per training task, ``renamed`` the share of them
    that a batch sees under other names; ``emphasis``: how often those of a template count where others count once (what
    takes longest to learn). The warm start ends at the first probe
    (every ``probe_every`` steps, ``probe_tasks`` training tasks once each) with sampled success of ``band[0]`` or more.
    GRPO ends when its own rollouts' success, averaged over ``window`` rounds, reaches ``target``. The curve is measured
    on held-out tasks every ``curve_every`` rounds, once each: on all, or where they exceed ``curve_tasks``, on so
    many spread over them (its ends are of all, so its other points are then of another population); first and last
    evaluation and controls on all of them, ``times`` each."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    run: str = "learn"
    seed: int = 0
    noise: float = 0.5
    demonstrations: int = 4
    renamed: float = 0.9
    emphasis: Mapping[str, int] = {"answer_fact": 3, "note_fact": 3, "archive_position": 2, "trash_if_starred": 2}
    width: int = 96
    layers: int = 3
    heads: int = 4
    hidden: int = 256
    context: int = 320
    sft: SftConfig = SftConfig()
    probe_every: int = 150
    probe_tasks: int = 160
    band: tuple[float, float] = (0.25, 0.30)
    grpo: GrpoConfig = GrpoConfig()
    target: float = 0.90
    window: int = 4
    curve_every: int = 8
    curve_tasks: int = 256
    times: int = 2


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A held-out evaluation after ``round`` rounds (0: warm start)."""

    round: int
    success: float
    stderr: float
    n: int
    train_success: float | None = None


@dataclass
class Learned:
    """What came out. ``rollouts``: all that were played, demonstrations and evaluations included."""

    checkpoint: Checkpoint
    warm_start: Evaluation
    final: Evaluation
    curve: list[CurvePoint]
    controls: dict[str, Evaluation] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    rollouts: int = 0

    def report(self) -> dict[str, Any]:
        """As JSON-able data, in the form of the demo's ``learning`` entry."""
        return {
            "heldout_success": {
                "warm_start": self.warm_start.success,
                "warm_start_stderr": self.warm_start.stderr,
                "final": self.final.success,
                "n": self.final.n,
                "stderr": self.final.stderr,
                "by_template": self.final.by_template,
            },
            "controls": {name: e.success for name, e in self.controls.items()},
            "controls_stderr": {name: e.stderr for name, e in self.controls.items()},
            "curve": [asdict(point) for point in self.curve],
            "rounds": len(self.rounds),
            "rollouts": self.rollouts,
            "parameters": sum(p.numel() for p in self.checkpoint.model.parameters()),
            "seconds": {name: round(s, 2) for name, s in self.seconds.items()},
        }


class Learning:
    """One run of the recipe. The stages may be called one by one, in this order; :func:`learn` calls them all."""

    def __init__(self, pool: Pool, suite: Suite, config: LearnConfig, folder: Path, say: Say | None = None) -> None:
        self.pool, self.suite, self.config, self.folder = pool, suite, config, folder
        self.say: Say = say or (lambda stage, facts: None)
        self.train_tasks, self.heldout_tasks = task_ids(suite, "train"), task_ids(suite, "heldout")
        folder.mkdir(parents=True, exist_ok=True)
        self.ledger = Ledger(folder / "ledger.jsonl")
        self.seconds: dict[str, float] = {}
        self.rollouts = 0
        self.rounds: list[Round] = []
        self.curve: list[CurvePoint] = []

    def _took(self, stage: str, begun: float) -> float:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begun
        return self.seconds[stage]

    def tell(self, stage: str, **facts: Any) -> None:
        """Into the ledger, and to who listens."""
        self.ledger.add(stage, **facts)
        self.say(stage, facts)

    def policy(self, checkpoint: Checkpoint) -> PolicySpec:
        """``checkpoint`` as workers get it."""
        return PolicySpec("torch", checkpoint.to_bytes(), checkpoint.version())

    async def warm_start(self) -> Checkpoint:
        """Demonstrations, vocabulary, imitation until sampled success is in the band."""
        kept = self.folder / "warm_start.pt"
        if kept.exists():
            return Checkpoint.from_bytes(kept.read_bytes())
        config, begun = self.config, time.perf_counter()
        demonstrations = await self.demonstrate()
        self.rollouts += len(demonstrations)
        tokenizer = self.vocabulary(demonstrations)
        counted = [t for t in demonstrations for _ in range(self.weight(self.suite.tasks[t.attempt.task_id]))]
        rows = demonstration_rows(tokenizer, counted, config.context)
        succeed = sum(t.reward or 0.0 for t in demonstrations) / max(len(demonstrations), 1)
        tokens = sum(len(r.ids) for r in rows)
        took = self._took("demonstrate", begun)
        self.tell("demonstrate", rollouts=len(demonstrations), success=succeed, tokens=tokens, seconds=took,
                   vocabulary=len(tokenizer))  # fmt: skip
        shape = ModelConfig(vocabulary=len(tokenizer), width=config.width, layers=config.layers, heads=config.heads,
                            hidden=config.hidden, context=config.context)  # fmt: skip
        checkpoint = Checkpoint(Model(shape, seed=config.seed), tokenizer)
        rename = self.renaming(tokenizer, demonstrations)
        await self._imitate(checkpoint, WarmStart(checkpoint.model, rows, config.sft, rename))
        write_whole(kept, checkpoint.to_bytes())
        return checkpoint

    async def demonstrate(self) -> list[Trajectory]:
        """What the noisy oracle does in training's tasks."""
        config = self.config
        noisy = PolicySpec("noisy_oracle", f'{{"noise": {config.noise}}}'.encode())
        wanted = attempts(f"{config.run}-demo", self.train_tasks, range(config.demonstrations), config.seed)
        return await collect(self.pool, wanted, noisy)

    def vocabulary(self, demonstrations: Sequence[Trajectory]) -> Tokenizer:
        """The words that the policy is to know."""
        return Tokenizer.build(demonstration_texts(demonstrations))

    def renaming(self, tokenizer: Tokenizer, demonstrations: Sequence[Trajectory]) -> Renaming:
        """How a batch sees its demonstrations under other names."""
        return Renaming(tokenizer, names(demonstrations), self.config.renamed)

    def weight(self, task: Task) -> int:
        """How often a demonstration of ``task`` counts."""
        return self.config.emphasis.get(task.template, 1)

    async def _imitate(self, checkpoint: Checkpoint, warm: WarmStart) -> None:
        config = self.config
        probe = [self.train_tasks[i * len(self.train_tasks) // config.probe_tasks] for i in range(config.probe_tasks)]
        while warm.step < config.sft.steps:
            begun = time.perf_counter()
            torch.set_num_threads(config.grpo.threads)
            updates = warm.run(config.probe_every)
            found = await self.play(checkpoint, sorted(set(probe)), f"probe{warm.step}", 1)
            self.tell("warm_start", step=warm.step, loss=updates[-1].loss, success=found.success, steps=len(updates),
                       tokens=sum(u.tokens for u in updates), active=sum(u.active for u in updates),
                       moved=updates[-1].moved, seconds=self._took("warm_start", begun),
                       last=update_facts(updates[-1]))  # fmt: skip
            if found.success >= config.band[0]:
                return

    async def play(self, checkpoint: Checkpoint, tasks: Sequence[str], name: str, times: int) -> Evaluation:
        """Sampled success on ``tasks``."""
        found = await evaluate(
            self.pool, self.suite, self.policy(checkpoint), tasks, run=f"{self.config.run}-{name}", times=times,
            seed=self.config.seed, options=self.config.grpo.options(),
        )  # fmt: skip
        self.rollouts += found.n
        return found

    async def evaluate(self, checkpoint: Checkpoint, name: str) -> Evaluation:
        """Sampled success on all held-out tasks."""
        begun = time.perf_counter()
        found = await self.play(checkpoint, self.heldout_tasks, name, self.config.times)
        took = self._took("evaluate", begun)
        self.tell("evaluate", name=name, success=found.success, stderr=found.stderr, n=found.n,
                   by_template=found.by_template, seconds=took)  # fmt: skip
        return found

    def _recent(self) -> float | None:
        """Success of the last rounds' own rollouts, once there are enough of them."""
        recent = [r.success for r in self.rounds[-self.config.window :]]
        return sum(recent) / len(recent) if len(recent) == self.config.window else None

    def _reached(self) -> bool:
        recent = self._recent()
        return recent is not None and recent >= self.config.target

    async def _on_round(self, done: Round, checkpoint: Checkpoint) -> None:
        self.rounds.append(done)
        self.rollouts += done.rollouts
        self.say("grpo", {"round": done.round, "success": done.success, "live": done.live})

    async def _look(self, checkpoint: Checkpoint) -> None:
        """The curve's next point, where the last round asks for one and none is there yet."""
        played = len(self.rounds)
        if played == 0 or played % self.config.curve_every or any(point.round == played for point in self.curve):
            return
        tasks = self.heldout_tasks
        some = [tasks[i] for i in range(0, len(tasks), -(-len(tasks) // self.config.curve_tasks))]
        begun = time.perf_counter()
        found = await self.play(checkpoint, some, f"curve{played - 1}", 1)
        self._took("evaluate", begun)
        self.curve.append(CurvePoint(played, found.success, found.stderr, found.n, self._recent()))
        self.ledger.add("curve", round=played - 1, point=asdict(self.curve[-1]))
        self.say("curve", {"round": played - 1, "heldout": found.success, "by_template": found.by_template})

    def _remember(self) -> None:
        """Takes in what an earlier life of this run had done, as its ledger tells."""
        state = self.folder / "state.pt"
        entries = self.ledger.entries() if state.exists() else []
        self.rounds = [round_of(e) for e in entries if e["stage"] == "grpo"]
        self.curve += [CurvePoint(**e["point"]) for e in entries if e["stage"] == "curve"]

    async def reinforce(self, checkpoint: Checkpoint, credit: Credit = group_credit) -> Checkpoint:
        """GRPO until the target or the last round."""
        begun, before = time.perf_counter(), self.seconds.get("evaluate", 0.0)
        self._remember()
        config = self.config.grpo.model_copy(update={"run": f"{self.config.run}-grpo", "seed": self.config.seed})

        async def reached() -> bool:
            if self._reached():
                return True
            await self._look(checkpoint)
            return False

        await train(
            self.pool, self.suite, config, start=checkpoint, folder=self.folder, on_round=self._on_round,
            reached=reached, credit=credit,
        )  # fmt: skip
        self.seconds["grpo"] = time.perf_counter() - begun - (self.seconds.get("evaluate", 0.0) - before)
        return checkpoint

    async def controls(self, checkpoint: Checkpoint) -> dict[str, Evaluation]:
        """Shuffled observations, and the best that a blind policy can do."""
        begun = time.perf_counter()
        found = {
            "shuffled_observations": await shuffled_observations(
                self.pool, self.suite, self.policy(checkpoint), self.heldout_tasks, run=f"{self.config.run}-shuffled",
                times=self.config.times, seed=self.config.seed, options=self.config.grpo.options(),
            )
        }  # fmt: skip
        blind: Callable[[Any], Sequence[Action]] | None = getattr(self.suite, "best_blind", None)
        if blind is not None:
            scripts = {task: blind(self.suite.tasks[task]) for task in self.heldout_tasks}
            found["best_blind"] = await best_blind(
                self.pool, self.suite, self.heldout_tasks, scripts, run=f"{self.config.run}-blind"
            )
        self._took("controls", begun)
        for name, e in found.items():
            self.tell("evaluate", name=name, success=e.success, stderr=e.stderr, n=e.n, by_template=e.by_template)
        return found


async def learn(pool: Pool, suite: Suite, config: LearnConfig, folder: Path, *, say: Say | None = None) -> Learned:
    """Runs the recipe on ``suite``, keeping its state in ``folder``; goes on from what it finds there.

    Raises PolicyError if the warm start never reached the band: GRPO has nothing to start from then.
    """
    run = Learning(pool, suite, config, folder, say)
    checkpoint = await run.warm_start()
    before = await run.evaluate(checkpoint, "warm_start")
    if before.success <= 0.0:
        raise PolicyError("the warm start solves no held-out task", "give it more steps, or cleaner demonstrations")
    run.curve.append(CurvePoint(0, before.success, before.stderr, before.n))
    await run.reinforce(checkpoint)
    final = await run.evaluate(checkpoint, "final")
    run.curve.append(CurvePoint(len(run.rounds), final.success, final.stderr, final.n))
    controls = await run.controls(checkpoint)
    return Learned(checkpoint, before, final, run.curve, controls, run.rounds, run.seconds, run.rollouts)
