"""What the processor must do for a decision, as data: sends after the commit, calls before the next decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Send:
    """Send the message of `token`, so that it arrives at `due_at_ms` (or now). Sending twice is harmless.

    `kind` is `drive` (a cursor's message), `look` (do whatever is due in the head) or `ended` (a child's end, told to
    the execution `to`; all others go to the execution itself).
    """

    token: str
    due_at_ms: int
    kind: str = "drive"
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """Perform an outside call for one attempt of one step visit, and come back with a `Performed` event.

    `type` picks the runner (`http lambda queue`); `child`, `gather` and `cancel` are about other executions. `request`
    is what that runner takes; `idempotency_key` is stable across redeliveries and retries of the visit. `path` is the
    branch; `tenant_id` says whose secrets it may use.
    """

    type: str
    step: str
    visit: int
    attempt: int
    idempotency_key: str
    timeout_seconds: float
    request: dict[str, Any]
    path: str = ""
    tenant_id: str = ""

    @property
    def life(self) -> int:
        """The life in which a child is asked for; 1 for any other call."""
        return int(self.request["life"]) if self.type == "child" else 1


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How an outside call ended: `value` when `error` is None, else the error's name and cause."""

    value: Any = None
    error: str | None = None
    cause: str = ""
