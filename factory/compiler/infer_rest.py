"""From what an OpenAPI document says to a whole app: REST's habits."""

from __future__ import annotations

from collections import Counter
from typing import Any

from app_clones.declared.model import Api, AppDecl, OperationDecl, Param, Source
from factory.compiler.api import ApiDoc
from factory.compiler.certificate import idle_headers
from factory.compiler.infer_names import free, short, snake
from factory.compiler.rest_checked import checked
from factory.compiler.rest_entities import Model
from factory.compiler.rest_errors import error_form
from factory.compiler.rest_operations import operation, refused

Json = Any

_OPERATION_NAME = 39


def infer_rest(doc: ApiDoc) -> tuple[AppDecl, tuple[str, ...], dict[str, str]]:
    """The app that ``doc`` describes; what is to be known of how it came about; by the id of each method the word of
    what it acts on. Pure. Raises SpecError where no app can be made of it."""
    model = Model(doc)
    operations: dict[str, OperationDecl] = {}
    for method, place in zip(doc.methods, model.places, strict=True):
        name = free(short(snake(method.id), _OPERATION_NAME), operations)
        operations[name] = operation(model, method, place)
    base = doc.base.strip("/")
    errors, not_told = error_form(doc)
    common = {
        free(short(snake(one.name), 44), ()): Param(place="query", role="inert", wire=one.name, about=one.about)
        for one in doc.common
        if one.place == "query"
    }
    decl = AppDecl(
        app=doc.name,
        title=doc.title,
        about=doc.about,
        version=doc.version,
        source=Source(kind=doc.kind, name=doc.name, version=doc.version, sha256=doc.sha256),
        api=Api(base=f"api/{base}/" if base else "api/", errors=errors, naming="snake", common=common, auth=doc.auth),
        entities=model.entities,
        operations=operations,
        schemas={name: dict(schema) for name, schema in doc.schemas.items()},
    )
    methods = dict(zip(operations, doc.methods, strict=True))
    decl, left_out = checked(decl, lambda name, reason: refused(methods[name], reason))
    kinds = Counter(made.kind for made in decl.operations.values())
    told = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    about = {m.id: place.key[-1] if place.key else "-" for m, place in zip(doc.methods, model.places, strict=True)}
    return decl, (*doc.notes, *not_told, *left_out, *idle_headers(decl), told), about
