"""Branches and items in one head: order, scopes, quotas, failures, time, and what a decision can hold."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.engine import fanout, walk
from chalicelib.engine.definition import parse
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.events import Arrived, CancelRequested, ChildrenEnded, Redriven, TimeIsUp
from chalicelib.engine.redrive import obstacle
from tests.unit.engine.world import SECOND, World, document, done, failing

URL = "https://x.example/"


def steps(*listed: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document(*listed)["steps"]
    return found


def named(*listed: dict[str, Any], prefix: str) -> list[dict[str, Any]]:
    return steps(*({"id": f"{prefix}{i}"} | step for i, step in enumerate(listed, 1)))


def parallel(*branches: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    return {"id": "fan", "type": "parallel", "branches": [{"steps": listed} for listed in branches], **fields}


def each(*inner: dict[str, Any], items: Any = "${ input }", **fields: Any) -> dict[str, Any]:
    return {"id": "each", "type": "map", "items": items, "steps": named(*inner, prefix="i"), **fields}


def http(**fields: Any) -> dict[str, Any]:
    return {"type": "http", "url": URL, **fields}


def plain(**fields: Any) -> dict[str, Any]:
    return {"type": "pass", **fields}


def run(*listed: dict[str, Any], input: Any = None, **fields: Any) -> World:
    return World(document(*listed, **fields), input).run()


def test_output_has_the_order_of_the_branches_and_not_of_their_ends() -> None:
    world = run(
        parallel(
            named({"type": "wait", "seconds": 9}, plain(output="slow"), prefix="a"),
            named(plain(output="quick"), prefix="b"),
            named({"type": "wait", "seconds": 4}, plain(output="between"), prefix="c"),
        )
    )
    assert world.head.output == ["slow", "quick", "between"]


def test_items_come_out_in_their_order() -> None:
    world = run(each({"type": "wait", "seconds": "${ item }"}, plain(output="${ [index, item] }")), input=[5, 1, 3])
    assert world.head.output == [[0, 5], [1, 1], [2, 3]]


def test_fan_outs_nest_in_each_other() -> None:
    inner = {
        "id": "inner",
        "type": "map",
        "items": "${ item }",
        "steps": named(plain(output="${ [index, item] }"), prefix="n"),
    }
    world = run(
        parallel(steps(each(inner, plain(output="${ input }"))), named(plain(), prefix="b")), input=[[7], [8, 9]]
    )
    assert world.head.output == [[[[0, 7]], [[0, 8], [1, 9]]], [[7], [8, 9]]]


def test_branch_sees_its_own_stash_and_the_join_forgets_it() -> None:
    write = plain(stash={"x": "${ item }"})
    read = plain(output="${ [stash.x, stash.before] }")
    world = run(
        {"id": "first", "type": "pass", "stash": {"before": "kept", "x": "outer"}},
        each({"type": "wait", "seconds": 1}, write, read, items=[1, 2]),
        {"id": "last", "type": "pass", "output": "${ [input, stash] }"},
    )
    assert world.head.output == [[[1, "kept"], [2, "kept"]], {"before": "kept", "x": "outer"}]


def test_inner_stash_is_seen_below_and_not_beside() -> None:
    inner = {"id": "deep", "type": "map", "items": [1], "steps": named(plain(output="${ stash.mine }"), prefix="d")}
    world = run(each(plain(stash={"mine": "${ item }"}), inner, plain(output="${ [input, stash.mine] }"), items=[4, 5]))
    assert world.head.output == [[[4], 4], [[5], 5]]


@pytest.mark.parametrize("quota", [1, 2, 3])
def test_quota_is_held_at_every_moment(quota: int) -> None:
    world = World(document(each({"type": "wait", "seconds": "${ item }"}, maxConcurrency=quota)), [3, 1, 4, 1, 5])
    world.begin()
    most = 0
    while not world.head.ended:
        most = max(most, sum(1 for cursor in world.head.cursors if cursor.path))
        world.deliver()
    assert most == quota
    assert world.visited.count("i1") == 5


@pytest.mark.parametrize(("tolerated", "state"), [(40, "ExecutionSucceeded"), (39, "ExecutionFailed")])
def test_so_many_failures_are_tolerated_and_no_more(tolerated: float, state: str) -> None:
    decide = {"type": "choice", "choices": [{"when": "${ item < `2` }", "next": "i2"}], "default": "i3"}
    lost = {"type": "fail", "error": "Odd", "cause": "no"}
    world = run(each(decide, lost, plain(end=True), toleratedFailurePercentage=tolerated), input=list(range(5)))
    assert world.head.state == state
    if tolerated == 40:
        assert world.head.output[0] == {"error": {"name": "Odd", "cause": "no", "step": "i2"}}
        assert world.head.output[2:] == [2, 3, 4]
    else:
        assert (world.head.error or {})["name"] == "Odd"


def test_succeed_inside_ends_its_branch_alone_and_fail_fails_the_fan_out() -> None:
    world = run(
        parallel(
            named({"type": "succeed", "output": "over"}, prefix="a"),
            named({"type": "wait", "seconds": 5}, plain(output="later"), prefix="b"),
        )
    )
    assert world.head.output == ["over", "later"]
    caught = [{"errors": ["Odd"], "next": "saved"}]
    fan = parallel(
        named({"type": "fail", "error": "Odd", "cause": "no"}, prefix="a"),
        named({"type": "wait", "seconds": 5}, plain(), prefix="b"),
        catch=caught,
        next="saved",
    )
    world = run(fan, {"id": "saved", "type": "pass", "output": "saved"})
    assert world.head.output == "saved"
    assert [event.type for event in world.events if event.step == "b1"] == ["StepStarted", "StepFailed"]
    assert world.visited.count("b2") == 0


def test_fan_out_is_retried_as_a_whole() -> None:
    world = World(
        document(
            parallel(
                named(http(), prefix="a"),
                named(http(), prefix="b"),
                retry=[{"errors": ["Http.500"], "maxAttempts": 3, "intervalSeconds": 7}],
            )
        ),
        answer=failing("Http.500", None, None, "Http.500"),
    ).run()
    assert world.head.state == "ExecutionSucceeded"
    assert world.trail.count("StepRetried fan") == 2
    assert world.now >= world.head.started_at_ms + 14 * SECOND


@pytest.mark.parametrize("seconds", [5, 5000])
@pytest.mark.parametrize(
    "step",
    [
        {"type": "human", "title": "?"},
        {"type": "signal", "name": "go"},
        {"type": "execute", "definition": "other"},
        {"type": "callback", "via": {"http": {"url": URL}}},
        each({"type": "human", "title": "?"}, items=[1, 2]),
    ],
)
def test_waits_for_others_have_a_timeout(step: dict[str, Any], seconds: float) -> None:
    caught = [{"errors": ["Task.Timeout"], "stash": {"late": "${ error.name }"}, "next": "e"}]
    listed = {"id": "s", **step, "timeoutSeconds": seconds, "catch": caught, "next": "e"}
    world = World(document(listed, {"id": "e", "type": "pass"}))
    world.child = lambda task: {"id": task.request["id"], "state": "StepStarted", "life": 1}
    world.run(100)
    assert world.head.state == "ExecutionSucceeded"
    assert world.head.stash == {"late": "Task.Timeout"}
    assert world.head.started_at_ms + seconds * SECOND - 2000 <= world.now
    assert world.now <= world.head.started_at_ms + seconds * SECOND + 60 * SECOND
    assert world.told == ([f"{world.head.id}.1.0"] if step["type"] == "execute" else [])


def test_nothing_to_do_is_done_at_once() -> None:
    world = run(each(http()), input=[])
    assert world.head.output == []
    assert world.tasks == []
    assert world.visited == ["each"]


@pytest.mark.parametrize("left", [1, 2, 3, 5, 8])
def test_budget_of_a_decision_may_end_anywhere_in_a_fan_out(left: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_STEPS", left)
    inner = {"id": "inner", "type": "map", "items": [1, 2, 3], "steps": named(plain(), plain(), prefix="n")}
    world = run(each(plain(), inner, items=[1, 2, 3]), {"id": "e", "type": "pass"})
    assert world.head.output == [[1, 2, 3]] * 3
    assert world.visited.count("n2") == 9


@pytest.mark.parametrize("limit", range(2, 12))
def test_max_transitions_ends_a_fan_out_anywhere_and_a_redrive_goes_on(limit: int) -> None:
    world = World(
        document(each(plain(), http(), items=[1, 2, 3], maxConcurrency=2), plain(id="e"), maxTransitions=limit)
    )
    world.run()
    lives = 1
    while world.head.state != "ExecutionSucceeded":
        assert (world.head.error or {})["name"] == "Execution.TooManyTransitions", world.head.error
        assert world.head.transitions <= limit
        assert world.hear(Redriven(1, "me", world.nonce()))
        world.run()
        lives += 1
        assert lives < 40
    assert len(world.head.output) == 3
    succeeded = [event.step for event in world.events if event.type == "StepSucceeded"]
    assert (succeeded.count("i1"), succeeded.count("i2"), succeeded.count("each")) == (3, 3, 1), (
        "nothing was done twice"
    )


def test_redrive_moves_on_however_many_positions_there_are() -> None:
    """What it goes on from is not counted; else it would end at once, each time."""
    waits = named({"type": "wait", "seconds": 9}, plain(), prefix="w")
    world = World(document({**each(items=list(range(12))), "steps": waits}, plain(id="e"), maxTransitions=26))
    world.begin()
    world.hear(CancelRequested(None, "me", world.nonce()))
    world.definition = parse(
        document({**each(items=list(range(12))), "steps": waits}, plain(id="e"), maxTransitions=5), 2
    )
    lives = 1
    while world.head.state != "ExecutionSucceeded":
        assert world.hear(Redriven(2, "me", world.nonce()))
        world.run()
        lives += 1
        assert lives < 10
    assert world.head.output == list(range(12))


def moved(to: str) -> list[dict[str, Any]]:
    """Steps of version 2, in which `ask` stands in another list than in `[ask | other] and [more]`."""
    ask, other, more = {"type": "wait", "seconds": 9, "id": "ask"}, plain(id="other"), plain(id="more")
    match to:
        case "where it was":
            return [parallel(steps(ask, other), steps(more), id="fan")]
        case "the other branch":
            return [parallel(steps(other), steps(more, ask), id="fan")]
        case "outside":
            return [parallel(steps(other), steps(more), id="fan"), ask]
        case "a map":
            return [{"id": "fan", "type": "map", "items": [1, 2], "steps": steps(ask, other)}]
    raise AssertionError(to)


@pytest.mark.parametrize("to", ["where it was", "the other branch", "outside", "a map"])
def test_redrive_onto_a_version_that_moved_the_step_is_refused(to: str) -> None:
    world = World(document(*moved("where it was")))
    world.begin()
    world.hear(CancelRequested(None, "me", world.nonce()))
    why = obstacle(parse(document(*moved(to)), 2), world.head)
    if to == "where it was":
        assert why is None
    else:
        assert why == "step 'ask' stands in another list in version 2 of the definition"


@pytest.mark.parametrize(("before", "after"), [("map", "parallel"), ("parallel", "map")])
def test_redrive_onto_another_kind_of_fan_out_is_refused(before: str, after: str) -> None:
    inner = steps({"type": "wait", "seconds": 9, "id": "ask"})
    kinds = {
        "map": {"id": "fan", "type": "map", "items": [1], "steps": inner},
        "parallel": parallel(inner, id="fan"),
    }
    world = World(document(kinds[before]))
    world.begin()
    world.hear(CancelRequested(None, "me", world.nonce()))
    assert "'ask' stands in another list" in (obstacle(parse(document(kinds[after]), 2), world.head) or "")


def test_many_maps_of_large_items_do_not_begin_in_one_decision() -> None:
    """Each of them takes the fingerprint of its items."""
    each_of = [steps({**each({"type": "wait", "seconds": 9}), "id": f"m{i}", "steps": waits(i)}) for i in range(5)]
    world = World(document(parallel(*each_of)), ["x" * 1_200_000] * 3)
    world.begin()
    assert sum(cursor.waits == "branches" for cursor in world.head.cursors) == 1 + 3
    world.settle()
    assert sum(cursor.waits == "branches" for cursor in world.head.cursors) == 1 + 5


def waits(number: int) -> list[dict[str, Any]]:
    return named({"type": "wait", "seconds": 9}, prefix=f"w{number}x")


def test_calls_of_all_branches_are_one_decision() -> None:
    world = World(document(parallel(*(named(http(), prefix=name) for name in "abc"))))
    world.begin()
    world.settle()
    assert world.head.ended
    assert world.commits == 2


def test_late_result_of_a_stopped_branch_changes_nothing() -> None:
    fan = parallel(
        named(http(), prefix="a"), named(http(), prefix="b"), catch=[{"errors": ["*"], "next": "e"}], next="e"
    )
    world = World(document(fan, {"id": "e", "type": "wait", "seconds": 5}))
    world.begin()
    [send] = world.sends
    tasks = world.decide(Arrived(send.token, "x")).tasks
    world.answer = failing("Http.500")
    assert world.decide(world.performed(tasks[0])).changed
    assert not world.decide(world.performed(tasks[1])).changed


def test_time_that_is_up_hands_over_what_still_needs_a_call_and_nothing_else() -> None:
    fan = parallel(
        named(http(), prefix="a"), named({"type": "wait", "seconds": 50}, prefix="b"), named(http(), prefix="c")
    )
    world = World(document(fan))
    world.begin()
    token = next(cursor.token for cursor in world.head.cursors if cursor.step == "a1")
    decision = world.decide(TimeIsUp(token, "x"))
    assert decision.changed
    fresh = {cursor.step: cursor.token for cursor in world.head.cursors}
    assert fresh["a1"] == fresh["c1"] != token
    assert fresh["b1"] not in (token, fresh["a1"])
    assert not world.decide(TimeIsUp(token, "x")).changed
    world.run()
    assert world.visited.count("a1") == 1


def test_a_wait_that_shares_its_message_with_others_gets_one_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due later cannot be put off by the message that drives the others."""
    monkeypatch.setattr(walk, "MAX_STEPS", 1)
    waiting = named({"type": "wait", "seconds": 30}, prefix="a")
    world = World(document(parallel(waiting, named(http(), http(), http(), prefix="b"))))
    world.run()
    assert world.head.ended
    sent = [send for send in world.all_sends if send.due_at_ms > world.head.started_at_ms]
    assert len(sent) == 1, "one message for the wait"


