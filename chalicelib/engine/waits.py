"""Waiting for somebody: tasks, signals, branches and children.

The timer of a wait has a token of its own, numbered anew each time it is set: whatever drove the step before cannot be
taken for it. timers.py says what it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.engine.execution import NEVER_MS, TERMINAL, Cursor, State, is_part, is_slot
from chalicelib.engine.history import EventType
from chalicelib.engine.records import replace
from chalicelib.engine.steps.base import Done, Fail, Outcome, Park

if TYPE_CHECKING:
    from chalicelib.engine.walk import Walk

MAX_LOOK_DOUBLINGS = 7


def park(walk: Walk, cursor: Cursor, park: Park) -> Cursor | None:
    """Begin a wait; a signal that came early ends it at once."""
    draft = walk.draft
    if park.waits == "child" and park.held.get("news"):
        look(walk, replace(cursor, held=park.held), again=True)
        return None
    if park.waits == "signal":
        for place, signal in enumerate(draft.signals):
            if signal["name"] == park.held["name"]:
                draft.signals = draft.signals[:place] + draft.signals[place + 1 :]
                return walk.settle(cursor, Done(value=signal["payload"], passes=False))
    held = dict(park.held)
    if park.waits == "task":
        held["openedAt"] = draft.now_ms
        opened: dict[str, Any] = {name: held[name] for name in ("title", "roles") if name in held}
        draft.record(EventType.TASK_OPENED, opened, cursor)
    wait(walk, cursor, park.waits, held)
    return None


def wait(walk: Walk, cursor: Cursor, waits: str, held: dict[str, Any]) -> None:
    """Let a cursor wait, until its step's timeout, its heartbeat's end or the next look at its child."""
    draft = walk.draft
    set_before = cursor.waits is not None or cursor.timeout_at_ms is not None
    timeout_at = cursor.timeout_at_ms if set_before else _timeout_at(walk, cursor)
    moments = [NEVER_MS if timeout_at is None else timeout_at]
    beat = None if is_slot(cursor) else walk.step_of(cursor).heartbeat_seconds
    if beat is not None and waits == "task":
        held = {"beatAt": draft.now_ms + round(beat * 1000)} | held
        moments.append(held["beatAt"])
    if waits == "child":
        moments.append(draft.now_ms + draft.policy.look_ms * 2 ** min(held.get("looks", 0), MAX_LOOK_DOUBLINGS))
    timer = held["timer"] = held.get("timer", 0) + 1
    due_at_ms = min(moments)
    draft.drive(
        cursor,
        due_at_ms,
        token=f"{cursor.visit}.{cursor.attempt}.t{timer}",
        in_index=due_at_ms == NEVER_MS or (waits == "child" and due_at_ms != timeout_at),
        waits=waits,
        held=held,
        timeout_at_ms=timeout_at,
    )


def _timeout_at(walk: Walk, cursor: Cursor) -> int | None:
    """Return when the step's patience ends. Parts of a map have none of their own: the map step has."""
    timeout = walk.step_of(cursor).timeout_seconds
    if timeout is None or is_slot(cursor) or is_part(walk.draft.base, cursor):
        return None
    return walk.draft.now_ms + round(timeout * 1000)


def counts(held: dict[str, Any], child: dict[str, Any]) -> bool:
    """Say whether what is known of a child is of this life: its parent's redrive may not have reached it yet."""
    return bool(child["state"] == State.SUCCEEDED or child["life"] >= held.get("life", 1))


def heard_of(walk: Walk, cursor: Cursor) -> None:
    """Take news of an end that does not count: the child can live again only now, so it is looked at once more."""
    draft = walk.draft
    if cursor.waits is None:  # it is being looked at, and what is seen there may be older than the news
        draft.put(replace(cursor, held={**(cursor.held or {}), "news": True}))
    else:
        look(walk, cursor, again=True)


def look(walk: Walk, cursor: Cursor, *, again: bool = False) -> None:
    """Look at a child now: a message has the call made that starts it, or finds out how far it is.

    `again` expects that it lives again by this call, whose messages may have to be repeated.
    """
    held = {name: value for name, value in (cursor.held or {}).items() if name not in ("news", "again")}
    held["looks"] = held.get("looks", 0) + 1
    if again:
        held["again"] = True
    token = f"{cursor.visit}.{cursor.attempt}.l{held['looks']}.{held['child']}"
    walk.draft.drive(cursor, walk.draft.now_ms, token=token, held=held, timeout_at_ms=cursor.timeout_at_ms)


def child_came_to(walk: Walk, cursor: Cursor, child: dict[str, Any]) -> Outcome:
    """Return what is known of a child means for the cursor that has it."""
    held = dict(cursor.held or {})
    if not held.get("started"):
        walk.draft.record(EventType.CHILD_STARTED, {"executionId": child["id"]}, cursor)
    state = State(child["state"])
    if state not in TERMINAL or not counts(held, child):
        return Park("child", {"looks": 0} | held | {"started": True})
    if not is_slot(cursor):
        over = {"child": held["child"], "over": True, "timer": held.get("timer", 0)}
        walk.draft.put(replace(cursor, held=over, waits=None))
    walk.draft.record(EventType.CHILD_ENDED, {"executionId": child["id"], "state": state.value}, cursor)
    if state is State.SUCCEEDED:
        return Done(value=child["output"], passes=False)
    error = child["error"] or {}
    return Fail(str(error.get("name", state.value)), str(error.get("cause", "")))
