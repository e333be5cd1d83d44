"""The controls of an operation's form, and the way between what they hold (text) and what operations take (JSON)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from app_clones.declared import pages_text as words
from app_clones.declared.entities import wire_name
from app_clones.declared.expand import writable
from app_clones.declared.model import AppDecl, Entity, OperationDecl, Param, Value
from app_clones.declared.pages_columns import is_alphabetical, reading_order
from app_clones.declared.pages_plan import lineage, target_of
from app_clones.declared.values import acceptor, from_text
from app_clones.kit.errors import AppError

Json = Any
Control = Literal["line", "text", "lines", "json", "checkbox", "select", "ref"]

_LIST_ROLES = ("filter", "expression", "search", "order_by", "page_size", "page_token", "after", "offset",
               "page_number")  # fmt: skip
_GIVEN_ROLES = ("new_id", "field", "input", "body", "force")
_LINE_AS_TEXT = 300
_DEEPEST = 2


@dataclass(frozen=True, slots=True)
class Input:
    """One control.

    ``place``: the argument it fills, or argument and property of a whole resource, or (empty) neither: it says whose
    name the new row's name begins with. ``field``: of the row, whose value it shows at first; ``default``: what stands
    there where there is no row. ``secret``: what it holds is never shown, and on a row nothing typed means no change.
    ``names_row``: it says on which row, or under which, the operation works.
    """

    name: str
    label: str
    help: str
    value: Value
    control: Control
    required: bool
    place: tuple[str, ...]
    field: str | None
    default: Json = None
    secret: bool = False
    names_row: bool = False


def inputs_of(decl: AppDecl, name: str) -> tuple[Input, ...]:
    """The controls of the operation ``name``, in the order in which people fill them in: nothing that the page's row,
    or the engine, knows by itself."""
    operation = decl.operations[name]
    made: dict[str, Input] = {}
    found = tuple(_in_order(decl, operation, _inputs(decl, operation)))
    labels = Counter(one.label for one in found)
    for one in found:
        free = one.name
        while free in made:
            free += "_"
        made[free] = replace(one, name=free, label=one.label if labels[one.label] == 1 else _label_apart(decl, one))
    return tuple(made.values())


def _label_apart(decl: AppDecl, one: Input) -> str:
    """Another label for a control that a field of the row shares its label with: of the row above, of the new id."""
    if one.names_row:
        above = decl.entities.get(one.value.to or "")
        return f"In {above.title.lower()}" if above is not None else one.label
    return one.label if one.field is not None else f"New {one.label}"


def _in_order(decl: AppDecl, operation: OperationDecl, found: Iterable[Input]) -> Iterable[Input]:
    """As they were declared, or, where that is the alphabet's order: on which row or under which, what it is called,
    what is needed, the rest as people read it, JSON last."""
    entity = decl.entities.get(operation.entity or "")
    if entity is None or not is_alphabetical(entity):
        return found
    ranks = {field: rank for rank, field in enumerate(reading_order(decl, entity))}

    def rank(one: Input) -> tuple[bool, bool, bool, bool, int]:
        is_label = one.field is not None and one.field == entity.label
        return not one.names_row, not is_label, not one.required, one.control == "json", ranks.get(one.field or "", -1)

    return sorted(found, key=rank)


def _inputs(decl: AppDecl, operation: OperationDecl) -> Iterator[Input]:
    entity = decl.entities.get(operation.entity or "")
    known = known_rows(decl, operation)
    for name, param in operation.params.items():
        if param.role == "row":
            if name not in known:
                yield _row(decl, entity, name, param)
        elif param.role == "resource" and entity is not None:
            yield from _resource(decl, operation, entity, name)
        elif param.role in _GIVEN_ROLES or (param.role in _LIST_ROLES and not operation.writes):
            yield _plain(decl, entity, operation, name, param)


def known_rows(decl: AppDecl, operation: OperationDecl) -> frozenset[str]:
    """The row parameters that nobody need fill in: the target, and whatever lies above another that is given."""
    rows = {name: param.entity or "" for name, param in operation.params.items()
            if param.role == "row" and not param.repeated}  # fmt: skip
    target = target_of(decl, operation)
    below = list(rows.items())
    if target is not None:
        below.append((target, operation.entity or ""))
    known = {
        name
        for name, entity in rows.items()
        if any(other != name and own != entity and entity in lineage(decl, own) for other, own in below)
    }
    return frozenset(known | ({target} if target else set()))


def _row(decl: AppDecl, entity: Entity | None, name: str, param: Param) -> Input:
    parent = entity.parent if entity and entity.parent and entity.fields[entity.parent].to == param.entity else None
    ref = Value(type="ref", to=param.entity, required=param.required, repeated=param.repeated, about=param.about)
    control = control_of(ref)
    return Input(name, words.label(name), help_of(decl, ref, control), ref, control, param.required, (name,), parent,
                 names_row=True)  # fmt: skip


def names_parent(decl: AppDecl, operation: OperationDecl) -> bool:
    """Whether a new row's id is given as its whole resource name, which begins with its parent's."""
    entity = decl.entities.get(operation.entity or "")
    if operation.kind != "create" or entity is None or entity.parent is None or entity.key.path is None:
        return False
    above = entity.fields[entity.parent].to
    if above == operation.entity:
        return False
    roles = [(param.role, param.entity) for param in operation.params.values()]
    return any(role == "new_id" for role, _ in roles) and ("row", above) not in roles


def _parent(decl: AppDecl, entity: Entity, name: str) -> Input:
    ref = Value(type="ref", to=entity.fields[name].to, required=True)
    return Input(name, parent_label(name), "", ref, "ref", True, (), name, names_row=True)


def parent_label(name: str) -> str:
    """The label of the field that says under which row one lies: of ``in_project`` "Project"."""
    return words.label(name.removeprefix("in_"))


def _plain(decl: AppDecl, entity: Entity | None, operation: OperationDecl, name: str, param: Param) -> Input:
    default, required, secret = param.default, param.required, False
    if param.role == "field" and entity is not None and param.field:
        field = entity.fields[param.field]
        default, secret = field.default, field.hidden
        # An update may leave a field out, but not empty it where every row needs one.
        if operation.kind != "create":
            required = required or (field.required and not field.hidden)
    value: Value = Value(type="boolean", required=True) if param.role == "force" else param
    if param.role == "new_id" and names_parent(decl, operation):
        value = Value(required=param.required)  # what it says of whole names holds of them alone
    label = "ID" if param.role == "new_id" else words.label(param.field or name)
    control = control_of(value, default)
    row_field = param.field if param.role == "field" else None
    help = help_of(decl, value, control)
    secret = secret and control == "line"
    return Input(name, label, help, value, control, required, (name,), row_field, default, secret)


def _resource(decl: AppDecl, operation: OperationDecl, entity: Entity, name: str) -> Iterator[Input]:
    creating = operation.kind == "create"
    fields = writable(operation.entity or "", entity, creating=creating)
    named = {p.entity for p in operation.params.values() if p.role == "row"}
    parent = entity.fields[entity.parent] if entity.parent else None
    if entity.parent and names_parent(decl, operation):
        yield _parent(decl, entity, entity.parent)
    elif creating and entity.parent and parent and not parent.readonly and parent.to not in named:
        fields = {entity.parent: parent, **fields}
    for field_name, one in fields.items():
        default = one.default
        control = control_of(one, default)
        needed = one.required and (not one.hidden if not creating else default is None)
        place = (name, wire_name(decl, field_name, one))
        help = help_of(decl, one, control)
        yield Input(field_name, words.label(field_name), help, one, control, needed, place, field_name, default,
                    one.hidden and control == "line")  # fmt: skip


def control_of(value: Value, default: Json = None) -> Control:
    """Which control takes such a value. A boolean that may also be absent is a choice of three."""
    if value.repeated:
        return "json" if value.type == "json" else "lines"
    if value.type == "boolean":
        return "checkbox" if value.required or default is not None else "select"
    if value.type == "enum" and value.values:
        return "select"
    kinds: Mapping[str, Control] = {"ref": "ref", "json": "json", "text": "text"}
    if value.type == "string" and value.max is not None and value.max > _LINE_AS_TEXT:
        return "text"
    return kinds.get(value.type, "line")


_TIMES = {"date": "2025-03-14", "date-time": "2025-03-14T09:30:00Z"}
_FORMS = {
    "date": f"As {_TIMES['date']}.",
    "datetime": f"As {_TIMES['date-time']}.",
    "url": "As https://example.com/page.",
    "bytes": "As base64.",
}


def help_of(decl: AppDecl, value: Value, control: Control) -> str:
    """What stands under a control's label: what it is, and how it is written."""
    parts = [words.prose(value.about, 240)]
    if value.type in _FORMS:
        parts.append(_FORMS[value.type])
    if control == "lines":
        each = ", ".join(value.values[:12]) or ("names or numbers" if value.type == "ref" else "")
        parts.append(f"One per line{': ' + each if each else ''}.")
    if value.type in ("integer", "number") and not value.repeated:
        parts.append(_bounds(value, "From", "At least", "At most", ""))
    if value.type in ("string", "text") and not value.repeated and (value.max or 0) <= _LINE_AS_TEXT:
        parts.append(_bounds(value, "From", "At least", "At most", " characters"))
    if control == "json":
        some = example(decl, value.shape or {}, value.repeated)
        parts.append(f"As JSON, such as {json.dumps(some, ensure_ascii=False)}.")
    return " ".join(part for part in parts if part)


