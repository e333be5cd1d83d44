"""``users.getProfile`` and ``users.history``."""

from __future__ import annotations

from typing import Any

from app_clones.declared.act import Act
from app_clones.kit.errors import NotFound
from app_clones.mail import people
from app_clones.mail.gmail import resources


def profile(act: Act) -> dict[str, Any]:
    call = act.call
    row = call.one("SELECT count(*), count(DISTINCT thread_id) FROM mail_message WHERE owner_id = ?", call.actor)
    assert row is not None
    return {
        "emailAddress": people.person(call, call.actor).email,
        "messagesTotal": row[0],
        "threadsTotal": row[1],
        "historyId": resources.history_id(call),
    }


def history(act: Act) -> dict[str, Any]:
    """The clone keeps no history: whoever is not up to date gets the 404 that tells clients to sync in full."""
    if act.arguments["start_history_id"] < act.call.now_ms:
        raise NotFound("no history of that time is kept")
    return {"historyId": resources.history_id(act.call)}
