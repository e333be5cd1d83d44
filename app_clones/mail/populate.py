"""The mail that is there when a world begins: weeks of threads between its persons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from pydantic import Field

from app_clones.kit.app import Options
from app_clones.kit.errors import KitError
from app_clones.kit.seeds import derive
from app_clones.kit.world import Build
from app_clones.mail import labels, mailbox, people, text
from app_clones.mail.mailbox import Letter, Message
from app_clones.mail.people import Person

FIRST_ID = 1001
"""Message ids have four digits from the start, as the tools show them."""

_MINUTE = 60_000
_DAY = 24 * 60 * _MINUTE


class MailOptions(Options):
    """``messages``: how many are written (each has a copy per mailbox). ``days``: how long before the world's start the
    first is. ``history``: paragraphs of older text quoted under a mail, at most."""

    messages: int = Field(default=430, ge=1, le=20_000)
    days: int = Field(default=45, ge=2, le=365)
    history: int = Field(default=4, ge=0, le=12)


@dataclass(frozen=True, slots=True)
class Planned:
    """One message to be: who writes to whom, when, as the ``turn``-th of its thread."""

    thread: int
    turn: int
    sent_ms: int
    writer: Person
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    subject: str


def populate(call: Build, options: MailOptions) -> None:
    """Fills all mailboxes. The agent's account is person 1."""
    persons = [people.person(call, int(row[0])) for row in call.rows("SELECT id FROM kit_person ORDER BY id")]
    for one in persons:
        labels.create_mailbox(call, one.id)
        names = text.SEEDED_LABELS if one.id == 1 else text.SEEDED_LABELS[one.id % 4 :: 4]
        for name in names:
            labels.create_label(call, one.id, name)
    if len(persons) < 2:
        return
    random = Random(derive(call.seed, "mail", "plan"))
    plan = sorted(_plan(random, persons, options, call.now_ms), key=lambda one: (one.sent_ms, one.thread, one.turn))
    _write(call, plan, options)
    _arrange(call)


def _plan(random: Random, persons: Sequence[Person], options: MailOptions, end_ms: int) -> list[Planned]:
    """Returns the messages, grouped by thread. No writer uses a subject twice, so (writer, subject) names a thread."""
    me, others = persons[0], persons[1:]
    load = {one.id: 0 for one in others}
    limit = {one.id: random.randint(4, 9) for one in others}
    used: dict[int, set[str]] = {one.id: set() for one in persons}
    planned: list[Planned] = []
    thread = 0
    while len(planned) < options.messages:
        kind = random.random()
        if kind < 0.68 or len(others) < 2:
            free = [one for one in others if load[one.id] < limit[one.id]]
            least = min(others, key=lambda one: (load[one.id] - limit[one.id], one.id))
            writer = random.choice(free) if free else least
            load[writer.id] += 1
            to = (me,)
        elif kind < 0.80:
            writer, to = me, (random.choice(others),)
        else:
            writer, second = random.sample(list(others), 2)
            to = (second,)
        thread += 1
        opening = Planned(thread, 0, 0, writer, to, (), _fresh_subject(random, used[writer.id]))
        messages = _thread(random, opening, others, options.days, end_ms)
        for one in messages[1:]:
            if one.writer.id in load and me in one.to:
                load[one.writer.id] += 1
        planned += messages
    return planned[: options.messages]


def _fresh_subject(random: Random, used: set[str]) -> str:
    if len(used) >= len(text.SUBJECTS):
        raise KitError(f"one writer's threads need more than {len(text.SUBJECTS)} subjects: fewer messages, please")
    subject = text.subject_of(random)
    while subject in used:
        subject = text.subject_of(random)
    used.add(subject)
    return subject


