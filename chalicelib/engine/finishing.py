"""Finishing a step that came to a result: its output, what it keeps, where the walk goes on; or the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.engine import failing, fanout
from chalicelib.engine.definition import Step
from chalicelib.engine.evaluation import grant
from chalicelib.engine.execution import Cursor, is_part, is_slot
from chalicelib.engine.failing import FAULTS, as_failure
from chalicelib.engine.history import EventType
from chalicelib.engine.steps.base import Done

if TYPE_CHECKING:
    from chalicelib.engine.walk import Walk


def done(walk: Walk, cursor: Cursor, outcome: Done) -> Cursor | None:
    """Record a step's success and go to the next step, or end."""
    raw = cursor.input if outcome.passes else outcome.value
    if is_slot(cursor):
        return fanout.join(walk, cursor, raw)
    step = walk.step_of(cursor)
    if outcome.child is not None:
        walk.draft.record(EventType.CHILD_STARTED, {"executionId": outcome.child}, cursor)
    if is_part(walk.draft.base, cursor):
        walk.draft.record(EventType.STEP_SUCCEEDED, {"output": None}, cursor)
        walk.draft.succeed(raw)
        return None
    try:
        for logged in outcome.details.values():
            walk.bounded(logged, "what the step logs")
        output, kept = _results(walk, step, cursor, raw)
        cursor = walk.keeping(cursor, kept)
    except FAULTS as error:
        return failing.fail(walk, cursor, as_failure(error, step.id))
    details: dict[str, Any] = {**outcome.details, "output": output}
    if kept:
        details["stash"] = kept
    following = outcome.next or step.next
    if step.type.jumps:
        details["next"] = following
    walk.draft.record(EventType.STEP_SUCCEEDED, details, cursor)
    if following is None:
        return _finish(walk, step, cursor, output)
    return walk.visit(cursor.path, following, output, cursor.vars)


def _results(walk: Walk, step: Step, cursor: Cursor, raw: Any) -> tuple[Any, dict[str, Any]]:
    """Return the step's output and what it wants to keep in the stash."""
    if step.output is None and not step.stash:
        return (raw if raw is cursor.input else walk.bounded(raw, "the step's result")), {}
    scope = walk.scope(cursor) | {"output": raw}
    output = raw if step.output is None else step.output(scope)
    if output is not cursor.input:
        walk.bounded(output, "the step's output")
    return output, {name: template(scope) for name, template in step.stash.items()}


def end(walk: Walk, cursor: Cursor, received: Any) -> Cursor | None:
    """End as a `succeed` step says."""
    step = walk.step_of(cursor)
    try:
        output, kept = _results(walk, step, cursor, received)
        cursor = walk.keeping(cursor, kept)
    except FAULTS as error:
        return failing.fail(walk, cursor, as_failure(error, step.id))
    walk.draft.record(EventType.STEP_SUCCEEDED, {"output": output} | ({"stash": kept} if kept else {}), cursor)
    return _finish(walk, step, cursor, output)


def _finish(walk: Walk, step: Step, cursor: Cursor, output: Any) -> Cursor | None:
    """End the branch; or the execution as succeeded, with the definition's own `output` where it has one."""
    if cursor.path:
        return fanout.join(walk, cursor, output)
    if walk.definition.output is not None:
        grant()
        try:
            scope = walk.scope(cursor) | {"input": output, "output": output}
            output = walk.bounded(walk.definition.output(scope), "the execution's output")
        except FAULTS as error:
            walk.draft.fail(as_failure(error, step.id))
            return None
    walk.draft.succeed(output)
    return None
