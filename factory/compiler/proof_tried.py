"""One request that is tried: what it answers and changes, as something to compare."""

from __future__ import annotations

from typing import Any

from app_clones.declared.model import Param
from app_clones.declared.values import canonical, schema_of
from app_clones.kit.change import RowChange
from factory.compiler.proof_answers import Answer
from factory.compiler.proof_case import Case

Json = Any

NOWHERE = "zz-no-such-thing"
"""What nothing is called."""


def tried(case: Case, *seed: str | int, **arguments: Json) -> tuple[Answer, list[RowChange]]:
    """What a good request with these arguments besides answers, and changes."""
    with case.stage() as stage:
        asked = case.asker(stage, *seed).good()
        stage.mark()
        answer = stage.ask(case.name, asked.having(**arguments).arguments)
        return answer, stage.changes()


def as_text(answer: Answer, changes: list[RowChange]) -> str:
    """An answer and changes in one text, equal where they are."""
    listed = [[one.table, one.op, dict(one.key), dict(one.old), dict(one.new)] for one in changes]
    return canonical([answer.status, answer.json, listed])


def value_of(case: Case, name: str, param: Param) -> Json:
    """A value that the parameter should take."""
    return case.subject.values("parameter", case.name, name).draw(schema_of(param, case.subject.decl, wire=True))
