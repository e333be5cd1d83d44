"""Net changes compared: up to renaming of fresh ids, logs never, times only where asked."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app_clones.kit.change import RowChange, canonical, describe, difference
from app_clones.kit.registry import register
from app_clones.kit.sample import BOARD

SCHEMA = register([BOARD]).schema


def card(id, title="t", parent=None, owner=1, made=5, views=0, body=""):
    new = {"id": id, "owner_id": owner, "parent_id": parent, "title": title, "body": body, "weight": None}
    new |= {"made_ms": made, "views": views}
    return RowChange("board_card", "insert", {"id": id}, {}, new)


def tagged(card_id, tag_id, op="insert"):
    key = {"card_id": card_id, "tag_id": tag_id}
    return RowChange("board_card_tag", op, key, {} if op == "insert" else key, key if op == "insert" else {})


def changed(id, **new):
    return RowChange("board_card", "update", {"id": id}, dict.fromkeys(new, "before"), new)


def form(*changes, times=()):
    return canonical(changes, SCHEMA, times=times)


def test_order_and_fresh_ids_do_not_count_but_what_refers_to_them_follows():
    one = form(card(31, "up"), card(32, "down", parent=31), tagged(31, 3))
    two = form(tagged(77, 3), card(40, "down", parent=77), card(77, "up"))
    assert one == two
    assert hash(one) == hash(two)
    assert difference(one, two) == ()
    assert form(tagged(40, 3), card(40, "down", parent=77), card(77, "up")) != one


def test_ids_that_were_there_before_do_count():
    assert form(card(31, parent=3)) != form(card(31, parent=4))
    assert form(changed(3, title="x")) != form(changed(4, title="x"))
    assert form(tagged(3, 1)) != form(tagged(3, 2))


def test_logs_never_count_and_times_only_where_asked():
    assert form(card(31, made=5, views=1)) == form(card(31, made=6, views=2))
    assert form(changed(3, views=9), changed(4, made_ms=9)) == form()
    times = {"board_card.made_ms"}
    assert form(card(31, made=5), times=times) != form(card(31, made=6), times=times)
    assert form(changed(4, made_ms=9), times=times) != form(times=times)


def test_a_table_of_logs_counts_for_nothing():
    counter = RowChange("kit_counter", "insert", {"name": "x"}, {}, {"name": "x", "next": 5})
    assert form(counter) == form()


def test_the_values_before_do_not_count_but_every_value_after_does():
    plain = RowChange("board_card", "update", {"id": 3}, {}, {"title": "x"})
    assert form(plain) == form(changed(3, title="x"))
    assert form(plain) != form(changed(3, title="y"))
    assert form(plain) != form(changed(3, body="x"))
    assert form(changed(3, title=1)) != form(changed(3, title="1"))
    assert form(changed(3, title=None)) != form(changed(3, title="None"))


def test_inserting_updating_and_deleting_are_told_apart():
    deleted = RowChange("board_card", "delete", {"id": 3}, {"id": 3, "title": "t"}, {})
    forms = [form(deleted), form(changed(3, title="t")), form(tagged(3, 1)), form(tagged(3, 1, "delete")), form()]
    assert len(set(forms)) == len(forms)


def test_doing_a_thing_twice_is_not_doing_it_once():
    assert form(card(31), card(32)) != form(card(31))
    assert form(card(31), card(32), card(33)) != form(card(31), card(32))


def test_a_ring_of_four_is_not_two_rings_of_two_though_every_row_looks_alike():
    ring = form(*(card(n, parent=31 + (n - 30) % 4) for n in range(31, 35)))
    pairs = form(card(31, parent=32), card(32, parent=31), card(33, parent=34), card(34, parent=33))
    assert ring != pairs
    assert difference(ring, pairs)


@st.composite
def forests(draw):
    size = draw(st.integers(1, 7))
    parents = [draw(st.sampled_from([None, 3, *range(100, 100 + n)])) for n in range(size)]
    titles = draw(st.lists(st.sampled_from("ab"), min_size=size, max_size=size))
    tags = draw(st.lists(st.tuples(st.integers(100, 99 + size), st.integers(1, 2)), max_size=3, unique=True))
    return [card(100 + n, titles[n], parents[n]) for n in range(size)] + [tagged(*tag) for tag in tags]


def renamed(changes, seed):
    rng = random.Random(seed)
    fresh = [change.key["id"] for change in changes if change.table == "board_card"]
    names = dict(zip(fresh, rng.sample(range(500, 600), len(fresh)), strict=True))

    def rename(cells):
        return {k: names.get(v, v) if k in ("id", "parent_id", "card_id") else v for k, v in cells.items()}

    moved = [RowChange(c.table, c.op, rename(c.key), {}, rename(c.new)) for c in changes]
    rng.shuffle(moved)
    return moved


@settings(max_examples=100, deadline=None)
@given(forests(), st.integers(0, 10**6))
def test_renaming_and_shuffling_any_forest_of_fresh_rows_leaves_its_form(changes, seed):
    assert form(*changes) == form(*renamed(changes, seed))


@settings(max_examples=100, deadline=None)
@given(forests(), st.data())
def test_altering_dropping_or_doubling_any_one_row_changes_the_form_and_is_named(changes, data):
    place = data.draw(st.integers(0, len(changes) - 1))
    victim = changes[place]
    rest = [*changes[:place], *changes[place + 1 :]]
    if victim.table == "board_card":
        other = RowChange(victim.table, "insert", victim.key, {}, {**victim.new, "title": "altered"})
        doubled = [*changes, card(999, victim.new["title"], victim.new["parent_id"])]
    else:
        other = RowChange(victim.table, "insert", {**victim.key, "tag_id": 9}, {}, {**victim.new, "tag_id": 9})
        doubled = [*changes, tagged(1, 9)]
    for near in ([*rest, other], doubled, rest):
        assert form(*near) != form(*changes)
        assert difference(form(*changes), form(*near))
        assert difference(form(*near), form(*changes))


def test_differences_read_as_lines():
    expected = form(changed(3, title="x", body="y"), tagged(3, 1))
    found = form(changed(3, title="z"), tagged(3, 2), card(31, "new"))
    lines = difference(expected, found)
    assert "differs: update board_card id=3: title: expected 'x', found 'z'" in lines
    assert "differs: update board_card id=3: body: expected 'y', found no change" in lines
    assert "missing: insert board_card_tag card_id=3, tag_id=1" in lines
    assert any(line.startswith("unexpected: insert board_card ⟨new board_card 1⟩: ") for line in lines)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (changed(3, title="x"), "update board_card id=3: title: 'before' → 'x'"),
        (tagged(3, 1, "delete"), "delete board_card_tag card_id=3, tag_id=1"),
        (
            RowChange("board_tag", "insert", {"id": 9}, {}, {"id": 9, "name": "x" * 100}),
            f"insert board_tag id=9: name='{'x' * 59}… (102 characters)",
        ),
    ],
)
def test_a_change_is_described_in_one_line(change, line):
    assert describe([change]) == (line,)


def test_a_hundred_equal_fresh_rows_are_still_compared():
    assert form(*(card(n) for n in range(100, 200))) == form(*(card(n) for n in range(300, 400)))


def test_equal_trees_stay_the_same_trees_whichever_of_them_comes_first():
    parents = [card(31, "up"), card(32, "up")]
    straight = form(*parents, card(41, "down", parent=31), card(42, "down", parent=32))
    crossed = form(*parents, card(41, "down", parent=32), card(42, "down", parent=31))
    assert straight == crossed
    assert straight != form(*parents, card(41, "down", parent=31), card(42, "down", parent=31))
