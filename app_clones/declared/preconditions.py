"""Whether an operation may be done: who alone may do it, and what must hold before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app_clones.declared.act import Act, Moment, Ref
from app_clones.declared.bodies import resolve
from app_clones.declared.conditions import moment_ms
from app_clones.declared.model import FieldDecl
from app_clones.declared.requirements import WORDS, Requirement, about, holds, is_of_time
from app_clones.kit.errors import AppError, Conflict, Forbidden, NotFound

Json = Any

ERRORS: Mapping[str, type[AppError]] = {
    "conflict": Conflict,
    "invalid": AppError,
    "forbidden": Forbidden,
    "not_found": NotFound,
}
"""The kit's errors by the word of a declaration."""

_DAY_MS = 86_400_000


def check_allowed(act: Act) -> None:
    """Raises the :class:`AppError` that the first condition which does not hold is declared to be."""
    _check_actor(act)
    for one in act.plan.require:
        _check(act, one)


def is_allowed(act: Act) -> bool:
    """Whether every condition holds."""
    try:
        check_allowed(act)
    except AppError:
        return False
    return True


def refused_alone(act: Act) -> str:
    """Why the operation cannot be done on the row, whatever it is given; ``""`` where it can, as far as that tells."""
    try:
        _check_actor(act)
        for one in act.plan.require:
            if one.alone:
                _check(act, one)
    except AppError as error:
        return error.message
    return ""


def _check_actor(act: Act) -> None:
    only = act.plan.decl.only
    if act.row is not None and only and act.call.actor not in [act.row[name] for name in only]:
        who = " or the ".join(name.replace("_", " ") for name in only)
        raise Forbidden(f"only the {who} may do this")


def _check(act: Act, one: Requirement) -> None:
    if any(_is_missing(act, name) for name in one.asked):
        return
    left, right = (_measured(act, one, side(act.look)) for side in (one.that, one.value))
    if not holds(one.decl.compare, left, right):
        raise ERRORS[one.decl.error](_refusal(act, one))


def _is_missing(act: Act, name: str) -> bool:
    """Whether there is nothing of that name to compare: an argument that is not given, a row that is not there yet."""
    if name in ("row", "id"):
        return act.row is None
    return name not in act.rows and act.arguments.get(name) is None


def _measured(act: Act, one: Requirement, value: Any) -> Any:
    """A value as it compares: rows by their row ids, times in ms or in whole days."""
    if isinstance(value, list):
        return [_measured(act, one, each) for each in value]
    if value is None:
        return None
    if isinstance(value, Ref):
        return value.rowid
    if one.kind.type == "ref":
        return resolve(act.ready, act.call, one.decl.that, FieldDecl(type="ref", to=one.kind.to), value)
    if not is_of_time(one.kind):
        return value
    ms = value.ms if isinstance(value, Moment) else moment_ms(one.kind, value, one.decl.that)
    return ms // _DAY_MS if one.kind.type == "date" else ms


def _refusal(act: Act, one: Requirement) -> str:
    if one.told:
        return "".join(text + (_shown(act, after(act.look)) if after else "") for text, after in one.told)
    now, wanted = (_shown(act, side(act.look)) for side in (one.that, one.value))
    owner = f"the {act.plan.entity.noun}'s" if act.plan.entity and one.decl.that.startswith("$row.") else "the"
    return f"{owner} {about(one.decl.that)} is {now}; it {WORDS[one.decl.compare]} {wanted}"


def _shown(act: Act, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(act, each) for each in value)
    return "nothing" if value is None else str(act.plain(value))
