"""What an operation does to rows, read from its declaration."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app_clones.declared.model import PERSON, AppDecl, Entity, FieldDecl, OperationDecl, Require
from app_clones.kit.schema import Table
from factory.errors import VerifierError
from factory.verifiers.declared.find import ME, entity_of, stored, table_of
from factory.verifiers.declared.rows import Rows
from factory.verifiers.start import Start

Json = Any
Values = Mapping[str, Any]
_TIMELY = ("now", "response")


class Refused(Exception):
    """The app forbids it: a precondition fails, or rows depend on what would go."""


class Effects:
    """Deeds done to a copy of the start's rows, as the agent's own account does them.

    ``handled``: events that some app of the world handles.
    """

    def __init__(self, decl: AppDecl, start: Start, tables: Mapping[str, Table], handled: Collection[str] = ()) -> None:
        self.decl = decl
        self.rows = Rows(start, tables)
        self.handled = handled

    def create(self, name: str, entity: str, given: Values) -> int:
        """A new row with ``given`` (by column; ``slug`` among them), then what the operation ``name`` sets and makes.
        Returns its id. Raises :class:`Refused` where there is such a row already."""
        operation = self.decl.operations[name]
        self._check_new(entity, given)
        id = self._insert(entity, given)
        self._effects(operation, entity, id, given)
        return id

    def update(self, name: str, entity: str, id: int, given: Values) -> None:
        """Columns changed, then the operation's own effects. Raises :class:`Refused`."""
        operation = self.decl.operations[name]
        self._permit(operation, entity, id, {})
        self.rows.update(table_of(self.decl, entity), id, given)
        self._effects(operation, entity, id, given)

    def delete(self, name: str, entity: str, id: int, *, force: bool = False) -> None:
        """The row goes, and with it what cascades. Raises :class:`Refused`."""
        operation = self.decl.operations[name]
        self._permit(operation, entity, id, {})
        self._tell(operation, entity, id)
        self._remove(entity, id, force)

    def act(self, name: str, entity: str, id: int, inputs: Values) -> None:
        """A custom operation. ``inputs``: by parameter, as clients give them. Raises :class:`Refused`."""
        operation = self.decl.operations[name]
        self._permit(operation, entity, id, inputs)
        self._effects(operation, entity, id, inputs)

    def permitted(self, name: str, entity: str, id: int) -> bool:
        """Whether the operation's preconditions hold of the row."""
        try:
            self._permit(self.decl.operations[name], entity, id, {})
        except Refused:
            return False
        return True

    def _permit(self, operation: OperationDecl, entity: str, id: int, inputs: Values) -> None:
        row = self.rows.get(table_of(self.decl, entity), id)
        fields = entity_of(self.decl, entity).fields
        for field, values in operation.when.items():
            if row[field] not in [stored(fields[field], value) for value in values]:
                raise Refused(operation.refusal or f"{field} is {row[field]!r}")
        if operation.only and ME not in [row[field] for field in operation.only]:
            raise Refused("only others may do this")
        said = _Said(self, operation, entity, id, inputs)
        for one in operation.require:
            if said.is_asked(one) and not _meets(said.plain(one.that), one.compare, said.plain(one.value)):
                raise Refused(one.refusal or f"{one.that} is not {one.compare} {one.value!r}")

    def _check_new(self, entity: str, given: Values) -> None:
        """An id that the client chose is one among those under the same parent; so is what the entity says."""
        about, table = self.decl.entities[entity], table_of(self.decl, entity)
        named = ((about.parent, "slug") if about.parent else ("slug",),) if about.key.form == "given" else ()
        for group in (*about.unique, *named):
            values = {name: given.get(name) for name in group}
            if None not in values.values() and self.rows.like(table, values):
                raise Refused(f"there is a {entity} with this {', '.join(group)} already")

    def _insert(self, entity: str, given: Values) -> int:
        about = self.decl.entities[entity]
        values: dict[str, Any] = {name: self._first(field) for name, field in about.fields.items()}
        values |= {name: self._actor(field) for name, field in about.fields.items() if field.auto == "actor"}
        if about.owner:
            values[about.owner] = ME
        values |= {"slug": None} if about.key.form == "given" else {}
        told = {name: value for name, value in given.items() if value is not None}
        id = self.rows.insert(table_of(self.decl, entity), {**values, **told})
        for name, below in self.decl.entities.items():
            if below.singleton and below.parent and below.fields[below.parent].to == entity:
                self._insert(name, {below.parent: id})
        return id

    def _first(self, field: FieldDecl) -> Any:
        return None if field.auto else stored(field, field.default)

    def called(self, ref: Ref) -> Json:
        """How a row of an entity without resource names is called from outside."""
        row, key = self.rows.get(table_of(self.decl, ref.entity), ref.id), entity_of(self.decl, ref.entity).key
        if ref.entity == PERSON:
            return row["email"]
        if key.form == "number":
            return str(ref.id) if key.int64 else ref.id
        slug = row["slug"] if key.form == "given" else None
        if slug is None and ref.id < 0:
            raise VerifierError(
                f"a new {ref.entity} has an id that only the app knows", "leave it out of what is compared"
            )
        return slug if slug is not None else f"{key.prefix}{ref.id:08x}"

    def _actor(self, field: FieldDecl) -> Any:
        return ME if field.type == "ref" else self.rows.get("kit_person", ME)["email"]

    def _effects(self, operation: OperationDecl, entity: str, id: int, inputs: Values) -> None:
        about, table = self.decl.entities[entity], table_of(self.decl, entity)
        if operation.copy_row:
            before = self.rows.get(table, id)
            kept = [name for name, field in about.fields.items() if not field.auto and name != about.owner]
            id = self._insert(entity, {name: before[name] for name in kept})
        said = _Said(self, operation, entity, id, inputs)
        changed = {
            name: self._given(about, name, value, said)
            for name, value in operation.set.items()
            if is_compared(about.fields[name])
        }
        row = self.rows.get(table, id)
        for name, value in operation.append.items():
            held = _items(row[name])
            more = [one for one in _listed(said.value(value)) if one not in held]
            changed[name] = stored(about.fields[name], [*held, *more])
        for name, value in operation.remove.items():
            gone = _listed(said.value(value))
            changed[name] = stored(about.fields[name], [one for one in _items(row[name]) if one not in gone])
        if changed:
            self.rows.update(table, id, changed)
        for make in operation.make:
            made = self.decl.entities[make.entity]
            values = {
                name: self._given(made, name, value, said)
                for name, value in make.values.items()
                if is_compared(made.fields[name])
            }
            self._insert(make.entity, values)
        self._emit(operation, said)
        if operation.delete:
            self._tell(operation, entity, id)
            self._remove(entity, id, force=False)
        elif operation.kind != "delete":
            self._tell(operation, entity, id)

    def _tell(self, operation: OperationDecl, entity: str, id: int) -> None:
        """The row that tells of work that takes time, as it is once the work is done."""
        running = self.decl.api.long_running
        if running is None or operation.result.shape != "operation":
            return
        about = self.decl.entities[running.entity]
        said = _Said(self, operation, entity, id, {})
        values = {
            name: stored(about.fields[name], said.value(value))
            for name, value in {**running.pending, **running.finished}.items()
            if is_compared(about.fields[name])
        }
        if about.parent:
            above = about.fields[about.parent].to
            values[about.parent] = next(one for name, one in self.line(entity, id) if name == above)
        if about.key.scope:
            near = next(((name, one) for name, one in self.line(entity, id) if name in running.under), None)
            parts = (self.path(*near) if near else "", operation.result.within)
            values[about.key.scope] = "/".join(part for part in parts if part)
        self._insert(running.entity, values)

    def line(self, entity: str, id: int) -> Iterator[tuple[str, int]]:
        """A row and those above it."""
        at: int | None = id
        while at is not None:
            yield entity, at
            about = entity_of(self.decl, entity)
            if about.parent is None:
                return
            at = self.rows.get(table_of(self.decl, entity), at)[about.parent]
            entity = about.fields[about.parent].to or PERSON

    def path(self, entity: str, id: int) -> str:
        """The resource name of a row that the start has, or whose id its client chose. Raises VerifierError."""
        parts: list[str] = []
        for name, one in self.line(entity, id):
            about = entity_of(self.decl, name)
            own = [] if about.singleton else [str(self.called(Ref(name, one)))]
            collection = about.key.collection
            if collection is None:
                collection = name if about.singleton else about.plural
            parts = [collection, *own, *parts]
        return "/".join(part for part in parts if part)  # an id that no word goes before

    def _emit(self, operation: OperationDecl, said: _Said) -> None:
        """Events that wait beyond the end of any episode; those that nobody handles are none."""
        for each in operation.emit:
            if each.event in self.handled:
                payload = {name: said.told(value) for name, value in each.payload.items()}
                text = json.dumps(payload, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
                self.rows.insert("kit_event", {"event": each.event, "actor": ME, "payload": text})

    def _given(self, about: Entity, name: str, value: Json, said: _Said) -> Any:
        found = said.value(value)
        return found.id if isinstance(found, Ref) else stored(about.fields[name], found)

    def _remove(self, entity: str, id: int, force: bool) -> None:
        going, links = {(entity, id)}, []
        edge = [(entity, id)]
        while edge:
            gone = edge.pop()
            for link in self._links(gone[0]):
                with_it = link.decl.on_delete == "cascade" or (link.is_parent and (force or link.about.singleton))
                for other in self._holding(link, gone[1]):
                    if not with_it:
                        links.append((link, other, gone[1]))
                    elif (link.entity, other) not in going:
                        going.add((link.entity, other))
                        edge.append((link.entity, other))
        for link, other, named in links:
            if (link.entity, other) not in going:
                self._let_go(link, other, named)
        for name, one in sorted(going):
            self.rows.delete(table_of(self.decl, name), one)

    def _links(self, entity: str) -> Iterator[_Link]:
        for name, about in self.decl.entities.items():
            for field_name, field in about.fields.items():
                if field.type == "ref" and (field.to or PERSON) == entity:
                    yield _Link(name, about, field_name, field)

    def _holding(self, link: _Link, id: int) -> list[int]:
        table = table_of(self.decl, link.entity)
        if link.decl.repeated:
            return self.rows.listing(table, link.field, id)
        return self.rows.naming(table, link.field, id)

    def _let_go(self, link: _Link, other: int, named: int) -> None:
        if link.decl.on_delete != "clear":
            raise Refused(f"{link.entity} {other} refers to it")
        table, left = table_of(self.decl, link.entity), None
        if link.decl.repeated:
            items = _items(self.rows.get(table, other)[link.field])
            left = stored(link.decl, [item for item in items if item != named])
        self.rows.update(table, other, {link.field: left})


@dataclass(frozen=True, slots=True)
class Ref:
    """A row as the value of an expression; ``bare``: its id alone is meant."""

    entity: str
    id: int
    bare: bool = False


@dataclass(frozen=True, slots=True)
class _Said:
    """What expressions mean in an operation on a row. ``$now`` has no value here: tasks are not drawn from operations
    whose compared effects need it."""

    effects: Effects
    operation: OperationDecl
    entity: str
    id: int
    inputs: Values

    def value(self, expression: Json) -> Any:
        """What an expression gives: plain JSON, or a :class:`Ref`. Raises VerifierError for what only time tells."""
        if not isinstance(expression, str) or not expression.startswith("$"):
            return expression
        if expression.startswith("$$"):
            return expression[1:]
        name, *way = expression[1:].split(".")
        found = self._head(name)
        for part in way:
            if not isinstance(found, Ref):
                return None
            found = self._part(found, part)
        return found

    def plain(self, expression: Json) -> Any:
        """The same as columns hold it: of rows their ids; of a list each."""
        if isinstance(expression, list | tuple):
            return [self.plain(each) for each in expression]
        found = self.value(expression)
        return found.id if isinstance(found, Ref) else found

    def is_asked(self, one: Require) -> bool:
        """Whether every parameter that a condition names is given."""
        sides = [one.that, *(one.value if isinstance(one.value, list | tuple) else [one.value])]
        heads = {each[1:].split(".")[0] for each in sides if isinstance(each, str) and re.match(r"\$[a-z]", each)}
        return all(self._head(name) is not None for name in heads)

    def told(self, expression: Json) -> Json:
        """The same as an event's payload puts it: rows by how they are called from outside."""
        found = self.value(expression)
        return self.effects.called(found) if isinstance(found, Ref) else found

    def _head(self, name: str) -> Any:
        if name == "actor":
            return Ref(PERSON, ME)
        if name in ("row", "id"):
            return Ref(self.entity, self.id, bare=name == "id")
        if name in _TIMELY:
            raise VerifierError(f"${name} tells nothing of the rows that it leaves")
        if name == "operation" and self.operation.result.shape == "operation":
            return self.operation.origin or self._name()
        if name == "target" and self.operation.result.shape == "operation":
            return self.effects.path(self.entity, self.id)
        param = self.operation.params.get(name)
        given = self.inputs.get(name)
        return Ref(param.to, given) if given is not None and param and param.type == "ref" and param.to else given

    def _name(self) -> str:
        return next(name for name, one in self.effects.decl.operations.items() if one is self.operation)

    def _part(self, at: Ref, part: str) -> Any:
        if part == "id":
            return Ref(at.entity, at.id, bare=True)
        value = self.effects.rows.get(table_of(self.effects.decl, at.entity), at.id)[part]
        field = entity_of(self.effects.decl, at.entity).fields[part]
        if value is None or not is_compared(field):
            return None
        if field.repeated or field.type == "json":
            return json.loads(value)
        if field.type == "boolean":
            return bool(value)
        return Ref(field.to, value) if field.type == "ref" and field.to else value


def _meets(left: Any, how: str, right: Any) -> bool:
    """Whether a condition holds of two values."""
    if how in ("eq", "ne"):
        return bool(left == right) is (how == "eq")
    if how == "in":
        return left in right
    if how in ("has", "lacks"):
        return (right in (left or [])) is (how == "has")
    if left is None or right is None:
        return False
    below, same = bool(left < right), bool(left == right)
    return {"lt": below, "le": below or same, "gt": not below and not same, "ge": not below}[how]


@dataclass(frozen=True, slots=True)
class _Link:
    """A ref field by which rows of ``entity`` hang on others."""

    entity: str
    about: Entity
    field: str
    decl: FieldDecl

    @property
    def is_parent(self) -> bool:
        return self.about.parent == self.field


def is_compared(field: FieldDecl) -> bool:
    """Whether what a field holds is part of a net change: not where it is a log, or a time of the kit's clock."""
    return not (field.log or field.is_moment)


def _items(text: str | None) -> list[Json]:
    found: list[Json] = json.loads(text) if text else []
    return found


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [] if value is None else [value]
