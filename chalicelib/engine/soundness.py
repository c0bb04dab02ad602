"""Whether a head's cursors fit together: what only a damaged head breaks, so that decisions need not ask.

Its JSON was read, so that members are there; what is looked at here is what stands in `waits`, `held` and `vars`.
"""

from __future__ import annotations

from typing import Any

from chalicelib.engine.execution import TERMINAL, Cursor, Execution
from chalicelib.engine.places import SWEEP, above
from chalicelib.engine.records import replace

_COUNTS = ("n", "next", "failed", "allowed")
_NUMBERS = ("timer", "looks", "life", "beatAt", "openedAt", "count")
_WAITS = (None, "task", "signal", "branches", "child")


def flaw(execution: Execution) -> str | None:
    """Return what is wrong with a head, or None."""
    if not is_parent(execution.parent):
        return "its parent is none"
    if execution.ending is not None and not _is_end(execution.ending):
        return "its end is none"
    at = {cursor.path: cursor for cursor in execution.cursors}
    for cursor in execution.cursors:  # all of them first: each is held against others
        if not all(entry is None or _is_object(entry) for entry in (cursor.held, cursor.vars)):
            return f"at {cursor.path or cursor.step}: held and vars must be objects"
    for cursor in execution.cursors:
        if cursor.waits is None and cursor.held is None and not cursor.path:
            continue
        why = _flaw(cursor, at)
        if why is not None:
            return f"at {cursor.path or cursor.step}: {why}"
    return None


def mended(execution: Execution) -> Execution:
    """Return a damaged head without a parent that is none: nobody can be told of its end."""
    return execution if is_parent(execution.parent) else replace(execution, parent=None)


def is_parent(parent: Any) -> bool:
    """Say whether a head's `parent` is sound: None, or an object that says who is to be told, and under which token."""
    if parent is None:
        return True
    if not isinstance(parent, dict) or not all(isinstance(parent.get(name), str) for name in ("id", "token")):
        return False
    return "start" not in parent or _is_part(parent)


def _is_part(parent: dict[str, Any]) -> bool:
    quota = parent.get("quota", 0)
    counts = _count(parent["start"]) and _count(parent.get("allowed")) and (quota is None or _count(quota))
    return counts and "quota" in parent and isinstance(parent.get("step"), str)


def _is_end(ending: Any) -> bool:
    if not isinstance(ending, dict) or not {"output", "error"} <= ending.keys():
        return False
    state = ending.get("state")
    return isinstance(state, str) and state in TERMINAL and _count(ending.get("at", 0))


def _flaw(cursor: Cursor, at: dict[str, Cursor]) -> str | None:
    if cursor.path == SWEEP:
        return None if _texts((cursor.held or {}).get("ids")) else "it names no children"
    return _flaw_of_wait(cursor) or _flaw_of_branch(cursor, at)


def _flaw_of_wait(cursor: Cursor) -> str | None:
    held = cursor.held or {}
    if cursor.waits not in _WAITS:
        return f"nobody knows the wait {cursor.waits!r:.40}"
    if "child" in held and not _count(held["child"]):
        return "its child has no number"
    if not all(_count(held[name]) for name in _NUMBERS if name in held):
        return "what is counted must be a number"
    match cursor.waits:
        case "task":
            sound = isinstance(held.get("roles", []), list)
        case "signal":
            sound = isinstance(held.get("name"), str)
        case "branches":
            sound = _is_fan(held)
        case "child":
            sound = "child" in held
        case _:
            sound = "slot" not in held or "child" in held
    return None if sound else "what it holds does not fit what it waits for"


def _is_fan(held: dict[str, Any]) -> bool:
    if not all(_count(held.get(name)) for name in _COUNTS) or not isinstance(held.get("results"), dict):
        return False
    return all(_count(held[name]) and held[name] > 0 for name in ("quota", "size") if name in held)


def _flaw_of_branch(cursor: Cursor, at: dict[str, Cursor]) -> str | None:
    own = cursor.vars or {}
    if not isinstance(own.get("stash", {}), dict) or ("index" in own) is not ("item" in own):
        return "its variables are incomplete"
    if not cursor.path:
        return None
    fan, number = at.get(above(cursor.path)), cursor.path.rpartition("/")[2]
    if fan is None or fan.waits != "branches" or not cursor.path.endswith(f"{fan.step}/{number}"):
        return "its fan-out is not there"
    if not number.isascii() or not number.isdecimal():
        return "it has no number"
    return (
        None if (cursor.held or {}).get("slot", False) is ("size" in (fan.held or {})) else "it is no part of its map"
    )


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
