"""The persons of a world, drawn from its seed."""

from __future__ import annotations

from random import Random

from pydantic import BaseModel

from app_clones.kit.errors import KitError
from app_clones.kit.seeds import derive

DOMAIN = "example.com"

# fmt: off
FIRST_NAMES = (
    "Ana", "Bruno", "Carla", "David", "Elena", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Karin", "Luis",
    "Marta", "Nils", "Olga", "Pedro", "Quinn", "Rosa", "Stefan", "Tara", "Ulrich", "Vera", "Walter", "Yara",
)
LAST_NAMES = (
    "Ruiz", "Keller", "Novak", "Silva", "Jensen", "Moreau", "Rossi", "Weber", "Costa", "Larsen", "Fischer", "Marin",
    "Dubois", "Conti", "Berg", "Lopez", "Hansen", "Ferrari", "Meyer", "Santos", "Lund", "Vidal", "Bauer", "Serra",
)
# fmt: on


class Person(BaseModel, frozen=True, extra="forbid"):
    """A user of the world (``kit_person``). The first one is the agent's own account."""

    name: str
    email: str


def draw(seed: int, count: int) -> tuple[Person, ...]:
    """``count`` persons with first names all different while the list lasts; full names and addresses always are.

    Raises :class:`KitError` where there are fewer full names than persons asked for.
    """
    if not 1 <= count <= len(FIRST_NAMES) * len(LAST_NAMES):
        raise KitError(f"a world has 1 to {len(FIRST_NAMES) * len(LAST_NAMES)} persons, not {count}")
    rng = Random(derive(seed, "persons"))
    first = rng.sample(FIRST_NAMES, len(FIRST_NAMES))
    last = rng.sample(LAST_NAMES, len(LAST_NAMES))
    persons = []
    for number in range(count):
        lap, place = divmod(number, len(first))
        given, family = first[place], last[(place + lap) % len(last)]
        persons.append(Person(name=f"{given} {family}", email=f"{given}.{family}@{DOMAIN}".lower()))
    return tuple(persons)
