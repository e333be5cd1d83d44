"""The family of tasks that a declaration gives rise to."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from app_clones.declared.engine import Declared
from app_clones.declared.expand import writes
from app_clones.declared.model import AppDecl
from app_clones.declared.tools import silent
from app_clones.docs import DOCS
from app_clones.kit.app import App
from app_clones.kit.errors import AppError
from app_clones.kit.faults import Faults
from app_clones.kit.registry import KIT_TABLES
from app_clones.kit.seeds import derive
from factory.environment import Action, Split, Task
from factory.verifiers.declared.deeds import Act, Create, Deed, Delete, Plan, Question, Target, copied, targets_of
from factory.verifiers.declared.expected import expected
from factory.verifiers.declared.find import spoken
from factory.verifiers.net_change import Expected
from factory.verifiers.start import Start
from factory.worlds.family import SPLITS, Batch, Drawn
from factory.worlds.generated import oracle, phrases
from factory.worlds.generated.abilities import abilities
from factory.worlds.generated.kind import Bundle, Candidate, Kind, is_held_out, is_named, is_told
from factory.worlds.generated.kinds import KINDS
from factory.worlds.generated.retries import Service, persistent
from factory.worlds.generated.survey import Slip, Survey, survey

if TYPE_CHECKING:
    from app_clones.kit.world import World
    from factory.spec import GeneratedSpec, WorldTasksSpec
    from factory.worlds.browsing import BrowserEnvironment

_LONGEST = 600
"""Characters of an instruction that anybody would read."""

_TRIES = 12
"""Bundles looked at for each that is drawn: what is too long, says its answer or was held out is passed over."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What of a world, beside its rows, tasks depend on. Times in virtual ms; ``handled``: events by name;
    ``shared``: whether there are other apps, so that a task has to say which it means; ``documented``: whether the docs
    app is one of them, which an honest agent then reads before it calls an app's tools."""

    seed: int
    start_ms: int
    step_ms: int
    faults: Faults
    handled: frozenset[str]
    shared: bool
    documented: bool

    @classmethod
    def of(cls, start: Start, apps: Sequence[App]) -> Setting:
        """That of a built world of ``apps``."""
        seed, step_ms, now_ms = start.one("SELECT seed,step_ms,now_ms FROM kit_meta")
        rows = start.rows("SELECT kind,rate,window_ms FROM kit_fault ORDER BY id")
        kinds = tuple(row["kind"] for row in rows)
        faults = Faults(rows[0]["rate"], kinds, rows[0]["window_ms"]) if rows else Faults()
        handled = frozenset(name for app in apps for name in app.events)
        documented = any(app.name == DOCS.name for app in apps)
        return cls(int(seed), now_ms, step_ms, faults, handled, len(apps) > 1, documented)


