"""Checks of a method that reads: its answer follows the state and never moves it; a list has each row exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from app_clones.declared.entities import Row
from app_clones.declared.expand import outer_parent
from app_clones.declared.model import PERSON
from app_clones.declared.values import canonical
from factory.compiler.proof_answers import Answer
from factory.compiler.proof_asking import Asked, Asker, Unaskable
from factory.compiler.proof_case import Case
from factory.compiler.proof_choosing import refers
from factory.compiler.proof_expected import expected
from factory.compiler.proof_looking import Broken, called, idents, items_of, shows_rows, walk
from factory.compiler.proof_rows import change_row, new_row
from factory.compiler.proof_subject import ACTOR, Stage
from factory.compiler.values import Undrawable

Json = Any

#: Pages of so many rows are asked for.
SIZES = (1, 2, 3, 7)
_MOST_TRIES = 24


def prove_read(case: Case) -> None:
    """All checks of a method that only reads."""
    if case.operation.kind == "list":
        _prove_list(case)
    else:
        _prove_get(case)


def _still(case: Case, stage: Stage, asked: Asked) -> Answer:
    """Asks, and notes that the state did not move."""
    before = stage.digest
    answer = stage.ask(case.name, asked.arguments)
    if case.operation.http is not None and case.operation.http.verb == "GET":
        still = stage.digest == before == stage.world.full_digest()
    else:
        still = not stage.changes()  # a request of another verb takes time, and nothing more
    case.ledger.expect("still", still, lambda: f"the state moved: {answer}")
    return answer


# ---- one thing


def _prove_get(case: Case) -> None:
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        stage.mark()
        first = _still(case, stage, asked)
        if not case.granted(first):
            return
        _follow(case, stage, asked, first)
    if asked.target is not None and case.entity is not None:
        _prove_own(case, asked)


def _follow(case: Case, stage: Stage, asked: Asked, first: Answer) -> None:
    """Changes the state in one way after the other until the answer is another."""
    tried: list[str] = []
    for way, work in _ways(case, stage, asked):
        if len(tried) == _MOST_TRIES:
            break
        try:
            done = work()
        except (Unaskable, Undrawable):
            continue
        if not done:
            continue
        tried.append(way)
        if canonical(stage.ask(case.name, asked.arguments).json) != canonical(first.json):
            case.ledger.expect("follows", True)
            return
    done_so_far = ", ".join(tried[:6]) or "nothing could be changed"
    case.ledger.expect("follows", False, f"the answer stays whatever is done ({done_so_far}): {first}")


def _ways(case: Case, stage: Stage, asked: Asked) -> Iterator[tuple[str, Callable[[], bool]]]:
    """What may be done to the state, the likeliest to show first: the target changed by a method, or behind the API,
    field by field; then rows of its entity, and of all others, made and changed."""
    entity, target = case.entity, asked.target
    if entity is not None and target is not None and entity != PERSON:
        for name in case.subject.operations(entity, "update", "replace", but=case.name)[:2]:
            yield name, partial(_asked, stage, name, target)
        fields = case.subject.entity(entity).fields
        shown = case.operation.result.field
        for field in sorted(fields, key=lambda field: field != shown):
            yield f"{entity}.{field}", partial(change_row, stage, entity, target, field)
        if all(field.hidden for field in fields.values()):  # all that there is to tell is whether it is there
            for name in case.subject.operations(entity, "delete")[:1]:
                yield name, partial(_asked, stage, name, target)
    others = [name for name in case.subject.ready.entities if name != PERSON]
    named = [(case.operation.params[name].entity or PERSON, row) for name, row in asked.rows.items()]
    for other, row in [(name, row) for name, row in named if name != PERSON]:
        for field in case.subject.entity(other).fields:
            yield f"{other}.{field}", partial(change_row, stage, other, row, field)
    for other in sorted(others, key=lambda name: name != entity):
        yield f"a new {other}", partial(_made, case, stage, other)


def _asked(stage: Stage, name: str, target: Row) -> bool:
    return stage.ask(name, Asker(stage, name, "way").good(target=target).arguments).ok


def _made(case: Case, stage: Stage, entity: str) -> bool:
    return new_row(case, stage, entity) is not None


def _prove_own(case: Case, asked: Asked) -> None:
    """Another row gives another answer, and whatever is done to that one does not show here."""
    assert case.entity is not None
    assert asked.target is not None
    with case.stage() as stage:
        first = stage.ask(case.name, asked.arguments)
        try:
            second = case.asker(stage, "second").good(but=(asked.target["id"],))
        except Unaskable:
            return
        other = stage.ask(case.name, second.arguments)
        if not case.granted(other) or second.target is None:
            return
        key = case.subject.entity(case.entity).key
        if shows_rows(case.operation) and (key.wire or key.path):
            told = canonical(other.json) != canonical(first.json)
            case.ledger.expect("distinct", told, f"two rows, one answer: {other}")
        for field in case.subject.entity(case.entity).fields:
            try:
                if change_row(stage, case.entity, second.target, field):
                    break
            except Undrawable:
                continue
        again = stage.ask(case.name, asked.arguments)
        case.ledger.expect(
            "distinct", canonical(again.json) == canonical(first.json), "another row's change shows here"
        )
        if case.subject.entity(case.entity).owner is not None:
            refused = stage.ask(case.name, asked.arguments, actor=ACTOR + 1)
            case.ledger.expect(
                "others", refused.status in (403, 404), lambda: f"shown to who may not see it: {refused}"
            )


# ---- lists


def _prove_list(case: Case) -> None:
    if case.entity is None:
        _prove_get(case)
        return
    with case.stage() as stage:
        asked = case.asker(stage, "first").good()
        first = _still(case, stage, asked)
        if not case.granted(first):
            return
        wanted = expected(case, stage, asked)
        shown = check_pages(case, stage, asked, wanted)
        _prove_sizes(case, stage, asked, shown)
        _prove_follows(case, stage, asked, shown)


def check_pages(
    case: Case, stage: Stage, asked: Asked, wanted: list[Row], *, check: str = "paging", why: str = ""
) -> list[Json]:
    """Notes under ``check`` that all pages together have each wanted row once and none else; returns what they have."""
    assert case.entity is not None
    try:
        items, answer = walk(stage, asked)
    except Broken as error:
        case.ledger.expect(check, False, f"{why} {error}")
        return []
    found = idents(stage, case.entity, items)
    ids = [called(stage, case.entity, row) for row in wanted]
    key = case.subject.entity(case.entity).key
    if key.wire or key.path:
        good = Counter(map(canonical, found)) == Counter(map(canonical, ids))
    else:
        good = len(found) == len(ids)
    case.ledger.expect(check, good, lambda: f"{why} {_difference(found, ids)}: {answer}")
    total = case.operation.result.total
    if total is not None and isinstance(answer.json, dict) and total in answer.json:
        count = answer.json[total]
        case.ledger.expect(check, int(count) == len(wanted), f"{why} {total} is {count}, there are {len(wanted)}")
    return found


def _difference(found: list[Json], wanted: list[Json]) -> str:
    have, want = Counter(map(canonical, found)), Counter(map(canonical, wanted))
    lacking, extra = list((want - have).elements()), list((have - want).elements())
    return f"{len(found)} rows, not {len(wanted)}; lacking {lacking[:2]}, too many {extra[:2]}"


def _prove_sizes(case: Case, stage: Stage, asked: Asked, shown: list[Json]) -> None:
    """Whatever the size of a page, the rows are the same in the same order."""
    assert case.entity is not None
    roles = {param.role: (name, param) for name, param in case.operation.params.items()}
    if "page_size" not in roles:
        return
    low = roles["page_size"][1].min or 1
    by_token = case.operation.result.next is not None and "page_token" in roles
    onward = by_token or not {"after", "offset", "page_number"}.isdisjoint(roles)
    for size in SIZES:
        if size < low or len(shown) > 40 * size:
            continue
        for role in ("page_size", "page_token", "after", "offset", "page_number"):
            if role in roles and len(shown) > size:
                case.parameters[roles[role][0]] = "honoured"
        if not onward:
            _check_size(case, stage, asked.having(**{roles["page_size"][0]: size}), size, len(shown))
            continue
        try:
            items, _ = walk(stage, asked, size)
        except Broken as error:
            case.ledger.expect("paging", False, str(error))
            return
        again = idents(stage, case.entity, items)
        if case.operation.result.group is not None:  # of groups, each page has its own, so the order is not told
            same = Counter(map(canonical, again)) == Counter(map(canonical, shown))
        else:
            same = again == shown
        case.ledger.expect("paging", same, f"pages of {size} give {len(items)} rows, in all there are {len(shown)}")
        _check_size(case, stage, asked.having(**{roles["page_size"][0]: size}), size, len(shown))


def _check_size(case: Case, stage: Stage, asked: Asked, size: int, of: int) -> None:
    answer = stage.ask(case.name, asked.arguments)
    count = len(items_of(case.operation, answer.json))
    case.ledger.expect("paging", answer.ok and count == min(size, of), f"a page of {size} has {count} rows of {of}")


def _prove_follows(case: Case, stage: Stage, asked: Asked, shown: list[Json]) -> None:
    """A row that is made is listed, one that goes is not; and other parents' rows never are."""
    assert case.entity is not None
    plan = case.subject.plan(case.entity)
    above = {case.operation.params[name].entity or PERSON: row for name, row in asked.rows.items()}
    first = stage.ask(case.name, asked.arguments)
    if case.entity == PERSON or plan.decl.singleton:
        _follow_change(case, stage, asked, first)
        return
    made = new_row(case, stage, case.entity, above)
    if made is None:
        _follow_change(case, stage, asked, first)
        return
    _let_through(case, stage, asked, made)
    now = check_pages(case, stage, asked, expected(case, stage, asked))
    case.ledger.expect(
        "follows", len(now) == len(shown) + 1, f"a row was made: {len(shown)} were listed, now {len(now)}"
    )
    parent = outer_parent(case.entity, plan.decl)
    if parent is None or plan.above is None:
        return
    for other in [row for row in stage.visible(plan.above) if row["id"] != made[parent]][:1]:
        if any(_named(case, name, plan.above) for name in asked.rows):
            new_row(case, stage, case.entity, stage.chain(plan.above, other))
            wanted = expected(case, stage, asked)
            check_pages(case, stage, asked, wanted, check="other_parents", why=f"a row under another {plan.above}:")


