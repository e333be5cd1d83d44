"""How the values of a row are shown: as cells of a table, as facts of a row's own page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from markupsafe import Markup, escape

from app_clones.declared import pages_text as words
from app_clones.declared.model import PERSON, AppDecl, FieldDecl
from app_clones.declared.pages_columns import is_time, times_in

Names = Mapping[str, Mapping[int, str]]
"""By entity and row id: what people call the rows that others refer to, of those that the actor may see."""

Maker = Callable[[Any, Names, int], Markup]
"""From a value, the names and the virtual now (ms) to a cell of a table, ready to be shown."""

PLAIN = ""
NUMBER = ' class="num"'
WHEN = ' class="when"'
LONG = ' class="long"'
WORDY = ' class="wordy"'
NONE = Markup('<td class="none">–</td>')
_LONGEST = 22
"""Characters of a word that need not be broken."""
_LINE = 48
"""Characters of a text that need no wider column on a phone."""
NO_NUMBER = Markup('<td class="num none">–</td>')


@lru_cache(maxsize=16_384)
def cell(css: str, text: str, href: str = "", tag: str | None = None) -> Markup:
    """A cell with that class attribute; ``href``: it leads there; ``tag``: it is a tag of that class.

    Most cells of a page were on one before, and a template takes several times as long for each.
    """
    inner = escape(text)
    if href:
        inner = Markup(f'<a href="{escape(href)}">{inner}</a>')
    elif tag is not None:
        inner = Markup(f'<span class="tag {tag}">{inner}</span>')
    return Markup(f"<td{css}>{inner}</td>")


@lru_cache(maxsize=16_384)
def row_head(text: str, href: str) -> Markup:
    """The first cell of a row, which is its head and leads to its page."""
    return Markup(f'<th scope="row"><a href="{escape(href)}">{escape(text)}</a></th>')


def options(choices: Iterable[tuple[str, str]], held: str) -> Markup:
    """The options of a select, each a value and its text, with ``held`` chosen."""
    return Markup("".join([_option(value, text, value == held) for value, text in choices]))


@lru_cache(maxsize=4096)
def enum_options(values: tuple[str, ...], held: str) -> Markup:
    """The options of a select that narrows a list by one of ``values``."""
    return options([("", "Any"), *((value, value) for value in values)], held)


@lru_cache(maxsize=16_384)
def _option(value: str, text: str, chosen: bool) -> str:
    return f'<option value="{escape(value)}"{" selected" if chosen else ""}>{escape(text)}</option>'


def head_class(field: FieldDecl) -> str:
    """The class attribute of a column's head."""
    return NUMBER if field.type in ("integer", "number") and not field.repeated and not field.auto else PLAIN


def maker(decl: AppDecl, field: FieldDecl) -> Maker:
    """What makes the cells of that field's column."""
    if field.is_moment:
        return lambda value, names, now: NONE if value is None else cell(WHEN, words.moment(value, now))
    if field.type == "ref" and field.to is not None:
        return _refs(decl, field.to) if field.repeated else _ref(decl, field.to)
    if field.type == "enum" and not field.repeated:
        return lambda value, names, now: NONE if value is None else cell(PLAIN, value, "", words.tint(value))
    if is_time(field) or (field.type == "date" and not field.repeated):
        return lambda value, names, now: cell(WHEN, words.moment_told(value, now)) if value else NONE
    if parts := times_in(decl, field):
        return lambda value, names, now: _first_time(value, parts, now)
    tell = words.teller(field)
    css = head_class(field)
    nothing = NO_NUMBER if css is NUMBER else NONE
    return lambda value, names, now: nothing if value is None or value in ("", []) else _told(css, tell(value))


def _told(css: str, text: str) -> Markup:
    """A cell of text; a word that is longer than a column is wide is broken, else it would push the others out."""
    if css or len(text) <= _LONGEST:
        return cell(css, text)
    return cell(
        LONG if max(map(len, text.split()), default=0) > _LONGEST else WORDY if len(text) > _LINE else PLAIN, text
    )


def _first_time(value: Any, parts: Iterable[str], now: int) -> Markup:
    found = next((value[part] for part in parts if value.get(part)), None) if isinstance(value, Mapping) else None
    return cell(WHEN, words.moment_told(str(found), now)) if found else NONE


def named_ref(decl: AppDecl, to: str, rowid: int, names: Names) -> tuple[str, str]:
    """What the row ``rowid`` is called, and where its page is (``""``: nowhere, or not for this person)."""
    name = names.get(to, {}).get(rowid)
    if name is None:
        return f"{words.label(to)} {rowid}", ""
    return words.short(name), "" if to == PERSON else f"/{decl.app}/{to}/{rowid}"


def _ref(decl: AppDecl, to: str) -> Maker:
    return lambda value, names, now: NONE if value is None else cell(PLAIN, *named_ref(decl, to, value, names))


def _refs(decl: AppDecl, to: str) -> Maker:
    def make(value: Any, names: Names, now: int) -> Markup:
        if not value:
            return NONE
        return cell(PLAIN, words.short(", ".join(named_ref(decl, to, item, names)[0] for item in value)))

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
    if field.is_moment:
        return Fact(label, ((words.moment_in_full(value), "", None),))
    items = value if field.repeated else [value]
    shown = tuple(_item(decl, field, item, names) for item in items)
    long = any(len(text) > words.SHOWN or "\n" in text for text, _, _ in shown)
    return Fact(label, shown, "prose" if long or field.type == "text" else "line", long or field.type == "text")


def _item(decl: AppDecl, field: FieldDecl, item: Any, names: Names) -> tuple[str, str, str | None]:
    if field.type == "ref" and field.to is not None:
        return (*named_ref(decl, field.to, item, names), None)
    if field.type == "enum":
        return item, "", words.tint(item)
    if field.type == "boolean":
        return "Yes" if item else "No", "", None
    return words.number(item) if isinstance(item, int | float) else str(item), "", None
