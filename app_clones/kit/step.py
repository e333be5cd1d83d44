"""What happens within one step: the operation, then the clock, stopping at each event on the way."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app_clones.kit import db as sqlite
from app_clones.kit import faults
from app_clones.kit.call import Transaction, find, validate
from app_clones.kit.errors import AppError, Conflict, Forbidden, KitError, NamesNothing, NotFound
from app_clones.kit.protocol import Call, ToolResult

if TYPE_CHECKING:
    from app_clones.kit.app import Operation

_log = logging.getLogger(__name__)

#: Events that one step may fire: a chain that schedules itself without end is an app's bug, not a hang.
MOST_EVENTS = 10_000
#: What it was about is gone (a deleted recipient), or in another state by now: that an event comes to nothing is right.
_COME_TO_NOTHING = (NotFound, NamesNothing, Conflict, Forbidden)


def run_tool(call: Transaction, tool: str, arguments: Mapping[str, Any] | None) -> ToolResult:
    """Runs ``tool``. An agent's mistake is a result with ``error`` set, and nothing that was done for it stays.

    Raises :class:`KitError` where an app breaks the kit's own rules (say, writes in an operation declared as reading).
    """
    try:
        _, operation = find(call.registry, tool)
        params = validate(tool, operation, arguments)
        check_may_act(call)
        faults.check(call, tool, writes=operation.writes)
        call.readonly = not operation.writes
        # Words are found in here too: where there are none for it, nothing may have happened.
        return call.protected(lambda: _result(operation, operation.run(call, params)))
    except AppError as error:
        return _mistake(error.code, error.message)
    except (KitError, *sqlite.DAMAGE):
        raise
    except Exception as error:
        # An operation that crashes on what an agent gave it crashes so each time: an observation, not a fault. Where it
        # did is for who wrote it, not for the agent.
        _log.error("%s crashed", tool, exc_info=error)
        return _mistake("internal", f"internal error: {type(error).__name__}")
    finally:
        call.readonly = False
        if not call.db.in_transaction:
            call.db.execute("BEGIN")


def move_clock(call: Transaction) -> None:
    """Moves the clock by the step and what was waited; each event that falls due on the way runs at its own time."""
    call.budget.refill()
    target = call.now_ms + call.step_ms + call.waited_ms
    actor, fired = call.actor, 0
    while event := call.db.execute(
        "SELECT id,due_ms,event,actor,payload FROM kit_event WHERE due_ms<=? ORDER BY due_ms,id LIMIT 1", (target,)
    ).fetchone():
        fired += 1
        if fired > MOST_EVENTS:
            raise KitError(f"{event[2]}: more than {MOST_EVENTS} events fell due in one step")
        _fire(call, *event)
    call.budget.refill()
    call.actor = actor
    _set_clock(call, target)


def _fire(call: Transaction, id: int, due_ms: int, event: str, actor: int, payload: str) -> None:
    call.budget.refill()
    _set_clock(call, max(due_ms, call.now_ms))
    call.actor = actor
    call.delete("kit_event", id=id)
    handler = call.registry.events.get(event)
    if handler is None:
        raise KitError(f"nothing in this world handles {event}")
    try:
        call.protected(lambda: handler(call, json.loads(payload)))
    except AppError as error:
        if not call.db.in_transaction:
            raise KitError(f"{event}: {error.message}; the whole step was lost with it") from error
        if not isinstance(error, _COME_TO_NOTHING):
            # Who wrote the app is told, and the step stands: an agent that could end it so had a way out of failing.
            _log.error("%s came to nothing: %s; it was told %s", event, error.message, payload[:200])
    except (KitError, *sqlite.DAMAGE):
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {error} ({_place(error)})"
        raise KitError(f"{event}: its handler crashed: {told}") from error


def _place(error: Exception) -> str:
    """The file and line at which it was raised."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"


def _set_clock(call: Transaction, now_ms: int) -> None:
    call.now_ms = now_ms
    call.db.execute("UPDATE kit_meta SET now_ms=? WHERE id=1", (now_ms,))


def check_may_act(call: Call) -> None:
    """Raises :class:`Conflict` once the task has its outcome, :class:`NotFound` where nobody of that id acts."""
    if call.one("SELECT 1 FROM task_outcome LIMIT 1"):
        raise Conflict("the task is over: it was submitted or declined")
    if not call.one("SELECT 1 FROM kit_person WHERE id=?", call.actor):
        raise NotFound(f"no person {call.actor}")


def _mistake(code: str, message: str) -> ToolResult:
    return ToolResult(f"error: {message}", {"error": code, "message": message}, code)


def _result(operation: Operation, data: Any) -> ToolResult:
    if operation.render:
        return ToolResult(operation.render(data), data, None)
    return ToolResult(json.dumps(data, ensure_ascii=False, separators=(",", ":")), data, None)
