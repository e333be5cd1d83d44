"""The report of all API descriptions: made piece by piece, never of two codes at once, each failure with its cause."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from factory import fleet

TINY, NOWHERE = "acceleratedmobilepageurl:v1", "nowhere:v1"


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("apps")
    findings, now = fleet.run([TINY, NOWHERE], folder, workers=1)
    assert (len(findings), now) == (2, 2)
    return folder


def found(out, origin):
    return out / "found" / f"{origin.replace(':', '_')}.json"


def test_the_report_counts_what_was_found_and_lists_what_failed_by_cause(out):
    report = fleet.summary(fleet.run([TINY, NOWHERE], out, workers=1)[0])
    assert (report["documents"], report["compiled"], report["booted"]) == (2, 1, 1)
    assert report["methods"] == sum(report["verdicts"].values()) > 0
    assert report["schema_valid_share"] == 1.0
    [cause] = [one for one in report["causes"] if one.startswith("compile:")]
    assert "nowhere" in cause


def tasks(**figures):
    varied = dict.fromkeys(
        ("distinct_1", "distinct_2", "distinct_3", "template_entropy_bits", "template_evenness"), 0.5
    )
    nothing = {"certified": 1, "templates": {}, "faults": {}, "causes": {}}
    return {**nothing, "diversity": {**varied, "jaccard_distance": 0.75}, **figures}


def test_the_report_tells_which_kinds_of_tasks_and_of_faults_there_are_and_how_varied_they_are(out):
    one = json.loads(found(out, TINY).read_text())
    some = tasks(templates={"count": 3, "recover": 1}, faults={"error": 2})
    other = tasks(templates={"count": 1}, faults={"error": 1, "stale_page": 1})
    report = fleet.summary([{**one, "tasks": some}, {**one, "tasks": other}])
    assert report["tasks_by_kind"] == {"count": 4, "recover": 1}
    assert report["apps_by_kind"] == {"count": 2, "recover": 1}
    assert report["faults_met"] == {"error": 3, "stale_page": 1}
    assert report["diversity"]["jaccard_distance"] == {"median": 0.75, "p10": 0.75}


def test_a_run_that_was_cut_short_goes_on_where_it_stopped(out):
    before = found(out, TINY).stat().st_mtime_ns
    found(out, NOWHERE).unlink()
    assert fleet.run([TINY, NOWHERE], out, workers=1)[1] == 1
    assert found(out, TINY).stat().st_mtime_ns == before


def test_what_other_code_found_is_found_anew(out):
    kept = json.loads(found(out, TINY).read_text())
    found(out, TINY).write_text(json.dumps({**kept, "code": "0" * 64, "methods": 99}))
    findings, now = fleet.run([TINY], out, workers=1)
    assert (now, findings[0]["code"], findings[0]["methods"]) == (1, kept["code"], kept["methods"])


def test_an_app_that_takes_more_cpu_time_than_it_may_is_stopped_and_the_next_one_is_not():
    def spin(seconds):
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass

    with pytest.raises(fleet.OutOfBudget), fleet.budget(1):
        spin(30)
    with fleet.budget(5):
        spin(0.1)
    with pytest.raises(fleet.OutOfBudget), fleet.budget(1), suppress(Exception):  # as whoever serves a request does
        spin(30)


LONG = "compute:v1,aiplatform:v1"
"""Documents that take a minute."""


def dies_of(origin):
    if origin == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    return {"origin": origin}


def test_an_app_whose_process_is_killed_is_one_failure_among_the_others():
    findings = dict(fleet._examined(["one", "deadly", "two"], 1, dies_of))
    assert findings.keys() == {"one", "deadly", "two"}
    assert findings["deadly"]["causes"] == {"process": "its process was killed: out of memory?"}
    assert fleet.summary([findings["deadly"]])["causes"] == {"process: its process was killed: out of memory?": 1}


@pytest.mark.parametrize("after_s", [0, 0.02, 0.2, 2])
@pytest.mark.parametrize("send", [lambda pid: os.kill(pid, signal.SIGTERM), lambda pid: os.killpg(pid, signal.SIGINT)])
def test_a_run_that_is_interrupted_ends_at_once_and_says_in_one_line_that_it_can_go_on(tmp_path, send, after_s):
    command = [sys.executable, "-W", "ignore", "-m", "factory.fleet", "--out", str(tmp_path), "--only", LONG]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as made:
        while not (tmp_path / "found").exists():  # once it is there, it has begun
            time.sleep(0.01)
        time.sleep(after_s)
        send(made.pid)
        told = made.communicate()[1]
    assert (made.returncode, told) == (130, "interrupted: the same command goes on where it stopped\n")
    assert not list((tmp_path / "found").iterdir())
    while subprocess.run(["ps", "-o", "pid=", "-s", str(made.pid)], capture_output=True).stdout:
        time.sleep(0.01)  # a process that stayed would keep this waiting until pytest's own limit
