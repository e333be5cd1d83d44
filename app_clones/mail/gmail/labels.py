"""``users.labels``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app_clones.declared.act import Act
from app_clones.kit.errors import AppError, NotFound
from app_clones.mail import labels
from app_clones.mail.gmail import resources
from app_clones.mail.labels import Label

_COLUMNS = {"messageListVisibility": "message_list", "labelListVisibility": "label_list"}
_COLORS = {"textColor": "text_color", "backgroundColor": "background_color"}


def _asked_for(act: Act) -> Label:
    return resources.label_of(act.call, act.arguments["id"], NotFound)


def list_all(act: Act) -> dict[str, Any]:
    return {"labels": [resources.label(one) for one in labels.all_labels(act.call, act.call.actor)]}


def get(act: Act) -> dict[str, Any]:
    return resources.counted_label(act.call, _asked_for(act))


def create(act: Act) -> dict[str, Any]:
    body = act.arguments["body"]
    return _styled(act, labels.create_label(act.call, act.call.actor, body["name"]), body)


def change(act: Act) -> dict[str, Any]:
    found, body = _asked_for(act), act.arguments["body"]
    told = resources.label(found)
    if any(body.get(name, told[name]) != told[name] for name in ("id", "type")):
        raise AppError("A label's id and type cannot be changed")
    labels.guard(found)
    if body.get("name", found.name) != found.name:
        labels.rename_label(act.call, act.call.actor, found, body["name"])
    return _styled(act, found.id, body)


def _styled(act: Act, id: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """The label, once it looks as ``body`` says."""
    values = {column: body[name] for name, column in _COLUMNS.items() if name in body}
    values |= {column: body["color"][name] for name, column in _COLORS.items() if "color" in body}
    if values:
        act.call.update("mail_label", id, **values)
    return resources.label(labels.label_by_id(act.call, act.call.actor, id))


def delete(act: Act) -> None:
    labels.delete_label(act.call, _asked_for(act))
