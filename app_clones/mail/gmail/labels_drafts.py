"""``users.labels``, ``users.drafts``, ``users.getProfile`` and ``users.history``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from app_clones.kit.world import Call
from app_clones.mail import drafts, labels, mailbox, people
from app_clones.mail import search as searching
from app_clones.mail.gmail import messages, resources
from app_clones.mail.gmail.messages import ListQuery, MessageBody
from app_clones.mail.gmail.method import Asked, Method
from app_clones.mail.gmail.wire import Body, GoogleError, Query
from app_clones.mail.labels import Label

_COLOR = r"#[0-9a-f]{6}"


class ColorBody(Body):
    text_color: str = Field(alias="textColor", pattern=rf"^{_COLOR}$")
    background_color: str = Field(alias="backgroundColor", pattern=rf"^{_COLOR}$")


class LabelBody(Body):
    """``id``, ``type`` and the counts may come along as they are, as clients send back what they got."""

    name: str | None = None
    id: str | None = None
    type: Literal["user", "system"] | None = None
    message_list: Literal["show", "hide"] | None = Field(default=None, alias="messageListVisibility")
    label_list: Literal["labelShow", "labelShowIfUnread", "labelHide"] | None = Field(
        default=None, alias="labelListVisibility"
    )
    color: ColorBody | None = None
    messages_total: Any = Field(default=None, alias="messagesTotal")
    messages_unread: Any = Field(default=None, alias="messagesUnread")
    threads_total: Any = Field(default=None, alias="threadsTotal")
    threads_unread: Any = Field(default=None, alias="threadsUnread")


def _list_labels(call: Call, asked: Asked) -> dict[str, Any]:
    return {"labels": [resources.label(one) for one in labels.all_labels(call, call.actor)]}


def _get_label(call: Call, asked: Asked) -> dict[str, Any]:
    return resources.counted_label(call, resources.named_label(call, asked.path["id"]))


def _create_label(call: Call, asked: Asked) -> dict[str, Any]:
    if asked.body.id or asked.body.type == "system":
        raise GoogleError("A new label has no id, and is the user's")
    if asked.body.name is None:
        raise GoogleError("Invalid label name")
    made = labels.create_label(call, call.actor, asked.body.name)
    _style(call, made, asked.body)
    return resources.label(labels.label_by_id(call, call.actor, made.id))


def _change_label(call: Call, asked: Asked) -> dict[str, Any]:
    found = resources.named_label(call, asked.path["id"])
    body = asked.body
    if body.id not in (None, resources.label_id(found)) or body.type not in (None, found.kind):
        raise GoogleError("A label's id and type cannot be changed")
    labels.guard(found)
    if body.name is not None and body.name != found.name:
        labels.rename_label(call, call.actor, found, body.name)
    _style(call, found, body)
    return resources.label(labels.label_by_id(call, call.actor, found.id))


def _update_label(call: Call, asked: Asked) -> dict[str, Any]:
    if asked.body.name is None:
        raise GoogleError("Invalid label name")
    return _change_label(call, asked)


def _style(call: Call, label: Label, body: LabelBody) -> None:
    values: dict[str, str | None] = {"message_list": body.message_list, "label_list": body.label_list}
    if body.color:
        values |= {"text_color": body.color.text_color, "background_color": body.color.background_color}
    given = {name: value for name, value in values.items() if value is not None}
    if given:
        call.update("mail_label", label.id, **given)


def _delete_label(call: Call, asked: Asked) -> None:
    labels.delete_label(call, resources.named_label(call, asked.path["id"]))


class DraftListQuery(Query):
    max_results: int = Field(default=100, ge=1, alias="maxResults")
    page_token: str = Field(default="", alias="pageToken")
    q: str = Field(default="", max_length=10_000)
    include_spam_trash: bool = Field(default=False, alias="includeSpamTrash")


class DraftGetQuery(Query):
    format: resources.Format = "full"


class DraftBody(Body):
    id: str = ""
    message: MessageBody = Field(default_factory=MessageBody)


def _list_drafts(call: Call, asked: Asked) -> dict[str, Any]:
    query = ListQuery.model_validate({**asked.query.model_dump(by_alias=True), "labelIds": ["DRAFT"]})
    keys = searching.find_keys(call, call.actor, messages.condition(call, query))
    ids, token = messages.page(keys, query)
    out: dict[str, Any] = {"resultSizeEstimate": len(keys)}
    if ids:
        out["drafts"] = [_draft(call, drafts.draft_of(call, id) or 0) for id in ids]
    if token:
        out["nextPageToken"] = token
    return out


def _draft(call: Call, id: int) -> dict[str, Any]:
    return {"id": resources.draft_id(id), "message": resources.brief(call, drafts.find(call, call.actor, id))}


def _get_draft(call: Call, asked: Asked) -> dict[str, Any]:
    id = resources.draft_row(asked.path["id"])
    mail = drafts.find(call, call.actor, id)
    return {"id": resources.draft_id(id), "message": resources.message(call, mail, asked.query.format)}


def _letter(call: Call, asked: Asked) -> mailbox.Letter:
    return messages.own_letter(call, asked, asked.body.message)


def _create_draft(call: Call, asked: Asked) -> dict[str, Any]:
    if asked.body.id:
        raise GoogleError("A new draft has no id")
    return _draft(call, drafts.save(call, _letter(call, asked)))


def _update_draft(call: Call, asked: Asked) -> dict[str, Any]:
    id = resources.draft_row(asked.path["id"])
    drafts.find(call, call.actor, id)
    if asked.body.id not in ("", asked.path["id"]):
        raise GoogleError("The draft's id is another in the body than in the path")
    drafts.rewrite(call, id, _letter(call, asked))
    return _draft(call, id)


def _send_draft(call: Call, asked: Asked) -> dict[str, Any]:
    if not asked.body.id:
        raise GoogleError("Invalid draft id")
    id = resources.draft_row(asked.body.id)
    drafts.find(call, call.actor, id)
    if asked.media is not None or asked.body.message.raw:
        drafts.rewrite(call, id, _letter(call, asked))
    messages.check_recipients(call, drafts.letter_of(call, drafts.find(call, call.actor, id)))
    return resources.brief(call, mailbox.message(call, call.actor, drafts.send(call, id)))


def _delete_draft(call: Call, asked: Asked) -> None:
    drafts.discard(call, resources.draft_row(asked.path["id"]))


def _profile(call: Call, asked: Asked) -> dict[str, Any]:
    row = call.one("SELECT count(*), count(DISTINCT thread_id) FROM mail_message WHERE owner_id = ?", call.actor)
    assert row is not None
    return {
        "emailAddress": people.person(call, call.actor).email,
        "messagesTotal": row[0],
        "threadsTotal": row[1],
        "historyId": resources.history_id(call),
    }


class HistoryQuery(Query):
    start_history_id: int = Field(alias="startHistoryId", ge=1)


def _history(call: Call, asked: Asked) -> dict[str, Any]:
    """The clone keeps no history: whoever is not up to date gets the 404 that tells clients to sync in full."""
    if asked.query.start_history_id < call.now_ms:
        raise GoogleError("Requested entity was not found.", 404)
    return {"historyId": resources.history_id(call)}


_DRAFTS = {"drafts": resources.DRAFT, "nextPageToken": {}, "resultSizeEstimate": {}}
_PROFILE: dict[str, Any] = {"emailAddress": {}, "messagesTotal": {}, "threadsTotal": {}, "historyId": {}}

METHODS = (
    Method("GET", "/profile", _profile, _PROFILE),
    Method("GET", "/history", _history, {"history": {}, "historyId": {}, "nextPageToken": {}}, query=HistoryQuery),
    Method("GET", "/labels", _list_labels, {"labels": resources.LABEL}),
    Method("POST", "/labels", _create_label, resources.LABEL, body=LabelBody),
    Method("GET", "/labels/{id}", _get_label, resources.LABEL),
    Method("PUT", "/labels/{id}", _update_label, resources.LABEL, body=LabelBody),
    Method("PATCH", "/labels/{id}", _change_label, resources.LABEL, body=LabelBody),
    Method("DELETE", "/labels/{id}", _delete_label, {}),
    Method("GET", "/drafts", _list_drafts, _DRAFTS, query=DraftListQuery),
    Method("POST", "/drafts", _create_draft, resources.DRAFT, body=DraftBody, upload=True),
    Method("POST", "/drafts/send", _send_draft, resources.MESSAGE, body=DraftBody, upload=True),
    Method("GET", "/drafts/{id}", _get_draft, resources.DRAFT, query=DraftGetQuery),
    Method("PUT", "/drafts/{id}", _update_draft, resources.DRAFT, body=DraftBody, upload=True),
    Method("DELETE", "/drafts/{id}", _delete_draft, {}),
)
