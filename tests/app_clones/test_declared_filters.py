"""Filter expressions: each finds the rows that a plain reading of it would, and none is half understood."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from app_clones.declared.engine import declared
from app_clones.declared.model import AppDecl
from app_clones.kit.world import World

DECL = """
app: park
title: Park
api: {naming: camel}
entities:
  keeper: {key: {form: given}, fields: {name: {}}, given: [{slug: kim, name: Kim}, {slug: lou, name: Lou}]}
  tree:
    key: {form: code, prefix: tr-}
    fields:
      kind_name: {required: true}
      about: {type: text}
      state: {type: enum, values: [UP, DOWN]}
      height: {type: number}
      age: {type: integer}
      old: {type: boolean}
      planted: {type: date}
      seen: {type: datetime}
      keeper: {type: ref, to: keeper}
      marks: {repeated: true}
      soil: {type: json}
      secret: {hidden: true}
      made: {type: datetime, auto: created}
    operations: [create]
operations:
  tree_list:
    kind: list
    entity: tree
    params: {filter: {role: expression}}
    result: {shape: list}
"""
APP = declared(AppDecl.model_validate(yaml.safe_load(DECL))).app()
TREES = (
    {"kind_name": "oak", "about": "Old Oak", "state": "UP", "height": 20.5, "age": 300, "old": True,
     "marks": ["a", "b"], "planted": "1700-01-01", "seen": "2024-01-01T12:00:00Z", "keeper": "kim",
     "soil": {"ph": 5, "kind": {"name": "clay"}}},
    {"kind_name": "birch", "about": 'White "paper" bark', "state": "DOWN", "height": 8, "age": 30, "old": False,
     "marks": ["b"], "planted": "2000-05-05", "seen": "2024-01-01T14:00:00+03:00", "keeper": "lou", "soil": {"ph": 7}},
    {"kind_name": "ash"},
)  # fmt: skip


@pytest.fixture(scope="module")
def snapshot():
    with World.build([APP], seed=3, start_ms=1_700_000_000_000, step_ms=1000, persons=1) as world:
        for tree in TREES:
            assert world.call("park_tree_create", tree).result.error is None
        return world.snapshot()


@pytest.fixture(scope="module")
def world(snapshot):
    with World.fork(snapshot, [APP]) as fork:
        yield fork


def found(world, text):
    result = world.call("park_tree_list", {"filter": text}).result
    assert result.error is None, result.text
    return [tree["kindName"] for tree in result.data]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "oak birch ash"),
        ('kindName = "oak"', "oak"),
        ("kind_name = oak", "oak"),
        ("kindName != oak", "birch ash"),
        ('kindName = "b*"', "birch"),
        ("state = UP", "oak"),
        ("state != UP", "birch ash"),
        ("NOT state = UP", "birch ash"),
        ("-state = UP", "birch ash"),
        ("height > 8", "oak"),
        ("height >= 8", "oak birch"),
        ("age<300", "birch"),
        ("age<=300 AND age>30", "oak"),
        ("old = true", "oak"),
        ("old = false", "birch"),
        ("planted < 1800-01-01", "oak"),
        ('planted = "2000-05-05"', "birch"),
        ('seen > "2024-01-01T11:30:00Z"', "oak"),
        ('seen = "2024-01-01T11:00:00Z"', "birch"),
        ('made >= "2023-11-14T22:13:21Z"', "birch ash"),
        ("made < 2023-11-15", "oak birch ash"),
        ("keeper = kim", "oak"),
        ("keeper != kim", "birch ash"),
        ("keeper = nobody", ""),
        ("marks:a", "oak"),
        ("marks:b", "oak birch"),
        ("NOT marks:b", "ash"),
        ("marks:*", "oak birch"),
        ("about:paper", "birch"),
        ("about:OLD", "oak"),
        ("about:*", "oak birch"),
        ("soil.ph = 5", "oak"),
        ("soil.ph > 5", "birch"),
        ("soil.kind.name = clay", "oak"),
        ("soil:kind", "oak"),
        ("soil.ph:*", "oak birch"),
        ("age = null", "ash"),
        ("age != null", "oak birch"),
        ("id = tr-00000002", "birch"),
        ("id != tr-00000002", "oak ash"),
        ("oak", "oak"),
        ('"white"', "birch"),
        (r'about:"\"paper\""', "birch"),
        ("kindName = oak OR kindName = ash", "oak ash"),
        ("kindName = oak kindName = ash", ""),
        ("kindName = oak OR kindName = birch AND state = DOWN", "birch"),  # OR binds tighter
        ("(kindName = oak) OR (kindName = birch AND state = DOWN)", "oak birch"),
        ("NOT (kindName = oak OR kindName = ash)", "birch"),
        ("NOT height > 8", "birch ash"),
        ("height > -1", "oak birch"),
    ],
)
def test_a_filter_finds_what_it_says(world, text, expected):
    assert found(world, text) == expected.split()


@pytest.mark.parametrize(
    "text",
    [
        "colour = red", "secret = x", "state = GONE", "state", "age = old", "old = maybe", "age =", "= 3", "age",
        "(age = 3", "age = 3)", "age = 3 AND", "AND", "OR age = 3", "NOT", "age == 3", 'about = "open', "age.x = 3",
        '"age" = 3', "marks > a", "made > yesterday", "soil = 3", "id > 3", "(" * 40 + "age = 3" + ")" * 40, "a" * 5000,
        "age = (3)", "height = nan", "age = 99999999999999999999", r'soil:"a\"b"',
    ],
)  # fmt: skip
def test_a_filter_that_cannot_be_read_or_names_nothing_is_refused(world, text):
    result = world.call("park_tree_list", {"filter": text}).result
    if text in ("state", "age"):  # bare words are looked for in texts
        assert result.data == []
    else:
        assert result.error == "invalid", result.data


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.sampled_from("abk=!<>:.*()\"'-\\ \n%_") | st.characters(), max_size=30))
def test_no_text_breaks_a_filter(world, text):
    assert world.call("park_tree_list", {"filter": text}).result.error in (None, "invalid")


ATOMS = {
    'kindName = "oak"': lambda t: t["kind_name"] == "oak",
    "state = DOWN": lambda t: t.get("state") == "DOWN",
    "age > 100": lambda t: t.get("age", -1) > 100,
    "marks:b": lambda t: "b" in t.get("marks", ()),
    "old = true": lambda t: t.get("old") is True,
}
trees = st.recursive(
    st.sampled_from(sorted(ATOMS)).map(lambda text: (text, ATOMS[text])),
    lambda inner: st.one_of(
        inner.map(lambda part: (f"NOT ({part[0]})", lambda t: not part[1](t))),
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]}) AND ({p[1][0]})", lambda t: p[0][1](t) and p[1][1](t))),
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]}) OR ({p[1][0]})", lambda t: p[0][1](t) or p[1][1](t))),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(tree=trees)
def test_any_nesting_finds_what_python_would(world, tree):
    text, holds = tree
    assert found(world, text) == [each["kind_name"] for each in TREES if holds(each)]
