"""The two apps that every world has: ``task``, whose row says how an episode ended, and ``clock``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from app_clones.kit.app import App, Operation, Params
from app_clones.kit.protocol import Call
from app_clones.kit.schema import Column, Table

LONGEST_WAIT_MINUTES = 31 * 24 * 60


class Submit(Params):
    """``answer``: what was asked for, if anything was."""

    answer: str = ""


class Decline(Params):
    """``reason``: why the task should not be done."""

    reason: str = ""


class Wait(Params):
    """How long."""

    minutes: int = Field(ge=1, le=LONGEST_WAIT_MINUTES)


def _submit(call: Call, params: Submit) -> dict[str, Any]:
    call.insert("task_outcome", kind="submitted", answer=params.answer)
    return {"outcome": "submitted"}


def _decline(call: Call, params: Decline) -> dict[str, Any]:
    call.insert("task_outcome", kind="declined", answer=params.reason)
    return {"outcome": "declined"}


def _wait(call: Call, params: Wait) -> dict[str, Any]:
    return {"now_ms": call.wait(params.minutes * 60_000)}


def iso(ms: int) -> str:
    """Virtual ms since 1970 as an ISO date-time in UTC, to the second."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


TASK = App(
    name="task",
    tables=(Table("task_outcome", (Column("id", "INTEGER", "id"), Column("kind"), Column("answer"))),),
    operations=(
        Operation(
            "submit",
            "The task is done; hand in the answer if one was asked for, else none.",
            Submit,
            _submit,
            True,
            lambda _: "ok",
        ),
        Operation("decline", "The task should not be done; say why.", Decline, _decline, True, lambda _: "ok"),
    ),
)

CLOCK = App(
    name="clock",
    tables=(),
    operations=(
        Operation("wait", "Let some minutes pass.", Wait, _wait, True, lambda data: f"it is {iso(data['now_ms'])}"),
    ),
)

BUILTIN = (TASK, CLOCK)