class GeneratedFamily:
    """Satisfies :class:`factory.worlds.family.Family` for one declared app of a world. ``slips``: the mistakes that
    were made in it, for drawing alone."""

    def __init__(self, ready: Declared, setting: Setting, slips: Sequence[Slip] = ()) -> None:
        self.name = ready.decl.app
        self.can = abilities(ready, setting.handled, setting.step_ms)
        self.setting, self._slips = setting, slips
        self.tables = {table.name: table for table in (*KIT_TABLES, *ready.app().tables)}

    def has(self, template: str) -> bool:
        """Whether it is ``APP.KIND.SUBJECT`` of this app."""
        app, _, rest = template.partition(".")
        return app == self.name and rest.partition(".")[0] in KINDS

    def draw(self, spec: WorldTasksSpec, seed: int, world: World) -> Iterator[Batch]:
        """As many tasks of each template as ``spec.generated`` allows and there are, in turn over all templates."""
        if spec.generated is None:
            return
        seen = survey(self.can, world, seed, self._slips)
        asked = [
            (place, number, kind, subject)
            for number, (name, kind) in enumerate(KINDS.items())
            if name in (spec.generated.templates or KINDS) and (self.setting.faults.rate or not kind.faulty)
            for place, subject in enumerate(kind.subjects(self.can))
        ]
        asked.sort(key=lambda one: one[:2])  # where only so many are asked for, every kind has its turn
        drawers = [_Drawer(self, spec.generated, spec.max_steps, seen, kind, subject) for _, _, kind, subject in asked]
        left = spec.generated.most or len(drawers) * spec.generated.per_template
        turns = list(drawers)
        while turns and left > 0:
            for drawer in list(turns):
                drawn = drawer.next() if left > 0 else 0
                left -= drawn
                if not drawn:
                    turns.remove(drawer)
        for drawer in drawers:
            yield from drawer.batches()

    def way(self, plan: Plan) -> tuple[Action, ...]:
        """The honest agent's way through the tools, with every attempt that the world's faults make it need."""
        actions, at = oracle.way(self.can.decl, plan), self.setting
        if at.documented:
            actions = (*oracle.read_up(self.can, plan, actions), *actions)
        service = Service(at.faults, at.seed, at.start_ms, at.step_ms, self._writes)
        return persistent(actions, service) if at.faults.rate else actions

    def _writes(self, tool: str) -> bool:
        operation = self.can.decl.operations.get(tool.removeprefix(f"{self.name}_"))
        return operation is not None and writes(operation)

    def told(self, wording: str, one: Candidate) -> str:
        """The instruction; among several apps it says which it is about."""
        title = self.can.decl.title
        text = phrases.sentence(wording.format(app=title, **one.slots))
        return text if title in text or not self.setting.shared else f"In {title}: {text}"

    def accepts(self, actions: Iterable[Action]) -> bool:
        """Whether the app's tools take the arguments: an API may want rows of some names only."""
        prefix = f"{self.name}_"
        try:
            for action in actions:
                if action.name.startswith(prefix):
                    self._accept(action.name.removeprefix(prefix), action.arguments or {})
        except AppError:
            return False
        return True

    def _accept(self, operation: str, arguments: Mapping[str, object]) -> None:
        plan = self.can.ready.plan(operation)
        plan.accept({**silent(plan), **arguments})

    def oracle(self, task: Task) -> tuple[Action, ...]:
        """The honest agent's way through the tools."""
        return self.way(plan_of(task))

    def walk(self, task: Task, environment: BrowserEnvironment, done: Sequence[Action]) -> tuple[Action, ...]:
        """The honest agent's way through the pages. What was written by ``done`` is written again."""
        from factory.worlds.generated.pages import errands
        from factory.worlds.generated.paging import walked

        return walked(self.can.ready, environment, task, errands(self.can.decl, plan_of(task)), done)

    def blind(self, task: Task, training: Iterable[Task]) -> tuple[Action, ...]:
        """An answer is the first that the instruction names, else training's most frequent one; rows are known only by
        the ids that the instruction gives; where neither helps, it declines."""
        plan = plan_of(task)
        if plan.question:
            return (Action("task_submit", {"answer": _named_first(plan.question) or _most_frequent(training)}),)
        if plan.every or not all(_is_told(self.can.decl, deed) for deed in plan.deeds):
            return (Action("task_decline", {}),)
        return oracle.way(self.can.decl, plan.model_copy(update={"act": True}))

    def untold(self, task: Task, read: str) -> Iterator[str]:
        """Ids of rows, copied values and answers that stand neither in the instruction nor in what was read."""
        plan = plan_of(task)
        said = f"{task.instruction}\n{read}"
        for target in targets_of(plan):
            entity = target.what.entity
            called = (str(target.names[entity]), target.paths.get(entity, ""))
            known = self.can.of[entity].decl.singleton or is_named(target.what)
            if not known and not any(name and _stands(name, said) for name in called):
                yield f"the id {called[0]} of the {entity}"
        if plan.question and plan.question.kind == "value" and plan.answer not in read:
            yield f"the answer {plan.answer!r}"
        for value in copied(plan):
            if json.dumps(value, ensure_ascii=False).strip('"')[:1000] not in read.replace("\n", "\\n"):
                yield f"the value {value!r} that is copied"

    def expected(self, task: Task, start: Start) -> Expected:
        """By the declaration and the start's rows alone."""
        return expected(self.can.decl, self.tables, plan_of(task), start, self.setting.handled)


def plan_of(task: Task) -> Plan:
    """The plan of a generated task."""
    return Plan.model_validate(task.private["plan"])


def _stands(name: str, text: str) -> bool:
    """Whether a name stands in a text as a word of its own."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _is_told(decl: AppDecl, deed: Deed) -> bool:
    """Whether the instruction tells all that the deed's call takes: every row's id, and no value is another row's."""
    row = deed.parent if isinstance(deed, Create) else deed.target
    if isinstance(row, Target) and not is_told(decl, row.what, decl.operations[deed.operation]):
        return False
    news = deed.inputs if isinstance(deed, Act) else () if isinstance(deed, Delete) else deed.set
    return all(new.source is None and (not isinstance(new.row, Target) or is_told(decl, new.row.what)) for new in news)


