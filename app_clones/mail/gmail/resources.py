"""Rows as Gmail's resources."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from app_clones.kit.errors import AppError
from app_clones.kit.world import Call
from app_clones.mail import labels, mailbox
from app_clones.mail.gmail import mime
from app_clones.mail.labels import Label
from app_clones.mail.mailbox import Message

_HEX = re.compile(r"[0-9a-fA-F]{1,16}")
_SNIPPET = 200


def hex_id(id: int) -> str:
    """Returns a row's id as Gmail shows it: 16 hex digits."""
    return f"{id:016x}"


def row_id(text: str) -> int:
    """Returns the row id behind 16 hex digits. Raises AppError."""
    if not _HEX.fullmatch(text):
        raise AppError("Invalid id value")
    return int(text, 16) if int(text, 16) < 1 << 63 else 0


def draft_row(text: str) -> int:
    """Returns the row id behind a draft's id. Raises AppError."""
    if not re.fullmatch(r"r[0-9]{1,18}", text):
        raise AppError("Invalid draft id")
    return int(text[1:])


def label_id(label: Label) -> str:
    """System labels go by name, the user's by number."""
    return label.name if label.kind == "system" else f"Label_{label.id}"


def label_of(call: Call, text: str, missing: type[AppError] = AppError) -> Label:
    """Returns the actor's label of that id. Raises ``missing``: an unknown label is an invalid argument, or, where it
    is what the call is about, not found."""
    for label in labels.all_labels(call, call.actor):
        if label_id(label) == text:
            return label
    raise missing(f"Invalid label: {text[:120]}")


def snippet(mail: Message) -> str:
    """Returns the first words, HTML-escaped as Gmail's are."""
    return html.escape(" ".join(mailbox.full_text(mail).split())[:_SNIPPET], quote=True).replace("&#x27;", "&#39;")


def history_id(call: Call) -> str:
    """Returns the mailbox's state as a number that only grows: the world's clock."""
    return str(call.now_ms)


def message(call: Call, mail: Message, format: str, headers: Sequence[str] = ()) -> dict[str, Any]:
    """Returns a ``Message``: ``full``, ``metadata`` (its headers alone), ``minimal`` or ``raw``."""
    built = mime.build(call, mail)
    raw = built.as_bytes()
    out: dict[str, Any] = {
        **brief(call, mail),
        "snippet": snippet(mail),
        "historyId": history_id(call),
        "internalDate": str(mail.sent_ms),
        "sizeEstimate": len(raw),
    }
    if format == "raw":
        out["raw"] = mime.encode(raw)
    elif format == "full":
        out["payload"] = mime.payload(built, [one.id for one in mailbox.attachments(call, mail.id)])
    elif format == "metadata":
        wanted = {name.lower() for name in headers}
        listed = [{"name": name, "value": str(value)} for name, value in built.items()
                  if not wanted or name.lower() in wanted]  # fmt: skip
        out["payload"] = {"mimeType": built.get_content_type(), "headers": listed}
    return out


def named(mail: Message) -> dict[str, Any]:
    """Returns what lists show of a message."""
    return {"id": hex_id(mail.id), "threadId": hex_id(mail.thread_id)}


def brief(call: Call, mail: Message) -> dict[str, Any]:
    """Returns what changing calls answer: ids and labels."""
    return {**named(mail), "labelIds": [label_id(label) for label in labels.labels_of(call, mail.id)]}


def thread(call: Call, mails: Sequence[Message]) -> dict[str, Any]:
    """Returns the ``Thread`` of these messages, without them."""
    return {"id": hex_id(mails[0].thread_id), "historyId": history_id(call)}


def label(found: Label) -> dict[str, Any]:
    """Returns a ``Label`` as lists show it."""
    out: dict[str, Any] = {"id": label_id(found), "name": found.name, "type": found.kind}
    if found.kind == "user":
        out["messageListVisibility"] = found.message_list
        out["labelListVisibility"] = found.label_list
    if found.text_color:
        out["color"] = {"textColor": found.text_color, "backgroundColor": found.background_color}
    return out


def counted_label(call: Call, found: Label) -> dict[str, Any]:
    """Returns a ``Label`` with how many messages and threads it has, and how many of them unread."""
    unread = labels.system_id(call, call.actor, "UNREAD")
    row = call.one(
        "SELECT count(*), count(u.message_id), count(DISTINCT m.thread_id),"
        " count(DISTINCT CASE WHEN u.message_id IS NOT NULL THEN m.thread_id END)"
        " FROM mail_message_label l JOIN mail_message m ON m.id = l.message_id"
        " LEFT JOIN mail_message_label u ON u.message_id = l.message_id AND u.label_id = ? WHERE l.label_id = ?",
        unread, found.id,
    )  # fmt: skip
    assert row is not None
    names = ("messagesTotal", "messagesUnread", "threadsTotal", "threadsUnread")
    return {**label(found), **dict(zip(names, row, strict=True))}