def test_cancel_keeps_all_positions_and_a_redrive_goes_on_from_them() -> None:
    world = World(document(each(plain(), {"type": "wait", "seconds": 9}, items=[1, 2]), plain(id="e")))
    world.begin()
    world.hear(CancelRequested(None, "me", world.nonce()))
    assert world.head.state == "ExecutionCancelled"
    world.hear(Redriven(1, "me", world.nonce()))
    assert world.head.life == 2
    world.run()
    assert world.head.output == [1, 2]
    assert world.visited.count("i1") == 2, "what was done is not done again"
    assert world.visited.count("i2") == 4


def test_tolerated_failure_leaves_no_trace_in_what_is_kept() -> None:
    """A branch whose own fan-out failed was tolerated; what ends it all fails later in the same decision."""
    lost = {"id": "lost", "type": "fail", "error": "Odd", "cause": "no"}
    inner = parallel([lost], named(plain(), prefix="p"), id="inner")
    world = run(each(inner, items=[1], toleratedFailurePercentage=100), {"id": "bad", "type": "fail", "error": "E"})
    assert world.head.state == "ExecutionFailed"
    assert [cursor.step for cursor in world.head.kept] == ["bad"]


# Children of one head, as the engine sees them


def tree(**fields: Any) -> dict[str, Any]:
    return each(plain(), **fields)


