"""Filter expressions after AIP-160: ``state = "OPEN" AND (size > 3 OR NOT labels:urgent)``.

``OR`` binds tighter than ``AND``, and words side by side must all hold. What cannot be read, or names what is not
there, is refused: a filter that is half understood would answer with the wrong rows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from app_clones.declared.conditions import Condition, column, compare, contains
from app_clones.declared.entities import EntityPlan
from app_clones.declared.keys import find
from app_clones.declared.model import FieldDecl
from app_clones.declared.values import acceptor, from_text
from app_clones.kit.errors import AppError, NotFound
from app_clones.kit.protocol import Call

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

_TOKEN = re.compile(r"""\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(<=|>=|!=|[<>=:()])|([^\s()<>=!:"']+))""")
_COMPARES = {"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", ":": "has"}
_LONGEST = 4000
_DEEPEST = 30


def parse(ready: Declared, call: Call, plan: EntityPlan, text: str) -> Condition:
    """``text`` as SQL over rows of ``plan``. Raises :class:`AppError` saying what is wrong with it."""
    if len(text) > _LONGEST:
        raise AppError(f"the filter is longer than {_LONGEST} characters")
    return _Parser(ready, call, plan, text).whole()


class _Parser:
    def __init__(self, ready: Declared, call: Call, plan: EntityPlan, text: str) -> None:
        self._ready = ready
        self._call = call
        self._plan = plan
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    def whole(self) -> Condition:
        found = self._expression()
        if self._at < len(self._tokens):
            raise AppError(f"the filter cannot be read from {self._tokens[self._at][1][:40]!r} on")
        return found

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _take(self) -> tuple[str, str]:
        found = self._peek()
        self._at += 1
        return found

    def _is_word(self, word: str) -> bool:
        return self._peek() == ("word", word)

    def _expression(self) -> Condition:
        parts = [self._factor()]
        while True:
            if self._is_word("AND"):
                self._take()
            elif self._peek()[0] == "end" or self._peek() == ("sign", ")"):
                return _joined(parts, " AND ")
            parts.append(self._factor())

    def _factor(self) -> Condition:
        parts = [self._term()]
        while self._is_word("OR"):
            self._take()
            parts.append(self._term())
        return _joined(parts, " OR ")

    def _term(self) -> Condition:
        if self._is_word("NOT"):
            self._take()
            return _negated(self._simple())
        kind, text = self._peek()
        if kind == "word" and text.startswith("-") and len(text) > 1 and not re.fullmatch(r"-[0-9.]+", text):
            self._tokens[self._at] = ("word", text[1:])
            return _negated(self._simple())
        return self._simple()

    def _simple(self) -> Condition:
        kind, text = self._take()
        if (kind, text) == ("sign", "("):
            self._depth += 1
            if self._depth > _DEEPEST:
                raise AppError("the filter has too many parentheses")
            found = self._expression()
            if self._take() != ("sign", ")"):
                raise AppError("the filter lacks a closing parenthesis")
            self._depth -= 1
            return found
        if kind in ("sign", "end") or text in ("AND", "OR", "NOT"):
            raise AppError(f"the filter cannot be read from {text[:40]!r} on" if text else "the filter breaks off")
        how = _COMPARES.get(self._peek()[1]) if self._peek()[0] == "sign" else None
        if how is None:
            return self._anywhere(text)
        if kind != "word":
            raise AppError(f"the filter compares {text[:40]!r}, which is no field")
        self._take()
        return self._comparison(text, how, *self._take())

    def _anywhere(self, text: str) -> Condition:
        fields = self._plan.decl.fields
        texts = [n for n, f in fields.items() if f.type in ("string", "text", "email", "url", "enum") and not f.hidden]
        if not texts:
            raise AppError(f"the filter {text[:40]!r} names no field, and a {self._plan.noun} has no text to look in")
        return _joined([contains(column(self._plan, name), text) for name in texts], " OR ")

    def _comparison(self, path: str, how: str, kind: str, text: str) -> Condition:
        if kind not in ("word", "text"):
            raise AppError(f"the filter compares {path[:40]!r} with nothing")
        head, *below = path.split(".")
        plan = self._plan
        name = plan.wires.get(head, head)
        if name not in plan.decl.fields or plan.decl.fields[name].hidden:
            if not below and head in ("id", plan.decl.key.wire, plan.decl.key.path):
                return self._own_id(how, text)
            known = ", ".join([plan.names[n] for n, f in plan.decl.fields.items() if not f.hidden][:30])
            raise AppError(f"the filter names {path[:60]!r}, which is no field; there are {known}")
        field = plan.decl.fields[name]
        if below:
            return self._inside(name, field, below, how, kind, text)
        if text == "*" and how in ("has", "eq"):
            return f"{column(plan, name)} IS NOT NULL", ()
        if kind == "word" and text == "null":
            return compare(plan, name, how, None)
        if how == "has" and field.type == "json" and not field.repeated:
            return self._inside(name, field, [text], "has", "text", "*")
        return self._typed(name, field, how, text)

    def _typed(self, name: str, field: FieldDecl, how: str, text: str) -> Condition:
        plan, at = self._plan, self._plan.names[name]
        if how == "eq" and text.endswith("*") and field.type in ("string", "text", "url", "email"):
            return compare(plan, name, "prefix", text[:-1])
        if field.type == "ref" and field.to is not None:
            try:
                return compare(plan, name, how, find(self._ready, self._call, field.to, text)["id"])
            except NotFound:
                return ("1" if how == "ne" else "0"), ()
        if field.is_moment or field.type in ("date", "datetime"):
            return compare(plan, name, how, text)
        if how == "has" and not field.repeated and field.type in ("string", "text", "url", "email"):
            return compare(plan, name, "contains", text)
        one = field.model_copy(update={"repeated": False, "min": None, "max": None, "pattern": None})
        value = acceptor(one, self._ready.shapes)(from_text(one, text, at), f"the filter on {at}")
        return compare(plan, name, how, value)

    def _own_id(self, how: str, text: str) -> Condition:
        if how not in ("eq", "ne"):
            raise AppError("the filter compares an id by = and != only")
        try:
            rowid = find(self._ready, self._call, self._plan.name, text)["id"]
        except NotFound:
            rowid = 0
        return f"t.id{'=' if how == 'eq' else '<>'}?", (rowid,)

    def _inside(self, name: str, field: FieldDecl, below: list[str], how: str, kind: str, text: str) -> Condition:
        if field.type != "json" or field.repeated:
            raise AppError(f"the filter looks into {self._plan.names[name]}, which has no parts")
        if any('"' in part for part in below):
            raise AppError("the filter names a part with a quote in it, which no path can say")
        place = "$" + "".join(f'."{part}"' for part in below)
        sql = f"json_extract({column(self._plan, name)},?)"
        if text == "*":
            return f"{sql} IS NOT NULL", (place,)
        value: Any = text
        if kind == "word":
            value = {"true": 1, "false": 0, "null": None}.get(text, _number(text))
        sign = {"eq": "IS", "has": "IS", "ne": "IS NOT", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}[how]
        return f"{sql} {sign} ?", (place, value)


def _number(text: str) -> int | float | str:
    try:
        return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else float(text) if text[:1] in "-0123456789" else text
    except ValueError:
        return text


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None:
            raise AppError(f"the filter cannot be read from {text[at : at + 40].strip()!r} on")
        if token[1] is not None:
            found.append(("text", re.sub(r"\\(.)", r"\1", token[1][1:-1])))
        else:
            found.append(("sign", token[2]) if token[2] else ("word", token[3]))
        at = token.end()
    return found


def _joined(parts: list[Condition], by: str) -> Condition:
    if len(parts) == 1:
        return parts[0]
    return "(" + by.join(sql for sql, _ in parts) + ")", tuple(arg for _, args in parts for arg in args)


def _negated(part: Condition) -> Condition:
    return f"NOT coalesce({part[0]},0)", part[1]
