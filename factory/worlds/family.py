"""A family: the tasks that one app of a world gives rise to, how they are done and what they must leave behind.

A suite knows families alone. The mail's is written by hand; a declared app's is generated from its declaration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from factory.environment import Action, Split, Task
from factory.verifiers.net_change import Expected
from factory.verifiers.start import Start

if TYPE_CHECKING:
    from app_clones.kit.world import World
    from factory.spec import WorldTasksSpec
    from factory.worlds.browsing import BrowserEnvironment

View = Literal["tools", "browser", "pixels"]
"""Through what an agent acts: the apps' operations, their pages as text, their pages as pictures."""

SPLITS: tuple[Split, ...] = ("train", "heldout")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One task as drawn. ``values``: what its wording names and, beside it, what only a look into the world tells."""

    instruction: str
    wording: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """The tasks of one template and split."""

    template: str
    split: Split
    tasks: Sequence[Drawn]


class Family(Protocol):
    """Draws tasks from a world and says, of each, how it is done and what it leaves."""

    @property
    def name(self) -> str: ...

    def has(self, template: str) -> bool:
        """Whether a template of that name is one of this family's."""
        ...

    def draw(self, spec: WorldTasksSpec, seed: int, world: World) -> Iterator[Batch]:
        """All that ``spec`` asks of this family, in a fixed order, found in ``world``: a fork that nobody else uses.

        Raises BuildError for more of a template than there is in this world.
        """
        ...

    def oracle(self, task: Task) -> tuple[Action, ...]:
        """The honest agent's way through the tools."""
        ...

    def walk(self, task: Task, environment: BrowserEnvironment, done: Sequence[Action]) -> tuple[Action, ...]:
        """The honest agent's way through the pages after ``done``, played in ``environment``, which it then closes.

        Raises BuildError where the pages do not offer what the task takes.
        """
        ...

    def blind(self, task: Task, training: Iterable[Task]) -> tuple[Action, ...]:
        """The best that can be said knowing the instruction and the ``training`` tasks of its template, but observing
        nothing; reads may stand in it."""
        ...

    def untold(self, task: Task, read: str) -> Iterator[str]:
        """What the oracle gives to its tools that neither the instruction nor ``read``, all that its calls answered,
        tells: an honest agent could not know it."""
        ...

    def expected(self, task: Task, start: Start) -> Expected:
        """What the task done rightly leaves behind; nothing here runs an operation or an oracle.

        Raises VerifierError where the task does not fit this world.
        """
        ...
