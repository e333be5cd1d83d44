"""Conditions of operations: several, each with its comparison and its own error, in every view of an app."""

from __future__ import annotations

import asyncio
import json

import pytest

from app_clones.declared.engine import declared
from app_clones.declared.load import parse_decl
from app_clones.declared.openapi import document
from app_clones.kit.asgi import request
from app_clones.kit.located import FileError
from app_clones.kit.world import World

START_MS = 1_741_000_000_000  # 2025-03-03
STALL = """\
app: stall
title: Stall
entities:
  buyer:
    fields:
      name: {required: true}
      tier: {type: enum, values: [basic, gold], default: basic}
    operations: [list, get, create, update]
  ware:
    fields:
      name: {required: true}
      stock: {type: integer, default: 0, min: 0}
      price: {type: number, default: 1.5}
      until: {type: date}
      buyer: {type: ref, to: buyer}
      keeper: {type: ref, to: person}
      waiting: {type: ref, to: person, repeated: true}
      sold: {type: boolean, default: false}
    operations: [list, get, create, update, delete]
    rows: 0
operations:
  ware_sell:
    about: Sells some of a ware.
    entity: ware
    params: {count: {type: integer, min: 1, required: true}, pay: {type: number}, to: {type: ref, to: buyer}}
    when: {sold: [false]}
    refusal: it is sold
    require:
      - {that: $row.stock, compare: ge, value: $count, refusal: "only {row.stock} {row.name} are left, not {count}"}
      - {that: $row.until, compare: ge, value: $now, error: not_found, refusal: "it was good until {row.until}"}
      - {that: $row.keeper, compare: in, value: [$actor, null], error: forbidden}
      - {that: $pay, compare: le, value: $row.price, error: invalid}
      - {that: $row.buyer.tier, compare: in, value: [gold]}
      - {that: $row.buyer, compare: eq, value: $to, refusal: "it is kept for {row.buyer.name}"}
    set: {sold: true}
  ware_queue:
    about: Puts oneself on the list of those who wait.
    entity: ware
    require:
      - {that: $row.waiting, compare: lacks, value: $actor, refusal: you wait already}
      - {that: $row.stock, compare: lt, value: 1}
      - {that: $row.name, compare: ne, value: Secret}
    append: {waiting: $actor}
  buyer_pair:
    about: No row of its own, two that it is given.
    params: {one: {type: ref, to: buyer, required: true}, two: {type: ref, to: buyer, required: true}}
    require: [{that: $one, compare: ne, value: $two, error: invalid, refusal: "these {{both}} are {one.name}"}]
    result: {shape: value, values: {first: $one.name}}
"""


@pytest.fixture(scope="module")
def stall():
    return declared(parse_decl(STALL, "stall.yaml"))


@pytest.fixture
def world(stall):
    with World.build([stall.app()], seed=3, start_ms=START_MS, step_ms=1000, persons=3) as made:
        call(made, "buyer_create", name="Ana", tier="gold")
        call(made, "buyer_create", name="Bo")
        yield made
        made.check()


def call(world, tool, **arguments):
    return world.call(f"stall_{tool}", arguments).result


def ware(world, **given):
    usual = {"name": "Salt", "stock": 3, "until": "2025-03-03", "buyer": 1}
    return call(world, "ware_create", **{**usual, **given}).data["id"]


def page(world, path):
    return asyncio.run(request(world, "GET", path, actor=1)).text


SOLD = {"count": 3, "pay": 1.5, "to": 1}


@pytest.mark.parametrize(
    ("row", "asked", "error", "said"),
    [
        ({}, SOLD, None, ""),
        ({"sold": True}, SOLD, "conflict", "it is sold"),
        ({}, {**SOLD, "count": 4}, "conflict", "only 3 Salt are left, not 4"),
        ({"until": "2025-03-02"}, SOLD, "not_found", "it was good until 2025-03-02"),
        ({"until": None}, SOLD, "not_found", "it was good until nothing"),
        ({"keeper": 1}, SOLD, None, ""),
        ({"keeper": 2}, SOLD, "forbidden", "it must be"),
        ({}, {**SOLD, "pay": 1.6}, "invalid", "the pay is 1.6; it must be at most 1.5"),
        ({"buyer": 2}, {**SOLD, "to": 2}, "conflict", "the ware's buyer tier is basic; it must be gold"),
        ({"buyer": None}, SOLD, "conflict", "the ware's buyer tier is nothing; it must be gold"),
        ({}, {**SOLD, "to": 2}, "conflict", "it is kept for Ana"),
        ({}, {"count": 1}, None, ""),  # neither payment nor buyer is told, so neither is looked at
    ],
)
def test_the_first_condition_that_does_not_hold_is_told_as_its_own_error(world, row, asked, error, said):
    people = {"keeper": world.persons()[row["keeper"]].email} if "keeper" in row else {}
    id = ware(world, **{**row, **people})
    found = call(world, "ware_sell", id=id, **asked)
    assert found.error == error, found.text
    assert said in found.text
    assert call(world, "ware_get", id=id).data["sold"] == (error is None or bool(row.get("sold")))


