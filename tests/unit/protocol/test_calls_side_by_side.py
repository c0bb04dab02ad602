"""Calls side by side: what is slower than others holds up none of them, and is neither lost nor made twice for that.

- a branch goes on while the call of another one is still open
- calls that end about together are kept by one write
- a crash later repeats what was open, and nothing that was kept
- what nobody asks for any more is not waited for, and is not made if it has not begun
- one that breaks takes nothing from the others, and the message comes back for it
- who loses a race keeps what is open
- no result of a child's start is kept before the messages of all that were started with it have left
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib import calls, parallel, service
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.parallel import AsideInThreads
from tests.unit.protocol.world import READY, TENANT, Crash, World, call, definition, mapped, side_by_side, step, wait

FINE = TaskResult(value={"status": 200, "headers": {}, "body": None})


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "GRACE_SECONDS", 0.02)


def threaded(*steps: dict[str, Any], **fields: Any) -> World:
    world = World(definition(*steps, **fields))
    world.runtime.aside = AsideInThreads()
    return world


class SlowOne:
    """Answers at once, but for the step `slow`, whose call returns when it may."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.may_return = threading.Event()
        self.made: list[str] = []
        self.until = ""

    def __call__(self, task: Task) -> TaskResult:
        self.made.append(task.step)
        if task.step == self.until:
            self.may_return.set()
        if task.step == "slow":
            self.begun.set()
            assert self.may_return.wait(timeout=20), "nothing went on while this call was open"
        return FINE


def test_branch_goes_on_while_the_call_of_another_is_open() -> None:
    world = threaded(side_by_side("fan", [call("a1"), call("a2"), call("a3")], [call("slow"), step("b")]), step("e"))
    world.outside.answer = slow = SlowOne()
    slow.until = "a3"
    execution_id = world.start()
    world.drain()
    assert world.head(execution_id).state == "ExecutionSucceeded"
    assert sorted(slow.made) == ["a1", "a2", "a3", "slow"]
    ended = [event.step for event in world.history(execution_id) if event.type == "StepSucceeded"]
    assert ended.index("a2") < ended.index("slow")


def test_branch_that_waits_is_sent_on_its_way_while_the_call_of_another_is_open() -> None:
    world = threaded(side_by_side("fan", [call("a"), wait("w", 60), step("x")], [call("slow")]), step("e"))
    world.outside.answer = slow = SlowOne()

    def sent(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "after") and any(cursor.sleeping for cursor in args[0].cursors):
            slow.may_return.set()

    world.hooks.append(sent)
    execution_id = world.start()
    world.drain()
    assert slow.made.count("slow") == 1
    world.run(100, ticks=False)
    assert world.head(execution_id).state == "ExecutionSucceeded"


def test_calls_that_end_about_together_are_kept_by_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "GRACE_SECONDS", 20)
    world = threaded(side_by_side("fan", [call("a")], [call("b")], [call("c")]), step("e"))
    order = [threading.Event() for _ in "abc"]

    def one_after_the_other(task: Task) -> TaskResult:
        place = "abc".index(task.step)
        if place:
            assert order[place - 1].wait(timeout=20)
        threading.Timer(0.03, order[place].set).start()
        return FINE

    world.outside.answer = one_after_the_other
    execution_id = world.start()
    before = world.head(execution_id).version
    world.drain()
    assert world.head(execution_id).state == "ExecutionSucceeded"
    assert world.head(execution_id).version == before + 1


def test_crash_while_a_call_is_open_repeats_that_one_alone() -> None:
    world = threaded(side_by_side("fan", [call("a1"), call("a2")], [call("slow")]), step("e"))
    world.outside.answer = slow = SlowOne()
    execution_id = world.start()
    kept: list[int] = []

    def dies(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "after") and "a1" not in [c.step for c in args[0].cursors] and not kept:
            kept.append(args[0].version)
            raise Crash("after the first result was kept")

    with world.hooked(dies):
        assert isinstance(world.deliver(READY), Crash)
    assert kept
    slow.may_return.set()
    world.advance(400)
    world.run(100, ticks=False)
    assert world.head(execution_id).state == "ExecutionSucceeded"
    assert (slow.made.count("a1"), slow.made.count("slow")) == (1, 2)


def test_what_nobody_asks_for_any_more_is_not_waited_for() -> None:
    world = threaded(side_by_side("fan", [call("a"), step("f", "fail", error="Odd")], [call("slow")]), step("e"))
    world.outside.answer = slow = SlowOne()
    execution_id = world.start()
    world.drain()
    try:
        assert not slow.may_return.is_set()
        assert world.head(execution_id).state == "ExecutionFailed"
    finally:
        slow.may_return.set()
    world.run(100)
    assert world.head(execution_id).state == "ExecutionFailed"


