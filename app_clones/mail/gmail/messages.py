"""``users.messages``, their attachments, and ``users.threads``: what is done to a thread is done to its messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app_clones.declared.act import Act
from app_clones.kit.errors import AppError, NotFound
from app_clones.kit.world import Call
from app_clones.mail import labels, mailbox, people, search
from app_clones.mail.gmail import mime, resources
from app_clones.mail.gmail.query import compile_query
from app_clones.mail.mailbox import Message
from app_clones.mail.search import Where

_FIXED = ("SENT", "DRAFT")
_LARGEST_PAGE = 500
"""Whoever asks for more gets this many, as from Gmail."""
_PAGE_TOKEN = re.compile(r"(-?[0-9]{1,18})-([0-9]{1,18})")

Asked = Mapping[str, Any]
"""The arguments of a list, or the JSON of a message or of a change."""


def condition(call: Call, asked: Asked) -> Where:
    """Returns which messages a list call asks for. Raises AppError."""
    wanted = [resources.label_of(call, text) for text in asked.get("label_ids", ())]
    hidden = set() if asked.get("include_spam_trash") else {"TRASH", "SPAM"} - {label.name for label in wanted}
    found = compile_query(call, asked.get("q", ""), hidden)
    return search.all_of([*(search.labelled(label.id) for label in wanted), found])


def listed(name: str, keys: Sequence[tuple[int, int]], asked: Asked, show: Callable[[int], Any]) -> dict[str, Any]:
    """Returns one page of the (time, id) keys, newest first, each shown by its id, and the next page's token.

    A token names the last row seen, not a count, so rows that come or go meanwhile shift nothing. Raises AppError.
    """
    out: dict[str, Any] = {"resultSizeEstimate": len(keys)}
    if asked.get("page_token"):
        seen = _PAGE_TOKEN.fullmatch(asked["page_token"])
        if seen is None:
            raise AppError("Invalid pageToken")
        keys = [key for key in keys if key < (int(seen[1]), int(seen[2]))]
    shown = keys[: min(asked["max_results"], _LARGEST_PAGE)]
    if shown:
        out[name] = [show(id) for _, id in shown]
    if len(keys) > len(shown):
        out["nextPageToken"] = f"{shown[-1][0]}-{shown[-1][1]}"
    return out


def list_some(act: Act) -> dict[str, Any]:
    call = act.call
    keys = search.find(call, call.actor, condition(call, act.arguments))
    return listed("messages", keys, act.arguments, lambda id: resources.named(mailbox.message(call, call.actor, id)))


def list_threads(act: Act) -> dict[str, Any]:
    call = act.call
    found = search.find_threads(call, call.actor, condition(call, act.arguments))
    thread_of = {newest: thread for _, newest, thread in found}

    def show(newest: int) -> dict[str, Any]:
        mails = mailbox.thread_messages(call, call.actor, thread_of[newest])
        return {**resources.thread(call, mails), "snippet": resources.snippet(mails[-1])}

    return listed("threads", [(time, newest) for time, newest, _ in found], act.arguments, show)


def get(act: Act) -> dict[str, Any]:
    """Shows a message, or a thread with its messages, oldest first."""
    mails = _asked_for(act)
    format, headers = act.arguments["format"], act.arguments.get("metadata_headers", ())
    shown = [resources.message(act.call, mail, format, headers) for mail in mails]
    is_thread = act.plan.decl.fixed["of"] == "thread"
    return {**resources.thread(act.call, mails), "messages": shown} if is_thread else shown[0]


def _parsed(act: Act, given: Asked) -> mime.Parsed:
    """Returns what the upload, or the message ``given``, says. Raises AppError."""
    media, raw = act.arguments.get("media"), given.get("raw", "")
    if media is not None and raw:
        raise AppError("The message is given twice: as raw and as media")
    if media is None and not raw:
        raise AppError("'raw' RFC822 payload message string or uploading message via /upload/* URL required")
    return mime.parse(mime.decode(raw if media is None else media))


def _thread_row(call: Call, given: Asked) -> int | None:
    """Returns the row of the thread that a message is to join. Raises NotFound."""
    if not given.get("threadId"):
        return None
    id = resources.row_id(given["threadId"])
    mailbox.thread_messages(call, call.actor, id)
    return id


def own_letter(act: Act, given: Asked) -> mailbox.Letter:
    """Returns the actor's own letter; a From header that is somebody else's is refused."""
    found = _parsed(act, given)
    me = people.person(act.call, act.call.actor)
    if found.sender and [one.email.lower() for one in found.sender] != [me.email.lower()]:
        raise AppError("Invalid From header")
    return mime.letter(act.call, found, me, thread_id=_thread_row(act.call, given))


def send(act: Act) -> dict[str, Any]:
    call, letter = act.call, own_letter(act, act.arguments["body"])
    check_recipients(call, letter)
    return resources.brief(call, mailbox.message(call, call.actor, mailbox.send(call, letter)))


def check_recipients(call: Call, letter: mailbox.Letter) -> None:
    """Raises AppError for no recipient and for one that no user of this world has."""
    everyone = (*letter.to, *letter.cc, *letter.bcc)
    if not everyone:
        raise AppError("Recipient address required")
    for address in everyone:
        if people.lookup(call, address.email) is None:
            raise AppError(f"Invalid To header: {address.email} is no user of this world")


def insert(act: Act) -> dict[str, Any]:
    call, body = act.call, act.arguments["body"]
    found = _parsed(act, body)
    wanted = [resources.label_of(call, text) for text in body.get("labelIds", ())]
    if len(found.sender) != 1:
        raise AppError("Invalid From header")
    letter = mime.letter(call, found, found.sender[0], thread_id=_thread_row(call, body))
    if any(label.name == "DRAFT" for label in wanted):
        raise AppError("Invalid label: DRAFT")
    by_header = act.arguments["internal_date_source"] == "dateHeader"
    if by_header and found.sent_ms is None:
        raise AppError("Invalid Date header")
    id = mailbox.file_copy(call, call.actor, letter, (), sent_ms=found.sent_ms if by_header else call.now_ms)
    labels.put_on(call, id, [label.id for label in wanted])
    return resources.brief(call, mailbox.message(call, call.actor, id))


def changer(act: Act) -> Callable[[Message], None]:
    """Returns what changes a message's labels as asked. Raises AppError for one that is unknown, fixed, or in both."""
    add, remove = (act.arguments["body"].get(name, []) for name in ("addLabelIds", "removeLabelIds"))
    if both := set(add) & set(remove):
        raise AppError(f"Cannot both add and remove the same label: {min(both)}")
    if not add and not remove:
        raise AppError("No label add or removes specified")
    going, coming = ([_changeable(act.call, text) for text in texts] for texts in (remove, add))

    def change(mail: Message) -> None:
        labels.put_on(act.call, mail.id, coming)
        labels.take_off(act.call, mail.id, going)

    return change


