"""Canaries: which literals are taken, how they change, and what is held against a run."""

from __future__ import annotations

import pytest

from factory.repos.canaries import Canary, changed_files, draw, find_sites, validated
from factory.repos.harness import RunReport

TEST = """import unittest


class BoxTest(unittest.TestCase):
    def helper(self):
        self.assertEqual(box(), 5)

    def test_box(self):
        self.assertEqual(box(1, "in"), 19)
        self.assertEqual((0, "ax", None), box())
        self.assertTrue(box(7))
        self.assertNotEqual(box(), 3)


def test_plain():
    assert box(2) == {"k": [4]}
    assert 6 == box()
    assert box() != 8
"""
PATH = "tests/test_box.py"


def sites():
    return find_sites({PATH: TEST.encode(), "tests/data.txt": b"1"})


def test_only_expected_values_of_assertions_are_taken_and_keep_their_length():
    assert [(s.old, s.new) for s in sites()] == [
        ("19", "18"), ("0", "1"), ('"ax"', '"ay"'), ("4", "5"), ("6", "7"),
    ]  # fmt: skip
    assert {s.test for s in sites()} == {"BoxTest.test_box", "test_plain"}


def test_a_changed_file_has_the_size_of_the_real_one_and_differs_in_the_literal_only():
    texts = {PATH: TEST}
    for site in sites():
        changed = changed_files(texts, [site])[PATH]
        assert len(changed) == len(TEST)
        assert sum(a != b for a, b in zip(changed, TEST, strict=True)) == 1


def test_a_round_holds_one_site_of_each_test_and_all_rounds_differ():
    rounds = draw(sites(), seed=1, per_test=3)
    assert [len(r) for r in rounds] == [2, 2, 1]
    assert len({s.id for r in rounds for s in r}) == 5
    assert draw(sites(), seed=1, per_test=3) == rounds


def report(outcomes, where, problem=""):
    return RunReport(tuple(outcomes), outcomes, where, problem)


A, B = f"{PATH}::BoxTest::test_box", f"{PATH}::test_plain"
HOME = {A: (f"{PATH}:9", "AssertionError")}


def test_a_site_is_valid_only_where_its_own_assertion_failed():
    first = sites()[0]
    assert validated([first], report({A: "failed", B: "passed"}, HOME)) == [Canary(first, (A,))]
    for elsewhere in ((f"{PATH}:10", "AssertionError"), (f"{PATH}:9", "KeyError"), ("", "AssertionError")):
        assert validated([first], report({A: "failed", B: "passed"}, {A: elsewhere})) == []


@pytest.mark.parametrize(
    ("outcomes", "where", "problem", "says"),
    [
        ({A: "failed", B: "passed"}, HOME, "", ""),
        ({A: "passed", B: "passed"}, {}, "", "cannot pass"),
        ({A: "failed", B: "failed"}, HOME, "", "failed besides"),
        ({A: "failed", B: "skipped"}, HOME, "", "failed besides"),
        ({A: "failed", B: "passed"}, {A: (f"{PATH}:10", "AssertionError")}, "", "elsewhere"),
        ({A: "failed", B: "passed"}, {A: (f"{PATH}:9", "NotImplementedError")}, "", "elsewhere"),
        ({A: "failed", B: "passed"}, {}, "", "elsewhere"),
        ({}, {}, "no report", "no report"),
    ],
)
def test_a_canary_run_has_to_fail_exactly_there(outcomes, where, problem, says):
    found = Canary(sites()[0], (A,)).problem(report(outcomes, where, problem), [A, B])
    assert (says in found) if says else not found
