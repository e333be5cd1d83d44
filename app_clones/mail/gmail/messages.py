"""``users.messages`` and ``users.messages.attachments``."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field

from app_clones.kit.errors import NotFound
from app_clones.kit.world import Call
from app_clones.mail import labels, mailbox, people, search
from app_clones.mail.gmail import mime, resources
from app_clones.mail.gmail.method import Asked, Method
from app_clones.mail.gmail.query import compile_query
from app_clones.mail.gmail.wire import Body, GoogleError, Query
from app_clones.mail.mailbox import Message
from app_clones.mail.search import Where

_FIXED = ("SENT", "DRAFT")
_LARGEST_PAGE = 500
"""Whoever asks for more gets this many, as from Gmail."""
_PAGE_TOKEN = re.compile(r"(-?[0-9]{1,18})-([0-9]{1,18})")


class ListQuery(Query):
    max_results: int = Field(default=100, ge=1, alias="maxResults")
    page_token: str = Field(default="", alias="pageToken")
    q: str = Field(default="", max_length=10_000)
    label_ids: list[str] = Field(default=[], alias="labelIds")
    include_spam_trash: bool = Field(default=False, alias="includeSpamTrash")


class GetQuery(Query):
    format: resources.Format = "full"
    metadata_headers: list[str] = Field(default=[], alias="metadataHeaders")


class InsertQuery(Query):
    internal_date_source: Literal["receivedTime", "dateHeader"] = Field(
        default="receivedTime", alias="internalDateSource"
    )
    deleted: Literal["false"] = "false"


class ImportQuery(Query):
    internal_date_source: Literal["receivedTime", "dateHeader"] = Field(
        default="dateHeader", alias="internalDateSource"
    )
    deleted: Literal["false"] = "false"
    never_mark_spam: bool = Field(default=False, alias="neverMarkSpam")
    process_for_calendar: Literal["false"] = Field(default="false", alias="processForCalendar")


class MessageBody(Body):
    """A ``Message`` as given: the raw text, and where it goes. The rest is what clients send back as they got it."""

    id: Any = None
    snippet: Any = None
    payload: Any = None
    history_id: Any = Field(default=None, alias="historyId")
    internal_date: Any = Field(default=None, alias="internalDate")
    size_estimate: Any = Field(default=None, alias="sizeEstimate")
    raw: str = ""
    thread_id: str = Field(default="", alias="threadId")
    label_ids: list[str] = Field(default=[], alias="labelIds", max_length=100)


class ModifyBody(Body):
    add_label_ids: list[str] = Field(default=[], alias="addLabelIds", max_length=100)
    remove_label_ids: list[str] = Field(default=[], alias="removeLabelIds", max_length=100)


class BatchModifyBody(ModifyBody):
    ids: list[str] = Field(min_length=1, max_length=1000)


class BatchDeleteBody(Body):
    ids: list[str] = Field(min_length=1, max_length=1000)


def condition(call: Call, query: ListQuery) -> Where:
    """Returns which messages a list call asks for. Raises GoogleError."""
    wanted = [resources.label_of(call, text) for text in query.label_ids]
    found = compile_query(call, query.q)
    hidden = {"TRASH", "SPAM"} - {label.name for label in wanted}
    parts = [search.labelled(label.id) for label in wanted] + [found.where]
    if not (query.include_spam_trash or found.everywhere) and hidden:
        parts.append(search.negated(search.system_labelled(call.actor, sorted(hidden))))
    return search.all_of(parts)


def page(keys: list[tuple[int, int]], query: ListQuery) -> tuple[list[int], str]:
    """Returns one page of the (time, id) keys, newest first, as ids, and the next page's token (empty at the end).

    A token names the last row seen, not a count, so rows that come or go meanwhile shift nothing.
    """
    if query.page_token:
        seen = _PAGE_TOKEN.fullmatch(query.page_token)
        if seen is None:
            raise GoogleError("Invalid pageToken")
        time, id = seen.groups()
        keys = [key for key in keys if key < (int(time), int(id))]
    shown = keys[: min(query.max_results, _LARGEST_PAGE)]
    more = f"{shown[-1][0]}-{shown[-1][1]}" if len(keys) > len(shown) else ""
    return [id for _, id in shown], more


def _list(call: Call, asked: Asked) -> dict[str, Any]:
    keys = search.find_keys(call, call.actor, condition(call, asked.query))
    ids, token = page(keys, asked.query)
    out: dict[str, Any] = {"resultSizeEstimate": len(keys)}
    if ids:
        mails = [mailbox.message(call, call.actor, id) for id in ids]
        out["messages"] = [
            {"id": resources.hex_id(mail.id), "threadId": resources.hex_id(mail.thread_id)} for mail in mails
        ]
    if token:
        out["nextPageToken"] = token
    return out


def _mail(call: Call, asked: Asked) -> Message:
    return mailbox.message(call, call.actor, resources.row_id(asked.path["id"]))


def _get(call: Call, asked: Asked) -> dict[str, Any]:
    return resources.message(call, _mail(call, asked), asked.query.format, asked.query.metadata_headers)


def parsed(asked: Asked, raw: str) -> mime.Parsed:
    """Returns what the upload, or ``raw``, says. Raises GoogleError."""
    if asked.media is not None and raw:
        raise GoogleError("The message is given twice: as raw and as media")
    if asked.media is None and not raw:
        raise GoogleError("'raw' RFC822 payload message string or uploading message via /upload/* URL required")
    return mime.parse(asked.media if asked.media is not None else mime.decode(raw))


def thread_row(call: Call, text: str) -> int | None:
    """Returns the row of a thread that a message is to join. Raises NotFound."""
    if not text:
        return None
    id = resources.row_id(text)
    mailbox.thread_messages(call, call.actor, id)
    return id


def own_letter(call: Call, asked: Asked, body: MessageBody) -> mailbox.Letter:
    """Returns the actor's own letter; a From header that is somebody else's is refused."""
    found = parsed(asked, body.raw)
    me = people.person(call, call.actor)
    if found.sender and [one.email.lower() for one in found.sender] != [me.email.lower()]:
        raise GoogleError("Invalid From header")
    return mime.letter(call, found, me, thread_id=thread_row(call, body.thread_id))


def _send(call: Call, asked: Asked) -> dict[str, Any]:
    if asked.body.label_ids:
        raise GoogleError("labelIds cannot be given for a message to send")
    letter = own_letter(call, asked, asked.body)
    check_recipients(call, letter)
    return resources.brief(call, mailbox.message(call, call.actor, mailbox.send(call, letter)))


def check_recipients(call: Call, letter: mailbox.Letter) -> None:
    """Raises GoogleError for no recipient and for one that no user of this world has."""
    everyone = (*letter.to, *letter.cc, *letter.bcc)
    if not everyone:
        raise GoogleError("Recipient address required")
    for address in everyone:
        if people.lookup(call, address.email) is None:
            raise GoogleError(f"Invalid To header: {address.email} is no user of this world")


def _insert(call: Call, asked: Asked) -> dict[str, Any]:
    found = parsed(asked, asked.body.raw)
    wanted = [resources.label_of(call, text) for text in asked.body.label_ids]
    if len(found.sender) != 1:
        raise GoogleError("Invalid From header")
    letter = mime.letter(call, found, found.sender[0], thread_id=thread_row(call, asked.body.thread_id))
    if any(label.name == "DRAFT" for label in wanted):
        raise GoogleError("Invalid label: DRAFT")
    by_header = asked.query.internal_date_source == "dateHeader"
    if by_header and found.sent_ms is None:
        raise GoogleError("Invalid Date header")
    id = mailbox.file_copy(call, call.actor, letter, (), sent_ms=found.sent_ms if by_header else call.now_ms)
    labels.put_on(call, id, [label.id for label in wanted])
    return resources.brief(call, mailbox.message(call, call.actor, id))


def changes(call: Call, body: ModifyBody) -> tuple[list[int], list[int]]:
    """Returns label ids to (add, remove). Raises GoogleError for one that is unknown, fixed, or in both."""
    both = set(body.add_label_ids) & set(body.remove_label_ids)
    if both:
        raise GoogleError(f"Cannot both add and remove the same label: {min(both)}")
    if not body.add_label_ids and not body.remove_label_ids:
        raise GoogleError("No label add or removes specified")
    out = []
    for texts in (body.add_label_ids, body.remove_label_ids):
        found = [resources.label_of(call, text) for text in texts]
        for label in found:
            if label.name in _FIXED and label.kind == "system":
                raise GoogleError(f"Invalid label: {label.name}")
        out.append([label.id for label in found])
    return out[0], out[1]


def modify(call: Call, mail: Message, add: list[int], remove: list[int]) -> None:
    labels.put_on(call, mail.id, add)
    labels.take_off(call, mail.id, remove)


def _modify(call: Call, asked: Asked) -> dict[str, Any]:
    mail = _mail(call, asked)
    modify(call, mail, *changes(call, asked.body))
    return resources.brief(call, mail)


def _trash(call: Call, asked: Asked) -> dict[str, Any]:
    mail = _mail(call, asked)
    mailbox.trash(call, call.actor, mail.id)
    return resources.brief(call, mail)


def _untrash(call: Call, asked: Asked) -> dict[str, Any]:
    mail = _mail(call, asked)
    labels.relabel(call, call.actor, mail.id, remove=("TRASH",))
    return resources.brief(call, mail)


def _delete(call: Call, asked: Asked) -> None:
    mailbox.delete(call, _mail(call, asked))


def _batch_modify(call: Call, asked: Asked) -> None:
    add, remove = changes(call, asked.body)
    for text in asked.body.ids:
        modify(call, mailbox.message(call, call.actor, resources.row_id(text)), add, remove)


def _batch_delete(call: Call, asked: Asked) -> None:
    """As in Gmail, ids that are not there are passed over."""
    for text in asked.body.ids:
        id = resources.row_id(text)
        if call.one("SELECT 1 FROM mail_message WHERE id = ? AND owner_id = ?", id, call.actor):
            mailbox.delete(call, mailbox.message(call, call.actor, id))


def _attachment(call: Call, asked: Asked) -> dict[str, Any]:
    mail = mailbox.message(call, call.actor, resources.row_id(asked.path["message_id"]))
    for one in mailbox.attachments(call, mail.id):
        if asked.path["id"] == f"attachment-{one.id}":
            return {"attachmentId": asked.path["id"], "size": len(one.data), "data": mime.encode(one.data)}
    raise NotFound("no message attachment of that id")


_LISTED = {"messages": resources.MESSAGE, "nextPageToken": {}, "resultSizeEstimate": {}}

METHODS = (
    Method("GET", "/messages", _list, _LISTED, query=ListQuery),
    Method("POST", "/messages/send", _send, resources.MESSAGE, body=MessageBody, upload=True),
    Method("POST", "/messages/import", _insert, resources.MESSAGE, query=ImportQuery, body=MessageBody, upload=True),
    Method("POST", "/messages", _insert, resources.MESSAGE, query=InsertQuery, body=MessageBody, upload=True),
    Method("POST", "/messages/batchModify", _batch_modify, {}, body=BatchModifyBody),
    Method("POST", "/messages/batchDelete", _batch_delete, {}, body=BatchDeleteBody),
    Method("GET", "/messages/{id}", _get, resources.MESSAGE, query=GetQuery),
    Method("DELETE", "/messages/{id}", _delete, {}),
    Method("POST", "/messages/{id}/modify", _modify, resources.MESSAGE, body=ModifyBody),
    Method("POST", "/messages/{id}/trash", _trash, resources.MESSAGE),
    Method("POST", "/messages/{id}/untrash", _untrash, resources.MESSAGE),
    Method("GET", "/messages/{message_id}/attachments/{id}", _attachment, resources.PART_BODY),
)
