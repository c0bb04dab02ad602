"""History events: what happened in an execution, in order, with `seq` from 1 without gaps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any


class EventType(StrEnum):
    """The names of history events (past tense)."""

    EXECUTION_SUBMITTED = "ExecutionSubmitted"
    STEP_STARTED = "StepStarted"
    STEP_SUCCEEDED = "StepSucceeded"
    STEP_FAILED = "StepFailed"
    STEP_RETRIED = "StepRetried"
    STEP_TIMED_OUT = "StepTimedOut"
    TASK_OPENED = "TaskOpened"
    TASK_CLAIMED = "TaskClaimed"
    TASK_RELEASED = "TaskReleased"
    TASK_ANSWERED = "TaskAnswered"
    SIGNAL_RECEIVED = "SignalReceived"
    CHILD_STARTED = "ChildStarted"
    CHILD_ENDED = "ChildEnded"
    EXECUTION_REDRIVEN = "ExecutionRedriven"
    CANCEL_REQUESTED = "CancelRequested"
    EXECUTION_SUCCEEDED = "ExecutionSucceeded"
    EXECUTION_FAILED = "ExecutionFailed"
    EXECUTION_TIMED_OUT = "ExecutionTimedOut"
    EXECUTION_CANCELLED = "ExecutionCancelled"


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One event: `details` holds what belongs to its type (input, output, error, message, …)."""

    seq: int
    at_ms: int
    type: str
    step: str | None = None
    visit: int | None = None
    attempt: int | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the event as the API shows it: `{seq, at, type, step?, visit?, attempt?, …}`."""
        shown: dict[str, Any] = {"seq": self.seq, "at": timestamp(self.at_ms), "type": self.type}
        position = {"step": self.step, "visit": self.visit, "attempt": self.attempt}
        shown.update((key, value) for key, value in position.items() if value is not None)
        return shown | self.details

    def row(self) -> list[Any]:
        """Return the event as it is stored: a list, which packs better than names."""
        return [self.seq, self.at_ms, self.type, self.step, self.visit, self.attempt, self.details]

    @classmethod
    def from_row(cls, row: list[Any]) -> HistoryEvent:
        """Read what `row()` wrote."""
        return cls(*row)


@lru_cache(maxsize=1024)
def timestamp(at_ms: int) -> str:
    """Format milliseconds since the epoch as RFC 3339 UTC with milliseconds."""
    moment = datetime.fromtimestamp(at_ms / 1000, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
