"""The first rows of a declared app: those that its declaration gives, then drawn ones."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from pydantic import ConfigDict, Field, create_model

from app_clones.declared.check import DeclError
from app_clones.declared.drawing import rows as drawing
from app_clones.declared.drawing.fields import seed_fault
from app_clones.declared.drawing.spot import Scene, Somebody
from app_clones.declared.entities import EntityPlan, Row
from app_clones.declared.model import AppDecl
from app_clones.kit.app import Options
from app_clones.kit.protocol import Build

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

_MOST_ROWS = 100_000


def options_of(decl: AppDecl) -> type[Options]:
    """The build options of an app: ``rows: {ticket: 200}`` draws so many in place of what the declaration says."""
    return _options(decl.app, tuple(decl.entities))


@lru_cache(maxsize=1024)
def _options(app: str, entities: tuple[str, ...]) -> type[Options]:
    closed = ConfigDict(extra="forbid", frozen=True)
    counts = {f"of_{name}": (int | None, _count(name)) for name in entities}  # an entity may be called `schema`
    rows = create_model(f"{app}_rows", __config__=closed, **cast(Any, counts))
    return create_model(f"{app}_options", __base__=Options, rows=(rows, rows()))


def _count(entity: str) -> Any:
    return Field(default=None, alias=entity, ge=0, le=_MOST_ROWS, strict=True)


def check_seeds(decl: AppDecl) -> None:
    """Raises :class:`DeclError` for a field's ``seed`` that names no drawer, or gives one what it does not take."""
    for name, entity in decl.entities.items():
        for field_name, field in entity.fields.items():
            fault = None if field.seed is None else seed_fault(field.seed)
            if fault:
                raise DeclError(fault, ("entities", name, "fields", field_name, "seed"))


def populate(ready: Declared, build: Build, options: Options) -> None:
    """Writes the first rows of all entities. ``options`` is of :func:`options_of`.

    Rows are valid: a client could have written each of them. Raises
    :class:`~app_clones.kit.errors.KitError` for given rows that are not.
    """
    people = build.rows("SELECT id,name,email FROM kit_person ORDER BY id")
    scene = Scene(build.now_ms, [Somebody(int(id), str(name), str(email)) for id, name, email in people])
    asked: Mapping[str, int | None] = options.model_dump(by_alias=True).get("rows", {})
    counts = {name: count for name, count in asked.items() if count is not None}
    for name, rows in drawing.draw(ready.decl, build.seed, scene, counts).items():
        for row in rows:
            _write(build, ready.entities[name], row)


def _write(build: Build, plan: EntityPlan, row: Row) -> None:
    build.insert(plan.table, id=row["id"], **{name: plan.encode(name, row.get(name)) for name in plan.columns[1:]})
    if plan.words:
        build.index(plan.search, row["id"], **plan.words_in(row))
