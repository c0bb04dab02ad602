"""Going several ways at once: branches and items as cursors of one head, or as children where there are many.

A fan-out's own cursor waits for its branches. It holds `{n, next, failed, allowed, quota, results}`: how many branches
there are and which is begun next, failures so far and allowed, how many may run at a time, and what has come out by
number. A map of more than WIDTH items is a tree: each branch is then a *slot*, which stands for a child execution that
does a part of the map (`size` items of it). The joined list of a tree is gathered from its leaves at the end.

The items are evaluated again where they are needed. In a later life the definition may be another: the `digest` of the
items, and their `count` in a tree, say whether they are still those of which the results are.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from chalicelib.engine import failing, values, waits
from chalicelib.engine.errors import BRANCH_STOPPED, PROCESSING_FAILED, Failure
from chalicelib.engine.evaluation import count_work, grant
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
    own = fan.items and not is_part(walk.draft.base, cursor)  # a part has its items as its input, and those stay
    if own:
        held["digest"] = _digest(fan)
    if fan.items and count > WIDTH:
        held["size"] = part_size(count)
        held["n"] = math.ceil(count / held["size"])
        held |= {"count": count} if own else {}
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
    if isinstance(fan, Fail):
        return fan
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


def _fan_of(walk: Walk, cursor: Cursor) -> Fan | Fail:
    """Return the fan-out that a waiting cursor began: in one life the same, since what its step sees stays as it is."""
    known = (cursor.path, cursor.visit, cursor.attempt)
    if known not in walk.fans:
        found = _found_again(walk, cursor)
        if isinstance(found, Fail) or walk.draft.life > 1:
            why = _misfit(cursor, found)
            found = found if why is None else Fail(PROCESSING_FAILED, why)
        walk.fans[known] = found
    return walk.fans[known]


def misfit(walk: Walk, cursor: Cursor) -> str | None:
    """Return why a fan-out cannot go on with what its step says in another version of the definition, or None."""
    return _misfit(cursor, _found_again(walk, cursor))


def _found_again(walk: Walk, cursor: Cursor) -> Fan | Fail:
    step = walk.definition.steps.get(cursor.step)
    if step is None or not step.branches:
        return Fail(PROCESSING_FAILED, "it has no branches")
    if is_part(walk.draft.base, cursor):
        return part(walk, cursor)
    outcome = walk.enter(replace(cursor, held=None, waits=None))
    return outcome if isinstance(outcome, Fan | Fail) else Fail(PROCESSING_FAILED, "it has no branches")


def _misfit(cursor: Cursor, found: Fan | Fail) -> str | None:
    """Hold a fan-out against what its cursor knows of how it began: in a head of an older release, only the number."""
    if isinstance(found, Fail):
        return f"the items of step {cursor.step!r} cannot be found again: {found.cause}"
    held, count = cursor.held or {}, len(found.inputs)
    if not found.items:
        return None if held.get("n") == count else f"step {cursor.step!r} has another number of branches now: {count}"
    if "digest" in held:
        same = held["digest"] == _digest(found)
    elif "gather" in held:
        return None
    else:
        size = part_size(count) if "size" in held else 1
        same = (held.get("n"), held.get("size", 1)) == (math.ceil(count / size), size)
    return None if same else f"the items of step {cursor.step!r} are not those that it began with"


def _digest(fan: Fan) -> str:
    """Return the fingerprint of the items, which takes about half as long as to make them."""
    items = list(fan.inputs)
    count_work(values.size(items) // 2)
    return values.digest(items)


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
    return go_on(walk, cursor)


def go_on(walk: Walk, cursor: Cursor) -> Cursor | None:
    """Begin the branches of a waiting fan-out for which there is room now; the step fails where they are others."""
    held = cursor.held or {}
    if held["next"] >= held["n"]:
        return None
    fan = _fan_of(walk, cursor)
    if isinstance(fan, Fan):
        _begin_more(walk, cursor.path, fan)
        return None
    stop(walk, cursor)
    plain = replace(cursor, waits=None, held=None, timeout_at_ms=None)
    return failing.fail(walk, plain, Failure(fan.error, fan.cause, cursor.step))


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
        known = {name: held[name] for name in ("digest", "count") if name in held}
        gathering = replace(plain, held={"gather": True} | known)
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
    count = (cursor.held or {}).get("count")
    if count is None:
        fan = _fan_of(walk, cursor)
        if isinstance(fan, Fail):
            return fan
        count = len(fan.inputs)
    return Call("gather", {"ids": list(_leaves(walk.draft.base.id, cursor.visit, cursor.attempt, count))})


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