def _changeable(call: Call, text: str) -> int:
    label = resources.label_of(call, text)
    if label.name in _FIXED and label.kind == "system":
        raise AppError(f"Invalid label: {label.name}")
    return label.id


def _asked_for(act: Act) -> list[Message]:
    """Returns what an operation is about: all messages of a thread, those of some ids, or one. Raises NotFound."""
    call, of = act.call, act.plan.decl.fixed["of"]
    if of == "thread":
        return mailbox.thread_messages(call, call.actor, resources.row_id(act.arguments["id"]))
    texts = act.arguments["body"]["ids"] if of == "messages" else [act.arguments["id"]]
    return [mailbox.message(call, call.actor, resources.row_id(text)) for text in texts]


def _done(act: Act, mails: Sequence[Message]) -> dict[str, Any] | None:
    """Returns what a change of them answers."""
    of, shown = act.plan.decl.fixed["of"], [resources.brief(act.call, mail) for mail in mails]
    if of == "thread":
        return {"id": resources.hex_id(mails[0].thread_id), "messages": shown}
    return shown[0] if of == "message" else None


def modify(act: Act) -> dict[str, Any] | None:
    change, mails = changer(act), _asked_for(act)
    for mail in mails:
        change(mail)
    return _done(act, mails)


def mark(act: Act) -> dict[str, Any] | None:
    """Puts system labels on and takes others off, the same ones each time."""
    mails, fixed = _asked_for(act), act.plan.decl.fixed
    for mail in mails:
        labels.relabel(act.call, act.call.actor, mail.id, add=fixed.get("add", ()), remove=fixed["remove"])
    return _done(act, mails)


def delete(act: Act) -> None:
    for mail in _asked_for(act):
        mailbox.delete(act.call, mail)


def delete_all(act: Act) -> None:
    """As in Gmail, ids that are not there are passed over."""
    for text in act.arguments["body"]["ids"]:
        if mail := mailbox.find(act.call, act.call.actor, resources.row_id(text)):
            mailbox.delete(act.call, mail)


def attachment(act: Act) -> dict[str, Any]:
    wanted, of = act.arguments["id"], resources.row_id(act.arguments["message_id"])
    for one in mailbox.attachments(act.call, mailbox.message(act.call, act.call.actor, of).id):
        if wanted == f"attachment-{one.id}":
            return {"attachmentId": wanted, "size": len(one.data), "data": mime.encode(one.data)}
    raise NotFound("no message attachment of that id")