def _bounds(value: Value, both: str, low: str, high: str, unit: str) -> str:
    if value.min is not None and value.max is not None:
        return f"{both} {value.min:g} to {value.max:g}{unit}."
    if value.min is not None and not (unit and value.min <= 1):
        return f"{low} {value.min:g}{unit}."
    return f"{high} {value.max:g}{unit}." if value.max is not None else ""


def example(decl: AppDecl, shape: Mapping[str, Json], repeated: bool = False, depth: int = 0) -> Json:
    """A small value of about that JSON Schema, for people to start from."""
    if repeated:
        return [example(decl, shape)]
    if "$ref" in shape:
        shape = decl.schemas.get(str(shape["$ref"]).rpartition("/")[2], {})
    for key in ("example", "default", "const"):
        if key in shape:
            return shape[key]
    if shape.get("enum"):
        return shape["enum"][0]
    if shape.get("format") in _TIMES:
        return _TIMES[shape["format"]]
    kind = shape.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        listed = list(shape.get("properties", {}).items())[:3] if depth < _DEEPEST else []
        return {name: example(decl, inner, depth=depth + 1) for name, inner in listed} or {"key": "value"}
    if kind == "array":
        return [example(decl, shape.get("items", {}), depth=depth + 1)]
    return {"integer": 1, "number": 1.5, "boolean": True}.get(str(kind), "text")


