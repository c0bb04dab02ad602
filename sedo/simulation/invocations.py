"""What takes part in a run: messages as they lie in queues, and processes at work."""

from __future__ import annotations

from dataclasses import dataclass, field

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

    @property
    def text(self) -> str:
        """What stories call the message."""
        return f"{self.message.kind} {self.message.token} [{self.message.n}]"


@dataclass(slots=True)
class Invocation:
    """One process at work: for a batch (`processor`, `dead letters`), a `tick`, or a caller (`api`)."""

    number: int
    kind: str
    skew_ms: int = 0
    limit_ms: int = FOREVER
    alive: bool = True
    touched: dict[str, None] = field(default_factory=dict)
    parcels: list[Parcel] = field(default_factory=list)
    receives: dict[int, int] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The name that stories use."""
        return f"{self.kind}#{self.number}"