def test_who_is_on_a_list_is_not_put_there_again(world):
    id = ware(world, stock=0)
    assert call(world, "ware_queue", id=id).error is None
    assert call(world, "ware_queue", id=id).text.endswith("you wait already")


def test_a_text_and_a_number_compare_with_what_is_written_down(world):
    assert call(world, "ware_queue", id=ware(world)).text.endswith("the ware's stock is 3; it must be below 1")
    secret = ware(world, stock=0, name="Secret")
    assert call(world, "ware_queue", id=secret).text.endswith("the ware's name is Secret; it must not be Secret")


def test_an_operation_about_no_row_has_conditions_too(world):
    assert call(world, "buyer_pair", one=1, two=2).data == {"first": "Ana"}
    found = call(world, "buyer_pair", one=1, two=1)
    assert (found.error, found.text.endswith("these {both} are Ana")) == ("invalid", True)


def test_a_page_offers_what_the_row_alone_allows_and_says_why_not(world):
    full, empty = ware(world), ware(world, stock=0, name="Rice")
    assert 'disabled title="the ware&#39;s stock is 3; it must be below 1"' in page(world, f"/stall/ware/{full}")
    assert "disabled" not in page(world, f"/stall/ware/{empty}")  # how many are asked for is not known yet


def test_the_document_tells_the_errors_by_their_status(stall):
    told = document(stall)["paths"]["/wares/{id}/sell"]["post"]["responses"]
    assert {"403", "404", "409", "400"} <= set(told)
    assert told["404"]["description"] == "it was good until {row.until}"
    assert "the buyer tier must be gold" in told["409"]["description"]
    assert told["409"]["content"]


@pytest.mark.parametrize(
    ("one", "place", "said"),
    [
        ({"that": "$row.stok", "compare": "eq"}, "that", "no field stok"),
        ({"that": "$row.stock", "compare": "ge", "value": "$cont"}, "value", "$cont is nothing here"),
        ({"that": "$row.stock", "compare": "ge", "value": "many"}, "value", "an integer is needed"),
        ({"that": "$row.stock", "compare": "eq", "value": "$row.name"}, "value", "does not compare with a string"),
        ({"that": "$row.buyer", "compare": "eq", "value": "$actor"}, "value", "does not compare with a ref"),
        ({"that": "$row.name", "compare": "lt", "value": "M"}, "compare", "neither above nor below"),
        ({"that": "$row.stock", "compare": "in", "value": 3}, "value", "a list of values goes with"),
        ({"that": "$row.stock", "compare": "has", "value": 3}, "compare", "only a list has"),
        ({"that": "$row.waiting", "compare": "eq", "value": "$actor"}, "compare", "only a list has"),
        ({"that": "$row.sold", "compare": "eq", "refusal": "no {row.stok}"}, "refusal", "no field stok"),
        ({"that": "$row.sold", "compare": "eq", "refusal": "no {row.stock:d}"}, "refusal", "between braces"),
        ({"that": "$row.sold", "compare": "eq", "error": "teapot"}, "error", "conflict"),
    ],
)
def test_a_condition_that_cannot_be_is_told_where_it_stands(one, place, said):
    sell = {"entity": "ware", "params": {"count": {"type": "integer"}}, "require": [one], "set": {"sold": True}}
    entities, _, _ = STALL.partition("operations:\n  ware_sell")
    with pytest.raises(FileError) as told:
        parse_decl(f"{entities}operations: {json.dumps({'ware_sell': sell})}", "stall.yaml")
    assert place in str(told.value)
    assert said in str(told.value)


def test_a_new_row_has_no_conditions_on_what_it_is():
    make = {"kind": "create", "entity": "buyer", "require": [{"that": "$row.name", "compare": "ne", "value": "Eve"}]}
    entities, _, _ = STALL.partition("operations:\n  ware_sell")
    with pytest.raises(FileError, match="is nothing here"):
        parse_decl(f"{entities}operations: {json.dumps({'buyer_create': make})}", "stall.yaml")
