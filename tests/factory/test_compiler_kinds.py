"""Rows of several kinds, and values of several types, of OpenAPI documents."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from app_clones.declared.engine import declared
from app_clones.declared.model import AppDecl
from app_clones.kit.protocol import ToolResult
from app_clones.kit.world import World
from factory.compiler import openapi
from factory.compiler.api import ApiDoc
from factory.compiler.infer import infer
from factory.compiler.prove import prove

Json = Any

TEXT: Json = {"type": "string"}
ID: Json = {"type": "integer", "readOnly": True}
NAME = {"name": TEXT, "lives": {"type": "integer"}}
PET: Json = {
    "Cat": {"type": "object", "required": ["kind", "claws"],
            "properties": {"id": ID, "kind": {"const": "cat"}, **NAME, "claws": {"type": "integer"}}},
    "Dog": {"type": "object", "required": ["kind", "bark"],
            "properties": {"id": ID, "kind": {"type": "string"}, **NAME, "bark": {"enum": ["loud", "low"]},
                           "trained": {"type": "boolean", "default": True}}},
    "Pet": {"oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
            "discriminator": {"propertyName": "kind", "mapping": {"dog": "#/components/schemas/Dog"}}},
}  # fmt: skip
TAG: Json = {"Pet": {"type": "object", "properties": {
    "id": ID, "name": TEXT, "tag": {"type": ["string", "integer", "null"]},
    "code": {"oneOf": [{"type": "integer"}, {"type": "string", "maxLength": 5}]},
}}}  # fmt: skip


def described(schemas: Json, version: str = "3.1.0") -> ApiDoc:
    ref = {"schema": {"$ref": "#/components/schemas/Pet"}}
    one = {"200": {"description": "One.", "content": {"application/json": ref}}}
    rows = {"schema": {"type": "array", "items": ref["schema"]}}
    many = {"200": {"description": "All.", "content": {"application/json": rows}}}
    body = {"required": True, "content": {"application/json": ref}}
    row: Json = {"parameters": [{"name": "petId", "in": "path", "required": True, "schema": {"type": "integer"}}]}
    row |= {"get": {"operationId": "getPet", "responses": one}}
    row |= {verb: {"operationId": f"{verb}Pet", "requestBody": body, "responses": one} for verb in ("put", "patch")}
    paths = {
        "/pets": {"get": {"operationId": "listPets", "responses": many},
                  "post": {"operationId": "createPet", "requestBody": body, "responses": one}},
        "/pets/{petId}": row,
    }  # fmt: skip
    document = {"openapi": version, "info": {"title": "Zoo", "version": "1"}, "paths": paths,
                "components": {"schemas": schemas}}  # fmt: skip
    return openapi.read(json.dumps(document), "zoo.json")


@cache
def zoo() -> AppDecl:
    return infer(described(PET)).decl


def world(decl: AppDecl) -> World:
    return World.build([declared(decl).app()], seed=3, start_ms=1_717_243_200_000, step_ms=1000, persons=4)


def call(within: World, operation: str, **arguments: Json) -> ToolResult:
    return within.call(f"zoo_{operation}", arguments).result


def test_a_discriminator_says_which_fields_a_row_of_each_kind_has_and_needs() -> None:
    branches = zoo().entities["pet"].branches
    assert branches is not None
    assert branches.field == "kind"
    assert {value: (set(one.fields), one.schema_name) for value, one in branches.of.items()} == {
        "cat": ({"claws"}, "Cat"), "dog": ({"bark", "trained"}, "Dog"),
    }  # fmt: skip
    assert branches.of["dog"].required == ("bark",)


def test_drawn_rows_of_each_kind_have_what_that_kind_has_and_no_more() -> None:
    with world(zoo()) as within:
        pets = call(within, "list_pets").data
    cats, dogs = ([one for one in pets if one["kind"] == kind] for kind in ("cat", "dog"))
    assert cats
    assert dogs
    assert all("claws" in one and not {"bark", "trained"} & set(one) for one in cats)
    assert all("bark" in one and "claws" not in one for one in dogs)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"kind": "dog"}, "bark: a pet that is a dog needs one"),
        ({"kind": "cat", "claws": 18, "bark": "loud"}, "bark: a pet that is a cat has none"),
        ({"kind": "cow"}, "none of cat, dog"),
        ({"name": "Tom", "claws": 18}, "kind: a pet needs one"),
    ],
)
def test_what_the_kind_that_is_named_does_not_take_is_refused_on_creation_and_on_change(body: Json, fault: str) -> None:
    with world(zoo()) as within:
        tom = call(within, "create_pet", resource={"kind": "cat", "claws": 18}).data
        for refused in (
            call(within, "create_pet", resource=body),
            call(within, "put_pet", pet_id=tom["id"], resource=body),
        ):
            assert refused.error == "invalid"
            assert fault in refused.text
        assert call(within, "get_pet", pet_id=tom["id"]).data == tom


def test_a_row_becomes_one_of_another_kind_as_a_whole() -> None:
    with world(zoo()) as within:
        tom = call(within, "create_pet", resource={"kind": "cat", "claws": 18, "name": "Tom"}).data
        assert call(within, "patch_pet", pet_id=tom["id"], resource={"kind": "dog"}).error == "invalid"
        whole = {"kind": "dog", "bark": "low", "name": "Tom"}
        now = call(within, "put_pet", pet_id=tom["id"], resource=whole).data
        assert now == {**whole, "id": tom["id"], "trained": True}


@pytest.mark.parametrize("schemas", [PET, TAG])
def test_an_app_with_kinds_or_types_is_proven(schemas: Json) -> None:
    doc = described(schemas)
    found = prove(infer(doc).decl, document=doc)
    assert [(one.operation, [c for c in one.checks if not c.ok]) for one in found.methods
            if one.verdict != "stateful"] == []  # fmt: skip


def test_a_value_of_several_types_is_held_as_it_is_sent() -> None:
    with world(infer(described(TAG)).decl) as within:
        for sent in ({"tag": "a", "code": 7}, {"tag": 7, "code": "abc"}):
            made = call(within, "create_pet", resource=sent).data
            assert call(within, "get_pet", pet_id=made["id"]).data == {**sent, "id": made["id"]}
        assert call(within, "create_pet", resource={"tag": [1]}).error == "invalid"
        assert call(within, "create_pet", resource={"code": "too long"}).error == "invalid"
