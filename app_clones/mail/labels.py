"""Labels of one mailbox: the guarded system ones and the user's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app_clones.declared.refusals import Exists
from app_clones.kit.errors import AppError, Forbidden, NotFound
from app_clones.kit.world import Call
from app_clones.mail.clean import key, one_line

SYSTEM_LABELS = ("INBOX", "SENT", "DRAFT", "UNREAD", "STARRED", "IMPORTANT", "SPAM", "TRASH")
"""Every mailbox has these from the start; nobody can create, rename or delete one."""

SETTABLE = frozenset({"INBOX", "UNREAD", "STARRED", "IMPORTANT"})
"""System labels that a user puts on and takes off as such; the rest follow from trashing, sending and drafting."""


class Label(NamedTuple):
    """A row of ``mail_label``."""

    id: int
    name: str
    kind: str
    message_list: str
    label_list: str
    text_color: str
    background_color: str

    @property
    def shown(self) -> str:
        """The name as people read it: system labels in lower case."""
        return self.name.lower() if self.kind == "system" else self.name


_COLUMNS = ", ".join(Label._fields)


def create_mailbox(call: Call, owner: int) -> None:
    """Gives ``owner`` the system labels."""
    for name in SYSTEM_LABELS:
        _insert(call, owner, name, "system")


def _insert(call: Call, owner: int, name: str, kind: str) -> int:
    return call.insert("mail_label", owner_id=owner, name=name, kind=kind, message_list="show", label_list="labelShow",
                       text_color="", background_color="")  # fmt: skip


def all_labels(call: Call, owner: int) -> list[Label]:
    """Returns a mailbox's labels, system ones first."""
    return [
        Label._make(row)
        for row in call.rows(f"SELECT {_COLUMNS} FROM mail_label WHERE owner_id = ? ORDER BY id", owner)
    ]


def label_by_id(call: Call, owner: int, id: int) -> Label:
    row = call.one(f"SELECT {_COLUMNS} FROM mail_label WHERE id = ? AND owner_id = ?", id, owner)
    if row is None:
        raise NotFound(f"no label {id}")
    return Label._make(row)


def find_label(call: Call, owner: int, name: str) -> Label:
    """Returns the label of that name in any case. Raises NotFound."""
    wanted = key(name)
    row = call.one(f"SELECT {_COLUMNS} FROM mail_label WHERE owner_id = ? AND lower(name) = ?", owner, wanted)
    if row is not None:
        return Label._make(row)
    for label in all_labels(call, owner):  # SQLite folds the case of ASCII alone
        if key(label.name) == wanted:
            return label
    raise NotFound(f"no label {name.strip()[:80]!r}")


def system_id(call: Call, owner: int, name: str) -> int:
    """Returns the id of a system label."""
    row = call.one("SELECT id FROM mail_label WHERE owner_id = ? AND name = ?", owner, name)
    if row is None:
        raise NotFound(f"person {owner} has no mailbox")
    return int(row[0])


def create_label(call: Call, owner: int, name: str) -> int:
    """Returns the id of the new user label. Raises Exists if the name is taken in any case."""
    return _insert(call, owner, _checked_name(call, owner, name), "user")


def rename_label(call: Call, owner: int, label: Label, name: str) -> None:
    guard(label)
    call.update("mail_label", label.id, name=_checked_name(call, owner, name, but=label.id))


def delete_label(call: Call, label: Label) -> None:
    """Takes a user label off every message and removes it. Raises Forbidden for a system label."""
    guard(label)
    call.delete("mail_message_label", label_id=label.id)
    call.delete("mail_label", id=label.id)


def guard(label: Label) -> None:
    """Raises Forbidden for a system label."""
    if label.kind == "system":
        raise Forbidden(f"{label.shown} is a system label")


def _checked_name(call: Call, owner: int, name: str, but: int = 0) -> str:
    chosen = one_line(name)
    if not chosen or len(chosen) > 225:
        raise AppError("a label needs a name of 1 to 225 characters")
    if any(key(label.name) == key(chosen) and label.id != but for label in all_labels(call, owner)):
        raise Exists(f"there is a label {chosen!r} already")
    return chosen


def labels_of(call: Call, message_id: int) -> list[Label]:
    """Returns a message's labels, in the mailbox's order."""
    rows = call.rows(
        f"SELECT {_COLUMNS} FROM mail_label WHERE id IN"
        " (SELECT label_id FROM mail_message_label WHERE message_id = ?) ORDER BY id",
        message_id,
    )
    return [Label._make(row) for row in rows]


def shown_on(call: Call, message_ids: Sequence[int]) -> dict[int, list[str]]:
    """Returns the names of each message's labels as people read them."""
    rows = call.rows(
        "SELECT x.message_id, iif(b.kind = 'system', lower(b.name), b.name) FROM mail_message_label x"
        f" JOIN mail_label b ON b.id = x.label_id WHERE x.message_id IN ({', '.join('?' * len(message_ids))})"
        " ORDER BY x.message_id, b.id",
        *message_ids,
    )
    found: dict[int, list[str]] = {id: [] for id in message_ids}
    for id, name in rows:
        found[id].append(name)
    return found


def put_on(call: Call, message_id: int, label_ids: Iterable[int]) -> None:
    """Adds the labels that are not there yet."""
    there = "SELECT 1 FROM mail_message_label WHERE message_id = ? AND label_id = ?"
    for label_id in label_ids:
        if call.one(there, message_id, label_id) is None:
            call.put("mail_message_label", message_id=message_id, label_id=label_id)


def take_off(call: Call, message_id: int, label_ids: Iterable[int]) -> None:
    """Removes the labels that are there."""
    for label_id in label_ids:
        call.delete("mail_message_label", message_id=message_id, label_id=label_id)


def relabel(call: Call, owner: int, message_id: int, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
    """Adds and removes system labels by name."""
    put_on(call, message_id, [system_id(call, owner, name) for name in add])
    take_off(call, message_id, [system_id(call, owner, name) for name in remove])
