"""Drafts: messages not sent yet. The draft's row keeps its id while what it says changes."""

from __future__ import annotations

from dataclasses import replace

from app_clones.kit.errors import NotFound
from app_clones.kit.world import Call
from app_clones.mail import labels, mailbox, people
from app_clones.mail.mailbox import Letter, Message


def save(call: Call, letter: Letter) -> int:
    """Files ``letter`` as the actor's new draft; returns the draft's id."""
    message_id = mailbox.file_copy(call, call.actor, letter, ("DRAFT",))
    return call.insert("mail_draft", owner_id=call.actor, message_id=message_id)


def find(call: Call, owner: int, id: int) -> Message:
    """Returns a draft's message. Raises NotFound."""
    row = call.one("SELECT message_id FROM mail_draft WHERE id = ? AND owner_id = ?", id, owner)
    if row is None:
        raise NotFound(f"no draft {id}")
    return mailbox.message(call, owner, int(row[0]))


def all_drafts(call: Call, owner: int) -> list[tuple[int, Message]]:
    """Returns (draft id, message), newest first."""
    rows = call.rows(
        "SELECT d.id, d.message_id FROM mail_draft d JOIN mail_message m ON m.id = d.message_id"
        " WHERE d.owner_id = ? ORDER BY m.sent_ms DESC, d.id DESC",
        owner,
    )
    return [(int(id), mailbox.message(call, owner, int(mid))) for id, mid in rows]


def draft_of(call: Call, message_id: int) -> int | None:
    """Returns the id of the draft whose message that is, else None."""
    row = call.one("SELECT id FROM mail_draft WHERE message_id = ?", message_id)
    return int(row[0]) if row else None


def rewrite(call: Call, id: int, letter: Letter) -> None:
    """Replaces what a draft says by a new message, which keeps the labels and, if ``letter`` names none, the thread."""
    mail = find(call, call.actor, id)
    kept = replace(letter, thread_id=letter.thread_id or mail.thread_id)
    new = mailbox.file_copy(call, call.actor, kept, ("DRAFT",))
    labels.put_on(call, new, [label.id for label in labels.labels_of(call, mail.id)])
    call.update("mail_draft", id, message_id=new)
    mailbox.delete(call, mail)


def letter_of(call: Call, mail: Message) -> Letter:
    """Returns a stored message as the letter it came from."""
    return Letter(
        sender=mail.sender,
        to=people.parse_line(mail.to_line),
        cc=people.parse_line(mail.cc_line),
        bcc=people.parse_line(mail.bcc_line),
        subject=mail.subject,
        body=mail.body,
        history=mail.history,
        reply_to=mailbox.message(call, mail.owner_id, mail.reply_to_id) if mail.reply_to_id else None,
        thread_id=mail.thread_id,
        header_id=mail.header_id,
        attachments=mailbox.attachments(call, mail.id),
    )


def send(call: Call, id: int) -> int:
    """Sends a draft: its message becomes the SENT copy. Returns that message's id. Raises NotFound for strangers."""
    mail = find(call, call.actor, id)
    letter = letter_of(call, mail)
    everyone = mailbox.in_world(call, (*letter.to, *letter.cc, *letter.bcc))
    to_self = any(one.id == call.actor for one in everyone)
    call.delete("mail_draft", id=id)
    call.update("mail_message", mail.id, sent_ms=call.now_ms)
    add = ("SENT", "INBOX", "UNREAD") if to_self else ("SENT",)
    labels.relabel(call, call.actor, mail.id, add=add, remove=("DRAFT", "TRASH", "SPAM"))
    mailbox.distribute(call, letter, mail.id, everyone)
    return mail.id
