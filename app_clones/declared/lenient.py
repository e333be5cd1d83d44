"""A set of tool arguments as pydantic reads it: texts of digits count as numbers, and every mistake is told at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import Field, create_model

from app_clones.declared.model import Param
from app_clones.kit.app import Params

Json = Any

#: What such a set may hold, as Python has it.
LENIENT = {"string": str, "text": str, "integer": int, "number": float, "boolean": bool}


def params_of(title: str, params: Mapping[str, Param]) -> type[Params]:
    """The class of the arguments ``params``; ``title`` is that of its JSON Schema."""
    fields: dict[str, tuple[Any, Any]] = {name: (LENIENT[param.type], _field(param)) for name, param in params.items()}
    return create_model(title, __base__=Params, **cast(Any, fields))


def _field(param: Param) -> Any:
    if param.type in ("integer", "number"):
        bounds: dict[str, Any] = {"ge": _whole(param, param.min), "le": _whole(param, param.max)}
    else:
        bounds = {"min_length": _whole(param, param.min), "max_length": _whole(param, param.max)}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    return Field(**given) if param.required else Field(default=param.default, **given)


def _whole(param: Param, bound: float | None) -> float | None:
    return bound if bound is None or param.type == "number" else int(bound)
