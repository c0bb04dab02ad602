"""The head of an execution and its cursors, and the document in which they are stored.

All times are milliseconds since the epoch, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chalicelib.engine.errors import UnsupportedHead
from chalicelib.engine.history import HistoryEvent

FORMAT = 1
WATCHDOG_MAY_LAG_MS = 900_000
"""So much later a look may come that only guards against lost messages, while a backlog is worked off."""


class State(StrEnum):
    """The seed's states of an execution."""

    SUBMITTED = "ExecutionSubmitted"
    STARTED = "StepStarted"
    SUCCEEDED = "ExecutionSucceeded"
    FAILED = "ExecutionFailed"
    TIMED_OUT = "ExecutionTimedOut"
    CANCELLED = "ExecutionCancelled"


TERMINAL = frozenset({State.SUCCEEDED, State.FAILED, State.TIMED_OUT, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in the definition, and what drives it.

    `token` names the one message (or timer) that drives it; `by` is the nonce of the message whose processing made
    it. `due_at_ms` is when the driver is due. `in_index` says that no message drives it, only the head's `due_at`.
    `watch_at_ms` is when the watchdog takes the message for lost. A `sleeping` step ends by itself at `due_at_ms`;
    any other is entered (again) when it is driven. An `unshaped` one has the input that its step received, since the
    step's own `input` could not be made of it: entering it fails.
    """

    path: str
    step: str
    visit: int
    attempt: int
    token: str
    by: str
    input: Any
    due_at_ms: int
    watch_at_ms: int
    in_index: bool = False
    sleeping: bool = False
    timeout_at_ms: int | None = None
    unshaped: bool = False


@dataclass(frozen=True, slots=True)
class Execution:
    """The head: the whole truth about one execution, written in one conditional put per commit.

    `version` counts commits; `seq` and `visits` are the last numbers given out; `transitions` counts step attempts.
    `events` are the history events not yet known to be in a chunk, all with seq > `flushed_seq`.
    `by` is the nonce of the message that ended it; `deadline_at_ms` the moment of its execution timeout.
    `chunks` and `sends` count history chunks and messages, for the receipt. `data_bytes` counts the large values that
    were recorded; `retention_days` is how long it is kept after its end (None: as the deployment says).
    """

    id: str
    tenant_id: str
    definition_id: str
    definition_version: int
    name: str | None
    state: State
    version: int
    step: str | None
    input: Any
    output: Any
    error: dict[str, Any] | None
    stash: dict[str, Any]
    cursors: tuple[Cursor, ...]
    started_at_ms: int
    ended_at_ms: int | None
    deadline_at_ms: int | None
    due_at_ms: int | None
    visits: int
    transitions: int
    seq: int
    flushed_seq: int
    events: tuple[HistoryEvent, ...]
    by: str | None = None
    chunks: int = 0
    sends: int = 0
    data_bytes: int = 0
    retention_days: int | None = None

    @property
    def ended(self) -> bool:
        """Whether the state is terminal."""
        return self.state in TERMINAL


def due_is_watchdog(execution: Execution) -> bool:
    """Say whether the head's `due_at_ms` only guards against lost messages, so that no timer depends on it.

    A look that may come much later must not carry a timer: not its own, and not one that it would have to move on to.
    """
    return all(timer > (execution.due_at_ms or 0) + WATCHDOG_MAY_LAG_MS for timer in timers(execution))


def timers(execution: Execution) -> list[int]:
    """Return the moments at which the `due` index alone lets something happen: long waits, and the deadline."""
    moments = [cursor.due_at_ms for cursor in execution.cursors if cursor.in_index]
    return moments if execution.deadline_at_ms is None else [*moments, execution.deadline_at_ms]


def to_document(execution: Execution) -> dict[str, Any]:
    """Return the head without its history events as JSON-able data, stamped with the format's version."""
    document = {name: getattr(execution, name) for name in _HEAD_FIELDS}
    document["cursors"] = [[getattr(cursor, name) for name in _CURSOR_FIELDS] for cursor in execution.cursors]
    document["state"] = execution.state.value
    document["format"] = FORMAT
    return document


def from_document(document: dict[str, Any], events: tuple[HistoryEvent, ...]) -> Execution:
    """Read what `to_document` wrote. Raises UnsupportedHead for another format or missing members."""
    if document.get("format") != FORMAT:
        raise UnsupportedHead(f"head has format {document.get('format')!r}, this code reads {FORMAT}")
    try:
        members = {name: document[name] for name in _HEAD_FIELDS}
        members["state"] = State(document["state"])
        cursors = tuple(Cursor(*row) for row in document["cursors"])
    except (KeyError, TypeError, ValueError) as error:
        raise UnsupportedHead(f"head is damaged: {error!r}") from error
    return Execution(**members, cursors=cursors, events=events)


_CURSOR_FIELDS = tuple(Cursor.__dataclass_fields__)
_HEAD_FIELDS = tuple(name for name in Execution.__dataclass_fields__ if name not in ("cursors", "events"))
