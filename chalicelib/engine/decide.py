"""Every decision: `start(request, …)` and `decide(definition, execution, event, now_ms)`.

Both are pure and total: the same arguments give the same answer, and no stored state and no event makes them raise.
Who calls them commits `decision.execution` if `changed`, only then performs `sends`, and answers `tasks` with
`Performed` events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.engine.definition import Definition
from chalicelib.engine.draft import EARLY_MS, Draft, Policy, sends_made_by
from chalicelib.engine.effects import Send, Task
from chalicelib.engine.errors import CANCELLED, EXECUTION_TIMEOUT, PROCESSING_FAILED, Failure
from chalicelib.engine.events import (
    AllPerformed,
    Answered,
    Arrived,
    Beat,
    CancelRequested,
    ChildrenEnded,
    Claimed,
    Event,
    Looked,
    Performed,
    ProcessingGivenUp,
    Redriven,
    Signalled,
    TimeIsUp,
)
from chalicelib.engine.execution import Cursor, Execution, State, timers
from chalicelib.engine.history import EventType
from chalicelib.engine.places import SWEEP, child_id, child_token
from chalicelib.engine.records import replace
from chalicelib.engine.redrive import again, obstacle
from chalicelib.engine.said import said
from chalicelib.engine.schemas import ANYTHING
from chalicelib.engine.soundness import flaw
from chalicelib.engine.steps.base import Call, Fail, Outcome
from chalicelib.engine.timers import leave, wake
from chalicelib.engine.waits import child_came_to, counts, heard_of
from chalicelib.engine.walk import Walk

DEFAULT_POLICY = Policy()
LOOK = "look."
BY_CALLERS = (Answered, Beat, Claimed, Signalled, CancelRequested)
"""Events of API calls: nobody delivers those again, so the watchdog looks soon after them."""
DEFAULT_CALL_SECONDS = 30.0
WRITE_SECONDS = 1.0
ABOUT_OTHERS = frozenset({"child", "gather", "cancel"})
"""Calls that read or write other executions."""
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
        messages = {c.token: Send(c.token, c.due_at_ms) for c in execution.cursors if not c.in_index}
        return cls(execution, changed=False, sends=(*messages.values(), *_deadline_look(execution, policy)))


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What a caller wants to have started; `actor` is who asked, `by` names the call.

    A child has a `parent` and a `depth`, see Execution; `salt` is something that nobody can guess. `after` is the end
    that was written in a child's place before it was born: it is born into a new life then.
    """

    tenant_id: str
    definition: Definition
    input: Any
    actor: str
    by: str
    name: str | None = None
    salt: str | None = None
    parent: dict[str, Any] | None = None
    depth: int = 0
    after: Execution | None = None


def start(request: StartRequest, execution_id: str, now_ms: int, policy: Policy = DEFAULT_POLICY) -> Decision:
    """Begin an execution: its head as of version 1, after all pure steps at its beginning."""
    definition = request.definition
    draft = Draft(unborn(request, execution_id, now_ms), now_ms, request.by, policy.api_watch_ms, policy)
    details = {"input": request.input, "version": definition.version, "actor": request.actor}
    if request.name is not None:
        details["name"] = request.name
    submitted(draft, request, details)
    return begun(draft, definition, definition.start, request.input)


def submitted(draft: Draft, request: StartRequest, details: dict[str, Any]) -> None:
    """Record who wants it, and in which life, if an end was written before."""
    if request.after is not None:
        lives = {"actor": request.actor, "version": request.definition.version, "life": draft.life}
        draft.record(EventType.EXECUTION_REDRIVEN, lives)
    draft.record(EventType.EXECUTION_SUBMITTED, details)


def begun(draft: Draft, definition: Definition, first: str, received: Any) -> Decision:
    """Take a newborn execution from its first step as far as it goes."""
    Walk(draft, definition).begin("", first, received)
    sends = draft.sends(None)
    if not draft.ended:
        sends += _deadline_look(draft.base, draft.policy)
    return Decision(draft.freeze(sends=len(sends)), changed=True, sends=sends)


def unborn(request: StartRequest, execution_id: str, now_ms: int) -> Execution:
    """Return the head of version 0: nothing has happened yet."""
    definition = request.definition
    timeout = definition.timeout_seconds
    head = Execution(
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
        retention_days=definition.retention_days,
        salt=request.by if request.salt is None else request.salt,
        parent=request.parent,
        depth=request.depth,
    )
    return head if request.after is None else _born_after(request.after, head)


