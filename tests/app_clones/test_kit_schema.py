"""Every rule without which sessions lose state is enforced when an app is registered."""

import apsw
import pytest

from app_clones.kit import db as sqlite
from app_clones.kit.app import App, Emission, Operation, Params, Takes
from app_clones.kit.errors import KitError, SchemaRuleError
from app_clones.kit.registry import register
from app_clones.kit.sample import BOARD
from app_clones.kit.schema import Column, Search, Table

ID = Column("id", "INTEGER", "id")
TEXT = Column("text")


def app(*tables, search=(), operations=(), events=None, emits=(), name="x"):
    return App(
        name=name,
        tables=tables,
        operations=operations,
        populate=lambda build, options: None,
        search=search,
        events=events or {},
        emits=emits,
    )


class Loose:
    """Parameters that are no Params."""


BROKEN = {
    "a table without a primary key": app(Table("x_t", (TEXT,))),
    "an id of another name": app(Table("x_t", (Column("number", "INTEGER", "id"), TEXT))),
    "two ids": app(Table("x_t", (ID, Column("other", "INTEGER", "id")))),
    "an id that is no integer": app(Table("x_t", (Column("id", "TEXT", "id"),))),
    "an id that may be NULL": app(Table("x_t", (Column("id", "INTEGER", "id", nullable=True), TEXT))),
    "a key that is not declared": app(Table("x_t", (TEXT,), key=("other",))),
    "a key that may be NULL": app(Table("x_t", (Column("text", nullable=True),), key=("text",))),
    "a key that is REAL": app(Table("x_t", (Column("size", "REAL"),), key=("size",))),
    "a key that never counts": app(Table("x_t", (Column("text", kind="log"), Column("more")), key=("text",))),
    "a key that is a time": app(Table("x_t", (Column("at", "INTEGER", "time"), TEXT), key=("at",))),
    "a key column named twice": app(Table("x_t", (TEXT,), key=("text", "text"))),
    "a key and an id": app(Table("x_t", (ID, TEXT), key=("text",))),
    "a ref that names no table": app(Table("x_t", (ID, Column("to_id", "INTEGER", "ref")))),
    "a ref to an unknown table": app(Table("x_t", (ID, Column("to_id", "INTEGER", "ref", to="x_u")))),
    "a ref to a keyed table": app(
        Table("x_k", (TEXT,), key=("text",)), Table("x_t", (ID, Column("to_id", "INTEGER", "ref", to="x_k")))
    ),
    "a ref that is no integer": app(Table("x_t", (ID, Column("to_id", "TEXT", "ref", to="x_t")))),
    "content that names a table": app(Table("x_t", (ID, Column("text", to="x_t")))),
    "a time that is no integer": app(Table("x_t", (ID, Column("at", "TEXT", "time")))),
    "an unknown kind": app(Table("x_t", (ID, Column("text", kind="secret")))),
    "an unknown type": app(Table("x_t", (ID, Column("text", "VARCHAR")))),
    "a column declared twice": app(Table("x_t", (ID, TEXT, TEXT))),
    "a table declared twice": app(Table("x_t", (ID, TEXT)), Table("x_t", (ID, TEXT))),
    "an index over an unknown column": app(Table("x_t", (ID, TEXT), indexes=(("nope",),))),
    "an empty unique group": app(Table("x_t", (ID, TEXT), unique=((),))),
    "a table named after another app": app(Table("y_t", (ID, TEXT))),
    "a name that is no plain name": app(Table("x_t", (ID, Column("text; DROP TABLE x_t")))),
    "a search named after another app": app(search=(Search("y_s", ("text",)),)),
    "a search over no column": app(search=(Search("x_s", ()),)),
    "a search over FTS5's own column": app(search=(Search("x_s", ("rank",)),)),
    "a search whose shadow hides a table": app(Table("x_s_data", (ID, TEXT)), search=(Search("x_s", ("text",)),)),
    "an event named after another app": app(events={"y.happen": lambda call, payload: None}),
    "an event emitted to itself that it does not handle": app(emits=(Emission("x.happen"),)),
    "an app that takes the kit's name": app(name="kit"),
    "an app with _ in its name": app(name="x_y"),
    "an operation whose parameters let unknown ones pass": app(
        operations=(Operation("do", "", Loose, lambda call, params: None, False),)
    ),
    "an operation declared twice": app(
        operations=(
            Operation("do", "", Params, lambda c, p: None, False),
            Operation("do", "", Params, lambda c, p: 1, False),
        )
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_an_app_that_breaks_a_rule_is_refused_when_it_is_registered(what):
    with pytest.raises(SchemaRuleError):
        register([BROKEN[what]])


def test_two_apps_of_one_name_are_refused():
    with pytest.raises(SchemaRuleError):
        register([app(Table("x_t", (ID, TEXT))), app(Table("x_t", (ID, TEXT)))])


def test_an_event_emitted_to_an_app_of_the_world_is_one_that_it_handles():
    handled = app(name="y", events={"y.happen": lambda call, payload: None})
    with pytest.raises(SchemaRuleError, match=r"emits y\.hapen, .* did you mean y\.happen\?"):
        register([app(emits=(Emission("y.hapen"),)), handled])
    register([app(emits=(Emission("y.happen"),)), handled])
    register([app(emits=(Emission("y.hapen"),))])  # nothing comes of it in a world without the other app


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ({"to", "nope"}, r"x\.do: emits y\.happen with nope, but that takes about, to"),
        ({"about"}, r"x\.do: emits y\.happen without to, which that needs"),
        ({"to"}, None),
    ],
)
def test_an_event_of_an_app_of_the_world_is_told_what_it_takes(payload, says):
    told = {"y.happen": Takes(frozenset({"to", "about"}), frozenset({"to"}))}
    handled = App(name="y", tables=(), operations=(), events={"y.happen": lambda call, payload: None}, takes=told)
    emitting = app(emits=(Emission("y.happen", "x.do", frozenset(payload)),))
    if says is None:
        register([emitting, handled])
        return
    with pytest.raises(SchemaRuleError, match=says):
        register([emitting, handled])


