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

from chalicelib.calls import Calls
from chalicelib.children import came_to
from chalicelib.commits import let_expire, lighten, must_stamp
from chalicelib.deliveries import Delivery
from chalicelib.engine.asking import is_asked
from chalicelib.engine.decide import decide
from chalicelib.engine.decision import Decision, looked_at_ms, sends_lost_with
from chalicelib.engine.definition import Definition
from chalicelib.engine.draft import Policy
from chalicelib.engine.effects import Send, Task
from chalicelib.engine.errors import SedoError
from chalicelib.engine.events import (
    AllPerformed,
    Arrived,
    ChildrenEnded,
    Cover,
    Event,
    Looked,
    Performed,
    TimeIsUp,
)
from chalicelib.engine.execution import Execution
from chalicelib.engine.places import child_of, child_token
from chalicelib.outbox import Outbox, delay_seconds, tenant_of
from chalicelib.patience import chance, patiently
from chalicelib.ports import Conflict, Outgoing
from chalicelib.runtime import Runtime

logger = logging.getLogger("sedo.processor")
FEW_CONFLICTS = 2
LONGEST_ASIDE_SECONDS = 1.0
MAX_CONFLICTS = 8
"""A message that lost so many races in a row comes back later instead."""
MAX_CONFLICTS_WITH_NEWS = 32
"""Where much ends at once, all of it writes one head. Who gives up with the end of a child or with the result of a
call returns after the visibility timeout only, and makes the call again."""


@dataclass(frozen=True, slots=True)
class Driven:
    """Where a message left its execution (None: it is gone), and whether the message must come back."""

    execution: Execution | None
    must_come_back: bool = False


