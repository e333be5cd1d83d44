"""Users' words in searches are words, whatever they look like."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app_clones.kit.sample import BOARD
from app_clones.kit.search import match
from app_clones.kit.world import World


@pytest.fixture(scope="module")
def world():
    with World.build((BOARD,), seed=1, start_ms=0, step_ms=1, persons=1, options={"board": {"cards": 0}}) as made:
        made.call("board_add", {"title": "Crème brûlée", "body": "title and not near or"})
        made.call("board_add", {"title": "kelp soup", "body": "cold"})
        yield made


def found(world, text):
    return [hit["id"] for hit in world.call("board_find", {"text": text}).result.data]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("creme BRULEE", [1]),
        ("bru\u0302le\u0301e", [1]),
        ("kelp", [2]),
        ("kelp cold", [2]),
        ("kelp crème", []),
        ("NOT near", [1]),
        ("kelp OR creme", []),
        ("AND", [1]),
        ("title:kelp", []),
        ("kel*", []),
        ('"kelp', [2]),
        ("kelp) OR (creme", []),
        ("soup^kelp-cold", [2]),
        ("", []),
        ('"*:()^', []),
    ],
)
def test_every_word_must_occur_and_no_word_is_an_operator(world, text, ids):
    assert found(world, text) == ids


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60).filter(lambda text: text.isprintable()))
def test_no_printable_text_breaks_a_search(world, text):
    assert world.call("board_find", {"text": text}).result.error is None


@pytest.mark.parametrize("text", ["a\0b", "\x1f", "kelp " * 5000])
def test_odd_and_long_texts_are_searched_for_too(world, text):
    assert world.call("board_find", {"text": text}).result.error is None


def test_a_query_may_be_held_to_one_column():
    assert match("kelp soup", "title") == 'title:("kelp" AND "soup")'
    assert match("...", "title") == ""
