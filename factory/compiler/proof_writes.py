"""Checks of a method that changes something: its effect as another method and a page show it, and nothing besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app_clones.declared.entities import Row
from app_clones.declared.expand import outer_parent, writable
from app_clones.declared.expressions import chain
from app_clones.kit.change import RowChange
from factory.compiler.proof_asking import Asked, Unaskable
from factory.compiler.proof_case import Case, same
from factory.compiler.proof_looking import (
    Broken,
    Seen,
    called,
    idents,
    listed,
    look,
    page_text,
    row_page,
    shows_rows,
    walk,
)
from factory.compiler.proof_subject import Answer, Stage

Json = Any


def prove_write(case: Case) -> None:
    """All checks of a method that writes."""
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        stage.mark()
        before = _before(case, stage, asked)
        answer = stage.ask(case.name, asked.arguments)
        if not case.granted(answer):
            return
        changes = stage.changes()
        if not case.ledger.expect("effect", bool(changes), lambda: f"nothing changed: {answer}"):
            return
        stray = case.strays(asked, [asked.target] if asked.target else [], changes)
        case.ledger.expect("nothing_else", not stray, stray)
        if case.operation.record or case.operation.kind == "record":
            _recorded(case, asked, changes)
        _KINDS.get(case.operation.kind, _prove_custom)(case, stage, asked, answer, changes, before)
    if case.operation.kind == "update":
        _prove_rest(case)
    if case.operation.kind == "replace":
        _prove_cleared(case)


Before = Mapping[int, tuple[Seen | None, str]]


def _before(case: Case, stage: Stage, asked: Asked) -> Before:
    """How the target is shown, and the words of its page, before anything is done to it."""
    if asked.target is None or case.entity is None:
        return {}
    seen = look(stage, case.entity, asked.target, case.name)
    return {asked.target["id"]: (seen, page_text(row_page(stage, case.entity, asked.target["id"])))}


def _inserted(case: Case, stage: Stage, entity: str, changes: Sequence[RowChange]) -> list[Row]:
    table = case.subject.plan(entity).table
    ids = [change.key["id"] for change in changes if change.table == table and change.op == "insert"]
    return [row for row in stage.rows(entity) if row["id"] in ids]


# ---- create


def _prove_create(
    case: Case, stage: Stage, asked: Asked, answer: Answer, changes: Sequence[RowChange], before: Before
) -> None:
    assert case.entity is not None
    made = _inserted(case, stage, case.entity, changes)
    if not case.ledger.expect("effect", len(made) == 1, f"{len(made)} rows of {case.entity} were made, not 1"):
        return
    _read_back(case, stage, case.entity, made[0], asked.sent)
    case.page_shows(stage, case.entity, made[0]["id"], asked.sent)
    _elsewhere(case, stage, made[0])
    stage.mark()
    try:
        second = case.asker(stage, "second").good(under=_above(stage, case.entity, made[0]))
    except Unaskable:
        return
    again = stage.ask(case.name, second.arguments)
    if case.granted(again):
        other = _inserted(case, stage, case.entity, stage.changes())
        if case.ledger.expect("distinct", len(other) == 1, "a second request made no second row"):
            seen, first = look(stage, case.entity, other[0], case.name), look(stage, case.entity, made[0], case.name)
            if seen is not None and first is not None:
                case.shows("distinct", case.entity, seen.shown, second.sent)
                case.shows("distinct", case.entity, first.shown, asked.sent)


def _above(stage: Stage, entity: str, row: Row) -> dict[str, Row]:
    return {name: one for name, one in stage.chain(entity, row).items() if name != entity}


def _read_back(case: Case, stage: Stage, entity: str, row: Row, sent: Mapping[str, Json]) -> None:
    """The row, as another method shows it, has what was sent; and a list has it once."""
    seen = look(stage, entity, row, case.name)
    if seen is None:
        case.unseen = f"no other method shows a {entity.replace('_', ' ')}"
        return
    told = seen
    if case.ledger.expect("read_back", seen.shown is not None, lambda: f"not shown by {told.via}: {told.answer}"):
        case.shows("read_back", entity, seen.shown, sent)
    found = listed(stage, entity, row, case.name)
    if found is not None:
        case.ledger.expect("listed", found.shown is not None, lambda: f"not listed: {found.answer}")


def _elsewhere(case: Case, stage: Stage, row: Row) -> None:
    """The lists of other parents do not have the row."""
    assert case.entity is not None
    plan = case.subject.plan(case.entity)
    parent = outer_parent(case.entity, plan.decl)
    if parent is None or plan.above is None:
        return
    for other in [one for one in stage.visible(plan.above) if one["id"] != row[parent]][:2]:
        for name in case.subject.operations(case.entity, "list", but=case.name):
            try:
                asker = type(case.asker(stage))(stage, name, "elsewhere")
                asked = asker.good(under=stage.chain(plan.above, other))
                if not any(one["id"] == other["id"] for one in asked.rows.values()):
                    continue
                items, _ = walk(stage, asked)
            except (Unaskable, Broken):
                continue
            there = called(stage, case.entity, row) in idents(stage, case.entity, items)
            slug = plan.decl.key.form == "given" and plan.decl.key.path is None
            case.ledger.expect(
                "other_parents", not there or slug, f"{name}: the new row lies under another {plan.above}"
            )


# ---- update and replace


def _prove_update(
    case: Case, stage: Stage, asked: Asked, answer: Answer, changes: Sequence[RowChange], before: Before
) -> None:
    assert case.entity is not None
    assert asked.target is not None
    row = stage.row(case.entity, asked.target["id"])
    if not case.ledger.expect("effect", row is not None, "the row is gone"):
        return
    assert row is not None
    _read_back(case, stage, case.entity, row, asked.sent)
    case.page_shows(stage, case.entity, row["id"], asked.sent)
    seen = before[row["id"]][0]
    now = look(stage, case.entity, row, case.name)
    if case.operation.kind == "update" and seen is not None and now is not None:
        _untouched(case, seen.shown or {}, now.shown or {}, asked)


def _untouched(case: Case, before: Mapping[str, Json], now: Mapping[str, Json], asked: Asked) -> None:
    """What was not sent is shown as before."""
    assert case.entity is not None
    plan = case.subject.plan(case.entity)
    for name, field in plan.decl.fields.items():
        if name in {*asked.sent, *case.operation.set} or field.auto == "updated":
            continue
        wire = plan.names[name]
        case.ledger.expect("rest", same(before.get(wire), now.get(wire)), f"{wire} was not sent, and changed")


def _prove_rest(case: Case) -> None:
    """One field alone is sent: all others stay."""
    assert case.entity is not None
    plan = case.subject.plan(case.entity)
    for name in list(writable(case.entity, plan.decl, creating=False))[:3]:
        with case.stage() as stage:
            asked = case.asker(stage, "one", name).good(only={name})
            if set(asked.sent) != {name}:
                continue
            stage.mark()
            if not case.granted(stage.ask(case.name, asked.arguments)):
                return
            for change in stage.changes():
                stray = set(change.new) - case._columns(asked) if change.table == plan.table else set()
                case.ledger.expect("rest", not stray, f"only {name} was sent, and {', '.join(sorted(stray))} changed")
            row = stage.row(case.entity, (asked.target or {})["id"])
            seen = look(stage, case.entity, row, case.name) if row else None
            if seen is not None:
                case.shows("read_back", case.entity, seen.shown, asked.sent)


def _prove_cleared(case: Case) -> None:
    """A whole row is written anew with only what it needs: all else is gone, or as by default."""
    assert case.entity is not None
    plan = case.subject.plan(case.entity)
    with case.stage() as stage:
        asked = case.asker(stage, "bare").good(only=())
        if not case.granted(stage.ask(case.name, asked.arguments)):
            return
        row = stage.row(case.entity, (asked.target or {})["id"])
        if row is None:
            return
        for name, field in writable(case.entity, plan.decl, creating=False).items():
            if name not in asked.sent and name not in case.operation.set and field.to != case.entity:
                holds = row[name] is None or row[name] == field.default
                case.ledger.expect("rest", holds, f"{name} was left out of the whole, and is {row[name]!r}")


# ---- delete


def _prove_delete(
    case: Case, stage: Stage, asked: Asked, answer: Answer, changes: Sequence[RowChange], before: Before
) -> None:
    assert case.entity is not None
    assert asked.target is not None
    _gone(case, stage, case.entity, asked.target, before)
    stage.mark()
    again = stage.ask(case.name, asked.arguments)
    if "allow_missing" not in [param.role for param in case.operation.params.values()]:
        case.refused(stage, "gone", again, "deleted twice", (404,))


def _gone(case: Case, stage: Stage, entity: str, row: Row, before: Before) -> None:
    case.ledger.expect("effect", stage.row(entity, row["id"]) is None, "the row is still there")
    seen = before.get(row["id"], (None, ""))[0]
    if seen is None:
        case.unseen = f"no other method shows a {entity.replace('_', ' ')}"
    else:
        case.ledger.expect("read_back", seen.shown is not None, lambda: f"not shown before: {seen.answer}")
    for name in case.subject.operations(entity, "get", but=case.name):
        if not shows_rows(case.subject.decl.operations[name]):
            continue
        # Asked for by the names that it had: what it lay under may be gone as well.
        arguments = _of_past(case, name, row)
        if arguments is None:
            continue
        answer = stage.ask(name, arguments)
        case.ledger.expect("gone", answer.status == 404, f"deleted, and {answer}")
        break
    found = listed(stage, entity, row, case.name) if not _lies_nowhere(stage, entity, row) else None
    if found is not None:
        case.ledger.expect("gone", found.shown is None, lambda: f"deleted, and listed by {found.via}")
    case.page_gone(stage, entity, row["id"])


def _lies_nowhere(stage: Stage, entity: str, row: Row) -> bool:
    parent = stage.subject.entity(entity).parent
    above = stage.subject.plan(entity).above
    return parent is not None and above is not None and row[parent] is not None and not stage.row(above, row[parent])


def _of_past(case: Case, name: str, row: Row) -> dict[str, Json] | None:
    """The arguments with which ``name`` reads ``row`` in the world as it was."""
    with case.subject.stage() as past:
        try:
            return dict(type(case.asker(past))(past, name, "past").good(target=row).arguments)
        except Unaskable:
            return None


# ---- custom


def _prove_custom(
    case: Case, stage: Stage, asked: Asked, answer: Answer, changes: Sequence[RowChange], before: Before
) -> None:
    op = case.operation
    if op.delete and asked.target is not None and case.entity is not None:
        _gone(case, stage, case.entity, asked.target, before)
    elif asked.target is not None and case.entity is not None:
        _prove_set(case, stage, asked, before)
    for make in op.make:
        made = _inserted(case, stage, make.entity, changes)
        case.ledger.expect("effect", bool(made), f"no {make.entity} was made")
        for row in made[:1]:
            _read_back(case, stage, make.entity, row, {})
            case.page_shows(stage, make.entity, row["id"], {})
    if op.copy_row and case.entity is not None:
        for row in _inserted(case, stage, case.entity, changes)[:1]:
            _read_back(case, stage, case.entity, row, {})
            case.page_shows(stage, case.entity, row["id"], {})
    if not (case.ledger.ran("read_back") or case.unseen):
        _prove_anywhere(case, stage, changes)


def _prove_set(case: Case, stage: Stage, asked: Asked, before: Before) -> None:
    """The target's fields are what the declaration says they become, and another method and the page show it."""
    assert case.entity is not None
    assert asked.target is not None
    op, plan = case.operation, case.subject.plan(case.entity)
    row = stage.row(case.entity, asked.target["id"])
    if row is None or not (op.set or op.append or op.remove or asked.sent):
        return
    now = look(stage, case.entity, row, case.name)
    seen, words = before[row["id"]]
    touched = [name for name in (*op.set, *op.append, *op.remove, *asked.sent) if not plan.decl.fields[name].hidden]
    if not touched:
        case.unseen = "" if _shown_alone(case, stage, asked) else "what it changes is hidden"
        return
    if now is None or seen is None:
        case.unseen = f"no other method shows a {case.entity.replace('_', ' ')}"
        return
    case.ledger.expect("read_back", now.shown is not None, lambda: f"not shown by {now.via}: {now.answer}")
    case.ledger.expect("read_back", now.shown != seen.shown, f"{now.via} shows what it showed before")
    case.shows("read_back", case.entity, now.shown, {**_expected(case, asked), **asked.sent})
    for effect, wanted in ((op.append, True), (op.remove, False)):
        for name, value in effect.items():
            given = asked.arguments.get(str(value).removeprefix("$"))
            listed_now = (now.shown or {}).get(plan.names[name]) or []
            for one in given if isinstance(given, list) else [] if given is None else [given]:
                told = f"{name}: {str(one)[:60]!r} was to {'come' if wanted else 'go'}; read {str(listed_now)[:80]}"
                case.ledger.expect("read_back", (one in listed_now) == wanted, told)
    text = page_text(row_page(stage, case.entity, row["id"]))
    case.ledger.expect("page", text != words, "the page shows what it showed before")


