"""Redrive: an execution that failed, timed out or was cancelled goes on from where it stood, in a new life.

Plain steps are visited anew, with the input that they had. Fan-outs keep what they have, and their unfinished branches
go on; children that did not succeed are redriven in their turn. Time and transitions are counted anew.
"""

from __future__ import annotations

from chalicelib.engine import fanout
from chalicelib.engine.definition import Definition
from chalicelib.engine.draft import Draft, Policy
from chalicelib.engine.evaluation import has_worked_enough, on_one_budget
from chalicelib.engine.events import Redriven
from chalicelib.engine.execution import Cursor, Execution, State, is_part, is_slot
from chalicelib.engine.history import EventType
from chalicelib.engine.places import line_of
from chalicelib.engine.records import replace
from chalicelib.engine.soundness import flaw
from chalicelib.engine.waits import wait
from chalicelib.engine.walk import Walk


@on_one_budget
def obstacle(definition: Definition, execution: Execution) -> str | None:
    """Return why an execution cannot be redriven on a version of its definition, or None."""
    if not execution.ended:
        return f"it has not ended: {execution.state.value}"
    if execution.state is State.SUCCEEDED:
        return "it has succeeded"
    if not execution.kept:
        return "nothing is known of where it stood"
    why = flaw(replace(execution, cursors=execution.kept))
    if why is not None:
        return f"its head is damaged: {why}"
    for cursor in execution.kept:
        step = definition.steps.get(cursor.step)
        if step is None:
            return f"version {definition.version} of the definition has no step {cursor.step!r}, where it stood"
        if cursor.waits == "branches" and not step.branches:
            return f"step {cursor.step!r} has no branches in version {definition.version} of the definition"
        if not is_slot(cursor) and not _stands_at(definition, execution, cursor):
            return f"step {cursor.step!r} stands in another list in version {definition.version} of the definition"
    return _changed_fan(definition, execution)


def _changed_fan(definition: Definition, execution: Execution) -> str | None:
    """Return which fan-out would go other ways than it began. What takes too much work to find out, it finds later."""
    head = replace(execution, definition_version=definition.version, cursors=execution.kept)
    walk = Walk(Draft(head, 0, "", 0, Policy()), definition)
    for cursor in execution.kept:
        held = cursor.held or {}
        if cursor.waits != "branches" and "gather" not in held:
            continue
        was_map = not held.keys().isdisjoint(("gather", "digest", "size")) or is_part(execution, cursor)
        if was_map and "item" not in definition.steps[cursor.step].type.list_names:
            return f"step {cursor.step!r} is no map in version {definition.version} of the definition"
        why = None if has_worked_enough() else fanout.misfit(walk, cursor)
        if why is not None:
            return f"in version {definition.version} of the definition, {why}"
    return None


def _stands_at(definition: Definition, execution: Execution, cursor: Cursor) -> bool:
    """Say whether a cursor's path leads to the list in which its step stands."""
    above = execution.parent or {}
    first = definition.steps.get(above["step"]) if "start" in above else None  # a part begins in its map's list
    within, is_item = "" if first is None else first.within, False
    for path in line_of(cursor.path):
        _, fan, number = f"/{path}".rsplit("/", 2)
        step = definition.steps.get(fan)
        is_item = step is not None and "item" in step.type.list_names
        within += f"/{fan}" if is_item else f"/{fan}/{number}"
    has_item = "item" in (cursor.vars or {})
    return definition.steps[cursor.step].within == within and (not cursor.path or has_item is is_item)


def again(definition: Definition, execution: Execution, event: Redriven, now_ms: int, policy: Policy) -> Draft:
    """Return the next life of an ended execution, as far as it goes in this decision."""
    timeout = definition.timeout_seconds if execution.shown is None else None
    head = replace(
        execution,
        state=State.STARTED,
        definition_version=event.version,
        output=None,
        error=None,
        ended_at_ms=None,
        kept=(),
        deadline_at_ms=None if timeout is None else now_ms + round(timeout * 1000),
        redriven_at_ms=now_ms,
    )
    draft = Draft(head, now_ms, event.by, policy.api_watch_ms, policy)
    draft.life = execution.life + 1 if event.life is None else event.life
    draft.record(EventType.EXECUTION_REDRIVEN, {"actor": event.actor, "version": event.version, "life": draft.life})
    walk = Walk(draft, definition)
    for cursor in execution.kept:
        draft.put(cursor)
    for cursor in sorted(execution.kept, key=lambda found: len(line_of(found.path))):  # what has branches before them
        if draft.cursors.get(cursor.path) is cursor:
            draft.transitions = 0
            _go_on(walk, cursor)
    draft.transitions = 0  # where it stands is not counted: who has more positions than attempts would never move
    walk.go_on()
    return draft


def _go_on(walk: Walk, cursor: Cursor) -> None:
    draft = walk.draft
    held = cursor.held or {}
    plain = replace(cursor, waits=None, timeout_at_ms=None, sleeping=False, in_index=False)
    if cursor.waits == "branches":
        wait(walk, plain, "branches", dict(held))
        caught = fanout.go_on(walk, draft.cursors[cursor.path])
        if caught is not None:
            walk.waiting.append(caught.path)
    elif "child" in held and (is_slot(cursor) or walk.step_of(cursor).type.name == "execute"):
        kept = {name: value for name, value in held.items() if name in ("slot", "child", "started", "timer")}
        token = f"{cursor.visit}.{cursor.attempt}.r{draft.life}"
        draft.drive(plain, draft.now_ms, token=token, held=kept | {"life": draft.life})
    elif is_slot(cursor) or "gather" in held:
        draft.drive(plain, draft.now_ms, token=f"{cursor.visit}.{cursor.attempt}.r{draft.life}", held=held)
    else:
        walk.revisit(replace(plain, held=None))
