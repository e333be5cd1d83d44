"""One app's tasks certified in one go: what \"make apps\" asks of every declaration."""

from __future__ import annotations

import pytest
from generated_world import club
from small_world import ROOT

from app_clones.declared.load import load_decl
from app_clones.declared.model import AppDecl
from app_clones.kit.faults import KINDS
from factory.apps import find_app
from factory.environment import Tally, TaskCertificate
from factory.worlds.generated.certify import cause, certify_app, is_held_out

DESK = AppDecl.model_validate(
    {
        "app": "desk",
        "title": "Desk",
        "entities": {
            "ticket": {
                "fields": {"title": {"required": True}, "weight": {"type": "integer"}},
                "operations": ["list", "get", "create", "update", "delete"],
                "rows": 12,
            }
        },
    }
)


def test_tasks_over_all_kinds_are_drawn_and_certified():
    found = certify_app(club().decl, 7, most=24)
    assert found.drawn == found.certified >= 24
    assert found.causes == found.failures == {}
    assert len(found.templates) >= 10
    assert found.walked == found.walks >= 10
    assert found.near_misses >= 10 * found.certified
    assert found.diversity["tasks"] == found.diversity["instructions"] == found.certified


def test_some_tasks_are_to_recover_from_faults_of_the_app_and_faults_of_every_kind_are_met():
    met = set()
    for seed in range(8):
        found = certify_app(DESK, seed, most=10)
        assert found.certified == found.drawn == 10
        met |= found.faults.keys()
    assert met == set(KINDS)


def test_an_app_that_is_held_out_has_held_out_tasks_alone():
    found = certify_app(club().decl, 7, most=6, heldout=True)
    assert found.heldout == found.certified >= 6


def test_apps_written_by_hand_with_behaviours_are_certified_alike():
    found = certify_app(find_app("helpdesk", "specs/apps/helpdesk", ROOT), 7, most=20)
    assert found.certified == found.drawn >= 20


@pytest.mark.parametrize("rows", [6])
def test_an_api_of_resource_names_and_operations_that_take_time_has_tasks(rows):
    decl = load_decl(ROOT / "tests" / "app_clones" / "engine" / "cloud.yaml")
    more = {name: decl.entities[name].model_copy(update={"rows": rows}) for name in ("topic", "subscription")}
    decl = decl.model_copy(update={"entities": {**decl.entities, **more}})
    found = certify_app(decl, 7, most=24)
    assert found.certified == found.drawn >= 20
    assert {"act", "chain", "create", "if_allowed"} <= set(found.templates)


def test_apps_without_rows_or_operations_have_no_tasks_and_that_is_no_error():
    decl = load_decl(ROOT / "tests" / "app_clones" / "engine" / "cloud.yaml")
    assert certify_app(decl.model_copy(update={"operations": {}}), 7).drawn == 0


def test_one_app_in_five_is_held_out_and_always_the_same():
    held = [name for name in (f"app{n}" for n in range(200)) if is_held_out(name)]
    assert 20 <= len(held) <= 60
    assert held == [name for name in held if is_held_out(name)]


def test_causes_leave_out_what_is_a_tasks_own():
    def failed(*survivors):
        tallies = (Tally(3, 3), 0, Tally(0, 0), Tally(0, 0), 0, 0)
        return TaskCertificate("x/x.create.row/t0001", 0.0, 0.0, *tallies, survivors=survivors)

    one, other = failed("the oracle's x failed: no row 'a1'"), failed("the oracle's x failed: no row 'b2'")
    assert cause(one) == cause(other)
    assert cause(failed()) == "create: oracle 0, no-op 0, near misses 3"