def _thread(random: Random, opening: Planned, others: Sequence[Person], days: int, end_ms: int) -> list[Planned]:
    """Returns one to three messages, all before the world's start; ``opening`` lacks a time, and who else is told."""
    writer, to = opening.writer, opening.to
    third = [one for one in others if one.id != writer.id and one not in to]
    cc = (random.choice(third),) if third and random.random() < 0.12 else ()
    # More mail lies near the end: people answer old threads and write new ones.
    sent_ms = _working_hour(random, end_ms, int(days * random.random() ** 1.3))
    out: list[Planned] = []
    for turn in range(random.choices((1, 2, 3), weights=(70, 16, 14))[0]):
        if sent_ms >= end_ms and out:
            break
        sender, receivers = (writer, to) if turn % 2 == 0 else (to[0], (writer,))
        moment = min(sent_ms, end_ms - _MINUTE)
        out.append(replace(opening, turn=turn, sent_ms=moment, writer=sender, to=receivers, cc=cc))
        sent_ms += random.randint(3, 170) * _MINUTE + random.choice((0, 0, 1)) * _DAY
    return out


def _working_hour(random: Random, end_ms: int, days_ago: int) -> int:
    """Returns a moment between seven and seven of that day, before the end."""
    midnight = end_ms - end_ms % _DAY - days_ago * _DAY
    moment = midnight + random.randint(7 * 60, 19 * 60) * _MINUTE
    return moment if moment < end_ms else moment - _DAY


def _write(call: Build, plan: Sequence[Planned], options: MailOptions) -> None:
    """Writes messages and all their copies in order of time, so that ids run with time."""
    latest: dict[int, Message] = {}
    for item in plan:
        random = Random(derive(call.seed, "mail", "thread", item.thread, item.turn))
        letter = _letter(call, random, item, latest.get(item.thread), options)
        id = None if latest else FIRST_ID
        own = mailbox.file_copy(call, item.writer.id, letter, ("SENT",), sent_ms=item.sent_ms, id=id)
        for one in people.in_order((*item.to, *item.cc)):
            theirs = replace(letter, reply_to=mailbox.copy_for(call, one.id, letter.reply_to))
            mailbox.file_copy(call, one.id, theirs, ("INBOX",), origin_id=own, sent_ms=item.sent_ms)
        latest[item.thread] = mailbox.message(call, item.writer.id, own)


def _letter(call: Build, random: Random, item: Planned, last: Message | None, options: MailOptions) -> Letter:
    sign = text.signature(item.writer.name, text.ROLES[item.writer.id % len(text.ROLES)])
    to, cc = people.in_order(item.to), people.in_order(item.cc)
    if last is None:
        body = text.opening_body(random, item.subject)
        older = text.letter(random, random.randint(0, options.history)) if options.history else ""
        quoted = text.quote(item.to[0].name, older) if older else ""
        return Letter(item.writer, to, item.subject, body, cc, history="\n\n".join(filter(None, (sign, quoted))))
    body = text.follow_up_body(random) if item.turn % 2 == 0 else text.reply_body(random)
    history = f"{sign}\n\n{text.quote(last.from_name, mailbox.full_text(last))}"
    mine = mailbox.copy_for(call, item.writer.id, last)
    return Letter(item.writer, to, f"Re: {item.subject}", body, cc, history=history, reply_to=mine)


def _arrange(call: Build) -> None:
    """Marks mail as people do: what is new is unread, some is starred and labelled, what is old is put away."""
    inbox = call.rows(
        "SELECT m.id, m.owner_id, m.sent_ms FROM mail_message m JOIN mail_message_label l ON l.message_id = m.id"
        " JOIN mail_label b ON b.id = l.label_id WHERE b.name = 'INBOX' ORDER BY m.id"
    )
    own = {
        owner: [label.id for label in labels.all_labels(call, owner) if label.kind == "user"]
        for owner in {int(row[1]) for row in inbox}
    }
    for id, owner, sent_ms in inbox:
        random = Random(derive(call.seed, "mail", "arrange", int(id)))
        days = (call.now_ms - sent_ms) / _DAY
        add = ["UNREAD"] if random.random() < max(0.12, 0.75 - days / 12) else []
        if random.random() < 0.14:
            add.append("STARRED")
        if random.random() < 0.06:
            add.append("IMPORTANT")
        remove = ["INBOX"] if random.random() < min(0.16, days / 60) else []
        labels.relabel(call, owner, id, add=add, remove=remove)
        if own[owner] and random.random() < 0.4:
            labels.put_on(call, id, [random.choice(own[owner])])
