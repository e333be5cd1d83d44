"""What a reviewer tried in order to break a world, as an agent, as an app, and as a bad disk."""

import contextlib
import random
from itertools import permutations, product

import apsw
import pytest

from app_clones.kit.app import App, Operation, Params
from app_clones.kit.canonical import CanonicalRow, canonical
from app_clones.kit.change import RowChange
from app_clones.kit.errors import AppError, KitError, SchemaRuleError, WorldDiverged
from app_clones.kit.registry import register
from app_clones.kit.sample import BOARD
from app_clones.kit.schema import Column, Search, Table
from app_clones.kit.world import Person, World
from app_clones.notes import NOTES

APPS = (BOARD, NOTES)
START = 1_700_000_000_000
YEAR_10000 = 253_402_300_800_000
ID = Column("id", "INTEGER", "id")
SCHEMA = register([BOARD]).schema


class Size(Params):
    size: float = 0.0


def odd(*operations, tables=(), events=None):
    table = Table("odd_row", (ID, Column("text"), Column("size", "REAL")))
    return App("odd", (table, *tables), operations, lambda build, options: None, events=events or {})


def make(*apps, **more):
    return World.build(apps or APPS, **{"seed": 5, "start_ms": START, "step_ms": 1000, "persons": 3, **more})


@pytest.fixture(scope="module")
def snapshot():
    with make() as world:
        return world.snapshot()


