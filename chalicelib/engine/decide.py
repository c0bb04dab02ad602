"""Every decision but the first: `decide(definition, execution, event, now_ms)`; births.py has `start(request, …)`.

Both are pure and total: the same arguments give the same answer, and no stored state and no event makes them raise.
Who calls them commits `decision.execution` if `changed`, only then performs `sends`, and answers `tasks` with
`Performed` events.
"""

from __future__ import annotations

from chalicelib.engine.asking import is_asked, is_known, left, outcome_of, task_of
from chalicelib.engine.births import DEFAULT_POLICY
from chalicelib.engine.decision import LOOK, Decision, commit, deadline_look, look_token
from chalicelib.engine.definition import Definition
from chalicelib.engine.draft import EARLY_MS, Draft, Policy
from chalicelib.engine.effects import Send, Task
from chalicelib.engine.errors import CANCELLED, EXECUTION_TIMEOUT, PROCESSING_FAILED, Failure
from chalicelib.engine.evaluation import grant, has_worked_enough, on_one_budget
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
from chalicelib.engine.execution import Cursor, Execution
from chalicelib.engine.history import EventType
from chalicelib.engine.places import SWEEP, child_token
from chalicelib.engine.records import replace
from chalicelib.engine.redrive import again, obstacle
from chalicelib.engine.said import said
from chalicelib.engine.schemas import ANYTHING
from chalicelib.engine.soundness import flaw, mended
from chalicelib.engine.steps.base import Call, Fail
from chalicelib.engine.timers import leave, wake
from chalicelib.engine.waits import child_came_to, counts, heard_of
from chalicelib.engine.walk import Walk

BY_CALLERS = (Answered, Beat, Claimed, Signalled, CancelRequested)
"""Events of API calls: nobody delivers those again, so the watchdog looks soon after them."""


@on_one_budget
def decide(
    definition: Definition | None, execution: Execution, event: Event, now_ms: int, policy: Policy = DEFAULT_POLICY
) -> Decision:
    """Decide what an event means for a head. Nothing that is stale, double or too late changes anything."""
    if execution.ended:
        if isinstance(event, Redriven) and definition is not None:
            return redriven(definition, execution, event, now_ms, policy)
        return Decision(execution, changed=False)
    watch_ms = policy.api_watch_ms if isinstance(event, BY_CALLERS) else policy.watch_ms
    why = flaw(execution)
    head = execution if why is None else mended(execution)
    draft = Draft(head, now_ms, event.by, watch_ms, policy, getattr(event, "cover", None))
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
    look = () if draft.ended else deadline_look(draft.base, policy)
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


def _arrived(draft: Draft, definition: Definition, event: Arrived) -> Decision:
    """Drive the cursors whose token has come: wake what slept, and find out what the rest needs."""
    tasks: list[Task] = []
    early: list[Send] = []
    moved = False
    walk = Walk(draft, definition)
    for cursor in tuple(draft.cursors.values()):
        if cursor.token != event.token or cursor.in_index or draft.cursors.get(cursor.path) is not cursor:
            continue
        if (moved or tasks) and has_worked_enough():
            break  # the rest keeps the token, and is driven in the next decision
        if cursor.waits is not None and cursor.step in definition.steps:
            moved = True
            wake(walk, cursor)
        elif cursor.waits is None and cursor.due_at_ms - draft.now_ms > EARLY_MS:
            early.append(Send(cursor.token, cursor.due_at_ms))
        elif cursor.unshaped and cursor.step in definition.steps:
            moved = True
            walk.take(left(walk, cursor))
        else:
            outcome = outcome_of(walk, definition, cursor)
            if isinstance(outcome, Call) and is_known(cursor, outcome):
                tasks.append(task_of(draft, definition, cursor, outcome))
            else:
                moved = True
                walk.resume(left(walk, cursor), outcome)
    if moved:
        return commit(draft)
    return Decision(draft.base, changed=False, sends=tuple(early), tasks=tuple(tasks))


def _performed(draft: Draft, definition: Definition, results: tuple[Performed, ...]) -> Decision:
    """Take the results of outside calls, if the head still waits for those very attempts."""
    walk = Walk(draft, definition)
    moved = False
    for i, result in enumerate(results):
        cursor = draft.cursors.get(result.path)
        if cursor is None or not is_asked(cursor, result):
            continue
        if moved and has_worked_enough():
            return replace(commit(draft), rest=AllPerformed(results[i:], result.by, result.cover))
        moved = True
        grant()
        if cursor.path == SWEEP:
            del draft.cursors[SWEEP]
            draft.settle_end()
        else:
            walk.resume(cursor, walk.performed(cursor, result.result))
    return commit(draft) if moved else Decision(draft.base, changed=False)


def _handed_over(draft: Draft, event: TimeIsUp) -> Decision:
    """Give what an invocation has no time left for to a fresh message."""
    moved = False
    for cursor in tuple(draft.cursors.values()):
        live = cursor.token == event.token and not cursor.in_index and cursor.path not in event.open
        if live and cursor.waits is None and not cursor.sleeping:
            moved = True
            token = f"{cursor.visit}.{cursor.attempt}.h{draft.base.version}"
            draft.drive(cursor, draft.now_ms, token=token, held=cursor.held, timeout_at_ms=cursor.timeout_at_ms)
    return commit(draft) if moved else Decision(draft.base, changed=False)


def _children_ended(draft: Draft, definition: Definition, event: ChildrenEnded) -> Decision:
    """Take what children came to; one that nobody waits for any more changes nothing."""
    walk = Walk(draft, definition)
    moved = False
    for i, (token, child) in enumerate(event.children):
        cursor = next((found for found in draft.cursors.values() if child_token(found) == token), None)
        if cursor is not None:
            if moved and has_worked_enough():
                return replace(commit(draft), rest=ChildrenEnded(event.children[i:], event.by, event.cover))
            moved = True
            grant()
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
    if has_worked_enough():
        timeout = cursor.timeout_at_ms
        walk.draft.drive(cursor, walk.draft.now_ms, sleeping=cursor.sleeping, held=cursor.held, timeout_at_ms=timeout)
        return
    if cursor.unshaped and cursor.step in definition.steps:
        walk.take(left(walk, cursor))
        return
    outcome = outcome_of(walk, definition, cursor)
    if isinstance(outcome, Call):
        walk.draft.drive(cursor, walk.draft.now_ms, held=cursor.held)
    else:
        walk.resume(left(walk, cursor), outcome)


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
