"""``users.threads``: what is done to a thread is done to each of its messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app_clones.declared.act import Act
from app_clones.kit.world import Call
from app_clones.mail import labels, mailbox, search
from app_clones.mail.gmail import messages, resources
from app_clones.mail.mailbox import Message


def list_some(act: Act) -> dict[str, Any]:
    found = search.find_threads(act.call, act.call.actor, messages.condition(act.call, act.arguments))
    thread_of = {newest: thread for _, newest, thread in found}
    keys = [(time, newest) for time, newest, _ in found]
    return messages.listed("threads", keys, act.arguments, lambda id: _brief(act.call, thread_of[id]))


def _brief(call: Call, id: int) -> dict[str, Any]:
    newest = mailbox.thread_messages(call, call.actor, id)[-1]
    return {
        "id": resources.hex_id(id),
        "snippet": resources.snippet(newest),
        "historyId": resources.history_id(call),
    }


def _mails(act: Act) -> list[Message]:
    return mailbox.thread_messages(act.call, act.call.actor, resources.row_id(act.arguments["id"]))


def get(act: Act) -> dict[str, Any]:
    format, headers = act.arguments["format"], act.arguments.get("metadata_headers", ())
    return resources.thread(act.call, _mails(act), format, headers)


def _each(act: Act, change: Callable[[Message], None]) -> dict[str, Any]:
    mails = _mails(act)
    for mail in mails:
        change(mail)
    id = resources.hex_id(mails[0].thread_id)
    return {"id": id, "messages": [resources.brief(act.call, mail) for mail in mails]}


def modify(act: Act) -> dict[str, Any]:
    return _each(act, messages.changer(act))


def mark(act: Act) -> dict[str, Any]:
    """Puts system labels on each message and takes others off, the same ones each time."""
    fixed = act.plan.decl.fixed
    return _each(act, lambda mail: labels.relabel(act.call, act.call.actor, mail.id, **fixed))


def delete(act: Act) -> None:
    for mail in _mails(act):
        mailbox.delete(act.call, mail)
