"""From a filled-in form to the arguments of an operation: rows found, texts read, each fault told at its control."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app_clones.declared import pages_text as words
from app_clones.declared import rows
from app_clones.declared.keys import Names, own_name
from app_clones.declared.model import OperationDecl
from app_clones.declared.pages_frame import Visit
from app_clones.declared.pages_inputs import Input, fault_of, json_of, known_rows, names_parent, text_of
from app_clones.declared.pages_list import row_of
from app_clones.declared.values import stand_in
from app_clones.kit.errors import AppError, NotFound

Json = Any
Form = Mapping[str, str]

_NEEDED = "This is needed."
#: The hidden control that holds the etag of the row as the form showed it.
ETAG = "_etag"
#: The one that holds the id of the request: a form that is sent twice asks once.
REQUEST = "_request"


class Refused(AppError):
    """A form that cannot be sent on as it is: ``faults`` by the name of the control."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("")
        self.faults = dict(faults)


@dataclass
class Gathered:
    """Arguments in the making. ``rows``: those named so far, by entity; ``touched``: fields that the form changes."""

    arguments: dict[str, Json] = field(default_factory=dict)
    rows: dict[str, rows.Row] = field(default_factory=dict)
    touched: list[str] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)


def held_at_first(visit: Visit, inputs: tuple[Input, ...], row: rows.Row | None) -> dict[str, str]:
    """What the controls hold before anybody has filled them in: the row's values, the address's, the defaults."""
    held = {}
    for one in inputs:
        if row is not None and one.field is not None and one.field in row:
            held[one.name] = _shown(visit, one, row[one.field])
        else:
            given = visit.query.get(one.name) or visit.query.get(one.field or "")
            held[one.name] = given if given is not None else text_of(one, one.default)
    return held


def _shown(visit: Visit, one: Input, value: Json) -> str:
    """What the control shows for the row's value; the rows of a list by how they are called from outside."""
    if one.secret:
        return ""
    if one.value.repeated and one.value.to and value is not None:
        names = Names(visit.ready, visit.call)
        value = [names.outside(one.value.to, rowid) for rowid in value]
    return text_of(one, value)


def gather(visit: Visit, name: str, row: rows.Row | None, form: Form) -> dict[str, Json]:
    """The arguments of the operation ``name`` on ``row`` as the form says. Raises :class:`Refused`."""
    decl = visit.ready.decl
    operation = decl.operations[name]
    made = Gathered()
    if row is not None and operation.entity:
        _add_row(visit, made, operation.entity, row)
    for param, one in operation.params.items():
        if one.role == "resource":
            made.arguments[param] = {}
    inputs = visit.site.inputs(name)
    partial = operation.kind == "update" and row is not None
    for control in inputs:
        try:
            _take(visit, made, control, form, row if partial and control.field else None, partial)
        except AppError as error:
            made.faults[control.name] = words.sentence(error.message)
    if made.faults:
        raise Refused(made.faults)
    _add_known(visit, made, operation, row, form)
    return made.arguments


def _take(visit: Visit, made: Gathered, one: Input, form: Form, row: rows.Row | None, partial: bool) -> None:
    """Reads one control. ``row``: whose value it showed; what did not change is left out."""
    text = form.get(one.name, "").replace("\r\n", "\n")
    before = _shown(visit, one, row[one.field or ""]) if row is not None else None
    if before is not None and text == before:
        return
    if one.control == "checkbox":
        if row is not None or one.required or bool(text) != bool(one.default):
            _put(made, one, bool(text))
        return
    if not text.strip():
        if one.required:
            raise AppError(_NEEDED)
        # Nothing stands for "no value", or, where the engine would fill in a default for that, for an empty text.
        has_default = one.default is not None and one.value.type in ("string", "text") and not one.value.repeated
        if has_default or (partial and before is not None):
            _put(made, one, "" if has_default else None)
        return
    value = json_of(one, text)
    if one.value.type == "ref":
        called = [_outside(visit, made, one, item) for item in (value if one.value.repeated else [value])]
        value = called if one.value.repeated else called[0]
    elif fault := fault_of(one, value, visit.ready.shapes):
        raise AppError(fault)
    _put(made, one, value)


def _put(made: Gathered, one: Input, value: Json) -> None:
    if len(one.place) == 1:
        made.arguments[one.place[0]] = value
    elif one.place:
        made.arguments[one.place[0]][one.place[1]] = value
    if one.field:
        made.touched.append(one.field)


def _outside(visit: Visit, made: Gathered, one: Input, text: Json) -> Json:
    """How the row that ``text`` names is called from outside."""
    entity = one.value.to or ""
    rowid = row_of(visit, entity, str(text).strip())
    if one.names_row and not one.value.repeated:
        _add_row(visit, made, entity, rows.fetch(visit.ready, visit.call, entity, rowid))
    return Names(visit.ready, visit.call).outside(entity, rowid)


def _add_row(visit: Visit, made: Gathered, entity: str, row: rows.Row) -> None:
    """``row`` and all that lies above it, as far as it is seen."""
    at: rows.Row | None = row
    name: str | None = entity
    while at is not None and name is not None and name not in made.rows:
        made.rows[name] = at
        plan = visit.ready.entities[name]
        up = at[plan.decl.parent] if plan.decl.parent else None
        name = plan.above
        try:
            at = rows.fetch(visit.ready, visit.call, name, up) if name and up is not None else None
        except NotFound:
            at = None


def _add_known(visit: Visit, made: Gathered, operation: OperationDecl, row: rows.Row | None, form: Form) -> None:
    """The arguments that nobody fills in: the rows on the way, the etag and the request's id as the form had them, the
    mask of what changes."""
    decl = visit.ready.decl
    names = Names(visit.ready, visit.call)
    for name in known_rows(decl, operation):
        entity = operation.params[name].entity or ""
        if entity in made.rows:
            key = visit.ready.entities[entity].decl.key
            found = made.rows[entity]
            made.arguments[name] = names.path(entity, found) if key.path else names.ident(entity, found)
    for name, param in operation.params.items():
        given = str(made.arguments.get(name, ""))
        if param.role == "new_id" and given and "/" not in given and names_parent(decl, operation):
            plan = visit.ready.entities[operation.entity or ""]
            above = plan.above or ""
            made.arguments[name] = f"{names.path(above, made.rows[above])}/{own_name(plan, given)}"
        elif param.role == "etag" and row is not None and operation.entity:
            shown = form.get(ETAG)
            made.arguments[name] = shown or rows.etag_of(visit.ready, visit.call, operation.entity, row)
        elif param.role == "request_id" and param.required:
            made.arguments[name] = form.get(REQUEST) or request_id(visit)
        elif param.role in ("inert", "read_mask", "parts") and param.required and param.default is None:
            made.arguments[name] = stand_in(param)
        elif param.role == "mask" and (param.required or operation.kind == "update"):
            wires = visit.ready.entities[operation.entity or ""].names
            touched = [wires[each] for each in made.touched]
            made.arguments[name] = touched if param.repeated else ",".join(touched)


def request_id(visit: Visit) -> str:
    """An id for a form that is shown now. Showing a page writes nothing, so no counter moves: the clock's time tells
    it from those that were shown before, the newest request from those that were sent since."""
    newest = visit.call.one(f"SELECT max(id) FROM {visit.ready.decl.app}_request")
    return f"{visit.call.now_ms}-{newest[0] or 0 if newest else 0}"
