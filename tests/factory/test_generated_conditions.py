"""Tasks around conditions that compare: generator, verifier and app agree on what policy forbids."""

from __future__ import annotations

import pytest
from generated_world import built, spec

from app_clones.declared.engine import declared
from app_clones.declared.load import parse_decl
from app_clones.kit.world import World
from factory.worlds.certify import Auditor
from factory.worlds.generated.diversity import kind_of
from factory.worlds.generated.family import plan_of

DEPOT = """\
app: depot
title: Depot
entities:
  firm:
    fields:
      name: {required: true, seed: company}
      credit: {type: integer, min: 0, max: 9, required: true}
    unique: [[name]]
    operations: [list, get]
    rows: 8
  crate:
    fields:
      name: {required: true, seed: place}
      firm: {type: ref, to: firm, required: true}
      stock: {type: integer, min: 0, max: 9, required: true}
      keeper: {type: ref, to: person}
      sold: {type: boolean, default: false, readonly: true}
      to: {type: ref, to: firm, readonly: true}
    unique: [[name]]
    operations: [list, get, delete]
    rows: 40
operations:
  crate_sell:
    about: Sells a crate to a firm.
    entity: crate
    params:
      count: {type: integer, min: 1, max: 9, required: true}
      to: {type: ref, to: firm, required: true}
    require:
      - {that: $row.stock, compare: ge, value: $count, refusal: "only {row.stock} are left"}
      - {that: $row.firm.credit, compare: gt, value: 1, error: forbidden}
      - {that: $to, compare: ne, value: $row.firm, error: invalid}
      - {that: $row.keeper, compare: ne, value: null}
    set: {sold: true, to: $to}
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    app = declared(parse_decl(DEPOT, "depot.yaml"))
    asked = spec(per_template=12, templates=("act", "if_allowed")).model_copy(update={"apps": {"depot": {}}})
    return built(tmp_path_factory.mktemp("depot"), asked, app)[2]


def deeds(suite):
    for task in suite.tasks.values():
        (deed,) = plan_of(task).deeds
        if deed.operation == "crate_sell":
            yield task, deed


def test_such_tasks_are_drawn_both_to_be_done_and_to_be_left(suite):
    found = {(kind_of(task.template), plan_of(task).act) for task, _ in deeds(suite)}
    assert found == {("act", True), ("if_allowed", True), ("if_allowed", False)}


def test_generator_and_app_agree_on_what_is_forbidden(suite):
    for task, deed in deeds(suite):
        count, to = deed.inputs
        given = {"id": deed.target.id, "count": count.value, "to": to.row.id}
        with World.fork(suite.snapshot, suite.apps) as world:
            assert (world.call("depot_crate_sell", given).result.error is None) == plan_of(task).act, task


def test_they_are_certified(suite):
    auditor = Auditor(suite)
    for task, _ in deeds(suite):
        certificate, _ = auditor.certify(task)
        assert certificate.ok, (task.instruction, certificate)
