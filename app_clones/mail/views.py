"""What the pages show, as data read from one open transaction. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from app_clones.kit.world import Call
from app_clones.mail import drafts, labels, mailbox, people, search
from app_clones.mail.gmail.query import compile_query
from app_clones.mail.labels import Label
from app_clones.mail.mailbox import Message
from app_clones.mail.search import Where

PER_PAGE = 25
FOLDERS = (
    ("INBOX", "Inbox"),
    ("STARRED", "Starred"),
    ("IMPORTANT", "Important"),
    ("SENT", "Sent"),
    ("DRAFT", "Drafts"),
    ("SPAM", "Spam"),
    ("TRASH", "Trash"),
)
TINTS = 6
"""How many tints labels and people are given in the style sheet."""


@dataclass(frozen=True, slots=True)
class Folder:
    """An entry of the sidebar. ``count`` 0 is not shown; ``own``: a label of the user's."""

    name: str
    title: str
    count: int
    own: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A conversation in a list. ``face``: whom it is with; ``names``: of the system labels on it, ``chips``: of the
    user's; ``received``: not all of it is one's own; ``draft``: the id of the draft that it is, else 0."""

    thread_id: int
    who: str
    face: str
    subject: str
    snippet: str
    sent_ms: int
    count: int
    names: frozenset[str]
    chips: tuple[str, ...]
    received: bool
    draft: int


class Listing(NamedTuple):
    rows: tuple[Row, ...]
    first: int
    last: int
    total: int


class Card(NamedTuple):
    """One message of a conversation, and the names of the system labels on it."""

    mail: Message
    names: frozenset[str]
    attachments: tuple[tuple[int, str], ...]
    draft: int


class Conversation(NamedTuple):
    """``answered``: whom a reply goes to, empty where there is nothing to answer (a draft alone)."""

    id: int
    subject: str
    cards: tuple[Card, ...]
    names: frozenset[str]
    chips: tuple[str, ...]
    answered: str
    can_answer_all: bool


def tint(text: str) -> int:
    """Returns the tint of a name, always the same one."""
    return sum(text.lower().encode()) % TINTS


def moment(sent_ms: int, now_ms: int, *, full: bool = False) -> str:
    """Returns a time as people read it: the hour today, the day this year, else the date too."""
    then, now = (datetime.fromtimestamp(ms // 1000, UTC) for ms in (sent_ms, now_ms))
    day = f"{then.day} {then:%b}" if then.year == now.year else f"{then.day} {then:%b %Y}"
    if full:
        return f"{then:%A} {day}, {then:%H:%M}"
    return f"{then:%H:%M}" if then.date() == now.date() else day


def folders(call: Call) -> list[Folder]:
    """Returns the sidebar: unread counts for inbox and labels, all for drafts."""
    counts = {
        row[0]: row
        for row in call.rows(
            "SELECT l.label_id, count(*), count(u.message_id) FROM mail_message_label l"
            " JOIN mail_label b ON b.id = l.label_id LEFT JOIN mail_message_label u ON u.message_id = l.message_id"
            " AND u.label_id = ? WHERE b.owner_id = ? GROUP BY l.label_id ORDER BY l.label_id",
            labels.system_id(call, call.actor, "UNREAD"),
            call.actor,
        )
    }
    every = labels.all_labels(call, call.actor)
    ids = {label.name: label.id for label in every if label.kind == "system"}
    out = []
    for name, title in FOLDERS:
        _, total, unread = counts.get(ids[name], (0, 0, 0))
        out.append(Folder(name.lower(), title, {"INBOX": unread, "DRAFT": total}.get(name, 0)))
    own = [label for label in every if label.kind == "user"]
    return out + [Folder(one.name, one.name, counts.get(one.id, (0, 0, 0))[2], own=True) for one in own]


def own_labels(call: Call) -> list[Label]:
    """Returns the labels that the actor made."""
    return [label for label in labels.all_labels(call, call.actor) if label.kind == "user"]


def _condition(call: Call, folder: str | None, query: str) -> Where:
    if query:
        return compile_query(call, query, ("TRASH", "SPAM"))
    kept = search.negated(search.system_labelled(call.actor, ("TRASH", "SPAM")))
    if folder is None:
        return kept
    label = labels.find_label(call, call.actor, folder)
    where = search.labelled(label.id)
    return where if label.name in ("TRASH", "SPAM") else search.all_of([where, kept])


def listing(call: Call, folder: str | None, query: str, page: int) -> Listing:
    """Returns one page of conversations: a search's, a folder's or, of neither, all. Raises NotFound, AppError."""
    found = search.find_threads(call, call.actor, _condition(call, folder, query))
    start = (page - 1) * PER_PAGE
    rows = tuple(_row(call, thread, newest) for _, newest, thread in found[start : start + PER_PAGE])
    return Listing(rows, start + 1 if rows else 0, start + len(rows), len(found))


def _row(call: Call, thread_id: int, newest_id: int) -> Row:
    mails = mailbox.thread_messages(call, call.actor, thread_id)
    newest = next(mail for mail in mails if mail.id == newest_id)
    me = people.person(call, call.actor)
    others = [mail for mail in mails if mail.from_email != me.email]
    names, chips = _told(label for mail in mails for label in labels.labels_of(call, mail.id))
    return Row(
        thread_id=thread_id,
        who=_participants(mails, me.email, newest),
        face=others[0].writer if others else people.names(newest.to_line) or "?",
        subject=mailbox.bare(newest.subject) or "(no subject)",
        snippet=" ".join(newest.body.split())[:160],
        sent_ms=newest.sent_ms,
        count=len(mails),
        names=names,
        chips=chips,
        received=bool(others),
        draft=drafts.draft_of(call, newest_id) or 0,
    )


def _participants(mails: Sequence[Message], mine: str, newest: Message) -> str:
    if all(mail.from_email == mine for mail in mails):
        return f"To {people.names(newest.to_line) or 'nobody'}"
    if len({mail.from_email for mail in mails}) == 1:
        return newest.writer
    seen = {("me" if mail.from_email == mine else mail.from_name.split(" ")[0] or mail.from_email): 1 for mail in mails}
    return ", ".join(seen)


def _told(found: Iterable[Label]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Returns the names of the system labels and those of the user's, each once."""
    each = {label.id: label for label in found}.values()
    system = frozenset(label.name for label in each if label.kind == "system")
    return system, tuple(label.name for label in each if label.kind == "user")