def _shown_alone(case: Case, stage: Stage, asked: Asked) -> bool:
    """Whether some other method that reads answers with a hidden field that the operation writes; notes that it shows
    what was written, and did not before."""
    assert case.entity is not None
    assert asked.target is not None
    written = {*case.operation.set, *case.operation.append, *case.operation.remove, *asked.sent}
    for name, reader in case.subject.decl.operations.items():
        if reader.entity != case.entity or reader.writes or reader.result.field not in written:
            continue
        with case.subject.stage() as past:
            try:
                asking = type(case.asker(past))(past, name, "alone").good(target=asked.target).arguments
            except Unaskable:
                continue
            then = past.ask(name, asking)
        now = stage.ask(name, asking)
        case.ledger.expect("read_back", now.ok and now.json != then.json, f"it shows nothing of it: {now}")
        value = asked.sent.get(reader.result.field or "")
        if value is not None:
            kept = isinstance(now.json, dict) and all(same(now.json.get(key), one) for key, one in value.items())
            case.ledger.expect("read_back", kept, f"not what was sent: {now}")
        case.page_shows(stage, case.entity, asked.target["id"], {})
        return True
    return False


def _expected(case: Case, asked: Asked) -> dict[str, Json]:
    """What ``set`` makes of the fields of which that can be told from here: constants, and parameters as sent."""
    assert case.entity is not None
    found: dict[str, Json] = {}
    for name, value in case.operation.set.items():
        names = chain(value) if isinstance(value, str) else None
        if names is None and not isinstance(value, dict | list):
            found[name] = value[1:] if isinstance(value, str) and value.startswith("$$") else value
        elif names is not None and len(names) == 1 and names[0] in asked.arguments:
            param = case.operation.params.get(names[0])
            if param is not None and param.role in ("input", "field"):
                found[name] = asked.arguments[names[0]]
    return {name: value for name, value in found.items() if value is not None}


