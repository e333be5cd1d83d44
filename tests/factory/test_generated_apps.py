"""Worlds of several apps, declared and written by hand: each has its tasks, and none is taken for another's."""

from __future__ import annotations

import pytest
from generated_world import club, spec
from small_world import ROOT

from factory.apps import find_app, found_of
from factory.spec import TemplateSpec
from factory.store import Store
from factory.worlds.certify import Auditor
from factory.worlds.suite import build_found, load


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    one = spec(per_template=1, templates=("find_update", "count", "act", "create"))
    tasks = one.tasks.model_copy(update={"templates": {"note": TemplateSpec(train=2), "label": TemplateSpec(train=2)}})
    apps = {"club": {}, "mail": {"messages": 60, "history": 1}, "notes": {}, "helpdesk": {}}
    of = one.model_copy(update={"apps": apps, "tasks": tasks})
    helpdesk = find_app("helpdesk", "specs/apps/helpdesk", ROOT)
    found = (found_of(club()), find_app("mail"), find_app("notes"), helpdesk)
    store = Store(tmp_path_factory.mktemp("several"))
    return load(build_found(of, found, store), store)


def test_every_app_has_tasks_and_all_are_certified(suite):
    auditor = Auditor(suite)
    assert {task.template.partition(".")[0] for task in suite.tasks.values()} == {"club", "helpdesk", "note", "label"}
    for task in suite.tasks.values():
        certificate, _ = auditor.certify(task)
        assert certificate.ok, (task.instruction, certificate)


def test_a_generated_task_says_which_app_it_means(suite):
    for task in suite.tasks.values():
        if "." in task.template:
            title = {"club": "Club", "helpdesk": "Help desk"}[task.template.partition(".")[0]]
            assert title in task.instruction


def test_effects_that_cross_into_another_app_are_no_part_of_tasks(suite):
    """Solving a ticket sends mail at once: what that leaves is for the mail to say, and no such task is drawn."""
    assert not any("ticket_solve" in task.template for task in suite.tasks.values())
