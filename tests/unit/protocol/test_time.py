"""Time: `due_at` in a sparse index and a tick are long wait, step timeout, execution timeout and watchdog in one.

- every live head has a `due_at`, never later than the next moment that matters
- a wait beyond 15 minutes has no message; its look comes with the exact seconds left
- early messages send the rest of their delay; up to 2 s early counts as due
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chalicelib.deliveries import BatchFailed
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.ports import Message
from tests.unit.protocol.world import (
    READY,
    START_MS,
    TIMEOUT,
    Hook,
    World,
    call,
    definition,
    step,
    unavailable,
    wait,
)

HOUR = 3600


def test_short_wait_is_one_delayed_message_on_the_timeout_queue() -> None:
    world = World(definition(wait("w", 45), step("e")))
    execution_id = world.start()
    assert (world.messages(READY), world.messages(TIMEOUT)) == (0, 1)
    assert world.queues.next_moment_ms() == START_MS + 45_000
    world.run(46, ticks=False)
    assert world.head(execution_id).ended


def test_long_wait_has_no_message_and_ends_on_the_second() -> None:
    world = World(definition(wait("w", 3 * HOUR + 17), step("e")))
    execution_id = world.start()
    assert world.messages(READY) == world.messages(TIMEOUT) == 0
    assert world.head(execution_id).due_at_ms == START_MS + (3 * HOUR + 17) * 1000
    world.run(4 * HOUR)
    ended_at = world.head(execution_id).ended_at_ms
    assert ended_at is not None
    assert 0 <= ended_at - (START_MS + (3 * HOUR + 17) * 1000) <= 1000


def counting(calls: list[str]) -> Hook:
    """Note every call to store and queue."""
    return lambda name, when, args: calls.append(name) if when == "before" else None


def test_wait_of_a_year_costs_what_a_wait_of_a_day_costs() -> None:
    costs = []
    for days in (1, 365):
        world = World(definition(wait("w", days * 86_400), step("e")), tick_seconds=HOUR)
        calls: list[str] = []
        with world.hooked(counting(calls)):
            execution_id = world.start()
            world.run((days + 1) * 86_400)
        assert world.head(execution_id).ended
        costs.append([calls.count(name) for name in ("commit", "send", "load")])
    assert costs[0] == costs[1] == [2, 1, 1]


@pytest.mark.parametrize("seconds", [30, 2 * HOUR])
def test_step_timeout(seconds: int) -> None:
    world = World(definition(wait("w", 10 * HOUR, timeoutSeconds=seconds), step("e")))
    execution_id = world.start()
    world.run(10 * HOUR)
    head = world.head(execution_id)
    assert head.error is not None
    assert head.error["name"] == "Task.Timeout"
    assert head.ended_at_ms is not None
    assert 0 <= head.ended_at_ms - (START_MS + seconds * 1000) <= 1000
    assert world.kinds(execution_id)[-2:] == ["StepTimedOut", "ExecutionFailed"]


def test_step_timeout_is_catchable_and_retryable() -> None:
    retry = [{"errors": ["Task.Timeout"], "maxAttempts": 2, "intervalSeconds": 1}]
    catch = [{"errors": ["Task.Timeout"], "next": "e"}]
    world = World(definition(wait("w", HOUR, timeoutSeconds=10, retry=retry, catch=catch), step("e")))
    execution_id = world.start()
    world.run(60)
    kinds = world.kinds(execution_id)
    assert kinds.count("StepRetried") == 1
    assert kinds.count("StepTimedOut") == 1
    assert kinds[-1] == "ExecutionSucceeded"


@pytest.mark.parametrize("seconds", [30, 2 * HOUR])
@pytest.mark.parametrize("messages_are_lost", [False, True])
def test_execution_timeout(seconds: int, messages_are_lost: bool) -> None:
    world = World(definition(wait("w", 10 * HOUR), step("e"), timeoutSeconds=seconds))
    execution_id = world.start()
    if messages_are_lost:
        world.queues.purge(TIMEOUT)
    world.run(10 * HOUR)
    head = world.head(execution_id)
    assert head.state == "ExecutionTimedOut"
    assert head.error is not None
    assert head.error["name"] == "Execution.Timeout"
    assert head.ended_at_ms is not None
    late = head.ended_at_ms - (START_MS + seconds * 1000)
    assert -2000 <= late <= (61_000 if messages_are_lost else 1000)


def test_execution_timeout_stops_a_loop_between_its_steps() -> None:
    world = World(definition(wait("w", 20, next="again"), call("again", next="w"), timeoutSeconds=90))
    execution_id = world.start()
    world.run(HOUR)
    assert world.head(execution_id).state == "ExecutionTimedOut"


def test_result_that_comes_after_the_execution_timeout_is_not_kept() -> None:
    world = World(definition(call("a"), step("e"), timeoutSeconds=10))
    execution_id = world.start()

    def slow(task: Task) -> TaskResult:
        world.advance(20)
        return TaskResult(value=1)

    world.outside.answer = slow
    world.run(60)
    assert world.head(execution_id).state == "ExecutionTimedOut"


def test_early_message_sends_the_rest_of_its_delay() -> None:
    world = World(definition(wait("w", 100), step("e")))
    execution_id = world.start()
    received = json.loads(world.queues.bodies(TIMEOUT)[0])
    version = world.head(execution_id).version
    world.advance(60)
    world.send(Message(execution_id, received["token"], "a fast clock"))
    assert world.deliver() is None
    assert world.head(execution_id).version == version
    assert world.messages(TIMEOUT) == 2
    world.run(39, ticks=False)
    assert not world.head(execution_id).ended
    world.run(2, ticks=False)
    assert world.kinds(execution_id).count("StepSucceeded") == 2


@pytest.mark.parametrize(("early_ms", "done"), [(2000, True), (2001, False)])
def test_up_to_two_seconds_early_counts_as_due(early_ms: int, done: bool) -> None:
    world = World(definition(wait("w", 100), step("e")))
    execution_id = world.start()
    world.now_ms = START_MS + 100_000 - early_ms
    world.send(Message(execution_id, "1.1", "a fast clock"))
    assert world.deliver() is None
    assert world.head(execution_id).ended is done


def test_early_message_whose_rest_cannot_be_sent_comes_back() -> None:
    world = World(definition(wait("w", 100), step("e")))
    execution_id = world.start()
    world.send(Message(execution_id, "1.1", "a fast clock"))
    with world.hooked(unavailable("send", times=1000)):
        assert isinstance(world.deliver(), BatchFailed)


def test_retry_delay_beyond_15_minutes_is_left_to_the_index() -> None:
    retry = [{"errors": ["*"], "maxAttempts": 2, "intervalSeconds": 2000, "maxIntervalSeconds": 3600}]
    world = World(definition(call("a", retry=retry), step("e")))
    execution_id = world.start()
    answers = [TaskResult(error="Http.500", cause="no"), TaskResult(value=1)]
    world.outside.answer = lambda task: answers.pop(0)
    world.drain()
    assert world.messages(TIMEOUT) == 0
    world.run(2100)
    assert world.head(execution_id).ended
    assert "ExecutionSucceeded" in world.kinds(execution_id)


def test_delayed_work_never_delays_ready_work() -> None:
    world = World(definition(wait("w", 10), step("e")), definition(call("a"), step("e"), id="now"))
    for _ in range(20):
        world.start()
    world.start("now")
    world.advance(10)
    assert (world.messages(READY), world.messages(TIMEOUT)) == (1, 20)


def test_history_of_a_process_whose_clock_is_behind_that_of_the_starter_is_whole() -> None:
    world = World(definition(*(call(f"s{i}") for i in range(4)), step("e")))
    world.runtime = replace(world.runtime, flush_above_bytes=50)
    execution_id = world.start()
    world.runtime = replace(world.runtime, now_ms=lambda: world.now_ms - 5)
    world.drain()
    assert world.head(execution_id).chunks > 0
    assert world.kinds(execution_id)[-1] == "ExecutionSucceeded"
