"""The words of apps that a policy is to work in without having practised there: what their docs and schemas say.

A policy with a small vocabulary copies best the words that it has. So the vocabulary holds what every app calls its
tools, parameters, kinds of things and fields, and renaming puts all of them into training's episodes in one another's
place: a held-out app's words are learned as words, with no episode of it, and what any of them means has to be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app_clones.docs.app import STANDARD, pages
from factory.environment import ToolSpec
from factory.worlds.suite import WorldSuite
from rollout.learner.renaming import Renaming, grammar, names
from rollout.learner.tokenizer import HUMP, Tokenizer, camel_words, is_number
from rollout.trajectory import Trajectory

_RUNS = re.compile(r"\w+")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]+")
SPELLED = 0.03
"""Share of a row's names that renaming spells: of those in a task one or two are such that no training text holds."""


@dataclass(frozen=True, slots=True)
class AppWords:
    """``tools`` by name, ``constants`` (``DISABLED``), ``others``: of the docs' remaining words, those that names of
    fields are made of among them, parameters, segments of resource names."""

    tools: frozenset[str]
    constants: frozenset[str]
    others: frozenset[str]

    def all(self) -> list[str]:
        """All of them, sorted."""
        return sorted(self.tools | self.constants | self.others)


def words_of(suite: WorldSuite) -> AppWords:
    """The words of all declared apps of a world."""
    told = pages(suite.apps)
    said = {word for text in told for word in _words(text)}
    mine = [spec for spec in suite.tools if spec.name in said]
    tools = frozenset(spec.name for spec in mine)
    shaped = {word for spec in mine for text in _shapes(spec) for word in _words(text)}
    constants = frozenset(filter(_CONSTANT.fullmatch, shaped))
    return AppWords(tools, constants, frozenset((said | shaped) - tools - constants))


def _words(text: str) -> Iterator[str]:
    """As the tokenizer takes them: without numbers, ``displayName`` as two."""
    for run in _RUNS.findall(text):
        if not is_number(run):
            yield from camel_words(run) or (run,)


def _shapes(spec: ToolSpec) -> Iterator[str]:
    """Patterns and enumerations of a tool's own arguments and of the fields of what it takes."""
    for one in spec.parameters.get("properties", {}).values():
        for field in (one, *one.get("properties", {}).values()):
            if "pattern" in field:
                yield field["pattern"]
            yield from (value for value in field.get("enum", ()) if isinstance(value, str))


def tokenizer_of(words: AppWords, texts: Iterable[str]) -> Tokenizer:
    """All words of the apps, and what training's ``texts`` say more than once, fields' names by their words."""
    common = [word for word in Tokenizer.build(texts).words if not camel_words(word)]
    return Tokenizer([HUMP, *common, *(word for word in words.all() if word not in set(common))])


def renaming_of(
    words: AppWords, tokenizer: Tokenizer, demonstrations: Sequence[Trajectory], share: float, context: int
) -> Renaming:
    """Tools and constants each among themselves; all else that is a name, of apps or rows, among it."""
    named = (words.others | names(demonstrations)) - grammar(demonstrations) - set(STANDARD)
    return Renaming(tokenizer, named, share, (words.tools, words.constants), SPELLED, context)
