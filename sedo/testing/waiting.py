"""What the executions of a run wait for, and whether anything will ever come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.engine.execution import NEVER_MS, Cursor

if TYPE_CHECKING:
    from sedo.testing.stage import Stage

_FOR = {"task": "an answer", "signal": "a signal"}


def is_stuck(stage: Stage) -> bool:
    """Say whether nothing but a mock that is not there could move anything on."""
    live = [head for head in stage.world.current.values() if not head.ended]
    for head in live:
        if head.deadline_at_ms is not None or not all(_only_waits(cursor) for cursor in head.cursors):
            return False
    return bool(live) and not stage.pending and not any(stage.world.post.parcels.values())


def _only_waits(cursor: Cursor) -> bool:
    """Say whether a cursor waits for others alone."""
    if cursor.waits in ("child", "branches"):
        return cursor.timeout_at_ms is None
    return cursor.waits in _FOR and cursor.due_at_ms >= NEVER_MS


def waiting(stage: Stage) -> str:
    """Say what the live executions wait for."""
    found = []
    for head in stage.world.current.values():
        for cursor in () if head.ended else head.cursors:
            if cursor.waits in _FOR:
                step = stage.whereabouts.attempt(head.id, cursor.path, cursor.step, cursor.visit, cursor.attempt).step
                found.append(f"{step} for {_FOR[cursor.waits]}")
    return ", ".join(dict.fromkeys(found)) or "nothing is left that could move it on"
