"""The working copy of one decision: an execution that changes until it is frozen again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from chalicelib.engine.effects import Send
from chalicelib.engine.errors import Failure
from chalicelib.engine.execution import Cursor, Execution, State
from chalicelib.engine.history import EventType, HistoryEvent, timestamp
from chalicelib.engine.volume import Volume

EARLY_MS = 2000
"""A driver that comes up to so much early (clock skew) counts as due."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The intervals of the protocol. Delays beyond `max_delay_ms` (what a queue can do) are left to the `due` index."""

    watch_ms: int = 900_000
    api_watch_ms: int = 60_000
    max_delay_ms: int = 900_000


class Draft:
    """One decision at work on one execution; `by` and `watch_ms` go into every cursor it makes."""

    def __init__(self, execution: Execution, now_ms: int, by: str, watch_ms: int, policy: Policy) -> None:
        self.base = execution
        self.now_ms = now_ms
        self.by = by
        self.watch_ms = watch_ms
        self.policy = policy
        self.state = execution.state
        self.step = execution.step
        self.output = execution.output
        self.error = execution.error
        self.stash = execution.stash
        self.cursors = execution.cursors
        self.visits = execution.visits
        self.transitions = execution.transitions
        self.seq = execution.seq
        self.events = list(execution.events)
        self.volume = Volume(execution)
        self.shown_execution = {
            "id": execution.id,
            "tenantId": execution.tenant_id,
            "definitionId": execution.definition_id,
            "version": execution.definition_version,
            "name": execution.name,
            "input": execution.input,
            "startedAt": timestamp(execution.started_at_ms),
        }

    @property
    def ended(self) -> bool:
        """Whether this decision (or an earlier one) has ended the execution."""
        return self.state not in (State.SUBMITTED, State.STARTED)

    def record(self, kind: EventType, details: dict[str, Any], at: Cursor | None = None) -> None:
        """Add a history event, at a cursor's step visit or of the whole execution."""
        self.seq += 1
        if at is None:
            event = HistoryEvent(self.seq, self.now_ms, kind.value, details=details)
        else:
            event = HistoryEvent(self.seq, self.now_ms, kind.value, at.step, at.visit, at.attempt, details)
        self.events.append(event)

    def put(self, cursor: Cursor) -> None:
        """Add a cursor, or replace the one on the same path."""
        others = tuple(other for other in self.cursors if other.path != cursor.path)
        self.cursors = (*others, cursor)
        self.state = State.STARTED
        self.step = cursor.step

    def succeed(self, output: Any) -> None:
        """End the execution as succeeded."""
        self.output = output
        self._end(State.SUCCEEDED, EventType.EXECUTION_SUCCEEDED, {"output": output})

    def fail(self, failure: Failure) -> None:
        """End the execution as failed."""
        self.error = failure.document()
        self._end(State.FAILED, EventType.EXECUTION_FAILED, {"error": self.error})

    def time_out(self, failure: Failure) -> None:
        """End the execution as timed out."""
        self.error = failure.document()
        self._end(State.TIMED_OUT, EventType.EXECUTION_TIMED_OUT, {"error": self.error})

    def cancel(self, failure: Failure) -> None:
        """End the execution as cancelled."""
        self.error = failure.document()
        self._end(State.CANCELLED, EventType.EXECUTION_CANCELLED, {"error": self.error})

    def _end(self, state: State, kind: EventType, details: dict[str, Any]) -> None:
        self.state = state
        self.cursors = ()
        self.record(kind, details)

    def sends(self, cover_token: str | None) -> tuple[Send, ...]:
        """Return the messages of the cursors that this decision made and that nothing in this invocation drives."""
        return sends_made_by(self.cursors, self.by, cover_token)

    def freeze(self, *, sends: int) -> Execution:
        """Return the next version of the head; `sends` counts messages for the receipt."""
        base = self.base
        return replace(
            base,
            state=self.state,
            version=base.version + 1,
            step=self.step,
            output=self.output,
            error=self.error,
            stash=self.stash,
            cursors=self.cursors,
            ended_at_ms=self.now_ms if self.ended else None,
            due_at_ms=None if self.ended else self._due_at_ms(),
            visits=self.visits,
            transitions=self.transitions,
            seq=self.seq,
            events=tuple(self.events),
            by=self.by if self.ended else None,
            sends=base.sends + sends,
            data_bytes=self.volume.bytes,
        )

    def _due_at_ms(self) -> int:
        """Return a moment never later than the next that matters; the old one is kept while it is good enough.

        Rewriting it costs two index writes; keeping one that is too early costs a look that finds nothing.
        """
        moments = [cursor.due_at_ms if cursor.in_index else cursor.watch_at_ms for cursor in self.cursors]
        needed = min(moments, default=self.now_ms + self.policy.watch_ms)
        if self.base.deadline_at_ms is not None:
            needed = min(needed, self.base.deadline_at_ms)
        old = self.base.due_at_ms
        if old is not None and self.now_ms + EARLY_MS < old <= needed <= old + self.policy.watch_ms:
            return old
        return needed


def sends_made_by(cursors: tuple[Cursor, ...], by: str, token: str | None) -> tuple[Send, ...]:
    """Return the messages of cursors whose processing was named `by`, but for those that `token` itself drives."""
    return tuple(
        Send(cursor.token, cursor.due_at_ms)
        for cursor in cursors
        if cursor.by == by and cursor.token != token and not cursor.in_index
    )
