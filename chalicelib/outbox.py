"""Sends on their way: batched while everything is fast, at once when somebody in the batch waits for the outside."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence
from threading import Lock

from chalicelib.engine.effects import Send
from chalicelib.engine.execution import Execution
from chalicelib.ports import Message, Outgoing, Unavailable
from chalicelib.runtime import Runtime

logger = logging.getLogger("sedo.outbox")
MAX_DELAY_SECONDS = 900
FULL_BATCH = 10


def outgoing(runtime: Runtime, execution: Execution, sends: Iterable[Send]) -> list[Outgoing]:
    """Turn sends into messages: a nonce for each, and the delay that is left."""
    return [
        Outgoing(
            Message(send.to or execution.id, send.token, runtime.nonces(), send.kind),
            execution.tenant_id,
            delay_seconds(runtime, send.due_at_ms),
        )
        for send in sends
    ]


def delay_seconds(runtime: Runtime, due_at_ms: int) -> int:
    """Return the delay of a message that is to arrive at a moment, as far as a queue can do."""
    return min(MAX_DELAY_SECONDS, max(0, math.ceil((due_at_ms - runtime.now_ms()) / 1000)))


def tenant_of(message: Message) -> str:
    """Return whose execution a message is for."""
    return message.execution_id.partition(":")[0]


def send_guarded(runtime: Runtime, execution: Execution, messages: Sequence[Outgoing]) -> None:
    """Send for an API call whose commit is done: what fails is logged, and the head's `due_at` brings it back."""
    refused: Sequence[Outgoing]
    try:
        refused = runtime.queue.send(messages) if messages else []
    except Unavailable as error:
        refused = messages
        logger.warning("queue unavailable: %s", error)
    if refused:
        logger.warning("%s: %d messages were not sent, the watchdog will send them", execution.id, len(refused))


def send_all(runtime: Runtime, execution: Execution, messages: Sequence[Outgoing]) -> None:
    """Send for somebody who is called again and will send all of it then. Raises Unavailable if one is refused."""
    refused = runtime.queue.send(messages) if messages else []
    if refused:
        raise Unavailable(f"{execution.id}: {len(refused)} of {len(messages)} messages were refused")


class Outbox:
    """Collects the sends of the executions in one batch, and knows whose were refused."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = Lock()
        self._waiting: list[tuple[str, Outgoing]] = []
        self._outside = 0
        self._refused: set[str] = set()

    def put(self, execution: Execution, sends: Iterable[Send]) -> None:
        """Take sends of a committed head; they leave now, or soon in a fuller batch.

        Where one is refused, what drives this head must come back, whomever the message is for.
        """
        self._put(execution.id, outgoing(self._runtime, execution, sends))

    def put_messages(self, messages: list[Outgoing]) -> None:
        """Take ready messages, of those that they are for."""
        for message in messages:
            self._put(message.message.execution_id, [message])

    def _put(self, cause: str, messages: list[Outgoing]) -> None:
        if not messages:
            return
        with self._lock:
            self._waiting += [(cause, message) for message in messages]
            flush_now = self._outside > 0 or len(self._waiting) >= FULL_BATCH
        if flush_now:
            self.flush()

    def going_outside(self) -> None:
        """Somebody is about to wait for an outside call: nothing may wait for that."""
        with self._lock:
            self._outside += 1
        self.flush()

    def back_inside(self) -> None:
        """The outside call has ended."""
        with self._lock:
            self._outside -= 1

    def flush(self) -> None:
        """Send all that waits."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        messages = [message for _, message in waiting]
        refused = messages  # whatever happens: among them are other executions' messages
        try:
            refused = self._runtime.queue.send(messages)
        except Unavailable as error:
            logger.warning("queue unavailable, %d messages were not sent: %s", len(messages), error)
        finally:
            lost = {message.message.n for message in refused}
            with self._lock:
                self._refused.update(cause for cause, message in waiting if message.message.n in lost)

    def was_refused(self, execution_id: str) -> bool:
        """Say whether a message that an execution sends was refused, so that what caused it must come back."""
        return execution_id in self._refused
