"""Entities of a REST API: one for each kind of row that its collections hold, with fields from all bodies about it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app_clones.declared import words
from app_clones.declared.model import PERSON, Entity, FieldDecl
from app_clones.declared.model import Key as RowKey
from factory.compiler import infer_keywords
from factory.compiler.api import ApiDoc, Method, Schema
from factory.compiler.infer_fields import good_state
from factory.compiler.infer_names import free, short, singular, snake
from factory.compiler.rest_kinds import Kinds
from factory.compiler.rest_places import Key, Place, places
from factory.compiler.rest_schemas import Schemas, constant
from factory.compiler.rest_values import default_of, is_prose, type_of

Json = Any

_CREATED = re.compile(r"(creat(ed|ion)|insert(ed)?|added|opened|registered)(_?(at|on|time|date|timestamp))?")
_UPDATED = re.compile(r"(updated?|modified|changed|last_(updated?|modified|changed))(_?(at|on|time|date|timestamp))?")
_SEARCHED = ("name", "title", "subject", "description", "body", "text", "label", "summary", "email")
_TAKEN = (PERSON, "call", "request", "pending")
_ROOTS, _CHILDREN = 12, 3
_NAME = 40


@dataclass(slots=True)
class Resource:
    """A kind of row. ``entity``: its name in the declaration, cut from the ``whole``, where that is long. ``keys``:
    its collections, the one where its rows are reached first; ``id``: the property that calls a row, None where none
    does; ``parent``: the entity that it lies under; ``ways``: of collections below rows of other kinds, the ref field
    by which rows belong to them."""

    entity: str
    whole: str
    keys: list[Key]
    schema: Schema
    schema_name: str | None
    singleton: bool = False
    creates: list[Schema] = field(default_factory=list)
    updates: list[Schema] = field(default_factory=list)
    id: str | None = None
    parent: str | None = None
    ids: list[str] = field(default_factory=list)
    ways: dict[Key, str] = field(default_factory=dict)

    def member_called_by(self, schemas: Schemas, key: Key, body: Schema) -> str | None:
        """The property by which what is sent to a collection calls a row that is there already (``{user_id: ...}``)."""
        if key == self.keys[0] or (self.schema_name is not None and schemas.name(body) == self.schema_name):
            return None
        sent, noun = schemas.properties(body), singular(snake(key[-1]))
        options = (*self.ids, *(f"{one}{tail}" for one in (self.entity, noun) for tail in ("_id", "Id")))
        found = next((one for one in options if one in sent), None)
        return found or ("id" if set(sent) == {"id"} else None)

    def is_about_rows(self, schemas: Schemas, key: Key, body: Schema) -> bool:
        """Whether what is sent to a collection's row is about that row, and not about its belonging there (a role)."""
        return key == self.keys[0] or not schemas.properties(self.schema).keys().isdisjoint(schemas.properties(body))


