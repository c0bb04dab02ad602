"""What the benchmark counts by itself: calls that are made side by side, messages that are ready, growth of maps."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from chalicelib.engine.definition import parse
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.parallel import Begun
from chalicelib.ports import Message, Outgoing
from sedo.bench import scenarios
from sedo.bench.bill import Run, bill
from sedo.bench.instruments import CountedTasks, HastyQueue

COUNTS = {
    "dynamodb_requests": {},
    "send_requests": 0,
    "sqs_requests": 0,
    "invocations": 0,
    "waits_for_calls": 0,
    "write_units": 0.0,
    "read_units": 0.0,
}


class MeetingTasks:
    """Calls that return only when so many are under way."""

    def __init__(self, many: int) -> None:
        self._meeting = threading.Barrier(many, timeout=10)

    def perform(self, task: Task) -> TaskResult:
        self._meeting.wait()
        return TaskResult(value=None)


class TakingQueue:
    """Takes everything, and remembers the delays."""

    def __init__(self) -> None:
        self.delays: list[int] = []

    def send(self, messages: Any) -> list[Outgoing]:
        self.delays += [message.delay_seconds for message in messages]
        return []

    def backlog(self) -> int:
        return 0

    def delete(self, queue_arn: str, receipt_handles: Any) -> None:
        raise AssertionError("nothing was received")


@pytest.mark.parametrize("scenario", scenarios.SCENARIOS, ids=lambda s: s.name)
def test_every_scenario_is_a_good_definition(scenario: scenarios.Scenario) -> None:
    for document in (*scenario.others, scenario.definition("http://127.0.0.1:1/")):
        parse(json.loads(json.dumps(document)), version=1)


def test_calls_made_side_by_side_are_waited_for_once() -> None:
    tasks = CountedTasks(MeetingTasks(3))
    task = Task("http", "s", 1, 1, "key", 30.0, {})

    def call() -> None:
        tasks.perform(task)

    def about_a_child() -> None:
        """Reads or writes a head, and calls nobody."""

    for jobs in ([about_a_child, call, call, call], [about_a_child, about_a_child]):
        tasks.wait([Begun(job) for job in jobs], [], lambda: 10)
    assert (tasks.calls, tasks.at_once, tasks.waits) == (3, 3, 1)


def test_delayed_messages_hurry_and_are_not_ready() -> None:
    inner = TakingQueue()
    queue = HastyQueue(inner)
    message = Message("t:d:1", "1.1", "n", "drive")
    queue.send([Outgoing(message, "t", delay) for delay in (0, 0, 300)])
    assert (inner.delays, queue.sent, queue.ready) == ([0, 0, 1], 3, 2)
    queue.received(2)
    assert queue.ready == 0


def test_a_distributed_map_is_one_transition_and_a_short_express_execution_for_each_child() -> None:
    usd = bill(COUNTS, Run(states=10_001, seconds=12.5, children=250))
    assert usd["stepFunctionsStandard"] == pytest.approx(10_001 * 25e-6)
    assert usd["stepFunctionsDistributed"] == pytest.approx(25e-6 + 250 * (1.0 + 0.1 * 0.0625 * 16.67) / 1e6, abs=1e-9)
    assert bill(COUNTS, Run(states=1, seconds=1))["stepFunctionsDistributed"] is None


def test_growth_compares_the_largest_map_of_a_kind_with_the_smallest() -> None:
    rows = [
        {"scenario": "a map of 1,000 calls", "items": 1000, "counts": {"seconds": 2.0}},
        {"scenario": "a map of 10,000 calls", "items": 10_000, "counts": {"seconds": 19.0}},
        {"scenario": "a map of 1,000 pure items", "items": 1000, "counts": {"seconds": 1.0}},
        {"scenario": "10 steps that call", "items": 0, "counts": {"seconds": 0.1}},
    ]
    assert scenarios.growth(rows) == {"calls": 9.5}
