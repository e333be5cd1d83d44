"""A declared app made ready: checked, expanded, and shared by all of its worlds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.routing import BaseRoute

from app_clones.declared import events, http, perform, running, seeds, tools, wire
from app_clones.declared.act import Act
from app_clones.declared.behaviours import signature_fault
from app_clones.declared.check import DeclError, check
from app_clones.declared.check_common import Loc
from app_clones.declared.entities import EntityPlan, entity_plans
from app_clones.declared.expand import expand
from app_clones.declared.model import AppDecl, Value
from app_clones.declared.pages import page_routes
from app_clones.declared.plans import Plan, plan_of
from app_clones.declared.shapes import Shapes
from app_clones.declared.tables import searches, tables
from app_clones.declared.values import Accept, acceptor
from app_clones.kit.app import App, Auth, Options
from app_clones.kit.protocol import Build, Call
from app_clones.kit.registry import Handler

__all__ = ["Behaviour", "Declared", "Own", "declared"]

Json = Any


@dataclass(frozen=True, slots=True)
class Own:
    """What an app has in Python in place of what its declaration gives: pages, first rows and their options."""

    pages: Callable[[], Sequence[BaseRoute]] | None = None
    populate: Callable[[Build, Any], None] | None = None
    options: type[Options] | None = None


Behaviour = Callable[[Act], Json]
"""What an app's Python file gives for an operation: does its work on ``act``, and returns the body of the answer, or
None where the answer follows from ``act.row`` as declared. Raises :class:`~app_clones.kit.errors.AppError`."""


class Declared:
    """All that is ready of one app. Immutable but for what is made when first needed; shared by all worlds.

    ``decl`` is the full form. ``entities`` by name, ``person`` too.
    """

    def __init__(self, decl: AppDecl, behaviours: Mapping[str, Behaviour], own: Own) -> None:
        self.decl = decl
        self.behaviours = behaviours
        self.own = own
        self.entities: Mapping[str, EntityPlan] = entity_plans(decl)
        self.shapes = Shapes(decl.schemas)
        self._plans: dict[str, Plan] = {}
        self._accepts: dict[int, tuple[Value, Accept]] = {}
        self._accepts_one: dict[int, tuple[Value, Accept]] = {}
        self._app: App | None = None

    def plan(self, operation: str) -> Plan:
        """An operation, ready to run."""
        found = self._plans.get(operation)
        if found is None:
            found = self._plans[operation] = plan_of(self, operation)
        return found

    def accept(self, value: Value) -> Accept:
        """The check of ``value``, a field of this declaration: of a list, all of it."""
        found = self._accepts.get(id(value))
        if found is None:
            # Held along with its key, so that the id stays its own.
            found = self._accepts[id(value)] = (value, acceptor(value, self.shapes))
        return found[1]

    def accept_one(self, value: Value) -> Accept:
        """The check of one item of ``value``, a field of this declaration."""
        if not value.repeated:
            return self.accept(value)
        found = self._accepts_one.get(id(value))
        if found is None:
            one = value.model_copy(update={"repeated": False, "min": None, "max": None})
            found = self._accepts_one[id(value)] = (value, acceptor(one, self.shapes))
        return found[1]

    def app(self) -> App:
        """The kit's app; each time the same one."""
        if self._app is None:
            self._app = self._make()
        return self._app

    def _make(self) -> App:
        decl, own = self.decl, self.own
        return App(
            name=decl.app,
            tables=tables(decl),
            operations=tools.operations(self),
            populate=own.populate or (lambda build, options: seeds.populate(self, build, options)),
            options=own.options or seeds.options_of(decl),
            search=searches(decl),
            events=self._events(),
            takes=events.takes(decl),
            emits=events.emissions(decl),
            routes=lambda: (*http.routes(self), *(own.pages() if own.pages is not None else page_routes(self))),
            api=http.guarded(self),
            failed=lambda error: wire.failed(decl.api, error),
            auth=Auth(**decl.api.auth.model_dump()),
            root=decl.api.base if decl.api.root is None else decl.api.root,
        )

    def _events(self) -> dict[str, Handler]:
        told = events.takes(self.decl)
        found = {event: self._handler(name, told[event].needed) for event, name in events.handled(self.decl).items()}
        ending = events.finish(self.decl)
        return found if ending is None else {**found, ending: lambda call, payload: running.finish(self, call)}

    def _handler(self, name: str, needed: Collection[str]) -> Handler:
        """An operation as an event, with its arguments as payload."""

        def handle(call: Call, payload: Mapping[str, Any]) -> None:
            # The declaration gives all that is needed: what has no value now (nobody to write to) is nothing to do.
            if all(payload.get(key) is not None for key in needed):
                perform.perform(self, call, name, dict(payload))

        return handle


def _check_behaviour(name: str, given: Mapping[str, Behaviour], loc: Loc) -> None:
    if name not in given:
        raise DeclError(f"no behaviour {name}", loc)
    if fault := signature_fault(given[name]):
        raise DeclError(fault, loc)


def declared(decl: AppDecl, behaviours: Mapping[str, Behaviour] | None = None, own: Own | None = None) -> Declared:
    """Checks ``decl``, expands it and makes it ready. Raises :class:`~app_clones.declared.check.DeclError`."""
    given = dict(behaviours or {})
    check(decl)
    seeds.check_seeds(decl)
    full = expand(decl)
    check(full)
    events.check_events(full)
    for name, operation in full.operations.items():
        if operation.behaviour is not None:
            _check_behaviour(operation.behaviour, given, ("operations", name, "behaviour"))
    return Declared(full, given, own or Own())
