"""What there is to ask about in a built world, found with its own tools: what an agent could find, no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app_clones.kit.world import World
from app_clones.mail.labels import SYSTEM_LABELS
from app_clones.mail.text import facts_in


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail in the agent's account. ``alone``: sender and subject together find this mail only."""

    id: int
    person: str
    subject: str
    labels: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    alone: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """``people``: first names that one person alone has, without the agent's own. ``labels``: those of the user.
    ``mails``: sender by sender, each one's from the newest."""

    people: tuple[str, ...]
    labels: tuple[str, ...]
    mails: tuple[Mail, ...]


def survey(world: World) -> Survey:
    """Looks through a fork that nobody else uses; its clock moves, so throw it away afterwards."""
    with world.transaction(1) as call:
        names = [str(name).split()[0] for (name,) in call.rows("SELECT name FROM kit_person ORDER BY id")]
    called = Counter(names)
    people = tuple(name for name in names[1:] if called[name] == 1)
    system = {name.lower() for name in SYSTEM_LABELS}
    labels = tuple(name for name in _ask(world, "mail_list_labels") if name not in system)
    return Survey(people, labels, tuple(mail for person in people for mail in _from(world, person)))


def bare(subject: str) -> str:
    """The subject without its ``Re:`` and ``Fwd:``."""
    while subject.lower().startswith(("re: ", "fwd: ")):
        subject = subject.split(" ", 1)[1]
    return subject


def _from(world: World, person: str) -> Iterator[Mail]:
    subjects: dict[str, int] = {}
    hits = list(_hits(world, person))
    for hit in hits:
        subjects[bare(hit["subject"])] = subjects.get(bare(hit["subject"]), 0) + 1
    for hit in hits:
        subject = str(hit["subject"])
        alone = (
            subjects[bare(subject)] == 1 and _ask(world, "mail_search", sender=person, subject=subject)["found"] == 1
        )
        facts = tuple(sorted(facts_in(_ask(world, "mail_read", id=hit["id"])["body"]).items()))
        yield Mail(int(hit["id"]), person, subject, tuple(hit["labels"]), facts, alone)


def _hits(world: World, person: str) -> Iterator[dict[str, Any]]:
    page = 1
    while hits := _ask(world, "mail_search", sender=person, page=page)["hits"]:
        yield from hits
        page += 1


def _ask(world: World, tool: str, **arguments: Any) -> Any:
    result = world.call(tool, arguments).result
    if result.error:
        raise ValueError(f"{tool}({arguments}): {result.text}")
    return result.data
