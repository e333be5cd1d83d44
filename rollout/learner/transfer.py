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
from rollout.pools import PolicySpec, Pool
from rollout.trajectory import Trajectory


class TransferConfig(LearnConfig):
    """``slack``: tokens of the context that an oracle's episode must leave free; ``train_tasks``: how many of
    training's tasks are evaluated beside the held-out apps'. Demonstrations are the oracle's own: renaming, not noise,
    keeps them from being learned by heart. ``form``: the steps of the warm start at the level of chance, fewer, since
    what can be learned without reading is soon learned."""

    run: str = "transfer"
    noise: float = 0.0
    demonstrations: int = 1
    renamed: float = 1.0
    emphasis: Mapping[str, int] = {}
    context: int = 336
    slack: int = 32
    sft: SftConfig = SftConfig(steps=900, batch=24, part=8)
    form: SftConfig = SftConfig(steps=300, batch=24, part=8)
    probe_every: int = 300
    probe_tasks: int = 96
    band: tuple[float, float] = (1.01, 1.01)
    grpo: GrpoConfig = GrpoConfig(
        rounds=40, prompts=12, group=8, minimum=4, epochs=1, lr=3e-4, max_tokens=80, part=8, threads=2
    )
    curve_tasks: int = 96
    train_tasks: int = 160
    times: int = 4


@dataclass(frozen=True, slots=True)
class Ground:
    """What is learned in and tried in. ``suite``: training tasks of training's apps and all tasks of held-out ones, as
    far as they fit the context; ``seen``: what the oracle observed in each, step by step."""

    suite: WorldSuite
    words: AppWords
    tokenizer: Tokenizer
    seen: Mapping[str, tuple[str, ...]]

    def wordings(self) -> set[str]:
        """Those of training's tasks. What is new in a task that is worded so is its app, and that alone."""
        return {task.private["wording"] for task in self.suite.tasks.values() if task.split == "train"}

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
    """The recipe, with all apps' words. Held-out tasks are those in wordings that training has, others apart."""

    def __init__(
        self, pool: Pool, ground: Ground, config: TransferConfig, folder: Path, say: Say | None = None
    ) -> None:
        super().__init__(pool, ground.suite, config, folder, say)
        self.ground, self.transfer = ground, config
        held, known = self.heldout_tasks, ground.wordings()
        self.heldout_tasks = [id for id in held if ground.suite.tasks[id].private["wording"] in known]
        self.reworded_tasks = sorted({*held} - {*self.heldout_tasks})

    def vocabulary(self, demonstrations: Sequence[Trajectory]) -> Tokenizer:
        """The surveyed one."""
        return self.ground.tokenizer

    def renaming(self, tokenizer: Tokenizer, demonstrations: Sequence[Trajectory]) -> Renaming:
        """In which every app's words stand in for one another."""
        return renaming_of(self.ground.words, tokenizer, demonstrations, self.config.renamed, self.config.context)

    async def assess(self, checkpoint: Checkpoint, name: str) -> dict[str, Evaluation]:
        """Sampled success in ``heldout`` apps, in held-out apps asked in ``new_wordings``, and on some of training's
        tasks, spread over all apps (``train``)."""
        step = max(1, len(self.train_tasks) // self.transfer.train_tasks)
        asked = {"new_wordings": self.reworded_tasks, "train": self.train_tasks[::step]}
        found = {"heldout": await self.evaluate(checkpoint, name)}
        for group, tasks in asked.items():
            if tasks:
                found[group] = await self.play(checkpoint, tasks, f"{name}_{group}", 1)
                self._told(f"{name}_{group}", found[group])
        return found

    async def controls(self, checkpoint: Checkpoint) -> dict[str, Evaluation]:
        """``shuffled_observations``: of another app's task; ``random_policy``: the same model as it was before any
        learning."""
        shuffled = replace(self.config.grpo.options(), observe=DonatedObservations(self.donors(self.heldout_tasks)))
        wanted = attempts(f"{self.config.run}-shuffled", self.heldout_tasks, range(self.config.times), self.config.seed)
        played = await collect(self.pool, wanted, self.policy(checkpoint), shuffled)
        untaught = Checkpoint(Model(checkpoint.model.config, seed=self.config.seed), checkpoint.tokenizer)
        found = {
            "shuffled_observations": summarise(played, self.suite),
            "random_policy": await self.play(untaught, self.heldout_tasks, "random", 1),
        }
        for name, one in found.items():
            self._told(name, one)
        return found

    def _told(self, name: str, found: Evaluation) -> None:
        self.tell("evaluate", name=name, success=found.success, stderr=found.stderr, n=found.n)

    def donors(self, tasks: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """For each of ``tasks`` what the oracle saw in another of them, which is of another app."""
        out = {}
        for id in tasks:
            others = [one for one in tasks if app_of(self.suite.tasks[one]) != app_of(self.suite.tasks[id])]
            others = others or [one for one in tasks if one != id]
            out[id] = self.ground.seen[Random(derive(self.config.seed, "donor", id)).choice(others)]
        return out


class FormLearning(TransferLearning):
    """The warm start at the level of chance: the same demonstrations and renaming, but each demonstration shows what
    was observed in a task of another app. It learns what can be learned without reading: how calls are formed, what an
    instruction says. What a tool of an app is called, and what it takes, it can only guess."""

    async def demonstrate(self) -> list[Trajectory]:
        """With others' observations."""
        shown = DonatedObservations(self.donors(self.train_tasks))
        return [
            replace(one, steps=tuple(replace(step, observation=shown(task, step.index, "")) for step in one.steps))
            for one in await super().demonstrate()
            for task in (self.suite.tasks[one.attempt.task_id],)
        ]


def report(stages: Mapping[str, Mapping[str, Evaluation]], ground: Ground) -> dict[str, Any]:
    """The figures as JSON-able data. ``stages``: what :meth:`TransferLearning.assess` found, by stage."""
    groups = list(dict.fromkeys(group for found in stages.values() for group in found))
    return {
        "train_apps": ground.apps("train"),
        "heldout_apps": ground.apps("heldout"),
        "success": {
            group: {stage: _section(found[group]) for stage, found in stages.items() if group in found}
            for group in groups
        },
    }


def _section(found: Evaluation) -> dict[str, Any]:
    by_app: dict[str, list[float]] = defaultdict(list)
    for template, mean in found.by_template.items():
        by_app[template.partition(".")[0]].append(mean)
    means = {app: round(sum(of) / len(of), 3) for app, of in sorted(by_app.items())}
    return {"success": found.success, "stderr": found.stderr, "n": found.n, "by_app": means}
