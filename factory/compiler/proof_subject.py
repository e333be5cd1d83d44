"""What is proven: an app made of a declaration, a world of it, and forks of that world to ask things of."""

from __future__ import annotations

import json
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from random import Random
from typing import Any, TypeVar

from app_clones.declared import rows as row_store
from app_clones.declared.engine import Declared
from app_clones.declared.entities import EntityPlan, Row
from app_clones.declared.model import AppDecl, Entity, ErrorForm, OperationDecl
from app_clones.declared.plans import lineage
from app_clones.kit.app import App
from app_clones.kit.asgi import request
from app_clones.kit.change import RowChange
from app_clones.kit.errors import KitError
from app_clones.kit.protocol import Call
from app_clones.kit.registry import register
from app_clones.kit.schema import Table, is_log
from app_clones.kit.seeds import derive
from app_clones.kit.world import World
from factory.compiler.api import ApiDoc, ErrorBody, Method
from factory.compiler.certificate import Ledger
from factory.compiler.proof_answers import Answer, error_fault, no_error
from factory.compiler.proof_wire import FORM, Wired, params_of, wired
from factory.compiler.validators import Validators, without_required
from factory.compiler.values import Values

Json = Any
T = TypeVar("T")

START_MS = 1_767_600_000_000
STEP_MS = 1000
PERSONS = 4
ACTOR = 1


class Subject:
    """An app under proof. ``methods``: what the original document says of an operation, where there is one."""

    def __init__(self, ready: Declared, app: App, document: ApiDoc | None, seed: int) -> None:
        self.ready = ready
        self.decl: AppDecl = ready.decl
        self.seed = seed
        self.registry = register([app])
        by_id = {method.id: method for method in document.methods} if document else {}
        self.methods: Mapping[str, Method] = {
            name: by_id[op.origin] for name, op in self.decl.operations.items() if op.origin in by_id
        }
        self.schemas = Validators(self.decl.schemas)
        self.originals = Validators(document.schemas) if document else self.schemas
        self._errors = document.errors if document else None
        self.parts = Validators(without_required(self.decl.schemas))
        self.original_parts = Validators(without_required(document.schemas)) if document else self.parts
        with World.build([app], seed=seed, start_ms=START_MS, step_ms=STEP_MS, persons=PERSONS) as world:
            self.snapshot = world.snapshot()

    def rebase(self, snapshot: bytes) -> None:
        """From now on, forks are of ``snapshot``."""
        self.snapshot = snapshot
        self.__dict__.pop("rows", None)

    @contextmanager
    def stage(self, judged: str = "", ledger: Ledger | None = None) -> Iterator[Stage]:
        """A fresh fork to ask things of; what ``judged`` answers is held to the document in ``ledger``."""
        stage = Stage(self, World(self.snapshot, self.registry), judged, ledger)
        try:
            yield stage
        finally:
            stage.world.close()

    def error_fault(self, answer: Answer) -> str:
        """What is wrong with an answer as an error, by the original document where that says what errors are, else by
        the declaration; empty where nothing is."""
        form, schemas = self.decl.api.errors, self.originals
        if self._errors is not None:
            wanted = self._errors
        elif isinstance(form, ErrorForm):
            wanted, schemas = ErrorBody(form.shape, form.media), self.schemas
        else:
            return no_error(answer) or error_fault(form, answer)
        if answer.media != wanted.media:
            return f"the error is {answer.media}, not {wanted.media}"
        return no_error(answer) or "; ".join(schemas.faults(wanted.schema, answer.json))

    def takes_forms(self, operation: str) -> bool:
        """Whether the original takes the body of an operation as a form, where all leaves are texts."""
        method = self.methods.get(operation)
        return method is not None and FORM in method.media

    def values(self, *path: str | int) -> Values:
        """Values drawn from a generator that follows from the seed and ``path``."""
        return Values(self.schemas, Random(derive(self.seed, "proof", self.decl.app, *path)))

    @cached_property
    def rows(self) -> Mapping[str, Sequence[Row]]:
        """Every row of the world at its start, by entity, in order of id."""
        with self.stage() as stage:
            return {name: stage.rows(name) for name in self.ready.entities}

    def entity(self, name: str) -> Entity:
        """The entity of that name, ``person`` too."""
        return self.ready.entities[name].decl

    def plan(self, name: str) -> EntityPlan:
        """The entity's table and names."""
        return self.ready.entities[name]

    def lineage(self, entity: str) -> list[str]:
        """The entities above ``entity``, the nearest first; itself where its rows lie under each other."""
        return lineage(self.ready, self.ready.entities[entity])

    def operations(self, entity: str, *kinds: str, but: str = "") -> list[str]:
        """The names of the entity's operations of these kinds, ``but`` one."""
        return [
            name
            for name, op in self.decl.operations.items()
            if op.entity == entity and op.kind in kinds and name != but
        ]


