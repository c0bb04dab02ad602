"""Writes by callers of the API: decide, commit, decide again when somebody else wrote first, and then send.

Nobody delivers an API call again. What its commit should have sent is found by the watchdog a minute later, should the
process end in between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chalicelib.commits import commit, let_expire_if_possible
from chalicelib.deliveries import Delivery
from chalicelib.drive import Driver
from chalicelib.engine.decide import decide
from chalicelib.engine.definition import Definition
from chalicelib.engine.effects import Send
from chalicelib.engine.events import Event
from chalicelib.engine.execution import Execution
from chalicelib.engine.history import EventType
from chalicelib.outbox import Outbox, send_guarded
from chalicelib.ports import Conflict, Message
from chalicelib.runtime import Runtime

logger = logging.getLogger("sedo.api")
INLINE_MS = 5000
"""So long a caller waits, at most, for children to be started in its own call."""


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a write: the head then (None: it is gone), whether it was changed, and what went into its history.

    A changed head need not mean that the event was taken: it may have found that the execution's time was over.
    """

    head: Execution | None
    changed: bool = False
    happened: frozenset[str] = frozenset()

    def has(self, *kinds: EventType) -> bool:
        """Say whether one of these went into the history with this write."""
        return not self.happened.isdisjoint(kinds)


def write(
    runtime: Runtime, head: Execution, definition: Definition | None, make: Callable[[Execution], Event]
) -> Written:
    """Decide an event on a head until it is written.

    `make` may raise to refuse what it finds in the head.
    """
    while True:
        decision = decide(definition, head, make(head), runtime.now_ms(), runtime.policy)
        if not decision.changed:
            return Written(head)
        outcome = commit(runtime, head, decision.execution)
        if not isinstance(outcome, Conflict):
            happened = frozenset(event.type for event in decision.execution.events if event.seq > head.seq)
            return Written(follow(runtime, outcome, decision.sends), True, happened)
        if outcome.current is None:
            return Written(None)
        if definition is not None and outcome.current.definition_version != head.definition_version:
            definition = runtime.definition(outcome.current)  # it was redriven on another one
        head = outcome.current


Sender = Callable[[Runtime, Execution, Sequence[Send]], None]


def follow(runtime: Runtime, head: Execution, sends: Sequence[Send], send_them: Sender = send_guarded) -> Execution:
    """Do what a caller's decision wants, once its head is committed: start children here and now, send all else."""
    here = [send for send in sends if _is_about_children(head, send)]
    send_them(runtime, head, [send for send in sends if send not in here])
    for send in here:
        head = _drive(runtime, head, send, send_them)
    let_expire_if_possible(runtime, head)
    return head


def _is_about_children(head: Execution, send: Send) -> bool:
    """Say whether all that a message would drive is done by writing other heads, which takes no time to speak of."""
    if send.kind != "drive" or send.to is not None:
        return False
    driven = [cursor for cursor in head.cursors if cursor.token == send.token]
    return bool(driven) and all(cursor.held is not None and "child" in cursor.held for cursor in driven)


def _drive(runtime: Runtime, head: Execution, send: Send, send_them: Sender) -> Execution:
    """Drive the head as its message would, and send the message where that does not come to an end."""
    outbox = Outbox(runtime)
    delivery = Delivery(Message(head.id, send.token, runtime.nonces()), "", "", 1)
    try:
        policy = replace(runtime.policy, watch_ms=runtime.policy.api_watch_ms)  # nobody delivers this call again
        driven = Driver(runtime, outbox, delivery, runtime.now_ms() + INLINE_MS, policy=policy).run(head)
    except Exception as error:  # noqa: BLE001 - it is committed; the caller's message goes the way of all others
        logger.warning("%s: children could not be started at once: %r", head.id, error)
        send_them(runtime, head, [send])
        return head
    finally:
        outbox.flush()
    if driven.must_come_back or outbox.was_refused(head.id):
        send_them(runtime, head, [send])
    return driven.execution or head
