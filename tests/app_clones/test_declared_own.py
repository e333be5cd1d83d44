"""What a declaration says for Python that stands beside it: links, indexes, moments, sets of arguments, texts."""

from __future__ import annotations

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app_clones.declared import rows
from app_clones.declared.engine import Own, declared
from app_clones.declared.load import parse_decl
from app_clones.kit.app import Options
from app_clones.kit.asgi import request
from app_clones.kit.world import World

START_MS = 1_700_000_000_000

CLUB = """
app: club
title: Club
entities:
  member:
    fields:
      name: {required: true}
      city: {default: ""}
      motto: {type: text}
      joined_ms: {type: datetime, auto: moment}
    indexes: [[city, name]]
    words: {name: found, columns: {who: [name, city], said: [motto]}}
    operations: [list, get, create, delete]
  team:
    fields: {name: {required: true}}
    operations: [create, delete]
links:
  belongs: {member_id: member, team_id: team}
arguments:
  Pair:
    member: {type: integer, required: true}
    team: {type: integer, required: true, min: 1}
  One:
    member: {type: integer, required: true}
    weight: {type: number, default: 1.5, max: 9}
operations:
  join: {about: Puts a member into a team., takes: Pair, behaviour: join, fixed: {there: true}}
  leave: {about: Takes a member out of a team., takes: Pair, behaviour: join, fixed: {there: false}}
  teams:
    about: The teams of a member.
    takes: One
    behaviour: teams
    writes: false
    text:
      - "{count} teams {{of the club}}"
      - ""
      - {each: answer, line: "- {item}"}
  tell:
    about: What there is of a member.
    takes: One
    behaviour: tell
    writes: false
    text:
      - "{name} <{weight}>"
      - {when: city, line: "from {city}"}
      - {when: motto, line: "says {motto}"}
      - "teams: {teams}"
      - {each: rows, line: "{at}. {name}"}
"""


def join(act):
    pair = {"member_id": act.arguments["member"], "team_id": act.arguments["team"]}
    if act.plan.decl.fixed["there"]:
        act.call.put("club_belongs", **pair)
    else:
        act.call.delete("club_belongs", **pair)
    return "ok"


def teams(act):
    sql = "SELECT t.name FROM club_team t JOIN club_belongs b ON b.team_id=t.id WHERE b.member_id=? ORDER BY t.id"
    return [name for (name,) in act.call.rows(sql, act.arguments["member"])]


def tell(act):
    rows = [{"at": place, "name": name} for place, name in enumerate(teams(act), 1)]
    weight = act.arguments["weight"]
    return {"name": "{name}", "weight": weight, "city": "", "motto": "a\nb", "teams": teams(act), "rows": rows}


BEHAVIOURS = {"join": join, "teams": teams, "tell": tell}
READY = declared(parse_decl(CLUB, "club"), BEHAVIOURS)


@pytest.fixture(scope="module")
def snapshot():
    with World.build([READY.app()], seed=1, start_ms=START_MS, step_ms=1000, persons=2) as made:
        with made.transaction() as call:
            for name in ("Ana", "Bo"):
                READY.app().events["club.member_create"](call, {"name": name, "city": "Oslo", "motto": f"{name} rows"})
            for name in ("<red>", "blue"):
                READY.app().events["club.team_create"](call, {"name": name})
        return made.snapshot()


@pytest.fixture
def world(snapshot):
    with World.fork(snapshot, [READY.app()]) as fork:
        yield fork
        fork.check()


def test_where_there_are_sets_of_arguments_only_what_takes_one_is_a_tool():
    assert [operation.name for operation in READY.app().operations] == ["join", "leave", "teams", "tell"]


def test_arguments_of_a_set_are_read_as_pydantic_reads_them_and_every_mistake_is_told(world):
    assert world.call("club_join", {"member": "1", "team": 2}).result.text == "ok"
    assert world.call("club_join", {"team": 0, "x": 1}).result.text == (
        "error: club_join: member: Field required; team: Input should be greater than or equal to 1;"
        " x: Extra inputs are not permitted"
    )
    schema = next(o for o in READY.app().operations if o.name == "teams").params.model_json_schema()
    assert (schema["title"], schema["required"]) == ("One", ["member"])
    assert schema["properties"]["weight"] == {"default": 1.5, "maximum": 9.0, "title": "Weight", "type": "number"}


