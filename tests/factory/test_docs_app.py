"""The docs app: what it says of other apps, and that honest agents read it where a world has it."""

import pytest
from generated_world import club, spec

from app_clones.docs.app import page, pages
from factory.apps import find_app, found_of
from factory.store import Store
from factory.worlds.certify import Auditor
from factory.worlds.suite import build_found, load


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    of = spec(per_template=2, templates=("create", "find_update", "filter_delete"))
    of = of.model_copy(update={"apps": {"docs": {}, "club": {}}})
    store = Store(tmp_path_factory.mktemp("documented"))
    return load(build_found(of, (find_app("docs"), found_of(club())), store), store)


def test_a_page_tells_tools_that_are_there_and_arguments_that_they_take(suite):
    specs = {tool.name: tool for tool in suite.tools}
    ready = club()
    for name in ready.decl.entities:
        for line in page(ready, name).splitlines()[1:]:
            kind, _, rest = line.partition(" ")
            if kind in ("list", "get", "create", "update", "delete") and rest.startswith("club_"):
                tool, *arguments = rest.split()
                known = specs[tool].parameters["properties"]
                assert {one.partition("=")[0] for one in arguments} <= set(known)


def test_a_page_tells_of_an_argument_what_goes_there_and_calls_name_arguments_in_its_order(suite):
    for task in suite.tasks.values():
        for action in suite.oracle(task):
            told = [line.split() for about in club().decl.entities for line in page(club(), about).splitlines()]
            for line in (line for line in told if action.name in line):
                forms = dict(one.partition("=")[::2] for one in line[2:])
                given = [name for name in action.arguments if name in forms]
                assert given == [name for name in forms if name in given]
                assert all((forms[name] == "{}") == isinstance(action.arguments[name], dict) for name in given)


def test_one_and_several_of_a_kind_lead_to_its_page_and_unknown_kinds_to_none(suite):
    with suite.fork_world() as world:
        ready = club()
        for name in ready.decl.entities:
            noun = page(ready, name).splitlines()[0].removeprefix("Club: ")
            assert page(ready, name) in world.call("docs_find", {"about": noun}).result.text
        assert world.call("docs_find", {"about": "zeppelin"}).result.error == "not_found"


def test_it_has_a_page_for_every_entity_of_every_declared_app(suite):
    assert pages(suite.apps) == [page(club(), name) for name in club().decl.entities]


def test_the_oracle_reads_up_on_what_it_deals_with_before_all_else(suite):
    for task in suite.tasks.values():
        first, *others = suite.oracle(task)
        assert first.name == "docs_find"
        assert first.arguments["about"] in task.instruction.lower()
        assert any(action.name.startswith("club_") for action in others)


def test_tasks_of_a_documented_world_are_certified(suite):
    auditor = Auditor(suite)
    for task in suite.tasks.values():
        certificate, _ = auditor.certify(task)
        assert certificate.ok, (task.instruction, certificate)


def test_looking_things_up_changes_nothing(suite):
    assert not suite.writes("docs_find")
