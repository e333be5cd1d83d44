"""What a method answers, from the schema of its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app_clones.declared.model import Result
from factory.compiler.api import Method
from factory.compiler.infer_fields import kind_of
from factory.compiler.infer_model import Model
from factory.compiler.infer_paths import words
from factory.compiler.infer_resources import Resource
from factory.compiler.infer_schemas import ref_of

Json = Any


def page(method: Method, resource: Resource, model: Model) -> Result | None:
    """The answer of a list: None where it holds no rows of ``resource``."""
    listed = next(
        (known for known in model.shapes.lists(method.response) if known.item == resource.schema), None
    ) or _hinted(method, resource, model)
    if listed is None or listed.item != resource.schema:
        return None
    props = _props(method, model)
    total = next(
        (n for n in ("totalSize", "totalItems", "total", "totalResults", "totalCount") if _integer(props, n)), None
    )
    return Result(
        shape="page",
        items=listed.prop,
        next=next((name for name in ("nextPageToken", "nextCursor") if name in props), None),
        total=total,
        schema_name=_schema(method, model),
        constants=kind_of(props),
    )


def grouped(method: Method, model: Model) -> tuple[str, Result] | None:
    """The answer of a list over all scopes: the schema of its rows, and its form."""
    props = _props(method, model)
    items = props.get("items", {})
    scoped = (
        ref_of(items.get("additionalProperties")) if isinstance(items.get("additionalProperties"), Mapping) else None
    )
    lists = model.shapes.lists({"$ref": f"#/$defs/{scoped}"} if scoped else None)
    if len(lists) != 1:
        return None
    made = Result(
        shape="page",
        items="items",
        group=lists[0].prop,
        next="nextPageToken" if "nextPageToken" in props else None,
        schema_name=_schema(method, model),
        constants=kind_of(props),
    )
    return lists[0].item, made


def row(method: Method, resource: Resource | None, model: Model) -> Result:
    """The answer of what is done to a row: the row, an operation, nothing, or an object that says no more."""
    name = ref_of(method.response)
    if model.shapes.is_empty(method.response):
        return Result(shape="empty", schema_name=_schema(method, model))
    if resource is not None and name == resource.schema:
        return Result(shape="row", schema_name=name)
    if name is not None and name == model.resources.running:
        return Result(shape="operation", schema_name=name)
    props = _props(method, model)
    for prop, schema in props.items():
        if resource is not None and resource.schema is not None and ref_of(schema) == resource.schema:
            return Result(shape="row", wrap=prop, schema_name=name, constants=kind_of(props))
    return Result(shape="value", schema_name=_schema(method, model), constants=kind_of(props))


def tells(method: Method, resource: Resource | None, model: Model) -> bool:
    """Whether the answer has matter that neither a row, an operation nor silence can give."""
    if row(method, resource, model).shape != "value":
        return False
    return any(
        not (name == "kind" or schema.get("type") == "boolean") for name, schema in _props(method, model).items()
    )


def _hinted(method: Method, resource: Resource, model: Model) -> Any:
    return model.shapes.envelope(method.response, words(resource.key[-1]))


def _props(method: Method, model: Model) -> Mapping[str, Json]:
    name = ref_of(method.response)
    return model.shapes.properties(name) if name else (method.response or {}).get("properties", {})


def _schema(method: Method, model: Model) -> str | None:
    name = ref_of(method.response)
    return name if name in model.doc.schemas else None


def _integer(props: Mapping[str, Json], name: str) -> bool:
    return bool(props.get(name, {}).get("type") == "integer")
