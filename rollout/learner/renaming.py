"""Demonstrations under other names: what a value *is* cannot be learned by heart, only where it is copied from.

A few thousand demonstrations come from one world, so their ids and facts could be memorised, which helps with no other
task. A renamed demonstration is the same episode in a world whose persons, subjects, facts, ids are called otherwise.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

from rollout.learner.batch import Row
from rollout.learner.tokenizer import Tokenizer, number_ids
from rollout.trajectory import Trajectory

_WORD = re.compile(r"\w+")
COMMON = 0.1
"""Words in more than this share of instructions are grammar, not names."""


def names(demonstrations: Iterable[Trajectory]) -> set[str]:
    """Words that successful demonstrations pass as values, without those that instructions are built from."""
    values: set[str] = set()
    instructions: Counter[str] = Counter()
    seen: set[str] = set()
    for t in demonstrations:
        if t.attempt.task_id not in seen:
            seen.add(t.attempt.task_id)
            instructions.update(set(_WORD.findall(t.instruction)))
        # What a failed demonstration passes may be any word: naming those would rename the grammar, too.
        for step in t.steps if t.reward == 1.0 else ():
            for value in (step.action.arguments or {}).values():
                values.update(_WORD.findall(value) if isinstance(value, str) else ())
    return {word for word in values if instructions[word] <= COMMON * len(seen)}


class Renaming:
    """Renames ``share`` of the rows it is given. Classes: known names, numbers' first pairs, numbers' later pairs."""

    def __init__(self, tokenizer: Tokenizer, known: Iterable[str], share: float = 0.7) -> None:
        pairs = [f"{n:02}" for n in range(100)]
        first = [number_ids(pair)[0] for pair in pairs]
        later = [number_ids("00" + pair)[1] for pair in pairs]
        words = [ids[0] for ids in (tokenizer.encode(word) for word in sorted(known)) if len(ids) == 1]
        self._classes: Sequence[Sequence[int]] = [c for c in (words, first, later) if c]
        self._class = {id: i for i, members in enumerate(self._classes) for id in members}
        self._share = share

    def __call__(self, row: Row, rng: Random) -> Row:
        """``row`` with every name and number in it renamed, one to one; or as it is."""
        if rng.random() >= self._share:
            return row
        mapping: dict[int, int] = {}
        for i, members in enumerate(self._classes):
            own = [id for id in dict.fromkeys(row.ids) if self._class.get(id) == i]
            mapping.update(zip(own, rng.sample(members, len(own)), strict=True))
        return replace(row, ids=tuple(mapping.get(id, id) for id in row.ids))
