"""What takes part in a run: messages as they lie in queues, and processes at work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chalicelib.ports import Message

START_MS = 1_800_000_000_000
FOREVER = 1 << 60


@dataclass(slots=True)
class Parcel:
    """One message in a queue.

    `stamp` counts what happened to it, so that plans made before are known as stale; `progressed_at` is the last
    receive that led to a commit, `deleted_by` is who acknowledged it, and of which receive.
    """

    number: int
    message: Message
    body: str
    queue: str
    receives: int = 0
    stamp: int = 0
    gone: bool = False
    progressed_at: int = 0
    deleted_by: tuple[str, int] | None = None

    def was_deleted_before(self, who: Invocation) -> bool:
        """Say whether somebody deleted it by an older handle than the one that this invocation has."""
        if self.deleted_by is None or self.deleted_by[0] == who.label:
            return False
        return self.deleted_by[1] < who.receives[self.number]

    def record(self) -> dict[str, Any]:
        """Return it as an event source hands it to a function."""
        return {
            "messageId": str(self.number),
            "receiptHandle": f"{self.number}.{self.receives}",
            "body": self.body,
            "attributes": {"ApproximateReceiveCount": str(self.receives)},
            "eventSourceARN": self.queue,
        }

    @property
    def text(self) -> str:
        """What stories call the message."""
        return f"{self.message.kind} {self.message.token} [{self.message.n}]"


@dataclass(slots=True)
class Invocation:
    """One process at work: for a batch (`processor`, `dead letters`), a `tick`, or a caller (`api`).

    `own` holds the executions, without parts, of which it has messages; None says that it starts nothing. `struck` says
    that it was killed, or that a call was refused or its answer lost; `troubled` holds the executions that broke, lost
    a race or were refused.
    """

    number: int
    kind: str
    skew_ms: int = 0
    limit_ms: int = FOREVER
    began_ms: int = START_MS
    alive: bool = True
    touched: dict[str, None] = field(default_factory=dict)
    parcels: list[Parcel] = field(default_factory=list)
    receives: dict[int, int] = field(default_factory=dict)
    own: frozenset[str] | None = None
    struck: bool = False
    troubled: set[str] = field(default_factory=set)

    def take(self, parcels: list[Parcel]) -> None:
        """Note whose messages it has."""
        self.parcels = parcels
        self.touched.update((parcel.message.execution_id, None) for parcel in parcels)
        self.receives.update((parcel.number, parcel.receives) for parcel in parcels)
        if any(parcel.message.kind == "schedule" for parcel in parcels):
            self.own = frozenset(parcel.message.execution_id.partition(".")[0] for parcel in parcels)

    def writes_alone(self, name: str) -> bool:
        """Say whether nobody delivers again what it writes to an execution, as with callers of the API.

        A process that starts what is due does so too, beside the executions of which it has messages.
        """
        return self.kind == "api" or (self.own is not None and name.partition(".")[0] not in self.own)

    @property
    def label(self) -> str:
        """The name that stories use."""
        return f"{self.kind}#{self.number}"
