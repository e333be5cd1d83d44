"""What a change looks like from elsewhere: a row as another method and its page show it, before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app_clones.declared.entities import Row
from app_clones.kit.change import RowChange
from factory.compiler.proof_asking import Asked, Asker, Unaskable
from factory.compiler.proof_belonging import Place, check_kept, places_of
from factory.compiler.proof_case import Case
from factory.compiler.proof_looking import Seen, listed, look, page_text, row_page, shows_rows
from factory.compiler.proof_subject import Stage

Json = Any


@dataclass(frozen=True, slots=True)
class Before:
    """What was there before anything is done: how another method shows the target, the words of its page, and what
    tells where it belongs."""

    seen: Seen | None = None
    words: str = ""
    places: tuple[Place, ...] = ()


def before_of(case: Case, stage: Stage, asked: Asked) -> Before:
    """How the target is shown, and the words of its page, before anything is done to it."""
    if asked.target is None or case.entity is None:
        return Before()
    seen = look(stage, case.entity, asked.target, case.name)
    words = page_text(row_page(stage, case.entity, asked.target["id"]))
    return Before(seen, words, places_of(case, stage, asked))


def inserted(case: Case, stage: Stage, entity: str, changes: Sequence[RowChange]) -> list[Row]:
    table = case.subject.plan(entity).table
    ids = [change.key["id"] for change in changes if change.table == table and change.op == "insert"]
    return [row for row in stage.rows(entity) if row["id"] in ids]


def read_back(case: Case, stage: Stage, entity: str, row: Row, sent: Mapping[str, Json]) -> None:
    """The row, as another method shows it, has what was sent; and a list has it once."""
    seen = look(stage, entity, row, case.name)
    if seen is None:
        case.unseen = f"no other method shows a {entity.replace('_', ' ')}"
        return
    told = seen
    if case.all_hidden(entity, sent):
        case.shows("read_back", entity, seen.shown, sent)
        case.unseen = "nothing of what was sent is ever shown"
        return
    if case.ledger.expect("read_back", seen.shown is not None, lambda: f"not shown by {told.via}: {told.answer}"):
        case.shows("read_back", entity, seen.shown, sent)
    found = listed(stage, entity, row, case.name)
    if found is not None:
        case.ledger.expect("listed", found.shown is not None, lambda: f"not listed: {found.answer}")


def check_gone(case: Case, stage: Stage, entity: str, row: Row, before: Before) -> None:
    case.ledger.expect("effect", stage.row(entity, row["id"]) is None, "the row is still there")
    check_kept(case, stage, row)
    seen = before.seen
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
            return dict(Asker(past, name, "past").good(target=row).arguments)
        except Unaskable:
            return None