class Stage:
    """One fork of the world. ``mark`` forgets what was done so far: changes are told from there on."""

    def __init__(self, subject: Subject, world: World, judged: str, ledger: Ledger | None) -> None:
        self.subject = subject
        self.world = world
        self._judged = judged
        self._ledger = ledger

    # ---- asking

    def ask(self, name: str, arguments: Mapping[str, Json], *, actor: int = ACTOR) -> Answer:
        """Performs the operation over HTTP (as a tool where it has no address), and holds the answer to its schema."""
        operation = self.subject.decl.operations[name]
        if operation.http is None:
            return self._tool(name, arguments, actor)
        wire = wired(self.subject.decl, operation, arguments, form=self.subject.takes_forms(name))
        answer = self.send(wire, actor=actor)
        params = params_of(self.subject.decl, operation)
        self._judge(name, operation, answer, any(params[one].role == "read_mask" for one in arguments))
        return answer

    def send(self, wire: Wired, *, actor: int = ACTOR) -> Answer:
        """Sends one request as it is."""
        reply = drive(request(self.world, wire.verb, wire.path, headers=wire.headers, body=wire.body, actor=actor))
        text = reply.body.decode(errors="replace")
        return Answer(reply.status, _json(text), text, reply.headers, str(wire))

    def page(self, path: str, *, actor: int = ACTOR) -> Answer:
        """A page of the app, by its address within it."""
        return self.send(Wired("GET", f"/{self.subject.decl.app}/{path}", b"", {}), actor=actor)

    def _tool(self, name: str, arguments: Mapping[str, Json], actor: int) -> Answer:
        result = self.world.call(f"{self.subject.decl.app}_{name}", arguments, actor).result
        status = 200 if result.error is None else 400
        return Answer(status, result.data, result.text, {}, f"tool {name}")

    def _judge(self, name: str, operation: OperationDecl, answer: Answer, in_part: bool) -> None:
        if self._ledger is None or name != self._judged:
            return
        fault = response_fault(self.subject, name, operation, answer, in_part=in_part)
        self._ledger.responses += 1
        self._ledger.responses_valid += not fault
        self._ledger.expect("schema", not fault, lambda: f"{answer}: {fault}")

    # ---- looking

    def rows(self, entity: str) -> list[Row]:
        """All rows of ``entity``, whoever may see them, in order of id."""
        plan = self.subject.plan(entity)
        with self.world.transaction(readonly=True) as call:
            return [plan.row(raw) for raw in call.rows(f"{plan.select} ORDER BY t.id")]

    def visible(self, entity: str, actor: int = ACTOR) -> list[Row]:
        """The rows of ``entity`` that ``actor`` may see, in order of id."""
        plan = self.subject.plan(entity)
        where, args = (f" WHERE {plan.visible}", (actor,) * plan.visible_args) if plan.visible else ("", ())
        with self.world.transaction(readonly=True) as call:
            return [plan.row(raw) for raw in call.rows(f"{plan.select}{where} ORDER BY t.id", *args)]

    def row(self, entity: str, rowid: int) -> Row | None:
        """One row, None where it is gone."""
        plan = self.subject.plan(entity)
        with self.world.transaction(readonly=True) as call:
            raw = call.one(f"{plan.select} WHERE t.id=?", rowid)
        return None if raw is None else plan.row(raw)

    def ident(self, entity: str, row: Row) -> str | int:
        """How ``row`` is called from outside."""
        with self.world.transaction(readonly=True) as call:
            return row_store.ident(self.subject.ready, call, entity, row)

    def name(self, entity: str, row: Row) -> str:
        """The resource name of ``row``."""
        with self.world.transaction(readonly=True) as call:
            return row_store.path_of(self.subject.ready, call, entity, row)

    def outside(self, entity: str, rowid: int) -> str | int:
        """How a ref to a row is written."""
        with self.world.transaction(readonly=True) as call:
            return row_store.Names(self.subject.ready, call).outside(entity, rowid)

    def etag(self, entity: str, row: Row) -> str:
        """The etag of ``row``."""
        with self.world.transaction(readonly=True) as call:
            return row_store.etag_of(self.subject.ready, call, entity, row)

    def chain(self, entity: str, row: Row) -> dict[str, Row]:
        """``row`` and the rows above it, by entity; of an entity whose rows lie under each other, the nearest."""
        found = {entity: row}
        plan = self.subject.plan(entity)
        while plan.decl.parent is not None and plan.above is not None and row.get(plan.decl.parent) is not None:
            above = self.row(plan.above, row[plan.decl.parent])
            if above is None or plan.above in found:
                break
            found[plan.above] = row = above
            plan = self.subject.plan(plan.above)
        return found

    # ---- preparing

    def write(self, work: Any, actor: int = ACTOR) -> Any:
        """Runs ``work(call)`` as one step: what a situation needs before anything is proven in it."""
        with self.world.transaction(actor) as call:
            return work(call)

    def insert(self, entity: str, values: Mapping[str, Any], new_id: str | None = None, actor: int = ACTOR) -> Row:
        """A new row, written behind the API."""
        found: Row = self.write(
            lambda call: row_store.insert(self.subject.ready, call, entity, values, new_id=new_id), actor
        )
        return found

    def update(self, entity: str, row: Row, changes: Mapping[str, Any]) -> Row:
        """A changed row, written behind the API; what only the engine writes, too."""
        plan = self.subject.plan(entity)

        def work(call: Call) -> Row:
            call.update(plan.table, row["id"], **{name: plan.encode(name, value) for name, value in changes.items()})
            if plan.words:
                call.index(plan.search, row["id"], **plan.words_in({**row, **changes}))
            return {**row, **changes}

        found: Row = self.write(work)
        return found

    def remove(self, entity: str, row: Row) -> None:
        """Deletes a row behind the API, and what lies under it."""
        if self.row(entity, row["id"]) is not None:
            self.write(lambda call: row_store.delete(self.subject.ready, call, entity, row, force=True))

    def mark(self) -> None:
        """Changes are told from here on."""
        if self.world.steps():
            now = World(self.world.snapshot(), self.subject.registry)
            self.world.close()
            self.world = now

    def changes(self) -> list[RowChange]:
        """What changed since the mark, in rows and columns that count: no clocks, counters or logs."""
        found = []
        for change in self.world.net_change():
            table = self.subject.registry.schema[change.table]
            told = _told(table)
            new = {name: value for name, value in change.new.items() if name in told}
            old = {name: value for name, value in change.old.items() if name in told}
            if change.table not in _CLOCKS and not is_log(table) and (change.op != "update" or new):
                found.append(RowChange(change.table, change.op, change.key, old, new))
        return found

    @property
    def digest(self) -> str:
        """The state, the clock included."""
        return self.world.state_digest


