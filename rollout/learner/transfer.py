"""Learning in some apps, tried in others that training never saw: the spine's recipe on compiled apps and their docs.

Before it is evaluated in them, a policy has no episode of a held-out app. The oracle has one of each of their tasks, to
tell which are short enough for the policy's context, and what another task's observations are in the control.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from app_clones.kit.seeds import derive
from factory.environment import Split, Task
from factory.worlds.suite import WorldSuite
from rollout.episode import DonatedObservations
from rollout.learner.checkpoint import Checkpoint
from rollout.learner.evaluate import Evaluation, attempts, collect, summarise
from rollout.learner.grpo import GrpoConfig
from rollout.learner.model import Model
from rollout.learner.recipe import LearnConfig, Learning, Say
from rollout.learner.renaming import Renaming
from rollout.learner.sft import SftConfig, demonstration_row, demonstration_texts
from rollout.learner.tokenizer import Tokenizer
from rollout.learner.transfer_words import AppWords, renaming_of, tokenizer_of, words_of
from rollout.pools import PlayOptions, PolicySpec, Pool
from rollout.trajectory import Trajectory


class TransferConfig(LearnConfig):
    """``emphasis`` is by kind of task. ``slack``: tokens of the context that an oracle's episode must leave free;
    ``train_tasks``: how many of training's tasks are evaluated beside the held-out apps'."""

    run: str = "transfer"
    noise: float = 0.2
    demonstrations: int = 3
    emphasis: Mapping[str, int] = {"find_update": 3, "filter_delete": 3, "report": 2}
    context: int = 288
    slack: int = 16
    sft: SftConfig = SftConfig(steps=900, part=8)
    grpo: GrpoConfig = GrpoConfig(max_tokens=64, part=8)
    curve_tasks: int = 96
    train_tasks: int = 160


@dataclass(frozen=True, slots=True)
class Ground:
    """What is learned in and tried in. ``suite``: training tasks of training's apps and all tasks of held-out ones, as
    far as they fit the context; ``seen``: what the oracle observed in each, step by step."""

    suite: WorldSuite
    words: AppWords
    tokenizer: Tokenizer
    seen: Mapping[str, tuple[str, ...]]

    def apps(self, split: Split) -> list[str]:
        """The apps of one split."""
        return sorted({app_of(task) for task in self.suite.tasks.values() if task.split == split})

    def only(self, tasks: set[str]) -> Ground:
        """The same with these tasks alone."""
        kept = {id: task for id, task in self.suite.tasks.items() if id in tasks}
        return replace(self, suite=replace(self.suite, tasks=kept))


def app_of(task: Task) -> str:
    """The app that a generated task is about."""
    return task.template.partition(".")[0]


def kind_of(task: Task) -> str:
    """The kind of a generated task."""
    return task.template.split(".")[1]


async def survey(pool: Pool, suite: WorldSuite, heldout: Sequence[str], config: TransferConfig) -> Ground:
    """Plays the oracle once in every task that may be learned in or tried in. The vocabulary is of the apps' words and
    of training's episodes."""
    tasks = {id: task for id, task in suite.tasks.items() if (app_of(task) in heldout) == (task.split == "heldout")}
    wanted = attempts(f"{config.run}-survey", sorted(tasks), [0], config.seed)
    played = await collect(pool, wanted, PolicySpec("oracle"))
    words = words_of(suite)
    training = [t for t in played if tasks[t.attempt.task_id].split == "train"]
    tokenizer = tokenizer_of(words, demonstration_texts(training))
    fit = [t for t in played if demonstration_row(tokenizer, t, config.context - config.slack) is not None]
    seen = {t.attempt.task_id: tuple(step.observation for step in t.steps) for t in fit}
    return Ground(replace(suite, tasks={id: tasks[id] for id in seen}), words, tokenizer, seen)


