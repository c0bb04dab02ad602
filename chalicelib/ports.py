"""What the processor and the API need from the outside, as protocols.

One suite of contract tests holds for every implementation. Store, Queue and TaskRunner are implemented by adapters/
(DynamoDB, SQS, HTTP) and by in-memory fakes outside chalicelib.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.errors import SedoError
from chalicelib.engine.execution import Execution
from chalicelib.engine.history import HistoryEvent
from chalicelib.engine.timetable import Row, Timetable

T = TypeVar("T")

CALLS_AT_ONCE = 100
"""So many outside calls one process makes at a time, and so many connections it keeps for them."""


@dataclass(frozen=True, slots=True)
class StoredDefinition:
    """One immutable version of a definition; `document` is what was posted."""

    tenant_id: str
    id: str
    version: int
    created_at_ms: int
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list; `cursor` is None at the end, else an opaque string for the next call."""

    items: Sequence[T]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """The head is written (also when only the answer of an earlier try of this very commit was lost)."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody else wrote first: the head as it is now; None when there is none (it expired or never was)."""

    current: Execution | None


@dataclass(frozen=True, slots=True)
class DueEntry:
    """An entry of the `due` index: somebody must look at the execution by this moment.

    `watchdog` says that a message is expected to have done it by then, so that no timer depends on the look.
    `timetable` says that it is none, but the timetable of a definition that starts executions then.
    """

    execution_id: str
    due_at_ms: int
    watchdog: bool
    timetable: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """What travels: no state and no path. `n` is new for every physical send; `lives` counts dead-letter rounds.

    One of kind `schedule` is for a timetable, whose id it carries in place of an execution's.
    """

    execution_id: str
    token: str
    n: str
    kind: str = "drive"
    lives: int = 0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way: delayed ones travel by the timeout queue, so that they never delay ready work."""

    message: Message
    tenant_id: str
    delay_seconds: int = 0


class Store(Protocol):
    """Definitions, heads and history. Every read of a head is consistent; lists may lag."""

    def put_definition(
        self, tenant_id: str, definition_id: str, document: dict[str, Any], now_ms: int, rows: Sequence[Row] = ()
    ) -> int:
        """Store the next immutable version and make it the latest; return its number (from 1, never given twice).

        In the same step `rows` become its timetable, of revision 0; without rows there is none any more.
        """
        ...

    def get_definition(self, tenant_id: str, definition_id: str, version: int | None = None) -> StoredDefinition | None:
        """Return one version, or the latest. Versions outlive `delete_definition`; the latest does not."""
        ...

    def list_definitions(self, tenant_id: str, limit: int, cursor: str | None = None) -> Page[str]:
        """Return the ids of a tenant's definitions in their order. Raises BadCursor."""
        ...

    def list_versions(
        self, tenant_id: str, definition_id: str, limit: int, cursor: str | None = None
    ) -> Page[tuple[int, int]]:
        """Return `(version, created_at_ms)` of all versions, newest first. Raises BadCursor."""
        ...

    def delete_definition(self, tenant_id: str, definition_id: str) -> bool:
        """Take away the latest and the timetable, keep the versions for what runs; False when there was none."""
        ...

    def load_timetable(self, tenant_id: str, definition_id: str) -> Timetable | None:
        """Return the timetable of a definition's latest version, consistently; None when it has no schedule."""
        ...

    def save_timetable(self, timetable: Timetable) -> bool:
        """Write it if what is stored is of the same version and the revision before; False if it is not."""
        ...

    def load(self, execution_ids: Sequence[str], *, whole: bool = True) -> dict[str, Execution | SedoError]:
        """Return the heads that exist (up to 100), consistently; a head that cannot be read is its UnsupportedHead.

        Large values of its events stand as references, `{"$payload": {"bytes", "digest"}}`. If not `whole`, all large
        values do, and nothing is read but the head; such a head can be committed as any other. Missing payloads are an
        UnsupportedHead too, but of one that has ended, where nothing depends on them.
        """
        ...

    def resolve(self, execution_id: str, value: Any, max_bytes: int) -> Any:
        """Return a copy of a value with its references resolved, from the smallest up, while so many bytes hold them.

        Raises UnsupportedHead for a payload that is missing or damaged.
        """
        ...

    def commit(self, execution: Execution, nonce: str) -> Committed | Conflict:
        """Write the head if the stored version is `execution.version - 1` (1: if there is none yet).

        A conflict whose stored item carries `nonce` is a success: the answer of that write was lost. Only events with
        seq > flushed_seq are kept in the head. A head that has expired counts as none. Raises Unavailable when it
        cannot be known whether it was written.
        """
        ...

    def list_executions(
        self,
        tenant_id: str,
        limit: int,
        cursor: str | None = None,
        states: Iterable[str] | None = None,
        definition_id: str | None = None,
    ) -> Page[Execution]:
        """Return a tenant's executions as they are now, newest first. Raises BadCursor."""
        ...

    def list_inbox(self, tenant_id: str, limit: int, cursor: str | None = None) -> Page[Execution]:
        """Return a tenant's executions that have an open task of a person, oldest first. Raises BadCursor."""
        ...

    def due(self, before_ms: int, limit_per_shard: int) -> Iterable[DueEntry]:
        """Yield what somebody must look at before a moment, earliest first within each shard."""
        ...

    def put_chunk(self, execution: Execution, events: Sequence[HistoryEvent]) -> None:
        """Write committed events to the history table, keyed by the last one's seq. Writing again changes nothing."""
        ...

    def load_chunks(self, execution: Execution, after_seq: int, limit: int) -> list[HistoryEvent]:
        """Return at least the first `limit` flushed events after `after_seq`, if there are so many, in order.

        Their large values stand as references. What an earlier execution of the same id left is not seen.
        """
        ...

    def stamp_expiry(self, execution: Execution) -> None:
        """Let chunks and payloads expire when the head does; for one that lives, take their expiry away.

        Comes after the commit that ended it, and before one that lets it live again. Doing it again changes nothing,
        and neither does one of an earlier version than another one's.
        """
        ...


class Queue(Protocol):
    """The two working queues as one place to send to."""

    def send(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Send all, in batches; return those that were refused (tried again inside a bound). Raises Unavailable."""
        ...

    def backlog(self) -> int:
        """Return about how many messages are ready to be received on the two working queues."""
        ...

    def delete(self, queue_arn: str, receipt_handles: Sequence[str]) -> None:
        """Acknowledge messages; one that is already gone counts as done."""
        ...


class TaskRunner(Protocol):
    """Performs outside calls. Never raises for what the other side does: that is a result with an error name."""

    def perform(self, task: Task) -> TaskResult:
        """Call, within the task's timeout."""
        ...


Clock = Callable[[], int]
"""Now, in milliseconds since the epoch."""

Nonces = Callable[[], str]
"""A new string, different each time."""


class Unavailable(SedoError):
    """AWS could not be reached or throttled beyond the time there was; whether the last write happened is not known."""


class BadCursor(SedoError):
    """A `cursor` of a list that this service did not hand out."""
