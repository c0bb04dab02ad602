"""What somebody outside says to a live execution: answers to tasks, heartbeats, claims, signals."""

from __future__ import annotations

from chalicelib.engine import values
from chalicelib.engine.events import Answered, Beat, Claimed, Event, Signalled
from chalicelib.engine.execution import Cursor
from chalicelib.engine.history import EventType
from chalicelib.engine.records import replace
from chalicelib.engine.steps.base import Done, Fail
from chalicelib.engine.tasks import digest_of, is_open
from chalicelib.engine.timers import leave
from chalicelib.engine.walk import Walk

MAX_SIGNALS = 32
"""So many signals wait in a head, and so many ids of callers are remembered."""
MAX_SIGNAL_BYTES = 131_072
"""So much their payloads may take together, so that a head stays under what an item may hold."""


def said(walk: Walk, event: Event) -> bool:
    """Take what was said into the draft; False where it changes nothing."""
    match event:
        case Answered():
            return _answered(walk, event)
        case Beat():
            return _beat(walk, event)
        case Claimed():
            return _claimed(walk, event)
        case Signalled():
            return _signalled(walk, event)
    return False


def _task_cursor(walk: Walk, visit: int, attempt: int) -> Cursor | None:
    draft = walk.draft
    for cursor in draft.cursors.values():
        if (cursor.visit, cursor.attempt) == (visit, attempt) and cursor.step in walk.definition.steps:
            hands_out = walk.step_of(cursor).type.tokens
            if cursor.held is None or "slot" not in cursor.held:
                return cursor if is_open(draft.base, cursor, hands_out=hands_out) else None
    return None


def _answered(walk: Walk, event: Answered) -> bool:
    """End a task with its answer; who was to call it out before need not any more."""
    cursor = _task_cursor(walk, event.visit, event.attempt)
    if cursor is None:
        return False
    answer = event.answer
    details = {"actor": event.actor, "digest": digest_of(answer)}
    if answer.error is not None:
        details["error"] = answer.error
    walk.draft.record(EventType.TASK_ANSWERED, details, cursor)
    if answer.error is not None:
        walk.resume(leave(walk, cursor), Fail(answer.error, answer.cause))
        return True
    try:
        values.measure(answer.value, "the answer")
    except values.Unfit as error:
        walk.resume(leave(walk, cursor), Fail(error.name, str(error)))
        return True
    walk.resume(leave(walk, cursor), Done(value=answer.value, passes=False))
    return True


def _beat(walk: Walk, event: Beat) -> bool:
    """Move the heartbeat's end; the timer that comes before it is set anew when it comes."""
    cursor = _task_cursor(walk, event.visit, event.attempt)
    if cursor is None or cursor.held is None or "beatAt" not in cursor.held:
        return False
    seconds = walk.step_of(cursor).heartbeat_seconds or 0
    held = cursor.held | {"beatAt": walk.draft.now_ms + round(seconds * 1000)}
    walk.draft.put(replace(cursor, held=held))
    return True


def _claimed(walk: Walk, event: Claimed) -> bool:
    """Let one person have a task; who has it may give it back."""
    cursor = _task_cursor(walk, event.visit, event.attempt)
    if cursor is None or cursor.held is None or not cursor.held.get("human"):
        return False
    owner = cursor.held.get("claimedBy")
    if owner not in (None, event.actor) or (owner == event.actor) is event.claimed:
        return False
    held = {name: value for name, value in cursor.held.items() if name != "claimedBy"}
    if event.claimed:
        held["claimedBy"] = event.actor
    kind = EventType.TASK_CLAIMED if event.claimed else EventType.TASK_RELEASED
    walk.draft.record(kind, {"actor": event.actor}, cursor)
    walk.draft.put(replace(cursor, held=held))
    return True


def _signalled(walk: Walk, event: Signalled) -> bool:
    """Give a signal to the step that waits for it longest, or keep it for one that will."""
    draft = walk.draft
    if draft.ending is not None:
        return False
    if event.id is not None:
        if event.id in draft.signal_ids:
            return False
        draft.signal_ids = (*draft.signal_ids, event.id)[-MAX_SIGNALS:]
    draft.record(EventType.SIGNAL_RECEIVED, {"name": event.name, "payload": event.payload, "actor": event.actor})
    waiting = [
        cursor
        for cursor in draft.cursors.values()
        if cursor.waits == "signal" and cursor.held is not None and cursor.held["name"] == event.name
    ]
    if waiting:
        cursor = min(waiting, key=lambda found: found.visit)
        walk.resume(leave(walk, cursor), Done(value=event.payload, passes=False))
        return True
    kept = (*draft.signals, {"name": event.name, "payload": event.payload})
    if len(kept) > MAX_SIGNALS or values.size(list(kept)) > MAX_SIGNAL_BYTES:
        return False
    draft.signals = kept
    return True
