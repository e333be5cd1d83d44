"""The pages that change something: forms shown, filled in, refused, sent on to the engine."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from app_clones.declared import pages_text as words
from app_clones.declared import rows
from app_clones.declared.model import OperationDecl, Value
from app_clones.declared.pages_arguments import ETAG, REQUEST, Form, Refused, gather, held_at_first, request_id
from app_clones.declared.pages_cells import options
from app_clones.declared.pages_frame import FLAG, Visit
from app_clones.declared.pages_inputs import Input, text_of
from app_clones.declared.pages_plan import Shelf, act_text
from app_clones.declared.pages_refs import MOST_CHOICES, choices, referring, told_apart
from app_clones.declared.pages_show import short_name, trail
from app_clones.declared.perform import perform
from app_clones.kit import forms
from app_clones.kit.errors import AppError, NotFound

#: Controls from which on a form is long, and how many of a long one's are open to begin with.
LONG_FORM = 15
OPEN_IN_LONG = 10
MORE = "More fields"
"""What opens the part of a long form that is folded away."""

GO = "_go"
"""The query parameter that says that the form of an operation that only reads was filled in."""


@dataclass(frozen=True, slots=True)
class Field:
    """A control as a template shows it."""

    name: str
    label: str
    help: str
    control: str
    required: bool
    held: str
    wrong: str
    options: Markup
    rows: int = 5
    short: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A form page: which operation, on which row, under which address (relative to the app)."""

    operation: str
    shelf: Shelf | None
    row: rows.Row | None
    url: str


def show_form(visit: Visit, sheet: Sheet, held: Form | None = None, fault: AppError | None = None,
              answer: str | None = None) -> Response:  # fmt: skip
    """The form, as it is at first or (``held``) as it was filled in, with what is wrong with it."""
    operation = visit.ready.decl.operations[sheet.operation]
    inputs = visit.site.inputs(sheet.operation)
    wrong, problem = _faults(visit, inputs, operation, fault)
    at_first = held_at_first(visit, inputs, sheet.row) if held is None else {}
    fields = [_field(visit, one, (held or at_first).get(one.name, ""), wrong.get(one.name, "")) for one in inputs]
    folded = _folded(inputs, fields) if operation.kind != "delete" else frozenset()
    heading, here, button = _words(visit, sheet, operation)
    values: dict[str, Any] = {
        "heading": heading,
        "here": here,
        "trail": _trail(visit, sheet),
        "action": f"{visit.base}{sheet.url}",
        "hidden": _hidden(visit, sheet, operation, held),
        "inputs": [one for one in fields if one.name not in folded],
        "fold": MORE,
        "more": [one for one in fields if one.name in folded],
        "cancel": f"{visit.base}{_home(sheet)}",
        "problem": problem,
        "shelf": sheet.shelf,
    }
    current = sheet.shelf.name if sheet.shelf else ""
    is_standard = sheet.shelf is not None and sheet.operation in (sheet.shelf.create, sheet.shelf.update)
    about = "" if is_standard else words.prose(operation.about, 400)
    status = fault.status if fault else 200
    if operation.kind == "delete" and sheet.row is not None and sheet.shelf is not None:
        return visit.render("delete.html", current, status, **values, **_consequences(visit, sheet.shelf, sheet.row))
    return visit.render("form.html", current, status, **values, about=about, button=button,
                        method="post" if operation.writes else "get", look="doom" if operation.delete else "primary",
                        faults=[one for one in fields if one.wrong], answer=answer)  # fmt: skip


def _folded(inputs: Sequence[Input], fields: Sequence[Field]) -> Set[str]:
    """The controls of a long form that are folded away: none that stands first, is needed or is wrong, and, JSON aside,
    which may be longer than all else, none that holds more than it does where nobody has said anything."""
    if len(fields) < LONG_FORM:
        return frozenset()
    later = list(zip(inputs, fields, strict=True))[OPEN_IN_LONG:]
    told = {one.name for one, field in later if one.control != "json" and field.held != text_of(one, one.default)}
    return {field.name for _, field in later if not (field.required or field.wrong or field.name in told)}


def _words(visit: Visit, sheet: Sheet, operation: OperationDecl) -> tuple[str, str, str]:
    """The form's heading, its place on the way to it, and what its button says."""
    shelf, row = sheet.shelf, sheet.row
    if operation.kind == "create" and shelf is not None and shelf.create == sheet.operation:
        return f"New {shelf.noun}", f"New {shelf.noun}", f"Create {shelf.noun}"
    text = act_text(visit.ready.decl, sheet.operation)
    if shelf is None or row is None:
        return text, text, text
    name = short_name(visit, shelf, row)
    if sheet.operation == shelf.update:
        return f"Edit {name}", "Edit", "Save"
    if sheet.operation == shelf.delete:
        return f"Delete {name}?", "Delete", "Delete"
    return f"{text}: {name}", text, text


def _trail(visit: Visit, sheet: Sheet) -> list[tuple[str, str]]:
    if sheet.shelf is None:
        return []
    way = trail(visit, sheet.shelf, sheet.row)
    if sheet.row is not None:
        way.append((short_name(visit, sheet.shelf, sheet.row), f"{sheet.shelf.url}/{sheet.row['id']}"))
    return way


def _home(sheet: Sheet) -> str:
    if sheet.shelf is None:
        return "/"
    return f"{sheet.shelf.url}/{sheet.row['id']}" if sheet.row is not None else sheet.shelf.url


