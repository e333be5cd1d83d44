"""Good requests: which row an operation is about, what stands in each parameter, what was sent of each field."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app_clones.declared.branches import excluded, needed
from app_clones.declared.entities import Row
from app_clones.declared.expand import writable
from app_clones.declared.expressions import names_in
from app_clones.declared.keys import own_name
from app_clones.declared.model import PERSON, Entity, FieldDecl, Param
from app_clones.declared.values import schema_of
from factory.compiler.proof_choosing import SAME, Chooser, Unaskable, target_param
from factory.compiler.proof_subject import ACTOR, Stage
from factory.compiler.values import Undrawable

__all__ = ["Asked", "Asker", "Unaskable", "target_param"]

Json = Any

#: Parameters that say how to answer or how to be careful: a plain request is without them.
_BESIDES = (
    "filter", "expression", "search", "order_by", "page_size", "page_token", "after", "offset", "page_number", "mask",
    "read_mask", "parts", "etag", "validate_only", "request_id", "force", "allow_missing", "inert", "refused", "body",
)  # fmt: skip
_ID = "[a-z][a-z0-9]{7,19}"
_TRIED = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """A request by parameter name. ``target``: the row it is about; ``rows``: those that parameters name, by parameter;
    ``sent``: by field, as the API writes it."""

    operation: str
    arguments: Mapping[str, Json]
    target: Row | None = None
    rows: Mapping[str, Row] = field(default_factory=dict)
    sent: Mapping[str, Json] = field(default_factory=dict)

    def having(self, **arguments: Json) -> Asked:
        """The same with further arguments, or others."""
        return replace(self, arguments={**self.arguments, **arguments})

    def lacking(self, *names: str) -> Asked:
        """The same without some arguments."""
        return replace(self, arguments={name: one for name, one in self.arguments.items() if name not in names})


class Asker(Chooser):
    """Makes good requests of one operation for one stage, with values that follow from ``seed``."""

    def __init__(self, stage: Stage, name: str, *seed: str | int) -> None:
        super().__init__(stage, name, *seed)
        op = self.operation
        effects = [op.set, op.append, op.remove, *(make.values for make in op.make)]
        chains = [found for effect in effects for value in effect.values() for found in names_in(value)]
        self._env: Mapping[str, Row] = {}
        self._read = {found[0] for found in chains} if op.kind in ("custom", "record") else set()

    def good(
        self,
        *,
        target: Row | None = None,
        under: Mapping[str, Row] | None = None,
        but: Collection[int] = (),
        only: Collection[str] | None = None,
    ) -> Asked:
        """A request that the app should grant.

        ``target``: the row it is about (else one is chosen, its row id not among ``but``); ``under``: rows by entity
        for the parameters that name those; ``only``: fields to send, of those that need not be. Raises
        :class:`Unaskable`.
        """
        env = dict(under or {})
        if self.operation.kind in ("list", "create") and self.operation.entity not in self._lineage():
            env.pop(self.operation.entity or "", None)
        if target is not None and not self._in_reach(self.operation.entity or PERSON, [target]):
            raise Unaskable("it lies where the operation does not look")
        target = target or self._target(env, but)
        if target is not None and self.operation.entity is not None:
            env = {**env, **self._around(target)}
        if target is None:
            env = {**self._parent(env), **env}
        self._env = env
        arguments: dict[str, Json] = {}
        rows: dict[str, Row] = {}
        sent: dict[str, Json] = {}
        for name, param in self.operation.params.items():
            try:
                self._fill(name, param, target, env, only, arguments, rows, sent)
            except Undrawable as error:
                if param.required:
                    raise Unaskable(f"{name}: {error}") from error
        return Asked(self.name, arguments, target, rows, sent)

    def of_field(self, name: str, decl: FieldDecl, row: Row | None = None) -> Json:
        """A value of a field as the API writes it, unlike what ``row`` has. Raises :class:`Undrawable`."""
        if decl.type == "ref":
            return self._refs(name, decl, row)
        schema = schema_of(decl, self.subject.decl, wire=True)
        now = None if row is None else row.get(name)
        now = str(now) if decl.int64 and now is not None else now
        try:
            return self.values.other(schema, now)
        except Undrawable:
            return self.values.draw(schema)

    # ---- what stands where

    def _fill(
        self,
        name: str,
        param: Param,
        target: Row | None,
        env: Mapping[str, Row],
        only: Collection[str] | None,
        arguments: dict[str, Json],
        rows: dict[str, Row],
        sent: dict[str, Json],
    ) -> None:
        if param.role == "row":
            row = self._named(name, param, target, env)
            if row is not None:
                rows[name] = row
                called = self.called(name, param, row)
                if param.pattern and not re.search(param.pattern, str(called)):
                    raise Unaskable(f"{name} takes no {called}, which lies elsewhere")
                arguments[name] = [called] if param.repeated else called
        elif param.role == "new_id":
            if param.required:
                arguments[name] = self.new_id(param, env)
        elif param.role == "resource":
            arguments[name] = self._resource(target, only, sent)
        elif param.role == "field":
            if param.required or only is None or (param.field or name) in only:
                self._field(name, param, target, arguments, sent)
        elif param.required or name in self._read:
            arguments[name] = self._needed(name, param, target)
        elif param.role not in (*_BESIDES, "input"):
            raise AssertionError(f"{param.role}: no such role")

    def _named(self, name: str, param: Param, target: Row | None, env: Mapping[str, Row]) -> Row | None:
        entity = param.entity or PERSON
        if target is not None and name == target_param(self.operation):
            return target
        if target is not None and name in self.plan.bound:
            return self._tied(name, target)
        if entity in env and not (target is not None and entity == self.operation.entity):
            return env[entity]
        there = self.stage.visible(entity)
        if entity == PERSON:
            there = [row for row in there if row["id"] == ACTOR]
        if target is not None and (added := self._added(name)) is not None:
            there = [row for row in there if row["id"] not in (target[added] or ())]
        others = [
            row
            for row in self._taken(param, there)
            if target is None or entity != self.operation.entity or row["id"] != target["id"]
        ]
        if not others and param.required:
            raise Unaskable(f"there is no {entity} for {name}")
        return others[0] if others and param.required else None

    def called(self, name: str, param: Param, row: Row) -> Json:
        """How a parameter calls ``row``: by its whole resource name where it takes such, else by its id."""
        entity = param.entity or PERSON
        whole = entity != PERSON and self.subject.entity(entity).key.path is not None and param.place != "path"
        path = self.operation.http.path if self.operation.http else ""
        if whole or param.pattern or f"{{+{param.wire or name}}}" in path:
            return self.stage.name(entity, row)
        return self.stage.ident(entity, row)

    def new_id(self, param: Param, env: Mapping[str, Row]) -> str:
        """An id for a new row; its whole resource name, below the rows of ``env``, where the parameter takes such."""
        entity = self.operation.entity
        assert entity is not None
        plan = self.subject.plan(entity)
        if param.pattern is None or "/" not in param.pattern:
            return self._free_id(entity, param.pattern or plan.decl.key.pattern or _ID)
        own = own_name(plan, self._free_id(entity, plan.decl.key.pattern or _ID))
        above = env.get(plan.above or "")
        return f"{self.stage.name(plan.above or '', above)}/{own}" if above is not None else own

    def _free_id(self, entity: str, pattern: str) -> str:
        """An id that meets ``pattern`` and no row has yet: a pattern may be met by a letter alone."""
        taken = {str(self.stage.ident(entity, row)) for row in self.stage.rows(entity)}
        drawn = (str(self.values.draw({"type": "string", "pattern": pattern})) for _ in range(_TRIED))
        free = next((id for id in drawn if id not in taken), None)
        if free is None:
            raise Unaskable(f"all ids are taken that are like {pattern}")
        return free

    def _resource(self, target: Row | None, only: Collection[str] | None, sent: dict[str, Json]) -> dict[str, Json]:
        entity = self.operation.entity
        if entity is None:
            return {}  # of a method that is refused, whatever it is given
        plan = self.subject.plan(entity)
        apart = {one.field for one in self.operation.params.values() if one.role == "field"}
        body: dict[str, Json] = {}
        creating = self.operation.kind == "create"
        row = self._kind(plan.decl, target)
        without, must = excluded(plan.decl, row), needed(plan.decl, row)
        for name, decl in writable(entity, plan.decl, creating=creating).items():
            needs = (decl.required or name in must) and (creating or self.operation.kind == "replace")
            if name in row and needs:
                body[plan.names[name]] = sent[name] = row[name]
            if name in without or name in row:
                continue
            if name in apart or (only is not None and name not in only and not needs):
                continue
            if decl.to == entity and not creating:
                continue  # a row cannot come to lie under itself, and which would is not asked here
            try:
                body[plan.names[name]] = sent[name] = self.of_field(name, decl, target)
            except Undrawable:
                if needs:
                    raise
        return body

    def _kind(self, decl: Entity, target: Row | None) -> dict[str, Json]:
        """The field that tells of which kind a row is, and what it holds: as the target has it, else any; empty where
        all rows are of one kind."""
        if decl.branches is None:
            return {}
        values = sorted(decl.branches.of)
        held = target[decl.branches.field] if target is not None else values[self.values.number(len(values))]
        return {decl.branches.field: held}

    def _field(
        self, name: str, param: Param, target: Row | None, arguments: dict[str, Json], sent: dict[str, Json]
    ) -> None:
        entity = self.operation.entity
        field_name = param.field or name
        decl = self.subject.entity(entity).fields[field_name] if entity else None
        if decl is not None and decl.to == entity and self.operation.kind != "create" and not param.required:
            return
        arguments[name] = sent[field_name] = self.of_field(field_name, FieldDecl(**_value(param)), target)

    def _refs(self, name: str, decl: FieldDecl, row: Row | None) -> Json:
        to = decl.to or PERSON
        there = self.stage.visible(to)
        avoided = [None if row is None else row.get(name)]
        if row is not None and to == self.operation.entity:
            avoided.append(row["id"])
        others = [one for one in there if one["id"] not in avoided] or there
        if not others:
            raise Undrawable(f"there is no {to} to refer to")
        chosen = self.stage.outside(to, others[self.values.number(len(others))]["id"])
        return [chosen] if decl.repeated else chosen

    def of_param(self, name: str, param: Param, row: Row | None = None) -> Json:
        """A value that a parameter should take. Raises :class:`Undrawable`."""
        if param.type == "ref":
            written = next((field for field, value in self.operation.set.items() if value == f"${name}"), None)
            return self._refs(written or param.field or name, FieldDecl(**_value(param)), row)
        return self.values.draw(schema_of(param, self.subject.decl, wire=True))

    def _needed(self, name: str, param: Param, target: Row | None) -> Json:
        entity = self.operation.entity
        plan = self.subject.plan(entity) if entity else None
        if param.role == "etag" and plan is not None and target is not None and entity is not None:
            return self.stage.etag(entity, target)
        if param.role in ("mask", "read_mask", "parts") and plan is not None:
            creating = self.operation.kind == "create"
            names = writable(plan.name, plan.decl, creating=creating) if param.role == "mask" else plan.decl.fields
            wires = [plan.names[one] for one in names if not plan.decl.fields[one].hidden]
            return wires if param.repeated else ",".join(wires)
        if param.role == "expression":
            return ""  # which lets all rows through
        if param.role in ("page_token", "order_by", "refused"):
            raise Unaskable(f"{name} is needed, and nothing is known to stand there")
        if param.role == "filter" and plan is not None and param.field:
            rows = [row for row in self.stage.visible(plan.name) if row[param.field] is not None]
            rows = [row for row in rows if self._lies(plan.name, row, self._env)] or rows
            if rows:
                return self.shown(plan.name, param.field, rows[0])
        taken = next((one for one, value in self.operation.remove.items() if value == f"${name}"), None)
        if taken is not None and target is not None and entity is not None and target[taken]:
            one = self.shown(entity, taken, target)
            return [one] if param.repeated else one
        if target is not None and param.type == "ref" and (new := self._new_member(name, param.to or PERSON, target)):
            return [new] if param.repeated else new
        if target is not None and entity is not None and (told := self._demanded(name)) and target[told] is not None:
            return self.shown(entity, told, target)
        return self.of_param(name, param, target)

    def _tied(self, name: str, row: Row) -> Row:
        """The row, of those that the parameter may name, to which ``row`` belongs. Raises :class:`Unaskable` where
        there is none."""
        held = row[self.plan.related[name]]
        ids = held if isinstance(held, list) else [held]
        there = self.stage.visible(self.operation.params[name].entity or PERSON)
        found = next((one for one in there if one["id"] in ids), None)
        if found is None:
            raise Unaskable("it lies where the operation does not look")
        return found

    def _added(self, name: str) -> str | None:
        """The list of the target's to which the parameter adds."""
        return next((one for one, value in self.operation.append.items() if value == f"${name}"), None)

    def _new_member(self, name: str, to: str, target: Row) -> Json:
        """A row of ``to`` that is not yet in the list of the target's to which the parameter adds."""
        added = self._added(name)
        there = [row["id"] for row in self.stage.visible(to) if added and row["id"] not in (target[added] or ())]
        return self.stage.outside(to, there[0]) if there else None

    def _demanded(self, name: str) -> str | None:
        """The field of the target that must be what the parameter says, or may be."""
        said = f"${name}"
        told = [one for one, allowed in self.operation.when.items() if said in allowed]
        told += [
            one.that.removeprefix("$row.")
            for one in self.operation.require
            if one.value == said and one.compare in SAME and re.fullmatch(r"\$row\.[a-z0-9_]+", one.that)
        ]
        return told[0] if told else None

    def listing(self, entity: str, row: Row) -> Asked:
        """A request for the list in which ``row`` should be: that of its parent, filtered by what it has.

        Raises :class:`Unaskable` where the operation lists what lies elsewhere.
        """
        scope, places = self.subject.entity(entity).key.scope, self._places(entity)
        if scope is not None and places and row[scope] not in places:
            raise Unaskable("it lies where the operation does not look")
        above = {name: one for name, one in self._around(row).items() if name != entity}
        asked = self.good(under=above)
        for name, param in self.operation.params.items():
            if name in self.plan.related and name in asked.arguments:
                tied = self._tied(name, row)
                asked = replace(asked.having(**{name: self.called(name, param, tied)}), rows={**asked.rows, name: tied})
            if param.role == "filter" and param.field and name in asked.arguments and row[param.field] is not None:
                value = self.shown(entity, param.field, row)
                asked = asked.having(**{name: [value] if param.repeated else value})
        return asked

    def shown(self, entity: str, name: str, row: Row) -> Json:
        """The value that ``row`` has in a field, as a parameter takes it; of a list its first."""
        decl = self.subject.entity(entity).fields[name]
        value = row[name]
        value = value[0] if decl.repeated and value else value
        if decl.type == "ref" and value is not None:
            return self.stage.outside(decl.to or PERSON, value)
        return str(value) if decl.int64 and value is not None else value


def _value(param: Param) -> dict[str, Any]:
    keys = ("type", "repeated", "values", "to", "min", "max", "pattern", "shape", "int64")
    return {key: getattr(param, key) for key in keys}
