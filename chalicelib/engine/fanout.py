"""Going several ways at once: branches and items as cursors of one head, or as children where there are many.

A fan-out's own cursor waits for its branches. It holds `{n, next, failed, allowed, quota, results}`: how many branches
there are and which is begun next, failures so far and allowed, how many may run at a time, and what has come out by
number. A map of more than WIDTH items is a tree: each branch is then a *slot*, which stands for a child execution that
does a part of the map (`size` items of it). The joined list of a tree is gathered from its leaves at the end.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from chalicelib.engine import failing, waits
from chalicelib.engine.errors import BRANCH_STOPPED, PROCESSING_FAILED, Failure
from chalicelib.engine.evaluation import grant
from chalicelib.engine.execution import Cursor, is_part, is_slot, stands_before
from chalicelib.engine.history import EventType
from chalicelib.engine.places import above, below, child_id, index_of, inside
from chalicelib.engine.records import replace
from chalicelib.engine.steps.base import Call, Done, Fail, Fan, Outcome

if TYPE_CHECKING:
    from chalicelib.engine.walk import Walk

WIDTH = 40
"""So many branches or children one head may have: each that ends writes it once."""


def begin(walk: Walk, cursor: Cursor, fan: Fan) -> Cursor | None:
    """Begin all branches, as far as the quota goes."""
    count = len(fan.inputs)
    if count == 0:
        return walk.settle(cursor, Done(value=_value(walk, cursor, {"results": {}, "failed": 0}), passes=False))
    allowed = math.floor(fan.tolerated_percentage * count / 100) if fan.allowed is None else fan.allowed
    held: dict[str, Any] = {"n": count, "next": 0, "failed": 0, "allowed": allowed, "results": {}}
    if fan.quota is not None:
        held["quota"] = fan.quota
    if fan.items and count > WIDTH:
        held["size"] = part_size(count)
        held["n"] = math.ceil(count / held["size"])
    waits.wait(walk, cursor, "branches", held)
    _begin_more(walk, cursor.path, fan)
    return None


def part_size(count: int) -> int:
    """Return how many items each child of a large map gets, so that all but the last are filled to their capacity."""
    size = WIDTH
    while math.ceil(count / size) > WIDTH:
        size *= WIDTH
    return size


def _begin_more(walk: Walk, path: str, fan: Fan) -> None:
    """Begin the next branches that the quota allows."""
    draft = walk.draft
    cursor = draft.cursors[path]
    held = dict(cursor.held or {})
    running = held["next"] - len(held["results"])
    room = min(held["n"], held.get("quota", held["n"])) - running
    first, last = held["next"], min(held["n"], held["next"] + max(0, room))
    for number in range(first, last):
        draft.put(replace(cursor, held=held | {"next": number + 1}))  # one by one: a start may end the execution
        if "size" in held:
            _begin_slot(walk, cursor, number)
        elif not _begin_branch(walk, cursor, fan, number):
            return


def _begin_branch(walk: Walk, cursor: Cursor, fan: Fan, number: int) -> bool:
    """Begin one branch; False when that has ended the execution."""
    starts = walk.step_of(cursor).branches
    path = below(cursor.path, cursor.step, number)
    if number >= len(fan.inputs) or (number >= len(starts) and not fan.items):
        walk.draft.fail(Failure(PROCESSING_FAILED, f"there is no branch {number} any more", cursor.step))
        return False
    given = fan.inputs[number]
    own = {"item": given, "index": fan.offset + number} if fan.items else None
    begun = walk.visit(path, starts[0 if fan.items else number], given, own)
    if begun is not None:
        walk.waiting.append(path)
    return begun is not None


def _begin_slot(walk: Walk, cursor: Cursor, number: int) -> None:
    draft = walk.draft
    path = below(cursor.path, cursor.step, number)
    slot = Cursor(path, cursor.step, cursor.visit, cursor.attempt, "", draft.by, None, 0, 0)
    token = f"{cursor.visit}.{cursor.attempt}.s{number}"
    draft.drive(slot, draft.now_ms, token=token, held={"slot": True, "child": number})


def start_of_slot(walk: Walk, slot: Cursor) -> Outcome:
    """Return the call that starts a slot's child with its part of the items."""
    cursor = walk.draft.cursors.get(above(slot.path))
    fan = None if cursor is None else _fan_of(walk, cursor)
    if cursor is None or fan is None or cursor.held is None:
        return Fail(PROCESSING_FAILED, "a part of a map has lost its map")
    held, step = cursor.held, walk.step_of(cursor)
    number, size = index_of(slot.path), held["size"]
    part = {
        "step": step.id,
        "start": fan.offset + number * size,
        "allowed": held["allowed"] - held["failed"],
        "quota": None if "quota" not in held else max(1, held["quota"] // min(held["n"], held["quota"])),
    }
    shown = walk.draft.shown_execution
    request = {
        "part": part,
        "input": list(fan.inputs[number * size : (number + 1) * size]),
        "stash": walk.scope(cursor)["stash"] if "stash" in step.needs else {},
        "shown": shown if "execution.input" in step.needs else {**shown, "input": None},
    }
    return Call("child", request, child=number)


def part(walk: Walk, cursor: Cursor) -> Fan:
    """Return what the map step of a child does: its part of the items, as its parent said."""
    given = walk.draft.base.parent or {}
    return Fan(cursor.input, True, given["quota"], allowed=given["allowed"], offset=given["start"])


def _fan_of(walk: Walk, cursor: Cursor) -> Fan | None:
    """Return the fan-out that a waiting cursor once began: the same, since what its step sees stays as it is."""
    if cursor.step not in walk.definition.steps:
        return None
    if is_part(walk.draft.base, cursor):
        return part(walk, cursor)
    known = (cursor.path, cursor.visit, cursor.attempt)
    if known not in walk.fans:
        outcome = walk.enter(replace(cursor, held=None, waits=None))
        if not isinstance(outcome, Fan):
            return None
        walk.fans[known] = outcome
    return walk.fans[known]


def join(walk: Walk, branch: Cursor, output: Any, failure: Failure | None = None) -> Cursor | None:
    """Take the end of one branch: go on with the step after the last, begin another, or stop them all."""
    draft = walk.draft
    cursor = draft.cursors.get(above(branch.path))
    if cursor is None or cursor.waits != "branches" or cursor.held is None:
        draft.fail(Failure(PROCESSING_FAILED, "a branch has lost its fan-out", branch.step))
        return None
    held = dict(cursor.held)
    held["failed"] += _failures(branch, output, failure)
    if held["failed"] > held["allowed"]:
        cause = failure or _last_of(output, branch)
        draft.remember()
        draft.cursors.pop(branch.path, None)
        stop(walk, cursor)
        return failing.fail(walk, replace(cursor, waits=None, held=None, timeout_at_ms=None), cause)
    draft.cursors.pop(branch.path, None)
    draft.snapshot = None  # whatever failed below is borne here
    if is_part(draft.base, cursor) and (failure is not None or (isinstance(output, dict) and "error" in output)):
        held["error"] = (failure or _last_of(output, branch)).document()  # its map may bear no more
    result = {"error": failure.document()} if failure is not None else None if is_slot(branch) else output
    held["results"] = held["results"] | {str(index_of(branch.path)): result}
    if len(held["results"]) == held["n"]:
        return _joined(walk, cursor, held)
    cursor = replace(cursor, held=held)
    draft.put(cursor)
    go_on(walk, cursor)
    return None


def go_on(walk: Walk, cursor: Cursor) -> None:
    """Begin the branches of a waiting fan-out for which there is room now."""
    held = cursor.held or {}
    if held["next"] >= held["n"]:
        return
    fan = _fan_of(walk, cursor)
    if fan is None:
        walk.draft.fail(Failure(PROCESSING_FAILED, "the items of a map cannot be found again", cursor.step))
        return
    _begin_more(walk, cursor.path, fan)


def _failures(branch: Cursor, output: Any, failure: Failure | None) -> int:
    """Return how many failed: the branch itself, or items of a part that was allowed some."""
    if failure is not None:
        return WIDTH**8 if is_slot(branch) else 1  # a part fails when it may not have one more
    return int(output["failed"]) if is_slot(branch) else 0


def _last_of(output: Any, branch: Cursor) -> Failure:
    """Return the last of the failures that a part has borne."""
    error = output.get("error") if isinstance(output, dict) and is_slot(branch) else None
    if isinstance(error, dict) and isinstance(error.get("name"), str) and isinstance(error.get("cause"), str):
        step = error.get("step")
        return Failure(error["name"], error["cause"], step if isinstance(step, str) else branch.step)
    return Failure(PROCESSING_FAILED, "more failures than a part was allowed", branch.step)


def _joined(walk: Walk, cursor: Cursor, held: dict[str, Any]) -> Cursor | None:
    plain = replace(cursor, waits=None, held=None, timeout_at_ms=None)
    grant()
    if "size" in held and not is_part(walk.draft.base, cursor):
        gathering = replace(plain, held={"gather": True})
        return walk.settle(gathering, walk.enter(gathering))
    return walk.settle(plain, Done(value=_value(walk, cursor, held), passes=False))


def _value(walk: Walk, cursor: Cursor, held: dict[str, Any]) -> Any:
    """Return what a fan-out hands on: its list; a part says how many failed too, and an inner one only that."""
    borne = {"failed": held["failed"]} | ({"error": held["error"]} if "error" in held else {})
    if "size" in held:
        return borne
    listed = [held["results"][str(number)] for number in range(len(held["results"]))]
    return {"items": listed, **borne} if is_part(walk.draft.base, cursor) else listed


def gather(walk: Walk, cursor: Cursor) -> Outcome:
    """Return the call that reads the results of a tree's leaves, in the order of the items."""
    fan = _fan_of(walk, cursor)
    if fan is None:
        return Fail(PROCESSING_FAILED, "the items of a map cannot be found again")
    ids = list(_leaves(walk.draft.base.id, cursor.visit, cursor.attempt, len(fan.inputs)))
    return Call("gather", {"ids": ids})


def _leaves(execution_id: str, visit: int, attempt: int, count: int) -> Iterator[str]:
    size = part_size(count)
    for number in range(math.ceil(count / size)):
        child = child_id(execution_id, visit, attempt, number)
        items = min(size, count - number * size)
        if items <= WIDTH:
            yield child
        else:
            yield from _leaves(child, 1, 1, items)


def stop(walk: Walk, cursor: Cursor) -> None:
    """End all branches of a fan-out where they stand; their children will be told."""
    draft = walk.draft
    draft.remember()
    prefix = inside(cursor.path, cursor)
    gone = [draft.cursors.pop(path) for path in list(draft.cursors) if path.startswith(prefix)]
    for branch in gone:
        if not is_slot(branch) and not stands_before(branch):
            error = Failure(BRANCH_STOPPED, f"{cursor.step} was left", branch.step)
            draft.record(EventType.STEP_FAILED, {"error": error.document()}, branch)
    draft.orphan(gone)
    walk.waiting = deque(path for path in walk.waiting if not path.startswith(prefix))
