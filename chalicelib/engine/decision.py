"""What a decision comes to: the next head, the messages that go with it, and those of row 1 that may be lost."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.engine.draft import Draft, Policy, sends_made_by
from chalicelib.engine.effects import Send, Task
from chalicelib.engine.events import AllPerformed, ChildrenEnded
from chalicelib.engine.execution import Execution, timers
from chalicelib.engine.soundness import is_parent

LOOK = "look."
TICK_MAY_BE_OVER_MS = 120_000
"""Two ticks: what becomes due later than that is seen by a tick in time."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from an event: the next head (to be committed if `changed`), then sends, then outside calls.

    `rest` is what is left of the event, since this decision has worked enough: it is decided next.
    """

    execution: Execution
    changed: bool
    sends: tuple[Send, ...] = ()
    tasks: tuple[Task, ...] = ()
    rest: AllPerformed | ChildrenEnded | None = None

    @classmethod
    def resend_all(cls, execution: Execution, policy: Policy) -> Decision:
        """Return all messages of a live head again, as after a start whose sends may be lost."""
        messages = {c.token: Send(c.token, c.due_at_ms) for c in execution.cursors if not c.in_index}
        return cls(execution, changed=False, sends=(*messages.values(), *deadline_look(execution, policy)))


def commit(draft: Draft) -> Decision:
    """Return what a draft came to, with the messages that its cursors need, and the notice that a parent waits for."""
    sends = draft.sends(None if draft.cover is None else draft.cover.token)
    after = draft.freeze(sends=len(sends))
    return Decision(after, changed=True, sends=sends + _near_look(draft, after) + notice(after))


def notice(execution: Execution) -> tuple[Send, ...]:
    """Return the message that tells a parent of its child's end."""
    parent = execution.parent
    if not execution.ended or parent is None or not is_parent(parent):
        return ()
    return (Send(parent["token"], 0, "ended", parent["id"]),)  # now: its end may be dated by a clock that is ahead


def _near_look(draft: Draft, after: Execution) -> tuple[Send, ...]:
    """Return the look of a timer that the index learns of so late that the tick before it may be over."""
    due = after.due_at_ms
    if due is None or due == draft.base.due_at_ms or due - draft.now_ms > TICK_MAY_BE_OVER_MS:
        return ()
    return (Send(look_token(due), due, kind="look"),) if due in timers(after) else ()


def sends_lost_with(execution: Execution, n: str, token: str) -> tuple[Send, ...]:
    """Return the messages that processing of message `n` should have sent: row 1 of the table."""
    told = notice(execution) if execution.by == n else ()
    return sends_made_by(execution.cursors, n, token) + told


def deadline_look(execution: Execution, policy: Policy) -> tuple[Send, ...]:
    """Return the message for a deadline that is near; a far one is left to the `due` index."""
    deadline = execution.deadline_at_ms
    timeout = None if deadline is None else deadline - max(execution.started_at_ms, execution.redriven_at_ms)
    if deadline is None or timeout is None or timeout > policy.max_delay_ms:
        return ()
    return (Send(look_token(deadline), deadline, kind="look"),)


def look_token(due_at_ms: int) -> str:
    """Return the token of all looks at one moment: those of one moment are copies of one message."""
    return f"{LOOK}{due_at_ms}"


def looked_at_ms(token: str) -> int:
    """Return the moment that a look's token names; 0 for any other token."""
    moment = token.removeprefix(LOOK)
    return int(moment) if token.startswith(LOOK) and moment.isdigit() else 0
