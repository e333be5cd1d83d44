"""``users.drafts``."""

from __future__ import annotations

from typing import Any

from app_clones.declared.act import Act
from app_clones.kit.errors import AppError
from app_clones.kit.world import Call
from app_clones.mail import drafts, mailbox, search
from app_clones.mail.gmail import messages, resources


def list_some(act: Act) -> dict[str, Any]:
    asked = {**act.arguments, "label_ids": ["DRAFT"]}
    keys = search.find(act.call, act.call.actor, messages.condition(act.call, asked))
    return messages.listed("drafts", keys, asked, lambda id: _draft(act.call, drafts.draft_of(act.call, id) or 0))


def _draft(call: Call, id: int) -> dict[str, Any]:
    return {"id": f"r{id}", "message": resources.brief(call, drafts.find(call, call.actor, id))}


def get(act: Act) -> dict[str, Any]:
    id = resources.draft_row(act.arguments["id"])
    mail = drafts.find(act.call, act.call.actor, id)
    return {"id": f"r{id}", "message": resources.message(act.call, mail, act.arguments["format"])}


def _letter(act: Act) -> mailbox.Letter:
    return messages.own_letter(act, act.arguments["body"].get("message", {}))


def create(act: Act) -> dict[str, Any]:
    return _draft(act.call, drafts.save(act.call, _letter(act)))


def update(act: Act) -> dict[str, Any]:
    id = resources.draft_row(act.arguments["id"])
    drafts.find(act.call, act.call.actor, id)
    if act.arguments["body"].get("id", "") not in ("", act.arguments["id"]):
        raise AppError("The draft's id is another in the body than in the path")
    drafts.rewrite(act.call, id, _letter(act))
    return _draft(act.call, id)


def send(act: Act) -> dict[str, Any]:
    call, body = act.call, act.arguments["body"]
    id = resources.draft_row(body["id"])
    drafts.find(call, call.actor, id)
    if "media" in act.arguments or body.get("message", {}).get("raw"):
        drafts.rewrite(call, id, _letter(act))
    messages.check_recipients(call, drafts.letter_of(call, drafts.find(call, call.actor, id)))
    return resources.brief(call, mailbox.message(call, call.actor, drafts.send(call, id)))


def delete(act: Act) -> None:
    mailbox.delete(act.call, drafts.find(act.call, act.call.actor, resources.draft_row(act.arguments["id"])))
