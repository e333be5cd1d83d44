"""Gmail's search language: words, "phrases", from: to: cc: subject: label: is: in: has: filename: rfc822msgid:
before: after: older_than: newer_than:, minus, OR, { }, ( )."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from app_clones.kit.errors import AppError
from app_clones.kit.world import Call
from app_clones.mail import labels, people, search
from app_clones.mail.clean import key
from app_clones.mail.gmail import mime
from app_clones.mail.search import Where

_TOKEN = re.compile(
    r'\s*(?:(?P<op>[A-Za-z_][A-Za-z0-9_]*):(?=\S)|(?P<mark>[(){}]|-(?=\S))|"(?P<phrase>[^"]*)"?|(?P<word>[^\s(){}"]+))'
)
_PLAIN = re.compile(r'\s*(?P<word>[^\s(){}"]+)')
_US_DATE = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})")
_DATE = re.compile(r"(\d{4})[/-](\d{1,2})[/-](\d{1,2})")
_SPAN = re.compile(r"(\d{1,4})([dmy])")
_DAY = 24 * 3600 * 1000
_DAYS = {"d": 1, "m": 30, "y": 365}
_IN = {"inbox": "INBOX", "sent": "SENT", "draft": "DRAFT", "drafts": "DRAFT", "trash": "TRASH", "spam": "SPAM",
       "starred": "STARRED", "important": "IMPORTANT", "unread": "UNREAD"}  # fmt: skip
_MOST = 200


class _Token(NamedTuple):
    kind: str
    text: str


def compile_query(call: Call, text: str, hidden: Iterable[str]) -> Where:
    """Returns the condition that ``text`` states for the actor's mailbox, which leaves out what is under the system
    labels ``hidden`` unless it names trash or spam itself. Raises AppError for what it cannot say."""
    parser = _Parser(call, _tokens(text))
    where, names = parser.whole(), sorted(hidden)
    if parser.everywhere or not names:
        return where
    return search.all_of([where, search.negated(search.system_labelled(call.actor, names))])


def _tokens(text: str) -> list[_Token]:
    out: list[_Token] = []
    at, text = 0, text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise AppError(f"Invalid search query at {text[at : at + 20]!r}")
        if match.lastgroup == "op" and match.group("op").lower() not in (*_OPERATORS, *_UNSUPPORTED):
            match = _PLAIN.match(text, at) or match  # https://… is no operator
        at = match.end()
        kind = str(match.lastgroup)
        value = match.group(kind)
        lone_mark = kind == "word" and not any(map(str.isalnum, value))
        if lone_mark and not (out and out[-1].kind in ("op", "-")):
            continue  # as the & in "salt & pepper"
        out.append(_Token(value if kind == "mark" else kind, value))
    if text and not out:
        return [_Token("word", text)]
    if len(out) > _MOST:
        raise AppError(f"The search query has more than {_MOST} parts")
    return out


class _Parser:
    """Recursive descent: alternatives of sequences of terms."""

    def __init__(self, call: Call, tokens: list[_Token]) -> None:
        self._call = call
        self._tokens = tokens
        self._at = 0
        self.everywhere = False

    def whole(self) -> Where:
        where = self._sequence("")
        if self._at < len(self._tokens):
            raise AppError(f"Invalid search query: unexpected {self._tokens[self._at].text!r}")
        return where

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> _Token:
        token = self._peek()
        if token is None:
            raise AppError("Invalid search query: it ends too early")
        self._at += 1
        return token

    def _sequence(self, until: str, read: Callable[[], Where] | None = None) -> Where:
        """Terms up to ``until``; OR binds the two terms beside it, as in Gmail."""
        parts: list[list[Where]] = []
        joined = False
        while (token := self._peek()) is not None and token.kind != until:
            if token == _Token("word", "OR"):
                self._next()
                if not parts:
                    raise AppError("Invalid search query: OR needs a term on either side")
                joined = True
                continue
            if token == _Token("word", "AND"):
                self._next()
                continue
            term = (read or self._term)()
            if joined:
                parts[-1].append(term)
            else:
                parts.append([term])
            joined = False
        if joined:
            raise AppError("Invalid search query: OR needs a term on either side")
        return search.all_of(search.any_of(group) for group in parts)

    def _braced(self, read: Callable[[], Where] | None = None) -> Where:
        parts = []
        while (token := self._peek()) is not None and token.kind != "}":
            parts.append((read or self._term)())
        self._close("}")
        return search.any_of(parts)

    def _close(self, mark: str) -> None:
        if self._next().kind != mark:
            raise AppError(f"Invalid search query: {mark} is missing")

    def _term(self) -> Where:
        token = self._next()
        if token.kind == "-":
            return self._negated(self._term)
        if token.kind == "(":
            where = self._sequence(")")
            self._close(")")
            return where
        if token.kind == "{":
            return self._braced()
        if token.kind == "op":
            return self._operator(token.text.lower())
        if token.kind in ("phrase", "word"):
            return search.phrase(token.text)
        raise AppError(f"Invalid search query: unexpected {token.text!r}")

    def _negated(self, read: Callable[[], Where]) -> Where:
        everywhere = self.everywhere
        where = search.negated(read())
        self.everywhere = everywhere  # -in:trash does not ask for spam
        return where

    def _operator(self, name: str) -> Where:
        condition = _OPERATORS.get(name)
        if condition is None:
            raise AppError(f"Unsupported search operator {name}:")

        def value() -> Where:
            token = self._next()
            if token.kind == "-":
                return self._negated(value)
            if token.kind not in ("phrase", "word"):
                raise AppError(f"Invalid search query: {name}: needs a value")
            if name in ("in", "is", "label") and token.text.lower() in ("anywhere", "trash", "spam"):
                self.everywhere = True
            return condition(self._call, token.text)

        token = self._peek()
        if token is not None and token.kind == "(":
            self._next()
            where = self._sequence(")", value)
            self._close(")")
            return where
        if token is not None and token.kind == "{":
            self._next()
            return self._braced(value)
        return value()


def _sender(call: Call, text: str) -> Where:
    return search.sent_by(_or_own(call, text)) if text.lower() == "me" else search.phrase(text, "sender")


def _recipient(call: Call, text: str) -> Where:
    return search.phrase(_or_own(call, text), "recipients")


def _or_own(call: Call, text: str) -> str:
    return people.person(call, call.actor).email if text.lower() == "me" else text


def _in_line(column: str, call: Call, text: str) -> Where:
    return Where(f"instr(lower(m.{column}), ?) > 0", (_or_own(call, text).lower(),))


def _message_id(call: Call, text: str) -> Where:
    found = mime.by_message_id(call, f"<{text.strip('<>')}>")
    return Where("m.id = ?", (found.id,)) if found else search.NOTHING


def _label(call: Call, text: str) -> Where:
    every = labels.all_labels(call, call.actor)
    for same in (key, _slug):
        for label in every:
            if same(label.name) == same(text):
                return search.labelled(label.id)
    return search.NOTHING


def _slug(name: str) -> str:
    """Returns a label's name as people type it in a search: dashes for what would end the term."""
    return re.sub(r'[\s/&(){}"]+', "-", key(name))


