"""The mail tools: what an agent can do, and the short text it reads back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from app_clones.kit.app import Operation, Params
from app_clones.kit.errors import AppError, Forbidden
from app_clones.kit.world import Call
from app_clones.mail import drafts, labels, mailbox, people, search
from app_clones.mail.labels import Label
from app_clones.mail.mailbox import Letter

PAGE = 4
"""Hits that one page of a search shows: an agent's context is short."""


class Nothing(Params):
    pass


class SearchParams(Params):
    sender: str = ""
    to: str = ""
    subject: str = ""
    label: str = ""
    text: str = ""
    page: int = Field(default=1, ge=1)


class OneMessage(Params):
    id: int


class MessageAndLabel(Params):
    id: int
    label: str


class NewMail(Params):
    to: str
    subject: str
    body: str
    cc: str = ""


class ReplyParams(Params):
    id: int
    body: str


class ForwardParams(Params):
    id: int
    to: str
    body: str = ""


class LabelName(Params):
    name: str


class NewDraft(Params):
    to: str
    subject: str
    body: str


class OneDraft(Params):
    id: int


def _search(call: Call, p: SearchParams) -> dict[str, Any]:
    parts = []
    if p.sender:
        parts.append(search.sent_by(people.resolve(call, p.sender).email))
    if p.to:
        parts.append(search.phrase(people.resolve(call, p.to).email, "recipients"))
    if p.subject:
        parts.append(search.phrase(p.subject, "subject"))
    if p.text:
        parts.append(search.words(p.text))
    label = labels.find_label(call, call.actor, p.label) if p.label else None
    if label:
        parts.append(search.labelled(label.id))
    if label is None or label.name not in search.HIDDEN:
        parts.append(search.negated(search.system_labelled(call.actor, search.HIDDEN)))
    ids = search.find(call, call.actor, search.all_of(parts))
    hits = [_hit(call, id) for id in ids[(p.page - 1) * PAGE : p.page * PAGE]]
    return {"found": len(ids), "page": p.page, "hits": hits}


def _hit(call: Call, id: int) -> dict[str, Any]:
    row = call.one("SELECT from_name, from_email, subject FROM mail_message WHERE id = ?", id)
    assert row is not None
    return {"id": id, "sender": row[0] or row[1], "subject": row[2], "labels": labels.shown_labels(call, id)}


def _render_search(data: Mapping[str, Any]) -> str:
    first = (data["page"] - 1) * PAGE + 1
    lines = [
        f"{place}. {hit['id']} | {hit['sender']} | {hit['subject']} | {', '.join(hit['labels'])}"
        for place, hit in enumerate(data["hits"], first)
    ]
    return "\n".join([f"{data['found']} found", *lines])


def _read(call: Call, p: OneMessage) -> dict[str, Any]:
    mail = mailbox.message(call, call.actor, p.id)
    return {
        "id": mail.id,
        "sender": mail.from_name or mail.from_email,
        "to": people.names(mail.to_line),
        "cc": people.names(mail.cc_line),
        "subject": mail.subject,
        "labels": labels.shown_labels(call, mail.id),
        "body": mail.body,
        "quoted": bool(mail.history),
        "attachments": [one.filename for one in mailbox.attachments(call, mail.id)],
    }


def _render_read(data: Mapping[str, Any]) -> str:
    lines = [f"from {data['sender']} to {data['to']}"]
    if data["cc"]:
        lines.append(f"cc {data['cc']}")
    lines += [f"subject {data['subject']}", ", ".join(data["labels"]), "", data["body"]]
    if data["quoted"]:
        lines.append("[quoted text hidden]")
    lines += [f"[attached {name}]" for name in data["attachments"]]
    return "\n".join(lines)


def _settable(call: Call, name: str) -> Label:
    label = labels.find_label(call, call.actor, name)
    if label.kind == "system" and label.name not in labels.SETTABLE:
        raise Forbidden(f"{label.shown} is not a label to set by hand")
    return label


def _own(call: Call, id: int) -> int:
    return mailbox.message(call, call.actor, id).id


def _label(call: Call, p: MessageAndLabel) -> str:
    labels.put_on(call, _own(call, p.id), [_settable(call, p.label).id])
    return "ok"


def _unlabel(call: Call, p: MessageAndLabel) -> str:
    labels.take_off(call, _own(call, p.id), [_settable(call, p.label).id])
    return "ok"


def _archive(call: Call, p: OneMessage) -> str:
    labels.relabel(call, call.actor, _own(call, p.id), remove=("INBOX",))
    return "ok"


def _trash(call: Call, p: OneMessage) -> str:
    mailbox.trash(call, call.actor, _own(call, p.id))
    return "ok"


def _star(call: Call, p: OneMessage) -> str:
    labels.relabel(call, call.actor, _own(call, p.id), add=("STARRED",))
    return "ok"


def _mark_read(call: Call, p: OneMessage) -> str:
    labels.relabel(call, call.actor, _own(call, p.id), remove=("UNREAD",))
    return "ok"


def _mark_unread(call: Call, p: OneMessage) -> str:
    labels.relabel(call, call.actor, _own(call, p.id), add=("UNREAD",))
    return "ok"