def conversation(call: Call, thread_id: int) -> Conversation:
    """Returns a whole thread. Raises NotFound."""
    mails = mailbox.thread_messages(call, call.actor, thread_id)
    me = people.person(call, call.actor)
    on_it = {mail.id: labels.labels_of(call, mail.id) for mail in mails}
    cards = tuple(_card(call, mail, on_it[mail.id]) for mail in mails)
    names, chips = _told(label for found in on_it.values() for label in found)
    last = next((card.mail for card in reversed(cards) if not card.draft), None)
    others = {a.email for line in (last.to_line, last.cc_line) for a in people.parse_line(line)} if last else set()
    is_own = last is not None and last.from_email == me.email
    return Conversation(
        id=thread_id,
        subject=mailbox.bare(mails[0].subject) or "(no subject)",
        cards=cards,
        names=names,
        chips=chips,
        answered="" if last is None else people.names(last.to_line) if is_own else last.writer,
        can_answer_all=bool(others - {me.email}) and not is_own,
    )


def _card(call: Call, mail: Message, on_it: Iterable[Label]) -> Card:
    attached = tuple((one.id, one.filename) for one in mailbox.attachments(call, mail.id))
    return Card(mail, _told(on_it)[0], attached, drafts.draft_of(call, mail.id) or 0)
