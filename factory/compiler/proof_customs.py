"""Checks of what a custom method does to its target, to further rows, or to any row at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app_clones.declared.entities import Row
from app_clones.declared.expressions import chain
from app_clones.kit.change import RowChange
from factory.compiler.proof_answers import Answer
from factory.compiler.proof_asking import Asked, Asker, Unaskable
from factory.compiler.proof_belonging import check_places
from factory.compiler.proof_case import Case, same
from factory.compiler.proof_effects import Before, check_gone, inserted, read_back
from factory.compiler.proof_looking import look, page_text, row_page
from factory.compiler.proof_subject import Stage

Json = Any


def prove_custom(
    case: Case, stage: Stage, asked: Asked, answer: Answer, changes: Sequence[RowChange], before: Before
) -> None:
    op = case.operation
    if op.delete and asked.target is not None and case.entity is not None:
        check_gone(case, stage, case.entity, asked.target, before)
    elif asked.target is not None and case.entity is not None and not op.copy_row:
        _prove_set(case, stage, asked, before)
    for make in op.make:
        made = inserted(case, stage, make.entity, changes)
        case.ledger.expect("effect", bool(made), f"no {make.entity} was made")
        for row in made[:1]:
            read_back(case, stage, make.entity, row, {})
            case.page_shows(stage, make.entity, row["id"], {})
    if op.copy_row and case.entity is not None:
        for row in inserted(case, stage, case.entity, changes)[:1]:
            read_back(case, stage, case.entity, row, asked.sent)
            case.page_shows(stage, case.entity, row["id"], asked.sent)
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
    if plan.decl.parent is not None and plan.decl.parent in op.set:
        _prove_moved(case, stage, plan.decl.parent, row, before)
        return
    now = look(stage, case.entity, row, case.name)
    touched = [name for name in (*op.set, *op.append, *op.remove, *asked.sent) if not plan.decl.fields[name].hidden]
    if not touched:
        shown = check_places(case, stage, asked, before.places, before.seen) or _shown_alone(case, stage, asked)
        case.unseen = "" if shown else "what it changes is hidden"
        return
    seen = before.seen
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
    case.ledger.expect("page", text != before.words, "the page shows what it showed before")


def _prove_moved(case: Case, stage: Stage, parent: str, row: Row, before: Before) -> None:
    """Another method shows the row under the parent that it now has, and no longer under the one that it had; its page
    shows another than before."""
    assert case.entity is not None
    with case.subject.stage() as past:
        old = past.row(case.entity, row["id"])
    now, there = [look(stage, case.entity, one, case.name) if one else None for one in (row, old)]
    if old is None or now is None or there is None:
        case.unseen = f"no other method shows a {case.entity.replace('_', ' ')}"
        return
    case.ledger.expect("read_back", row[parent] != old[parent], "it lies where it lay")
    case.ledger.expect("read_back", now.shown is not None, lambda: f"not shown where it was moved to: {now.answer}")
    case.ledger.expect("read_back", there.shown is None, lambda: f"{there.via} shows it where it was moved from")
    text = page_text(row_page(stage, case.entity, row["id"]))
    case.ledger.expect("page", text != before.words, "the page shows what it showed before")


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
                asking = Asker(past, name, "alone").good(target=asked.target).arguments
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


def check_recorded(case: Case, asked: Asked, changes: Sequence[RowChange]) -> None:
    """The call is kept: which operation, by whom, with what was given."""
    kept = [change for change in changes if change.table == f"{case.subject.decl.app}_call"]
    if case.ledger.expect("recorded", len(kept) == 1, f"{len(kept)} calls were kept, not 1"):
        new = kept[0].new
        name = str(new.get("operation"))
        case.ledger.expect("recorded", name == case.name or _alike(case, name), f"kept as {name!r}")
        given = [name for name in asked.arguments if f'"{name}"' not in str(new.get("arguments"))]
        case.ledger.expect("recorded", not given, f"{', '.join(given)} is not kept")


def _alike(case: Case, name: str) -> bool:
    """Whether the operation ``name`` does the same: of two methods whose addresses overlap, one for each kind of parent
    and one for any, the narrower answers."""
    other = case.subject.decl.operations.get(name)
    if other is None:
        return False
    apart = {"http", "origin", "about", "params"}
    roles = [
        [(param.role, param.entity, param.wire) for param in one.params.values()] for one in (case.operation, other)
    ]
    return roles[0] == roles[1] and case.operation.model_dump(exclude=apart) == other.model_dump(exclude=apart)
