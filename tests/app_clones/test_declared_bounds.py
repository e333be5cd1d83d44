"""What a field can hold, it holds whoever writes it: a standard operation, one of its own, an effect, a behaviour."""

from __future__ import annotations

import pytest

from app_clones.declared.engine import declared
from app_clones.declared.load import parse_decl
from app_clones.kit.world import World

DEPOT = """\
app: depot
title: Depot
entities:
  pack:
    fields:
      name: {max: 3, pattern: '^[A-Z]+$', required: true}
      size: {type: integer, min: 1, max: 5}
      state: {type: enum, values: [in, out], default: in}
      tags: {repeated: true, max: 2}
    given: [{name: A}]
    operations: [get]
operations:
  pack_make: {kind: create, entity: pack, params: {name: {required: true, role: field, field: name}}}
  pack_call: {kind: update, entity: pack, params: {name: {role: field, field: name}}}
  pack_size: {entity: pack, params: {size: {role: field, field: size}, state: {role: field, field: state}}}
  pack_word: {entity: pack, params: {to: {required: true}}, set: {name: $to}}
  pack_tags: {entity: pack, params: {to: {repeated: true, required: true}}, set: {tags: $to}}
  pack_tag: {entity: pack, params: {tag: {required: true}}, append: {tags: $tag}}
  pack_twin: {entity: pack, params: {to: {required: true}}, make: [{entity: pack, values: {name: $to}}]}
  pack_add: {behaviour: add, params: {name: {required: true}}}
  pack_long: {entity: pack, behaviour: long}
"""
BEHAVIOURS = {
    "add": lambda act: act.insert("pack", name=act.arguments["name"]),
    "long": lambda act: act.update("pack", act.target, tags=["a", "b", "c"]),
}


@pytest.fixture
def world():
    app = declared(parse_decl(DEPOT, "app.yaml"), BEHAVIOURS).app()
    with World.build((app,), seed=3, start_ms=10**12, step_ms=1000, persons=2) as built:
        yield built


def call(world, tool, **arguments):
    return world.call(f"depot_{tool}", arguments).result


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("pack_make", {"name": "ABCD"}, "name: 0 to 3 characters are needed, not 4"),
        ("pack_make", {"name": "abc"}, "name: 'abc' does not match"),
        ("pack_call", {"id": 1, "name": "abc"}, "name: 'abc' does not match"),
        ("pack_size", {"id": 1, "size": 6}, "size: 6 is not 1 to 5"),
        ("pack_size", {"id": 1, "size": "6"}, "size: an integer is needed"),
        ("pack_size", {"id": 1, "state": "lost"}, "state: 'lost' is none of in, out"),
        ("pack_word", {"id": 1, "to": "ABCD"}, "name: 0 to 3 characters are needed, not 4"),
        ("pack_tags", {"id": 1, "to": ["a", "b", "c"]}, "tags: 0 to 2 items are needed, not 3"),
        ("pack_twin", {"id": 1, "to": "abc"}, "name: 'abc' does not match"),
        ("pack_add", {"name": "abc"}, "name: 'abc' does not match"),
        ("pack_long", {"id": 1}, "tags: 0 to 2 items are needed, not 3"),
    ],
)
def test_what_a_field_cannot_hold_is_refused_whoever_writes_it(world, tool, arguments, says):
    answer = call(world, tool, **arguments)
    assert answer.error == "invalid"
    assert says in answer.text
    assert call(world, "pack_get", id=1).data["name"] == "A"


def test_a_list_is_added_to_until_it_is_full(world):
    found = [call(world, "pack_tag", id=1, tag=tag).error for tag in "abcb"]
    assert found == [None, None, "invalid", None]
    assert call(world, "pack_get", id=1).data["tags"] == ["a", "b"]


def test_a_parameter_that_gives_a_field_its_value_says_what_that_may_be(world):
    schema = world.registry.operations["depot_pack_make"][1].params.model_json_schema()
    assert schema["properties"]["name"] == {"type": "string", "pattern": "^[A-Z]+$", "maxLength": 3}
    schema = world.registry.operations["depot_pack_size"][1].params.model_json_schema()
    assert schema["properties"]["size"] == {"type": ["integer", "null"], "minimum": 1, "maximum": 5}