class FullPool:
    """Two threads for all calls: beside `first` there are three that return when they may, so the last must wait."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool = pool
        self.may_return = threading.Event()
        self.made: list[str] = []
        self.of_first = FINE

    def __call__(self, task: Task) -> TaskResult:
        self.made.append(task.step)
        if task.step.startswith("slow"):
            assert self.may_return.wait(timeout=20)
        return self.of_first if task.step == "first" else FINE

    def come_to_an_end(self) -> None:
        """Let all calls return, and wait until both threads have nothing left to do."""
        self.may_return.set()
        both = threading.Barrier(2)
        for one in [self.pool.submit(both.wait, 20) for _ in range(2)]:
            one.result()

    def fan(self, **fields: Any) -> dict[str, Any]:
        return side_by_side("fan", *([call(name)] for name in ("first", "slow1", "slow2", "slow3")), **fields)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[FullPool]:
    with ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(parallel, "_pool", lambda name, threads: pool)
        full = FullPool(pool)
        yield full
        full.may_return.set()


def test_call_that_has_not_begun_when_its_execution_ends_is_not_made(full: FullPool) -> None:
    world = threaded(full.fan(), step("e"))
    world.outside.answer, full.of_first = full, TaskResult(error="Odd", cause="at once")
    execution_id = world.start()
    world.drain()
    assert world.head(execution_id).state == "ExecutionFailed"
    full.come_to_an_end()
    assert "slow3" not in full.made


def test_call_that_has_not_begun_when_a_cancel_is_seen_is_not_made(full: FullPool) -> None:
    world = threaded(full.fan(), step("e"))
    world.outside.answer = full
    execution_id = world.start()

    def cancelled(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before"):
            world.hooks.clear()
            world.cancel(execution_id)

    world.hooks.append(cancelled)
    world.drain()
    assert world.head(execution_id).state == "ExecutionCancelled"
    full.come_to_an_end()
    assert "slow3" not in full.made


def test_call_that_has_not_begun_when_it_is_stopped_is_not_made_beside_what_follows(full: FullPool) -> None:
    world = threaded(full.fan(catch=[{"errors": ["Odd"], "next": "undo"}]), call("undo"))
    full.of_first = TaskResult(error="Odd", cause="at once")

    def answer(task: Task) -> TaskResult:
        if task.step == "undo":
            full.come_to_an_end()
        return full(task)

    world.outside.answer = answer
    execution_id = world.start()
    world.drain()
    assert world.head(execution_id).state == "ExecutionSucceeded"
    assert "undo" in full.made
    assert "slow3" not in full.made


def test_call_that_has_not_begun_when_processing_breaks_is_made_by_the_next_delivery_alone(full: FullPool) -> None:
    world = threaded(full.fan(), step("e"))
    world.outside.answer = full
    execution_id = world.start()
    broke: list[str] = []

    def breaks(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and not broke:
            broke.append(name)
            raise RuntimeError("broken once")

    world.hooks.append(breaks)
    world.drain()
    assert broke
    full.come_to_an_end()
    assert "slow3" not in full.made
    world.advance(400)
    world.run(100, ticks=False)
    assert world.head(execution_id).state == "ExecutionSucceeded"
    assert full.made.count("slow3") == 1


def test_call_that_breaks_takes_nothing_from_those_that_are_open() -> None:
    world = threaded(side_by_side("fan", [call("broken")], [call("slow")]), step("e"))
    slow = SlowOne()
    broke: list[str] = []

    def answer(task: Task) -> TaskResult:
        if task.step == "broken" and not broke:
            broke.append(task.step)
            threading.Timer(0.1, slow.may_return.set).start()
            raise RuntimeError("broken once")
        return slow(task)

    world.outside.answer = answer
    execution_id = world.start()
    world.drain()
    ended = [event.step for event in world.history(execution_id) if event.type == "StepSucceeded"]
    assert ended == ["slow"]
    world.advance(400)
    world.run(100, ticks=False)
    assert world.head(execution_id).state == "ExecutionSucceeded"
    assert slow.made.count("slow") == 1


def test_time_that_is_up_hands_over_what_is_next_and_nothing_that_is_open() -> None:
    world = threaded(side_by_side("fan", [call("a1"), call("a2")], [call("slow")]), step("e"))
    slow = SlowOne()
    tokens: list[dict[str, str]] = []

    def answer(task: Task) -> TaskResult:
        if task.step == "a1":
            assert slow.begun.wait(timeout=20)
        return slow(task)

    def passes(name: str, when: str, args: tuple[Any, ...]) -> None:
        if name == "commit" and when == "before":
            tokens.append({cursor.step: cursor.token for cursor in args[0].cursors if cursor.path})
            if len(tokens) == 1:
                world.now_ms += 44_000  # of 45 s: a call may take 30
        if name == "commit" and when == "after" and len(tokens) == 2:
            slow.may_return.set()

    world.outside.answer = answer
    world.hooks.append(passes)
    execution_id = world.start()
    begun_by = world.head(execution_id).cursors[-1].token
    tokens.clear()
    world.deliver(READY)
    assert tokens[0] == {"a2": begun_by, "slow": begun_by}
    assert tokens[1]["slow"] == begun_by != tokens[1]["a2"]
    world.drain()
    assert world.head(execution_id).state == "ExecutionSucceeded"
    assert sorted(slow.made) == ["a1", "a2", "slow"]


def test_what_no_time_is_left_for_is_handed_over_while_a_call_is_open() -> None:
    retry = [{"errors": ["Odd"], "maxAttempts": 2, "intervalSeconds": 0}]
    world = threaded(side_by_side("fan", [call("a", retry=retry)], [call("slow")]), step("e"))
    slow = SlowOne()

    def answer(task: Task) -> TaskResult:
        if task.step == "a" and task.attempt == 1:
            slow.made.append("a")
            assert slow.begun.wait(timeout=20)
            return TaskResult(error="Odd", cause="once")
        return slow(task)

    def passes(name: str, when: str, args: tuple[Any, ...]) -> None:
        if name != "commit":
            return
        handed = any(".h" in cursor.token for cursor in args[0].cursors)
        if when == "before" and not handed and any(cursor.attempt == 2 for cursor in args[0].cursors):
            world.now_ms += 44_000
        if when == "after" and handed:
            slow.may_return.set()

    world.outside.answer = answer
    world.hooks.append(passes)
    execution_id = world.start()
    world.drain()
    assert world.head(execution_id).state == "ExecutionSucceeded"
    assert sorted(slow.made) == ["a", "a", "slow"]


def test_slow_item_holds_up_none_that_its_map_may_begin_beside_it() -> None:
    body = call("slow", url="http://x/${ item }")
    world = threaded(mapped("each", body, items=list(range(9)), maxConcurrency=3), step("e"))
    last = threading.Event()
    made: list[str] = []

    def answer(task: Task) -> TaskResult:
        made.append(task.request["url"])
        if task.request["url"].endswith("/0"):
            assert last.wait(timeout=20), "the others waited for the first"
        if task.request["url"].endswith("/8"):
            last.set()
        return FINE

    world.outside.answer = answer
    execution_id = world.start()
    world.run(100, ticks=False)
    assert world.head(execution_id).state == "ExecutionSucceeded"
    assert len(made) == 9


def test_what_goes_well_beside_a_call_that_breaks_goes_on_at_once() -> None:
    world = threaded(side_by_side("fan", [call("broken")], [call("a1"), call("a2")]), step("e"))
    made: list[str] = []

    def answer(task: Task) -> TaskResult:
        made.append(task.step)
        if task.step == "broken":
            raise RuntimeError("broken for good")
        return FINE

    world.outside.answer = answer
    world.start()
    world.drain()  # no time passes: the broken one has not come back
    assert sorted(made) == ["a1", "a2", "broken"]


def test_who_loses_a_race_keeps_the_call_that_is_open() -> None:
    world = threaded(side_by_side("fan", [call("a1"), call("a2")], [call("slow")]), step("e"))
    world.outside.answer = slow = SlowOne()
    slow.until = "a2"
    lost: list[str] = []

    def overtaken(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("commit", "before") and not lost:
            lost.append(args[1])
            world.memory.commit(args[0], "of another delivery")

    execution_id = world.start()
    world.hooks.append(overtaken)
    assert world.deliver(READY) is None
    assert lost
    assert world.head(execution_id).state == "ExecutionSucceeded"
    assert sorted(slow.made) == ["a1", "a2", "slow"]


def test_messages_of_all_children_that_are_started_together_leave_before_any_is_kept() -> None:
    starts = [[step(name, "execute", definition="other")] for name in ("quick", "late")]
    world = threaded(call("a"), side_by_side("fan", *starts), step("e"))
    service.post_definition(world.runtime, TENANT, definition(call("x"), id="other"))
    execution_id = world.start()
    born: list[str] = []
    left: list[str] = []
    left_before: list[set[str]] = []
    kept = threading.Event()

    def order(name: str, when: str, args: tuple[Any, ...]) -> None:
        if (name, when) == ("send", "after"):
            left.extend(one.message.execution_id for one in args[0])
        if (name, when) != ("commit", "before"):
            return
        if args[0].parent is not None:
            born.append(args[0].id)
            if len(born) == 2:
                kept.wait(timeout=0.3)  # the write of this head is slow
        elif any(cursor.waits == "child" for cursor in args[0].cursors):
            left_before.append(set(left))
            kept.set()

    world.hooks.append(order)
    world.drain()
    assert world.head(execution_id).state == "ExecutionSucceeded"
    assert left_before[0] == set(born[:2])
