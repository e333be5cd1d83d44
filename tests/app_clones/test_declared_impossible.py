"""What can never be is told when a declaration is read, by line: not at the build, nor at each call, nor never."""

from __future__ import annotations

import pytest

from app_clones.declared.engine import declared
from app_clones.declared.load import parse_decl
from app_clones.kit.located import FileError
from app_clones.kit.world import World

SHOP = """\
app: shop
title: Shop
entities:
  item:
    fields:
      name: {required: true, search: true}
      kind: {type: enum, values: [a, b], default: a}
      size: {type: integer, min: 1, max: 9}
      more: {type: json, shape: {type: object}}
      maker: {type: ref, to: maker}
      actor: {}
    operations: [list, get, create]
    rows: 5
    given:
      - {name: Moss}
  maker:
    fields:
      name: {required: true}
      best: {type: ref, to: item}
    operations: [list]
    rows: 2
operations:
  item_mark: {entity: item, params: {size: {type: integer}, said: {}}, set: {size: $size, name: $said}}
  maker_add: {make: [{entity: maker, values: {name: Ana}}]}
"""


FIELDS = "entities.item.fields"
MARK = "23: operations.item_mark"
MAKER = "\n  maker:\n"
PLAIN = "{fields: {name: {}}}"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("values: [a, b], default: a", "values: []", f"7: {FIELDS}.kind.values: an enum says which"),
        ("min: 1, max: 9", "min: 0.5, max: 0.9", f"8: {FIELDS}.size.min: no whole number is between 0.5 and"),
        ("shape: {type: object}", "shape: {type: nope}", f"9: {FIELDS}.more.shape: no JSON Schema: type:"),
        ("shape: {type: object}", 'shape: {$ref: "#/$defs/No"}', f"9: {FIELDS}.more.shape: no JSON Schema: there"),
        ("title: Shop", "title: Shop\nschemas: {A: {type: nope}}", "3: schemas.A: no JSON Schema: type:"),
        ("- {name: Moss}", "- {name: 5}", "15: entities.item.given.0.name: this: a text is needed, not a number"),
        ("- {name: Moss}", "- {name: Moss, kind: c}", "15: entities.item.given.0.kind: this: 'c' is none of a, b"),
        (MAKER, f"\n  do: {PLAIN}{MAKER}", "16: entities.do: do is a name of the engine's own"),
        (MAKER, f"\n  api: {PLAIN}{MAKER}", "16: entities.api: its pages would lie where the API"),
        (MAKER, f"\n  item_words: {PLAIN}{MAKER}", "4: entities.item: item_words is the name of the table"),
        (
            MAKER,
            f"\n  items: {{fields: {{name: {{}}}}, plural: items, operations: [list]}}{MAKER}",
            "16: entities.items.operations.0: it is reached just as item_list is",
        ),
        ("actor: {}", "actor: {required: true, readonly: true}", f"11: {FIELDS}.actor: it is required, but readonly"),
        ("name: $said", "name: null", f"{MARK}.set.name: name is required, so it cannot be set to nothing"),
        ("values: {name: Ana}", "values: {best: 1}", "24: operations.maker_add.make.0.values: a maker needs a name"),
        ("item_mark: {", "item_create: {", "23: operations.item_create: it takes the place of item's own create"),
        ("said: {}}, set: {size: $size, name: $said}", "now: {}}, set: {name: $now}", f"{MARK}.params.now: $now is"),
        ("said: {}}, set: {size: $size, name: $said}", "row: {}}, set: {name: $row.kind}", f"{MARK}.params.row: $row"),
    ],
)
def test_what_can_never_be_is_refused_by_line(old, new, says):
    assert old in SHOP
    with pytest.raises(FileError) as caught:
        parse_decl(SHOP.replace(old, new), "app.yaml")
    assert f"app.yaml:{says}" in str(caught.value)


def test_rows_that_need_each_other_first_are_refused_unless_some_are_given():
    text = SHOP[: SHOP.index("  maker_add")].replace("to: maker}", "to: maker, required: true}")
    text = text.replace("to: item}", "to: item, required: true}")
    parse_decl(text, "app.yaml")
    with pytest.raises(FileError, match=r"10: entities\.item\.fields\.maker: each item needs another row before it"):
        parse_decl(text.replace("    given:\n      - {name: Moss}\n", ""), "app.yaml")


def test_a_standard_operation_may_have_effects_of_its_own_and_a_field_any_name():
    text = SHOP.replace("item_mark: {", "item_create: {kind: create, ")
    app = declared(parse_decl(text, "app.yaml")).app()
    with World.build((app,), seed=3, start_ms=10**12, step_ms=1000, persons=2) as world:
        made = world.call("shop_item_create", {"name": "Fern", "size": 3, "said": "Oak", "actor": "me"}).result.data
    assert (made["name"], made["size"], made["actor"]) == ("Oak", 3, "me")
