"""Rows that can be told apart: labels are all different, and what must be unique is."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from app_clones.declared.drawing import words as w
from app_clones.declared.drawing.fields import fit
from app_clones.declared.drawing.names import slug
from app_clones.declared.drawing.spot import Spot
from app_clones.declared.model import Entity
from app_clones.kit.persons import FIRST_NAMES, LAST_NAMES

_TRIES = 12
_LONGEST_SLUG = 40


class Distinct:
    """What the rows of one entity have used up. ``parent``: the field within whose value a given id is unique;
    ``label``: the field whose values, if they are texts, are to be different."""

    def __init__(self, entity: Entity, parent: str | None, label: str | None, rng: Random) -> None:
        self.entity = entity
        self.parent = parent
        self.rng = rng
        texts = ("string", "text", "email")
        self.label = label if label and entity.fields[label].type in texts else None
        self.labels: set[Any] = set()
        self.groups: list[tuple[tuple[str, ...], set[tuple[Any, ...]]]] = [(tuple(one), set()) for one in entity.unique]
        self.slugs: set[tuple[Any, str]] = set()

    def settle(self, at: Spot, again: Callable[[str], bool], *, fixed: bool) -> bool:
        """Draws anew (``again(field)``) what is taken, and gives the row an id of its own where rows have one.

        False where that cannot be; of a row that is ``fixed`` nothing is drawn anew.
        """
        if self.label is not None and not self._settle_label(at, again, fixed):
            return False
        for fields, taken in self.groups:
            if not self._settle_group(fields, taken, at, again, fixed):
                return False
        if self.entity.key.form == "given" and not self._settle_slug(at, fixed):
            return False
        self.labels.add(at.row.get(self.label or ""))
        for fields, taken in self.groups:
            taken.add(_values(fields, at))
        return True

    def _settle_label(self, at: Spot, again: Callable[[str], bool], fixed: bool) -> bool:
        label = self.label or ""
        if at.row.get(label) is None or fixed:
            return True
        for _ in range(_TRIES):
            if at.row[label] not in self.labels:
                return True
            at.given, at.family = self.rng.choice(FIRST_NAMES), self.rng.choice(LAST_NAMES)
            at.firm = f"{self.rng.choice(w.COMPANY_HEADS)} {self.rng.choice(w.COMPANY_TAILS)}"
            if not again(label):
                return False
        return self._number_label(at, label)

    def _number_label(self, at: Spot, label: str) -> bool:
        field = self.entity.fields[label]
        if field.seed is not None or field.values:
            return True  # as it was asked for
        text = str(at.row[label])
        low, high = int(field.min or 0), None if field.max is None else int(field.max)
        for number in range(2, 10_000):
            tail = f" {number}"
            head = text if high is None else text[: max(0, high - len(tail))]
            found = fit(self.rng, head + tail, field.pattern, low, high)
            if found not in self.labels:
                at.row[label] = found
                return True
        return False

    def _settle_group(
        self, fields: tuple[str, ...], taken: set[tuple[Any, ...]], at: Spot, again: Callable[[str], bool], fixed: bool
    ) -> bool:
        for _ in range(_TRIES):
            values = _values(fields, at)
            if None in values or values not in taken:
                return True
            if fixed or not any(again(name) for name in reversed(fields)):
                return False
        return False

    def _settle_slug(self, at: Spot, fixed: bool) -> bool:
        scope = at.row.get(self.parent) if self.parent else None
        if "slug" not in at.row:
            base = slug(str(at.row.get(self.entity.label or "") or self.entity.title))[:_LONGEST_SLUG].strip("-") or "x"
            at.row["slug"] = self._free(scope, base)
        elif (scope, at.row["slug"]) in self.slugs:
            return False
        self.slugs.add((scope, at.row["slug"]))
        return True

    def _free(self, scope: Any, base: str) -> str:
        pattern = self.entity.key.pattern
        for number in range(1, 10_000):
            found = fit(self.rng, base if number == 1 else f"{base}-{number}", pattern, 1, None)
            if (scope, found) not in self.slugs:
                return found
        return f"{base}-{self.rng.randrange(10**9)}"


def _values(fields: tuple[str, ...], at: Spot) -> tuple[Any, ...]:
    return tuple(tuple(v) if isinstance(v := at.row.get(name), list) else v for name in fields)
