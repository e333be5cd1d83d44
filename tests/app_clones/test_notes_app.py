"""Notes: a small second app, whose reminders cross into mail."""

import pytest

from app_clones.kit.app import App
from app_clones.kit.asgi import request
from app_clones.kit.schema import Column, Table
from app_clones.kit.world import World
from app_clones.mail.app import MAIL
from app_clones.notes import NOTES

START = 1_700_000_000_000


def make(*apps, **options):
    return World.build(apps, seed=5, start_ms=START, step_ms=1000, persons=6, options=options)


@pytest.fixture(scope="module")
def snapshot():
    with make(MAIL, NOTES) as built:
        return built.snapshot()


@pytest.fixture
def world(snapshot):
    with World.fork(snapshot, (MAIL, NOTES)) as fork:
        yield fork


def test_notes_are_written_listed_newest_first_and_deleted(world):
    assert world.call("notes_create", {"text": "milk"}).result.text == "ok 1"
    world.call("notes_create", {"text": "bread"})
    assert world.call("notes_list", {}).result.text == "2 found\n2 | bread\n1 | milk"
    assert world.call("notes_delete", {"id": 1}).result.text == "ok"
    assert world.call("notes_delete", {"id": 1}).result.error == "not_found"
    assert world.call("notes_list", {}).result.text == "1 found\n2 | bread"


def test_each_person_has_notes_of_their_own(world):
    world.call("notes_create", {"text": "mine"})
    assert world.call("notes_list", {}, actor=2).result.text == "0 found"
    assert world.call("notes_delete", {"id": 1}, actor=2).result.error == "not_found"


def test_a_reminder_arrives_as_mail_when_the_clock_gets_there_and_not_before(world):
    newest = "SELECT subject FROM mail_message WHERE owner_id=1 ORDER BY id DESC LIMIT 1"
    world.call("notes_create", {"text": "call the plumber", "remind_in_minutes": 10})
    world.call("clock_wait", {"minutes": 9})
    assert world.connection.execute(newest).fetchone() != ("note reminder",)
    world.call("clock_wait", {"minutes": 1})
    assert world.connection.execute(newest).fetchone() == ("note reminder",)
    found = world.call("mail_search", {"subject": "note reminder"}).result
    assert found.error is None
    assert found.text.startswith("1 found\n")
    id = int(found.text.splitlines()[1].removeprefix("1. ").split(" | ")[0])
    assert "call the plumber" in world.call("mail_read", {"id": id}).result.text
    world.check()


def test_a_waiting_reminder_survives_being_put_away(world, snapshot):
    world.call("notes_create", {"text": "call the plumber", "remind_in_minutes": 10})
    with World.restore(snapshot, (MAIL, NOTES), [world.changeset()]) as back:
        assert back.call("clock_wait", {"minutes": 30}) == world.call("clock_wait", {"minutes": 30})
        assert back.full_digest() == world.full_digest()


def test_a_reminder_in_a_world_without_mail_is_a_mistake_and_leaves_no_note():
    with make(NOTES) as world:
        assert world.call("notes_create", {"text": "t", "remind_in_minutes": 1}).result.error == "invalid"
        assert world.call("notes_list", {}).result.text == "0 found"


def test_a_reminder_names_who_wrote_the_note_and_what_it_said():
    seen = App(
        name="mail",
        tables=(Table("mail_seen", (Column("id", "INTEGER", "id"), Column("text"))),),
        operations=(),
        populate=lambda build, options: None,
        events={
            "mail.deliver": lambda call, payload: call.insert("mail_seen", text=repr(sorted(payload.items()))) and None
        },
    )
    with make(seen, NOTES) as world:
        me = world.persons()[2].email
        world.call("notes_create", {"text": "t", "remind_in_minutes": 1}, actor=2)
        world.wait(60_000)
        ((text,),) = world.connection.execute("SELECT text FROM mail_seen").fetchall()
        assert text == repr([("body", "t"), ("sender", me), ("subject", "note reminder"), ("to", me)])


@pytest.mark.parametrize(
    "arguments", [{}, {"text": ""}, {"text": "t", "remind_in_minutes": -1}, {"text": "t", "when": 1}]
)
def test_a_note_that_makes_no_sense_is_refused(world, arguments):
    assert world.call("notes_create", arguments).result.error == "invalid"


async def test_the_page_lists_the_notes(world):
    world.call("notes_create", {"text": "milk & bread"})
    page = await request(world, "GET", "/notes/")
    assert page.status == 200
    listed = await request(world, "GET", "/notes/note")
    assert "milk &amp; bread" in listed.text
