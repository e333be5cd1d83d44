"""What the pages' forms do. Each is one step of the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app_clones.kit.errors import AppError, NotFound
from app_clones.kit.world import Call
from app_clones.mail import drafts, labels, mailbox, people
from app_clones.mail.mailbox import Letter, Message

DONE = {
    "sent": "Message sent.",
    "saved": "Draft saved.",
    "discarded": "Draft discarded.",
    "archive": "Archived.",
    "inbox": "Moved to the inbox.",
    "trash": "Moved to the trash.",
    "untrash": "Taken out of the trash.",
    "delete": "Deleted for good.",
    "star": "Starred.",
    "unstar": "Star removed.",
    "read": "Marked as read.",
    "unread": "Marked as unread.",
    "label": "Label added.",
    "unlabel": "Label removed.",
    "created": "Label created.",
    "renamed": "Label renamed.",
    "removed": "Label deleted.",
}
"""What the page after a form says, by the word in its address."""

_CHANGES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "archive": ((), ("INBOX",)),
    "inbox": (("INBOX",), ("TRASH", "SPAM")),
    "trash": (("TRASH",), ("INBOX",)),
    "untrash": ((), ("TRASH",)),
    "star": (("STARRED",), ()),
    "unstar": ((), ("STARRED",)),
    "read": ((), ("UNREAD",)),
    "unread": (("UNREAD",), ()),
}


def on_message(call: Call, id: int, action: str) -> None:
    """Raises NotFound for a message or an action that is not there."""
    _change(call, mailbox.message(call, call.actor, id), action)


def on_thread(call: Call, id: int, action: str, label: str) -> None:
    """Acts on each message of a thread; a star, and unread, go to its newest message alone."""
    mails = mailbox.thread_messages(call, call.actor, id)
    if action in ("label", "unlabel"):
        found = labels.find_label(call, call.actor, label)
        if found.kind == "system":
            raise AppError(f"{found.shown} is no label of yours")
        change = labels.put_on if action == "label" else labels.take_off
        for mail in mails:
            change(call, mail.id, [found.id])
        return
    for mail in mails[-1:] if action in ("star", "unread") else mails:
        _change(call, mail, action)


def _change(call: Call, mail: Message, action: str) -> None:
    if action == "delete":
        mailbox.delete(call, mail)
        return
    if action not in _CHANGES:
        raise NotFound(f"no action {action[:40]!r}")
    add, remove = _CHANGES[action]
    labels.relabel(call, call.actor, mail.id, add=add, remove=remove)


def answer(call: Call, thread_id: int, form: Mapping[str, str]) -> int:
    """Answers the newest message of a thread that is no draft. Raises AppError for an empty answer."""
    mails = [m for m in mailbox.thread_messages(call, call.actor, thread_id) if drafts.draft_of(call, m.id) is None]
    body = form.get("body", "").strip()
    if not body:
        raise AppError("the reply is empty")
    if not mails:
        raise AppError("there is nothing to answer here")
    return mailbox.send(call, mailbox.reply_letter(call, mails[-1], body, everyone=form.get("send") == "all"))


def row_number(text: str) -> int:
    """Returns the row that a form names, 0 for none. Raises NotFound for what is no number of a row."""
    if not text:
        return 0
    if not (text.isdecimal() and len(text) <= 18):
        raise NotFound(f"nothing is called {text[:20]!r}")
    return int(text)


def write(call: Call, form: Mapping[str, str]) -> str:
    """Sends, saves or discards what the compose form holds; returns which word of DONE says so."""
    draft = row_number(form.get("draft", ""))
    do = form.get("do", "send")
    if do == "discard" and draft:
        mailbox.delete(call, drafts.find(call, call.actor, draft))
        return "discarded"
    letter = _letter(call, form, draft)
    if do == "save":
        if draft:
            drafts.rewrite(call, draft, letter)
        else:
            drafts.save(call, letter)
        return "saved"
    if do != "send":
        raise AppError(f"a mail is sent or saved, not {do[:40]!r}")
    if draft:
        drafts.rewrite(call, draft, letter)
        drafts.send(call, draft)
    else:
        mailbox.send(call, letter)
    return "sent"


def _letter(call: Call, form: Mapping[str, str], draft: int) -> Letter:
    to, cc, bcc = (people.named(call, form.get(name, "")) for name in ("to", "cc", "bcc"))
    subject, body = form.get("subject", ""), form.get("body", "").strip()
    forwarded = row_number(form.get("forward", ""))
    if forwarded:
        mail = mailbox.message(call, call.actor, forwarded)
        return replace(mailbox.forward_letter(call, mail, to, body, cc=cc, subject=subject.strip()), bcc=bcc)
    kept = drafts.letter_of(call, drafts.find(call, call.actor, draft)) if draft else None
    return Letter(people.person(call, call.actor), to, subject, body, cc, bcc,
                  history=kept.history if kept else "",
                  reply_to=kept.reply_to if kept else None,
                  thread_id=kept.thread_id if kept else None,
                  attachments=kept.attachments if kept else ())  # fmt: skip


def on_labels(call: Call, form: Mapping[str, str]) -> str:
    """Creates, renames or deletes a label; returns which word of DONE says so."""
    do = form.get("do", "create")
    if do == "create":
        labels.create_label(call, call.actor, form.get("name", ""))
        return "created"
    found = labels.find_label(call, call.actor, form.get("label", ""))
    if do == "rename":
        labels.rename_label(call, call.actor, found, form.get("name", ""))
        return "renamed"
    if do == "delete":
        labels.delete_label(call, found)
        return "removed"
    raise AppError(f"a label is created, renamed or deleted, not {do[:40]!r}")