class Model:
    """One document on its way: where its methods act, and the rows they are about."""

    def __init__(self, doc: ApiDoc) -> None:
        self.doc = doc
        self.schemas = Schemas(doc)
        self.places: list[Place] = places(doc)
        self.resources: dict[str, Resource] = {}
        self._by_key: dict[Key, str] = {}
        self._find()
        self.entities = {name: self._entity(one) for name, one in self.resources.items()}

    def of(self, key: Key) -> Resource | None:
        """The kind of row of a collection."""
        name = self._by_key.get(key)
        return self.resources[name] if name else None

    def methods(self, key: Key) -> Iterable[tuple[Method, Place]]:
        """The methods that act on a collection or on its rows, without a verb."""
        pairs = zip(self.doc.methods, self.places, strict=True)
        return [(method, place) for method, place in pairs if place.key == key and place.verb is None]

    def field_of(self, entity: str, wire: str) -> str | None:
        """The field that a property stands for."""
        fields = self.entities[entity].fields
        return next((name for name, one in fields.items() if (one.wire or name) == wire), None)

    # ---- which rows there are

    def _find(self) -> None:
        keys = sorted({place.key for place in self.places if place.key}, key=lambda key: (len(key), key))
        by_schema: dict[str, str] = {}
        for key in keys:
            schema, singleton = self._row_schema(key)
            if schema is None:
                continue
            name = self.schemas.name(schema)
            known = by_schema.get(name) if name and not singleton else None
            if known is not None:
                self.resources[known].keys.append(key)
                self._by_key[key] = known
                continue
            whole = singular(snake(key[-1]))
            whole = f"{whole}_record" if whole in _TAKEN else whole
            entity = free(short(whole, _NAME), self.resources)
            self.resources[entity] = Resource(entity, whole, [key], schema, name, singleton)
            self._by_key[key] = entity
            if name:
                by_schema[name] = entity
        for resource in self.resources.values():
            self._gather(resource)
        for resource in self.resources.values():
            resource.parent = self._parent(resource)

    def _row_schema(self, key: Key) -> tuple[Schema | None, bool]:
        """The schema of a collection's rows, and whether there is but one of them."""
        listed = None
        for method, place in self.methods(key):
            row = self.schemas.answered(method.response).row
            # What is put without a body may be answered with what it is put into.
            tells = method.verb == "GET" or (method.verb in ("PUT", "PATCH") and method.request is not None)
            if place.on == "row" and tells and self.schemas.is_object(row):
                return row, False
            envelope = self.schemas.listed(method.response) if method.verb == "GET" else None
            if place.on == "collection" and envelope is not None and self.schemas.is_object(envelope.row):
                listed = envelope.row
        if listed is not None:
            return listed, False
        for method, place in self.methods(key):
            row = self.schemas.answered(method.response).row
            if place.on == "collection" and self.schemas.is_object(row):
                if method.verb == "POST":
                    return row, False
                if method.verb == "GET" and len(key) > 1 and self._by_key.get(key[:-1]):
                    return row, True
        return None, False

    def _gather(self, resource: Resource) -> None:
        acting = [(key, *pair) for key in resource.keys for pair in self.methods(key)]
        resource.ids += [place.ids[-1] for _, _, place in acting if place.on == "row"]
        for key, method, place in acting:
            if method.request is None:
                continue
            body, _ = self.schemas.wrapped(method.request)
            if place.on == "collection" and method.verb == "POST":
                if resource.member_called_by(self.schemas, key, body) is None:
                    resource.creates.append(body)
            elif method.verb in ("PUT", "PATCH", "POST") and resource.is_about_rows(self.schemas, key, body):
                resource.updates.append(body)
        properties = self.schemas.properties(resource.schema)
        noun = resource.entity
        options = ("id", *resource.ids, f"{noun}_id", f"{noun}Id", "uuid", "key")
        resource.id = next((one for one in options if one in properties and not resource.singleton), None)

    def _parent(self, resource: Resource) -> str | None:
        key = resource.keys[0]
        above = next((self._by_key[key[:n]] for n in range(len(key) - 1, 0, -1) if key[:n] in self._by_key), None)
        return above if above != resource.entity else None

    # ---- what a row has

    def _entity(self, resource: Resource) -> Entity:
        properties = dict(self.schemas.properties(resource.schema))
        for body in (*resource.creates, *resource.updates):
            for name, schema in self.schemas.properties(body).items():
                properties[name] = self.schemas.bounded(properties.get(name, schema), schema)
        constants = {
            name: value
            for name, schema in properties.items()
            if (value := constant(self.schemas.plain(schema))) is not None and not self._sent(resource, name)
        }
        fields: dict[str, FieldDecl] = {}
        parent = self._parent_field(resource, properties, fields)
        kinds = Kinds.of(self.schemas, resource.schema, resource.creates, resource.updates)
        if kinds is not None:
            constants.pop(kinds.property, None)
        for wire, schema in properties.items():
            if wire != resource.id and wire not in constants and wire not in [one.wire for one in fields.values()]:
                base = snake(wire)
                name = free(short(f"{base}_" if base in ("id", "slug") else base, 44), fields)
                fields[name] = self._field(resource, name, wire, schema)
        branches = kinds.branches(fields) if kinds is not None else None
        self._find_ways(resource, fields)
        if not fields:
            fields["name"] = FieldDecl()
        cut = short(resource.whole, _NAME) != resource.whole
        return Entity(
            title=words.title(resource.whole) if cut else "",
            plural=words.plural(resource.whole) if cut else "",
            parent=parent,
            singleton=resource.singleton,
            key=self._worded(resource, self._key(resource, properties)),
            fields=_searchable(fields),
            schema_name=resource.schema_name,
            constants=constants,
            branches=branches,
            rows=0 if resource.singleton else _CHILDREN if parent else _ROOTS,
        )

    def _sent(self, resource: Resource, wire: str) -> bool:
        return any(wire in self.schemas.properties(body) for body in (*resource.creates, *resource.updates))

    def _key(self, resource: Resource, properties: Mapping[str, Schema]) -> RowKey:
        if resource.id is None:
            return RowKey(wire=None)
        schema = self.schemas.plain(properties[resource.id])
        if schema.get("type") == "integer":
            return RowKey(wire=resource.id)
        chosen = not schema.get("readOnly") and "format" not in schema
        if chosen and any(resource.id in self.schemas.plain(body).get("required", ()) for body in resource.creates):
            return RowKey(form="given", wire=resource.id, pattern=schema.get("pattern"))
        digest = hashlib.sha256(resource.entity.encode()).hexdigest()
        if schema.get("format") == "uuid":
            # A code is its prefix and eight digits: the last eight of a UUID.
            prefix = f"{digest[:8]}-{digest[8:12]}-4{digest[12:15]}-8{digest[15:18]}-0000"
        else:
            prefix = f"{resource.entity.replace('_', '')[:4]}_"
        return RowKey(form="code", wire=resource.id, prefix=prefix)

    def _worded(self, resource: Resource, key: RowKey) -> RowKey:
        """``key`` with the words that the document lets stand for a row, where ids are texts."""
        if key.form == "number" or resource.singleton:
            return key
        told: dict[str, infer_keywords.Means] = {}
        for method, place in zip(self.doc.methods, self.places, strict=True):
            named = [wire for n, wire in enumerate(place.ids) if place.above(n) in resource.keys]
            for parameter in method.parameters:
                if parameter.place == "path" and parameter.name in named:
                    told |= infer_keywords.words(parameter.about)
        means = {word: "actor" if key.form == "given" and what == "person" else "first" for word, what in told.items()}
        return key.model_copy(update={"keywords": dict(sorted(means.items()))})

    def _parent_field(
        self, resource: Resource, properties: Mapping[str, Schema], fields: dict[str, FieldDecl]
    ) -> str | None:
        above = resource.parent
        if above is None:
            return None
        over = self.resources[above]
        wire = next((one for one in (*over.ids, f"{above}_id", f"{above}Id", above) if one in properties), None)
        if wire is not None and wire != resource.id and self._names(above, properties[wire]):
            name = short(snake(wire), 44)
            fields[name] = FieldDecl(type="ref", to=above, required=True, readonly=True, wire=wire, on_delete="cascade")
            return name
        name = f"in_{short(above, 40)}"
        fields[name] = FieldDecl(
            type="ref", to=above, required=True, hidden=True, readonly=True, wire=f"(in_{above})", on_delete="cascade"
        )
        return name

    def _find_ways(self, resource: Resource, fields: dict[str, FieldDecl]) -> None:
        """By which field rows belong to their other collections: a ref that they have, or, where none says it, a hidden
        list of refs, since a row may belong to several (a user to teams)."""
        for key in resource.keys[1:]:
            above = self.of(key[:-1])
            if above is None or above.entity in self._lineage(resource):
                continue
            taken = resource.ways.values()
            name = next((one for one, ref in fields.items() if ref.to == above.entity and one not in taken), None)
            if name is None:
                name = free(short(f"in_{above.entity}_{snake(key[-1])}", 44), fields)
                fields[name] = FieldDecl(
                    type="ref", to=above.entity, repeated=True, hidden=True, readonly=True, wire=f"({name})",
                    on_delete="clear",
                )  # fmt: skip
            resource.ways[key] = name

    def _lineage(self, resource: Resource) -> list[str]:
        found: list[str] = []
        while resource.parent is not None and resource.parent not in found:
            found.append(resource.parent)
            resource = self.resources[resource.parent]
        return found

    def _names(self, entity: str, schema: Schema) -> bool:
        """Whether a property of this schema can hold the id of a row of ``entity``."""
        over = self.resources[entity]
        if over.id is None:
            return False
        own = self.schemas.plain(self.schemas.properties(over.schema).get(over.id))
        return self.schemas.plain(schema).get("type") == own.get("type") and own.get("type") in ("integer", "string")

    def _ref(self, resource: Resource, wire: str, schema: Schema) -> str | None:
        base = re.sub(r"_(id|uuid|key)$", "", snake(wire))
        base = resource.entity if base in ("parent", f"parent_{resource.entity}") else base
        return base if base in self.resources and self._names(base, schema) else None

    def _refs(self, resource: Resource, wire: str, schema: Schema, made: Mapping[str, Json]) -> dict[str, Json]:
        """What makes refs of a list of ids: ``label_ids`` beside a collection of labels."""
        noun = snake(wire).removesuffix("_ids")
        to = self.resources.get(noun)
        told = made.get("repeated") and made["type"] in ("string", "integer") and noun != snake(wire)
        if not told or to is None or to.parent != resource.parent or not self._names(noun, schema.get("items", {})):
            return {}
        return {"type": "ref", "to": noun, "pattern": None}

    def _field(self, resource: Resource, name: str, wire: str, told: Schema) -> FieldDecl:
        schema = self.schemas.plain(told)
        sent = self._sent(resource, wire) and not schema.get("readOnly")
        shown = wire in self.schemas.properties(resource.schema) and not schema.get("writeOnly")
        needed = wire in self.schemas.plain(resource.schema).get("required", ())
        made: dict[str, Json] = {"wire": wire, "about": str(schema.get("description", ""))[:200]}
        if not sent and (auto := _auto(name, schema, needed)):
            made["type"] = "integer" if schema["type"] == "integer" else "datetime"
            if schema.get("format") == "date":
                made["type"] = "date"
            return FieldDecl(**made, auto=auto, readonly=True)
        ref = self._ref(resource, wire, told)
        made |= {"type": "ref", "to": ref} if ref else type_of(self.schemas, told)
        if made["type"] == "string" and is_prose(name) and not made.get("repeated"):
            made["type"] = "text"
        updated = [wire in self.schemas.properties(body) for body in resource.updates]
        required = bool(resource.creates) and all(
            wire in self.schemas.plain(body).get("required", ()) for body in resource.creates
        )
        made |= self._refs(resource, wire, schema, made)
        made["readonly"] = not sent
        made["immutable"] = sent and bool(updated) and not any(updated)
        made["hidden"] = not shown
        made["required"] = sent and required and not resource.singleton
        if made["type"] == "ref":
            made["on_delete"] = "cascade" if made["required"] else "clear"
        elif not made["required"]:
            default = default_of(schema, needed=needed and shown)
            if default is not None and (needed or "default" in schema):
                made["default"] = self._first_state(name, schema, default)
        return FieldDecl(**made)

    def _first_state(self, name: str, schema: Schema, default: Json) -> Json:
        if "default" not in schema and "enum" in schema and re.search(r"(state|status)$", name):
            first = schema["enum"][0]
            new = [one for one in schema["enum"] if str(one).lower() in ("new", "draft", "open", "pending", "created")]
            return new[0] if new else good_state([str(one) for one in schema["enum"]]) or first
        return default


def _auto(name: str, schema: Schema, needed: bool) -> Literal["created", "updated"] | None:
    """Whether the service itself writes when a row was made, or last changed."""
    dated = schema.get("type") == "string" and schema.get("format") in ("date-time", "date")
    counted = schema.get("type") == "integer" and (schema.get("format") == "unix-time" or "1970" in str(schema))
    if not (dated or counted):
        return None
    if _UPDATED.fullmatch(name):
        return "updated"
    return "created" if _CREATED.fullmatch(name) or needed else None


def _searchable(fields: dict[str, FieldDecl]) -> dict[str, FieldDecl]:
    for name in _SEARCHED:
        one = fields.get(name)
        if one is not None and one.type in ("string", "text", "email") and not (one.repeated or one.hidden):
            fields[name] = one.model_copy(update={"search": True})
    return fields