def _born_after(end: Execution, head: Execution) -> Execution:
    """Return a head that follows an end without a beginning: its history goes on from there."""
    return replace(
        head,
        version=end.version,
        seq=end.seq,
        flushed_seq=end.flushed_seq,
        events=end.events,
        chunks=end.chunks,
        sends=end.sends,
        life=end.life + 1,
    )


def _deadline_look(execution: Execution, policy: Policy) -> tuple[Send, ...]:
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


def decide(
    definition: Definition | None, execution: Execution, event: Event, now_ms: int, policy: Policy = DEFAULT_POLICY
) -> Decision:
    """Decide what an event means for a head. Nothing that is stale, double or too late changes anything."""
    if execution.ended:
        if isinstance(event, Redriven) and definition is not None:
            return redriven(definition, execution, event, now_ms, policy)
        return Decision(execution, changed=False)
    watch_ms = policy.api_watch_ms if isinstance(event, BY_CALLERS) else policy.watch_ms
    draft = Draft(execution, now_ms, event.by, watch_ms, policy, getattr(event, "cover", None))
    why = flaw(execution)
    if why is not None:
        return _give_up_all(draft, f"its head is damaged: {why}")
    if isinstance(event, CancelRequested):
        return _cancel(draft, event)
    if definition is None and draft.ending is None:
        gone = f"version {execution.definition_version} of definition {execution.definition_id}"
        return _give_up_all(draft, f"{gone} is gone or cannot be read")
    if definition is None:
        definition = _gone(execution)  # no step is left; to tell its children takes none
    if _is_too_late(draft, event):
        return _time_out(draft, definition)
    return _decided(draft, definition, event)


def redriven(definition: Definition, execution: Execution, event: Redriven, now_ms: int, policy: Policy) -> Decision:
    """Let an ended execution go on in a new life. Nothing happens to one that cannot: see redrive.obstacle."""
    if obstacle(definition, execution) is not None:
        return Decision(execution, changed=False)
    draft = again(definition, execution, event, now_ms, policy)
    decision = commit(draft)
    look = () if draft.ended else _deadline_look(draft.base, policy)
    return replace(decision, sends=decision.sends + look)


def _is_too_late(draft: Draft, event: Event) -> bool:
    """Say whether the execution's own time is over, and nothing else has ended it yet."""
    deadline = draft.base.deadline_at_ms
    if deadline is None or draft.ending is not None:
        return False
    return draft.now_ms >= deadline - (EARLY_MS if isinstance(event, Looked) else 0)


def _decided(draft: Draft, definition: Definition, event: Event) -> Decision:
    match event:
        case Arrived():
            return _arrived(draft, definition, event)
        case Performed():
            return _performed(draft, definition, (event,))
        case AllPerformed(results=results):
            return _performed(draft, definition, results)
        case TimeIsUp():
            return _handed_over(draft, event)
        case ChildrenEnded():
            return _children_ended(draft, definition, event)
        case Looked():
            return _looked(draft, definition, event)
        case ProcessingGivenUp():
            return _given_up(draft, definition, event)
        case _:
            heard = said(Walk(draft, definition), event)
            return commit(draft) if heard else Decision(draft.base, changed=False)


def commit(draft: Draft) -> Decision:
    """Return what a draft came to, with the messages that its cursors need, and the notice that a parent waits for."""
    sends = draft.sends(None if draft.cover is None else draft.cover.token)
    after = draft.freeze(sends=len(sends))
    return Decision(after, changed=True, sends=sends + _near_look(draft, after) + notice(after))


def notice(execution: Execution) -> tuple[Send, ...]:
    """Return the message that tells a parent of its child's end."""
    parent = execution.parent
    if not execution.ended or parent is None:
        return ()
    return (Send(parent["token"], execution.ended_at_ms or 0, "ended", parent["id"]),)


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
    walk = Walk(draft, definition)
    for cursor in tuple(draft.cursors.values()):
        if cursor.token != event.token or cursor.in_index or draft.cursors.get(cursor.path) is not cursor:
            continue
        if cursor.waits is not None and cursor.step in definition.steps:
            moved = True
            wake(walk, cursor)
        elif cursor.waits is None and cursor.due_at_ms - draft.now_ms > EARLY_MS:
            early.append(Send(cursor.token, cursor.due_at_ms))
        else:
            outcome = _outcome(walk, definition, cursor)
            if isinstance(outcome, Call) and _is_known(cursor, outcome):
                tasks.append(_task(draft, definition, cursor, outcome))
            else:
                moved = True
                walk.resume(_left(walk, cursor), outcome)
    if moved:
        return commit(draft)
    return Decision(draft.base, changed=False, sends=tuple(early), tasks=tuple(tasks))