class TransferLearning(Learning):
    """The recipe, with all apps' words."""

    def __init__(
        self, pool: Pool, ground: Ground, config: TransferConfig, folder: Path, say: Say | None = None
    ) -> None:
        super().__init__(pool, ground.suite, config, folder, say)
        self.ground, self.transfer = ground, config

    def vocabulary(self, demonstrations: Sequence[Trajectory]) -> Tokenizer:
        """The surveyed one."""
        return self.ground.tokenizer

    def renaming(self, tokenizer: Tokenizer, demonstrations: Sequence[Trajectory]) -> Renaming:
        """In which every app's words stand in for one another."""
        return renaming_of(self.ground.words, tokenizer, demonstrations, self.config.renamed)

    def weight(self, task: Task) -> int:
        """By kind."""
        return self.config.emphasis.get(kind_of(task), 1)

    async def evaluate_training(self, checkpoint: Checkpoint, name: str) -> Evaluation:
        """Sampled success on some of training's tasks, spread over all apps."""
        step = max(1, len(self.train_tasks) // self.transfer.train_tasks)
        found = await self.play(checkpoint, self.train_tasks[::step], name, 1)
        self.tell("evaluate", name=name, success=found.success, stderr=found.stderr, n=found.n)
        return found

    async def controls(self, checkpoint: Checkpoint) -> dict[str, Evaluation]:
        """``shuffled_observations``: of a task of the same kind in another app; ``random_policy``: the same model as it
        was before any learning."""
        options = self.config.grpo.options()
        shown = DonatedObservations(self.donors())
        shuffled = PlayOptions(options.sampling, options.limits, shown, options.fault_retries)
        wanted = attempts(f"{self.config.run}-shuffled", self.heldout_tasks, range(self.config.times), self.config.seed)
        played = await collect(self.pool, wanted, self.policy(checkpoint), shuffled)
        untaught = Checkpoint(Model(checkpoint.model.config, seed=self.config.seed), checkpoint.tokenizer)
        found = {
            "shuffled_observations": summarise(played, self.suite),
            "random_policy": await self.play(untaught, self.heldout_tasks, "random", 1),
        }
        for name, one in found.items():
            self.tell("evaluate", name=name, success=one.success, stderr=one.stderr, n=one.n)
        return found

    def donors(self) -> dict[str, tuple[str, ...]]:
        """For each held-out task what the oracle saw in one of its kind in another app, or where there is none, in any
        other task."""
        out = {}
        tasks = {id: self.suite.tasks[id] for id in self.heldout_tasks}
        for id, task in tasks.items():
            others = [k for k, one in tasks.items() if app_of(one) != app_of(task) and kind_of(one) == kind_of(task)]
            donor = Random(derive(self.config.seed, "donor", id)).choice(others or sorted(set(tasks) - {id}))
            out[id] = self.ground.seen[donor]
        return out


def grouped(found: Evaluation, part: int) -> dict[str, float]:
    """Mean success by part of the templates' names: 0 the app, 1 the kind."""
    groups: dict[str, list[float]] = defaultdict(list)
    for template, mean in found.by_template.items():
        groups[template.split(".")[part]].append(mean)
    return {name: sum(means) / len(means) for name, means in sorted(groups.items())}


def report(before: Mapping[str, Evaluation], after: Mapping[str, Evaluation], ground: Ground) -> dict[str, Any]:
    """The figures as JSON-able data; ``before`` and ``after`` by split."""

    def section(split: Split) -> dict[str, Any]:
        first, last = before[split], after[split]
        return {
            "warm_start": first.success,
            "warm_start_stderr": first.stderr,
            "final": last.success,
            "n": last.n,
            "stderr": last.stderr,
            "by_kind": {"warm_start": grouped(first, 1), "final": grouped(last, 1)},
            "by_app": {"warm_start": grouped(first, 0), "final": grouped(last, 0)},
        }

    return {
        "train_apps": ground.apps("train"),
        "heldout_apps": ground.apps("heldout"),
        "heldout_success": section("heldout"),
        "train_success": section("train"),
    }