def _hidden(visit: Visit, sheet: Sheet, operation: OperationDecl, held: Form | None) -> list[tuple[str, str]]:
    if not operation.writes:
        return [(GO, "1")]
    # A form shown again keeps what it first had: what has changed since stays refused, and it is the same request.
    kept = held or {}
    roles = {one.role for one in operation.params.values() if one.role == "etag" or one.required}
    found = []
    if "etag" in roles and sheet.row is not None and sheet.shelf is not None:
        found.append((ETAG, kept.get(ETAG) or rows.etag_of(visit.ready, visit.call, sheet.shelf.name, sheet.row)))
    if "request_id" in roles:
        found.append((REQUEST, kept.get(REQUEST) or request_id(visit)))
    return found


def _field(visit: Visit, one: Input, held: str, wrong: str) -> Field:
    found, help = _choices(visit, one), one.help
    control: str = one.control
    if control == "ref":
        control = "select" if found else "line"
        help = help if found else f"{help} Type a name, an id or a number: there are more than {MOST_CHOICES}.".strip()
    tall = min(16, max(4 if control == "lines" else 6, held.count("\n") + 2))
    if one.secret:
        control, held = "secret", ""
    short = one.value.type in ("integer", "number", "date", "datetime")
    return Field(one.name, one.label, help, control, one.required, held, wrong, options(found, held), tall, short)


def _choices(visit: Visit, one: Input) -> list[tuple[str, str]]:
    value: Value = one.value
    if one.control not in ("select", "ref"):
        return []
    nothing = ("", "Choose…" if one.required else "None")
    if value.type == "boolean":
        return [("", "Not said"), ("true", "Yes"), ("false", "No")]
    if value.type == "enum":
        return [nothing, *((each, each) for each in value.values)]
    found = choices(visit.ready, visit.call, value.to or "")
    return [] if found is None else [nothing, *told_apart(found)]


_AT = re.compile(r"(?:[\w.]*\.)?(\w+)(?:\.\d+)*: (.+)", re.DOTALL)


def _faults(
    visit: Visit, inputs: Sequence[Input], operation: OperationDecl, fault: AppError | None
) -> tuple[Mapping[str, str], str]:
    """What is wrong with each control, and with the whole; what the engine says of an argument goes to its control."""
    if fault is None:
        return {}, ""
    if isinstance(fault, Refused):
        return fault.faults, ""
    found = _AT.fullmatch(fault.message)
    names = visit.ready.entities[operation.entity].names if operation.entity else {}
    for one in inputs:
        if found and found[1] in (one.name, one.place[-1], names.get(one.field or "")):
            return {one.name: words.sentence(found[2])}, ""
    return {}, words.sentence(fault.message)


def _consequences(visit: Visit, shelf: Shelf, row: rows.Row) -> dict[str, list[str]]:
    """What becomes of the rows that refer to this one: they go with it, forget it, or keep it from going."""
    found: dict[str, list[str]] = {"goes": [], "cleared": [], "stays": []}
    for entity, field, total in referring(visit.ready, visit.call, shelf.name, row["id"]):
        other = visit.site.shelf(entity)
        kinds = {"cascade": "goes", "clear": "cleared", "restrict": "stays"}
        kind = "goes" if other.entity.singleton else kinds[field.on_delete]
        found[kind].append(f"{total} {other.noun if total == 1 else other.nouns}")
    return found


def answer_to(visit: Visit, sheet: Sheet) -> Response:
    """The page of an operation that only reads, with its answer where the form was filled in."""
    if GO not in visit.query:
        return show_form(visit, sheet)
    try:
        given = gather(visit, sheet.operation, sheet.row, visit.query)
        found = perform(visit.ready, visit.call, sheet.operation, given)
    except AppError as error:
        return show_form(visit, sheet, visit.query, error)
    return show_form(visit, sheet, visit.query, None, words.pretty(found))


def send(visit: Visit, sheet: Sheet, form: Form) -> Response:
    """Does what the form says and goes on to where that is seen. Raises :class:`AppError` where it is refused."""
    operation = visit.ready.decl.operations[sheet.operation]
    given = gather(visit, sheet.operation, sheet.row, form)
    before = _newest(visit, sheet.shelf)
    perform(visit.ready, visit.call, sheet.operation, given)
    to = _next(visit, sheet, operation, before)
    return forms.redirect(visit.request, visit.base + to, "/", sheet.operation, FLAG)


def _newest(visit: Visit, shelf: Shelf | None) -> int:
    if shelf is None:
        return 0
    found = visit.call.one(f"SELECT max(id) FROM {visit.ready.entities[shelf.name].table}")
    return found[0] or 0 if found else 0


def _next(visit: Visit, sheet: Sheet, operation: OperationDecl, before: int) -> str:
    """Where what was done is seen: the new row's page, the row's own, or, where it is gone, what it lay in."""
    shelf, row = sheet.shelf, sheet.row
    if shelf is None:
        return "/"
    newest = _newest(visit, shelf)
    if newest > before and (operation.kind == "create" or operation.copy_row):
        # Ids come from a counter, so the newest row is the one that this operation made.
        return f"{shelf.url}/{newest}"
    if row is None:
        return shelf.url
    try:
        rows.fetch(visit.ready, visit.call, shelf.name, row["id"])
    except NotFound:
        above = visit.site.plan.parent_of(shelf.name)
        parent = row[shelf.entity.parent] if above and shelf.entity.parent else None
        return f"/{above}/{parent}" if parent is not None else shelf.url
    return f"{shelf.url}/{row['id']}"
