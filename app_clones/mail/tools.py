"""What the mail tools do, and the event by which a mail arrives."""

from __future__ import annotations

from typing import Any

from app_clones.declared.act import Act
from app_clones.kit.errors import AppError, Forbidden, NotFound
from app_clones.kit.world import Call
from app_clones.mail import drafts, labels, mailbox, people
from app_clones.mail import search as searching
from app_clones.mail.labels import Label
from app_clones.mail.mailbox import Letter

PAGE = 4
"""Hits that one page of a search shows: an agent's context is short."""


def search(act: Act) -> dict[str, Any]:
    call, asked = act.call, act.arguments
    parts = []
    if asked["sender"]:
        parts.append(searching.sent_by(people.resolve(call, asked["sender"]).email))
    if asked["to"]:
        parts.append(searching.phrase(people.resolve(call, asked["to"]).email, "recipients"))
    if asked["subject"]:
        parts.append(searching.phrase(asked["subject"], "subject"))
    if asked["text"]:
        parts.append(searching.words(asked["text"]))
    label = labels.find_label(call, call.actor, asked["label"]) if asked["label"] else None
    if label:
        parts.append(searching.labelled(label.id))
    if label is None or label.name not in searching.HIDDEN:
        parts.append(searching.negated(searching.system_labelled(call.actor, searching.HIDDEN)))
    found, page = searching.find(call, call.actor, searching.all_of(parts)), asked["page"]
    start = (page - 1) * PAGE
    hits = _hits(call, [id for _, id in found[start : start + PAGE]], start)
    return {"found": len(found), "page": page, "hits": hits}


def _hits(call: Call, ids: list[int], start: int) -> list[dict[str, Any]]:
    marks = ", ".join("?" * len(ids))
    sql = f"SELECT id, from_name, from_email, subject FROM mail_message WHERE id IN ({marks}) ORDER BY id"
    told = {id: (name or email, subject) for id, name, email, subject in call.rows(sql, *ids)}
    on = labels.shown_on(call, ids)
    return [
        {"place": place, "id": id, "sender": told[id][0], "subject": told[id][1], "labels": on[id]}
        for place, id in enumerate(ids, start + 1)
    ]


def read(act: Act) -> dict[str, Any]:
    mail = _mail(act)
    return {
        "id": mail.id,
        "sender": mail.writer,
        "to": people.names(mail.to_line),
        "cc": people.names(mail.cc_line),
        "subject": mail.subject,
        "labels": labels.shown_on(act.call, [mail.id])[mail.id],
        "body": mail.body,
        "quoted": bool(mail.history),
        "attachments": [one.filename for one in mailbox.attachments(act.call, mail.id)],
    }


def _mail(act: Act) -> mailbox.Message:
    return mailbox.message(act.call, act.call.actor, act.arguments["id"])


def _own(act: Act) -> int:
    """The message's id, seen to be the actor's. (Its texts, which may be long, are not read for that.)"""
    id: int = act.arguments["id"]
    if act.call.one("SELECT 1 FROM mail_message WHERE id = ? AND owner_id = ?", id, act.call.actor) is None:
        raise NotFound(f"no message {id}")
    return id


def _settable(act: Act) -> Label:
    label = labels.find_label(act.call, act.call.actor, act.arguments["label"])
    if label.kind == "system" and label.name not in labels.SETTABLE:
        raise Forbidden(f"{label.shown} is not a label to set by hand")
    return label


def label(act: Act) -> str:
    """Puts the label that is named on a message, or takes it off."""
    change = labels.put_on if act.plan.decl.fixed["on"] else labels.take_off
    change(act.call, _own(act), [_settable(act).id])
    return "ok"


def mark(act: Act) -> str:
    """Puts system labels on a message and takes others off, the same ones each time."""
    labels.relabel(act.call, act.call.actor, _own(act), **act.plan.decl.fixed)
    return "ok"


def _written(act: Act) -> Letter:
    """The actor's letter to the persons named. Raises NotFound for a stranger."""
    asked = act.arguments
    return Letter(
        sender=people.person(act.call, act.call.actor),
        to=people.named(act.call, asked["to"]),
        cc=people.named(act.call, asked.get("cc", "")),
        subject=asked["subject"],
        body=asked["body"].strip(),
    )


def send(act: Act) -> dict[str, Any]:
    return {"sent": mailbox.send(act.call, _written(act))}


def reply(act: Act) -> dict[str, Any]:
    letter = mailbox.reply_letter(act.call, _sent_mail(act), act.arguments["body"].strip())
    return {"sent": mailbox.send(act.call, letter)}


def forward(act: Act) -> dict[str, Any]:
    mail, to = _sent_mail(act), people.named(act.call, act.arguments["to"])
    letter = mailbox.forward_letter(act.call, mail, to, act.arguments["body"].strip())
    return {"sent": mailbox.send(act.call, letter)}


def _sent_mail(act: Act) -> mailbox.Message:
    mail = _mail(act)
    if drafts.draft_of(act.call, mail.id) is not None:
        raise AppError(f"message {mail.id} is a draft: send it first")
    return mail


def create_label(act: Act) -> str:
    labels.create_label(act.call, act.call.actor, act.arguments["name"])
    return "ok"


def list_labels(act: Act) -> list[str]:
    return [label.shown for label in labels.all_labels(act.call, act.call.actor)]


def save_draft(act: Act) -> dict[str, Any]:
    return {"draft": drafts.save(act.call, _written(act))}


def send_draft(act: Act) -> dict[str, Any]:
    return {"sent": drafts.send(act.call, act.arguments["id"])}


def list_drafts(act: Act) -> list[dict[str, Any]]:
    return [
        {"id": id, "to": people.names(mail.to_line), "subject": mail.subject}
        for id, mail in drafts.all_drafts(act.call, act.call.actor)
    ]


def deliver(act: Act) -> dict[str, Any]:
    """A mail arrives. Without a sender it is a note to oneself; with one, the sender's mailbox keeps its SENT copy."""
    call, asked = act.call, act.arguments
    to = people.resolve(call, asked["to"])
    sender = people.resolve(call, asked.get("sender") or asked["to"])
    letter = Letter(sender, (to,), str(asked.get("subject", "")), str(asked.get("body", "")))
    own = None if sender.id == to.id else mailbox.file_copy(call, sender.id, letter, ("SENT",))
    return {"delivered": mailbox.file_copy(call, to.id, letter, ("INBOX", "UNREAD"), origin_id=own)}
