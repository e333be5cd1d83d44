"""Lists of ids: fields whose name or description says that they hold ids of the rows of a collection beside theirs."""

from __future__ import annotations

import re

from app_clones.declared.model import PERSON, Entity, FieldDecl
from factory.compiler.infer_model import Model
from factory.compiler.infer_names import singular, snake
from factory.compiler.infer_paths import is_collection, words
from factory.compiler.infer_resources import Resource

_TOLD = re.compile(r"\b(?:IDs?|identifiers) of (?:the |all |all the )?([A-Za-z]+(?: [a-z]+)?)")


def refer(model: Model) -> None:
    """Makes refs of such fields in ``model.entities``; what nothing says so plainly stays free text."""
    beside = list(model.resources.by_key.values())
    for resource in beside:
        entity = model.entities.get(resource.entity)
        if entity is None:
            continue
        known = {noun: one for one in beside if _lies_beside(one, resource) for noun in _nouns(one)}
        fields = {name: _ref(model, name, field, _said(model, resource, field), known) or field
                  for name, field in entity.fields.items()}  # fmt: skip
        if fields != entity.fields:
            model.entities[resource.entity] = entity.model_copy(update={"fields": fields})


def _ids_ref(field: FieldDecl, to: str, target: Entity) -> FieldDecl | None:
    """``field``, a list of texts, as refs to rows of ``to``; None where those are not called by such texts."""
    key = target.key
    if key.path is not None or key.wire is None or (key.form == "number" and not key.int64):
        return None
    told = {
        "type": "ref",
        "to": to,
        "pattern": None,
        "keywords": (),
        "on_delete": "restrict" if field.required else "clear",
    }
    return field.model_copy(update=told)


def _lies_beside(one: Resource, resource: Resource) -> bool:
    return one.entity != PERSON and is_collection(one.key) and one.key[:-1] == resource.key[:-1]


def _nouns(resource: Resource) -> tuple[str, ...]:
    return resource.entity, singular(snake(words(resource.key[-1])))


def _said(model: Model, resource: Resource, field: FieldDecl) -> str:
    props = model.shapes.properties(resource.schema)
    return str(props.get(field.wire or "", {}).get("description", ""))


def _ref(model: Model, name: str, field: FieldDecl, about: str, known: dict[str, Resource]) -> FieldDecl | None:
    if field.type != "string" or not field.repeated or field.auto:
        return None
    nouns = [name.removesuffix("_ids")] if name.endswith("_ids") else []
    nouns += [singular(snake(noun)) for told in _TOLD.findall(about) for noun in (told, told.split()[0])]
    found = next((known[noun] for noun in nouns if noun in known), None)
    target = model.entity(found) if found is not None else None
    return _ids_ref(field, found.entity, target) if found is not None and target is not None else None
