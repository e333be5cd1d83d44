"""A scripted mailbox in plain Python: the learner's own small environment, for its tests and its benchmark.

It speaks like the mail world's tools but has no database, so the learner can be tried by itself. Three templates: label
a message and forward one (the id must be searched for), and answer with a code (which must be read).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from random import Random
from typing import Any, Literal

from app_clones.kit.seeds import derive
from factory.environment import Action, Check, Checkpoint, Environment, Observation, Split, Step, Task, Verdict

PERSONS = ("ana", "ben", "carla", "dora", "emil", "fay", "gus", "hana")
TOPICS = ("budget review", "travel plan", "client report", "office update", "design notes", "hiring agenda")
LABELS = ("finance", "legal", "urgent", "later", "family", "press")
WORDINGS: Mapping[str, tuple[str, ...]] = {
    "label": (
        "label the mail from {person} about {subject} as {label}",
        "put {label} on the {subject} mail from {person}",
    ),
    "forward": ("forward the mail from {person} about {subject} to {to}", "send {to} the {subject} mail from {person}"),
    "answer": (
        "tell me the code in the mail from {person} about {subject}",
        "which code does {person} give for {subject}",
    ),
}


@dataclass(frozen=True, slots=True)
class Mail:
    """A message: who wrote it, about what, and the code in it."""

    person: str
    subject: str
    code: str


class ToyMailbox:
    """A :class:`~factory.environment.Suite` of ``train`` and ``heldout`` tasks over one mailbox drawn from ``seed``."""

    kind: Literal["world"] = "world"
    name = "toy"

    def __init__(
        self, seed: int = 0, *, train: int = 200, heldout: int = 60, templates: Sequence[str] = tuple(WORDINGS)
    ) -> None:
        rng = Random(derive(seed, "toy"))
        pairs = list(product(PERSONS, TOPICS))
        rng.shuffle(pairs)
        numbers = rng.sample(range(100, 100 + 3 * len(pairs)), len(pairs))
        codes = rng.sample(range(1000, 1000 + 9 * len(pairs)), len(pairs))
        self.mails = {n: Mail(p, s, str(c)) for n, c, (p, s) in zip(numbers, codes, pairs, strict=True)}
        self.digest = hashlib.sha256(repr((seed, train, heldout, tuple(templates))).encode()).hexdigest()
        self.start_digest = self.digest
        self.tasks = self._draw(rng, train, heldout, templates)

    def _draw(self, rng: Random, train: int, heldout: int, templates: Sequence[str]) -> dict[str, Task]:
        """Held-out tasks are combinations of template, message and argument that no training task has."""
        every = [
            (template, number, argument)
            for template in templates
            for number in sorted(self.mails)
            for argument in {"label": LABELS, "forward": PERSONS, "answer": ("",)}[template]
        ]
        rng.shuffle(every)
        tasks = {}
        for i, (template, number, argument) in enumerate(every[: train + heldout]):
            split: Split = "train" if i < train else "heldout"
            mail = self.mails[number]
            wording = rng.choice(WORDINGS[template])
            text = wording.format(person=mail.person, subject=mail.subject, label=argument, to=argument)
            task_id = f"toy/{template}/{i:04d}"
            tasks[task_id] = Task(task_id, template, text, split, 4, {"number": number, "argument": argument})
        return tasks

    def fork(self, task: Task, checkpoint: Checkpoint | None = None) -> Environment:
        """A fresh mailbox (checkpoints are not kept)."""
        return _Episode(self, task)

    def oracle(self, task: Task, done: Sequence[Action] = ()) -> Sequence[Action]:
        """Search, act, submit."""
        number, argument = task.private["number"], task.private["argument"]
        mail = self.mails[number]
        acts = {
            "label": [Action("mail_label", {"id": number, "label": argument})],
            "forward": [Action("mail_forward", {"id": number, "to": argument})],
            "answer": [Action("mail_read", {"id": number})],
        }[task.template]
        search = Action("mail_search", {"sender": mail.person, "subject": mail.subject})
        submit = Action("task_submit", {"answer": mail.code} if task.template == "answer" else {})
        return [search, *acts, submit][len(done) :]

    def describe(self, changeset: bytes) -> Sequence[str]:
        """One line: the change as JSON."""
        return [changeset.decode()] if changeset else []


@dataclass
class _Episode:
    suite: ToyMailbox
    task: Task
    changes: list[tuple[Any, ...]] = field(default_factory=list)
    answer: str | None = None

    @property
    def state_digest(self) -> str:
        if not self.changes and self.answer is None:
            return self.suite.start_digest
        return hashlib.sha256(repr((self.changes, self.answer)).encode()).hexdigest()

    async def open(self) -> Observation:
        return Observation("")

    async def step(self, action: Action) -> Step:
        before = len(self.changes)
        try:
            text, error = self._run(action.name, dict(action.arguments or {})), None
        except (KeyError, TypeError, ValueError):
            text, error = "invalid: no such tool, row or argument", "invalid"
        changeset = json.dumps(self.changes[before:]).encode() if len(self.changes) > before else b""
        done = self.answer is not None
        return Step(Observation(text), done, "submitted" if done else None, error, changeset, self.state_digest)

    def _run(self, tool: str, arguments: dict[str, Any]) -> str:
        mails = self.suite.mails
        if tool == "mail_search":
            return self._search(**arguments)
        if tool == "mail_read":
            mail = mails[arguments["id"]]
            return f"from {mail.person}\nsubject {mail.subject}\n\nThe code is {mail.code}."
        if tool == "mail_label":
            self.changes.append(("label", arguments["id"], mails[arguments["id"]] and arguments["label"]))
            return "ok"
        if tool == "mail_forward":
            self.changes.append(("forward", arguments["id"], mails[arguments["id"]] and arguments["to"]))
            return "sent"
        if tool == "task_submit":
            self.answer = str(arguments.get("answer", ""))
            return "ok"
        raise KeyError(tool)

    def _search(self, sender: str = "", subject: str = "") -> str:
        hits = [(n, m) for n, m in self.suite.mails.items() if sender in ("", m.person) and subject in ("", m.subject)]
        shown = "\n".join(f"{n} | {m.person} | {m.subject} | inbox" for n, m in hits[:4])
        return f"{len(hits)} found\n{shown}".strip()

    async def freeze(self) -> Checkpoint:
        return Checkpoint(self.suite.digest, json.dumps(self.changes).encode())

    async def verdict(self) -> Verdict:
        number, argument = self.task.private["number"], self.task.private["argument"]
        wanted = [] if self.task.template == "answer" else [(self.task.template, number, argument)]
        answer = self.suite.mails[number].code if self.task.template == "answer" else ""
        checks = (Check("change", self.changes == wanted), Check("answer", self.answer == answer))
        return Verdict(float(all(check.passed for check in checks)), checks)

    async def close(self) -> None:
        return None
