"""Whether two net changes are the same up to renaming of fresh rows: decided by search, to check the kit's canonical
form (which verifiers rely on) against something that shares no code with it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import permutations, product
from typing import Any

from app_clones.kit.change import RowChange
from app_clones.kit.schema import Table, is_log, key_of

Fresh = tuple[str, Any]
Row = tuple[str, str, tuple[Any, ...]]
MOST_RENAMINGS = 50_000


def same(
    one: Sequence[RowChange], other: Sequence[RowChange], schema: Mapping[str, Table], *, asked: bool = True
) -> bool:
    """Whether some renaming of fresh ids turns the content and refs of ``one`` into those of ``other``.

    The outcome's answer counts without surrounding space, and only where one is ``asked`` for; a decline's reason not
    at all.
    """
    return Form(one, schema, asked=asked).same(Form(other, schema, asked=asked))


class Form:
    """A net change, to be compared with others; what that takes is kept. ``asked``: as of :func:`same`."""

    def __init__(self, changes: Sequence[RowChange], schema: Mapping[str, Table], *, asked: bool = True) -> None:
        self.schema, self.asked = schema, asked
        self.changes = [change for change in changes if self._counts(change)]
        self.fresh = {(c.table, c.key["id"]) for c in self.changes if c.op == "insert" and not schema[c.table].key}

    def _counts(self, change: RowChange) -> bool:
        table = self.schema[change.table]
        told = [column.name for column in table.columns if column.kind in ("content", "ref")]
        return not is_log(table) and (change.op != "update" or any(name in change.new for name in told))

    def same(self, other: Form) -> bool:
        """As :func:`same`."""
        if self.kinds != other.kinds or self.shape != other.shape:
            return False
        return any(self.rows(renaming) == other.named for renaming in self.renamings(other))

    @cached_property
    def kinds(self) -> Counter[tuple[str, str]]:
        """How many rows of which table were inserted, updated, deleted: cheap, and tells most apart."""
        return Counter((change.table, change.op) for change in self.changes)

    @cached_property
    def named(self) -> Counter[Row]:
        """All rows under the ids that they have."""
        return self.rows({})

    @cached_property
    def shape(self) -> Counter[tuple[Any, ...]]:
        """What no renaming changes."""
        return Counter(self._own(change) for change in self.changes)

    def _own(self, change: RowChange) -> tuple[Any, ...]:
        """The row without its references to fresh rows."""
        return (change.table, change.op, *(cell for cell in self._cells(change, {}) if not _is_fresh(cell[1])))

    def _cells(self, change: RowChange, names: Mapping[Fresh, Fresh]) -> list[tuple[str, Any]]:
        table = self.schema[change.table]
        keyed = key_of(table)
        values = {**change.new, **change.key} if change.op != "delete" else dict(change.key)
        cells = []
        for column in table.columns:
            if column.name not in values or (column.kind in ("time", "log") and column.name not in keyed):
                continue
            to = change.table if column.kind == "id" else column.to
            value: Any = self._outcome(change, column.name, values[column.name])
            if to is not None and (to, value) in self.fresh:
                value = ("fresh", *names.get((to, value), (to, value)))
            cells.append((column.name, value))
        return cells

    def rows(self, names: Mapping[Fresh, Fresh]) -> Counter[Row]:
        """All rows, fresh ones under ``names``."""
        return Counter((c.table, c.op, tuple(self._cells(c, names))) for c in self.changes)

    def renamings(self, other: Form) -> Iterator[dict[Fresh, Fresh]]:
        """Every way to pair fresh rows that look alike by themselves."""
        mine, theirs = self._alike(), other._alike()
        choices = [[list(zip(mine[look], way, strict=True)) for way in permutations(theirs[look])] for look in mine]
        for n, chosen in enumerate(product(*choices)):
            if n >= MOST_RENAMINGS:
                raise ValueError(f"more than {MOST_RENAMINGS} ways to pair fresh rows")
            yield {a: b for pairs in chosen for a, b in pairs}

    def _alike(self) -> dict[tuple[Any, ...], list[Fresh]]:
        groups: defaultdict[tuple[Any, ...], list[Fresh]] = defaultdict(list)
        for change in self.changes:
            if change.op == "insert" and not self.schema[change.table].key:
                groups[self._own(change)].append((change.table, change.key["id"]))
        return groups

    def _outcome(self, change: RowChange, column: str, value: Any) -> Any:
        if change.table != "task_outcome" or column != "answer":
            return value
        return str(value).strip() if self.asked and change.new["kind"] != "declined" else ""


def _is_fresh(value: Any) -> bool:
    return isinstance(value, tuple)
