"""``report.html``: one self-contained page of what a run built, proved, played, learned and replayed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from factory.environment import Action, Suite, Verdict
from rollout.studio.chart import learning_curve
from rollout.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class StepView:
    """One step as a person reads it. ``diff``: one line per changed row."""

    action: str
    observation: str
    error: str | None
    diff: Sequence[str]
    digest: str
    wrong: bool


@dataclass(frozen=True, slots=True)
class TrajectoryView:
    """One trajectory as a person reads it."""

    label: str
    rollout_id: str
    task_id: str
    instruction: str
    opening: str
    stop_reason: str
    reward: float | None
    checks: Sequence[tuple[str, bool, str]]
    steps: Sequence[StepView]


def action_text(action: Action) -> str:
    """The call as its policy wrote it: name and compact JSON, or the raw text where it was no JSON."""
    if action.arguments is None:
        return action.raw or action.name
    return f"{action.name} {json.dumps(action.arguments, ensure_ascii=False, separators=(', ', ': '))}"


def view(suite: Suite, trajectory: Trajectory, label: str, wrong_step: int | None = None) -> TrajectoryView:
    """What the page shows of ``trajectory``; ``wrong_step`` marks the step where it left the road."""
    outcome = trajectory.outcome
    checks = [(c.name, c.passed, c.detail) for c in outcome.checks] if isinstance(outcome, Verdict) else []
    steps = [
        StepView(
            action=action_text(step.action),
            observation=step.observation,
            error=step.error,
            diff=suite.describe(step.changeset) if step.changeset else (),
            digest=step.state_digest[:12],
            wrong=step.index == wrong_step,
        )
        for step in trajectory.steps
    ]
    return TrajectoryView(
        label=label,
        rollout_id=trajectory.rollout_id,
        task_id=trajectory.attempt.task_id,
        instruction=trajectory.instruction,
        opening=trajectory.opening,
        stop_reason=trajectory.stop_reason,
        reward=trajectory.reward,
        checks=checks,
        steps=steps,
    )


def render(report: Mapping[str, Any], trajectories: Sequence[TrajectoryView]) -> str:
    """The whole page. ``report`` is the content of ``report.json``."""
    environment = Environment(
        loader=PackageLoader("rollout.studio", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    learning = report["learning"]
    chart = Markup(learning_curve(learning["curve"], learning))  # our own SVG: no text of agents in it
    return environment.get_template("report.html.j2").render(report=report, chart=chart, trajectories=trajectories)
