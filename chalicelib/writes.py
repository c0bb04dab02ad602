"""Writes by callers of the API: decide, commit, decide again when somebody else wrote first, and then send.

Nobody delivers an API call again. What its commit should have sent is found by the watchdog a minute later, should the
process end in between. Calls that may be repeated have names, which are the `by` of what they made: who repeats one
sends what may be lost with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chalicelib.commits import commit, let_expire_if_possible
from chalicelib.deliveries import Delivery
from chalicelib.drive import Driven, Driver
from chalicelib.engine.decide import decide
from chalicelib.engine.decision import sends_lost_with
from chalicelib.engine.definition import Definition
from chalicelib.engine.effects import Send
from chalicelib.engine.events import Event
from chalicelib.engine.execution import Cursor, Execution
from chalicelib.engine.history import EventType
from chalicelib.outbox import Outbox, outgoing, send_guarded
from chalicelib.ports import Conflict, Message, Outgoing
from chalicelib.runtime import Runtime

logger = logging.getLogger("sedo.api")
START = "start"
"""The name of the call that starts an execution."""
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


Sender = Callable[[Runtime, Execution, Sequence[Outgoing]], None]


def follow(runtime: Runtime, head: Execution, sends: Sequence[Send], send_them: Sender = send_guarded) -> Execution:
    """Do what a caller's decision wants, once its head is committed: start children here and now, send all else."""
    here = [send for send in sends if _is_about_children(head, send)]
    send_them(runtime, head, outgoing(runtime, head, [send for send in sends if send not in here]))
    for send in here:
        head = _drive(runtime, head, send, send_them)
    let_expire_if_possible(runtime, head)
    return head


def lost_with(head: Execution, call: str) -> tuple[Send, ...]:
    """Return the messages that a call of this name should have sent, also those of what it did here and now."""
    return sends_lost_with(head, call, "") + sends_lost_with(head, onward(call), "")


def onward(call: str) -> str:
    """Return the name under which a call goes on after its own commit."""
    return f"{call}+"


def _driven(head: Execution, send: Send) -> list[Cursor]:
    return [cursor for cursor in head.cursors if cursor.token == send.token]


def _is_about_children(head: Execution, send: Send) -> bool:
    """Say whether all that a message would drive is done by writing other heads, which takes no time to speak of."""
    if send.kind != "drive" or send.to is not None:
        return False
    driven = _driven(head, send)
    return bool(driven) and all(cursor.held is not None and "child" in cursor.held for cursor in driven)


def _drive(runtime: Runtime, head: Execution, send: Send, send_them: Sender) -> Execution:
    """Drive the head as its message would, and send the message where that does not come to an end.

    It is sent under the nonce that was driven under: so it also finds what was committed here and could not be sent.
    """
    outbox = Outbox(runtime)
    message = Message(head.id, send.token, onward(_driven(head, send)[0].by))
    try:
        policy = replace(runtime.policy, watch_ms=runtime.policy.api_watch_ms)  # nobody delivers this call again
        until_ms = runtime.now_ms() + INLINE_MS
        driven = Driver(runtime, outbox, Delivery(message, "", "", 1), until_ms, policy=policy).run(head)
    except Exception as error:  # noqa: BLE001 - it is committed; the caller's message goes the way of all others
        logger.warning("%s: children could not be started at once: %r", head.id, error)
        driven = Driven(head, must_come_back=True)
    outbox.flush()
    if driven.must_come_back or outbox.was_refused(head.id):
        send_them(runtime, head, [Outgoing(message, head.tenant_id, 0)])
    return driven.execution or head
