"""What of an agent's work tree is graded, what is dropped, what is refused; and what a run's report has to be."""

from __future__ import annotations

import json

import pytest

from factory.repos.harness import parse_run
from factory.repos.source import SourceTree
from factory.repos.submission import MAX_FILE, Submission, collect
from sandboxes.base import ExecResult
from sandboxes.layers import Entry

TREE = SourceTree({"src/box/__init__.py": b"a = 1\n", "src/box/old.py": b"", "README": b""}, {}, "src", "src/box")
INIT = "work/src/box/__init__.py"


def left(*layers):
    return collect(TREE, layers)


def test_changed_new_and_deleted_sources_count():
    found = left(
        [
            Entry(INIT, data=b"a = 2\n"),
            Entry("work/src/box/new.py", data=b"n\n"),
            Entry("work/src/box/old.py", "whiteout"),
        ]
    )
    assert found.files == {"src/box/__init__.py": "a = 2\n", "src/box/new.py": "n\n", "src/box/old.py": None}
    assert not found.refused


BROKEN = [Entry(INIT, data=b"a = broken\n")]


@pytest.mark.parametrize(
    "layer",
    [
        [Entry("work/src", "whiteout")],
        [Entry("work/src/box", "whiteout")],
        [Entry("work/src", "dir"), Entry("work/src", "opaque")],
        [Entry("work/src/box", "dir"), Entry("work/src/box", "opaque")],
        [Entry(INIT, "whiteout"), Entry("work/src/box/old.py", "whiteout")],
        [Entry(INIT, "dir"), Entry("work/src/box/old.py", "dir")],
    ],
)
def test_a_source_that_is_gone_with_a_folder_above_it_is_deleted_not_as_it_was(layer):
    assert left(BROKEN, layer).files == {"src/box/__init__.py": None, "src/box/old.py": None}


@pytest.mark.parametrize("folder", ["work/src", "work/src/box"])
@pytest.mark.parametrize("kind", ["link", "fifo", "file"])
def test_what_lies_in_place_of_the_sources_folder_is_refused(folder, kind):
    entry = Entry(folder, kind, target="/tmp/elsewhere" if kind == "link" else "")
    found = left(BROKEN, [entry])
    assert not found.files
    assert "not a folder of sources" in found.refused


def test_a_folder_made_anew_holds_what_is_put_into_it_and_nothing_else():
    layer = [Entry("work/src/box", "dir"), Entry("work/src/box", "opaque"), Entry("work/src/box/new.py", data=b"n\n")]
    assert left(BROKEN, layer).files == {"src/box/__init__.py": None, "src/box/old.py": None, "src/box/new.py": "n\n"}


def test_a_source_put_back_as_it_was_is_no_change():
    assert left([Entry(INIT, data=b"broken")], [Entry(INIT, data=b"a = 1\n")]).files == {}


@pytest.mark.parametrize(
    "path",
    [
        "work/conftest.py", "work/src/box/conftest.py", "work/src/sitecustomize.py", "work/src/json.py",
        "work/tests/test_x.py",
        "work/src/box/tests/test_x.py", "work/src/box/test_x.py", "work/src/box/data.pth", "work/src/box/x.so",
        "work/src/box/__pycache__/__init__.cpython-311.pyc", "work/pytest.ini", "work/pyproject.toml",
        "work/report.xml",
    ],
)  # fmt: skip
def test_what_is_no_source_of_the_package_never_reaches_grading(path):
    found = left([Entry(path, data=b"1/0")])
    assert found.files == {}
    assert found.dropped == (path.removeprefix("work/"),)


def test_what_lies_outside_the_work_tree_is_not_even_looked_at():
    assert left([Entry("usr/lib/python3/dist-packages/pytest/__init__.py", data=b"x")]) == Submission()


@pytest.mark.parametrize(
    "entry",
    [
        Entry(INIT, "link", target="/work/tests/test_box.py"),
        Entry(INIT, "link", target="work/src/box/old.py"),
        Entry(INIT, "fifo"),
        Entry(INIT, data=b"#" * (MAX_FILE + 1)),
        Entry(INIT, "hardlink", target="work/gone"),
    ],
)
def test_a_source_that_is_no_plain_file_of_a_sane_size_is_refused(entry):
    found = left([entry])
    assert found.refused
    assert found.files == {}


def test_a_flood_of_sources_is_refused():
    assert left([Entry(f"work/src/box/m{n}.py", data=b"x") for n in range(500)]).refused


def test_a_deleted_folder_hides_what_a_lower_layer_put_in_it():
    found = left([Entry("work/src/box/sub/a.py", data=b"x")], [Entry("work/src/box/sub", "whiteout")])
    assert "src/box/sub/a.py" not in found.files


def test_equal_submissions_have_equal_digests_and_others_do_not():
    one = Submission({"a.py": "1", "b.py": None})
    assert one.digest == Submission({"b.py": None, "a.py": "1"}).digest
    assert one.digest != Submission({"a.py": "1", "b.py": ""}).digest


# ---- reports

GOOD = {
    "exit": 0,
    "collected": ["t::a"],
    "phases": [["t::a", "setup", "passed"], ["t::a", "call", "passed"], ["t::a", "teardown", "passed"]],
    "errors": [],
    "where": {},
}


def ended(data, *, exit_code=0, stopped=None):
    out = data if isinstance(data, bytes) else json.dumps(data).encode() + b"\n"
    return parse_run(ExecResult(exit_code, out, b"", stopped))


def test_a_whole_report_is_read():
    report = ended(GOOD)
    assert (report.problem, dict(report.outcomes), report.failed) == ("", {"t::a": "passed"}, ())


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (b"", {}),
        (b"=== 1 passed ===\n", {}),
        (json.dumps(GOOD).encode() * 2, {}),
        (json.dumps(GOOD).encode() + b"\n" + json.dumps(GOOD).encode() + b"\n", {}),
        (b"[]\n", {}),
        ({**GOOD, "phases": [["t::a"]]}, {}),
        ({**GOOD, "collected": ["t::a", "t::a"]}, {}),
        ({**GOOD, "collected": []}, {}),
        ({**GOOD, "collected": ["t::a", "t::b"]}, {}),
        ({**GOOD, "errors": ["t: failed"]}, {}),
        ({**GOOD, "exit": 5}, {"exit_code": 5}),
        (GOOD, {"exit_code": 1}),
        ({**GOOD, "exit": 1}, {"exit_code": 1}),
        (GOOD, {"stopped": "time"}),
    ],
)
def test_a_report_that_does_not_hang_together_is_none(data, options):
    assert ended(data, **options).problem


@pytest.mark.parametrize(
    ("phases", "outcome"),
    [
        ([["t::a", "setup", "passed"], ["t::a", "call", "skipped"], ["t::a", "teardown", "passed"]], "skipped"),
        ([["t::a", "setup", "passed"], ["t::a", "call", "xfail"], ["t::a", "teardown", "passed"]], "xfail"),
        ([["t::a", "setup", "passed"], ["t::a", "call", "passed"], ["t::a", "teardown", "failed"]], "failed"),
        ([["t::a", "call", "passed"]], "odd"),
        ([["t::a", "setup", "passed"], ["t::a", "teardown", "passed"]], "odd"),
    ],
)
def test_only_a_test_all_of_whose_phases_passed_has_passed(phases, outcome):
    code = int(outcome == "failed")
    assert ended({**GOOD, "phases": phases, "exit": code}, exit_code=code).outcomes["t::a"] == outcome
