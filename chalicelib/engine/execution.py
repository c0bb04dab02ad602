"""The head of an execution and its cursors, and the document in which they are stored.

All times are milliseconds since the epoch, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Any

from chalicelib.engine.errors import UnsupportedHead
from chalicelib.engine.history import HistoryEvent

FORMAT = 2
READABLE = (1, 2)
"""Format 1 knew one cursor and no waits for others: all that it lacks has a default."""
NEVER_MS = 1 << 52
"""The due moment of what nothing but somebody's answer moves on."""
CLOCKS_APART_MS = 3_600_000
"""More than clocks differ, and less than the day for which an execution is kept at least."""
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
    any other is entered (again) when it is driven. An `unshaped` one has the input that its step received: the step's
    own `input` could not be made of it, which fails again when it is driven; or, if its `visit` is 0, it stands before
    the step, whose visit has not started yet and is neither counted nor in the history.

    `waits` says what else than time the step waits for: `task` (an answer), `signal`, `branches` or `child`. `held` is
    what such a wait is about; one with the member `child` may have a child execution, of that number. `vars` are the
    names that a branch or an item has to itself: `stash` (what it wrote), `item`, `index`. What waits without end has
    no driver, and `due_at_ms` is NEVER_MS.
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
    waits: str | None = None
    held: dict[str, Any] | None = None
    vars: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """The head: the whole truth about one execution, written in one conditional put per commit.

    `version` counts commits; `seq` and `visits` are the last numbers given out; `transitions` counts step attempts.
    `events` are the history events not yet known to be in a chunk, all with seq > `flushed_seq`.
    `by` is the nonce of the message that ended it; `deadline_at_ms` the moment of its execution timeout.
    `chunks` and `sends` count history chunks and messages, for the receipt. `salt` keys the tokens of tasks.

    `parent` is set on a child: `{id, token}` say whom its end is told; a part of a map has `step`, `start`, `allowed`
    and `quota` too, and `shown` is what its expressions see as `execution`. `depth` counts the executions above,
    `spread` says how many like it there may be side by side, by the widths of the fan-outs above.
    `life` counts redrives, and `kept` are the cursors from which one goes on. `signals` came and were not taken yet,
    `signal_ids` are the latest ids that callers gave. `ending` is the end that waits for children to be told.
    `data_bytes` counts the large values that were recorded; `retention_days` is how long it is kept after its end
    (None: as the deployment says).
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
    salt: str = ""
    parent: dict[str, Any] | None = None
    shown: dict[str, Any] | None = None
    depth: int = 0
    spread: int = 1
    life: int = 1
    kept: tuple[Cursor, ...] = ()
    signals: tuple[dict[str, Any], ...] = ()
    signal_ids: tuple[str, ...] = ()
    ending: dict[str, Any] | None = None
    redriven_at_ms: int = 0
    data_bytes: int = 0
    retention_days: int | None = None

    @property
    def ended(self) -> bool:
        """Whether the state is terminal."""
        return self.state in TERMINAL


def is_of(execution: Execution, event: HistoryEvent) -> bool:
    """Say whether an event under an execution's id is its own, and not that of one whose name it has after an expiry.

    Events are dated by the clocks of those who wrote them, which may be behind that of who started it.
    """
    return event.at_ms >= execution.started_at_ms - CLOCKS_APART_MS


def is_slot(cursor: Cursor) -> bool:
    """Say whether a cursor is not a step's own: it stands for one child of a map."""
    return isinstance(cursor.held, dict) and cursor.held.get("slot") is True


def stands_before(cursor: Cursor) -> bool:
    """Say whether a cursor stands before its step: the visit is left to the next decision, and has not started."""
    return cursor.unshaped and cursor.visit == 0


def is_part(execution: Execution, cursor: Cursor) -> bool:
    """Say whether a cursor is the map step of a child that does a part of that map."""
    return not cursor.path and execution.parent is not None and "start" in execution.parent


def due_is_watchdog(execution: Execution) -> bool:
    """Say whether the head's `due_at_ms` only guards against lost messages, so that no timer depends on it.

    A look that may come much later must not carry a timer: not its own, and not one that it would have to move on to.
    """
    return all(timer > (execution.due_at_ms or 0) + WATCHDOG_MAY_LAG_MS for timer in timers(execution))


def timers(execution: Execution) -> list[int]:
    """Return the moments at which the `due` index alone lets something happen: long waits, and the deadline."""
    moments = [_timer(cursor) for cursor in execution.cursors if cursor.in_index]
    no_deadline = execution.deadline_at_ms is None or execution.ending is not None
    return moments if no_deadline else [*moments, execution.deadline_at_ms or 0]


def _timer(cursor: Cursor) -> int:
    """Return when an index entry lets something happen: a look at a silent child is only a watchdog's."""
    return (cursor.timeout_at_ms or NEVER_MS) if cursor.waits == "child" else cursor.due_at_ms


def to_document(execution: Execution) -> dict[str, Any]:
    """Return the head without its history events as JSON-able data, stamped with the format's version.

    Members that came with format 2 are left out where they say nothing.
    """
    document: dict[str, Any] = dict(zip(_FIRST_FIELDS, _first_values(execution), strict=True))
    document["state"] = execution.state.value
    document["cursors"] = [_row(cursor) for cursor in execution.cursors]
    document["format"] = FORMAT
    for (name, default), value in zip(_LATER_FIELDS.items(), _later_values(execution), strict=True):
        if value != default:
            document[name] = list(value) if isinstance(value, tuple) else value
    if execution.kept:
        document["kept"] = [_row(cursor) for cursor in execution.kept]
    return document


def _row(cursor: Cursor) -> list[Any]:
    """Return a cursor as a list, without its last members as long as they say nothing."""
    row = list(_cursor_values(cursor))
    while row[-1] is None:
        del row[-1]
    return row


def from_document(document: dict[str, Any], events: tuple[HistoryEvent, ...]) -> Execution:
    """Read what `to_document` wrote. Raises UnsupportedHead for another format or missing members."""
    if document.get("format") not in READABLE:
        raise UnsupportedHead(f"head has format {document.get('format')!r}, this code reads {READABLE}")
    try:
        members = {name: document[name] for name in _FIRST_FIELDS}
        for name, default in _LATER_FIELDS.items():
            members[name] = document.get(name, default)
        for name in _LISTS:
            members[name] = tuple(members[name])
        members["state"] = State(document["state"])
        members["cursors"] = tuple(Cursor(*row) for row in document["cursors"])
        members["kept"] = tuple(Cursor(*row) for row in document.get("kept", ()))
    except (KeyError, TypeError, ValueError) as error:
        raise UnsupportedHead(f"head is damaged: {error!r}") from error
    return Execution(**members, events=events)


_LATER_FIELDS: dict[str, Any] = {
    "salt": "",
    "parent": None,
    "shown": None,
    "depth": 0,
    "spread": 1,
    "life": 1,
    "signals": (),
    "signal_ids": (),
    "ending": None,
    "redriven_at_ms": 0,
    "data_bytes": 0,
    "retention_days": None,
}
_LISTS = ("signals", "signal_ids")
_FIRST_FIELDS = tuple(
    name for name in Execution.__dataclass_fields__ if name not in ("cursors", "events", "kept", *_LATER_FIELDS)
)
_first_values = attrgetter(*_FIRST_FIELDS)
_later_values = attrgetter(*_LATER_FIELDS)
_cursor_values = attrgetter(*Cursor.__dataclass_fields__)