def _left(walk: Walk, cursor: Cursor) -> Cursor:
    """Return a cursor that waits for nobody: one that did, at a step that is unknown, leaves them."""
    return cursor if cursor.waits is None else leave(walk, cursor)


def _is_known(cursor: Cursor, call: Call) -> bool:
    """Say whether the head knows of the child that a call may start: else it is written first, or none could end it."""
    return call.child is None or "child" in (cursor.held or {})


def _outcome(walk: Walk, definition: Definition, cursor: Cursor) -> Outcome:
    if cursor.path == SWEEP:
        return Call("cancel", dict(cursor.held or {}))
    if cursor.step not in definition.steps:
        return Fail(PROCESSING_FAILED, f"the definition has no step {cursor.step!r}")
    return walk.timed_out(cursor) if cursor.sleeping else walk.enter(cursor)


def _task(draft: Draft, definition: Definition, cursor: Cursor, call: Call) -> Task:
    request = call.request
    if call.type == "child":
        number = 0 if call.child is None else call.child
        child = child_id(draft.base.id, cursor.visit, cursor.attempt, number)
        held = cursor.held or {}
        token = f"c{cursor.visit}.{cursor.attempt}.{number}"
        look = held.get("looks", 0) > 0 and not held.get("again")
        request = request | {"id": child, "token": token, "life": held.get("life", 1), "look": look}
    return Task(
        type=call.type,
        step=cursor.step,
        visit=cursor.visit,
        attempt=cursor.attempt,
        idempotency_key=f"{draft.base.id}/{cursor.path}/{cursor.step}/{cursor.visit}",
        timeout_seconds=_call_seconds(definition, cursor, call),
        request=request,
        path=cursor.path,
        tenant_id=draft.base.tenant_id,
    )


def _call_seconds(definition: Definition, cursor: Cursor, call: Call) -> float:
    """Return how long a call may take: what the step says, where its timeout is about the call itself."""
    if call.type in ABOUT_OTHERS:
        return WRITE_SECONDS
    step = definition.steps.get(cursor.step)
    if step is None or step.type.max_timeout_seconds is None:
        return DEFAULT_CALL_SECONDS
    return step.timeout_seconds or DEFAULT_CALL_SECONDS


def _performed(draft: Draft, definition: Definition, results: tuple[Performed, ...]) -> Decision:
    """Take the results of outside calls, if the head still waits for those very attempts."""
    walk = Walk(draft, definition)
    moved = False
    for result in results:
        cursor = draft.cursors.get(result.path)
        if cursor is None or not is_asked(cursor, result):
            continue
        moved = True
        if cursor.path == SWEEP:
            del draft.cursors[SWEEP]
            draft.settle_end()
        else:
            walk.resume(cursor, walk.performed(cursor, result.result))
    return commit(draft) if moved else Decision(draft.base, changed=False)


def is_asked(cursor: Cursor, result: Performed) -> bool:
    """Say whether a result is of the attempt that a cursor makes at this moment, in this life."""
    if cursor.waits is not None or (cursor.visit, cursor.attempt) != (result.visit, result.attempt):
        return False
    return bool((cursor.held or {}).get("life", 1) == result.life)


def _handed_over(draft: Draft, event: TimeIsUp) -> Decision:
    """Give what an invocation has no time left for to a fresh message."""
    moved = False
    for cursor in tuple(draft.cursors.values()):
        if cursor.token == event.token and not cursor.in_index and cursor.waits is None and not cursor.sleeping:
            moved = True
            token = f"{cursor.visit}.{cursor.attempt}.h{draft.base.version}"
            draft.drive(cursor, draft.now_ms, token=token, held=cursor.held, timeout_at_ms=cursor.timeout_at_ms)
    return commit(draft) if moved else Decision(draft.base, changed=False)