def _let_through(case: Case, stage: Stage, asked: Asked, made: Row) -> None:
    """Gives a new row what the filters that the request must give ask for, and lets it belong to the rows named."""
    assert case.entity is not None
    related = case.subject.ready.plan(case.name).related
    for name in related.keys() & asked.rows.keys():
        field, rowid = related[name], asked.rows[name]["id"]
        if not refers(made[field], rowid):
            repeated = case.subject.entity(case.entity).fields[field].repeated
            stage.update(case.entity, made, {field: [rowid] if repeated else rowid})
    filters = [
        one.field for name, one in case.operation.params.items() if one.role == "filter" and name in asked.arguments
    ]
    there = expected(case, stage, asked)
    if filters and there and made["id"] not in [row["id"] for row in there]:
        stage.update(case.entity, made, {name: there[0][name] for name in filters if name})


def _named(case: Case, name: str, entity: str) -> bool:
    return case.operation.params[name].entity == entity


def _follow_change(case: Case, stage: Stage, asked: Asked, first: Answer) -> None:
    """No row can be made: one that is listed is changed."""
    assert case.entity is not None
    for row in expected(case, stage, asked)[:3]:
        for field in case.subject.entity(case.entity).fields:
            try:
                if not change_row(stage, case.entity, row, field):
                    continue
            except Undrawable:
                continue
            if canonical(stage.ask(case.name, asked.arguments).json) != canonical(first.json):
                case.ledger.expect("follows", True)
                return
    case.ledger.expect("follows", False, lambda: f"the answer stays whatever is done: {first}")
