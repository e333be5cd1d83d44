"""``users.threads``: what is done to a thread is done to each of its messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app_clones.kit.world import Call
from app_clones.mail import labels, mailbox, search
from app_clones.mail.gmail import messages, resources
from app_clones.mail.gmail.messages import GetQuery, ListQuery, ModifyBody
from app_clones.mail.gmail.method import Asked, Method
from app_clones.mail.gmail.wire import GoogleError
from app_clones.mail.mailbox import Message


def _list(call: Call, asked: Asked) -> dict[str, Any]:
    found = search.find_threads(call, call.actor, messages.condition(call, asked.query))
    thread_of = {newest: thread for _, newest, thread in found}
    ids, token = messages.page([(time, newest) for time, newest, _ in found], asked.query)
    out: dict[str, Any] = {"resultSizeEstimate": len(found)}
    if ids:
        out["threads"] = [_brief(call, thread_of[id]) for id in ids]
    if token:
        out["nextPageToken"] = token
    return out


def _brief(call: Call, id: int) -> dict[str, Any]:
    newest = mailbox.thread_messages(call, call.actor, id)[-1]
    return {
        "id": resources.hex_id(id),
        "snippet": resources.snippet(newest),
        "historyId": resources.history_id(call),
    }


def _get(call: Call, asked: Asked) -> dict[str, Any]:
    query = asked.query
    if query.format == "raw":
        raise GoogleError("A thread has no raw format")
    return resources.thread(call, resources.row_id(asked.path["id"]), query.format, query.metadata_headers)


def _each(call: Call, asked: Asked, act: Callable[[Message], None]) -> dict[str, Any]:
    id = resources.row_id(asked.path["id"])
    mails = mailbox.thread_messages(call, call.actor, id)
    for mail in mails:
        act(mail)
    return {"id": resources.hex_id(id), "messages": [resources.brief(call, mail) for mail in mails]}


def _modify(call: Call, asked: Asked) -> dict[str, Any]:
    add, remove = messages.changes(call, asked.body)
    return _each(call, asked, lambda mail: messages.modify(call, mail, add, remove))


def _trash(call: Call, asked: Asked) -> dict[str, Any]:
    return _each(call, asked, lambda mail: mailbox.trash(call, call.actor, mail.id))


def _untrash(call: Call, asked: Asked) -> dict[str, Any]:
    return _each(call, asked, lambda mail: labels.relabel(call, call.actor, mail.id, remove=("TRASH",)))


def _delete(call: Call, asked: Asked) -> None:
    for mail in mailbox.thread_messages(call, call.actor, resources.row_id(asked.path["id"])):
        mailbox.delete(call, mail)


_LISTED = {"threads": resources.THREAD, "nextPageToken": {}, "resultSizeEstimate": {}}

METHODS = (
    Method("GET", "/threads", _list, _LISTED, query=ListQuery),
    Method("GET", "/threads/{id}", _get, resources.THREAD, query=GetQuery),
    Method("DELETE", "/threads/{id}", _delete, {}),
    Method("POST", "/threads/{id}/modify", _modify, resources.THREAD, body=ModifyBody),
    Method("POST", "/threads/{id}/trash", _trash, resources.THREAD),
    Method("POST", "/threads/{id}/untrash", _untrash, resources.THREAD),
)