def _named_first(question: Question) -> str | None:
    """Where the answer is one of several that the instruction names, the first of them."""
    if question.kind != "largest":
        return None
    return next((spoken(one.value) for one in question.of[0].what.where if one.field == question.label), None)


def _most_frequent(training: Iterable[Task]) -> str:
    answers = Counter(plan_of(one).answer for one in training)
    return min(answers.items(), key=lambda item: (-item[1], item[0]))[0] if answers else ""


class _Drawer:
    """Draws the tasks of one template."""

    def __init__(
        self,
        family: GeneratedFamily,
        spec: GeneratedSpec,
        max_steps: int,
        seen: Survey,
        kind: Kind,
        subject: str,
    ) -> None:
        self.template = f"{family.name}.{kind.name}.{subject}"
        self._family, self._kind, self._survey, self._max_steps = family, kind, seen, max_steps
        self._rng = Random(derive(seen.seed, "tasks", self.template))
        self._bundles = kind.bundles(seen, subject, self._rng)
        self._drawn: dict[Split, list[Drawn]] = {split: [] for split in SPLITS}
        self._said: set[str] = set()
        kept = family.name in spec.heldout_apps or kind.name in spec.heldout_templates
        self._all_heldout = kept
        whole = spec.per_template // kind.size
        least = int(kind.size > 1 and whole > 1)  # of ten tasks, twins make three bundles
        heldout = whole if kept else max(whole // 5, least)
        self._room: dict[Split, int] = {"train": (whole - heldout) * kind.size, "heldout": heldout * kind.size}
        texts = kind.wordings
        self._texts = {
            "train": self._rng.sample(texts.train, len(texts.train)),
            "heldout": self._rng.sample(texts.heldout, len(texts.heldout)),
        }

    def batches(self) -> Iterator[Batch]:
        """What was drawn, by split."""
        return (Batch(self.template, split, tasks) for split, tasks in self._drawn.items() if tasks)

    def next(self) -> int:
        """Draws one bundle more; returns how many tasks that were, 0 once there are no more."""
        for _ in range(_TRIES):
            bundle = next(self._bundles, None)
            if bundle is None:
                return 0
            split = self._split(bundle)
            if split is None or self._room[split] < len(bundle):
                continue
            drawn = self._worded(bundle, split)
            if drawn:
                self._room[split] -= len(drawn)
                self._drawn[split] += drawn
                self._said |= {one.instruction for one in drawn}
                return len(drawn)
        return 0

    def _split(self, bundle: Bundle) -> Split | None:
        """Where it belongs: rows and values that are held out are so in every template of the app."""
        if self._all_heldout:
            return "heldout"
        apart = {is_held_out(self._survey, one.key) for one in bundle}
        return None if len(apart) > 1 else "heldout" if apart.pop() else "train"

    def _worded(self, bundle: Bundle, split: Split) -> list[Drawn]:
        """The bundle in one wording; empty where some of it is too long, was said before, or says its own answer."""
        number = len(self._drawn[split])
        new = split == "heldout" and number // len(bundle) % 2 == 0
        texts = self._texts["heldout" if new else "train"]
        wording = texts[number // len(bundle) % len(texts)]
        drawn = []
        for one in bundle:
            way = self._family.way(one.plan)
            text = self._family.told(wording, one)
            if len(text) > _LONGEST or len(way) > self._max_steps or text in self._said or _is_said(one, text):
                return []
            if self._kind.faulty and len(way) == len(oracle.way(self._family.can.decl, one.plan)):
                return []
            if not self._family.accepts(way):
                return []
            plan = one.plan.model_dump(mode="json", exclude_defaults=True)
            drawn.append(Drawn(text, wording, {"plan": _with_kinds(one.plan, plan)}))
        return drawn


def _is_said(one: Candidate, text: str) -> bool:
    """Whether the instruction says the answer, where its answer is not one of several that it must name."""
    question = one.plan.question
    return question is not None and question.kind != "largest" and one.plan.answer in text


def _with_kinds(plan: Plan, dumped: dict[str, object]) -> dict[str, object]:
    """``dumped`` with the marks by which its deeds and its question are told apart, which are defaults."""
    if plan.deeds:
        deeds = dumped["deeds"]
        assert isinstance(deeds, list)
        dumped["deeds"] = [{**one, "kind": deed.kind} for one, deed in zip(deeds, plan.deeds, strict=True)]
    if plan.question:
        question = dumped["question"]
        assert isinstance(question, dict)
        dumped["question"] = {**question, "kind": plan.question.kind}
    return dumped