def _is(call: Call, text: str) -> Where:
    wanted = text.lower()
    if wanted == "read":
        return search.negated(search.system_labelled(call.actor, ("UNREAD",)))
    if wanted not in ("unread", "starred", "important"):
        raise AppError(f"Unsupported search term is:{text}")
    return search.system_labelled(call.actor, (_IN[wanted],))


def _in(call: Call, text: str) -> Where:
    wanted = text.lower()
    if wanted == "anywhere":
        return search.EVERYTHING
    if wanted in _IN:
        return search.system_labelled(call.actor, (_IN[wanted],))
    return _label(call, text)


def _has(call: Call, text: str) -> Where:
    wanted = text.lower()
    if wanted == "attachment":
        return search.attached()
    own = search.labelled_as("kind = 'user'", call.actor)
    if wanted in ("userlabels", "nouserlabels"):
        return own if wanted == "userlabels" else search.negated(own)
    raise AppError(f"Unsupported search term has:{text}")


def _moment(text: str) -> int:
    """A date (midnight, UTC) or seconds since 1970, in ms."""
    if text.isdecimal() and 5 <= len(text) <= 12:
        return int(text) * 1000
    us = _US_DATE.fullmatch(text)
    match = _DATE.fullmatch(f"{us[3]}/{us[1]}/{us[2]}" if us else text)
    try:
        if match:
            year, month, day = map(int, match.groups())
            return int(datetime(year, month, day, tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        pass
    raise AppError(f"Invalid date {text!r} in the search query")


def _ago(call: Call, text: str) -> int:
    match = _SPAN.fullmatch(text.lower())
    if match is None:
        raise AppError(f"Invalid span {text!r} in the search query")
    return call.now_ms - int(match.group(1)) * _DAYS[match.group(2)] * _DAY


_UNSUPPORTED = ("size", "larger", "smaller", "list", "category", "deliveredto", "around")
"""Gmail's operators that this clone refuses; any other word before a colon is text."""

_OPERATORS: dict[str, Callable[[Call, str], Where]] = {
    "from": _sender,
    "to": _recipient,
    "cc": partial(_in_line, "cc_line"),
    "bcc": partial(_in_line, "bcc_line"),
    "subject": lambda call, text: search.phrase(text, "subject"),
    "label": _label,
    "is": _is,
    "in": _in,
    "has": _has,
    "rfc822msgid": _message_id,
    "filename": lambda call, text: search.attached(text),
    "before": lambda call, text: search.sent_before(_moment(text)),
    "older": lambda call, text: search.sent_before(_moment(text)),
    "after": lambda call, text: search.sent_since(_moment(text)),
    "newer": lambda call, text: search.sent_since(_moment(text)),
    "older_than": lambda call, text: search.sent_before(_ago(call, text)),
    "newer_than": lambda call, text: search.sent_since(_ago(call, text)),
}
