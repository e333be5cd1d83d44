"""On-policy GRPO: play groups of attempts, give credit within each group, one step on the weights, again."""

from __future__ import annotations

import io
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict

from app_clones.kit.seeds import derive
from factory.durable import write_whole
from factory.environment import Fault, Suite
from factory.errors import RecordError
from rollout.learner.batch import Group, Row, groups, rows
from rollout.learner.checkpoint import Checkpoint
from rollout.learner.evaluate import attempts, collect, task_ids
from rollout.learner.ledger import Ledger, update_facts
from rollout.learner.losses import LossConfig
from rollout.learner.optimise import Update, make_optimizer, optimise, reinforcement_loss, with_old
from rollout.policies.base import Sampling
from rollout.pools import Attempt, PlayOptions, PolicySpec, Pool
from rollout.trajectory import Trajectory


class GrpoConfig(BaseModel):
    """``rounds`` of ``prompts`` tasks with ``group`` attempts each; live groups' rows are a round's data, taken in
    ``steps`` optimizer steps, ``epochs`` times over (the clip holds later ones near the policy that played). A group
    with fewer than ``minimum`` verdicts is dropped. ``lr`` falls linearly to ``lr_end`` of itself. ``threads``: of
    torch, here. ``part``: rows padded to one length at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    run: str = "grpo"
    seed: int = 0
    rounds: int = 48
    prompts: int = 16
    group: int = 16
    minimum: int = 8
    steps: int = 2
    epochs: int = 2
    lr: float = 7e-4
    lr_end: float = 0.3
    loss: LossConfig = LossConfig()
    temperature: float = 1.0
    max_tokens: int = 32
    threads: int = 1
    part: int = 32

    def options(self) -> PlayOptions:
        """How its rollouts are sampled."""
        return PlayOptions(sampling=Sampling(self.temperature, self.max_tokens))


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did. ``success``: mean reward of its rollouts; ``live``: groups that could teach something.

    ``play_s`` and ``learn_s`` are wall seconds; ``rollout_ids``: per optimizer step, those whose tokens made it."""

    round: int
    success: float
    rollouts: int
    faults: int
    groups: int
    live: int
    tokens: int
    updates: tuple[Update, ...]
    rollout_ids: tuple[tuple[str, ...], ...]
    policy_version: str
    play_s: float
    learn_s: float


Credit = Callable[[Sequence[Trajectory], GrpoConfig, int], list[Group]]
OnRound = Callable[[Round, Checkpoint], Awaitable[None]]
Reached = Callable[[], Awaitable[bool]]


def group_credit(trajectories: Sequence[Trajectory], config: GrpoConfig, round_: int) -> list[Group]:
    """Advantages within each task's group; dr_grpo takes them undivided."""
    divide = config.loss.objective != "dr_grpo"
    return groups(trajectories, minimum=config.minimum, divide_by_std=divide)


def round_attempts(suite: Suite, config: GrpoConfig, round_: int) -> list[Attempt]:
    """The attempts of a round, a pure function of (seed, round): templates take turns, tasks are drawn within each."""
    by_template: dict[str, list[str]] = {}
    for task_id in task_ids(suite, "train"):
        by_template.setdefault(suite.tasks[task_id].template, []).append(task_id)
    rng = Random(derive(config.seed, "round", round_))
    names = sorted(by_template)
    start = round_ * config.prompts
    chosen: dict[str, None] = {}
    for i in range(config.prompts):
        open_ = [t for t in by_template[names[(start + i) % len(names)]] if t not in chosen]
        if open_:
            chosen[rng.choice(open_)] = None
    first = round_ * config.group
    return attempts(config.run, list(chosen), range(first, first + config.group), config.seed)