def test_one_behaviour_does_what_each_operation_tells_it(world):
    pair = {"member": 1, "team": 1}
    world.call("club_join", pair)
    assert world.connection.execute("SELECT * FROM club_belongs").fetchall() == [(1, 1)]
    world.call("club_leave", pair)
    assert world.connection.execute("SELECT * FROM club_belongs").fetchall() == []


def test_what_an_agent_reads_is_told_line_by_line(world):
    assert world.call("club_teams", {"member": 2}).result.text == "0 teams {of the club}\n"
    for team in (1, 2):
        world.call("club_join", {"member": 2, "team": team})
    result = world.call("club_teams", {"member": 2}).result
    assert (result.text, result.data) == ("2 teams {of the club}\n\n- <red>\n- blue", ["<red>", "blue"])
    text = world.call("club_tell", {"member": 2}).result.text
    assert text == "{name} <1.5>\nsays a\nb\nteams: <red>, blue\n1. <red>\n2. blue"


async def test_a_link_goes_with_either_of_the_rows_that_it_names(world):
    for member in (1, 2):
        for team in (1, 2):
            world.call("club_join", {"member": member, "team": team})
    assert (await request(world, "DELETE", "/club/api/members/1")).status == 204
    assert world.connection.execute("SELECT * FROM club_belongs").fetchall() == [(2, 1), (2, 2)]
    assert (await request(world, "DELETE", "/club/api/teams/1")).status == 204
    assert world.connection.execute("SELECT * FROM club_belongs").fetchall() == [(2, 2)]


async def test_an_index_of_several_columns_finds_words_in_each(world):
    def found(text):
        return world.connection.execute("SELECT rowid FROM club_found(?) ORDER BY rowid", (text,)).fetchall()

    assert found("who:oslo said:rows") == [(1,), (2,)]
    assert found("said:bo") == [(2,)]
    assert found("said:oslo") == []
    await request(world, "DELETE", "/club/api/members/2")
    assert found("said:bo") == []


def test_the_tables_have_the_indexes_that_are_declared():
    member, _, belongs = READY.app().tables
    assert member.indexes == (("city", "name"),)
    assert (belongs.key, belongs.indexes) == (("member_id", "team_id"), (("team_id", "member_id"),))


async def test_a_moment_is_the_clocks_unless_a_behaviour_tells_another(world):
    listed = (await request(world, "GET", "/club/api/members/1")).text
    assert '"joined_ms":"2023-11-14T22:13:20.000Z"' in listed
    made = (await request(world, "POST", "/club/api/members", body=b'{"name":"Cy","joined_ms":"2020-01-01"}')).status
    assert made == 400
    with world.transaction() as call:
        assert rows.insert(READY, call, "member", {"name": "Di", "joined_ms": 5})["joined_ms"] == 5
    kinds = {column.name: column.kind for column in READY.app().tables[0].columns}
    assert kinds["joined_ms"] == "time"


async def test_an_app_may_have_pages_and_first_rows_of_its_own():
    class Size(Options):
        teams: int = 2

    def populate(build, options):
        for number in range(options.teams):
            build.insert("club_team", name=f"team {number}")

    async def home(asked):
        return PlainTextResponse("our own page")

    own = Own(pages=lambda: [Route("/", home)], populate=populate, options=Size)
    app = declared(parse_decl(CLUB, "club"), BEHAVIOURS, own).app()
    options = {"club": {"teams": 3}}
    with World.build([app], seed=1, start_ms=START_MS, step_ms=1000, persons=2, options=options) as world:
        assert world.connection.execute("SELECT count(*) FROM club_team").fetchone() == (3,)
        assert (await request(world, "GET", "/club/")).text == "our own page"
        assert (await request(world, "GET", "/club/team")).status == 404
        assert (await request(world, "GET", "/club/api/members")).status == 200
