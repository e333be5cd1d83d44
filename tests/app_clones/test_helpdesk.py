"""The worked example: a help desk in one file, beside mail and notes."""

from __future__ import annotations

from pathlib import Path

import pytest

from app_clones.declared.load import load_declared
from app_clones.kit.asgi import request
from app_clones.kit.world import World
from app_clones.mail.app import MAIL

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "specs" / "apps" / "helpdesk"
HOUR = 60
DAY = 24 * HOUR
APPS = (MAIL, load_declared(FOLDER).app())


@pytest.fixture(scope="module")
def snapshot():
    options = {"mail": {"messages": 30}}
    with World.build(APPS, seed=7, start_ms=1_740_992_400_000, step_ms=1000, persons=12, options=options) as built:
        return built.snapshot()


@pytest.fixture
def world(snapshot):
    with World.fork(snapshot, APPS) as fork:
        yield fork
        fork.check()


@pytest.fixture
def ticket(world):
    """A new ticket, the agent's own to solve; also who is told when it is solved."""
    me = world.persons()[1].email
    customer = ok(world, "customer_create", name="Moss and Sons", contact=world.persons()[3].email)["id"]
    made = ok(world, "ticket_create", subject="The van does not start", body="It is cold.", customer=customer)
    ok(world, "ticket_assign", id=made["id"], agent=me)
    return made["id"]


def ok(world, tool, **arguments):
    result = world.call(f"helpdesk_{tool}", arguments).result
    assert result.error is None, result.text
    return result.data


def error(world, tool, **arguments):
    return world.call(f"helpdesk_{tool}", arguments).result.error


def state(world, ticket):
    return ok(world, "ticket_get", id=ticket)


def wait(world, minutes):
    world.call("clock_wait", {"minutes": minutes})


def test_the_example_is_short():
    lines = sum(len(path.read_text().splitlines()) for path in FOLDER.iterdir() if path.is_file())
    assert lines < 150


def test_a_new_ticket_is_open_and_nobodys(world):
    made = ok(world, "ticket_create", subject="No heating", customer=1)
    assert (made["status"], made["priority"], "assignee" in made) == ("open", "normal", False)
    assert made["id"].startswith("T-")


def test_the_customers_contact_gets_the_answer_by_mail_when_a_ticket_is_solved(world, ticket):
    ok(world, "ticket_solve", id=ticket, answer="A new battery is on its way.")
    assert state(world, ticket)["status"] == "solved"
    assert ok(world, "comment_list", ticket=ticket)["comments"][0]["body"] == "A new battery is on its way."
    mine = world.call("mail_search", {"subject": "The van does not start"}, actor=3).result
    assert mine.text.startswith("1 found")
    row = "SELECT subject,owner_id FROM mail_message WHERE subject LIKE '%van%' ORDER BY id"
    assert [owner for _, owner in world.connection.execute(row)] == [1, 3]


def test_only_the_assignee_solves_a_ticket_and_only_an_open_one(world, ticket):
    ok(world, "ticket_assign", id=ticket, agent=world.persons()[2].email)
    assert error(world, "ticket_solve", id=ticket, answer="x") == "forbidden"
    ok(world, "ticket_assign", id=ticket, agent=world.persons()[1].email)
    ok(world, "ticket_solve", id=ticket, answer="x")
    assert error(world, "ticket_solve", id=ticket, answer="x") == "conflict"
    assert len(ok(world, "comment_list", ticket=ticket)["comments"]) == 1


def test_a_solved_ticket_closes_after_three_days_unless_it_was_opened_again(world, ticket):
    ok(world, "ticket_solve", id=ticket, answer="x")
    wait(world, 2 * DAY)
    ok(world, "ticket_reopen", id=ticket)
    ok(world, "ticket_solve", id=ticket, answer="y")
    wait(world, 2 * DAY)  # three days after the first time it was solved, not after the second
    assert state(world, ticket)["status"] == "solved"
    wait(world, DAY)
    assert state(world, ticket)["status"] == "closed"
    assert error(world, "ticket_reopen", id=ticket) == "conflict"


def test_an_escalated_ticket_is_breached_after_four_hours_unless_it_was_solved(world, ticket):
    other = ok(world, "ticket_create", subject="The gate is open", customer=1)["id"]
    for one in (ticket, other):
        ok(world, "ticket_escalate", id=one)
    assert state(world, ticket)["priority"] == "urgent"
    ok(world, "ticket_solve", id=ticket, answer="x")
    wait(world, 4 * HOUR + 1)
    assert [state(world, one)["breached"] for one in (ticket, other)] == [False, True]
    assert error(world, "ticket_escalate", id=other) == "conflict"


def test_a_macro_is_a_reply(world, ticket):
    ok(world, "ticket_reply", id=ticket, macro=1)
    assert state(world, ticket)["status"] == "pending"
    assert ok(world, "comment_list", ticket=ticket)["comments"][0]["body"].startswith("Please switch it off")


def test_a_merged_ticket_is_closed_and_the_other_says_so(world, ticket):
    other = ok(world, "ticket_create", subject="The van again", customer=1)["id"]
    ok(world, "ticket_merge", id=other, into=ticket)
    merged = state(world, other)
    assert (merged["status"], merged["merged_into"]) == ("closed", ticket)
    assert ok(world, "comment_list", ticket=ticket)["comments"][0]["internal"]
    assert error(world, "ticket_merge", id=other, into=ticket) == "conflict"
    refused = world.call("helpdesk_ticket_merge", {"id": ticket, "into": other}).result
    assert (refused.error, refused.text.endswith(f"itself merged into {ticket}")) == ("conflict", True)
    assert error(world, "ticket_merge", id=ticket, into=ticket) == "invalid"


def test_a_customer_with_tickets_stays(world, ticket):
    customer = state(world, ticket)["customer"]
    assert error(world, "customer_delete", id=customer) == "conflict"


def test_the_first_rows_tell_a_plausible_story(world):
    page = ok(world, "ticket_list", page_size=100)["tickets"]
    assert len(page) == 60
    assert {one["status"] for one in page} == {"open", "pending", "solved", "closed"}
    assert len({one["subject"] for one in page}) == 60
    assert ok(world, "macro_list")["macros"][0]["name"] == "Restart"


async def test_its_pages_and_its_api_show_the_same(world, ticket):
    page = await request(world, "GET", "/helpdesk/ticket")
    assert page.status == 200
    assert "The van does not start" in page.text
    answer = await request(world, "GET", f"/helpdesk/api/tickets/{ticket}")
    assert answer.status == 200
    assert '"subject":"The van does not start"' in answer.text.replace('": "', '":"')
