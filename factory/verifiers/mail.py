"""What each mail template's task must leave behind, declared by hand from the tables and the start state.

Nothing here runs an operation, a search or an oracle: the mail that a task means is found by SQL of its own, so an
oracle that picks another is caught by the audit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app_clones.kit.change import RowChange
from factory.errors import VerifierError
from factory.verifiers.net_change import Expected
from factory.verifiers.start import Start

Values = Mapping[str, Any]
ME = 1
_POSITIONS = {"newest": 0, "second newest": 1}
_NOT_HIDDEN = (
    "m.id NOT IN (SELECT x.message_id FROM mail_message_label x JOIN mail_label l ON l.id = x.label_id"
    " WHERE l.kind = 'system' AND l.name IN ('TRASH', 'SPAM', 'DRAFT'))"
)


# ---- rows


def insert(table: str, id: int, **new: Any) -> RowChange:
    """A fresh row; ``id`` negative."""
    return RowChange(table, "insert", {"id": id}, {}, {"id": id, **new})


def tag(message: int, label: int) -> RowChange:
    """A label put on a message."""
    key = {"message_id": message, "label_id": label}
    return RowChange("mail_message_label", "insert", key, {}, key)


def untag(message: int, label: int) -> RowChange:
    """A label taken off a message."""
    key = {"message_id": message, "label_id": label}
    return RowChange("mail_message_label", "delete", key, key, {})


def note(text: str) -> RowChange:
    """A note of the agent's."""
    return insert("notes_note", -1, owner=ME, text=text)


# ---- the start state


def person(start: Start, first: str) -> Mapping[str, Any]:
    """The user of that first name."""
    (id,) = start.one("SELECT id FROM kit_person WHERE name LIKE ? || ' %'", first)
    return start.row("kit_person", id)


def label(start: Start, owner: int, name: str) -> int:
    """A label's id by its stored name."""
    (id,) = start.one("SELECT id FROM mail_label WHERE owner_id = ? AND name = ?", owner, name)
    return int(id)


def named(start: Start, v: Values) -> int:
    """The one mail in the agent's account from that person with that subject."""
    (id,) = start.one(
        "SELECT m.id FROM mail_message m WHERE m.owner_id = ? AND m.from_email = ? AND m.subject = ?"
        f" AND {_NOT_HIDDEN}",
        ME, person(start, v["person"])["email"], v["subject"],
    )  # fmt: skip
    return int(id)


def at_position(start: Start, v: Values) -> int:
    """That person's mail at that place from the newest, of those with the topic among their subjects' words."""
    (id,) = start.one(
        "SELECT m.id FROM mail_message m WHERE m.owner_id = ? AND m.from_email = ?"
        f" AND ' ' || lower(m.subject) || ' ' LIKE '% ' || ? || ' %' AND {_NOT_HIDDEN}"
        " ORDER BY m.sent_ms DESC, m.id DESC LIMIT 1 OFFSET ?",
        ME, person(start, v["person"])["email"], v["topic"], _POSITIONS[v["position"]],
    )  # fmt: skip
    return int(id)


def stated(start: Start, v: Values) -> str:
    """The fact asked for, which the mail must state."""
    body = start.row("mail_message", named(start, v))["body"]
    if str(v["fact"]) not in body.replace(".", " ").split():
        raise VerifierError(
            f"{v['fact']!r} is not stated in {body!r}", "the task does not fit this world: build it again"
        )
    return str(v["fact"])


# ---- the rows that mail makes


def delivered(start: Start, first: str, subject: str, thread: str, body: str, history: str = "",
              attached: tuple[Mapping[str, Any], ...] = ()) -> tuple[RowChange, ...]:  # fmt: skip
    """The agent's SENT copy and the recipient's INBOX, UNREAD copy, each in a thread of its own."""
    me, to = start.row("kit_person", ME), person(start, first)
    same = {
        "reply_to_id": None,
        "from_name": me["name"],
        "from_email": me["email"],
        "to_line": f"{to['name']} <{to['email']}>",
        "cc_line": "",
        "bcc_line": "",
        "subject": subject,
        "body": body,
        "history": history,
    }
    files = [
        insert(
            "mail_attachment",
            -10 * copy - k,
            message_id=-copy,
            **{n: one[n] for n in ("filename", "mime_type", "data")},
        )
        for copy in (1, 2)
        for k, one in enumerate(attached)
    ]
    return (
        insert("mail_thread", -1, owner_id=ME, subject=thread),
        insert("mail_message", -1, owner_id=ME, thread_id=-1, origin_id=None, **same),
        tag(-1, label(start, ME, "SENT")),
        insert("mail_thread", -2, owner_id=to["id"], subject=thread),
        insert("mail_message", -2, owner_id=to["id"], thread_id=-2, origin_id=-1, **same),
        tag(-2, label(start, to["id"], "INBOX")),
        tag(-2, label(start, to["id"], "UNREAD")),
        *files,
    )


def _quoted(mail: Mapping[str, Any]) -> str:
    whole = mail["body"] + ("\n\n" + mail["history"] if mail["history"] else "")
    lines = "\n".join(f"> {line}".rstrip() for line in whole.splitlines())
    return f"Forwarded: {mail['subject']}\n{mail['from_name']} wrote:\n{lines}"


# ---- by template


def _label(v: Values, start: Start) -> Expected:
    return Expected((tag(named(start, v), label(start, ME, v["label"])),))


def _archive_position(v: Values, start: Start) -> Expected:
    return Expected((untag(at_position(start, v), label(start, ME, "INBOX")),))


def _answer_fact(v: Values, start: Start) -> Expected:
    return Expected((), answer=stated(start, v))


def _forward(v: Values, start: Start) -> Expected:
    mail = start.row("mail_message", named(start, v))
    files = start.rows(
        "SELECT filename, mime_type, data FROM mail_attachment WHERE message_id = ? ORDER BY id", mail["id"]
    )
    subject = v["subject"]
    return Expected(delivered(start, v["to"], f"Fwd: {subject}", subject, "", _quoted(mail), files))


def _note_fact(v: Values, start: Start) -> Expected:
    return Expected((note(stated(start, v)),))


def _trash_if_starred(v: Values, start: Start) -> Expected:
    mail = named(start, v)
    if not start.has("mail_message_label", message_id=mail, label_id=label(start, ME, "STARRED")):
        return Expected((), outcome="declined")
    inbox = label(start, ME, "INBOX")
    was_there = start.has("mail_message_label", message_id=mail, label_id=inbox)
    return Expected((tag(mail, label(start, ME, "TRASH")), *([untag(mail, inbox)] if was_there else [])))


def _send(v: Values, start: Start) -> Expected:
    return Expected(delivered(start, v["person"], v["subject"], v["subject"], v["text"]))


def _create_label(v: Values, start: Start) -> Expected:
    plain = {"message_list": "show", "label_list": "labelShow", "text_color": "", "background_color": ""}
    return Expected((insert("mail_label", -1, owner_id=ME, name=v["name"], kind="user", **plain),))


def _note(v: Values, start: Start) -> Expected:
    return Expected((note(v["text"]),))


EXPECTED: Mapping[str, Callable[[Values, Start], Expected]] = {
    "label": _label,
    "archive_position": _archive_position,
    "answer_fact": _answer_fact,
    "forward": _forward,
    "note_fact": _note_fact,
    "trash_if_starred": _trash_if_starred,
    "send": _send,
    "create_label": _create_label,
    "note": _note,
}
