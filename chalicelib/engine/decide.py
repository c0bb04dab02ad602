"""Every decision: `start(request, …)` and `decide(definition, execution, event, now_ms)`.

Both are pure and total: the same arguments give the same answer, and no stored state and no event makes them raise.
Who calls them commits `decision.execution` if `changed`, only then performs `sends`, and answers `tasks` with
`Performed` events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from chalicelib.engine.definition import Definition
from chalicelib.engine.draft import EARLY_MS, Draft, Policy, sends_made_by
from chalicelib.engine.effects import Send, Task
from chalicelib.engine.errors import EXECUTION_TIMEOUT, PROCESSING_FAILED, Failure
from chalicelib.engine.events import Arrived, CancelRequested, Cover, Event, Looked, Performed, ProcessingGivenUp
from chalicelib.engine.execution import Cursor, Execution, State, timers
from chalicelib.engine.history import EventType
from chalicelib.engine.steps.base import Call, Fail, Outcome
from chalicelib.engine.walk import Walk

DEFAULT_POLICY = Policy()
LOOK = "look."
TICK_MAY_BE_OVER_MS = 120_000
"""Two ticks: what becomes due later than that is seen by a tick in time."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from an event: the next head (to be committed if `changed`), then sends, then outside calls."""

    execution: Execution
    changed: bool
    sends: tuple[Send, ...] = ()
    tasks: tuple[Task, ...] = ()

    @classmethod
    def resend_all(cls, execution: Execution, policy: Policy) -> Decision:
        """Return all messages of a live head again, as after a start whose sends may be lost."""
        messages = tuple(Send(c.token, c.due_at_ms) for c in execution.cursors if not c.in_index)
        return cls(execution, changed=False, sends=messages + _deadline_look(execution, policy))


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What a caller wants to have started; `actor` is who asked, `by` names the call."""

    tenant_id: str
    definition: Definition
    input: Any
    actor: str
    by: str
    name: str | None = None


def start(request: StartRequest, execution_id: str, now_ms: int, policy: Policy = DEFAULT_POLICY) -> Decision:
    """Begin an execution: its head as of version 1, after all pure steps at its beginning."""
    definition = request.definition
    draft = Draft(_unborn(request, execution_id, now_ms), now_ms, request.by, policy.api_watch_ms, policy)
    details = {"input": request.input, "version": definition.version, "actor": request.actor}
    if request.name is not None:
        details["name"] = request.name
    draft.record(EventType.EXECUTION_SUBMITTED, details)
    Walk(draft, definition, cover=None).begin("", definition.start, request.input)
    sends = draft.sends(None)
    if not draft.ended:
        sends += _deadline_look(draft.base, policy)
    return Decision(draft.freeze(sends=len(sends)), changed=True, sends=sends)


def _unborn(request: StartRequest, execution_id: str, now_ms: int) -> Execution:
    definition = request.definition
    timeout = definition.timeout_seconds
    return Execution(
        id=execution_id,
        tenant_id=request.tenant_id,
        definition_id=definition.id,
        definition_version=definition.version,
        name=request.name,
        state=State.SUBMITTED,
        version=0,
        step=None,
        input=request.input,
        output=None,
        error=None,
        stash={},
        cursors=(),
        started_at_ms=now_ms,
        ended_at_ms=None,
        deadline_at_ms=None if timeout is None else now_ms + round(timeout * 1000),
        due_at_ms=None,
        visits=0,
        transitions=0,
        seq=0,
        flushed_seq=0,
        events=(),
    )


def _deadline_look(execution: Execution, policy: Policy) -> tuple[Send, ...]:
    """Return the message for a deadline that is near; a far one is left to the `due` index."""
    deadline = execution.deadline_at_ms
    if deadline is None or deadline - execution.started_at_ms > policy.max_delay_ms:
        return ()
    return (Send(look_token(deadline), deadline, kind="look"),)


def look_token(due_at_ms: int) -> str:
    """Return the token of all looks at one moment: those of one moment are copies of one message."""
    return f"{LOOK}{due_at_ms}"


def looked_at_ms(token: str) -> int:
    """Return the moment that a look's token names; 0 for any other token."""
    moment = token.removeprefix(LOOK)
    return int(moment) if token.startswith(LOOK) and moment.isdigit() else 0


def decide(
    definition: Definition | None, execution: Execution, event: Event, now_ms: int, policy: Policy = DEFAULT_POLICY
) -> Decision:
    """Decide what an event means for a head. Nothing that is stale, double or too late changes anything."""
    if execution.ended:
        return Decision(execution, changed=False)
    draft = Draft(execution, now_ms, event.by, policy.watch_ms, policy)
    if isinstance(event, CancelRequested):
        return _cancel(draft, event)
    if definition is None:
        return _give_up_all(draft)
    deadline = execution.deadline_at_ms
    if deadline is not None and now_ms >= deadline - (EARLY_MS if isinstance(event, Looked) else 0):
        return _time_out(draft, definition)
    match event:
        case Arrived():
            return _arrived(draft, definition, event)
        case Performed():
            return _performed(draft, definition, event)
        case Looked():
            return _looked(draft, definition, event)
        case ProcessingGivenUp():
            return _given_up(draft, definition, event)


def _commit(draft: Draft, cover: Cover | None) -> Decision:
    sends = draft.sends(None if cover is None else cover.token)
    after = draft.freeze(sends=len(sends))
    return Decision(after, changed=True, sends=sends + _near_look(draft, after))


