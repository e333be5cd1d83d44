"""Operations as the kit's: the tools of a declared app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app_clones.declared.expand import writes
from app_clones.declared.lenient import params_of
from app_clones.declared.model import Param
from app_clones.declared.perform import run
from app_clones.declared.render import renderer
from app_clones.declared.values import ref_schema, schema_of, stand_in
from app_clones.kit.app import Operation, Params
from app_clones.kit.errors import AppError
from app_clones.kit.protocol import Call

if TYPE_CHECKING:
    from app_clones.declared.engine import Declared
    from app_clones.declared.plans import Plan

Json = Any

#: Parameters that speak of the wire alone, which a tool has not.
_WIRE_ROLES = ("inert", "pretty", "refused")


class ToolParams:
    """The arguments of one tool. Its checks and its JSON Schema are made when first needed."""

    __slots__ = ("_name", "_ready")

    def __init__(self, ready: Declared, name: str) -> None:
        self._ready = ready
        self._name = name

    @property
    def ready(self) -> Declared:
        """The app that the tool is of."""
        return self._ready

    def model_validate(self, obj: Any) -> dict[str, Any]:
        """The arguments as the engine takes them. Raises :class:`AppError`."""
        if isinstance(obj, dict):
            for key in obj:
                param = self._param(key)
                if param is None:
                    raise AppError(f"{str(key)[:60]}: no such argument; there are {', '.join(self._names()) or 'none'}")
            obj = {**silent(self._ready.plan(self._name)), **obj}
        return self._ready.plan(self._name).accept(obj)

    def model_json_schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments."""
        return tool_schema(self._ready, self._name)

    def _param(self, key: str) -> Param | None:
        decl = self._ready.decl
        found = decl.operations[self._name].params.get(key) or decl.api.common.get(key)
        return found if found is not None and is_argument(found) else None

    def _names(self) -> list[str]:
        return [name for name, _ in tool_params(self._ready, self._name)]


def silent(plan: Plan) -> dict[str, Json]:
    """What the wire demands and a tool has no argument for."""
    names = [name for name in plan.required if plan.params[name].role == "inert" and name not in plan.defaults]
    return {name: stand_in(plan.params[name]) for name in names}


def use(ready: Declared, call: Call, operation: str, arguments: Mapping[str, Json]) -> Json:
    """Runs an operation with a tool's ``arguments``; gives the body of its answer. Raises :class:`AppError`."""
    plan = ready.plan(operation)
    return run(ready, call, plan, plan.accept({**silent(plan), **arguments}))


def is_argument(param: Param) -> bool:
    """Whether a tool takes the parameter."""
    return param.role not in _WIRE_ROLES


def tool_params(ready: Declared, name: str) -> list[tuple[str, Param]]:
    """The parameters of the tool of that operation, the operation's own first."""
    own = ready.decl.operations[name].params
    common = {key: param for key, param in ready.decl.api.common.items() if key not in own}
    return [(key, param) for key, param in (*own.items(), *common.items()) if is_argument(param)]


def tool_schema(ready: Declared, name: str) -> dict[str, Any]:
    """JSON Schema of a tool's arguments, with all that it refers to under ``$defs``."""
    operation = ready.decl.operations[name]
    properties: dict[str, Json] = {}
    for key, param in tool_params(ready, name):
        schema = param_schema(ready, operation.entity, param)
        if param.default is not None:
            schema["default"] = param.default
        if param.role == "field" and not param.required and operation.kind in ("update", "replace", "custom"):
            schema = _or_null(schema)
        properties[key] = schema
    needed = [key for key, param in tool_params(ready, name) if param.required]
    found: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if needed:
        found["required"] = needed
    return ready.shapes.whole(found)


def param_schema(ready: Declared, entity: str | None, param: Param, *, wire: bool = False) -> dict[str, Json]:
    """JSON Schema of one parameter."""
    if param.role == "resource" and entity is not None:
        from app_clones.declared.schemas import body_schema

        return body_schema(ready, entity)
    if param.role == "row" and param.entity is not None and param.type != "string":
        about = {"description": param.about} if param.about else {}
        return {**ref_schema(ready.decl, param.entity), **about}
    return schema_of(param, ready.decl, wire=wire)


def _or_null(schema: dict[str, Json]) -> dict[str, Json]:
    found = dict(schema)
    if isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
        return found
    return found if "type" in found or not found.keys() - {"description"} else {"anyOf": [found, {"type": "null"}]}


def operations(ready: Declared) -> tuple[Operation, ...]:
    """The tools of the app: every operation that is built, those alone that take a set of arguments where there are
    such."""
    sets = {title: params_of(title, params) for title, params in ready.decl.arguments.items()}
    return tuple(
        _lenient(ready, name, sets[decl.takes]) if decl.takes is not None else _operation(ready, name)
        for name, decl in ready.decl.operations.items()
        if decl.kind != "refused" and not decl.internal and (decl.takes is not None or not sets)
    )


def _lenient(ready: Declared, name: str, params: type[Params]) -> Operation:
    """A tool whose arguments are one of the app's sets."""
    decl = ready.decl.operations[name]

    def perform(call: Call, given: Params) -> Json:
        return run(ready, call, ready.plan(name), given.__dict__)

    return Operation(name, decl.about, params, perform, writes(decl), renderer(ready, name))


def _operation(ready: Declared, name: str) -> Operation:
    decl = ready.decl.operations[name]

    def perform(call: Call, arguments: dict[str, Any]) -> Json:
        return run(ready, call, ready.plan(name), arguments)

    about = decl.about or name.replace("_", " ").capitalize() + "."
    return Operation(name, about, ToolParams(ready, name), perform, writes(decl), renderer(ready, name))
