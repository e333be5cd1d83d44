"""Which of an entity's fields a list shows, and by which it is narrowed: what people go by first, what only programs
read last, and no more than fit beside each other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from app_clones.declared import pages_text as words
from app_clones.declared.drawing.names import words_of
from app_clones.declared.model import AppDecl, Entity, FieldDecl, Json

#: Columns of a list beside its first, filters of a list.
MOST_COLUMNS = 6
MOST_FILTERS = 5
MOST_FLAGS = 2
#: Pixels that a table has for them, at 1280 of the window.
_ROOM = 760
#: Times and flags, beyond which more of them tell little; columns, beyond which no machine's own are added.
_ALIKE = 2
_TIMES_AND_FLAGS = ("datetime", "date", "boolean")
_ENOUGH = 2

_WEIGHTS = {"enum": 7, "ref": 6, "date": 5, "datetime": 5, "number": 4, "integer": 4, "email": 4, "string": 3,
            "boolean": 2, "url": 1, "text": 1}  # fmt: skip
_WIDTHS = {"datetime": 140, "date": 115, "boolean": 80, "integer": 100, "number": 100, "ref": 170, "email": 260,
           "url": 300}  # fmt: skip
_MOST_WORDS = 3
_USUAL_WIDTH = 150
_LETTER, _PADDING, _TAG = 8, 26, 22

# fmt: off
_MACHINES_OWN = frozenset(
    "link uri url icon token fingerprint etag hash checksum digest signature nonce key kind html id ids uid uuid guid"
    " sequence version revision position index order ordinal color colour rgb cursor hint hints".split()
)
_GONE_BY = {
    5: "status state",
    4: "name title subject summary headline",
    3: "location place venue start starts due",
    2: "end ends deadline date day city country address phone email type category priority price amount total quantity"
       " size plan role stage owner author assignee customer company format",
}
# fmt: on
_BONUS = {word: bonus for bonus, told in _GONE_BY.items() for word in told.split()}
#: Few columns are wide enough for them, but who reads or writes one row looks for them early.
_PROSE = frozenset({"description", "notes", "body", "text", "content"})
_TOLD = 7
_TIME = re.compile(r"RFC ?3339|ISO ?8601|timestamp")


def is_time(field: FieldDecl) -> bool:
    """Whether a field's text is a time: by its type, or by what is said about it."""
    told = field.type == "string" and _TIME.search(field.about) is not None
    return (field.type == "datetime" or told) and not field.repeated


def times_in(decl: AppDecl, field: FieldDecl) -> tuple[str, ...]:
    """The properties of a JSON field that hold its time, where it is one: ``{"dateTime": …, "timeZone": …}``."""
    if field.type != "json" or field.repeated or not isinstance(field.shape, Mapping):
        return ()
    shape: Json = field.shape
    if isinstance(shape.get("$ref"), str):
        shape = decl.schemas.get(shape["$ref"].rpartition("/")[2], {})
    parts = shape.get("properties")
    if not isinstance(parts, Mapping):
        return ()
    timely = [n for n, one in parts.items() if isinstance(one, Mapping) and one.get("format") in ("date-time", "date")]
    rest = [name for name in parts if name not in timely and "zone" not in name.lower()]
    return () if rest else tuple(sorted(timely, key=lambda name: parts[name]["format"] == "date"))


def columns(decl: AppDecl, entity: Entity) -> tuple[str, ...]:
    """The label, then the fields that tell rows apart best, as far as they fit: in the order of their declaration, or,
    where that is the alphabet's, the best first."""
    worth = dict(_worth(decl, entity))
    kinds = {name: _type(decl, entity.fields[name]) for name in worth}
    alike, room = Counter[str](), _ROOM
    best: list[str] = []
    while worth and len(best) < MOST_COLUMNS:
        name = max(worth, key=lambda one: worth[one] - 3 * (alike[kinds[one]] >= _ALIKE))
        width = _width(decl, name, entity.fields[name])
        if worth.pop(name) <= 0 and len(best) >= _ENOUGH:
            break
        if width <= room:
            best.append(name)
            room -= width
            alike[kinds[name]] += kinds[name] in _TIMES_AND_FLAGS
    first = (entity.label,) if entity.label else ()
    if not is_alphabetical(entity):
        best.sort(key=list(entity.fields).index)
    return (*first, *best)


def is_alphabetical(entity: Entity) -> bool:
    """Whether nobody chose the order in which the fields stand: it is the alphabet's."""
    written = [name for name, field in entity.fields.items() if not field.hidden]
    return written == sorted(written)


def reading_order(decl: AppDecl, entity: Entity) -> tuple[str, ...]:
    """All fields in the order in which forms and a row's own page have them: as declared, or, where that is the
    alphabet's, the label, what every row has, then what tells most, at last what only programs write."""
    fields = entity.fields
    if not is_alphabetical(entity):
        return tuple(fields)
    worth = dict(_worth(decl, entity))

    def rank(name: str) -> tuple[bool, bool, bool, int]:
        field = fields[name]
        told = worth.get(name, 0) + (_TOLD if _PROSE & {*words_of(name)[-1:]} else 0)
        return name != entity.label, not field.required, _type(decl, field) == "json", -told

    return tuple(sorted(fields, key=rank))


def filters(entity: Entity) -> tuple[str, ...]:
    """What rows are chosen by: first of all by their enums and refs, then by a few booleans."""
    usable = {n: one for n, one in entity.fields.items() if not (one.repeated or one.hidden) and n != entity.owner}
    sorts = [name for name, one in usable.items() if one.type in ("enum", "ref")]
    flags = [name for name, one in usable.items() if one.type == "boolean"]
    return tuple((*sorts, *flags[:MOST_FLAGS])[:MOST_FILTERS])


def _type(decl: AppDecl, field: FieldDecl) -> str:
    return "datetime" if is_time(field) or times_in(decl, field) else field.type


def _worth(decl: AppDecl, entity: Entity) -> Iterator[tuple[str, int]]:
    for name, field in entity.fields.items():
        kind = _type(decl, field)
        if field.hidden or name in (entity.label, entity.owner) or kind not in _WEIGHTS:
            continue
        parts = words_of(name)
        less = 3 * field.repeated + 2 * (field.auto == "updated") + field.log + 9 * field.about.startswith("Deprecated")
        if kind not in ("enum", "ref", "datetime", "date") and _MACHINES_OWN & {*parts[-1:], *parts[:1]}:
            less += 9
        less += 2 * (len(parts) > _MOST_WORDS)  # the finer a point, the longer its name
        yield name, _WEIGHTS[kind] + _BONUS.get(parts[-1] if parts else "", 0) - less


def _width(decl: AppDecl, name: str, field: FieldDecl) -> int:
    """About how many pixels a column takes: its longest value, or the longest word of its head."""
    head = max(map(len, words.label(name).split()), default=0) * _LETTER + _PADDING
    if field.type == "enum":
        return max(head, max(map(len, field.values), default=6) * _LETTER + _PADDING + _TAG)
    return max(head, _WIDTHS.get(_type(decl, field), _USUAL_WIDTH))