def started(task: Task) -> dict[str, Any]:
    return {"id": task.request["id"], "state": "StepStarted", "life": task.request["life"]}


def test_large_map_asks_for_as_many_children_as_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "WIDTH", 4)
    world = World(document(tree()), list(range(10))).run()
    parts = [task.request for task in world.tasks if task.type == "child"]
    assert [part["input"] for part in parts] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [part["part"]["start"] for part in parts] == [0, 4, 8]
    assert world.head.output == [{"gathered": f"{world.head.id}.1.{number}"} for number in range(3)]


@pytest.mark.parametrize(("count", "quota"), [(10, 2), (10, 7), (16, 5), (3, 2)])
def test_quotas_of_all_children_together_are_no_more_than_the_maps(
    count: int, quota: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "WIDTH", 4)
    world = World(document(tree(maxConcurrency=quota)), list(range(count)), child=started)
    world.settle()
    parts = [task.request["part"]["quota"] for task in world.tasks if task.type == "child"]
    if count > 4:
        assert 0 < sum(parts) <= quota


def test_early_end_of_a_child_is_taken_before_its_start_was_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "WIDTH", 2)
    world = World(document(tree()), list(range(4)), child=started)
    world.begin()
    [send] = world.sends
    tasks = world.decide(Arrived(send.token, "x")).tasks
    ends = tuple((f"c1.1.{number}", done(task)) for number, task in enumerate(tasks))
    assert world.decide(ChildrenEnded(ends[:1], "y")).changed
    assert not world.decide(world.performed(tasks[0])).changed, "its slot is gone"
    assert world.decide(world.performed(tasks[1])).changed
    assert world.decide(ChildrenEnded(ends, "z")).changed
    assert not world.decide(ChildrenEnded(ends, "z")).changed
    world.settle()
    assert world.head.ended


