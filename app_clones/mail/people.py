"""Who a name or an address means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import getaddresses

from app_clones.kit.errors import AppError, NotFound
from app_clones.kit.world import Call
from app_clones.mail.clean import key

_SPECIAL = frozenset('()<>[]:;@\\,."')
"""What a name in a header holds only between quotes."""

_LIKELY = (
    "SELECT id, name, email, lower(name), lower(email) FROM kit_person WHERE ?1 IN (lower(name), lower(email))"
    " OR substr(lower(name), 1, length(?2)) = ?2 OR name GLOB '*[^ -~]*' ORDER BY id"
)
"""Who may be meant: SQLite folds the case of ASCII alone, so that whoever has a name beyond that is looked at."""


@dataclass(frozen=True, slots=True)
class Address:
    """A name (may be empty) and an e-mail address."""

    name: str
    email: str

    def __str__(self) -> str:
        name = self.name
        if _SPECIAL.intersection(name):
            name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{name} <{self.email}>" if name else self.email


@dataclass(frozen=True, slots=True)
class Person(Address):
    """A user of the world; ``id`` is the row in ``kit_person``."""

    id: int


def person(call: Call, id: int) -> Person:
    """Returns the person of that row. Raises NotFound."""
    row = call.one("SELECT name, email FROM kit_person WHERE id = ?", id)
    if row is None:
        raise NotFound(f"no person {id}")
    return Person(name=str(row[0]), email=str(row[1]), id=id)


def lookup(call: Call, email: str) -> Person | None:
    """Returns the person of that address in any case, if there is one."""
    row = call.one("SELECT id, name, email FROM kit_person WHERE lower(email) = ? ORDER BY id LIMIT 1", email.lower())
    return Person(name=row[1], email=row[2], id=row[0]) if row else None


def resolve(call: Call, text: str) -> Person:
    """Returns the one person that ``text`` names: an address, ``Name <address>``, a full name or a first name, in any
    case. Raises NotFound for nobody, AppError for several."""
    wanted = key(text)
    if wanted.endswith(">") and "<" in wanted:
        wanted = wanted[wanted.rindex("<") + 1 : -1].strip()
    if not wanted:
        raise AppError("no person named")
    likely = [(row[3] if row[3].isascii() else key(row[1]), row) for row in call.rows(_LIKELY, wanted, f"{wanted} ")]
    found = [row[:3] for name, row in likely if wanted in (name, row[4])]
    found = found or [row[:3] for name, row in likely if name.startswith(f"{wanted} ")]
    if not found:
        raise NotFound(f"nobody is called {text.strip()[:80]!r}")
    if len(found) > 1:
        raise AppError(f"{text.strip()!r} could be " + " or ".join(str(row[1]) for row in found))
    id, name, email = found[0]
    return Person(name=str(name), email=str(email), id=int(id))


def named(call: Call, text: str) -> tuple[Person, ...]:
    """Returns the persons of a comma-separated list as recipients are stored. Raises NotFound, AppError."""
    return in_order(resolve(call, part) for part in text.split(",") if part.strip())


def in_order(persons: Iterable[Person]) -> tuple[Person, ...]:
    """Returns each person once, by id: recipients are stored so, and their order never tells two mails apart."""
    return tuple(sorted({one.id: one for one in persons}.values(), key=lambda one: one.id))


def line(addresses: Iterable[Address]) -> str:
    """Returns the header line: ``Name <address>, Name <address>``."""
    return ", ".join(map(str, addresses))


def parse_line(text: str) -> tuple[Address, ...]:
    """Returns the addresses of a header line."""
    return tuple(Address(name, email) for name, email in getaddresses([text]) if email)


def names(text: str) -> str:
    """Returns a stored line's names, ``Ana Ruiz, Bo Berg``; an address stands in for a missing name."""
    if '"' not in text:  # nothing in it is special
        return ", ".join(part.partition(" <")[0] for part in text.split(", "))
    return ", ".join(address.name or address.email for address in parse_line(text))
