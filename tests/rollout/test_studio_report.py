"""The report page: what it must show, and that nothing an agent wrote can break out of it."""

from __future__ import annotations

import random

import pytest

from rollout.studio.report import StepView, TrajectoryView, render


@pytest.fixture
def report() -> dict:
    rng = random.Random(3)
    train = [
        {
            "split": "train",
            "rollouts": 256 * k,
            "success": min(1, 0.15 + 0.015 * k + rng.random() * 0.08),
            "stderr": 0.03,
        }
        for k in range(50)
    ]
    heldout = [
        {"split": "heldout", "rollouts": 256 * k, "success": min(0.93, 0.14 + 0.018 * k), "stderr": 0.03}
        for k in range(0, 51, 10)
    ]
    tally = {"n": 1200, "killed": 1200}
    certificate = {
        "tasks": 400, "oracle": 1.0, "noop": 0.0, "near_misses": tally, "mutants": {"n": 0, "killed": 0},
        "exploits": {"n": 0, "killed": 0}, "reruns_identical": True,
    }  # fmt: skip
    played = {"n": 12800, "distinct_start_digests": 1, "faults": 0, "per_second": 212.4}
    return {
        "run": "demo",
        "digests": {"mail": {"first": "ab" * 32, "again": "ab" * 32}},
        "certificates": {"mail": certificate},
        "rollouts": {"mail": played},
        "learning": {
            "heldout_success": {"warm_start": 0.17, "final": 0.91, "n": 600, "stderr": 0.012},
            "controls": {"shuffled_observations": 0.31, "best_blind": 0.42},
            "curve": train + heldout,
        },
        "replay": {"checked": 23, "identical": 23, "planted": {"step": 2, "found_step": 2}, "fork_reward": 1.0},
        "wall_s": 512.0,
    }


def trajectory(observation: str) -> TrajectoryView:
    step = StepView(
        'mail_search {"sender": "Ana"}', observation, None, ("mail_message 412: read 0 → 1",), "a" * 12, True
    )
    return TrajectoryView(
        "a failure", "f" * 24, "mail/label/3", "Label it.", "", "submitted", 0.0, [("outcome", False, "x")], [step] * 3
    )


def test_the_page_shows_every_figure_of_the_report(report: dict) -> None:
    page = render(report, [trajectory("2 found")])
    for figure in ("17 %", "91 %", "23 / 23", "12,800", "1,200 / 1,200", "42 %", "31 %", "abababababab"):
        assert figure in page
    assert "<svg" in page
    assert "left the road here" in page


def test_text_that_an_agent_or_a_world_wrote_is_escaped(report: dict) -> None:
    page = render(report, [trajectory("<script>alert(1)</script>")])
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
