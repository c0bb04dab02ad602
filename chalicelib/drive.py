"""Driving one execution by its messages: decide → commit → effects → decide …, until it waits, ends, or time is up.

How a message meets its head, over all cursors:

    1  cursors (or an ended head) whose `by` is its `n`   the sends after that commit may be lost   → send theirs again
    2  cursors with its `token`                           live                                      → drive them
    3  neither                                            a duplicate of something done             → acknowledge
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.commits import let_expire, lighten, must_stamp
from chalicelib.deliveries import Delivery
from chalicelib.engine.decide import Decision, decide, looked_at_ms, sends_lost_with
from chalicelib.engine.definition import Definition
from chalicelib.engine.effects import Send, Task, TaskResult
from chalicelib.engine.events import Arrived, Cover, Event, Looked, Performed
from chalicelib.engine.execution import Execution
from chalicelib.outbox import Outbox, delay_seconds, tenant_of
from chalicelib.patience import patiently
from chalicelib.ports import Committed, Conflict, Outgoing
from chalicelib.runtime import Runtime

logger = logging.getLogger("sedo.processor")
MAX_CONFLICTS = 8
"""A message that lost so many races in a row comes back later instead."""


@dataclass(frozen=True, slots=True)
class Driven:
    """Where a message left its execution (None: it is gone), and whether the message must come back."""

    execution: Execution | None
    must_come_back: bool = False


class Driver:
    """Drives one execution for one message."""

    def __init__(self, runtime: Runtime, outbox: Outbox, delivery: Delivery, until_ms: int) -> None:
        self.runtime = runtime
        self.outbox = outbox
        self.delivery = delivery
        self.message = delivery.message
        self.until_ms = until_ms

    def run(self, execution: Execution) -> Driven:
        """Let the message meet the head, and go on as long as this invocation drives it."""
        self._send_lost(execution)
        event = self._first_event(execution)
        conflicts = 0
        while event is not None:
            decision = decide(self._definition(execution), execution, event, self.runtime.now_ms(), self.runtime.policy)
            if decision.changed:
                outcome = self._commit(execution, decision)
                if isinstance(outcome, Conflict):
                    conflicts += 1
                    if outcome.current is None:
                        return Driven(None)
                    before, execution = execution, outcome.current
                    self._send_lost(execution)
                    if self._moved_on(before, execution, event) or conflicts > MAX_CONFLICTS:
                        lost_look = self.message.kind == "look"  # a look never moves on: it lost too often
                        return Driven(execution, must_come_back=lost_look or self._is_live(execution))
                    continue
                execution = decision.execution
                self.outbox.put(execution, decision.sends)
            elif decision.sends:
                self._send_again(decision.sends)
            event = self._next_event(execution, decision)
        if execution.by == self.message.n and must_stamp(execution):  # it ended by this message, now or earlier
            self.outbox.flush()
            patiently(self.runtime, self.until_ms, lambda: let_expire(self.runtime, execution))
        return Driven(execution)

    def _definition(self, execution: Execution) -> Definition | None:
        return patiently(self.runtime, self.until_ms, lambda: self.runtime.definition(execution))

    def _send_again(self, sends: Sequence[Send]) -> None:
        """Send this very message for later, since it came early.

        It keeps its nonce: this delivery will be acknowledged, and what another delivery of it commits meanwhile (a
        slow process, a clock ahead) must still be found by row 1.
        """
        delay = delay_seconds(self.runtime, min(send.due_at_ms for send in sends))
        self.outbox.put_messages([Outgoing(self.message, tenant_of(self.message), delay)])

    def _first_event(self, execution: Execution) -> Event | None:
        if self.message.kind == "look":
            return Looked(self.message.n, looked_at_ms(self.message.token))
        return self._arrived() if self._is_live(execution) else None

    def _arrived(self) -> Arrived:
        return Arrived(self.message.token, self.message.n, self._cover())

    def _next_event(self, execution: Execution, decision: Decision) -> Event | None:
        """Return what this invocation has to decide next: the result of an outside call, or its own cursor again."""
        if decision.tasks:
            return self._perform(decision.tasks)
        return self._arrived() if decision.changed and self._is_live(execution) else None

    def _cover(self) -> Cover | None:
        """Give leave to go on inline; one that came before hands over to a fresh message, or receives would add up."""
        if self.delivery.receive_count > 1 or self.message.kind != "drive":
            return None
        return Cover(self.message.token, self.until_ms)

    def _is_live(self, execution: Execution) -> bool:
        """Row 2: say whether a cursor carries the message's token (for a look: whether it could still matter)."""
        if self.message.kind == "look":
            return False
        return any(cursor.token == self.message.token and not cursor.in_index for cursor in execution.cursors)

    def _send_lost(self, execution: Execution) -> None:
        """Row 1: repeat the sends of what this message's processing committed."""
        self.outbox.put(execution, sends_lost_with(execution, self.message.n, self.message.token))

    def _moved_on(self, before: Execution, after: Execution, event: Event) -> bool:
        """Say whether the winner of a race took over what this event is about; else the event is decided again."""
        match event:
            case Performed(visit=visit, attempt=attempt):
                return not any((cursor.visit, cursor.attempt) == (visit, attempt) for cursor in after.cursors)
            case Arrived(token=token):
                return _positions(before, token) != _positions(after, token)
            case _:
                return False

    def _commit(self, execution: Execution, decision: Decision) -> Committed | Conflict:
        """Write the next head; the same write, with the same nonce, is tried again while there is time."""
        after = patiently(self.runtime, self.until_ms, lambda: lighten(self.runtime, execution, decision.execution))
        nonce = self.runtime.nonces()
        return patiently(self.runtime, self.until_ms, lambda: self.runtime.store.commit(after, nonce))

    def _perform(self, tasks: Sequence[Task]) -> Performed:
        """Make the one outside call of this head."""
        task = tasks[0]
        self.outbox.going_outside()
        try:
            result: TaskResult = self.runtime.tasks.perform(task)
        finally:
            self.outbox.back_inside()
        return Performed(task.visit, task.attempt, result, self.message.n, self._cover())


def _positions(execution: Execution, token: str) -> list[tuple[int, int]]:
    return [(cursor.visit, cursor.attempt) for cursor in execution.cursors if cursor.token == token]
