"""Names and prose, by what they are names and prose of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from app_clones.declared.drawing import words as w
from app_clones.declared.drawing.names import Subject
from app_clones.kit.persons import FIRST_NAMES, LAST_NAMES


def person(rng: Random) -> str:
    """``Marta Keller``."""
    return f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"


def company(rng: Random) -> str:
    """``Copper Logistics``."""
    return f"{rng.choice(w.COMPANY_HEADS)} {rng.choice(w.COMPANY_TAILS)}"


def product(rng: Random) -> str:
    """``Walnut shelf``."""
    return f"{rng.choice(w.MATERIALS)} {rng.choice(w.GOODS)}"


def issue(rng: Random) -> str:
    """``The printer is very slow on the second floor``."""
    return f"The {rng.choice(w.DEVICES)} {rng.choice(w.FAILURES)} {rng.choice(w.WHERES)}"


def document(rng: Random) -> str:
    """``Revised travel checklist``."""
    return f"{rng.choice(w.ADJECTIVES).capitalize()} {rng.choice(w.TOPICS)} {rng.choice(w.OCCASIONS)}"


def resource(rng: Random) -> str:
    """``orders-export``."""
    return f"{rng.choice(w.SERVICES)}-{rng.choice(w.ROLES)}"


def place(rng: Random) -> str:
    """``Hall B, Graz``."""
    return f"{rng.choice(w.PLACES)}, {rng.choice(w.CITIES)[0]}"


_NAMES: dict[Subject, Callable[[Random], str]] = {
    "person": person,
    "company": company,
    "product": product,
    "place": place,
    "issue": issue,
    "remark": document,
    "document": document,
    "event": document,
    "resource": resource,
    "group": lambda rng: rng.choice(w.GROUPS),
    "thing": document,
}


def name(rng: Random, subject: Subject) -> str:
    """What a row of that kind may be called. Not yet distinct."""
    return _NAMES[subject](rng)


def prose(rng: Random, subject: Subject, sentences: int, called: str = "") -> str:
    """So many sentences, as somebody would write in a row of that kind that is ``called`` so."""
    if subject == "remark":
        return " ".join(_different(rng, w.REMARKS, min(sentences, 3)))
    if subject == "issue":
        return _complaint(rng, called or issue(rng), sentences)
    return " ".join(sentence(rng) for _ in range(sentences))


def sentence(rng: Random) -> str:
    """``The supplier depends on one more week because prices may change.``"""
    head = f"{rng.choice(w.PARTS)} {rng.choice(w.VERBS)} {rng.choice(w.OBJECTS)}"
    return f"{head} {rng.choice(w.LINKS)} {rng.choice(w.CLAUSES)}." if rng.random() < 0.6 else f"{head}."


def _complaint(rng: Random, what: str, sentences: int) -> str:
    tries = [f"{one}." for one in _different(rng, w.ATTEMPTS, max(1, min(sentences - 2, 3)))]
    return " ".join([f"{what.rstrip('.')}.", *tries, rng.choice(w.WISHES)][: max(1, sentences)])


def _different(rng: Random, pool: Sequence[str], count: int) -> list[str]:
    return rng.sample(pool, min(count, len(pool)))
