"""Queues in memory, for tests and the simulation: delays, visibility timeouts, receive counts, dead letters as in SQS.

Time is a clock that is passed in; nothing waits.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from threading import RLock

from chalicelib.adapters.queues import DEAD_LETTER, MAX_DELAY_SECONDS, READY, TIMEOUT, group_id
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.messages import body_of
from chalicelib.ports import Clock, Outgoing

ARN_PREFIX = "arn:aws:sqs:us-east-1:000000000000:"


@dataclass(frozen=True, slots=True)
class Received:
    """A message as a consumer gets it; times in milliseconds."""

    body: str
    receipt_handle: str
    receive_count: int
    message_id: str
    sent_at_ms: int
    group: str | None = None


@dataclass(slots=True)
class _Stored:
    message_id: str
    body: str
    group: str | None
    sent_at_ms: int
    visible_at_ms: int
    receive_count: int = 0
    handle: str | None = None


class MemoryQueues:
    """Queue in memory, with the consumer's side; see ports.Queue for what the sender's calls promise.

    Queue names are those without a prefix: `execution-processor-queue`, `timeout-queue`, `dead-letter-queue`.
    """

    def __init__(
        self, now_ms: Clock, *, visibility_seconds: float = 360, max_receive_count: int = 4, prefix: str = ""
    ) -> None:
        self.visibility_ms = int(visibility_seconds * 1000)
        self.max_receive_count = max_receive_count
        self._now_ms = now_ms
        self._prefix = prefix
        self._lock = RLock()
        self._numbers = count(1)
        self._stored: dict[str, dict[str, _Stored]] = {READY: {}, TIMEOUT: {}, DEAD_LETTER: {}}
        # Moments at which a message may become visible; entries of the past that no longer hold are skipped.
        self._moments: dict[str, list[tuple[int, int, str]]] = {name: [] for name in self._stored}

    def arn(self, queue: str) -> str:
        """Return the ARN under which events name a queue."""
        return f"{ARN_PREFIX}{self._prefix}sedo_{queue}"

    def send(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Put messages where SQS would get them; none is refused."""
        for outgoing in messages:
            queue = TIMEOUT if outgoing.delay_seconds > 0 else READY
            delay = min(int(outgoing.delay_seconds), MAX_DELAY_SECONDS)
            self.put(queue, body_of(outgoing.message), max(0, delay), group_id(outgoing.tenant_id))
        return []

    def put(self, queue: str, body: str, delay_seconds: float = 0, group: str | None = None) -> None:
        """Put any text into a queue."""
        with self._lock:
            now = self._now_ms()
            message = _Stored(f"m{next(self._numbers)}", body, group, now, now + int(delay_seconds * 1000))
            self._stored[queue][message.message_id] = message
            self._wake(queue, message)

    def backlog(self) -> int:
        """Count what is visible on both queues."""
        with self._lock:
            now = self._now_ms()
            stored = (self._stored[name] for name in (READY, TIMEOUT))
            return sum(message.visible_at_ms <= now for messages in stored for message in messages.values())

    def delete(self, queue_arn: str, receipt_handles: Sequence[str]) -> None:
        """Take messages away; a handle that is no longer the latest does nothing."""
        queue = queue_arn.rsplit(":", 1)[-1].removeprefix(f"{self._prefix}sedo_")
        with self._lock:
            for handle in receipt_handles:
                message_id = handle.partition("/")[0]
                message = self._stored[queue].get(message_id)
                if message is not None and message.handle == handle:
                    del self._stored[queue][message_id]

    def receive(self, queue: str, at_most: int = 10) -> list[Received]:
        """Take up to `at_most` visible messages, oldest first, and hide them; dead ones move on the way."""
        received: list[Received] = []
        with self._lock:
            now = self._now_ms()
            moments = self._moments[queue]
            while moments and moments[0][0] <= now and len(received) < at_most:
                at, _, message_id = heapq.heappop(moments)
                message = self._stored[queue].get(message_id)
                if message is None or message.visible_at_ms != at:
                    continue
                if queue != DEAD_LETTER and message.receive_count >= self.max_receive_count:
                    self._bury(queue, message)
                    continue
                message.receive_count += 1
                message.handle = f"{message_id}/{message.receive_count}"
                message.visible_at_ms = now + self.visibility_ms
                self._wake(queue, message)
                received.append(
                    Received(
                        message.body,
                        message.handle,
                        message.receive_count,
                        message_id,
                        message.sent_at_ms,
                        message.group,
                    )
                )
        return received

    def change_visibility(self, queue: str, receipt_handle: str, seconds: float) -> None:
        """Show a received message again after so many seconds (0: now)."""
        with self._lock:
            message = self._stored[queue].get(receipt_handle.partition("/")[0])
            if message is not None and message.handle == receipt_handle:
                message.visible_at_ms = self._now_ms() + int(seconds * 1000)
                self._wake(queue, message)

    def next_moment_ms(self) -> int | None:
        """Return when the next message of any queue is visible (maybe already), None when all are empty."""
        with self._lock:
            return min(
                (moments[0][0] for name in self._stored if (moments := self._current_moments(name))), default=None
            )

    def count(self, queue: str) -> int:
        """Return how many messages a queue holds, visible or not."""
        with self._lock:
            return len(self._stored[queue])

    def bodies(self, queue: str) -> list[str]:
        """Return all texts of a queue, visible or not, oldest first."""
        with self._lock:
            return [message.body for message in self._stored[queue].values()]

    def purge(self, queue: str) -> None:
        """Lose everything in a queue."""
        with self._lock:
            self._stored[queue].clear()
            self._moments[queue].clear()

    def _current_moments(self, queue: str) -> list[tuple[int, int, str]]:
        """Return the moments of a queue, the first one being a message's that is really there."""
        moments = self._moments[queue]
        while moments:
            message = self._stored[queue].get(moments[0][2])
            if message is not None and message.visible_at_ms == moments[0][0]:
                break
            heapq.heappop(moments)
        return moments

    def _wake(self, queue: str, message: _Stored) -> None:
        heapq.heappush(self._moments[queue], (message.visible_at_ms, next(self._numbers), message.message_id))

    def _bury(self, queue: str, message: _Stored) -> None:
        del self._stored[queue][message.message_id]
        message.visible_at_ms, message.receive_count, message.handle = self._now_ms(), 0, None
        self._stored[DEAD_LETTER][message.message_id] = message
        self._wake(DEAD_LETTER, message)


class MemoryTaskRunner:
    """TaskRunner that answers from a function and remembers what it was asked."""

    def __init__(self, answer: Callable[[Task], TaskResult] | None = None) -> None:
        self.calls: list[Task] = []
        self._answer = answer

    def perform(self, task: Task) -> TaskResult:
        """Remember and answer."""
        self.calls.append(task)
        if self._answer is None:
            return TaskResult(value={"status": 200, "headers": {}, "body": None})
        return self._answer(task)
