"""What the pages show, as data read from one open transaction. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

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
    """An entry of the sidebar. ``count`` 0 is not shown; ``tint`` -1: a system folder."""

    name: str
    title: str
    count: int
    tint: int = -1


@dataclass(frozen=True, slots=True)
class Chip:
    name: str
    tint: int


@dataclass(frozen=True, slots=True)
class Row:
    """A conversation in a list. ``received``: not all of it is one's own. ``draft``: the
    id of the draft that it is, else 0."""

    thread_id: int
    newest_id: int
    who: str
    initial: str
    tint: int
    subject: str
    snippet: str
    when: str
    count: int
    unread: bool
    starred: bool
    in_inbox: bool
    in_trash: bool
    received: bool
    chips: tuple[Chip, ...]
    draft: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    rows: tuple[Row, ...]
    first: int
    last: int
    total: int


@dataclass(frozen=True, slots=True)
class Card:
    """One message of a conversation."""

    mail: Message
    who: str
    initial: str
    tint: int
    to: str
    cc: str
    bcc: str
    when: str
    unread: bool
    starred: bool
    attachments: tuple[tuple[int, str], ...]
    draft: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """``answered``: whom a reply goes to, empty where there is nothing to answer (a draft alone)."""

    id: int
    subject: str
    cards: tuple[Card, ...]
    chips: tuple[Chip, ...]
    unread: bool
    in_inbox: bool
    in_trash: bool
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
    system = {label.name: label for label in every if label.kind == "system"}
    out = []
    for name, title in FOLDERS:
        _, total, unread = counts.get(system[name].id, (0, 0, 0))
        out.append(Folder(name.lower(), title, {"INBOX": unread, "DRAFT": total}.get(name, 0)))
    for label in own_labels(every):
        out.append(Folder(label.name, label.name, counts.get(label.id, (0, 0, 0))[2], tint(label.name)))
    return out


def own_labels(every: Sequence[Label]) -> list[Label]:
    return [label for label in every if label.kind == "user"]


def _condition(call: Call, folder: str | None, query: str) -> Where:
    if query:
        found = compile_query(call, query)
        hidden = search.negated(search.system_labelled(call.actor, ("TRASH", "SPAM")))
        return found.where if found.everywhere else search.all_of([found.where, hidden])
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
    found = {label.id: label for mail in mails for label in labels.labels_of(call, mail.id)}
    names = {label.name for label in found.values() if label.kind == "system"}
    who = _participants(mails, me.email, newest)
    return Row(
        thread_id=thread_id,
        newest_id=newest_id,
        who=who,
        initial=_face(mails, me.email, newest)[:1].upper(),
        tint=tint(_face(mails, me.email, newest)),
        subject=mailbox.bare(newest.subject) or "(no subject)",
        snippet=" ".join(newest.body.split())[:160],
        when=moment(newest.sent_ms, call.now_ms),
        count=len(mails),
        unread="UNREAD" in names,
        starred="STARRED" in names,
        in_inbox="INBOX" in names,
        in_trash="TRASH" in names,
        received=any(mail.from_email != me.email for mail in mails),
        chips=_chips(found.values()),
        draft=drafts.draft_of(call, newest_id) or 0,
    )


def _face(mails: Sequence[Message], mine: str, newest: Message) -> str:
    """Returns the name of whom the conversation is with."""
    others = [mail.from_name or mail.from_email for mail in mails if mail.from_email != mine]
    return others[0] if others else people.names(newest.to_line) or "?"


def _participants(mails: Sequence[Message], mine: str, newest: Message) -> str:
    if all(mail.from_email == mine for mail in mails):
        return f"To {people.names(newest.to_line) or 'nobody'}"
    if len({mail.from_email for mail in mails}) == 1:
        return newest.from_name or newest.from_email
    seen = {("me" if mail.from_email == mine else mail.from_name.split(" ")[0] or mail.from_email): 1 for mail in mails}
    return ", ".join(seen)


def _chips(found: Iterable[Label]) -> tuple[Chip, ...]:
    return tuple(Chip(label.name, tint(label.name)) for label in found if label.kind == "user")


def conversation(call: Call, thread_id: int) -> Conversation:
    """Returns a whole thread. Raises NotFound."""
    mails = mailbox.thread_messages(call, call.actor, thread_id)
    me = people.person(call, call.actor)
    found: dict[int, Label] = {}
    cards = []
    for mail in mails:
        own = labels.labels_of(call, mail.id)
        found |= {label.id: label for label in own}
        cards.append(_card(call, mail, {label.name for label in own if label.kind == "system"}))
    names = {label.name for label in found.values() if label.kind == "system"}
    last = next((card.mail for card in reversed(cards) if not card.draft), mails[-1])
    own_mail = last.from_email == me.email
    others = {a.email for line in (last.to_line, last.cc_line) for a in people.parse_line(line)} - {me.email}
    return Conversation(
        id=thread_id,
        subject=mailbox.bare(mails[0].subject) or "(no subject)",
        cards=tuple(cards),
        chips=_chips(found.values()),
        unread="UNREAD" in names,
        in_inbox="INBOX" in names,
        in_trash="TRASH" in names,
        answered=(
            ""
            if all(card.draft for card in cards)
            else people.names(last.to_line)
            if own_mail
            else last.from_name or last.from_email
        ),
        can_answer_all=bool(others) and not own_mail,
    )


def _card(call: Call, mail: Message, names: set[str]) -> Card:
    who = mail.from_name or mail.from_email
    return Card(
        mail=mail,
        who=who,
        initial=who[:1].upper(),
        tint=tint(who),
        to=people.names(mail.to_line),
        cc=people.names(mail.cc_line),
        bcc=people.names(mail.bcc_line),
        when=moment(mail.sent_ms, call.now_ms, full=True),
        unread="UNREAD" in names,
        starred="STARRED" in names,
        attachments=tuple((one.id, one.filename) for one in mailbox.attachments(call, mail.id)),
        draft=drafts.draft_of(call, mail.id) or 0,
    )