def _near_look(draft: Draft, after: Execution) -> tuple[Send, ...]:
    """Return the look of a timer that the index learns of so late that the tick before it may be over."""
    due = after.due_at_ms
    if due is None or due == draft.base.due_at_ms or due - draft.now_ms > TICK_MAY_BE_OVER_MS:
        return ()
    return (Send(look_token(due), due, kind="look"),) if due in timers(after) else ()


def _arrived(draft: Draft, definition: Definition, event: Arrived) -> Decision:
    """Drive the cursors whose token has come: wake what slept, and find out what the rest needs."""
    tasks: list[Task] = []
    early: list[Send] = []
    moved = False
    for cursor in draft.cursors:
        if cursor.token != event.token or cursor.in_index:
            continue
        if cursor.due_at_ms - draft.now_ms > EARLY_MS:
            early.append(Send(cursor.token, cursor.due_at_ms))
            continue
        walk = Walk(draft, definition, event.cover)
        outcome = _outcome(walk, definition, cursor)
        if isinstance(outcome, Call):
            tasks.append(_task(draft, definition, cursor, outcome))
        else:
            moved = True
            walk.resume(cursor, outcome)
    if moved:
        return _commit(draft, event.cover)
    return Decision(draft.base, changed=False, sends=tuple(early), tasks=tuple(tasks))


def _outcome(walk: Walk, definition: Definition, cursor: Cursor) -> Outcome:
    if cursor.step not in definition.steps:
        return Fail(PROCESSING_FAILED, f"the definition has no step {cursor.step!r}", final=True)
    return walk.timed_out(cursor) if cursor.sleeping else walk.enter(cursor)


def _task(draft: Draft, definition: Definition, cursor: Cursor, call: Call) -> Task:
    step = definition.steps[cursor.step]
    default = step.type.default_timeout_seconds or 30.0
    return Task(
        type=call.type,
        step=cursor.step,
        visit=cursor.visit,
        attempt=cursor.attempt,
        idempotency_key=f"{draft.base.id}/{cursor.path}/{cursor.step}/{cursor.visit}",
        timeout_seconds=step.timeout_seconds or default,
        request=call.request,
        tenant_id=draft.base.tenant_id,
    )


def _performed(draft: Draft, definition: Definition, event: Performed) -> Decision:
    """Take the result of an outside call, if the head still waits for that very attempt."""
    for cursor in draft.cursors:
        if (cursor.visit, cursor.attempt) == (event.visit, event.attempt):
            walk = Walk(draft, definition, event.cover)
            walk.resume(cursor, walk.performed(event.result))
            return _commit(draft, event.cover)
    return Decision(draft.base, changed=False)


def _looked(draft: Draft, definition: Definition, event: Looked) -> Decision:
    """Do all that is due: timers of the index, messages that seem lost; else move a moment that has passed."""
    if event.due_at_ms - draft.now_ms > EARLY_MS:
        return Decision(draft.base, False, (Send(look_token(event.due_at_ms), event.due_at_ms, kind="look"),))
    soon = draft.now_ms + EARLY_MS
    moved = False
    for cursor in draft.cursors:
        if cursor.in_index and cursor.due_at_ms <= soon:
            moved = True
            walk = Walk(draft, definition, cover=None)
            walk.resume(cursor, _outcome(walk, definition, cursor))  # a call is left to a message of its own
        elif not cursor.in_index and cursor.watch_at_ms <= soon:
            moved = True
            draft.put(replace(cursor, by=draft.by, watch_at_ms=draft.now_ms + draft.policy.watch_ms))
    if not moved and (draft.base.due_at_ms or 0) > soon:
        return Decision(draft.base, changed=False)
    return _commit(draft, cover=None)


def _given_up(draft: Draft, definition: Definition, event: ProcessingGivenUp) -> Decision:
    """Fail the steps that a dead letter should have driven; a look should have driven every due timer."""
    is_look = event.token.startswith(LOOK)
    moved = False
    for cursor in draft.cursors:
        if cursor.token == event.token or (is_look and cursor.in_index and cursor.due_at_ms <= draft.now_ms):
            moved = True
            Walk(draft, definition, cover=None).resume(cursor, Fail(PROCESSING_FAILED, event.cause))
    return _commit(draft, cover=None) if moved else Decision(draft.base, changed=False)


def _give_up_all(draft: Draft) -> Decision:
    base = draft.base
    cause = f"version {base.definition_version} of definition {base.definition_id} is gone or cannot be read"
    draft.fail(Failure(PROCESSING_FAILED, cause, draft.step))
    return _commit(draft, cover=None)


def _cancel(draft: Draft, event: CancelRequested) -> Decision:
    cause = event.cause or "cancelled by a caller"
    draft.record(EventType.CANCEL_REQUESTED, {"cause": event.cause, "actor": event.actor})
    draft.cancel(Failure("Execution.Cancelled", cause, draft.step))
    return _commit(draft, cover=None)


def _time_out(draft: Draft, definition: Definition) -> Decision:
    cause = f"the execution took longer than its {definition.timeout_seconds} s"
    draft.time_out(Failure(EXECUTION_TIMEOUT, cause, draft.step))
    return _commit(draft, cover=None)


def sends_lost_with(execution: Execution, n: str, token: str) -> tuple[Send, ...]:
    """Return the messages that processing of message `n` should have sent: row 1 of the table."""
    return sends_made_by(execution.cursors, n, token)
