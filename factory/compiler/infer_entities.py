"""Entities from resources: how a row is called, what it holds, where it lies, how many there are to begin with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app_clones.declared.model import PERSON, Entity, FieldDecl, Key
from factory.compiler import infer_seeds
from factory.compiler.api import ApiDoc, Method, Schema
from factory.compiler.infer_fields import always, compiles, fields_of, kind_of
from factory.compiler.infer_names import free, short, singular, snake
from factory.compiler.infer_paths import Place, is_collection, words
from factory.compiler.infer_resources import Resource, Resources
from factory.compiler.infer_schemas import Shapes, ref_of

Json = Any

POLICY = "iam_policy"
SCOPE = "scope"


@dataclass(slots=True)
class Model:
    """What the inference knows of one document; ``entities`` by name, ``parents`` the field and entity above each."""

    doc: ApiDoc
    shapes: Shapes
    places: Mapping[int, Place]
    resources: Resources
    entities: dict[str, Entity] = field(default_factory=dict)

    def method(self, at: int) -> tuple[Method, Place]:
        """The method at a position, and its place."""
        return self.doc.methods[at], self.places[at]

    def entity(self, resource: Resource) -> Entity | None:
        """The entity of a resource; None of the one that every world has."""
        return self.entities.get(resource.entity)


def entities(model: Model) -> None:
    """Fills in ``model.entities``."""
    for resource in _distinct(model.resources):
        if resource.entity == PERSON:
            continue
        running = resource.schema is not None and resource.schema == model.resources.running
        made = _running(model, resource) if running and resource.entity == "operation" else _entity(model, resource)
        model.entities[resource.entity] = made
    _bare_parents(model)
    infer_seeds.counts(model.entities, {r.entity: r for r in _distinct(model.resources)})


def _distinct(resources: Resources) -> list[Resource]:
    found: dict[str, Resource] = {}
    for key in sorted(resources.by_key, key=lambda key: (len(key), key)):
        found.setdefault(resources.by_key[key].entity, resources.by_key[key])
    return list(found.values())


def _entity(model: Model, resource: Resource) -> Entity:
    shapes, schema = model.shapes, resource.schema
    props = shapes.properties(schema)
    key = _key(model, resource, props)
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
        fields[free(POLICY, fields)] = FieldDecl(
            type="json",
            shape=_policy_shape(model, resource),
            hidden=True,
            readonly=True,
            wire="(policy)",
            about="Who may do what.",
        )
    made = {_verb_of(model, at) for at in resource.methods}
    listed = schema if schema and schema in model.doc.schemas else None
    number = key.form == "number" or "create" in made
    given = () if number else infer_seeds.given(resource, _given_above(model, resource), parent)
    return Entity(
        title=_title(resource.entity),
        about=_about(shapes, schema),
        parent=parent,
        owner=parent if parent and fields[parent].to == PERSON else None,
        singleton=bool(parent) and not is_collection(resource.key),
        fixed=schema is None,
        key=key.model_copy(update={"form": "given", "int64": False}) if given else key,
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


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _about(shapes: Shapes, schema: str | None) -> str:
    text = re.sub(r"\s+", " ", str(shapes.schema(schema).get("description", ""))).strip()
    return text[:300]


def _verb_of(model: Model, at: int) -> str:
    method, place = model.method(at)
    return "create" if method.verb == "POST" and place.on == "collection" and place.verb is None else ""


def _key(model: Model, resource: Resource, props: Mapping[str, Json]) -> Key:
    """How a row is called, and where its JSON says so."""
    given = _is_given(model, resource)
    collection = "/".join(part for part in resource.key[-1].split("/") if part != "*")
    if resource.named:
        texts = [name for name in (*resource.named, "name", "resourceName", "path") if _is_text(props.get(name))]
        path = next(iter(texts), None if props else "name")
        if path is not None:
            return Key(form="given" if given or not props else "code", wire=None, path=path, collection=collection)
    wire = _wire(resource, props)
    if wire is None:
        return Key(form="given" if given or not props else "code", wire=None, collection=collection)
    schema = props[wire]
    if schema.get("type") == "integer":
        return Key(form="number", wire=wire, collection=collection)
    if schema.get("format") in ("int64", "uint64"):
        return Key(form="number", wire=wire, int64=True, collection=collection)
    about = str(schema.get("description", ""))
    writable = not schema.get("readOnly") and not re.search(r"output only|read-?only|assigned by", about, re.I)
    chosen = given or (_creates(model, resource) and writable and wire != "id")
    pattern = f"^(?:{schema['pattern']})$" if chosen and compiles(schema.get("pattern")) else None
    prefix = _prefix(schema.get("pattern"), resource)
    return Key(form="given" if chosen else "code", wire=wire, collection=collection, pattern=pattern, prefix=prefix)


def _prefix(pattern: Json, resource: Resource) -> str:
    """What goes before the digits of an id that the service gives, where its pattern asks for more than digits."""
    if not compiles(pattern):
        return ""
    noun = singular(snake(words(resource.key[-1]))).replace("_", "-")
    return next((one for one in ("", f"{noun}-", noun[0]) if re.search(pattern, f"{one}00000001")), "")


def _is_text(schema: Json) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "string" and "enum" not in schema


def _wire(resource: Resource, props: Mapping[str, Json]) -> str | None:
    noun = singular(snake(words(resource.key[-1])))
    camel = re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), noun)
    options = [name for name, _ in resource.ids.most_common() if name not in ("name",)]
    named = [name for name in ("name",) if any(not re.search(r"(?:\A|[a-z])Id\Z|\Aid\Z", o) for o in options)]
    nouns = [
        f"{camel}Id",
        f"{snake(resource.schema or '')}_id",
        f"{(resource.schema or ' ')[0].lower()}{(resource.schema or '')[1:]}Id",
    ]
    for option in (*options, *nouns, *named, "id", "name", "key"):
        schema = props.get(option)
        if isinstance(schema, Mapping) and schema.get("type") in ("string", "integer") and "enum" not in schema:
            return option
    return None


def _creates(model: Model, resource: Resource) -> bool:
    return any(_verb_of(model, at) == "create" for at in resource.methods)


def _is_given(model: Model, resource: Resource) -> bool:
    """Whether the client chooses the id of a new row, by a parameter of its own or by its whole name."""
    for at in resource.methods:
        method, place = model.method(at)
        if _verb_of(model, at) == "create" and new_id(method, place, resource):
            return True
        if place.verb is None and place.on == "row" and method.verb == "PUT" and method.id.endswith(".create"):
            return True
    return False


def new_id(method: Method, place: Place, resource: Resource) -> str | None:
    """The parameter by which a client chooses the id of a new row."""
    noun = singular(snake(words(resource.key[-1])))
    for parameter in method.parameters:
        name = snake(parameter.name)
        if parameter.place != "query" or not name.endswith("_id") or name == "request_id":
            continue
        stem = name.removesuffix("_id")
        if stem in (noun, resource.entity, snake(resource.schema or "")) or noun.endswith(stem) or stem.endswith(noun):
            return parameter.name
        if re.search(r"\bid\b[^.]*\bto use for\b|final component", parameter.about[:300], re.I):
            return parameter.name
    return None


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
            if told and _is_text(props[name]) and _tells(model, above, props[name]):
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
        above = Resource(("users/*",), PERSON, None)  # one to each person: who asks
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
        about=f"The {_title(above.entity).lower()} that it lies under.",
    )
    return name


def resource_deletes(model: Model, resource: Resource) -> list[int]:
    """The methods that delete a row of ``resource``."""
    return [at for at in resource.methods if model.doc.methods[at].verb == "DELETE" and model.places[at].verb is None]


def _has_policy(model: Model, resource: Resource) -> bool:
    return any(policy_verb(*model.method(at)) for at in resource.methods)


def policy_verb(method: Method, place: Place) -> str | None:
    """``get``, ``set`` or ``test`` where a method is about who may do what."""
    for name in (place.verb, method.id.rpartition(".")[2]):
        if name in ("getIamPolicy", "setIamPolicy", "testIamPermissions"):
            return {"g": "get", "s": "set", "t": "test"}[name[0]]
    return None


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


def response_is(model: Model, method: Method, resource: Resource | None) -> bool:
    """Whether a method answers with a row of ``resource``."""
    return resource is not None and resource.schema is not None and ref_of(method.response) == resource.schema