class Trainer:
    """The state of a training run: weights, optimizer, round. ``folder`` None keeps nothing on disk."""

    def __init__(self, start: Checkpoint, config: GrpoConfig, folder: Path | None, credit: Credit) -> None:
        self.checkpoint, self.config, self.credit = start, config, credit
        self.optimizer = make_optimizer(start.model, config.lr)
        self.round = 0
        self.folder = folder
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
        self.ledger = Ledger(folder / "ledger.jsonl") if folder else None
        if folder and (folder / "state.pt").exists():
            self._resume(folder / "state.pt")

    def _resume(self, path: Path) -> None:
        try:
            state = torch.load(io.BytesIO(path.read_bytes()), weights_only=True)
            if state["config"] != self.config.model_dump_json():
                raise ValueError("it was made with another configuration")
            self.checkpoint.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.round = int(state["round"])
        except Exception as error:
            hint = "remove the folder to train from the start"
            raise RecordError(f"{path}: cannot go on from it: {error}", hint) from error
        if self.ledger:
            self.ledger.cut(self.round)

    def commit(self) -> None:
        """Writes the state in one step: killed at any moment, a run goes on from the last round that was committed."""
        self.round += 1
        if self.folder is None:
            return
        out = io.BytesIO()
        torch.save(
            {
                "config": self.config.model_dump_json(),
                "round": self.round,
                "model": self.checkpoint.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
            },
            out,
        )
        write_whole(self.folder / "state.pt", out.getvalue())

    def _members(self, live: Sequence[Group]) -> list[tuple[str, list[Row]]]:
        """Rollouts that can teach something, each with its rows."""
        pairs = [pair for group in live for pair in zip(group.members, group.advantages, strict=True)]
        found = [(trajectory.rollout_id, rows(trajectory, advantage)) for trajectory, advantage in pairs]
        if self.config.loss.truncate is None:
            return found
        old = iter(with_old(self.checkpoint.model, [row for _, own in found for row in own], self.config.part))
        return [(rollout_id, [next(old) for _ in own]) for rollout_id, own in found]

    def learn(self, trajectories: Sequence[Trajectory], version: str, play_s: float) -> Round:
        """Credit, rows, optimizer steps; nothing of a fault, of a dropped group or of a dead one is in them."""
        begun = time.perf_counter()
        found = self.credit(trajectories, self.config, self.round)
        live = [group for group in found if group.live]
        members = self._members(live)
        loss = reinforcement_loss(self.config.loss)
        updates, ids = [], []
        rate = self.config.lr * (1 - (1 - self.config.lr_end) * self.round / self.config.rounds)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        for step in range(self.config.steps * self.config.epochs if members else 0):
            if step % self.config.steps == 0:
                Random(derive(self.config.seed, "order", self.round, step)).shuffle(members)
            chosen = members[step % self.config.steps :: self.config.steps]
            step_rows = [row for _, own in chosen for row in own]
            if any(any(row.sampled) for row in step_rows):
                model, part = self.checkpoint.model, self.config.part
                updates.append(optimise(model, [self.optimizer], step_rows, loss, part=part))
                ids.append(tuple(rollout_id for rollout_id, _ in chosen))
        rewards = [t.reward for t in trajectories if t.reward is not None]
        done = Round(
            round=self.round,
            success=sum(rewards) / max(len(rewards), 1),
            rollouts=len(trajectories),
            faults=sum(isinstance(t.outcome, Fault) for t in trajectories),
            groups=len(found),
            live=len(live),
            tokens=sum(len(turn.tokens.ids) for t in trajectories for turn in t.turns if turn.tokens),
            updates=tuple(updates),
            rollout_ids=tuple(ids),
            policy_version=version,
            play_s=play_s,
            learn_s=time.perf_counter() - begun,
        )
        if self.ledger:
            self.ledger.add("grpo", **round_facts(done))
        return done


def round_facts(done: Round) -> dict[str, Any]:
    """A round as a ledger entry."""
    facts = {k: v for k, v in asdict(done).items() if k != "updates"}
    played = {"sampled": done.tokens, "tokens": sum(u.tokens for u in done.updates)}
    return {**facts, **played, "steps": len(done.updates), "updates": [update_facts(u) for u in done.updates]}


def round_of(facts: Mapping[str, Any]) -> Round:
    """The round that a ledger entry tells of."""
    kept = {name: facts[name] for name in Round.__dataclass_fields__}
    ids = tuple(tuple(step) for step in facts["rollout_ids"])
    updates = tuple(Update(**one) for one in facts["updates"])
    return Round(**{**kept, "tokens": facts["sampled"], "updates": updates, "rollout_ids": ids})


async def train(
    pool: Pool,
    suite: Suite,
    config: GrpoConfig,
    *,
    start: Checkpoint,
    folder: Path | None = None,
    on_round: OnRound | None = None,
    reached: Reached | None = None,
    credit: Credit = group_credit,
) -> Checkpoint:
    """Trains ``start`` (in place) for ``config.rounds``, or until it has ``reached`` its target, which is asked before
    each round (so that a run that is resumed goes no further than one that was not interrupted); returns it.

    With ``folder`` it keeps its state and ledger there and goes on from what it finds. A round that was cut short is
    played again: its attempts and seeds are the same, so on one machine with one number of threads and the same pool
    the weights are the same as without the interruption, as far as batches are put together alike (LocalPool).
    """
    torch.set_num_threads(config.threads)
    trainer = Trainer(start, config, folder, credit)
    while trainer.round < config.rounds and not (reached and await reached()):
        begun = time.perf_counter()
        version = start.version()
        policy = PolicySpec("torch", start.to_bytes(), version)
        played = await collect(pool, round_attempts(suite, config, trainer.round), policy, config.options())
        done = trainer.learn(played, version, time.perf_counter() - begun)
        trainer.commit()
        if on_round:
            await on_round(done, start)
    return start
