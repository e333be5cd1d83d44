"""One operation under way: its arguments, the rows that they name, and what expressions mean in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app_clones.declared import rows
from app_clones.declared.bodies import Resource, resolve
from app_clones.declared.expressions import Evaluate
from app_clones.declared.keys import Names, find
from app_clones.declared.model import PERSON, FieldDecl
from app_clones.declared.plans import Plan
from app_clones.kit.errors import AppError, KitError
from app_clones.kit.protocol import Call

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

Json = Any
Row = rows.Row


@dataclass(frozen=True, slots=True)
class Ref:
    """A row as the value of an expression. ``bare``: in JSON its id alone, and never its resource name."""

    entity: str
    rowid: int
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of the kit's clock as the value of an expression."""

    ms: int


@dataclass(slots=True)
class Act:
    """What a behaviour is given, and what the engine itself works with.

    ``arguments`` by parameter name, checked; ``rows``: those named by parameters (entity, row); ``row``: the target,
    None where there is none (yet); ``gone``: its JSON form once deleted. ``extra``: what else expressions may name.
    """

    ready: Declared
    call: Call
    plan: Plan
    arguments: Mapping[str, Any]
    names: Names
    rows: dict[str, tuple[str, Row]] = field(default_factory=dict)
    row: Row | None = None
    gone: dict[str, Json] | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def entity(self) -> str:
        """The entity of the target. Raises :class:`KitError` in an operation that has none."""
        if self.plan.entity is None:
            raise KitError(f"{self.plan.name} is about no entity")
        return self.plan.entity.name

    @property
    def target(self) -> Row:
        """The target. Raises :class:`KitError` in an operation that has none."""
        if self.row is None:
            raise KitError(f"{self.plan.name} is about no row")
        return self.row

    def view(self, entity: str, row: Row) -> dict[str, Json]:
        """The JSON form of a row."""
        return rows.view(self.ready, self.call, entity, row, self.names)

    def find(self, entity: str, ident: Any) -> Row:
        """The row called ``ident`` from outside. Raises :class:`~app_clones.kit.errors.NotFound`."""
        return find(self.ready, self.call, entity, ident)

    def insert(self, entity: str, /, **values: Any) -> Row:
        """A new row; refs as row ids."""
        return rows.insert(self.ready, self.call, entity, values)

    def update(self, entity: str, row: Row, /, **changes: Any) -> Row:
        """A row with changes; refs as row ids."""
        found = rows.update(self.ready, self.call, entity, row, changes)
        self.names.hold(entity, found)
        return found

    def look(self, chain: Sequence[str]) -> Any:
        """The value of an expression's chain of names; None where something on the way has no value."""
        head, *path = chain
        found = self._head(head)
        for part in path:
            if not isinstance(found, Ref):
                return None
            found = self._part(found, part)
        return found

    def _head(self, head: str) -> Any:
        if head in self.extra:
            return self.extra[head]
        if head == "now":
            return Moment(self.call.now_ms)
        if head == "actor":
            return Ref(PERSON, self.call.actor)
        if head in ("id", "row"):
            return None if self.row is None else Ref(self.entity, self.row["id"], bare=head == "id")
        if head in self.rows:
            entity, row = self.rows[head]
            return Ref(entity, row["id"])
        return self._argument(head)

    def _argument(self, name: str) -> Any:
        given = self.arguments.get(name)
        param = self.plan.params.get(name)
        if isinstance(given, Resource):
            return given.values
        if param is not None and param.type == "ref" and param.to is not None and given is not None:
            found = resolve(
                self.ready, self.call, name, FieldDecl(type="ref", to=param.to, repeated=param.repeated), given
            )
            return [Ref(param.to, each) for each in found] if param.repeated else Ref(param.to, found)
        return given

    def _part(self, at: Ref, part: str) -> Any:
        plan = self.ready.entities[at.entity]
        row = self.row if self.row is not None and at == Ref(self.entity, self.row["id"]) else None
        row = row or self.names.row(at.entity, at.rowid)
        if part == "id":
            return Ref(at.entity, at.rowid, bare=True)
        if part == "path":
            return self.names.path(at.entity, row)
        decl = plan.decl.fields[part]
        value = row[part]
        if value is None:
            return None
        if decl.type == "ref" and decl.to is not None:
            return [Ref(decl.to, each) for each in value] if decl.repeated else Ref(decl.to, value)
        return Moment(value) if decl.is_moment else value

    def into(self, entity: str, name: str, evaluate: Evaluate) -> Any:
        """What an expression puts into a field, checked as a client's value would be. Raises
        :class:`~app_clones.kit.errors.AppError`."""
        decl = self.ready.entities[entity].decl.fields[name]
        value = evaluate(self.look)
        if not decl.repeated or value is None:
            return self._into_one(decl, name, value)
        return [self._into_one(decl, name, each) for each in (value if isinstance(value, list) else [value])]

    def items_into(self, entity: str, name: str, evaluate: Evaluate) -> list[Any]:
        """What an expression adds to a list field, or takes from it: one item, or a list of them."""
        decl = self.ready.entities[entity].decl.fields[name]
        value = evaluate(self.look)
        given = value if isinstance(value, list) else [] if value is None else [value]
        return [self._into_one(decl, name, each) for each in given]

    def _into_one(self, decl: FieldDecl, name: str, value: Any) -> Any:
        if value is None:
            return None
        if decl.type == "ref":
            if isinstance(value, Ref):
                if value.entity != decl.to:
                    raise AppError(f"{name}: a {value.entity} is no {decl.to}")
                return value.rowid
            return resolve(self.ready, self.call, name, decl.model_copy(update={"repeated": False}), value)
        if isinstance(value, Moment):
            if decl.is_moment:
                return value.ms
            value = rows.time_shown(decl, value.ms)
        if decl.type == "json" and isinstance(value, dict):
            value = {prop: one for prop, one in value.items() if one is not None}  # what is not given is left out
        return self.ready.accept_one(decl)(self.plain(value), name)

    def plain(self, value: Any) -> Json:
        """The value of an expression as JSON: refs as they are called from outside, times as RFC 3339."""
        if isinstance(value, Ref):
            if value.bare and value.entity != PERSON:
                own = self.row is not None and value == Ref(self.entity, self.row["id"], bare=True)
                # The target's id is told even once it is gone.
                row = self.target if own else self.names.row(value.entity, value.rowid)
                return self.names.ident(value.entity, row)
            return self.names.outside(value.entity, value.rowid)
        if isinstance(value, Moment):
            return rows.time_text(value.ms)
        if isinstance(value, dict):
            return {name: self.plain(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.plain(inner) for inner in value]
        return value