def _prove_anywhere(case: Case, stage: Stage, changes: Sequence[RowChange]) -> None:
    """Some row that changed is shown by some other method as it now is, and was not before."""
    looked = False
    for change in changes[:6]:
        entity = case.entity_of(change.table)
        if entity is None or change.table == "kit_person":
            continue
        rowid = int(change.key["id"])  # type: ignore[arg-type]
        row = stage.row(entity, rowid)
        with case.subject.stage() as past:
            old = past.row(entity, rowid)
            then = look(past, entity, old, case.name) if old else None
        now = look(stage, entity, row, case.name) if row else None
        if then is None and now is None:
            continue
        looked = True
        if (then.shown if then else None) != (now.shown if now else None):
            case.ledger.expect("read_back", True)
            case.page_shows(stage, entity, rowid, {}) if row else case.page_gone(stage, entity, rowid)
            return
    if looked:
        case.ledger.expect("read_back", False, "no other method shows anything of it")
    elif not case.unseen:
        case.unseen = "no other method shows what it changes"


def _recorded(case: Case, asked: Asked, changes: Sequence[RowChange]) -> None:
    """The call is kept: which operation, by whom, with what was given."""
    kept = [change for change in changes if change.table == f"{case.subject.decl.app}_call"]
    if case.ledger.expect("recorded", len(kept) == 1, f"{len(kept)} calls were kept, not 1"):
        new = kept[0].new
        case.ledger.expect("recorded", new.get("operation") == case.name, f"kept as {new.get('operation')!r}")
        given = [name for name in asked.arguments if f'"{name}"' not in str(new.get("arguments"))]
        case.ledger.expect("recorded", not given, f"{', '.join(given)} is not kept")


_KINDS = {
    "create": _prove_create,
    "update": _prove_update,
    "replace": _prove_update,
    "delete": _prove_delete,
}
