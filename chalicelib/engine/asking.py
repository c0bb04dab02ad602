"""Asking the outside: which call an attempt needs, and whether a result is of an attempt that is being made."""

from __future__ import annotations

from chalicelib.engine.definition import Definition
from chalicelib.engine.draft import Draft
from chalicelib.engine.effects import Task
from chalicelib.engine.errors import PROCESSING_FAILED
from chalicelib.engine.events import Performed
from chalicelib.engine.execution import Cursor
from chalicelib.engine.places import SWEEP, child_id
from chalicelib.engine.steps.base import Call, Fail, Outcome
from chalicelib.engine.timers import leave
from chalicelib.engine.walk import Walk

DEFAULT_CALL_SECONDS = 30.0
WRITE_SECONDS = 1.0
ABOUT_OTHERS = frozenset({"child", "gather", "cancel"})
"""Calls that read or write other executions."""


def left(walk: Walk, cursor: Cursor) -> Cursor:
    """Return a cursor that waits for nobody: one that did, at a step that is unknown, leaves them."""
    return cursor if cursor.waits is None else leave(walk, cursor)


def is_known(cursor: Cursor, call: Call) -> bool:
    """Say whether the head knows of the child that a call may start: else it is written first, or none could end it."""
    return call.child is None or "child" in (cursor.held or {})


def outcome_of(walk: Walk, definition: Definition, cursor: Cursor) -> Outcome:
    """Return what a cursor that is driven comes to: the end of its sleep, or what its step says."""
    if cursor.path == SWEEP:
        return Call("cancel", dict(cursor.held or {}))
    if cursor.step not in definition.steps:
        return Fail(PROCESSING_FAILED, f"the definition has no step {cursor.step!r}")
    return walk.timed_out(cursor) if cursor.sleeping else walk.enter(cursor)


def task_of(draft: Draft, definition: Definition, cursor: Cursor, call: Call) -> Task:
    """Return the outside call of a cursor's attempt."""
    request = call.request
    if call.type == "child":
        number = 0 if call.child is None else call.child
        child = child_id(draft.base.id, cursor.visit, cursor.attempt, number)
        held = cursor.held or {}
        token = f"c{cursor.visit}.{cursor.attempt}.{number}"
        look = held.get("looks", 0) > 0 and not held.get("again")
        request = request | {"id": child, "token": token, "life": held.get("life", 1), "look": look}
    return Task(
        type=call.type,
        step=cursor.step,
        visit=cursor.visit,
        attempt=cursor.attempt,
        idempotency_key=f"{draft.base.id}/{cursor.path}/{cursor.step}/{cursor.visit}",
        timeout_seconds=_call_seconds(definition, cursor, call),
        request=request,
        path=cursor.path,
        tenant_id=draft.base.tenant_id,
    )


def _call_seconds(definition: Definition, cursor: Cursor, call: Call) -> float:
    """Return how long a call may take: what the step says, where its timeout is about the call itself."""
    if call.type in ABOUT_OTHERS:
        return WRITE_SECONDS
    step = definition.steps.get(cursor.step)
    if step is None or step.type.max_timeout_seconds is None:
        return DEFAULT_CALL_SECONDS
    return step.timeout_seconds or DEFAULT_CALL_SECONDS


def is_asked(cursor: Cursor, result: Performed) -> bool:
    """Say whether a result is of the attempt that a cursor makes at this moment, in this life."""
    if cursor.waits is not None or (cursor.visit, cursor.attempt) != (result.visit, result.attempt):
        return False
    return bool((cursor.held or {}).get("life", 1) == result.life)
