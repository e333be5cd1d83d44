"""What a generated task asks, as data: rows described as a person would, what is to be done with them, what is asked.

Each part that only a look into the world tells (a row's id, what a copied value is) is kept apart from the description:
oracles go by what was looked up, verifiers by the description alone, so that a slip of either is found by comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Json = Any

ID = "$id"
"""Stands for a field in a condition: the row is named by its id in words (a given name, a code, a number)."""


class Part(BaseModel):
    """Base of every part: frozen, unknown keys refused, JSON-able."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# ---- descriptions


class Condition(Part):
    """``field`` holds ``value``, or names the described ``row``; ``field`` may be :data:`ID`."""

    field: str
    value: Json = None
    row: Described | None = None


class Described(Part):
    """The rows of ``entity`` for which all of ``where`` hold."""

    entity: str
    where: tuple[Condition, ...] = ()


class Read(Part):
    """A tool call that only looks."""

    tool: str
    arguments: Mapping[str, Json]


class Target(Part):
    """One row. ``what`` describes it; the rest is looked up: its row id, how the app calls it and each row above it
    (``names`` and ``paths`` by entity), the reads that lead to it."""

    what: Described
    id: int
    names: Mapping[str, Json]
    paths: Mapping[str, str] = {}
    look: tuple[Read, ...] = ()


class Fresh(Part):
    """The row that the deed of that number makes, and how the app will call it."""

    deed: int
    names: Mapping[str, Json]
    paths: Mapping[str, str] = {}


# ---- deeds


class New(Part):
    """What a field (or a parameter, of an :class:`Act`) is to hold: ``value``; or the ``row`` that it names; or what
    ``source``'s ``source_field`` holds, which ``value`` then repeats as looked up."""

    field: str
    value: Json = None
    row: Target | Fresh | None = None
    source: Target | None = None
    source_field: str = ""


class Create(Part):
    """A new row of ``entity`` under ``parent``, called ``slug`` where the client names rows."""

    kind: Literal["create"] = "create"
    operation: str
    entity: str
    parent: Target | Fresh | None = None
    slug: str | None = None
    set: tuple[New, ...]


class Update(Part):
    """Fields of a row changed; the other ones stay."""

    kind: Literal["update"] = "update"
    operation: str
    target: Target
    set: tuple[New, ...]


class Delete(Part):
    """A row deleted, with what depends on it."""

    kind: Literal["delete"] = "delete"
    operation: str
    target: Target


class Act(Part):
    """A custom operation on a row."""

    kind: Literal["act"] = "act"
    operation: str
    target: Target
    inputs: tuple[New, ...] = ()


Deed = Annotated[Create | Update | Delete | Act, Field(discriminator="kind")]


# ---- questions and conditions


class Count(Part):
    """How many rows there are."""

    kind: Literal["count"] = "count"
    what: Described


class Value(Part):
    """What a row's field holds."""

    kind: Literal["value"] = "value"
    target: Target
    field: str


class Largest(Part):
    """Which of several rows has the largest (latest) ``field``, or, if ``entity`` is given, most rows of it whose
    ``field`` names them; answered by what ``label`` holds of it."""

    kind: Literal["largest"] = "largest"
    of: tuple[Target, ...] = Field(min_length=2)
    field: str
    entity: str | None = None
    label: str


Question = Annotated[Count | Value | Largest, Field(discriminator="kind")]


class Guard(Part):
    """The deeds are right only where ``field`` of the row holds ``value``; else declining is."""

    target: Target
    field: str
    value: Json


class Plan(Part):
    """A whole task. ``look``: reads that answer the question. ``answer`` and ``act`` (whether acting is right) are as
    looked up; verifiers find both by themselves. ``every``: what the targets of the deeds are, all together, where the
    task describes them as a group."""

    deeds: tuple[Deed, ...] = ()
    question: Question | None = None
    guard: Guard | None = None
    every: Described | None = None
    look: tuple[Read, ...] = ()
    answer: str = ""
    act: bool = True


def targets_of(plan: Plan) -> Iterator[Target]:
    """Every row that must be looked up, in the order in which it is needed."""
    if plan.guard:
        yield plan.guard.target
    for deed in plan.deeds:
        if isinstance(deed, Create):
            if isinstance(deed.parent, Target):
                yield deed.parent
        else:
            yield deed.target
        for new in deed.inputs if isinstance(deed, Act) else () if isinstance(deed, Delete) else deed.set:
            if isinstance(new.row, Target):
                yield new.row
            if new.source:
                yield new.source
    if isinstance(plan.question, Value):
        yield plan.question.target
    if isinstance(plan.question, Largest):
        yield from plan.question.of


def copied(plan: Plan) -> Iterator[Json]:
    """The values that are to be read from one row and written into another."""
    for deed in plan.deeds:
        if isinstance(deed, Create | Update):
            yield from (new.value for new in deed.set if new.source)
