"""Names in other letters than ASCII's, versions that YAML takes for numbers, keys of forms."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app_clones.declared.wire import read_form
from app_clones.kit.errors import AppError
from factory.compiler import openapi
from factory.compiler.infer import infer
from factory.compiler.infer_names import in_ascii, snake
from factory.compiler.prove import prove
from factory.errors import SpecError

Json = Any


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("Ünïcode", "unicode"),
        ("größeInCm", "grosse_in_cm"),
        ("Smørrebrød", "smorrebrod"),
        ("ŁódźÆther", "lodz_aether"),
        ("中国Name", "u4e2du56fd_name"),
        ("naïve café", "naive_cafe"),
        ("plainName", "plain_name"),
    ],
)
def test_names_are_written_in_ascii_without_losing_a_letter(name: str, made: str) -> None:
    assert snake(name) == made
    assert in_ascii(name).isascii()


def test_an_app_of_a_document_in_other_letters_is_named_and_proven() -> None:
    ref = {"$ref": "#/components/schemas/Möbel"}
    one = {"200": {"description": "Eines.", "content": {"application/json": {"schema": ref}}}}
    rows = {"type": "array", "items": ref}
    many = {"200": {"description": "Alle.", "content": {"application/json": {"schema": rows}}}}
    id = {"name": "schlüssel", "in": "path", "required": True, "schema": {"type": "integer"}}
    body = {"required": True, "content": {"application/json": {"schema": ref}}}
    paths: Json = {
        "/möbel": {"get": {"operationId": "listeMöbel", "responses": many},
                   "post": {"operationId": "neuesMöbel", "requestBody": body, "responses": one}},
        "/möbel/{schlüssel}": {"parameters": [id], "get": {"operationId": "einMöbel", "responses": one}},
    }  # fmt: skip
    fields = {"id": {"type": "integer", "readOnly": True}, "größe": {"type": "integer"}}
    document = {"openapi": "3.0.3", "info": {"title": "Ünïcode API", "version": "1"}, "paths": paths,
                "components": {"schemas": {"Möbel": {"type": "object", "properties": fields}}}}  # fmt: skip
    doc = openapi.read(json.dumps(document), "möbel.json")
    decl = infer(doc).decl
    assert decl.app == "unicodeapi"
    assert decl.entities["mobel"].fields["grosse"].wire == "größe"
    assert sorted(decl.operations) == ["ein_mobel", "liste_mobel", "neues_mobel"]
    found = prove(decl, document=doc)
    assert [(m.operation, c) for m in found.methods for c in m.checks if not c.ok] == []


@pytest.mark.parametrize("version", ["3.1", '"3.1"', "3.0"])
def test_a_version_without_its_last_part_is_refused_with_what_to_write(version: str) -> None:
    with pytest.raises(SpecError) as caught:
        openapi.read(f"openapi: {version}\ninfo: {{title: A, version: '1'}}\npaths: {{}}\n", "a.yaml")
    number = version.strip('"')
    assert "a.yaml:1" in str(caught.value)
    assert f'openapi: "{number}.0"' in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("form", "read"),
    [
        (b"a[][b]=1", {"a": [{"b": "1"}]}),
        (b"a[][b]=1&a[][c]=2&a[][b]=3", {"a": [{"b": "1", "c": "2"}, {"b": "3"}]}),
        (b"a[][b][c]=1&a[][b][d]=2&a[][b][c]=3", {"a": [{"b": {"c": "1", "d": "2"}}, {"b": {"c": "3"}}]}),
        (b"a[]=1&a[]=2", {"a": ["1", "2"]}),
        (b"a[0][b]=1&a[1][b]=2", {"a": [{"b": "1"}, {"b": "2"}]}),
        (b"a[b][]=1&a[b][]=2", {"a": {"b": ["1", "2"]}}),
        (b"a[][]=1&a[][]=2", {"a": [["1", "2"]]}),
    ],
)
def test_a_list_of_objects_in_a_form_is_one(form: bytes, read: Json) -> None:
    assert read_form(form) == read


def test_a_key_that_is_a_value_and_more_than_one_is_refused() -> None:
    with pytest.raises(AppError, match="a value and more"):
        read_form(b"a[]=1&a[][b]=2&a[0][c]=3")
