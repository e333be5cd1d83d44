"""Entities from resources: how a row is called, what it holds, where it lies, how many there are to begin with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app_clones.declared import words
from app_clones.declared.model import PERSON, Entity, FieldDecl, Key
from factory.compiler import infer_refs, infer_seeds
from factory.compiler.api import Schema
from factory.compiler.infer_fields import always, fields_of, kind_of
from factory.compiler.infer_keys import is_made, is_text, key_of, worded
from factory.compiler.infer_model import Model, policy_verb
from factory.compiler.infer_names import free, short
from factory.compiler.infer_paths import is_collection
from factory.compiler.infer_resources import Resource, Resources
from factory.compiler.infer_schemas import Shapes, ref_of

Json = Any

POLICY = "(policy)"
"""In place of a property's name, since no answer shows it: the field that says who may do what."""
SCOPE = "scope"


def entities(model: Model) -> None:
    """Fills in ``model.entities``."""
    for resource in _distinct(model.resources):
        if resource.entity == PERSON:
            continue
        running = resource.schema is not None and resource.schema == model.resources.running
        made = _running(model, resource) if running and resource.entity == "operation" else _entity(model, resource)
        model.entities[resource.entity] = made
    _bare_parents(model)
    infer_refs.refer(model)
    infer_seeds.counts(model.entities, {r.entity: r for r in _distinct(model.resources)})


def _distinct(resources: Resources) -> list[Resource]:
    found: dict[str, Resource] = {}
    for key in sorted(resources.by_key, key=lambda key: (len(key), key)):
        found.setdefault(resources.by_key[key].entity, resources.by_key[key])
    return list(found.values())


def _entity(model: Model, resource: Resource) -> Entity:
    shapes, schema = model.shapes, resource.schema
    props = shapes.properties(schema)
    key = key_of(model, resource, props)
    constants = {
        name: said
        for name, inner in props.items()
        if name in ("kind", "objectType") and (said := always(inner)) is not None
    }
    etag = next((name for name in ("etag", "fingerprint") if props.get(name, {}).get("type") == "string"), None)
    etag = None if etag == key.wire else etag
    derived, parent_wire = _derived(model, resource, props, {key.wire, key.path, etag, *constants})
    besides = {key.wire, key.path, etag, *constants, *derived} - {None}
    fields = fields_of(shapes, schema, besides) if schema else {}  # type: ignore[arg-type]
    if parent_wire:
        fields = {name: known for name, known in fields.items() if known.wire != parent_wire}
    parent = _parent_field(model, resource, fields)
    if not is_collection(resource.key):
        fields = {n: f if n == parent else f.model_copy(update={"required": False}) for n, f in fields.items()}
    if _has_policy(model, resource):
        fields[free("iam_policy", fields)] = FieldDecl(
            type="json",
            shape=_policy_shape(model, resource),
            hidden=True,
            readonly=True,
            wire=POLICY,
            about="Who may do what.",
        )
    listed = schema if schema and schema in model.doc.schemas else None
    ours = key.form == "number" or is_made(model, resource)  # ids that the service gives, rows that clients make
    given = () if ours else infer_seeds.given(resource, _given_above(model, resource), parent)
    key = key.model_copy(update={"form": "given", "int64": False}) if given else key
    return Entity(
        title=words.title(resource.whole),
        plural="" if resource.whole == resource.entity else words.plural(resource.whole),
        about=_about(shapes, schema),
        parent=parent,
        owner=parent if parent and fields[parent].to == PERSON else None,
        singleton=bool(parent) and not is_collection(resource.key),
        fixed=schema is None,
        key=worded(model, resource, props, key),
        fields=fields,
        schema_name=listed,
        etag=etag,
        constants=constants,
        derived=derived,
        given=given,
    )


def _given_above(model: Model, resource: Resource) -> list[str] | None:
    """The ids of the rows above that are the same in every world; None where these lie under others themselves."""
    above = model.resources.parent(resource.key)
    entity = model.entity(above) if above is not None else None
    if entity is None or entity.parent is not None:
        return None
    return [str(row["slug"]) for row in entity.given]


def _about(shapes: Shapes, schema: str | None) -> str:
    text = re.sub(r"\s+", " ", str(shapes.schema(schema).get("description", ""))).strip()
    return text[:300]