def test_events_that_go_on_without_end_at_one_moment_are_refused_across_apps():
    def half(name, other, at_once=True):
        handlers = {f"{name}.do": lambda call, payload: None}
        return app(name=name, events=handlers, emits=(Emission(f"{other}.do", f"{name}.do", at_once=at_once),))

    with pytest.raises(SchemaRuleError, match=r"without end at one moment: x\.do → y\.do → x\.do"):
        register([half("x", "y"), half("y", "x")])
    register([half("x", "y"), half("y", "x", at_once=False)])
    register([half("x", "y"), half("y", "z")])


def test_the_same_apps_are_made_ready_once():
    assert register([BOARD]) is register((BOARD,))


def test_an_app_that_keeps_all_rules_is_taken_with_its_built_in_neighbours():
    assert {"board_add", "task_submit", "task_decline", "clock_wait"} <= set(register([BOARD]).operations)


@pytest.mark.parametrize(
    "planted",
    [
        "CREATE TRIGGER planted AFTER INSERT ON x_t BEGIN DELETE FROM x_t; END",
        "CREATE TABLE planted(id INTEGER PRIMARY KEY AUTOINCREMENT)",
        "CREATE VIEW planted AS SELECT 1",
    ],
)
def test_a_database_with_triggers_autoincrement_or_views_is_never_sealed(planted):
    db = apsw.Connection(":memory:")
    db.execute("CREATE TABLE x_t(id INTEGER PRIMARY KEY)")
    sqlite.check_built(db)
    db.execute(planted)
    with pytest.raises(KitError, match="sessions lose state"):
        sqlite.check_built(db)


def test_a_database_in_wal_mode_is_never_sealed(tmp_path):
    db = apsw.Connection(str(tmp_path / "w.db"))
    db.execute("PRAGMA journal_mode=WAL; CREATE TABLE x_t(id INTEGER PRIMARY KEY)")
    with pytest.raises(KitError, match="journal mode wal"):
        sqlite.check_built(db)
    db.close()
