"""Checks of where a row belongs, where nothing of the row itself says it: by the lists below rows of other kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app_clones.declared.entities import Row
from app_clones.declared.model import PERSON
from app_clones.declared.values import canonical
from factory.compiler.proof_asking import Asked, Asker, Unaskable, target_param
from factory.compiler.proof_case import Case
from factory.compiler.proof_looking import Broken, Seen, called, idents, look, page_text, row_page, walk
from factory.compiler.proof_subject import Stage

Json = Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where the target may belong: what a ``list`` below the row of ``entity`` has, and the words of that row's page.
    ``named``: whether the operation is about that row, and not another of its kind; ``field``: what says it."""

    list: str
    entity: str
    row: Row
    field: str
    named: bool
    items: Sequence[Json]
    words: str


def places_of(case: Case, stage: Stage, asked: Asked) -> tuple[Place, ...]:
    """What tells now where the target belongs, of what the operation changes; the row that it names, and another."""
    found: list[Place] = []
    for name, row in asked.rows.items():
        field, entity = _written(case, name), case.operation.params[name].entity or PERSON
        if field is None:
            continue
        other = next((one for one in stage.visible(entity) if one["id"] != row["id"]), None)
        for at in (row, other):
            listing = _listing(case, stage, field, entity, at) if at is not None else None
            if at is not None and listing is not None:
                words = page_text(row_page(stage, entity, at["id"]))
                found.append(Place(listing[0], entity, at, field, at is row, listing[1], words))
    return tuple(found)


def check_places(case: Case, stage: Stage, asked: Asked, before: Sequence[Place], seen: Seen | None) -> bool:
    """Notes that the target came to the row that is named, or went from there, that another has it as it had, and that
    the target is still ``seen`` as it was. False where nothing tells."""
    assert case.entity is not None
    assert asked.target is not None
    for then in before:
        found = _listing(case, stage, then.field, then.entity, then.row)
        now = Counter(map(canonical, found[1] if found else ()))
        wanted = Counter(map(canonical, then.items))
        if then.named:
            came = -1 if then.field in case.operation.remove else 1
            wanted[canonical(called(stage, case.entity, asked.target))] += came
            words = page_text(row_page(stage, then.entity, then.row["id"]))
            case.ledger.expect("page", words != then.words, f"the {then.entity}'s page shows what it showed before")
        told = f"{then.list} has {sorted(now)[:4]}, not {sorted(+wanted)[:4]}"
        case.ledger.expect("read_back" if then.named else "other_parents", now == +wanted, told)
    if before and seen is not None:
        now_seen = look(stage, case.entity, asked.target, case.name)
        kept = now_seen is not None and canonical(now_seen.shown) == canonical(seen.shown)
        case.ledger.expect("rest", kept, lambda: f"it was to stay as it is: {now_seen and now_seen.answer}")
    return bool(before)


def check_kept(case: Case, stage: Stage, row: Row) -> None:
    """Notes of a row that goes through one of those to which it belongs, and to which nothing seen ties it, that it was
    not deleted: it was to go from there alone."""
    assert case.entity is not None
    fields = case.subject.entity(case.entity).fields
    ties = [field for field in _ties(case).values() if fields[field].hidden or fields[field].repeated]
    if ties:
        gone = stage.row(case.entity, row["id"]) is None
        case.ledger.expect("kept", not gone, f"it belongs to others as well ({ties[0]}), and is gone everywhere")


def elsewhere(case: Case, stage: Stage, asked: Asked) -> Iterator[tuple[str, Asked]]:
    """The request through other rows than those under which its target lies, or to which it belongs."""
    if asked.target is None or target_param(case.operation) not in asked.arguments or case.entity in (None, PERSON):
        return
    chain = stage.chain(case.entity, asked.target)
    ties = _ties(case)
    named = case.subject.entity(case.entity).key.form == "given"  # another row there may be called the same
    above = () if named else case.subject.ready.plan(case.name).ancestors
    for name in (*above, *ties):
        param = case.operation.params[name]
        if param.place != "path" or name not in asked.rows or param.entity in (None, PERSON):
            continue
        held = asked.target[ties[name]] if name in ties else chain[param.entity]["id"]
        taken = [*held] if isinstance(held, list) else [held]
        if param.entity == case.entity:
            taken.append(asked.target["id"])
        asker = Asker(stage, case.name, "elsewhere")
        names = [asker.called(name, param, one) for one in stage.visible(param.entity) if one["id"] not in taken]
        # Zones of two projects may be called alike: under the first, the name of either is its own.
        called_so = next((one for one in names if one != asked.arguments[name]), None)
        if called_so is not None:
            yield f"through {name}={called_so!r}, where it is not", asked.having(**{name: called_so})


def _ties(case: Case) -> dict[str, str]:
    """The parameters that name rows to which the target must belong already, each with the ref that says so."""
    plan = case.subject.ready.plan(case.name)
    return {name: plan.related[name] for name in plan.bound}


def _written(case: Case, param: str) -> str | None:
    """The hidden field in which the operation writes, or from which it takes, the row that ``param`` names."""
    effects = (case.operation.set, case.operation.append, case.operation.remove)
    fields = case.subject.entity(case.entity).fields if case.entity else {}
    written = [field for effect in effects for field, value in effect.items() if value == f"${param}"]
    return next((field for field in written if fields[field].hidden), None)


def _listing(case: Case, stage: Stage, field: str, entity: str, row: Row) -> tuple[str, list[Json]] | None:
    """A list of what belongs to ``row`` by ``field``, and what it has; None where there is no such list."""
    assert case.entity is not None
    for name in case.subject.operations(case.entity, "list", but=case.name):
        by = next((one for one, ref in case.subject.ready.plan(name).related.items() if ref == field), None)
        if by is None:
            continue
        asker = Asker(stage, name, "places")
        try:
            asked = asker.good().having(**{by: asker.called(by, asker.operation.params[by], row)})
            return name, idents(stage, case.entity, walk(stage, asked)[0])
        except (Unaskable, Broken):
            continue
    return None
