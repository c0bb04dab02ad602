"""What branches, children and people cost, exactly: writes of heads and indexes, messages, calls at once."""

from __future__ import annotations

import time
from collections import Counter
from threading import Lock
from typing import Any

import pytest

from chalicelib import inbox
from chalicelib.adapters.codec import encode_head
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.execution import Execution
from chalicelib.parallel import AsideInThreads, run_in_threads
from tests.unit.protocol.world import TENANT, World, call, definition, mapped, side_by_side, step, wait

INDEX_KEYS = ("startedKey", "openedKey", "dueKey")
PARTITION_OF = {"startedKey": "tenantKey", "openedKey": "inboxKey", "dueKey": "dueShard"}


class Meter:
    """Counts what a world writes and sends; an index costs one write where an entry comes, goes or changes in place."""

    def __init__(self, world: World) -> None:
        self.heads: Counter[str] = Counter()
        self.index_writes = 0
        self.messages = 0
        self.requests = 0
        self._items: dict[str, Any] = {}
        self._lock = Lock()
        world.hooks.append(self._see)

    @property
    def writes(self) -> int:
        return sum(self.heads.values())

    def _see(self, name: str, when: str, args: tuple[Any, ...]) -> None:
        if when == "before":
            return
        with self._lock:
            if name == "send":
                self.messages += len(args[0])
                self.requests += -(-len(args[0]) // 10)
            if name == "commit":
                self._count(args[0])

    def _count(self, head: Execution) -> None:
        self.heads[head.id] += 1
        item = encode_head(head, "n", 4)
        before = self._items.get(head.id, {})
        for key in INDEX_KEYS:
            old, new = ((found.get(PARTITION_OF[key]), found.get(key)) for found in (before, item))
            if old != new:
                self.index_writes += (old[1] is not None) + (new[1] is not None)
        self._items[head.id] = item


class AtOnce:
    """An outside that takes a moment and counts how many are there together."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = self.most = self.calls = 0
        self._lock = Lock()

    def __call__(self, task: Task) -> TaskResult:
        with self._lock:
            self.calls += 1
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.seconds)
        with self._lock:
            self.now -= 1
        return TaskResult(value=1)


def metered(*steps: dict[str, Any], more: tuple[dict[str, Any], ...] = ()) -> tuple[World, Meter]:
    world = World(definition(*steps), *more)
    return world, Meter(world)


def items(count: int) -> dict[str, Any]:
    return {"items": list(range(count))}


def test_task_of_a_person_costs_two_writes_and_no_message() -> None:
    world, meter = metered(step("ask", "human", title="Well?"))
    execution_id = world.start()
    [token] = world.tasks(execution_id)
    inbox.answer(world.runtime, TENANT, token, TaskResult({"yes": True}), actor="ann")
    assert world.head(execution_id).ended
    assert meter.writes == 2
    assert meter.index_writes <= 6
    assert meter.messages == 0


def test_three_effect_branches_are_two_writes_and_one_message() -> None:
    world, meter = metered(side_by_side("fan", [call("a")], [call("b")], [call("c")]), step("e"))
    execution_id = world.start()
    world.run(10, ticks=False)
    assert world.head(execution_id).ended
    assert meter.writes == 2
    assert meter.messages == 1


def test_timer_of_one_branch_is_sent_once_however_many_calls_another_makes() -> None:
    world, meter = metered(
        side_by_side("fan", [call("a"), wait("w", 50)], [call("b"), call("c"), call("d")]), step("e")
    )
    execution_id = world.start()
    world.run(100, ticks=False)
    assert world.head(execution_id).ended
    assert meter.messages == 2


def test_child_of_pure_steps_is_three_writes_and_no_message() -> None:
    other = definition(step("p"), id="other")
    world, meter = metered(step("child", "execute", definition="other"), step("e"), more=(other,))
    execution_id = world.start()
    assert world.head(execution_id).ended
    assert meter.writes == 3
    assert meter.messages == 0


def test_ten_thousand_pure_items() -> None:
    world, meter = metered(mapped("each", step("p")), step("e"))
    execution_id = world.start(input=items(10_000))
    world.run(100, ticks=False)
    assert world.head(execution_id).output == list(range(10_000))
    assert meter.writes <= 300
    assert meter.messages <= 20


def test_ten_thousand_calls() -> None:
    world, meter = metered(mapped("each", call("x"), output="${ length(output) }"), step("e"))
    outside = AtOnce(0.001)
    world.outside.answer = outside
    world.runtime.run_all, world.runtime.aside = run_in_threads, AsideInThreads()
    execution_id = world.start(input=items(10_000))
    world.run(100, ticks=False)
    assert world.head(execution_id).output == 10_000
    assert outside.calls == 10_000
    assert outside.most >= 40
    assert meter.writes <= 1100
    assert meter.messages <= 600


@pytest.mark.parametrize(("count", "quota"), [(30, 4), (100, 7), (200, 3), (1700, 50)])
def test_max_concurrency_is_really_held(count: int, quota: int) -> None:
    world, _ = metered(mapped("each", call("x"), maxConcurrency=quota, output="${ length(output) }"), step("e"))
    outside = AtOnce(0.002)
    world.outside.answer = outside
    world.runtime.run_all, world.runtime.aside = run_in_threads, AsideInThreads()
    execution_id = world.start(input=items(count))
    world.run(5000, ticks=False)
    assert world.head(execution_id).output == count
    assert outside.calls == count
    assert 2 <= outside.most <= quota


def test_time_grows_with_the_items() -> None:
    """What it takes is printed: a machine that is busy makes no such test fail."""
    taken = {}
    for count in (1000, 10_000):
        world, _ = metered(mapped("each", call("x"), output="${ length(output) }"), step("e"))
        begun = time.perf_counter()
        execution_id = world.start(input=items(count))
        world.run(100, ticks=False)
        taken[count] = time.perf_counter() - begun
        assert world.head(execution_id).output == count
    print(f"1,000 items {taken[1000]:.2f} s, 10,000 items {taken[10_000]:.2f} s: {taken[10_000] / taken[1000]:.1f} x")
