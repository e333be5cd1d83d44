"""Demonstrations under other names: what a value *is* cannot be learned by heart, only where it is copied from.

A few thousand demonstrations come from one world, so their ids and facts could be memorised, which helps with no other
task. A renamed demonstration is the same episode in a world whose persons, subjects, facts, ids are called otherwise.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from rollout.learner.batch import Row
from rollout.learner.tokenizer import PAD, Tokenizer, number_ids
from rollout.trajectory import Trajectory

_WORD = re.compile(r"\w+")
COMMON = 0.1
"""Words in more than this share of instructions are grammar, not names."""


def grammar(demonstrations: Iterable[Trajectory]) -> set[str]:
    """Words that instructions are built from."""
    instructions = {t.attempt.task_id: t.instruction for t in demonstrations}
    counts = Counter(word for text in instructions.values() for word in set(_WORD.findall(text)))
    return {word for word, n in counts.items() if n > COMMON * len(instructions)}


def names(demonstrations: Sequence[Trajectory]) -> set[str]:
    """Words that successful demonstrations pass as values, without those that instructions are built from."""
    values: set[str] = set()
    # What a failed demonstration passes may be any word: naming those would rename the grammar, too.
    for step in (step for t in demonstrations if t.reward == 1.0 for step in t.steps):
        for text in _texts(step.action.arguments):
            values.update(_WORD.findall(text))
    return values - grammar(demonstrations)


def _texts(value: Any) -> Iterator[str]:
    """All texts among JSON values, keys aside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


class Renaming:
    """Renames ``share`` of the rows it is given. Classes: each of ``kinds`` (words that stand in for one another alone,
    as tools for tools; a word of several is of the first), known names, numbers' first pairs, numbers' later pairs.

    ``spelled``: the chance that a known name gets one that the vocabulary lacks, told letter by letter as the tokenizer
    would, in rows that have room for it in ``context`` tokens: what no training text holds has to be copied, too."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        known: Iterable[str],
        share: float = 0.7,
        kinds: Sequence[Iterable[str]] = (),
        spelled: float = 0.0,
        context: int = 0,
    ) -> None:
        pairs = [f"{n:02}" for n in range(100)]
        first = [number_ids(pair)[0] for pair in pairs]
        later = [number_ids("00" + pair)[1] for pair in pairs]
        taken: set[int] = set()
        classes: list[Sequence[int]] = []
        for words in (*kinds, known):
            single = [ids[0] for ids in map(tokenizer.encode, sorted(words)) if len(ids) == 1]
            classes.append([id for id in single if id not in taken])
            taken.update(single)
        self._known = frozenset(classes[-1])
        self._classes: Sequence[Sequence[int]] = [c for c in (*classes, first, later) if c]
        self._class = {id: i for i, members in enumerate(self._classes) for id in members}
        self._share, self._spelled, self._context = share, spelled, context
        self._tokenizer = tokenizer

    def __call__(self, row: Row, rng: Random) -> Row:
        """``row`` with every name and number in it renamed, one to one; or as it is."""
        if rng.random() >= self._share:
            return row
        mapping: dict[int, int] = {}
        for i, members in enumerate(self._classes):
            own = [id for id in dict.fromkeys(row.ids) if self._class.get(id) == i]
            mapping.update(zip(own, rng.sample(members, len(own)), strict=True))
        renamed = replace(row, ids=tuple(mapping.get(id, id) for id in row.ids))
        return self._spell(renamed, rng) if self._spelled else renamed

    def _spell(self, row: Row, rng: Random) -> Row:
        """``row`` with some names spelled, and the blanks around them, which are told only between known words. A word
        of a field's name stays: the tokenizer knows all of its words or none."""
        beside = {id for pair in pairwise(row.ids) if self._tokenizer.hump in pair for id in pair}
        names = [id for id in dict.fromkeys(row.ids) if id in self._known and id not in beside]
        letters = {id: self._tokenizer.encode(_unknown(rng)) for id in names if rng.random() < self._spelled}
        ids: list[int] = []
        sampled: list[bool] = []
        before = PAD
        for id, own in zip(row.ids, row.sampled, strict=True):
            told = letters.get(id, [id])
            if (id in letters or before in letters) and self._tokenizer.is_blank_implied(before, id):
                told = [*self._tokenizer.encode(" "), *told]
            ids += told
            sampled += [own] * len(told)
            before = id
        fits = len(ids) <= self._context
        return replace(row, ids=tuple(ids), sampled=tuple(sampled), logprobs=(0.0,) * len(ids)) if fits else row


def _unknown(rng: Random) -> str:
    """A word that no vocabulary has: a code, or what looks like a foreign name."""
    if rng.random() < 0.4:
        return "".join(rng.choices(ascii_uppercase, k=rng.randint(2, 4)))
    word = "".join(rng.choices(ascii_lowercase + "_", k=rng.randint(4, 10)))
    return word.capitalize() if rng.random() < 0.5 else word
