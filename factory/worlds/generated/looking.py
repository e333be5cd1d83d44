"""The reads by which an agent finds rows: lists, filtered where that can be done, page by page until they show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app_clones.declared.keys import Names as KeyNames
from app_clones.declared.model import PERSON
from app_clones.declared.render import renderer
from app_clones.declared.tools import use
from app_clones.declared.values import canonical
from app_clones.kit.errors import AppError
from app_clones.kit.world import Call, World
from factory.verifiers.declared.deeds import ID, Condition, Create, Described, Fresh, Read
from factory.worlds.generated.abilities import Abilities, Ability, Named
from factory.worlds.generated.calls import deed_call, named_in_json, rows_named, tool

if TYPE_CHECKING:
    from factory.worlds.generated.survey import Seen, Survey

Json = Any
_MOST_PAGES = 4


@dataclass(frozen=True, slots=True)
class Line:
    """How a row and those above it are called."""

    names: Mapping[str, Json]
    paths: Mapping[str, str]

    @classmethod
    def of(cls, seen: Seen) -> Line:
        """That of ``seen``."""
        line = list(seen.line())
        return cls({one.entity: one.name for one in line}, {one.entity: one.path for one in line})


class _Made(Exception):
    """Carries how a row is called out of a transaction that does not last."""

    def __init__(self, fresh: Fresh) -> None:
        super().__init__()
        self.fresh = fresh


class Looking:
    """Finds reads and remembers what they answered, past the tools: faults do not come in the way."""

    def __init__(self, can: Abilities, world: World) -> None:
        self._can = can
        self._world = world
        self._answers: dict[tuple[str, str], Json] = {}

    def way(self, survey: Survey, seen: Seen, what: Described) -> tuple[Read, ...] | None:
        """The reads that lead to ``seen`` by ``what``; None where nothing shows it."""
        if seen.entity == PERSON:
            return ()
        before = self._before(survey, what)
        if before is None:
            return None
        about = self._can.of[seen.entity]
        if about.decl.singleton:
            return self._singleton(seen, before)
        if about.list is None:
            return before if any(one.field == ID for one in what.where) else None
        pages = self._pages(survey, about.list, seen.above, what)
        reads = list(before)
        for page in pages:
            reads.append(page.read)
            row = self._row(page, seen)
            if row is not None:
                return tuple(reads) if self._tells(about, page, row, what) else None
        return None

    def closely(self, seen: Seen) -> tuple[Read, ...]:
        """The read that shows the row in full, where there is one."""
        get = self._can.of[seen.entity].get
        arguments = rows_named(self._can.decl, get.decl, Line.of(seen)) if get else None
        if get is None or arguments is None:
            return ()
        return (Read(tool=tool(self._can.decl, get.name), arguments=arguments),)

    def shows(self, survey: Survey, seen: Seen, field: str) -> bool:
        """Whether an agent that found the row reads what ``field`` holds: in full, or in its line of the list."""
        about = self._can.of[seen.entity]
        usual = survey.describe(seen)
        if about.get is not None or about.list is None or usual is None:
            return about.get is not None
        what = Described(entity=seen.entity, where=(Condition(field=field),))
        for page in self._pages(survey, about.list, seen.above, usual):
            row = self._row(page, seen)
            if row is not None:
                return field in page.asked or self._tells(about, page, row, what)
        return False

    def fresh(self, deed: Create) -> Fresh | None:
        """How the row that ``deed`` makes first of all will be called; None where it cannot be made."""
        arguments = deed_call(self._can.decl, deed).arguments or {}
        with self._world.transaction(1) as call:
            try:
                call.protected(lambda: self._make(call, deed, arguments))
            except _Made as made:
                return made.fresh
            except AppError:
                return None
        return None

    def _make(self, call: Call, deed: Create, arguments: Mapping[str, Json]) -> None:
        use(self._can.ready, call, deed.operation, arguments)
        plan, names = self._can.ready.entities[deed.entity], KeyNames(self._can.ready, call)
        (id,) = call.one(f"SELECT max(id) FROM {plan.table}") or (0,)
        row = names.row(deed.entity, int(id))
        above = deed.parent
        raise _Made(
            Fresh(
                deed=0,
                names={**(above.names if above else {}), deed.entity: names.ident(deed.entity, row)},
                paths={**(above.paths if above else {}), deed.entity: names.path(deed.entity, row)},
            )
        )

    def all_of(self, survey: Survey, what: Described) -> tuple[Read, ...] | None:
        """The reads that show all rows of ``what``."""
        about, wanted = self._can.of[what.entity], survey.matching(what)
        if about.list is None:
            return None
        aboves = {one.above for one in survey.rows[what.entity]}
        under = [one for one in what.where if one.field == about.decl.parent]
        if under and under[0].row:
            aboves = set(survey.matching(under[0].row))
        if len(aboves) != 1 and not self._can.lists_alone(what.entity):
            return None
        before = self._before(survey, what)
        pages = self._pages(survey, about.list, next(iter(aboves)) if len(aboves) == 1 else None, what)
        if before is None:
            return None
        for one in wanted:
            found = [(page, row) for page in pages if (row := self._row(page, one)) is not None]
            if not found or not self._tells(about, *found[0], what):
                return None
        return (*before, *(page.read for page in pages))

    def _before(self, survey: Survey, what: Described) -> tuple[Read, ...] | None:
        """The reads that find the rows which ``what`` mentions."""
        reads: list[Read] = []
        for condition in what.where:
            if condition.row is None:
                continue
            found = survey.matching(condition.row)
            target = survey.target(found[0], condition.row) if len(found) == 1 else None
            if target is None:
                return None
            reads += [read for read in target.look if read not in reads]
        return tuple(reads)

    def _singleton(self, seen: Seen, before: tuple[Read, ...]) -> tuple[Read, ...] | None:
        get = self._can.of[seen.entity].get
        if get is None:
            return before
        arguments = rows_named(self._can.decl, get.decl, Line.of(seen))
        if arguments is None:
            return None
        return (*before, Read(tool=tool(self._can.decl, get.name), arguments=arguments))

    def _pages(self, survey: Survey, listing: Named, above: Seen | None, what: Described) -> list[_Page]:
        arguments = rows_named(self._can.decl, listing.decl, Line.of(above) if above else None)
        if arguments is None:
            return []
        narrowed = self._narrowed(survey, listing, what)
        arguments |= narrowed
        asked = {listing.decl.params[name].field for name in narrowed}
        token = next((name for name, one in listing.decl.params.items() if one.role == "page_token"), None)
        found = []
        for _ in range(_MOST_PAGES):
            answer = self._ask(listing.name, arguments)
            if answer is None:
                return []
            rows, next_ = _rows(listing, answer)
            read = Read(tool=tool(self._can.decl, listing.name), arguments=dict(arguments))
            found.append(_Page(read, listing, rows, frozenset(name for name in asked if name)))
            if not next_ or token is None:
                return found
            arguments = {**arguments, token: next_}
        return []

    def _narrowed(self, survey: Survey, listing: Named, what: Described) -> dict[str, Json]:
        """Arguments that leave out rows which ``what`` does not mean."""
        fields = self._can.of[what.entity].decl.fields
        by_field = {c.field: c for c in what.where if c.field in fields}
        found: dict[str, Json] = {}
        for name, param in listing.decl.params.items():
            condition = by_field.get(param.field or "")
            if param.role != "filter" or param.compare != "eq" or param.repeated or condition is None:
                continue
            if condition.row is None:
                found[name] = condition.value
            elif len(named := survey.matching(condition.row)) == 1:
                found[name] = named_in_json(self._can.decl, condition.row.entity, Line.of(named[0]))
        search = next((name for name, one in listing.decl.params.items() if one.role == "search"), None)
        words = [c.value for c in by_field.values() if fields[c.field].search and isinstance(c.value, str)]
        return {search: words[0]} if search and words and not found else found

    def _ask(self, operation: str, arguments: Mapping[str, Json]) -> Json:
        key = (operation, canonical(dict(arguments)))
        if key not in self._answers:
            try:
                with self._world.transaction(1, readonly=True) as call:
                    self._answers[key] = use(self._can.ready, call, operation, arguments)
            except AppError:
                self._answers[key] = None
        return self._answers[key]

    def _row(self, page: _Page, seen: Seen) -> Mapping[str, Json] | None:
        """The row as the page shows it, if it does."""
        key = self._can.of[seen.entity].decl.key
        for row in page.rows:
            if isinstance(row, dict) and (
                (key.wire is not None and row.get(key.wire) == seen.name)
                or (key.path is not None and row.get(key.path) == seen.path)
            ):
                return row
        return None

    def _tells(self, about: Ability, page: _Page, row: Mapping[str, Json], what: Described) -> bool:
        """Whether the line of a row, as an agent reads it, says all of ``what`` that the list was not asked for."""
        line = renderer(self._can.ready, page.listing.name)({page.listing.decl.result.items: [row]})
        if isinstance(self._ask(page.listing.name, page.read.arguments), list):
            line = renderer(self._can.ready, page.listing.name)([row])
        wires = self._can.ready.entities[about.name].names
        for condition in what.where:
            if condition.field in (ID, about.decl.label, about.decl.parent, *page.asked):
                continue
            value = row.get(wires[condition.field])
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            if value is None or f"{wires[condition.field]}: {text}" not in line:
                return False
        return True


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of a list: the call that shows it, its rows, and the fields that the list was narrowed by."""

    read: Read
    listing: Named
    rows: list[Json]
    asked: frozenset[str]


def _rows(listing: Named, answer: Json) -> tuple[list[Json], str | None]:
    """The rows of an answer, and the token of the next page."""
    result = listing.decl.result
    if isinstance(answer, list):
        return answer, None
    rows, next_ = answer.get(result.items) or [], answer.get(result.next) if result.next else None
    return (rows if isinstance(rows, list) else []), next_ or None
