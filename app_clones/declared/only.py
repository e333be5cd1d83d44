"""The one row that there is of its kind under what an operation names."""

from __future__ import annotations

from app_clones.declared.act import Act
from app_clones.declared.entities import EntityPlan, Row
from app_clones.declared.keys import select
from app_clones.declared.model import PERSON
from app_clones.kit.errors import NotFound


def only_row(act: Act, entity: EntityPlan) -> Row | None:
    """The one row of a singleton under the ancestor that the operation names, or under that one's own singleton; None
    where it names none. Raises :class:`NotFound` where the row is gone."""
    named = [act.rows[key] for key in act.plan.ancestors if key in act.rows]
    above = [row["id"] for name, row in named if name == entity.above]
    if not above and entity.above == PERSON:
        above = [act.call.actor]  # where nothing says whose is meant, it is one's own
    if not above and entity.above is not None and act.ready.entities[entity.above].decl.singleton:
        between = only_row(act, act.ready.entities[entity.above])
        above = [between["id"]] if between is not None else []
    if not above:
        return None
    found = select(entity, act.call, {entity.decl.parent or "": above[-1]})
    if not found:
        raise NotFound(f"no {entity.noun} there")
    return found[0]