def test_failed_child_fails_its_map_whatever_is_tolerated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "WIDTH", 3)

    def child(task: Task) -> dict[str, Any]:
        failed = {"state": "ExecutionFailed", "error": {"name": "Odd", "cause": "no", "step": "i1"}}
        return started(task) | (failed if task.request["id"].endswith(".1") else {})

    world = World(document(tree(toleratedFailurePercentage=100)), list(range(9)), child=child)
    world.settle()
    assert world.head.state == "ExecutionFailed"
    assert (world.head.error or {})["name"] == "Odd"
    assert sorted(world.told) == [f"{world.head.id}.1.0", f"{world.head.id}.1.2"]


def test_allowance_of_a_child_is_what_the_others_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "WIDTH", 4)

    def child(task: Task) -> dict[str, Any]:
        came = done(task)
        came["output"]["failed"] = 1
        return came

    world = World(document(tree(toleratedFailurePercentage=50, maxConcurrency=1)), list(range(12)), child=child)
    world.settle()
    allowed = [task.request["part"]["allowed"] for task in world.tasks if task.type == "child"]
    assert allowed == [6, 5, 4]
    assert world.head.ended


def test_start_that_cannot_be_made_fails_its_step_and_leaves_no_child_behind() -> None:
    world = World(document({"id": "x", "type": "execute", "definition": "other"}))
    world.begin()
    [send] = world.sends
    [task] = world.decide(Arrived(send.token, "x")).tasks
    result = world.performed(task)
    world.decide(type(result)(task.visit, task.attempt, TaskResult(error="Input.Invalid", cause="no"), "y", None, ""))
    assert world.head.ending is not None
    world.settle()
    assert world.head.state == "ExecutionFailed"
    assert world.told == [f"{world.head.id}.1.0"]
