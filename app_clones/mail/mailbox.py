"""What can be done to mail. Tools, Gmail's API and pages all go through here; everything is one open transaction."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from app_clones.kit.errors import AppError, NotFound
from app_clones.kit.world import Call
from app_clones.mail import labels, people, text
from app_clones.mail.clean import clean, one_line
from app_clones.mail.people import Address, Person

LONGEST_SUBJECT = 998
"""In characters: folding a header takes time that grows with its square."""
_PREFIXES = re.compile(r"(?:(?:re|fwd?): )+", re.IGNORECASE)


class Message(NamedTuple):
    """A row of ``mail_message``."""

    id: int
    owner_id: int
    thread_id: int
    origin_id: int | None
    reply_to_id: int | None
    header_id: str
    from_name: str
    from_email: str
    to_line: str
    cc_line: str
    bcc_line: str
    subject: str
    sent_ms: int
    body: str
    history: str

    @property
    def sender(self) -> Address:
        return Address(self.from_name, self.from_email)

    @property
    def writer(self) -> str:
        """The sender as people call them."""
        return self.from_name or self.from_email


_COLUMNS = ", ".join(Message._fields)


class Attachment(NamedTuple):
    filename: str
    mime_type: str
    data: bytes
    id: int = 0


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as its writer gives it, before any mailbox has a copy."""

    sender: Address
    to: Sequence[Address]
    subject: str
    body: str
    cc: Sequence[Address] = ()
    bcc: Sequence[Address] = ()
    history: str = ""
    reply_to: Message | None = None
    thread_id: int | None = None
    header_id: str = ""
    attachments: Sequence[Attachment] = ()


def find(call: Call, owner: int, id: int) -> Message | None:
    """Returns the owner's message, if there is one of that id; another mailbox's is none."""
    row = call.one(f"SELECT {_COLUMNS} FROM mail_message WHERE id = ? AND owner_id = ?", id, owner)
    return Message._make(row) if row else None


def message(call: Call, owner: int, id: int) -> Message:
    """Returns the owner's message. Raises NotFound."""
    found = find(call, owner, id)
    if found is None:
        raise NotFound(f"no message {id}")
    return found


def thread_messages(call: Call, owner: int, thread_id: int) -> list[Message]:
    """Returns a thread's messages, oldest first. Raises NotFound."""
    rows = call.rows(
        f"SELECT {_COLUMNS} FROM mail_message WHERE thread_id = ? AND owner_id = ? ORDER BY sent_ms, id",
        thread_id,
        owner,
    )
    if not rows:
        raise NotFound(f"no thread {thread_id}")
    return [Message._make(row) for row in rows]


def attachments(call: Call, message_id: int) -> list[Attachment]:
    rows = call.rows(
        "SELECT filename, mime_type, data, id FROM mail_attachment WHERE message_id = ? ORDER BY id", message_id
    )
    return [Attachment(name, kind, b64decode(data), id) for name, kind, data, id in rows]


def bare(subject: str) -> str:
    """Returns a subject without its ``Re:`` and ``Fwd:``."""
    start = _PREFIXES.match(subject)
    return subject[start.end() if start else 0 :].strip()


def file_copy(call: Call, owner: int, letter: Letter, names: Iterable[str], *, origin_id: int | None = None,
              sent_ms: int | None = None, id: int | None = None) -> int:  # fmt: skip
    """Files one copy of ``letter`` in ``owner``'s mailbox under the system labels ``names``; returns its id."""
    letter = replace(letter, subject=one_line(letter.subject), body=clean(letter.body))
    if len(letter.subject) > LONGEST_SUBJECT:
        raise AppError(f"a subject has at most {LONGEST_SUBJECT} characters")
    reply_to = letter.reply_to
    thread_id = letter.thread_id or (reply_to.thread_id if reply_to else None)
    if thread_id is None:
        thread_id = call.insert("mail_thread", owner_id=owner, subject=bare(letter.subject))
    id = call.insert(
        "mail_message",
        id=id,
        owner_id=owner,
        thread_id=thread_id,
        origin_id=origin_id,
        reply_to_id=reply_to.id if reply_to else None,
        header_id=letter.header_id,
        from_name=letter.sender.name,
        from_email=letter.sender.email,
        to_line=people.line(letter.to),
        cc_line=people.line(letter.cc),
        bcc_line=people.line(letter.bcc),
        subject=letter.subject,
        sent_ms=call.now_ms if sent_ms is None else sent_ms,
        body=letter.body,
        history=letter.history,
    )
    for one in letter.attachments:
        data = b64encode(one.data).decode()
        call.insert("mail_attachment", message_id=id, filename=one.filename, mime_type=one.mime_type, data=data)
    for name in names:
        call.put("mail_message_label", message_id=id, label_id=labels.system_id(call, owner, name))
    recipients = people.line((*letter.to, *letter.cc))
    words = {"sender": str(letter.sender), "recipients": recipients, "subject": letter.subject, "body": letter.body}
    call.index("mail_search", id, **words)
    return id


