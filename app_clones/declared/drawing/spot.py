"""Where a value is drawn for: the row so far, and who and where it is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from app_clones.declared.drawing import words as w
from app_clones.declared.drawing.names import Subject
from app_clones.kit.persons import FIRST_NAMES, LAST_NAMES

Json = Any


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person of the world: a row of ``kit_person``."""

    id: int
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What all rows are drawn into."""

    now_ms: int
    persons: Sequence[Somebody]


@dataclass(slots=True)
class Spot:
    """One row as it is drawn. ``number`` from 1 within its entity; ``row`` holds what is drawn already, by field.

    ``given``, ``family``, ``firm`` and ``city`` are whom and where its names, addresses and numbers agree on;
    ``called`` is its label, once that is drawn; ``touched_ms``: when something last happened to it.
    """

    scene: Scene
    subject: Subject
    number: int
    born_ms: int
    given: str
    family: str
    firm: str
    city: tuple[str, str, str, str, str, str]
    called: str = ""
    touched_ms: int = 0
    row: dict[str, Any] = field(default_factory=dict)


Drawer = Callable[[Random, Spot], Json]
"""Draws one value."""


def spot(rng: Random, scene: Scene, subject: Subject, number: int, born_ms: int) -> Spot:
    """A row still empty."""
    firm = f"{rng.choice(w.COMPANY_HEADS)} {rng.choice(w.COMPANY_TAILS)}"
    given, family, city = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES), rng.choice(w.CITIES)
    return Spot(scene, subject, number, born_ms, given, family, firm, city, touched_ms=born_ms)
