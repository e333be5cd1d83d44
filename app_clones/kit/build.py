"""Seed to snapshot: makes the tables, the persons and each app's rows, and seals the bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import apsw

from app_clones.kit import db as sqlite
from app_clones.kit import digest, faults
from app_clones.kit.call import LAST_MS, Transaction
from app_clones.kit.errors import AppError, KitError
from app_clones.kit.faults import Faults
from app_clones.kit.persons import Person, draw
from app_clones.kit.registry import Registry


@dataclass(frozen=True, slots=True)
class Beginning:
    """All that decides a new world beside its apps. Times are virtual ms, ``start_ms`` since 1970.

    ``persons``: how many to draw, or they themselves. ``options``: each app's own, by its name. ``faults``: which its
    users meet. Raises :class:`KitError` for what no world can begin with.
    """

    seed: int
    start_ms: int
    step_ms: int
    persons: int | Sequence[Person]
    options: Mapping[str, Mapping[str, Any]]
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        if self.step_ms < 1:
            raise KitError("a step takes at least 1 ms: a clock that stands still would never let an event come")
        if not 0 <= self.start_ms <= LAST_MS:
            raise KitError(f"a world starts between the years 1970 and 9999, not at {self.start_ms} ms")
        if not isinstance(self.persons, int) and not self.persons:
            raise KitError("a world has at least one person, the agent's own account")

    def people(self) -> Sequence[Person]:
        """The persons, drawn from the seed where only their number is given."""
        return draw(self.seed, self.persons) if isinstance(self.persons, int) else self.persons


def build_database(registry: Registry, beginning: Beginning) -> bytes:
    """The snapshot of a new world: the same arguments give the same bytes, in any process."""
    unknown = sorted(set(beginning.options) - {app.name for app in registry.apps})
    if unknown:
        raise KitError(f"options for {', '.join(unknown)}, which this world does not have")
    db = sqlite.create()
    try:
        _fill(db, registry, beginning)
        return _seal(db, registry)
    except AppError as error:
        raise KitError(f"a world that cannot be built: {error.message}") from error
    finally:
        db.close()


def _fill(db: apsw.Connection, registry: Registry, beginning: Beginning) -> None:
    seed, start_ms, step_ms = beginning.seed, beginning.start_ms, beginning.step_ms
    for statement in registry.statements:
        db.execute(statement)
    with db:
        db.execute(
            "INSERT INTO kit_meta(id,seed,start_ms,step_ms,now_ms) VALUES(1,?,?,?,?)",
            (str(seed), start_ms, step_ms, start_ms),
        )
        call = Transaction(
            db, registry, sqlite.Budget(), seed=seed, actor=1, now_ms=start_ms, step_ms=step_ms, readonly=False
        )
        for person in beginning.people():
            call.insert("kit_person", name=person.name, email=person.email)
        faults.write(call, beginning.faults)
        for app in registry.apps:
            app.populate(call, app.options.model_validate(dict(beginning.options.get(app.name, {}))))
        if call.waited_ms:
            raise KitError("the clock stands still while a world is built")


def _seal(db: apsw.Connection, registry: Registry) -> bytes:
    for name in registry.searches:
        # One segment to search in, and a later change merges into small ones only.
        db.execute(f"INSERT INTO {name}({name}) VALUES('optimize')")
    total = digest.full(db, registry.layouts.values())
    db.execute("INSERT INTO kit_seal(id,digest,tables) VALUES(1,?,?)", (digest.text(total), registry.fingerprint))
    db.execute("VACUUM")
    sqlite.check_built(db)
    return db.serialize("main")
