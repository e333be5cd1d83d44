"""Which messages: conditions as data, compiled to one indexed SQL statement with a unique order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple
from unicodedata import normalize

from app_clones.kit.world import Call, Value

HIDDEN = ("TRASH", "SPAM", "DRAFT")
"""Labels whose messages a plain search leaves out."""

_WORD = re.compile(r"[^\W_]+")


class Where(NamedTuple):
    """An SQL condition over ``m``, a row of ``mail_message``, and its arguments."""

    sql: str
    args: tuple[Value, ...] = ()


NOTHING = Where("0")
EVERYTHING = Where("1")


def all_of(parts: Iterable[Where]) -> Where:
    return _join(" AND ", parts, EVERYTHING)


def any_of(parts: Iterable[Where]) -> Where:
    return _join(" OR ", parts, NOTHING)


def _join(word: str, parts: Iterable[Where], empty: Where) -> Where:
    listed = list(parts)
    if len(listed) < 2:
        return listed[0] if listed else empty
    return Where("(" + word.join(p.sql for p in listed) + ")", tuple(arg for p in listed for arg in p.args))


def negated(part: Where) -> Where:
    return Where(f"NOT ({part.sql})", part.args)


def sent_by(email: str) -> Where:
    """By exact address, as stored."""
    return Where("m.from_email = ?", (email,))


def labelled(label_id: int) -> Where:
    return Where("m.id IN (SELECT message_id FROM mail_message_label WHERE label_id = ?)", (label_id,))


def system_labelled(owner: int, names: Iterable[str]) -> Where:
    listed = tuple(names)
    return labelled_as(f"name IN ({', '.join('?' * len(listed))})", owner, *listed)


@lru_cache(maxsize=1024)
def labelled_as(which: str, owner: int, *args: Value) -> Where:
    """Has a label of the owner's of which the SQL ``which`` holds."""
    labels = f"SELECT id FROM mail_label WHERE owner_id = ? AND {which}"
    return Where(f"m.id IN (SELECT message_id FROM mail_message_label WHERE label_id IN ({labels}))", (owner, *args))


def words(text: str, columns: str = "") -> Where:
    """Every word of ``text`` occurs; ``columns`` (``sender recipients``) narrows where. No words: nothing."""
    found = _words(text)
    return _match(columns, " AND ".join(f'"{word}"' for word in found)) if found else NOTHING


def phrase(text: str, columns: str = "") -> Where:
    """The words of ``text`` occur one after the other."""
    found = _words(text)
    return _match(columns, '"' + " ".join(found) + '"') if found else NOTHING


def _words(text: str) -> list[str]:
    """The words as the index takes them; composed, since a combining accent on its own would end a word."""
    return _WORD.findall(normalize("NFC", text))


def _match(columns: str, query: str) -> Where:
    narrowed = f"{{{columns}}} : ({query})" if columns else query
    return Where("m.id IN (SELECT rowid FROM mail_search WHERE mail_search MATCH ?)", (narrowed,))


def sent_before(ms: int) -> Where:
    return Where("m.sent_ms < ?", (ms,))


def sent_since(ms: int) -> Where:
    return Where("m.sent_ms >= ?", (ms,))


def attached(filename: str = "") -> Where:
    """Has an attachment, whose name holds ``filename`` in any case."""
    return Where(
        "EXISTS (SELECT 1 FROM mail_attachment a WHERE a.message_id = m.id AND instr(lower(a.filename), ?))",
        (filename.lower(),),
    )


def find(call: Call, owner: int, where: Where) -> list[tuple[int, int]]:
    """Returns (time, id) of the owner's messages under ``where``, newest first."""
    return call.rows(
        "SELECT m.sent_ms, m.id FROM mail_message m"
        f" WHERE m.owner_id = ? AND {where.sql} ORDER BY m.sent_ms DESC, m.id DESC",
        owner,
        *where.args,
    )


def find_threads(call: Call, owner: int, where: Where) -> list[tuple[int, int, int]]:
    """Returns (newest time, newest id, thread id) of threads with a message under ``where``, newest first."""
    return call.rows(
        "SELECT max(m.sent_ms), max(m.id), m.thread_id FROM mail_message m"
        f" WHERE m.owner_id = ? AND {where.sql} GROUP BY m.thread_id ORDER BY 1 DESC, 2 DESC",
        owner,
        *where.args,
    )
