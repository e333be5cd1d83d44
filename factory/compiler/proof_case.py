"""One operation under proof, and what all checks of it share: comparing values, telling what a change may touch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from app_clones.declared.entities import Row
from app_clones.declared.model import OperationDecl
from app_clones.declared.values import canonical
from app_clones.kit.change import RowChange
from factory.compiler.certificate import Ledger, Outcome
from factory.compiler.proof_answers import Answer
from factory.compiler.proof_asking import Asked, Asker
from factory.compiler.proof_looking import page_text, row_page
from factory.compiler.proof_subject import Stage, Subject

Json = Any

#: Fields whose values a page shows as they are.
_READABLE = ("string", "text", "email", "url", "integer")


class Case:
    """One operation, and the ledger of what is found."""

    def __init__(self, subject: Subject, name: str) -> None:
        self.subject = subject
        self.name = name
        self.operation: OperationDecl = subject.decl.operations[name]
        self.entity: str | None = self.operation.entity
        self.ledger = Ledger()
        self.writes = bool(self.operation.writes)
        self.unseen = ""  # why nothing else shows the effect, where nothing does
        self.parameters: dict[str, Outcome] = {}

    @contextmanager
    def stage(self) -> Iterator[Stage]:
        """A fresh fork whose answers are held to the document."""
        with self.subject.stage(self.name, self.ledger) as stage:
            yield stage

    def asker(self, stage: Stage, *seed: str | int) -> Asker:
        """Makes good requests of the operation."""
        return Asker(stage, self.name, *seed)

    def granted(self, answer: Answer) -> bool:
        """Notes whether a good request was granted."""
        return self.ledger.expect("granted", answer.ok, lambda: str(answer))

    def refused(self, stage: Stage, check: str, answer: Answer, why: str, statuses: Collection[int] = ()) -> bool:
        """Notes under ``check`` that a bad request was refused, in the API's form of errors, and nothing changed."""
        fault = ""
        if answer.ok:
            fault = "it was granted"
        elif statuses and answer.status not in statuses:
            fault = f"the status is {answer.status}"
        elif stage.world.steps():
            fault = "refused, and the state moved"
        stage.mark()
        return self.ledger.expect(check, not fault, lambda: f"{why}: {fault}: {answer}")

    def shows(self, check: str, entity: str, shown: Mapping[str, Json] | None, sent: Mapping[str, Json]) -> bool:
        """Notes under ``check`` that ``shown`` has every value of ``sent`` (by field), and no hidden one."""
        plan = self.subject.plan(entity)
        for name, value in sent.items():
            decl, wire = plan.decl.fields[name], plan.names[name]
            there = None if shown is None else shown.get(wire)
            if decl.hidden:
                if not self.ledger.expect("hidden", shown is None or wire not in shown, f"{wire} is shown, and hidden"):
                    return False
            elif not self.ledger.expect(check, same(there, value), partial(_differ, wire, value, there)):
                return False
        return True

    def all_hidden(self, entity: str, sent: Mapping[str, Json]) -> bool:
        """Whether something was sent, and no method can show any of it."""
        fields = self.subject.entity(entity).fields
        return bool(sent) and all(fields[name].hidden for name in sent)

    def page_shows(self, stage: Stage, entity: str, rowid: int, sent: Mapping[str, Json]) -> None:
        """Notes that the row's page is there, and shows the plain values of ``sent``."""
        answer = row_page(stage, entity, rowid)
        if not self.ledger.expect("page", answer.status == 200, lambda: str(answer)):
            return
        text, plan = page_text(answer), self.subject.plan(entity)
        for name, value in sent.items():
            decl = plan.decl.fields[name]
            if decl.hidden or decl.repeated or decl.type not in _READABLE or value in (None, ""):
                continue
            words = " ".join(str(value).split())
            self.ledger.expect("page", words in text, f"{name} is {words[:60]!r}, and not on the page")

    def page_gone(self, stage: Stage, entity: str, rowid: int) -> None:
        """Notes that the row has no page."""
        answer = row_page(stage, entity, rowid)
        self.ledger.expect("page", answer.status == 404, lambda: f"deleted, and {answer}")

    def entity_of(self, table: str) -> str | None:
        """The entity whose rows are in ``table``."""
        return next((name for name, plan in self.subject.ready.entities.items() if plan.table == table), None)

    def strays(self, asked: Asked, targets: Sequence[Row], changes: Sequence[RowChange]) -> str:
        """What of ``changes`` the declaration does not let the operation do; empty where it is all its own."""
        for change in changes:
            if not self._may(asked, targets, change):
                columns = ", ".join(change.new or change.old)
                return f"{change.op} of {change.table} {dict(change.key)} ({columns[:120]})"
        return ""

    def _may(self, asked: Asked, targets: Sequence[Row], change: RowChange) -> bool:
        op, decl = self.operation, self.subject.decl
        entity = self.entity_of(change.table)
        if change.table == "kit_event":
            return bool(op.emit) or op.result.shape == "operation"
        if change.table == f"{decl.app}_call":
            return op.record or op.kind == "record"
        if op.behaviour is not None:
            return entity is not None
        if entity is None:
            return False
        running = decl.api.long_running
        if op.result.shape == "operation" and running is not None and entity == running.entity:
            return True
        if change.op == "insert" and any(make.entity == entity for make in op.make):
            return True
        deletes = op.kind == "delete" or op.delete
        if deletes and entity in self._below():
            return change.op != "insert"
        creates = op.kind == "create" or op.copy_row
        if creates and change.op == "insert":
            return entity == self.entity or self.subject.entity(entity).singleton
        if entity != self.entity or change.op == "insert":
            return False
        if change.key.get("id") not in [row["id"] for row in targets]:
            return False
        return (change.op == "delete") == deletes and (deletes or set(change.new) <= self._columns(asked))

    def _columns(self, asked: Asked) -> set[str]:
        """The columns of the target that the operation may write, given what was sent."""
        op = self.operation
        assert op.entity is not None
        fields = self.subject.entity(op.entity).fields
        touched = {name for name, field in fields.items() if field.auto == "updated"}
        if op.kind == "replace":
            touched |= {name for name, field in fields.items() if not (field.auto or field.readonly)}
        return {*touched, *asked.sent, *op.set, *op.append, *op.remove}

    def _below(self) -> set[str]:
        """The entity, and those whose rows go, or lose a ref, with a row of it."""
        found: set[str] = set()
        edge = [self.entity] if self.entity else []
        while edge:
            name = edge.pop()
            if name not in found:
                found.add(name)
                edge += [link.entity for link in self.subject.plan(name).incoming]
        return found


def same(a: Json, b: Json) -> bool:
    """Whether two JSON values are one: numbers by their value, all else as written."""
    if (
        isinstance(a, int | float)
        and isinstance(b, int | float)
        and not isinstance(a, bool)
        and not isinstance(b, bool)
    ):
        return a == b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and canonical(a) == canonical(b)


def _differ(wire: str, sent: Json, read: Json) -> str:
    return f"{wire}: sent {_short(sent)}, read {_short(read)}"


def _short(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
