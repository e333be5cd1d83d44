"""How varied the instructions of some tasks are, and what of them a guess would earn, in figures:
``python -m factory.worlds.generated.diversity SPEC``."""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from app_clones.kit.seeds import derive

if TYPE_CHECKING:
    from factory.environment import Task

_TOKEN = re.compile(r"\w+|[^\w\s]")
_PAIRS = 20_000
"""Pairs of instructions compared, at most; which ones is decided by a seed."""


def measure(tasks: Iterable[Task], kind_of: Callable[[str], str] | None = None) -> dict[str, Any]:
    """Figures of the instructions: distinct 1-, 2- and 3-grams as a share of all; entropy of templates in bits, and as
    a share of the most there could be; wordings a template (by ``kind_of`` its name, where given); mean Jaccard
    distance of pairs of instructions as sets of words."""
    listed = list(tasks)
    texts = [_TOKEN.findall(task.instruction.lower()) for task in listed]
    templates = Counter(task.template for task in listed)
    wordings: dict[str, set[str]] = {}
    for task in listed:
        name = kind_of(task.template) if kind_of else task.template
        wordings.setdefault(name, set()).add(str(task.private.get("wording", "")))
    bits = entropy(templates)
    return {
        "tasks": len(listed),
        "instructions": len({task.instruction for task in listed}),
        "templates": len(templates),
        **{f"distinct_{n}": round(distinct(texts, n), 4) for n in (1, 2, 3)},
        "template_entropy_bits": round(bits, 3),
        "template_evenness": round(bits / math.log2(len(templates)), 4) if len(templates) > 1 else 1.0,
        "wordings": {name: len(found) for name, found in sorted(wordings.items())},
        "jaccard_distance": round(spread(texts), 4),
    }


def distinct(texts: Sequence[Sequence[str]], n: int) -> float:
    """Distinct n-grams as a share of all n-grams."""
    grams = [tuple(text[k : k + n]) for text in texts for k in range(len(text) - n + 1)]
    return len(set(grams)) / len(grams) if grams else 0.0


def entropy(counts: Mapping[str, int]) -> float:
    """Of a distribution, in bits."""
    whole = sum(counts.values())
    return -sum(n / whole * math.log2(n / whole) for n in counts.values()) if whole else 0.0


def spread(texts: Sequence[Sequence[str]]) -> float:
    """Mean Jaccard distance between the sets of words of two different texts."""
    words = [frozenset(text) for text in texts]
    if len(words) < 2:
        return 0.0
    rng = Random(derive(0, "diversity"))
    whole = len(words) * (len(words) - 1) // 2
    if whole <= _PAIRS:
        pairs = [(a, b) for k, a in enumerate(words) for b in words[k + 1 :]]
    else:
        pairs = [(words[i], words[j]) for i, j in (rng.sample(range(len(words)), 2) for _ in range(_PAIRS))]
    return sum(1 - len(a & b) / len(a | b) for a, b in pairs) / len(pairs)


def kind_of(template: str) -> str:
    """The kind of a generated template, ``find_update`` of ``helpdesk.find_update.ticket``; others are their own."""
    parts = template.split(".")
    return parts[1] if len(parts) > 2 else template


def main(argv: Sequence[str]) -> int:
    """Builds the world of a spec in a store of its own and prints the figures of its tasks as JSON."""
    import tempfile

    from factory.errors import GrindError
    from factory.spec import WorldSpec, load_spec
    from factory.store import Store
    from factory.worlds.generated.guessing import best_guesses
    from factory.worlds.suite import build_world, load

    if len(argv) != 1:
        print("usage: python -m factory.worlds.generated.diversity SPEC", file=sys.stderr)
        return 2
    try:
        spec = load_spec(argv[0])
        if not isinstance(spec, WorldSpec):
            raise GrindError(f"{argv[0]} is no world", "give the spec of a world")
        with tempfile.TemporaryDirectory(prefix="grind-diversity-") as folder:
            store = Store(folder)
            suite = load(build_world(spec, store), store)
            figures = {**measure(suite.tasks.values(), kind_of), "best_guess": best_guesses(suite)}
            print(json.dumps(figures, indent=1))
    except GrindError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
