"""What a template is, and how tasks are drawn from it so that held-out ones combine what training never combined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from app_clones.kit.seeds import derive
from factory.environment import Action, Split
from factory.errors import BuildError
from factory.worlds.family import Drawn
from factory.worlds.survey import Survey, bare
from factory.worlds.wordings import Wordings

Values = Mapping[str, Any]
"""A task's private values: what its wording names, and, beside it, what only a look into the world tells."""

Worded = tuple[Values, str]
"""Values and the wording to ask for them in."""


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of task.

    ``candidates(survey)`` lists all values there are, in fixed order; each has ``person`` and ``subject``, by which it
    is held out or not. ``oracle(values)`` is the honest agent's way. ``hidden`` names the values that only observing
    tells; with each the visible values that a blind guess would go by, best first.
    ``apps``: those that it plays in; candidates are always found in the mail.
    ``twins``: candidates come in pairs of one wording of which one is to be declined.
    """

    name: str
    wordings: Wordings
    candidates: Callable[[Survey], Sequence[Values]]
    oracle: Callable[[Values], tuple[Action, ...]]
    hidden: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    twins: bool = False
    apps: tuple[str, ...] = ("mail",)

    @property
    def observes(self) -> bool:
        """Whether a value must be observed before acting."""
        return bool(self.hidden)


def held_out(seed: int, person: str, subject: str) -> bool:
    """Whether this pair is kept from training, in every template."""
    return derive(seed, "tasks", "split", person, bare(subject)) % 4 == 0


def draw(template: Template, survey: Survey, seed: int, split: Split, n: int) -> list[Drawn]:
    """Returns ``n`` tasks of ``split``, no two alike; twins follow each other. Raises BuildError if there are fewer."""
    rng = Random(derive(seed, "tasks", template.name, split))
    mine = [v for v in template.candidates(survey) if held_out(seed, v["person"], v["subject"]) == (split == "heldout")]
    if template.twins:
        chosen = _choose([v for v in mine if v["act"]], template.wordings, split, n // 2, rng)
        chosen = _with_twins(chosen, [v for v in mine if not v["act"]], rng)
    else:
        chosen = _choose(mine, template.wordings, split, n, rng)
    if len(chosen) < n:
        raise BuildError(
            f"tasks.templates.{template.name}.{split}: {n} asked for, {len(chosen)} there are in this world",
            "ask for fewer (an even number, for twins), or for more mail",
        )
    return [Drawn(wording.format(**values), wording, values) for values, wording in chosen]


def _choose(candidates: Sequence[Values], wordings: Wordings, split: Split, n: int, rng: Random) -> list[Worded]:
    """At most ``n`` of the candidates, worded; of held-out ones every second as nothing in training is."""
    if split == "train":
        return _spread(candidates, wordings.train, rng)[:n]
    new = _spread(candidates, wordings.heldout, rng)[: (n + 1) // 2]
    chosen = [*new, *_spread(candidates, wordings.train, rng)[: n - len(new)]]
    rng.shuffle(chosen)
    return chosen


def _spread(candidates: Sequence[Values], wordings: Sequence[str], rng: Random) -> list[Worded]:
    """Every candidate in every wording, in random order, but each candidate once before any twice."""
    rounds: list[list[Worded]] = [[] for _ in wordings]
    for one in candidates:
        for k, wording in enumerate(rng.sample(wordings, len(wordings))):
            rounds[k].append((one, wording))
    for worded in rounds:
        rng.shuffle(worded)
    return [one for worded in rounds for one in worded]


def _with_twins(acting: Sequence[Worded], refraining: Sequence[Values], rng: Random) -> list[Worded]:
    """Each with a twin of its wording after it, of the same person where there is one: no word tells them apart."""
    others = rng.sample(refraining, len(refraining))
    uses: Counter[int] = Counter()
    taken: set[tuple[int, str]] = set()
    paired: list[Worded] = []
    for one, wording in acting:
        free = [v for v in others if (v["mail"], wording) not in taken]
        if not free:
            break
        far = [(v["person"] != one["person"], uses[v["mail"]]) for v in free]
        twin = free[far.index(min(far))]
        uses[twin["mail"]] += 1
        taken.add((twin["mail"], wording))
        paired += [(one, wording), (twin, wording)]
    return paired


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
