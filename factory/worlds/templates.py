"""What a template is, and how tasks are drawn from it so that held-out ones combine what training never combined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Any

from app_clones.kit.seeds import derive
from factory.environment import Action, Split
from factory.errors import BuildError
from factory.worlds.survey import Survey, bare
from factory.worlds.wordings import Wordings

Values = Mapping[str, Any]
"""A task's private values: what its wording names, and, beside it, what only a look into the world tells."""

SPLITS: tuple[Split, ...] = ("train", "heldout")


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of task.

    ``candidates(survey)`` lists all values there are, in fixed order; each has ``person`` and ``subject``, by which it
    is held out or not. ``oracle(values)`` is the honest agent's way. ``hidden`` names the values that only observing
    tells; with each the visible values that a blind guess would go by, best first.
    ``twins``: candidates come in pairs of one wording of which one is to be declined.
    """

    name: str
    wordings: Wordings
    candidates: Callable[[Survey], Sequence[Values]]
    oracle: Callable[[Values], tuple[Action, ...]]
    hidden: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    twins: bool = False

    @property
    def observes(self) -> bool:
        """Whether a value must be observed before acting."""
        return bool(self.hidden)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One task as drawn."""

    instruction: str
    wording: str
    values: Values


def held_out(seed: int, person: str, subject: str) -> bool:
    """Whether this pair is kept from training, in every template."""
    return derive(seed, "tasks", "split", person, bare(subject)) % 4 == 0


def draw(template: Template, survey: Survey, seed: int, split: Split, n: int) -> list[Drawn]:
    """Returns ``n`` tasks of ``split``, no two alike; twins follow each other. Raises BuildError if there are fewer."""
    rng = Random(derive(seed, "tasks", template.name, split))
    mine = [v for v in template.candidates(survey) if held_out(seed, v["person"], v["subject"]) == (split == "heldout")]
    groups = _twins(mine, rng) if template.twins else [(one,) for one in mine]
    fresh = template.wordings.heldout if split == "heldout" else template.wordings.train
    pools = [_spread(groups, fresh, rng), _spread(groups, template.wordings.train, rng)]
    size = 2 if template.twins else 1
    if split == "train":
        chosen = pools[0][: n // size]
    else:  # every second one is also worded as nothing in training is
        half = (n // size + 1) // 2
        chosen = [*pools[0][:half], *islice(pools[1], n // size - half)]
        rng.shuffle(chosen)
    if len(chosen) * size < n:
        raise BuildError(
            f"tasks.templates.{template.name}.{split}: {n} asked for, {len(chosen) * size} there are in this world",
            "ask for fewer (an even number, for twins), or for more mail",
        )
    return [Drawn(wording.format(**values), wording, values) for group, wording in chosen for values in group]


def _twins(candidates: Sequence[Values], rng: Random) -> list[tuple[Values, ...]]:
    act = [v for v in candidates if v["act"]]
    refrain = [v for v in candidates if not v["act"]]
    rng.shuffle(refrain)
    by_person: dict[str, list[Values]] = {}
    for one in refrain:
        by_person.setdefault(one["person"], []).append(one)
    pairs: list[tuple[Values, ...]] = []
    for one in act:
        others = by_person.get(one["person"]) or refrain
        if others:
            pairs.append((one, others[rng.randrange(len(others))]))
    return pairs


def _spread(
    groups: Sequence[tuple[Values, ...]], wordings: Sequence[str], rng: Random
) -> list[tuple[tuple[Values, ...], str]]:
    """All pairs in random order, but every group once before any twice."""
    rounds: list[list[tuple[tuple[Values, ...], str]]] = [[] for _ in wordings]
    for group in groups:
        for k, wording in enumerate(rng.sample(wordings, len(wordings))):
            rounds[k].append((group, wording))
    for one in rounds:
        rng.shuffle(one)
    return [pair for one in rounds for pair in one]


def blind_values(template: Template, values: Values, training: Iterable[Values]) -> dict[str, Any]:
    """``values`` with every hidden one replaced by the training tasks' most frequent one among the tasks that look most
    like this: as good a guess as can be made without observing anything."""
    seen = list(training)
    guessed = dict(values)
    for name, clues in template.hidden.items():
        guessed[name] = _guess(name, clues, values, seen)
    return guessed


def _guess(name: str, clues: tuple[str, ...], values: Values, seen: Sequence[Values]) -> Any:
    for k in range(len(clues), -1, -1):
        like = [one[name] for one in seen if all(one[clue] == values[clue] for clue in clues[:k])]
        if like:
            return min(Counter(like).items(), key=lambda item: (-item[1], str(item[0])))[0]
    return 0
