"""Whether a row is such that an operation may be done on it, as a look at the world's rows tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app_clones.declared.expressions import names_in, prepare
from app_clones.declared.model import PERSON, OperationDecl, Require
from app_clones.declared.requirements import holds, requirements
from factory.verifiers.declared.find import ME
from factory.worlds.generated.survey import Seen, Survey

Json = Any

_KNOWN = frozenset({"row", "id", "actor"})


def permits(survey: Survey, operation: OperationDecl, seen: Seen, given: Mapping[str, Json] | None = None) -> bool:
    """Whether the operation's preconditions hold of the row, and that can be told. ``given``: its inputs by name, rows
    by their ids."""
    return _permitted(survey, operation, seen, given or {}) is True


def forbids(survey: Survey, operation: OperationDecl, seen: Seen, given: Mapping[str, Json] | None = None) -> bool:
    """Whether one of them does not hold, and that can be told."""
    return _permitted(survey, operation, seen, given or {}) is False


def _permitted(survey: Survey, operation: OperationDecl, seen: Seen, given: Mapping[str, Json]) -> bool | None:
    """None where a condition is about a row that is not seen."""
    if operation.only and not any(seen.values[name] == ME for name in operation.only):
        return False
    try:
        return all(_holds(survey, operation, one, seen, given) for one in requirements(operation))
    except _Unseen:
        return None


class _Unseen(Exception):
    """What decides is on a row that the survey does not have."""


def _holds(survey: Survey, operation: OperationDecl, one: Require, seen: Seen, given: Mapping[str, Json]) -> bool:
    def look(chain: Sequence[str]) -> Json:
        head, *path = chain
        if head in ("row", "id", "actor"):
            at, value = (survey.row(PERSON, ME), ME) if head == "actor" else (seen, seen.id)
        else:
            param, value = operation.params[head], given[head]
            at = survey.row(param.to, value) if param.to and path else None
        for part in path:
            if at is None:
                raise _Unseen
            value = at.id if part == "id" else at.values[part]
            if value is None:
                return None
            at = survey.named(at, part) if part != "id" else at
        return value

    heads = {chain[0] for chain in names_in([one.that, one.value])} - _KNOWN
    missing = any(given.get(name) is None for name in heads)
    return missing or holds(one.compare, *(prepare(side)(look) for side in (one.that, one.value)))