def text_of(one: Input, held: Json) -> str:
    """What the control shows for a value; rows are named by their ids."""
    if held is None:
        return ""
    if one.control == "checkbox":
        return "1" if held else ""
    if one.control == "json":
        return words.pretty(held)
    if one.control == "lines":
        return "\n".join(_item_text(item) for item in held)
    return _item_text(held)


def _item_text(item: Json) -> str:
    if isinstance(item, bool):
        return "true" if item else "false"
    return words.number(item) if isinstance(item, int | float) else str(item)


def json_of(one: Input, text: str) -> Json:
    """The JSON value that a text, of any control but a box to tick, stands for; what names a row stays text.

    Raises :class:`AppError` where it is none.
    """
    value = one.value
    if one.control == "json":
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise AppError(f"this is no JSON: {str(error)[:100]}") from None
    if one.control == "lines":
        lines = [line.strip() for line in text.split("\n")]
        return [from_text(value, line, one.name) for line in lines if line]
    bare = text if value.type in ("string", "text") else text.strip()
    return from_text(value, bare, one.name)


def fault_of(one: Input, given: Json, shapes: Any) -> str:
    """What is wrong with the JSON value for this control, in a few words; ``""`` where nothing is."""
    try:
        acceptor(one.value, shapes)(given, "\0")
    except AppError as error:
        return error.message.replace("\0", "").lstrip(".0123456789").removeprefix(": ")
    return ""