def _children_ended(draft: Draft, definition: Definition, event: ChildrenEnded) -> Decision:
    """Take what children came to; one that nobody waits for any more changes nothing."""
    walk = Walk(draft, definition)
    moved = False
    for token, child in event.children:
        cursor = next((found for found in draft.cursors.values() if child_token(found) == token), None)
        if cursor is not None:
            moved = True
            if counts(cursor.held or {}, child):
                walk.resume(cursor, child_came_to(walk, cursor, child))
            else:
                heard_of(walk, cursor)
    return commit(draft) if moved else Decision(draft.base, changed=False)


def _looked(draft: Draft, definition: Definition, event: Looked) -> Decision:
    """Do all that is due: timers of the index, messages that seem lost; else move a moment that has passed."""
    if event.due_at_ms - draft.now_ms > EARLY_MS:
        return Decision(draft.base, False, (Send(look_token(event.due_at_ms), event.due_at_ms, kind="look"),))
    soon = draft.now_ms + EARLY_MS
    moved = False
    walk = Walk(draft, definition)
    for cursor in tuple(draft.cursors.values()):
        if draft.cursors.get(cursor.path) is not cursor:
            continue
        if cursor.in_index:
            if cursor.due_at_ms <= soon:
                moved = True
                _wake_from_index(walk, definition, cursor)
        elif cursor.watch_at_ms <= soon:
            moved = True
            draft.put(replace(cursor, by=draft.by, watch_at_ms=draft.now_ms + draft.policy.watch_ms))
    if not moved and (draft.base.due_at_ms or 0) > soon:
        return Decision(draft.base, changed=False)
    return commit(draft)


def _wake_from_index(walk: Walk, definition: Definition, cursor: Cursor) -> None:
    if cursor.waits is not None and cursor.step in definition.steps:
        wake(walk, cursor)
        return
    outcome = _outcome(walk, definition, cursor)
    if isinstance(outcome, Call):
        walk.draft.drive(cursor, walk.draft.now_ms, held=cursor.held)
    else:
        walk.resume(_left(walk, cursor), outcome)


def _given_up(draft: Draft, definition: Definition, event: ProcessingGivenUp) -> Decision:
    """Fail the steps that a dead letter should have driven; a look should have driven every due timer."""
    is_look = event.token.startswith(LOOK)
    moved = False
    walk = Walk(draft, definition)
    for cursor in tuple(draft.cursors.values()):
        if draft.cursors.get(cursor.path) is not cursor:
            continue
        missed = is_look and cursor.in_index and cursor.due_at_ms <= draft.now_ms
        if cursor.token == event.token or child_token(cursor) == event.token or missed:
            moved = True
            if cursor.path == SWEEP:
                del draft.cursors[SWEEP]
                draft.settle_end()
            else:
                walk.resume(leave(walk, cursor), Fail(PROCESSING_FAILED, event.cause))
    return commit(draft) if moved else Decision(draft.base, changed=False)


def _give_up_all(draft: Draft, cause: str) -> Decision:
    draft.fail(Failure(PROCESSING_FAILED, cause, draft.step))
    return commit(draft)


def _gone(execution: Execution) -> Definition:
    """Return what is left of a definition that is gone."""
    return Definition(
        id=execution.definition_id,
        version=execution.definition_version,
        start="",
        steps={},
        output=None,
        timeout_seconds=None,
        max_transitions=0,
        input_schema=ANYTHING,
    )


def _cancel(draft: Draft, event: CancelRequested) -> Decision:
    """End it as cancelled; one that ends already, and only has children to tell, goes on doing so."""
    if draft.ending is not None:
        return Decision(draft.base, changed=False)
    cause = event.cause or "cancelled by a caller"
    draft.record(EventType.CANCEL_REQUESTED, {"cause": event.cause, "actor": event.actor})
    draft.cancel(Failure(CANCELLED, cause, draft.step))
    return commit(draft)


def _time_out(draft: Draft, definition: Definition) -> Decision:
    cause = f"the execution took longer than its {definition.timeout_seconds} s"
    draft.time_out(Failure(EXECUTION_TIMEOUT, cause, draft.step))
    return commit(draft)


def sends_lost_with(execution: Execution, n: str, token: str) -> tuple[Send, ...]:
    """Return the messages that processing of message `n` should have sent: row 1 of the table."""
    told = notice(execution) if execution.by == n else ()
    return sends_made_by(execution.cursors, n, token) + told