class Driver:
    """Drives one execution for one message, or for several that tell of ended children at once.

    `delivery` is the message whose token covers the invocation; `told` are the tokens of all ended children.
    """

    def __init__(
        self,
        runtime: Runtime,
        outbox: Outbox,
        delivery: Delivery,
        until_ms: int,
        told: Sequence[str] = (),
        policy: Policy | None = None,
    ) -> None:
        self.runtime = runtime
        self.policy = policy or runtime.policy
        self.outbox = outbox
        self.delivery = delivery
        self.message = delivery.message
        self.until_ms = until_ms
        self.told = tuple(told)
        self._sent: set[str] = set()
        self._calls = Calls(runtime, until_ms, self.policy)
        self._been_outside = False
        self._broken: Exception | None = None

    def run(self, execution: Execution) -> Driven:
        """Let the message meet the head, and go on as long as this invocation drives it.

        Raises what an outside call raised that must be made again, once the results of the others are committed.
        """
        try:
            driven = self._drive(execution)
        finally:
            self._calls.withdraw()  # what it ends with, nobody here takes any more
        head = driven.execution
        if head is not None and head.by == self.message.n and must_stamp(head):  # it ended by this message
            self.outbox.flush()
            patiently(self.runtime, self.until_ms, lambda: let_expire(self.runtime, head))
        return driven

    def _drive(self, execution: Execution) -> Driven:
        self._send_lost(execution)
        event = self._first_event(execution)
        conflicts = 0
        while event is not None:
            decision = decide(self._definition(execution), execution, event, self.runtime.now_ms(), self.policy)
            if decision.changed:
                outcome = self._commit(execution, decision)
                if isinstance(outcome, Conflict):
                    conflicts += 1
                    if outcome.current is None:
                        return Driven(None)
                    before, execution = execution, outcome.current
                    self._send_lost(execution)
                    if self.message.kind == "ended" and execution.life != before.life:
                        event = self._first_event(execution)  # what is known of children may be of the life before
                        continue
                    lost_too_often = self._lost_too_often(event, conflicts)
                    if lost_too_often or self._moved_on(before, execution, event):
                        if self._calls.open and self._is_live(execution) and not lost_too_often:
                            event = self._arrived()  # what was begun is still to be kept
                            continue
                        lost_news = self.message.kind != "drive" and lost_too_often
                        return Driven(execution, must_come_back=lost_news or self._is_live(execution))
                    self._step_aside(conflicts)
                    continue
                execution = outcome
                self._put(execution, decision.sends)
            elif decision.sends:
                self._send_again(decision.sends)
            event = self._next_event(execution, event, decision)
        return Driven(execution)

    def _lost_too_often(self, event: Event, conflicts: int) -> bool:
        """Say whether to come back later: looks and news never move on, and news go on while there is time."""
        news = self.message.kind == "ended" or isinstance(event, AllPerformed)
        if news and self.runtime.now_ms() + LONGEST_ASIDE_SECONDS * 1000 < self.until_ms:
            return conflicts > MAX_CONFLICTS_WITH_NEWS
        return conflicts > MAX_CONFLICTS

    def _step_aside(self, conflicts: int) -> None:
        """Wait a moment, another one in each process: where much ends at once, all write one head."""
        if self.message.kind == "ended" or conflicts > FEW_CONFLICTS:
            self.runtime.sleep(min(LONGEST_ASIDE_SECONDS, 0.05 * 2**conflicts) * chance(self.runtime.nonces()))

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
        if self.message.kind == "ended":
            news = self._news(execution)
            if news is not None:
                return news
        return self._arrived() if self._is_live(execution) else None

    def _news(self, execution: Execution) -> ChildrenEnded | None:
        """Find out what the children came to whose end is told, as far as anybody still waits for them."""
        waiting = {child_token(cursor): child_of(execution.id, cursor) for cursor in execution.cursors}
        ids = {token: child for token in self.told if (child := waiting.get(token)) is not None}
        if not ids or execution.ending is not None:
            return None
        heads = patiently(self.runtime, self.until_ms, lambda: self.runtime.store.load(list(ids.values())))
        ended = []
        for token, child in ids.items():
            head = heads.get(child)
            if isinstance(head, SedoError):
                raise head
            if head is not None and head.ended:
                ended.append((token, came_to(head)))
        return ChildrenEnded(tuple(ended), self.message.n, self._cover()) if ended else None

    def _arrived(self) -> Arrived:
        return Arrived(self.message.token, self.message.n, self._cover())

    def _next_event(self, execution: Execution, event: Event, decision: Decision) -> Event | None:
        """Return what this invocation has to decide next: the results of outside calls, or its own cursors again."""
        if decision.rest is not None:
            return decision.rest
        if self._broken is not None:
            raise self._broken
        if decision.tasks:
            return self._perform(execution, decision.tasks)
        goes_on = decision.changed or (bool(self._calls.open) and not isinstance(event, Arrived))
        return self._arrived() if goes_on and self._is_live(execution) else None

    def _cover(self) -> Cover | None:
        """Give leave to go on inline; one that came before hands over to a fresh message, or receives would add up.

        So does one that will come again since one of its calls broke: what went well must not share its fate.
        """
        if self.delivery.receive_count > 1 or self.message.kind == "look" or self._broken is not None:
            return None
        return Cover(self.message.token, self.until_ms)

    def _is_live(self, execution: Execution) -> bool:
        """Row 2: say whether a cursor carries the message's token (for a look: whether it could still matter)."""
        if self.message.kind == "look":
            return False
        return any(cursor.token == self.message.token and not cursor.in_index for cursor in execution.cursors)

    def _send_lost(self, execution: Execution) -> None:
        """Row 1: repeat the sends of what this message's processing committed, but for those of this invocation."""
        lost = sends_lost_with(execution, self.message.n, self.message.token)
        self._put(execution, [send for send in lost if send.token not in self._sent])

    def _put(self, execution: Execution, sends: Sequence[Send]) -> None:
        self._sent.update(send.token for send in sends)
        self.outbox.put(execution, sends)

    def _moved_on(self, before: Execution, after: Execution, event: Event) -> bool:
        """Say whether the winner of a race took over what this event is about; else the event is decided again."""
        match event:
            case AllPerformed(results=results):
                there = {cursor.path: cursor for cursor in after.cursors}
                return not any(r.path in there and is_asked(there[r.path], r) for r in results)
            case ChildrenEnded(children=children):
                waiting = {child_token(cursor) for cursor in after.cursors}
                return not any(token in waiting for token, _ in children)
            case Arrived(token=token) | TimeIsUp(token=token):
                return _positions(before, token) != _positions(after, token)
            case _:
                return False

    def _commit(self, execution: Execution, decision: Decision) -> Execution | Conflict:
        """Write the next head and return it; the same write, under the same nonce, is tried while there is time."""
        after = patiently(self.runtime, self.until_ms, lambda: lighten(self.runtime, execution, decision.execution))
        nonce = self.runtime.nonces()
        outcome = patiently(self.runtime, self.until_ms, lambda: self.runtime.store.commit(after, nonce))
        return outcome if isinstance(outcome, Conflict) else after

    def _perform(self, execution: Execution, tasks: Sequence[Task]) -> AllPerformed | TimeIsUp:
        """Make the outside calls of this head side by side, as far as there is time; the first ones always.

        Returns the results of those that have ended; what is slower than others stays open, and is asked for again.
        """
        first, self._been_outside = not self._been_outside, True
        self.outbox.going_outside()
        try:
            made = self._calls.make(execution, tasks, first=first)
        finally:
            self.outbox.back_inside()
        self._broken = made.error
        if made.error is not None and not made.found:
            raise made.error
        n, cover = self.message.n, self._cover()
        if not made.found:
            return TimeIsUp(self.message.token, n, self._calls.open)
        results = tuple(
            Performed(task.visit, task.attempt, result, n, cover, task.path, task.life) for task, result in made.found
        )
        return AllPerformed(results, n, cover)


def _positions(execution: Execution, token: str) -> list[tuple[str, int, int]]:
    return [(cursor.path, cursor.visit, cursor.attempt) for cursor in execution.cursors if cursor.token == token]