def _derived(
    model: Model, resource: Resource, props: Mapping[str, Json], besides: set[str | None]
) -> tuple[dict[str, Json], str | None]:
    """Properties that say under what a row lies, as expressions; those further up follow the parents' fields."""
    found: dict[str, Json] = {}
    chain = "$row"
    key = resource.key
    while (above := model.resources.parent(key)) is not None:
        chain = f"{chain}.{parent_name(above)}"
        camel = re.sub(r"_([a-z0-9])", lambda m: m[1].upper(), above.entity)
        for name in (*above.ids, f"{camel}Id"):
            told = name in props and name not in besides and name not in found
            if told and is_text(props[name]) and _tells(model, above, props[name]):
                found[name] = chain
        key = above.key
    return found, None


def _tells(model: Model, above: Resource, schema: Schema) -> bool:
    """Whether the id of a row of ``above`` is a value of ``schema``, a text or a number written as text."""
    entity = model.entity(above)
    if entity is None or above.named:
        return False
    if entity.key.form == "number":
        return entity.key.int64
    return schema.get("format") not in ("int64", "uint64")


def parent_name(above: Resource) -> str:
    """The field that says under which row of ``above`` a row lies."""
    return "user" if above.entity == PERSON else f"in_{short(above.entity, 40)}"


def _parent_field(model: Model, resource: Resource, fields: dict[str, FieldDecl]) -> str | None:
    above = model.resources.parent(resource.key)
    if above is None and not is_collection(resource.key):
        above = Resource(("users/*",), PERSON, PERSON, None)  # one to each person: who asks
    if above is None or above.entity == "operation":
        return None
    name = parent_name(above)
    forced = any(p.name == "force" for at in resource_deletes(model, above) for p in model.doc.methods[at].parameters)
    if name in fields:
        fields[free(f"{name}_", fields)] = fields.pop(name)
    fields[name] = FieldDecl(
        type="ref",
        to=above.entity,
        required=True,
        hidden=True,
        readonly=True,
        wire=f"({name})",
        on_delete="restrict" if forced else "cascade",
        about=f"The {above.whole.replace('_', ' ')} that it lies under.",
    )
    return name


def resource_deletes(model: Model, resource: Resource) -> list[int]:
    """The methods that delete a row of ``resource``."""
    return [at for at in resource.methods if model.doc.methods[at].verb == "DELETE" and model.places[at].verb is None]


def _has_policy(model: Model, resource: Resource) -> bool:
    return any(policy_verb(*model.method(at)) for at in resource.methods)


def _policy_shape(model: Model, resource: Resource) -> dict[str, Json]:
    """The schema of who may do what, as the method that tells it answers."""
    for at in resource.methods:
        method, place = model.method(at)
        if policy_verb(method, place) in ("get", "set") and (name := ref_of(method.response)):
            return {"$ref": f"#/$defs/{name}"}
    return {"type": "object"}


def _running(model: Model, resource: Resource) -> Entity:
    """The one entity of long-running operations."""
    props = model.shapes.properties(resource.schema)
    google = "done" in props
    path = "name" if google else None
    wire = None if google else next((name for name in ("name", "id") if name in props), None)
    constants = kind_of(props)
    fields = fields_of(model.shapes, resource.schema or "", {path, wire, *constants} - {None})  # type: ignore[arg-type]
    fields = {
        name: known.model_copy(update={"readonly": True, "required": False, "immutable": False})
        for name, known in fields.items()
    }
    fields[free(SCOPE, ())] = FieldDecl(
        type="string", hidden=True, readonly=True, wire="(scope)", about="Where it lies."
    )
    return Entity(
        title="Operation",
        about=_about(model.shapes, resource.schema),
        key=Key(form="code", prefix="operation-", wire=wire, path=path, collection="operations" if path else None,
                scope=SCOPE),
        fields=fields,
        schema_name=resource.schema,
        constants=constants,
        label=wire and None,
    )  # fmt: skip


def _bare_parents(model: Model) -> None:
    """Things without a schema have a name of their own, so that people can tell them apart."""
    for name, entity in model.entities.items():
        if entity.schema_name is None and not [f for f in entity.fields.values() if not f.hidden]:
            title = FieldDecl(type="string", wire="displayName", about="What it is called.", search=False)
            model.entities[name] = entity.model_copy(update={"fields": {"display_name": title, **entity.fields}})