@pytest.mark.parametrize("render", [lambda data: str(1 // 0), None])
def test_an_operation_whose_result_cannot_be_put_into_words_has_done_nothing(render):
    def run(call, params):
        call.wait(60_000)
        return {"id": call.insert("odd_row", text="x", size=0.0), "data": object()}

    with make(odd(Operation("do", "", Params, run, True, render))) as world:
        assert world.call("odd_do", {}).result.error == "internal"
        assert [change.table for change in world.net_change()] == ["kit_meta"]
        assert world.now_ms == START + 1000
        world.check()


def test_a_number_that_is_none_is_the_agents_mistake_and_no_fault():
    def run(call, params):
        return call.insert("odd_row", text="x", size=params.size)

    with make(odd(Operation("do", "", Size, run, True))) as world:
        for size in (float("nan"), float("inf")):
            assert world.call("odd_do", {"size": size}).result.error == "invalid"
        assert world.call("odd_do", {"size": 1}).result.error is None


def test_arguments_may_have_the_names_that_the_kit_gives_its_own(snapshot):
    with World.fork(snapshot, APPS) as world, world.transaction() as call:
        for name in ("operation", "self"):
            with pytest.raises(AppError, match="Extra inputs"):
                call.perform("board_add", **{"title": "t", name: 1})


def test_an_operation_declared_as_reading_cannot_write_when_another_performs_it_either():
    liar = Operation("liar", "", Params, lambda call, params: call.insert("odd_row", text="x", size=0.0), False)
    via = Operation("via", "", Params, lambda call, params: call.perform("odd_liar"), True)
    with make(odd(liar, via)) as world, pytest.raises(KitError, match="tried to write"):
        world.call("odd_via", {})


def test_tables_that_sqlite_refuses_are_refused_when_the_app_is_registered():
    table = Table("odd_more", (ID, Column("a"), Column("b")), indexes=(("a", "b"), ("a", "b")))
    with pytest.raises(SchemaRuleError, match="odd_more"):
        register([odd(tables=(table,))])


class Loose:
    """Parameters that are no class, and take anything."""

    def model_validate(self, obj):
        return obj

    def model_json_schema(self):
        return {"type": "object"}


class Strict(Loose):
    """The same, refusing what they do not know."""

    def model_validate(self, obj):
        if set(obj) - {"x"}:
            raise AppError("no such argument")
        return obj


def test_parameters_of_any_kind_are_taken_if_they_refuse_what_they_do_not_know():
    with pytest.raises(SchemaRuleError, match="odd_echo: its parameters"):
        register([odd(Operation("echo", "", Loose(), lambda call, params: params, False))])
    with make(odd(Operation("echo", "", Strict(), lambda call, params: params, False))) as world:
        assert world.call("odd_echo", {"x": 1}).result.data == {"x": 1}
        assert world.call("odd_echo", {"y": 1}).result.error == "invalid"


def test_columns_may_have_names_that_are_words_of_sql():
    table = Table(
        "odd_more", (ID, Column("order"), Column("group")), unique=(("order", "group"),), indexes=(("order",),)
    )

    def write(call, params):
        id = call.insert("odd_more", order="a", group="b")
        call.update("odd_more", id, group="c", order="d")
        return call.delete("odd_more", order="a") + call.delete("odd_more", group="c")

    with make(odd(Operation("write", "", Params, write, True), tables=(table,))) as world:
        assert world.call("odd_write", {}).result.data == 1
        world.check()


def test_the_clock_ends_with_the_last_year_that_can_be_written(snapshot):
    with make(start_ms=YEAR_10000 - 10_000_000) as world:
        assert world.call("clock_wait", {"minutes": 44_640}).result.error == "invalid"
        assert world.now_ms == YEAR_10000 - 10_000_000 + 1000
        assert world.call("clock_wait", {"minutes": 1}).result.text.startswith("it is 9999-12-31T")
    with World.fork(snapshot, APPS) as world, pytest.raises(AppError):
        world.wait(1 << 70)


@pytest.mark.parametrize(
    "given",
    [
        {"persons": []},
        {"persons": [Person(name="Ana", email="a@x.test")] * 2},
        {"start_ms": 1 << 70},
        {"start_ms": -1},
        {"start_ms": YEAR_10000},
    ],
)
def test_a_world_that_cannot_be_is_no_world(given):
    with pytest.raises(KitError):
        make(**given)


def test_a_crash_of_an_events_handler_is_the_apps_fault_by_name():
    event = {"odd.crash": lambda call, payload: 1 // 0}
    run = Operation("do", "", Params, lambda call, params: call.schedule(0, "odd.crash"), True)
    with make(odd(run, events=event)) as world:
        with pytest.raises(KitError, match=r"odd\.crash: .*ZeroDivisionError: .*test_kit_attacks\.py:\d+\)"):
            world.call("odd_do", {})
        assert world.steps() == ()
        world.check()


def test_changes_of_a_table_that_this_world_lacks_are_refused_and_not_left_out():
    with make(BOARD, NOTES) as two, make(BOARD) as one:
        two.call("notes_create", {"text": "lost"})
        with pytest.raises(WorldDiverged, match="notes_note"):
            World.restore(one.snapshot(), (BOARD,), [two.changeset()])


def test_one_broken_changeset_among_good_ones_is_refused(snapshot):
    with World.fork(snapshot, APPS) as world:
        world.call("board_add", {"title": "a"})
        world.call("board_add", {"title": "b"})
        good, cut = world.steps()
    with pytest.raises(WorldDiverged):
        World.restore(snapshot, APPS, [good, cut[:-4]])


def schema_of(world):
    return world.connection.execute("SELECT name,sql FROM sqlite_schema ORDER BY name").fetchall()


def test_a_flipped_bit_in_a_snapshots_rows_is_a_kit_error_or_harmless_but_never_an_agents_mistake(snapshot):
    rng, refused = random.Random(1), 0
    with World.fork(snapshot, APPS) as world:
        schema = schema_of(world)
    for _ in range(250):
        bad = bytearray(snapshot)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        try:
            with World.fork(bytes(bad), APPS) as world:
                if schema_of(world) == schema:  # else it is another app's SQL that fails, as an app's bug would
                    assert world.call("board_draw", {}).result.error != "internal"
                world.check()
        except KitError:
            refused += 1
    assert refused > 3


def test_a_database_damaged_under_a_tool_is_no_mistake_of_the_agents():
    def run(call, params):
        raise apsw.CorruptError("database disk image is malformed")

    with make(odd(Operation("do", "", Params, run, True))) as world, pytest.raises(KitError, match="malformed"):
        world.call("odd_do", {})


def test_nothing_is_undone_or_taken_while_a_transaction_is_open(snapshot):
    with World.fork(snapshot, APPS) as world:
        world.call("board_add", {"title": "a"})
        with world.transaction() as call:
            call.insert("board_tag", name="half")
            for act in (world.undo, world.snapshot):
                with pytest.raises(KitError, match="one thing at a time"):
                    act()
        world.check()


@pytest.mark.parametrize("text", ["_ kelp", "kelp _", "__kelp__", "x\u0302y", "x\u0302y kelp", "snake_case"])
def test_what_is_written_is_found_by_its_own_words(snapshot, text):
    with World.fork(snapshot, APPS) as world:
        id = world.call("board_add", {"title": f"{text} kelp"}).result.data["id"]
        assert id in [hit["id"] for hit in world.call("board_find", {"text": text}).result.data]


def card(id, parent=None):
    new = {"id": id, "owner_id": 1, "parent_id": parent, "title": "t", "body": "", "weight": None}
    return RowChange("board_card", "insert", {"id": id}, {}, {**new, "made_ms": START, "views": 0})


SHAPES = {
    "rows alone": lambda n: [card(id) for id in range(n)],
    "pairs": lambda n: [card(id, id - n // 2 if id >= n // 2 else None) for id in range(n)],
    "two stars": lambda n: [card(0), card(1), *(card(id, id % 2) for id in range(2, n))],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_agent_that_makes_many_equal_rows_does_not_stall_the_comparison(monkeypatch, shape):
    plain, work = CanonicalRow.encoded, []

    def counted(row, code):
        work.append(row)
        return plain(row, code)

    monkeypatch.setattr(CanonicalRow, "encoded", counted)
    canonical(SHAPES[shape](200), SCHEMA)
    small, work[:] = len(work), []
    canonical(SHAPES[shape](800), SCHEMA)
    assert len(work) < 6 * small


def test_two_tags_on_two_cards_each_are_not_one_tag_on_both():
    def change(*pairs):
        tags = [RowChange("board_tag", "insert", {"id": id}, {}, {"id": id, "name": "n"}) for id in (7, 8)]
        keys = [{"card_id": card_id, "tag_id": tag_id} for card_id, tag_id in pairs]
        links = [RowChange("board_card_tag", "insert", key, {}, key) for key in keys]
        return canonical([card(5), card(6), *tags, *links], SCHEMA)

    assert change((5, 7), (6, 8)) == change((6, 7), (5, 8))
    assert change((5, 7), (6, 8)) != change((5, 7), (6, 7))
    assert change((5, 7), (6, 7)) != change((5, 7), (5, 8))


def random_graph(rng, cards, tags):
    """Each card's parent or None, and which card has which tag."""
    links = {(rng.randrange(cards), rng.randrange(tags)) for _ in range(rng.randrange(5))}
    return [rng.choice([None, *range(cards)]) for _ in range(cards)], links


def permuted(graph, cards, tags):
    parents = [None] * len(cards)
    for number, parent in enumerate(graph[0]):
        parents[cards[number]] = None if parent is None else cards[parent]
    return parents, {(cards[card_id], tags[tag_id]) for card_id, tag_id in graph[1]}


def form_of(graph, tags):
    rows = [card(number + 100, None if parent is None else parent + 100) for number, parent in enumerate(graph[0])]
    rows += [RowChange("board_tag", "insert", {"id": id}, {}, {"id": id, "name": "n"}) for id in range(200, 200 + tags)]
    keys = [{"card_id": card_id + 100, "tag_id": tag_id + 200} for card_id, tag_id in graph[1]]
    return canonical([*rows, *(RowChange("board_card_tag", "insert", key, {}, key) for key in keys)], SCHEMA)


def test_two_changes_have_one_form_exactly_when_some_renaming_makes_them_one():
    rng, alike = random.Random(9), 0
    for _ in range(400):
        cards, tags = rng.randrange(1, 5), rng.randrange(1, 4)
        one, two = random_graph(rng, cards, tags), random_graph(rng, cards, tags)
        if rng.random() < 0.5:
            two = permuted(one, rng.sample(range(cards), cards), rng.sample(range(tags), tags))
        renamings = product(permutations(range(cards)), permutations(range(tags)))
        same = any(permuted(one, *renaming) == two for renaming in renamings)
        assert (form_of(one, tags) == form_of(two, tags)) == same
        alike += same
    assert 0 < alike < 400


def test_a_time_column_that_is_not_there_is_not_silently_left_out():
    for name in ("board_card.made", "board_card.title", "made_ms"):
        with pytest.raises(KitError, match="no time columns"):
            canonical([card(5)], SCHEMA, times={name})


TEXTS = ("", "a\0b", "\0", "é", "e\u0301", "1", "1.0", "x" * 5000, "\U0010ffff", "kelp kelp")
INTEGERS = (None, 0, 1, -1, 2**63 - 1, -(2**63), 1.0)
REALS = (None, 0.0, -0.0, 1, 1.5, 2**60, float("inf"), 5e-324)
BLOBS = (None, b"", b"\0", b"x" * 3000)
VALUES = App(
    "any",
    (
        Table(
            "any_row",
            (
                ID,
                Column("text"),
                Column("number", "INTEGER", nullable=True),
                Column("size", "REAL", nullable=True),
                Column("data", "BLOB", nullable=True),
            ),
            unique=(("number",),),
        ),
        Table("any_pair", (Column("a"), Column("b", "INTEGER"), Column("c", "BLOB", nullable=True)), key=("a", "b")),
    ),
    (),
    lambda build, options: [build.insert("any_row", text=str(n), number=n) for n in range(5)] and None,
    search=(Search("any_search", ("text",)),),
)


def write_at_random(call, rng):
    text, number, size, data = (rng.choice(values) for values in (TEXTS, INTEGERS, REALS, BLOBS))
    id = rng.randrange(1, 8)
    writes = (
        lambda: call.insert("any_row", text=text, number=number, size=size, data=data),
        lambda: call.insert("any_row", id=id, text=text, number=number, size=size, data=data),
        lambda: call.delete("any_row", id=id),
        lambda: call.update("any_row", id, number=number, size=size),
        lambda: call.put("any_pair", a=text[:2], b=id % 2, c=data),
        lambda: call.delete("any_pair", a=text[:2]),
        lambda: call.index("any_search", id, text=text),
        lambda: call.unindex("any_search", id),
    )
    rng.choice(writes)()


def test_odd_values_and_rows_that_come_and_go_under_one_id_are_restored_exactly():
    rng = random.Random(3)
    with make(VALUES) as base:
        snapshot = base.snapshot()
    for _ in range(20):
        with World.fork(snapshot, (VALUES,)) as world:
            for _ in range(20):
                with contextlib.suppress(AppError), world.transaction() as call:
                    write_at_random(call, rng)
                    write_at_random(call, rng)
            world.check()
            for changesets in ([world.changeset()], world.steps()):
                with World.restore(snapshot, (VALUES,), changesets) as back:
                    assert back.state_digest == world.state_digest == back.full_digest()
                    for word in ("kelp", "a", "é", "1"):
                        query = "SELECT rowid FROM any_search(?) ORDER BY 1"
                        there = [w.connection.execute(query, (f'"{word}"',)).fetchall() for w in (world, back)]
                        assert there[0] == there[1]
