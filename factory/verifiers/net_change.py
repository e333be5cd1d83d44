"""Net state change: what a task may have changed in its world is exactly what was declared, or the reward is 0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app_clones.kit.canonical import Canonical, canonical, difference
from app_clones.kit.change import RowChange
from app_clones.kit.schema import Table, is_log
from factory.environment import Check, Verdict

OUTCOME = "task_outcome"
SHOWN = 12
"""Lines of the difference that a verdict keeps."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a task done rightly leaves behind.

    ``changes``: every row, over all content and ref columns; fresh rows under negative ids, which stand for any id.
    Times and logs may be left out; ``times`` names ``table.column`` that do count. ``answer`` is compared without
    surrounding space; None where the task asks for none: whatever is said then ("Done.") counts neither way.
    """

    changes: tuple[RowChange, ...]
    outcome: Literal["submitted", "declined"] = "submitted"
    answer: str | None = None
    times: frozenset[str] = frozenset()


def wanted_form(expected: Expected, schema: Mapping[str, Table]) -> Canonical:
    """The canonical form of what is expected; the same for every episode of a task."""
    return canonical(expected.changes, schema, times=expected.times)


def judge(
    expected: Expected,
    found: Sequence[RowChange],
    schema: Mapping[str, Table],
    wanted: Canonical | None = None,
    *,
    explain: bool = True,
) -> Verdict:
    """Compares the net change since the fork with what was expected. Reward 1 if every check passes, else 0.

    ``wanted``: ``wanted_form(expected, schema)``, where the caller has it already. Without ``explain`` a verdict below
    1 comes sooner, with the same reward and checks that do not say which row failed them.
    """
    rest = [change for change in found if change.table != OUTCOME]
    wanted = wanted_form(expected, schema) if wanted is None else wanted
    equal, lines = _compared(expected, wanted, rest, schema, explain)
    checks = (
        *_outcome_checks(expected, [change for change in found if change.table == OUTCOME]),
        _check("expected_changes", lines, ("missing:", "differs:"), equal),
        _check("no_other_changes", lines, ("unexpected:", "differs:"), equal),
    )
    evidence = {"difference": list(lines[:SHOWN]), "differences": len(lines)}
    return Verdict(1.0 if all(check.passed for check in checks) else 0.0, checks, evidence)


def _compared(
    expected: Expected, wanted: Canonical, found: Sequence[RowChange], schema: Mapping[str, Table], explain: bool
) -> tuple[bool, tuple[str, ...]]:
    """Whether the changes are equal, and how they differ if ``explain``."""
    counted = _rows(expected.changes, schema) == _rows(found, schema)
    if not counted and not explain:
        return False, ()
    there = canonical(found, schema, times=expected.times)
    equal = counted and wanted == there
    return equal, difference(wanted, there) if explain and not equal else ()


def _rows(changes: Iterable[RowChange], schema: Mapping[str, Table]) -> Counter[tuple[str, str]]:
    """How many rows came and went, by table: no renaming alters that, so it is looked at before any is sought."""
    return Counter((c.table, c.op) for c in changes if c.op != "update" and not is_log(schema[c.table]))


def _outcome_checks(expected: Expected, outcomes: Sequence[RowChange]) -> tuple[Check, Check]:
    if len(outcomes) != 1 or outcomes[0].op != "insert":
        detail = f"expected {expected.outcome}, found " + ("no outcome" if not outcomes else f"{len(outcomes)} changes")
        return Check("outcome", False, detail), Check("answer", False, "no answer without one outcome")
    kind, answer = str(outcomes[0].new["kind"]), str(outcomes[0].new["answer"])
    right_kind = kind == expected.outcome
    right_answer = expected.answer is None or answer.strip() == expected.answer
    return (
        Check("outcome", right_kind, "" if right_kind else f"expected {expected.outcome}, found {kind}"),
        Check("answer", right_answer, "" if right_answer else f"expected {expected.answer!r}, found {answer[:80]!r}"),
    )


def _check(name: str, lines: Sequence[str], kinds: tuple[str, ...], equal: bool) -> Check:
    mine = [line for line in lines if line.startswith(kinds)]
    # Equality decides; the lines only explain it.
    return Check(name, equal or (not mine and bool(lines)), "; ".join(mine[:3]))
