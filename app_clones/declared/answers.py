"""What an operation answers, and which parts of it a read mask keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from app_clones.declared.act import Act
from app_clones.declared.entities import EntityPlan
from app_clones.kit import mask as masks

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared

Json = Any


def answer(act: Act) -> Json:
    """The answer of an operation that is done, by the shape that it declares."""
    result = act.plan.decl.result
    if result.shape == "empty":
        return {}
    if result.shape == "value" and result.field is not None:
        return masked_answer(act, act.target[result.field] or {})
    if result.shape == "value":
        values = {name: act.plain(evaluate(act.look)) for name, evaluate in act.plan.values.items()}
        return masked_answer(act, {**result.constants, **values})
    body: Json = act.gone
    if body is None:
        body = act.view(act.entity, act.row) if act.row is not None else {}
    return masked_answer(act, {**result.constants, result.wrap: body} if result.wrap else body)


def masked_answer(act: Act, body: Json) -> Json:
    """``body`` with the parts that the operation's read masks keep. Raises :class:`AppError` at one that is none."""
    asked = (*act.plan.roles.get("read_mask", ()), *act.plan.roles.get("parts", ()))
    if not asked:
        return body
    # What is said of the whole answer comes last: until then each mask finds the rows where they are.
    for key in sorted(asked, key=lambda key: (act.plan.params[key].wire or key) == "fields"):
        given = act.arguments.get(key)
        if given in (None, "", []):
            continue
        text = ",".join(map(str, given)) if isinstance(given, list) else str(given)
        if (act.plan.params[key].wire or key) == "fields":
            body = _whole(act, masks.parse(text), body)
        else:
            body = _rows(act, masks.parse(text.replace(".", "/")), body)
    return body


def _whole(act: Act, mask: masks.Mask, body: Json) -> Json:
    plan, result = act.plan, act.plan.decl.result
    own: masks.Known = ANYTHING
    if plan.entity is not None:
        own = RowProperties(act.ready, plan.entity)
    elif result.schema_name is not None:
        own = Shape(act.ready, act.ready.decl.schemas[result.schema_name])
    known: masks.Known = own
    if result.shape == "page":
        onward = (result.next, result.more, result.next_url, result.previous_url)
        besides = (*onward, result.total, *result.constants)
        known = {result.items: own, **{name: {} for name in besides if name}}
    elif result.shape in ("value", "operation", "empty"):
        known = ANYTHING
    elif result.wrap:
        known = {result.wrap: own, **dict.fromkeys(result.constants, ANYTHING)}
    masks.check(mask, known)
    return masks.apply(mask, body)


def _rows(act: Act, mask: masks.Mask, body: Json) -> Json:
    """``body`` with each of its rows masked; what says which row it is, and of which kind, stays in any case."""
    plan, result = act.plan, act.plan.decl.result
    if plan.entity is not None:
        masks.check(mask, RowProperties(act.ready, plan.entity))
        mask = {**mask, **{name: {} for name in always_told(plan.entity)}}
    if result.shape == "page":
        return {**body, result.items: masks.apply(mask, body[result.items])}
    if result.wrap:
        return {**body, result.wrap: masks.apply(mask, body[result.wrap])}
    return masks.apply(mask, body)


def always_told(plan: EntityPlan) -> tuple[str, ...]:
    """The properties of a row that say which one it is, of which kind, and whether it was changed."""
    key = plan.decl.key
    return tuple(name for name in (key.wire, key.path, plan.decl.etag, *plan.decl.constants) if name)


class Anything:
    """What a mask may name where nothing is known of it."""

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> masks.Known:
        return self

    def values(self) -> Iterable[masks.Known]:
        """Nothing by name."""
        return ()


ANYTHING = Anything()
_LEAVES = ("string", "integer", "number", "boolean")


class Shape:
    """The properties of a JSON Schema, looked up as far as a mask goes, since schemas may contain themselves."""

    def __init__(self, ready: Declared, shape: Mapping[str, Json]) -> None:
        self._ready = ready
        leaf = ready.shapes.resolved(shape).get("type") in _LEAVES
        self._properties: Mapping[str, Json] | None = {} if leaf else ready.shapes.properties(shape)

    def __contains__(self, name: object) -> bool:
        return self._properties is None or name in self._properties

    def __getitem__(self, name: str) -> masks.Known:
        if self._properties is None:
            return ANYTHING
        return of_shape(self._ready, self._properties[name])

    def values(self) -> Iterable[masks.Known]:
        """What is below each property."""
        return [self[name] for name in self._properties or ()]


class RowProperties:
    """The properties of a row's JSON form."""

    def __init__(self, ready: Declared, plan: EntityPlan) -> None:
        self._ready = ready
        self._plan = plan
        key = plan.decl.key
        hidden = {plan.names[name] for name, field in plan.decl.fields.items() if field.hidden}
        own = [key.wire, key.path, plan.decl.etag, *plan.decl.constants, *plan.decl.derived, *plan.wires]
        self._names = [name for name in own if name and name not in hidden]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __getitem__(self, name: str) -> masks.Known:
        field = self._plan.decl.fields.get(self._plan.wires.get(name, ""))
        if field is None or field.type != "json":
            return {}
        return of_shape(self._ready, field.shape or {})

    def values(self) -> Iterable[masks.Known]:
        """What is below each property."""
        return [self[name] for name in self._names]


def of_shape(ready: Declared, shape: Mapping[str, Json]) -> masks.Known:
    """What a mask may name within a value of ``shape``; within a list, of its items."""
    items = shape.get("items")
    return of_shape(ready, items) if isinstance(items, Mapping) else Shape(ready, shape)
