"""How the values of a row are shown: as cells of a table, as facts of a row's own page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app_clones.declared import pages_text as words
from app_clones.declared.model import PERSON, AppDecl, FieldDecl

Names = Mapping[str, Mapping[int, str]]
"""By entity and row id: what people call the rows that others refer to, of those that the actor may see."""

Cell = tuple[Markup, str, str, str | None]
"""The table cell's class attribute, its text, where it leads (or ``""``), the class of a tag (None: it is no tag)."""

Maker = Callable[[Any, Names, int], Cell]
"""From a value, the names and the virtual now (ms) to a cell."""

PLAIN = Markup("")
NUMBER = Markup(' class="num"')
WHEN = Markup(' class="when"')
NONE: Cell = (Markup(' class="none"'), "–", "", None)
NO_NUMBER: Cell = (Markup(' class="num none"'), "–", "", None)


def head_class(field: FieldDecl) -> Markup:
    """The class attribute of a column's head."""
    return NUMBER if field.type in ("integer", "number") and not field.repeated and not field.auto else PLAIN


def maker(decl: AppDecl, field: FieldDecl) -> Maker:
    """What makes the cells of that field's column."""
    if field.auto in ("created", "updated"):
        return lambda value, names, now: NONE if value is None else (WHEN, words.moment(value, now), "", None)
    if field.type == "ref" and field.to is not None:
        return _refs(decl, field.to) if field.repeated else _ref(decl, field.to)
    if field.type == "enum" and not field.repeated:
        return lambda value, names, now: NONE if value is None else (PLAIN, value, "", words.tint(value))
    tell = words.teller(field)
    css = WHEN if field.type in ("date", "datetime") else head_class(field)
    if field.type == "boolean" and not field.repeated:
        return lambda value, names, now: NONE if value is None else (css, "Yes" if value else "No", "", None)
    nothing = NO_NUMBER if css is NUMBER else NONE
    return lambda value, names, now: nothing if value is None or value in ("", []) else (css, tell(value), "", None)


def _ref(decl: AppDecl, to: str) -> Maker:
    root = "" if to == PERSON else f"/{decl.app}/{to}/"

    def make(value: Any, names: Names, now: int) -> Cell:
        if value is None:
            return NONE
        name = names.get(to, {}).get(value)
        if name is None:
            return PLAIN, f"{words.label(to)} {value}", "", None
        return PLAIN, words.short(name), f"{root}{value}" if root else "", None

    return make


def _refs(decl: AppDecl, to: str) -> Maker:
    one = _ref(decl, to)

    def make(value: Any, names: Names, now: int) -> Cell:
        if not value:
            return NONE
        return PLAIN, words.short(", ".join(one(item, names, now)[1] for item in value)), "", None

    return make


@dataclass(frozen=True, slots=True)
class Fact:
    """One field of a row, shown in full. ``items``: text, address and tag of each value; ``kind``: ``line``, ``prose``
    (its line breaks kept) or ``code``; ``full``: it takes the whole width."""

    label: str
    items: tuple[tuple[str, str, str | None], ...]
    kind: str = "line"
    full: bool = False


def fact(decl: AppDecl, name: str, field: FieldDecl, value: Any, names: Names) -> Fact:
    """The fact of one field."""
    label = words.label(name)
    if value is None or value in ("", []):
        return Fact(label, ())
    if field.type == "json":
        return Fact(label, ((words.pretty(value), "", None),), "code", True)
    if field.auto in ("created", "updated"):
        return Fact(label, ((words.moment_in_full(value), "", None),))
    items = value if field.repeated else [value]
    shown = tuple(_item(decl, field, item, names) for item in items)
    long = any(len(text) > words.SHOWN or "\n" in text for text, _, _ in shown)
    return Fact(label, shown, "prose" if long or field.type == "text" else "line", long or field.type == "text")


def _item(decl: AppDecl, field: FieldDecl, item: Any, names: Names) -> tuple[str, str, str | None]:
    if field.type == "ref" and field.to is not None:
        _, text, href, tag = _ref(decl, field.to)(item, names, 0)
        return text, href, tag
    if field.type == "enum":
        return item, "", words.tint(item)
    if field.type == "boolean":
        return "Yes" if item else "No", "", None
    return words.number(item) if isinstance(item, int | float) else str(item), "", None
