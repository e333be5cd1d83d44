"""One operation made ready: the check of its arguments, its parameters by role, its effects as functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app_clones.declared.bodies import resource_acceptor
from app_clones.declared.entities import EntityPlan
from app_clones.declared.expand import writes
from app_clones.declared.expressions import Evaluate, prepare
from app_clones.declared.keywords import Keywords, keywords_of
from app_clones.declared.model import PERSON, Emit, OperationDecl, Param
from app_clones.declared.refusals import NotBuilt
from app_clones.declared.requirements import Requirement, prepared
from app_clones.declared.values import Accept, acceptor
from app_clones.kit.errors import AppError

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

Json = Any

_UNITS_MS = {"second": 1000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}


@dataclass(frozen=True, slots=True)
class Emission:
    """An event to schedule, with its payload and what it comes ``after`` as functions."""

    decl: Emit
    after: Evaluate
    payload: Evaluate


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """One operation of a declared app, ready to run.

    ``roles`` gives the parameters of each role in order; ``target``: the parameter that names the row that it is about;
    ``ancestors``: those that name rows above it, from the root down; ``others``: those that name any other row, and
    ``related``: the ref field of the target by which it belongs to such a one, ``bound``: those of them to which the
    target must belong already; ``refs``: inputs that name rows.
    ``keywords``: words that stand for who acts, by where they may stand.
    ``bare``: there is nothing but a behaviour and plain inputs, so that nothing else need be looked at.
    """

    name: str
    decl: OperationDecl
    entity: EntityPlan | None
    writes: bool
    params: Mapping[str, Param]
    accepts: Mapping[str, Accept]
    defaults: Mapping[str, Json]
    required: tuple[str, ...]
    roles: Mapping[str, tuple[str, ...]]
    target: str | None
    ancestors: tuple[str, ...]
    others: tuple[str, ...]
    related: Mapping[str, str]
    bound: tuple[str, ...]
    refs: tuple[str, ...]
    keywords: Keywords
    bare: bool
    set: Mapping[str, Evaluate]
    append: Mapping[str, Evaluate]
    remove: Mapping[str, Evaluate]
    make: tuple[tuple[str, Mapping[str, Evaluate]], ...]
    emit: tuple[Emission, ...]
    require: tuple[Requirement, ...]
    values: Mapping[str, Evaluate]

    def accept(self, arguments: Any, called: Mapping[str, str] | None = None) -> dict[str, Any]:
        """``arguments`` by parameter name, checked; what is not given has its default, or is left out.

        ``None`` stands for "nothing" where a field may be without a value. ``called``: what whoever asks calls the
        parameters, where that is something else. Raises :class:`AppError`.
        """
        called = called or {}
        if not isinstance(arguments, dict):
            raise AppError("the arguments are no JSON object")
        found: dict[str, Any] = dict(self.defaults)
        for name, given in arguments.items():
            accept = self.accepts.get(name)
            if accept is None:
                raise AppError(f"{str(name)[:60]}: no such argument; there are {', '.join(self.accepts) or 'none'}")
            param = self.params[name]
            if given is None:
                if param.role == "field" and not param.required:
                    found[name] = None
                    continue
                if not param.required:
                    continue
            if param.role == "refused":
                raise NotBuilt(f"{called.get(name, name)}: this is not built: {param.about or 'leave it out'}")
            found[name] = accept(given, called.get(name, name))
        for name in self.roles.get("body", ()):
            if name not in found:
                found[name] = self.accepts[name]({}, name)  # no body is an empty one
        for name in self.required:
            if found.get(name) is None:
                raise AppError(f"{called.get(name, name)}: this is needed")
        return found

    def first(self, role: str, arguments: Mapping[str, Any]) -> Any:
        """The argument of the parameter that has ``role``, None where there is none."""
        for name in self.roles.get(role, ()):
            if name in arguments:
                return arguments[name]
        return None


def plan_of(ready: Declared, name: str) -> Plan:
    """Makes the operation ``name`` ready."""
    decl = ready.decl.operations[name]
    params = {**({} if decl.takes else ready.decl.api.common), **decl.params}  # what is a tool alone speaks on no wire
    entity = ready.entities[decl.entity] if decl.entity else None
    roles: dict[str, list[str]] = {}
    for key, param in params.items():
        roles.setdefault(param.role, []).append(key)
    target, ancestors, others = _rows(ready, decl, entity, params)
    related = _related(entity, params, others)
    return Plan(
        name=name,
        decl=decl,
        entity=entity,
        writes=writes(decl),
        params=params,
        accepts={key: _accept(ready, entity, param) for key, param in params.items()},
        defaults={key: param.default for key, param in params.items() if param.default is not None},
        required=tuple(key for key, param in params.items() if param.required),
        roles={role: tuple(keys) for role, keys in roles.items()},
        target=target,
        ancestors=ancestors,
        others=others,
        related=related,
        bound=_bound(decl, params, related) if target is not None else (),
        refs=tuple(key for key, param in params.items() if param.role == "input" and param.type == "ref"),
        keywords=keywords_of(entity, params),
        bare=_is_bare(decl, params),
        set=_prepared(decl.set),
        append=_prepared(decl.append),
        remove=_prepared(decl.remove),
        make=tuple((make.entity, _prepared(make.values)) for make in decl.make),
        emit=tuple(Emission(each, prepare(each.after), prepare(dict(each.payload))) for each in decl.emit),
        require=prepared(ready.decl, decl),
        values=_prepared(decl.result.values),
    )


def _is_bare(decl: OperationDecl, params: Mapping[str, Param]) -> bool:
    plain = all(param.role == "input" and param.type != "ref" for param in params.values())
    more = (decl.entity, decl.require, decl.make, decl.emit, decl.record, decl.result.shape == "operation")
    return decl.behaviour is not None and decl.kind == "custom" and plain and not any(more)


def _prepared(values: Mapping[str, Json]) -> dict[str, Evaluate]:
    return {name: prepare(value) for name, value in values.items()}


def delay_ms(after: int, unit: str) -> int:
    """So many of a unit of the clock, in ms."""
    return after * _UNITS_MS[unit]


def _accept(ready: Declared, entity: EntityPlan | None, param: Param) -> Accept:
    if param.role == "resource" and entity is not None:
        return resource_acceptor(ready, entity)
    return acceptor(param, ready.shapes)


def _rows(
    ready: Declared, decl: OperationDecl, entity: EntityPlan | None, params: Mapping[str, Param]
) -> tuple[str | None, tuple[str, ...], tuple[str, ...]]:
    """Which parameter names the target, which its ancestors (from the root down), which anything else."""
    named = [(key, param.entity) for key, param in params.items() if param.role == "row" and param.entity]
    if entity is None:
        return None, (), tuple(key for key, _ in named)
    target = None
    if decl.kind not in ("list", "create"):
        own = [key for key, name in named if name == entity.name]
        target = own[-1] if own else None
    above = lineage(ready, entity)
    ancestors = sorted(
        (key for key, name in named if key != target and name in above),
        key=lambda key: -above.index(params[key].entity or ""),
    )
    return target, tuple(ancestors), tuple(key for key, _ in named if key != target and key not in ancestors)


def _related(entity: EntityPlan | None, params: Mapping[str, Param], others: tuple[str, ...]) -> dict[str, str]:
    if entity is None:
        return {}
    found = {}
    for key in others:
        refs = [name for name, field in entity.decl.fields.items() if field.to == params[key].entity]
        chosen = params[key].field or (refs[0] if len(refs) == 1 else None)
        if chosen is not None:
            found[key] = chosen
    return found


def _bound(decl: OperationDecl, params: Mapping[str, Param], related: Mapping[str, str]) -> tuple[str, ...]:
    """Through what a path names, the target is reached, unless the operation itself lets it belong there."""
    written = {*decl.set, *decl.append}
    return tuple(key for key, field in related.items() if params[key].place == "path" and field not in written)


def lineage(ready: Declared, entity: EntityPlan) -> list[str]:
    """The entities above ``entity``, the nearest first; itself where its rows lie under each other."""
    found: list[str] = []
    at = entity
    while at.above is not None and at.above not in found:
        found.append(at.above)
        if at.above == PERSON:
            break
        at = ready.entities[at.above]
    return found
