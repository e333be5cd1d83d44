"""What a candidate prints in place of a report is the candidate's doing: a problem on record, never an exception."""

from __future__ import annotations

import pytest

from factory.repos.harness import parse_run
from sandboxes.base import ExecResult


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 200_000,
        b'{"collected":[],"phases":[],"where":{},"errors":[],"exit":1e999}',
        b'{"collected":1,"phases":[],"where":{},"errors":[],"exit":0}',
        b'{"collected":[],"phases":[["a"]],"where":{},"errors":[],"exit":0}',
        b"{}",
        b"null",
        b"\xff\xfe",
        b"",
    ],
)
def test_no_report_that_a_candidate_can_print_makes_the_grader_fail(line: bytes) -> None:
    assert parse_run(ExecResult(0, line, b"")).problem