def send(call: Call, letter: Letter) -> int:
    """Files the sender's SENT copy and an INBOX, UNREAD copy for each recipient; returns the sender's copy's id.

    The actor is the sender. Raises NotFound for a recipient who is no user of this world.
    """
    everyone = in_world(call, (*letter.to, *letter.cc, *letter.bcc))
    to_self = any(one.id == call.actor for one in everyone)
    own = file_copy(call, call.actor, letter, ("SENT", "INBOX", "UNREAD") if to_self else ("SENT",))
    distribute(call, letter, own, everyone)
    return own


def distribute(call: Call, letter: Letter, own: int, everyone: Iterable[Person]) -> None:
    """Files the copies of all recipients but the sender, each in the recipient's own thread of the conversation."""
    for one in everyone:
        if one.id != call.actor:
            theirs = replace(letter, bcc=(), thread_id=None, reply_to=copy_for(call, one.id, letter.reply_to))
            file_copy(call, one.id, theirs, ("INBOX", "UNREAD"), origin_id=own)


def in_world(call: Call, addresses: Sequence[Address]) -> tuple[Person, ...]:
    """Returns the persons behind the addresses, by id. Raises AppError for none, NotFound for a stranger."""
    if not addresses:
        raise AppError("a mail needs a recipient")
    return people.in_order(one if isinstance(one, Person) else people.resolve(call, one.email) for one in addresses)


def copy_for(call: Call, owner: int, mine: Message | None) -> Message | None:
    """Returns ``owner``'s copy of a message that is in somebody's mailbox, if there is one."""
    if mine is None:
        return None
    origin = mine.origin_id or mine.id
    row = call.one(
        f"SELECT {_COLUMNS} FROM mail_message WHERE owner_id = ? AND (id = ? OR origin_id = ?) ORDER BY id LIMIT 1",
        owner, origin, origin,
    )  # fmt: skip
    return Message._make(row) if row else None


def full_text(mail: Message) -> str:
    """Returns the new text and what is quoted under it."""
    return f"{mail.body}\n\n{mail.history}" if mail.history else mail.body


def reply_letter(call: Call, mail: Message, body: str, *, everyone: bool = False) -> Letter:
    """Returns the actor's answer to ``mail``. One's own mail is answered to its recipients."""
    me = people.person(call, call.actor)
    own = mail.from_email.lower() == me.email.lower()
    to = people.parse_line(mail.to_line) if own else (mail.sender,)
    others = (*people.parse_line(mail.to_line), *people.parse_line(mail.cc_line)) if everyone else ()
    named = {address.email.lower() for address in (*to, me)}
    cc = tuple(address for address in others if address.email.lower() not in named)
    return Letter(
        sender=me,
        to=to,
        cc=cc,
        subject=f"Re: {bare(mail.subject)}"[:LONGEST_SUBJECT],
        body=body,
        history=text.quote(mail.writer, full_text(mail)),
        reply_to=mail,
    )


def forward_letter(
    call: Call, mail: Message, to: Sequence[Person], body: str, *, cc: Sequence[Person] = (), subject: str = ""
) -> Letter:
    """Returns the letter by which the actor sends ``mail`` on, quoted, in a new thread."""
    return Letter(
        sender=people.person(call, call.actor),
        to=to,
        cc=cc,
        subject=subject or f"Fwd: {bare(mail.subject)}"[:LONGEST_SUBJECT],
        body=body,
        history=f"Forwarded: {mail.subject}\n{text.quote(mail.writer, full_text(mail))}",
        attachments=attachments(call, mail.id),
    )


def delete(call: Call, mail: Message) -> None:
    """Removes a message for good, with all that hangs on it; an empty thread goes too."""
    call.delete("mail_draft", message_id=mail.id)
    call.delete("mail_attachment", message_id=mail.id)
    call.delete("mail_message_label", message_id=mail.id)
    for (answer,) in call.rows(
        "SELECT id FROM mail_message WHERE owner_id = ? AND reply_to_id = ? ORDER BY id", mail.owner_id, mail.id
    ):
        call.update("mail_message", int(answer), reply_to_id=None)
    call.unindex("mail_search", mail.id)
    call.delete("mail_message", id=mail.id)
    if call.one("SELECT 1 FROM mail_message WHERE thread_id = ?", mail.thread_id) is None:
        call.delete("mail_thread", id=mail.thread_id)
