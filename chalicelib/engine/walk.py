"""Walking: one cursor goes from step to step until it has to wait for something, or the execution ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.definition import Definition, Step
from chalicelib.engine.draft import Draft
from chalicelib.engine.effects import TaskResult
from chalicelib.engine.errors import (
    EXPRESSION_FAILED,
    PROCESSING_FAILED,
    TASK_TIMEOUT,
    TOO_MANY_TRANSITIONS,
    ExpressionFailed,
    Failure,
    matches,
)
from chalicelib.engine.events import Cover
from chalicelib.engine.execution import Cursor
from chalicelib.engine.expressions import Scope, Template
from chalicelib.engine.history import EventType
from chalicelib.engine.retries import delay_seconds, granted
from chalicelib.engine.steps.base import Call, Done, End, Fail, Outcome, Sleep

MAX_STEPS = 100
"""So many steps are taken in one decision; the rest goes on in the next."""
MAX_EVENT_BYTES = 65_536
"""So much new data may go into the history of one decision, so that a head stays under what an item may hold. A large
value counts as LARGE_VALUE_BYTES: it takes no more room in a head, however it is stored."""
MAX_OUTSIDE_BYTES = values.MAX_VALUE_BYTES + 1_048_576
"""What goes out to a call or comes back from it is not stored as it is, and may be larger than what is."""
MAX_CAUSE_LENGTH = 4096


class Walk:
    """Takes one cursor as far as it goes in this decision."""

    def __init__(self, draft: Draft, definition: Definition, cover: Cover | None) -> None:
        self.draft = draft
        self.definition = definition
        self.cover = cover
        self.steps_left = MAX_STEPS
        self.bytes_left = MAX_EVENT_BYTES

    def begin(self, path: str, step_id: str, received: Any) -> None:
        """Go to a step with what it receives, and on from there."""
        self._go_on(self._visit(path, step_id, received))

    def resume(self, cursor: Cursor, outcome: Outcome) -> None:
        """Go on from a cursor whose step has come to an outcome."""
        if cursor.step not in self.definition.steps:
            outcome = Fail(PROCESSING_FAILED, f"the definition has no step {cursor.step!r}", final=True)
        self._go_on(self._settle(cursor, outcome))

    def _go_on(self, cursor: Cursor | None) -> None:
        """Take step after step, as far as this decision goes."""
        while cursor is not None:
            if self.steps_left <= 0 or self.bytes_left <= 0:
                self._drive(cursor, self.draft.now_ms)
                return
            self.steps_left -= 1
            cursor = self._settle(cursor, self.enter(cursor))

    def enter(self, cursor: Cursor) -> Outcome:
        """Ask the step's type what this attempt comes to."""
        step = self._step(cursor)
        try:
            if cursor.unshaped:
                self._shaped(step, cursor)  # fails again, as it did when the visit began
            outcome = step.enter(self._scope(cursor), self.draft.now_ms)
            if isinstance(outcome, Call):
                values.measure(outcome.request, "the request", MAX_OUTSIDE_BYTES)
        except _FAULTS as error:
            return Fail(_name(error), str(error))
        return outcome

    def _step(self, cursor: Cursor) -> Step:
        return self.definition.steps[cursor.step]

    def _scope(self, cursor: Cursor) -> Scope:
        return {"input": cursor.input, "stash": self.draft.stash, "execution": self.draft.shown_execution}

    def _visit(self, path: str, step_id: str, received: Any) -> Cursor | None:
        """Start a visit of a step: count it, reshape its input, write it down. None when that ended the walk."""
        draft = self.draft
        if draft.transitions >= self.definition.max_transitions:
            self._too_many(step_id)
            return None
        draft.visits += 1
        draft.transitions += 1
        draft.step = step_id
        step = self.definition.steps[step_id]
        now = draft.now_ms
        cursor = Cursor(path, step_id, draft.visits, 1, "", draft.by, received, now, now)
        if step.input is not None:
            try:
                cursor = replace(cursor, input=self._shaped(step, cursor))
            except _FAULTS:
                cursor = replace(cursor, unshaped=True)
        draft.record(EventType.STEP_STARTED, {"input": cursor.input}, cursor)
        return cursor

    def _shaped(self, step: Step, cursor: Cursor) -> Any:
        """Return what the step's `input` makes of what it received."""
        template = step.input
        return cursor.input if template is None else self._bounded(template(self._scope(cursor)), "the step's input")

    def _too_many(self, step_id: str) -> None:
        limit = self.definition.max_transitions
        cause = f"{limit} step attempts were made, as many as maxTransitions allows"
        self.draft.fail(Failure(TOO_MANY_TRANSITIONS, cause, step_id))

    def _settle(self, cursor: Cursor, outcome: Outcome) -> Cursor | None:
        """Do what an outcome means; return the cursor of the next step if the walk goes on."""
        match outcome:
            case Done():
                return self._done(cursor, outcome)
            case Sleep(until_ms=until_ms):
                self._sleep(cursor, until_ms)
            case Call():
                self._drive(cursor, self.draft.now_ms)
            case End(output=output):
                return self._end(cursor, output)
            case Fail(error=error, cause=cause, final=True):
                failure = Failure(error, cause, cursor.step)
                self.draft.record(EventType.STEP_FAILED, {"error": failure.document()}, cursor)
                self.draft.fail(failure)
            case Fail(error=error, cause=cause):
                return self._fail(cursor, Failure(error, cause[:MAX_CAUSE_LENGTH], cursor.step))
        return None

    def _done(self, cursor: Cursor, done: Done) -> Cursor | None:
        """Record a step's success and go to the next step, or end."""
        step = self._step(cursor)
        try:
            for logged in done.details.values():
                self._bounded(logged, "what the step logs")
            output, kept = self._results(step, cursor, cursor.input if done.passes else done.value)
        except _FAULTS as error:
            return self._fail(cursor, _as_failure(error, step.id))
        details: dict[str, Any] = {**done.details, "output": output}
        if kept:
            details["stash"] = kept
        following = done.next or step.next
        if step.type.jumps:
            details["next"] = following
        self.draft.record(EventType.STEP_SUCCEEDED, details, cursor)
        if following is None:
            self._finish(step, cursor, output)
            return None
        return self._visit(cursor.path, following, output)

    def _results(self, step: Step, cursor: Cursor, raw: Any) -> tuple[Any, dict[str, Any]]:
        """Return the step's output and what it keeps in the stash (which is updated)."""
        if step.output is None and not step.stash:
            return (raw if raw is cursor.input else self._bounded(raw, "the step's result")), {}
        scope = self._scope(cursor) | {"output": raw}
        output = raw if step.output is None else step.output(scope)
        if output is not cursor.input:
            self._bounded(output, "the step's output")
        kept = self._keep(step.stash, scope)
        return output, kept

    def _keep(self, templates: Mapping[str, Template], scope: Scope) -> dict[str, Any]:
        kept = {name: template(scope) for name, template in templates.items()}
        if kept:
            stash = self.draft.stash | kept
            size = values.measure(stash, "the stash")
            large = values.LARGE_VALUE_BYTES
            self.draft.volume.add(kept, values.size(kept), counts_from=0 if size > large else large)
            self.bytes_left -= min(size, large)
            self.draft.stash = stash
        return kept

    def _bounded(self, value: Any, what: str) -> Any:
        """Return a value that a head may hold; raises Unfit for another. New data counts against the decision."""
        size = values.measure(value, what)
        self.draft.volume.add(value, size)
        self.bytes_left -= min(size, values.LARGE_VALUE_BYTES)
        return value

    def _end(self, cursor: Cursor, received: Any) -> Cursor | None:
        """End as a `succeed` step says."""
        step = self._step(cursor)
        try:
            output, kept = self._results(step, cursor, received)
        except _FAULTS as error:
            return self._fail(cursor, _as_failure(error, step.id))
        self.draft.record(EventType.STEP_SUCCEEDED, {"output": output} | ({"stash": kept} if kept else {}), cursor)
        self._finish(step, cursor, output)
        return None

    def _finish(self, step: Step, cursor: Cursor, output: Any) -> None:
        """End the execution as succeeded, with the definition's own `output` where it has one."""
        if self.definition.output is not None:
            try:
                scope = self._scope(cursor) | {"input": output, "output": output}
                output = self._bounded(self.definition.output(scope), "the execution's output")
            except _FAULTS as error:
                self.draft.fail(_as_failure(error, step.id))
                return
        self.draft.succeed(output)

    def _sleep(self, cursor: Cursor, until_ms: int) -> None:
        """Wait for a moment, but no longer than the step's timeout."""
        timeout = self._step(cursor).timeout_seconds
        timeout_at = None if timeout is None else self.draft.now_ms + round(timeout * 1000)
        until = until_ms if timeout_at is None else min(until_ms, timeout_at)
        slept_out = timeout_at is not None and timeout_at < until_ms
        self._drive(cursor, until, sleeping=True, timeout_at_ms=timeout_at if slept_out else None)

    def _drive(
        self, cursor: Cursor, due_at_ms: int, *, sleeping: bool = False, timeout_at_ms: int | None = None
    ) -> None:
        """Leave the cursor to its driver: this invocation, a message, or the head's entry in the `due` index."""
        draft = self.draft
        token = f"{cursor.visit}.{cursor.attempt}"
        if self.cover is not None and due_at_ms <= draft.now_ms and self._fits(cursor, self.cover):
            token = self.cover.token
        draft.put(
            replace(
                cursor,
                token=token,
                by=draft.by,
                due_at_ms=due_at_ms,
                watch_at_ms=due_at_ms + draft.watch_ms,
                in_index=due_at_ms - draft.now_ms > draft.policy.max_delay_ms,
                sleeping=sleeping,
                timeout_at_ms=timeout_at_ms,
            )
        )

    def _fits(self, cursor: Cursor, cover: Cover) -> bool:
        timeout = self._step(cursor).timeout_seconds if not self._step(cursor).type.pure else None
        return self.draft.now_ms + round((timeout or 0) * 1000) <= cover.until_ms

    def timed_out(self, cursor: Cursor) -> Outcome:
        """Return what a sleeping step comes to at its moment: its end, or its timeout."""
        if cursor.timeout_at_ms is None:
            return Done()
        return Fail(TASK_TIMEOUT, f"the step took longer than its {self._step(cursor).timeout_seconds} s")

    def performed(self, result: TaskResult) -> Outcome:
        """Return what the end of an outside call means."""
        if result.error is not None:
            return Fail(result.error, result.cause)
        try:
            values.measure(result.value, "the result", MAX_OUTSIDE_BYTES)
        except values.Unfit as error:
            return Fail(error.name, str(error))
        return Done(value=result.value, passes=False)

    def _fail(self, cursor: Cursor, failure: Failure) -> Cursor | None:
        """Try again, or go where the failure is caught, or end the execution."""
        step = self._step(cursor)
        self.bytes_left -= len(failure.cause)
        if self._retry(step, cursor, failure):
            return None
        kind = EventType.STEP_TIMED_OUT if failure.name == TASK_TIMEOUT else EventType.STEP_FAILED
        self.draft.record(kind, {"error": failure.document()}, cursor)
        for catch in step.catch:
            if matches(catch.errors, failure.name):
                try:
                    self._keep(catch.stash, self._scope(cursor) | {"error": failure.document()})
                except _FAULTS as error:
                    self.draft.fail(_as_failure(error, step.id))
                    return None
                return self._visit(cursor.path, catch.next, cursor.input)
        self.draft.fail(failure)
        return None

    def _retry(self, step: Step, cursor: Cursor, failure: Failure) -> bool:
        """Leave the cursor to its next attempt, if one of the policies grants it."""
        policy = granted(step.retry, failure.name, cursor.attempt)
        if policy is None:
            return False
        draft = self.draft
        if draft.transitions >= self.definition.max_transitions:
            draft.record(EventType.STEP_FAILED, {"error": failure.document()}, cursor)
            self._too_many(step.id)
            return True
        seconds = delay_seconds(policy, cursor.attempt, f"{draft.base.id}/{cursor.visit}/{cursor.attempt}")
        draft.transitions += 1
        details = {"error": failure.document(), "delaySeconds": round(seconds, 3)}
        draft.record(EventType.STEP_RETRIED, details, cursor)
        self._drive(replace(cursor, attempt=cursor.attempt + 1), draft.now_ms + round(seconds * 1000))
        return True


_FAULTS = (ExpressionFailed, values.Unfit)


def _name(error: Exception) -> str:
    return error.name if isinstance(error, values.Unfit) else EXPRESSION_FAILED


def _as_failure(error: Exception, step_id: str) -> Failure:
    return Failure(_name(error), str(error)[:MAX_CAUSE_LENGTH], step_id)
