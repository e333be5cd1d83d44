"""The mail app's tables. A message is one row per mailbox copy; persons are the kit's."""

from __future__ import annotations

from app_clones.kit.schema import Column, Search, Table

SYSTEM_LABELS = ("INBOX", "SENT", "DRAFT", "UNREAD", "STARRED", "IMPORTANT", "SPAM", "TRASH")
"""Every mailbox has these from the start; nobody can create, rename or delete one."""

_ID = Column("id", "INTEGER", "id")
_OWNER = Column("owner_id", "INTEGER", "ref", to="kit_person")

THREAD = Table("mail_thread", columns=(_ID, _OWNER, Column("subject")), indexes=(("owner_id", "subject"),))
"""A conversation in one mailbox. ``subject`` is the bare one, without ``Re:``."""

MESSAGE = Table(
    "mail_message",
    columns=(
        _ID,
        _OWNER,
        Column("thread_id", "INTEGER", "ref", to="mail_thread"),
        Column("origin_id", "INTEGER", "ref", to="mail_message", nullable=True),
        Column("reply_to_id", "INTEGER", "ref", to="mail_message", nullable=True),
        Column("header_id", kind="log"),
        Column("from_name"),
        Column("from_email"),
        Column("to_line"),
        Column("cc_line"),
        Column("bcc_line"),
        Column("subject"),
        Column("sent_ms", "INTEGER", "time"),
        Column("body"),
        Column("history"),
    ),
    indexes=(("owner_id", "sent_ms"), ("owner_id", "from_email", "sent_ms"), ("thread_id", "sent_ms"), ("origin_id",)),
)
"""One mailbox's copy of a message.

``origin_id`` names the copy it was delivered from (the sender's), NULL on that copy itself; ``reply_to_id`` the copy in
the same mailbox that it answers. ``header_id`` is the Message-ID a client gave, else empty and made from the ids.
``body`` is the new text; ``history`` the quoted text and signature under it. ``*_line``: ``Name <address>, …``.
"""

ATTACHMENT = Table(
    "mail_attachment",
    columns=(
        _ID,
        Column("message_id", "INTEGER", "ref", to="mail_message"),
        Column("filename"),
        Column("mime_type"),
        Column("data", "BLOB"),
    ),
    indexes=(("message_id",),),
)

LABEL = Table(
    "mail_label",
    columns=(
        _ID,
        _OWNER,
        Column("name"),
        Column("kind"),
        Column("message_list"),
        Column("label_list"),
        Column("text_color"),
        Column("background_color"),
    ),
    unique=(("owner_id", "name"),),
)
"""``kind``: ``system`` or ``user``. ``message_list``, ``label_list``: visibilities; colours: ``#rrggbb`` or empty."""

MESSAGE_LABEL = Table(
    "mail_message_label",
    columns=(
        Column("message_id", "INTEGER", "ref", to="mail_message"),
        Column("label_id", "INTEGER", "ref", to="mail_label"),
    ),
    key=("message_id", "label_id"),
    indexes=(("label_id", "message_id"),),
)

DRAFT = Table(
    "mail_draft",
    columns=(_ID, _OWNER, Column("message_id", "INTEGER", "ref", to="mail_message")),
    unique=(("message_id",),),
    indexes=(("owner_id",),),
)
"""A draft is a message labelled DRAFT plus this row, whose id names it while its message changes."""

TABLES = (THREAD, MESSAGE, ATTACHMENT, LABEL, MESSAGE_LABEL, DRAFT)

SEARCH = Search("mail_search", columns=("sender", "recipients", "subject", "body"))
"""Over every copy's sender, To and Cc, subject and new text; quoted history isn't searched."""
