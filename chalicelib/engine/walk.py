"""Walking: one cursor goes from step to step until it has to wait for something, or the execution ends."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Any

from chalicelib.engine import failing, fanout, finishing, values, waits
from chalicelib.engine.definition import Definition, Step
from chalicelib.engine.draft import Draft
from chalicelib.engine.effects import TaskResult
from chalicelib.engine.errors import (
    PROCESSING_FAILED,
    TASK_TIMEOUT,
    TOO_MANY_TRANSITIONS,
    Failure,
)
from chalicelib.engine.evaluation import grant, has_worked_enough
from chalicelib.engine.execution import Cursor, is_part, is_slot, stands_before
from chalicelib.engine.expressions import Scope
from chalicelib.engine.failing import FAULTS, MAX_CAUSE_LENGTH, name_of
from chalicelib.engine.history import EventType
from chalicelib.engine.places import line_of, task_token
from chalicelib.engine.records import replace
from chalicelib.engine.steps.base import Call, Done, End, Fail, Fan, Outcome, Park, Sleep

MAX_STEPS = 400
"""So many steps are taken in one decision; the rest goes on in the next."""
MAX_EVENT_BYTES = 65_536
"""So much new data may go into the history of one decision, so that a head stays under what an item may hold. A large
value counts as LARGE_VALUE_BYTES: it takes no more room in a head, however it is stored."""
MAX_OUTSIDE_BYTES = values.MAX_VALUE_BYTES + 1_048_576
"""What goes out to a call or comes back from it is not stored as it is, and may be larger than what is."""
CALL_OUT_MS = 30_000
"""How long the call may take that hands out a task."""


class Walk:
    """Takes cursors as far as they go in this decision."""

    def __init__(self, draft: Draft, definition: Definition) -> None:
        self.draft = draft
        self.definition = definition
        self.steps_left = MAX_STEPS
        self.bytes_left = MAX_EVENT_BYTES
        self.waiting: deque[str] = deque()
        self.fans: dict[tuple[str, int, int], Fan | Fail] = {}

    def begin(self, path: str, step_id: str, received: Any) -> None:
        """Go to a step with what it receives, and on from there."""
        self._go_on(self.visit(path, step_id, received))

    def go_on(self) -> None:
        """Take the cursors that were begun as far as they go."""
        self._go_on(None)

    def take(self, cursor: Cursor) -> None:
        """Go on from a cursor whose step has not been entered yet."""
        self._go_on(cursor)

    def revisit(self, cursor: Cursor) -> None:
        """Visit the step of a cursor once more, with the input that it had."""
        draft = self.draft
        if cursor.unshaped:
            begun = self.visit(cursor.path, cursor.step, cursor.input, cursor.vars)
        else:
            draft.visits += 1
            draft.transitions += 1
            begun = replace(cursor, visit=draft.visits, attempt=1, by=draft.by)
            self._started(begun)
        if begun is not None:
            self.waiting.append(begun.path)

    def resume(self, cursor: Cursor, outcome: Outcome) -> None:
        """Go on from a cursor whose step has come to an outcome.

        No visit ends that has not started: one that was left to this decision starts with what the step received.
        """
        begun: Cursor | None = cursor
        if stands_before(cursor):
            begun = self._counted(cursor)
            if begun is not None:
                self._started(begun)
        if begun is not None:
            self._go_on(self.settle(begun, outcome))

    def _go_on(self, cursor: Cursor | None) -> None:
        """Take step after step, as far as this decision goes; then the branches that were begun on the way."""
        while True:
            while cursor is not None:
                if self.steps_left <= 0 or self.bytes_left <= 0 or has_worked_enough():
                    self.draft.drive(cursor, self.draft.now_ms)
                    break
                if stands_before(cursor):
                    cursor = self.visit(cursor.path, cursor.step, cursor.input, cursor.vars)
                    continue
                self.steps_left -= 1
                cursor, outcome = self._entering(cursor)
                cursor = self.settle(cursor, outcome)
            cursor = None
            while cursor is None and self.waiting:
                cursor = self.draft.cursors.get(self.waiting.popleft())
            if cursor is None:
                return

    def _entering(self, cursor: Cursor) -> tuple[Cursor, Outcome]:
        """Enter a step, with its input, which it may not have yet."""
        if cursor.unshaped:
            try:
                cursor = replace(cursor, input=self._shaped(self.step_of(cursor), cursor), unshaped=False)
            except FAULTS as error:  # again, as it did when the visit began
                return cursor, Fail(name_of(error), str(error))
        return cursor, self.enter(cursor)

    def enter(self, cursor: Cursor) -> Outcome:
        """Ask the step's type what this attempt comes to."""
        step = self.step_of(cursor)
        grant()
        try:
            outcome = self._entered(step, cursor)
            if isinstance(outcome, Call):
                values.measure(outcome.request, "the request", MAX_OUTSIDE_BYTES)
        except FAULTS as error:
            return Fail(name_of(error), str(error))
        return outcome

    def _entered(self, step: Step, cursor: Cursor) -> Outcome:
        if cursor.held is not None and "gather" in cursor.held:
            return fanout.gather(self, cursor)
        if is_slot(cursor):
            return fanout.start_of_slot(self, cursor)
        if is_part(self.draft.base, cursor):
            return fanout.part(self, cursor)
        scope = self.scope(cursor)
        if step.type.tokens:
            token = task_token(self.draft.base, cursor.visit, cursor.attempt)
            scope = scope | {"task": {"token": token}}
        return step.enter(scope, self.draft.now_ms)

    def step_of(self, cursor: Cursor) -> Step:
        """Return the step at which a cursor stands."""
        return self.definition.steps[cursor.step]

    def scope(self, cursor: Cursor) -> Scope:
        """Return the names that a step's expressions see."""
        found = {"input": cursor.input, "stash": self.draft.stash, "execution": self.draft.shown_execution}
        if not cursor.path:
            return found
        stash = self.draft.stash
        for path in line_of(cursor.path):
            at = cursor if path == cursor.path else self.draft.cursors.get(path)
            own = at.vars if at is not None and at.vars is not None else {}
            if "stash" in own:
                stash = stash | own["stash"]
            if "index" in own:
                found |= {"item": own["item"], "index": own["index"]}
        return found | {"stash": stash}

    def visit(self, path: str, step_id: str, received: Any, own: dict[str, Any] | None = None) -> Cursor | None:
        """Start a visit of a step: count it, reshape its input, write it down. None when that ended the walk.

        A decision that has worked enough leaves the cursor before the step: its visit starts in the next one.
        """
        draft, step, now = self.draft, self.definition.steps[step_id], self.draft.now_ms
        place = draft.base.version + 1  # it has no visit yet: what names it is the decision that put it there
        before = Cursor(path, step_id, 0, place, "", draft.by, received, now, now, unshaped=True, vars=own)
        shapes = step.input is not None and not is_part(draft.base, before)
        if shapes and has_worked_enough():
            draft.put(before)
            return before
        cursor = self._counted(before)
        if cursor is None:
            return None
        with suppress(*FAULTS):  # what fails here fails once more when the step is entered
            cursor = replace(cursor, input=self._shaped(step, cursor) if shapes else received, unshaped=False)
        self._started(cursor)
        return cursor

    def _counted(self, before: Cursor) -> Cursor | None:
        """Give a cursor that stands before its step a visit; None when there were too many, which ends it all."""
        draft = self.draft
        if draft.transitions >= self.definition.max_transitions:
            draft.put(before)  # a redrive begins here, and does not repeat the step before
            self.too_many(before.step)
            return None
        draft.visits += 1
        draft.transitions += 1
        return replace(before, visit=draft.visits, attempt=1)

    def _started(self, cursor: Cursor) -> None:
        where = {"path": cursor.path} if cursor.path else {}
        self.draft.record(EventType.STEP_STARTED, {"input": cursor.input} | where, cursor)
        self.draft.put(cursor)

    def _shaped(self, step: Step, cursor: Cursor) -> Any:
        """Return what the step's `input` makes of what it received."""
        template = step.input
        grant()
        return cursor.input if template is None else self.bounded(template(self.scope(cursor)), "the step's input")

    def too_many(self, step_id: str) -> None:
        """End the execution: as many attempts were made as it may make."""
        limit = self.definition.max_transitions
        cause = f"{limit} step attempts were made, as many as maxTransitions allows"
        self.draft.fail(Failure(TOO_MANY_TRANSITIONS, cause, step_id))

    def settle(self, cursor: Cursor, outcome: Outcome) -> Cursor | None:
        """Do what an outcome means; return the cursor of the next step if the walk goes on."""
        if cursor.step not in self.definition.steps:
            outcome = Fail(PROCESSING_FAILED, _no_step(cursor.step))
        match outcome:
            case Done():
                return finishing.done(self, cursor, outcome)
            case Sleep(until_ms=until_ms):
                self._sleep(cursor, until_ms)
            case Call():
                self._call(cursor, outcome)
            case Park():
                return waits.park(self, cursor, outcome)
            case Fan():
                return fanout.begin(self, cursor, outcome)
            case End(output=output):
                return finishing.end(self, cursor, output)
            case Fail(error=error, cause=cause, final=True):
                return failing.fail_for_good(self, cursor, Failure(error, cause, cursor.step))
            case Fail(error=error, cause=cause):
                return failing.fail(self, cursor, Failure(error, cause[:MAX_CAUSE_LENGTH], cursor.step))
        return None

    def _call(self, cursor: Cursor, call: Call) -> None:
        """Leave the call to whoever drives the cursor; the step's own timeout goes on for what follows it."""
        held = cursor.held if call.child is None else {**(cursor.held or {}), "child": call.child}
        self.draft.drive(cursor, self.draft.now_ms, needs_ms=self._needs_ms(cursor), held=held)

    def _needs_ms(self, cursor: Cursor) -> int:
        step = self.step_of(cursor)
        if step.type.tokens:
            return CALL_OUT_MS
        timeout = step.timeout_seconds if step.type.max_timeout_seconds is not None else None
        return round((timeout or 0) * 1000)

    def keeping(self, cursor: Cursor, kept: dict[str, Any]) -> Cursor:
        """Keep values in the stash: of the execution, or of the branch that the cursor walks on."""
        if not kept:
            return cursor
        own = None if not cursor.path else (cursor.vars or {})
        stash = (self.draft.stash if own is None else own.get("stash", {})) | kept
        size, large = values.measure(stash, "the stash"), values.LARGE_VALUE_BYTES
        self.draft.volume.add(kept, values.size(kept), counts_from=0 if size > large else large)
        self.bytes_left -= min(size, large)
        if own is None:
            self.draft.stash = stash
            return cursor
        return replace(cursor, vars=own | {"stash": stash})

    def bounded(self, value: Any, what: str) -> Any:
        """Return a value that a head may hold; raises Unfit for another. New data counts against the decision."""
        size = values.measure(value, what)
        self.draft.volume.add(value, size)
        self.bytes_left -= min(size, values.LARGE_VALUE_BYTES)
        return value

    def _sleep(self, cursor: Cursor, until_ms: int) -> None:
        """Wait for a moment, but no longer than the step's timeout."""
        timeout = self.step_of(cursor).timeout_seconds
        timeout_at = None if timeout is None else self.draft.now_ms + round(timeout * 1000)
        until = until_ms if timeout_at is None else min(until_ms, timeout_at)
        slept_out = timeout_at is not None and timeout_at < until_ms
        self.draft.drive(cursor, until, sleeping=True, timeout_at_ms=timeout_at if slept_out else None)

    def timed_out(self, cursor: Cursor) -> Outcome:
        """Return what a sleeping step comes to at its moment: its end, or its timeout."""
        if cursor.timeout_at_ms is None:
            return Done()
        return Fail(TASK_TIMEOUT, f"the step took longer than its {self.step_of(cursor).timeout_seconds} s")

    def performed(self, cursor: Cursor, result: TaskResult) -> Outcome:
        """Return what the end of an outside call means."""
        if result.error is not None:
            self.draft.orphan([cursor])  # who was slower may yet begin the child that could not be begun
            return Fail(result.error, result.cause)
        if cursor.held is not None and "child" in cursor.held:
            return waits.child_came_to(self, cursor, result.value)
        step = self.definition.steps.get(cursor.step)
        if step is not None and step.type.after is not None and "gather" not in (cursor.held or {}):
            return step.type.after(result.value)
        try:
            values.measure(result.value, "the result", MAX_OUTSIDE_BYTES)
        except values.Unfit as error:
            return Fail(error.name, str(error))
        return Done(value=result.value, passes=False)


def _no_step(step_id: str) -> str:
    return f"the definition has no step {step_id!r}"
