"""Generated tasks through the pages: every oracle gets there, and an audit of a world of pages says so."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from generated_world import built, spec

from app_clones.declared.engine import declared
from app_clones.declared.load import parse_decl
from app_clones.declared.model import AppDecl
from factory.environment import Action
from factory.errors import BuildError
from factory.worlds.at_once import at_once
from factory.worlds.certify import Auditor, walk_faults, walked_reward
from factory.worlds.generated.diversity import kind_of
from factory.worlds.generated.kinds import KINDS
from factory.worlds.generated.paging import elements


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return built(tmp_path_factory.mktemp("club"), spec(per_template=3, max_steps=24))[2]


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if not kind.faulty])
def test_the_oracle_of_every_kind_finds_its_way_through_the_pages(suite, kind):
    tasks = [task for task in suite.tasks.values() if kind_of(task.template) == kind]
    assert tasks
    for task in tasks:
        assert walk_faults(suite, task) == [], task.instruction
        assert all(not action.name.startswith("club_") for action in suite.walk(task))


ATLAS = """
app: atlas
title: Atlas
entities:
  country:
    key: {form: given, wire: null, path: name}
    fields: {title: {required: true}}
    operations: [list, get]
    given: [{slug: a, title: Aland}, {slug: b, title: Beland}]
  city:
    parent: country
    key: {form: given, wire: null, path: name}
    fields:
      country: {type: ref, to: country, required: true, hidden: true}
      size: {type: integer, min: 1, max: 9}
    operations: [list, get]
    given: [{country: a, slug: new}, {country: a, slug: old}, {country: b, slug: new}, {country: b, slug: old}]
  street:
    parent: city
    key: {form: given, wire: null, path: name}
    fields:
      city: {type: ref, to: city, required: true, hidden: true}
      title: {required: true}
      length: {type: integer, min: 1, max: 900}
    operations: [list, get, create, update, delete]
    rows: 3
"""


def test_rows_that_are_called_alike_under_others_are_told_apart_in_a_select(tmp_path):
    app = declared(parse_decl(ATLAS, "atlas"))
    asked = spec(per_template=4, max_steps=24, templates=("create", "move"))
    suite = built(tmp_path, asked.model_copy(update={"apps": {"atlas": {}}}), app)[2]
    assert {kind_of(task.template) for task in suite.tasks.values()} == {"create", "move"}
    for task in suite.tasks.values():
        assert walk_faults(suite, task) == [], task.instruction


BOX = """
app: box
title: Box
entities:
  label:
    parent: person
    fields:
      person: {type: ref, to: person, required: true, hidden: true}
      title: {required: true}
    operations: [list, get, create, update, delete]
    rows: 3
"""


def test_people_are_chosen_by_their_address(tmp_path):
    app = declared(parse_decl(BOX, "box"))
    asked = spec(per_template=2, max_steps=24, templates=("create",))
    suite = built(tmp_path, asked.model_copy(update={"apps": {"box": {}}}), app)[2]
    assert suite.tasks
    for task in suite.tasks.values():
        assert walk_faults(suite, task) == [], task.instruction


def test_a_world_of_pages_is_certified_by_walking_them(suite):
    task = next(task for task in suite.tasks.values() if task.template == "club.find_update.player")
    pages = replace(suite, view="browser")
    assert Auditor(pages).certify(task)[0].ok
    hasty = replace(task, max_steps=3)
    certificate, _ = Auditor(replace(pages, tasks={**pages.tasks, task.id: hasty})).certify(hasty)
    assert not certificate.ok
    assert any("steps of 3" in survivor for survivor in certificate.survivors)


async def test_the_oracle_takes_over_in_the_middle_of_an_episode_and_within_a_loop(suite):
    pages = replace(suite, view="browser")
    task = next(task for task in suite.tasks.values() if task.template == "club.act.booking_confirm")
    way = suite.walk(task)
    assert tuple(pages.oracle(task, way[:2])) == way[2:]
    strayed = [Action("browser_navigate", {"url": "/club/team"}), Action("browser_click", {"ref": "nonsense"})]
    rest = pages.oracle(task, strayed)
    environment = pages.fork(task)
    await environment.open()
    for action in (*strayed, *rest):
        await environment.step(action)
    assert (await environment.verdict()).reward == 1.0
    await environment.close()


def test_what_the_pages_do_not_offer_is_said_so(suite):
    with pytest.raises(BuildError, match="by pictures alone"):
        replace(suite, view="pixels").oracle(next(iter(suite.tasks.values())))


SCHOOL = """
app: school
title: School
entities:
  pupil:
    fields: {name: {required: true}, house: {type: enum, values: [oak, elm, ash]}, motto: {}}
    operations: [list, get, update, delete]
    rows: 12
  settings:
    parent: pupil
    singleton: true
    fields: {pupil: {type: ref, to: pupil, required: true, on_delete: cascade}, language: {}}
    operations: [get, update]
"""


def test_a_row_is_edited_by_its_own_link_though_what_stands_below_it_has_one_too(tmp_path):
    school = spec(per_template=4, templates=("find_update",), max_steps=24)
    of = school.model_copy(update={"name": "school", "apps": {"school": {}}})
    suite = built(tmp_path, of, declared(parse_decl(SCHOOL, "school.yaml")))[2]
    tasks = [task for task in suite.tasks.values() if task.template == "school.find_update.pupil"]
    assert tasks
    for task in tasks:
        assert walk_faults(suite, task) == [], task.instruction


def test_a_field_that_a_long_form_folds_away_is_unfolded_first(tmp_path):
    fields = {"name": {"required": True}} | {f"note_{n}": {} for n in range(16)}
    last = {"house": {"type": "enum", "values": ["oak", "elm", "ash"]}}
    decl = {"app": "school", "title": "School", "entities": {"pupil": {
        "fields": fields | last, "operations": ["list", "get", "create", "update", "delete"], "rows": 12}}}  # fmt: skip
    school = spec(per_template=8, templates=("create",), max_steps=24)
    of = school.model_copy(update={"name": "school", "apps": {"school": {}}})
    suite = built(tmp_path, of, declared(AppDecl.model_validate(decl)))[2]
    ways = {task.id: suite.walk(task) for task in suite.tasks.values()}
    assert any("More fields" in str(action.arguments) for way in ways.values() for action in way)
    assert [task.instruction for task in suite.tasks.values() if walk_faults(suite, task)] == []


def test_another_row_in_the_pages_earns_nothing(suite):
    task = next(task for task in suite.tasks.values() if task.template == "club.find_update.team")
    other = next(one for one in suite.tasks.values() if one.template == "club.find_update.player")
    assert walked_reward(suite, task, suite.walk(other)) == 0.0


def test_elements_are_read_off_a_snapshot_whatever_stands_in_their_names():
    shown = """
- link "Say \\"yes\\"" [ref=e1] [cursor=pointer]:
  - /url: /club/team/1
- 'button "Retire: it''s time" [ref=e2]'
- textbox "Name" [ref=e3]: held
- text: no element
"""
    found = list(elements(shown))
    assert [(one.role, one.name, one.ref, one.url) for one in found] == [
        ("link", 'Say "yes"', "e1", "/club/team/1"),
        ("button", "Retire: it's time", "e2", ""),
        ("textbox", "Name", "e3", ""),
    ]


def test_what_waits_is_not_done_at_once():
    with pytest.raises(BuildError, match="waits for something outside"):
        at_once(asyncio.sleep(0))
