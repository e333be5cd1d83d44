"""Walks in two browsers at once: a small run says all is the same, and what is planted in one of them is found."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

import pytest

from app_clones.browser import walk
from app_clones.browser.chromium import chromium
from app_clones.browser.dom import DomBrowser
from app_clones.browser.web import WorldSite
from factory import walks
from factory.apps import find_app
from factory.environment import Verdict
from factory.places import CHILDREN, PARENTS, ROWS, compiled, place

STEPS = 60


@pytest.fixture(scope="module")
def small():
    return compiled("cloudtasks:v2beta3")


@pytest.fixture(scope="module")
def mail():
    return place("mail", find_app("mail"), find_app("notes"))


async def test_a_small_run_over_mail_and_a_compiled_app_says_that_all_is_the_same(mail, small):
    report = await walks.walks([mail, small], STEPS, seed=3)
    assert report["findings"] == []
    assert (report["same"], report["differ"]) == (report["steps"], 0)
    assert report["steps"] == report["random"]["steps"] + report["oracle"]["steps"] == sum(report["by_place"].values())
    assert report["random"]["steps"] == STEPS * 3 // 4
    assert report["oracle"]["steps"] >= STEPS // 4
    assert report["tasks"] >= 1
    assert (report["places"], set(report["by_place"])) == (2, {"mail", "cloudtasks:v2beta3"})
    assert report["median_nodes"] > 0 < report["median_lines"]
    assert report["chromium"].split(".")[0].isdigit()
    assert json.loads(json.dumps(report)) == report


class Lossy(DomBrowser):
    """A driver that leaves a line out, where there is one that says so."""

    async def snapshot(self):
        lines = (await super().snapshot()).split("\n")
        return "\n".join(line for line in lines if 'button "Apply"' not in line)


async def test_a_line_that_one_driver_leaves_out_is_found_where_it_first_does(monkeypatch, small):
    monkeypatch.setattr(walk, "DomBrowser", Lossy)
    monkeypatch.setattr(walk, "draw", script("/cloudtasksv2beta3/queue", "/cloudtasksv2beta3/"))
    async with chromium() as process:
        done = await walk.walk(process, small.snapshot, small.apps, ["/cloudtasksv2beta3/"], steps=5, seed=1)
    (finding,) = done.findings
    assert (finding.step, finding.what, done.steps) == (1, "snapshot", 2)
    assert finding.action == "navigate('/cloudtasksv2beta3/queue',)"
    assert any(line.startswith("-") and 'button "Apply"' in line for line in finding.difference.split("\n"))


async def test_a_row_that_changes_in_one_world_is_found_by_state_and_page_where_it_does(monkeypatch, small):
    class Meddled(WorldSite):
        async def ask(self, method, path, headers, body):
            if path.endswith("/queue"):
                meddle(self.world)
            return await super().ask(method, path, headers, body)

    def meddle(world):
        with world.transaction() as call:
            call.update("cloudtasksv2beta3_queue", 1, state="RUNNING")

    monkeypatch.setattr(walk, "draw", script("/cloudtasksv2beta3/location", "/cloudtasksv2beta3/queue"))
    with small.suite.fork_world() as one, small.suite.fork_world() as other:
        async with chromium() as process:
            pair = walk.Pair(DomBrowser(WorldSite(one)), await process.open(Meddled(other)), one, other)
            done = await walk.follow(pair, Random(1), ["/cloudtasksv2beta3/"], 9)
    assert {finding.step for finding in done.findings} == {2}
    assert {finding.what for finding in done.findings} == {"digest", "snapshot"}


async def test_an_oracle_whose_form_is_lost_in_one_browser_is_found_and_told(monkeypatch, small):
    class Deaf(WorldSite):
        async def ask(self, method, path, headers, body):
            return await super().ask("GET", path, headers, b"")

    monkeypatch.setattr(walks, "WorldSite", Deaf)
    making = next(task for task in small.suite.tasks.values() if ".create.queue" in task.id)
    alone = replace(small, suite=replace(small.suite, tasks={making.id: making}))
    report = await walks.walks([alone], 8, seed=1)
    assert report["random"]["differ"] == 0
    assert report["oracle"]["differ"] >= 1
    first = report["findings"][0]
    assert (first["kind"], first["source"], first["place"]) == ("oracle", making.id, "cloudtasks:v2beta3")
    assert first["action"].startswith("browser_click")
    assert "digest" in {one["what"] for one in report["findings"]}
    assert list(walks.faults(report)) != []


async def test_tasks_whose_oracle_does_not_get_there_are_left_out_with_the_reason(small):
    def never(suite, task, world):
        return Verdict(0.0, ())

    hard = replace(small, suite=replace(small.suite, judging=never))
    report = await walks.walks([hard], 8, seed=1)
    assert (report["random"]["steps"], report["oracle"]["steps"]) == (6, 0)
    assert set(report["tasks_left_out"]) == set(small.suite.tasks)
    assert "through the pages the oracle earned 0" in report["tasks_left_out"].values()


@pytest.mark.parametrize(
    ("report", "told"),
    [
        ({"differ": 0, "median_nodes": 250}, []),
        ({"differ": 2, "median_nodes": 250}, ["2 steps differ"]),
        ({"differ": 0, "median_nodes": 249.5}, ["249.5 nodes in the median, not 250"]),
    ],
)
def test_a_run_falls_short_where_steps_differ_or_pages_are_small(report, told):
    found = list(walks.faults(report))
    assert len(found) == len(told)
    assert all(part in one for part, one in zip(told, found, strict=True))


def test_a_place_has_more_rows_of_each_collection_than_its_page_shows(small):
    with small.suite.fork_world() as world:
        tables = [f"cloudtasksv2beta3_{name}" for name in ("location", "queue", "task", "operation")]
        counts = [world.connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables]
    assert min(counts) >= ROWS
    assert counts[0] >= PARENTS * CHILDREN // 2  # locations lie under projects, some more under one than under another


def script(*addresses):
    """Draws that go to each of these."""
    left = iter(addresses)
    return lambda rng, shown, starts: walk.Action("navigate", (next(left, starts[0]),))
