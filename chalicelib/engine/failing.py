"""Failures of steps: tried again, caught, or the end of the branch or the execution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.engine import fanout, values
from chalicelib.engine.errors import EXPRESSION_FAILED, TASK_TIMEOUT, ExpressionFailed, Failure, matches
from chalicelib.engine.evaluation import MAX_WORK, grant
from chalicelib.engine.execution import Cursor, is_part, is_slot
from chalicelib.engine.history import EventType
from chalicelib.engine.records import replace
from chalicelib.engine.retries import delay_seconds, granted

if TYPE_CHECKING:
    from chalicelib.engine.definition import Step
    from chalicelib.engine.walk import Walk

MAX_CAUSE_LENGTH = 4096
FAULTS = (ExpressionFailed, values.Unfit)
"""What an author's data can do wrong."""


def fail(walk: Walk, cursor: Cursor, failure: Failure) -> Cursor | None:
    """Try again, or go where the failure is caught, or stop here."""
    if is_slot(cursor):
        return fanout.join(walk, cursor, None, failure)
    step = walk.definition.steps.get(cursor.step)
    walk.bytes_left -= len(failure.cause)
    part = step is None or is_part(walk.draft.base, cursor)
    if step is not None and not part and _retry(walk, step, cursor, failure):
        return None
    kind = EventType.STEP_TIMED_OUT if failure.name == TASK_TIMEOUT else EventType.STEP_FAILED
    walk.draft.record(kind, {"error": failure.document()}, cursor)
    for catch in () if part or step is None else step.catch:
        if matches(catch.errors, failure.name):
            grant(MAX_WORK)
            try:
                scope = walk.scope(cursor) | {"error": failure.document()}
                caught = {name: template(scope) for name, template in catch.stash.items()}
                cursor = walk.keeping(cursor, caught)
            except FAULTS as error:
                return stop(walk, cursor, as_failure(error, cursor.step))
            walk.draft.snapshot = None
            return walk.visit(cursor.path, catch.next, cursor.input, cursor.vars)
    return stop(walk, cursor, failure)


def fail_for_good(walk: Walk, cursor: Cursor, failure: Failure) -> Cursor | None:
    """Fail as the author wants it, whatever retries and catches say."""
    if not is_slot(cursor):
        walk.draft.record(EventType.STEP_FAILED, {"error": failure.document()}, cursor)
    return stop(walk, cursor, failure)


def stop(walk: Walk, cursor: Cursor, failure: Failure) -> Cursor | None:
    """End the branch, or the execution, as failed."""
    if cursor.path:
        return fanout.join(walk, cursor, None, failure)
    walk.draft.fail(failure)
    return None


def _retry(walk: Walk, step: Step, cursor: Cursor, failure: Failure) -> bool:
    """Leave the cursor to its next attempt, if one of the policies grants it."""
    policy = granted(step.retry, failure.name, cursor.attempt)
    if policy is None:
        return False
    draft = walk.draft
    if draft.transitions >= walk.definition.max_transitions:
        draft.record(EventType.STEP_FAILED, {"error": failure.document()}, cursor)
        walk.too_many(step.id)
        return True
    seconds = delay_seconds(policy, cursor.attempt, f"{draft.base.id}/{cursor.visit}/{cursor.attempt}")
    draft.transitions += 1
    draft.snapshot = None
    details = {"error": failure.document(), "delaySeconds": round(seconds, 3)}
    draft.record(EventType.STEP_RETRIED, details, cursor)
    draft.drive(
        replace(cursor, attempt=cursor.attempt + 1), draft.now_ms + round(seconds * 1000), held=None, waits=None
    )
    return True


def name_of(error: Exception) -> str:
    """Return the name under which a fault can be caught."""
    return error.name if isinstance(error, values.Unfit) else EXPRESSION_FAILED


def as_failure(error: Exception, step_id: str) -> Failure:
    """Return a fault as the failure of a step."""
    return Failure(name_of(error), str(error)[:MAX_CAUSE_LENGTH], step_id)
