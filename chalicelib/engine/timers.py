"""What the timer of a wait does when its moment has come: a failure, a look at a silent child, or a new timer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.engine import fanout, waits
from chalicelib.engine.draft import EARLY_MS
from chalicelib.engine.errors import HEARTBEAT_TIMEOUT, TASK_TIMEOUT
from chalicelib.engine.execution import Cursor, is_slot
from chalicelib.engine.records import replace
from chalicelib.engine.steps.base import Fail

if TYPE_CHECKING:
    from chalicelib.engine.walk import Walk


def at_moment(walk: Walk, cursor: Cursor) -> Fail | None:
    """Return the failure that a wait's moment brings; None when it is only to be set anew."""
    now = walk.draft.now_ms + EARLY_MS
    held = cursor.held or {}
    if cursor.timeout_at_ms is not None and now >= cursor.timeout_at_ms:
        return Fail(TASK_TIMEOUT, f"the step took longer than its {walk.step_of(cursor).timeout_seconds} s")
    if "beatAt" in held and now >= held["beatAt"]:
        seconds = walk.step_of(cursor).heartbeat_seconds
        return Fail(HEARTBEAT_TIMEOUT, f"no heartbeat came for {seconds} s")
    return None


def wake(walk: Walk, cursor: Cursor) -> None:
    """Do what is to be done when a wait's timer has come: fail, look at the child, or set the timer anew."""
    failure = at_moment(walk, cursor)
    if failure is not None:
        walk.resume(leave(walk, cursor), failure)
    elif cursor.waits == "child" and cursor.due_at_ms <= walk.draft.now_ms + EARLY_MS:
        waits.look(walk, cursor)
    else:
        waits.wait(walk, cursor, str(cursor.waits), dict(cursor.held or {}))


def leave(walk: Walk, cursor: Cursor) -> Cursor:
    """Give up what a cursor waits for: its branches are stopped, its child is told to end."""
    if cursor.waits == "branches":
        fanout.stop(walk, cursor)
    elif not is_slot(cursor):
        walk.draft.orphan([cursor])
    if is_slot(cursor):
        walk.draft.orphan([cursor])
        return cursor
    return replace(cursor, waits=None, held=None, timeout_at_ms=None)
