"""The family of tasks over mail and notes: templates written by hand, what they leave behind declared by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from factory.environment import Action, Task
from factory.errors import BuildError
from factory.verifiers.mail import EXPECTED
from factory.verifiers.net_change import Expected
from factory.verifiers.start import Start
from factory.worlds.family import SPLITS, Batch
from factory.worlds.mail_templates import TEMPLATES
from factory.worlds.survey import survey
from factory.worlds.templates import blind_values, draw

if TYPE_CHECKING:
    from app_clones.kit.world import World
    from factory.spec import WorldTasksSpec
    from factory.worlds.browsing import BrowserEnvironment


class MailFamily:
    """Satisfies :class:`factory.worlds.family.Family`. As yet it is played through ``tools`` alone."""

    name = "mail"

    def has(self, template: str) -> bool:
        """Whether it is one of the templates over mail and notes."""
        return template in TEMPLATES

    def draw(self, spec: WorldTasksSpec, seed: int, world: World) -> Iterator[Batch]:
        """As many of each template as ``spec`` says. Raises BuildError where there are fewer."""
        asked = {name: counts for name, counts in spec.templates.items() if name in TEMPLATES}
        if not asked:
            return
        seen = survey(world)
        for name, counts in asked.items():
            for split in SPLITS:
                yield Batch(name, split, draw(TEMPLATES[name], seen, seed, split, getattr(counts, split)))

    def oracle(self, task: Task) -> tuple[Action, ...]:
        """The honest agent's tool calls."""
        return TEMPLATES[task.template].oracle(task.private)

    def walk(self, task: Task, environment: BrowserEnvironment, done: Sequence[Action]) -> tuple[Action, ...]:
        """There is no such way yet. Raises BuildError."""
        raise BuildError(f"{task.id}: the mail's tasks are done with its tools", "view: tools")

    def blind(self, task: Task, training: Iterable[Task]) -> tuple[Action, ...]:
        """Hidden values guessed from training statistics. Where to act or to decline is hidden, it declines: acting
        needs an id as well."""
        template = TEMPLATES[task.template]
        values = blind_values(template, task.private, (one.private for one in training))
        if template.twins:
            values["act"] = False
        return template.oracle(values)

    def untold(self, task: Task, read: str) -> Iterator[str]:
        """Nothing: the templates are few, and each one's way was written by hand along what the tools show."""
        return iter(())

    def expected(self, task: Task, start: Start) -> Expected:
        """By the tables and the start state alone."""
        return EXPECTED[task.template](task.private, start)
