"""Which operations tasks can be made of: those whose declaration tells all that they leave behind."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from app_clones.declared.expressions import names_in
from app_clones.declared.model import PERSON, AppDecl, Emit, OperationDecl, Param, Require
from app_clones.declared.plans import delay_ms
from app_clones.declared.requirements import is_plain, requirements
from factory.verifiers.declared.effects import is_compared
from factory.verifiers.declared.find import entity_of

_LONG_MS = 4 * 3_600_000
"""Virtual ms that no episode lasts."""

_TIMELY = ("now", "response", "target")
"""What expressions name that depends on when the operation was done."""

_FILLED = ("row", "new_id", "resource", "field", "mask", "input", "request_id", "read_mask", "inert")
"""Roles of parameters that a plan has values for, or any value serves, where they must be given."""


@dataclass(frozen=True, slots=True)
class Plainness:
    """Tells plain operations of an app. ``handled``: events that some app of the world handles; ``step_ms``: virtual
    ms that a step takes."""

    decl: AppDecl
    handled: Collection[str]
    step_ms: int

    def holds(self, operation: OperationDecl) -> bool:
        """Whether the declaration tells all that the operation does, and a plan all that it needs."""
        params = operation.params.values()
        if operation.behaviour or operation.internal or operation.kind == "refused":
            return False
        if any(_is_open(one) for one in params):
            return False
        if any(each.event in self.handled and not self._waits(operation, each) for each in operation.emit):
            return False
        line = lineage(self.decl, operation.entity or "")
        if any(one.repeated or one.entity not in line for one in params if one.role == "row"):
            return False
        if operation.kind == "list":
            return operation.result.shape in ("page", "list") and operation.result.group is None
        if operation.kind == "get":
            return operation.result.shape == "row" and operation.result.field is None
        at_once = operation.result.shape != "operation" or self._is_done_at_once(operation)
        return at_once and not operation.record and self._tells_effects(operation)

    def _is_done_at_once(self, operation: OperationDecl) -> bool:
        """Whether work that takes time is done by the end of the step that began it, and told of by nothing else."""
        running = self.decl.api.long_running
        if running is None or running.seconds * 1000 > self.step_ms:
            return False
        chosen = any(param.role == "new_id" for param in operation.params.values())
        if operation.kind == "create" and operation.entity in running.under and not chosen:
            return False  # the new row's own id, which only the app knows, would stand in a text
        fields = self.decl.entities[running.entity].fields
        told = {**running.pending, **running.finished}
        return all(self._tells(operation, value) or not is_compared(fields[name]) for name, value in told.items())

    def _tells_effects(self, operation: OperationDecl) -> bool:
        if not all(self._tells_condition(operation, one) for one in requirements(operation)):
            return False
        effects = [(operation.entity or "", values) for values in (operation.set, operation.append, operation.remove)]
        effects += [(make.entity, make.values) for make in operation.make]
        return all(
            self._tells(operation, value) or not is_compared(self.decl.entities[entity].fields[name])
            for entity, values in effects
            for name, value in values.items()
        )

    def _tells_condition(self, operation: OperationDecl, one: Require) -> bool:
        """Whether rows and what was asked tell, before it is done, that the operation is refused. What creates or
        changes fields is asked after its rows are chosen, so that must hang on the row alone."""
        if not is_plain(self.decl, operation, one) or not self._tells(operation, one.that):
            return False
        constant = not any(names_in(one.value))
        if not constant and not self._tells(operation, one.value):
            return False
        asked = {chain[0] for chain in names_in([one.that, one.value])} - {"row", "id", "actor"}
        if operation.kind == "custom":
            return all(operation.params[name].role == "input" for name in asked)
        return operation.kind != "create" and not asked

    def _waits(self, operation: OperationDecl, each: Emit) -> bool:
        """Whether an event falls due long after an episode, and says only what there is to compare."""
        if isinstance(each.after, str) or delay_ms(each.after, each.unit) < _LONG_MS:
            return False
        return all(self._tells(operation, value) for value in each.payload.values())

    def _tells(self, operation: OperationDecl, expression: object) -> bool:
        """Whether what an expression gives follows from the rows and what was asked, at whatever time."""
        if isinstance(expression, dict | list):
            return False
        if not isinstance(expression, str) or not expression.startswith("$") or expression.startswith("$$"):
            return True
        head, *way = expression[1:].split(".")
        if head in _TIMELY:
            return False
        param = operation.params.get(head)
        entity = {"row": operation.entity, "id": operation.entity, "actor": PERSON}.get(
            head, param.to if param else None
        )
        for part in way:
            field = entity_of(self.decl, entity).fields.get(part) if entity else None
            if part != "id" and (field is None or not is_compared(field)):
                return False
            entity = field.to if field else entity
        return True


def lineage(decl: AppDecl, entity: str) -> tuple[str, ...]:
    """An entity and those above it."""
    found: list[str] = []
    while entity and entity not in found:
        found.append(entity)
        about = entity_of(decl, entity)
        entity = (about.fields[about.parent].to or "") if about.parent else ""
    return tuple(found)


def _is_open(param: Param) -> bool:
    """A parameter that must be given and of which a plan knows nothing."""
    return param.required and param.default is None and param.role not in _FILLED