_CLOCKS = ("kit_meta", "kit_counter", "kit_stream")


def _told(table: Table) -> set[str]:
    return {column.name for column in table.columns if column.kind != "log"}


def response_fault(
    subject: Subject, name: str, operation: OperationDecl, answer: Answer, *, in_part: bool = False
) -> str:
    """What is wrong with an answer by the original document (or, without one, the declaration); empty where nothing is.

    Errors are held to the API's own form of them. ``in_part``: a mask chose what is answered, so parts may lack.
    """
    if not answer.ok:
        return subject.error_fault(answer)
    method = subject.methods.get(name)
    if method is not None:
        schema, status = method.response, method.status
        schemas = subject.original_parts if in_part else subject.originals
    else:
        named = operation.result.schema_name
        schema = {"$ref": f"#/$defs/{named}"} if named else None
        status, schemas = operation.result.status, subject.parts if in_part else subject.schemas
    if answer.status != status:
        return f"the status is {answer.status}, not {status}"
    if schema is None:
        return "" if answer.json in (None, {}) or method is None else "there is a body, and the document has none"
    if answer.json is None:
        return "there is no JSON body"
    schema = without_required(schema) if in_part else schema
    return "; ".join(schemas.faults(schema, answer.json))


def _json(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return None


def drive(work: Coroutine[Any, Any, T]) -> T:
    """Runs what never waits for anything outside: a request that is answered in this process."""
    try:
        work.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    work.close()
    raise KitError("the app waited for something outside of its world")