def written(call: Call, to: str, subject: str, body: str, cc: str = "") -> Letter:
    """Returns the actor's letter to the persons named. Raises NotFound for a stranger."""
    return Letter(
        sender=people.person(call, call.actor),
        to=people.in_order(people.resolve_all(call, to)),
        cc=people.in_order(people.resolve_all(call, cc)),
        subject=subject,
        body=body.strip(),
    )


def _send(call: Call, p: NewMail) -> dict[str, Any]:
    return {"sent": mailbox.send(call, written(call, p.to, p.subject, p.body, p.cc))}


def _reply(call: Call, p: ReplyParams) -> dict[str, Any]:
    mail = mailbox.message(call, call.actor, p.id)
    _refuse_draft(call, mail.id)
    return {"sent": mailbox.reply(call, mail, p.body.strip())}


def _forward(call: Call, p: ForwardParams) -> dict[str, Any]:
    mail = mailbox.message(call, call.actor, p.id)
    _refuse_draft(call, mail.id)
    to = people.in_order(people.resolve_all(call, p.to))
    return {"sent": mailbox.forward(call, mail, to, p.body.strip())}


def _refuse_draft(call: Call, id: int) -> None:
    if drafts.draft_of(call, id) is not None:
        raise AppError(f"message {id} is a draft: send it first")


def _render_sent(data: Mapping[str, Any]) -> str:
    return f"sent {data['sent']}"


def _create_label(call: Call, p: LabelName) -> str:
    labels.create_label(call, call.actor, p.name)
    return "ok"


def _list_labels(call: Call, p: Nothing) -> list[str]:
    return [label.shown for label in labels.all_labels(call, call.actor)]


def _save_draft(call: Call, p: NewDraft) -> dict[str, Any]:
    return {"draft": drafts.save(call, written(call, p.to, p.subject, p.body))}


def _send_draft(call: Call, p: OneDraft) -> dict[str, Any]:
    return {"sent": drafts.send(call, p.id)}


def _list_drafts(call: Call, p: Nothing) -> list[dict[str, Any]]:
    return [
        {"id": id, "to": people.names(mail.to_line), "subject": mail.subject}
        for id, mail in drafts.all_drafts(call, call.actor)
    ]


def _render_drafts(data: list[dict[str, Any]]) -> str:
    return "\n".join([f"{len(data)} drafts", *(f"{one['id']} | {one['to']} | {one['subject']}" for one in data)])


OPERATIONS = (
    Operation("search", "Find messages that meet all conditions, newest first, four a page. sender and to: persons.",
              SearchParams, _search, writes=False, render=_render_search),
    Operation("read", "Read one message.", OneMessage, _read, writes=False, render=_render_read),
    Operation("label", "Put a label on a message.", MessageAndLabel, _label, writes=True, render=str),
    Operation("unlabel", "Take a label off a message.", MessageAndLabel, _unlabel, writes=True, render=str),
    Operation("archive", "Take a message out of the inbox.", OneMessage, _archive, writes=True, render=str),
    Operation("trash", "Move a message to the trash.", OneMessage, _trash, writes=True, render=str),
    Operation("star", "Star a message.", OneMessage, _star, writes=True, render=str),
    Operation("mark_read", "Mark a message as read.", OneMessage, _mark_read, writes=True, render=str),
    Operation("mark_unread", "Mark a message as unread.", OneMessage, _mark_unread, writes=True, render=str),
    Operation("send", "Send a new mail. to and cc: persons, separated by commas.",
              NewMail, _send, writes=True, render=_render_sent),
    Operation("reply", "Answer a message.", ReplyParams, _reply, writes=True, render=_render_sent),
    Operation("forward", "Send a message on to others.", ForwardParams, _forward, writes=True, render=_render_sent),
    Operation("create_label", "Create a label.", LabelName, _create_label, writes=True, render=str),
    Operation("list_labels", "List all labels.", Nothing, _list_labels, writes=False, render=", ".join),
    Operation("save_draft", "Save a mail as a draft without sending it.", NewDraft, _save_draft, writes=True,
              render=lambda data: f"draft {data['draft']}"),
    Operation("send_draft", "Send a draft.", OneDraft, _send_draft, writes=True, render=_render_sent),
    Operation("list_drafts", "List the drafts.", Nothing, _list_drafts, writes=False, render=_render_drafts),
)  # fmt: skip


def deliver(call: Call, payload: Mapping[str, Any]) -> None:
    """Event ``mail.deliver``: a mail arrives.

    ``{"to": person, "subject": …, "body": …}`` and optionally ``"sender"``; persons by name or address. Without a
    sender it is a note to oneself; with one, the sender's mailbox keeps its SENT copy.
    """
    to = people.resolve(call, str(payload["to"]))
    sender = people.resolve(call, str(payload.get("sender") or payload["to"]))
    letter = Letter(sender, (to,), str(payload["subject"]), str(payload["body"]))
    if sender.id == to.id:
        mailbox.file_copy(call, to.id, letter, ("INBOX", "UNREAD"))
        return
    own = mailbox.file_copy(call, sender.id, letter, ("SENT",))
    mailbox.file_copy(call, to.id, letter, ("INBOX", "UNREAD"), origin_id=own)


EVENTS = {"mail.deliver": deliver}
