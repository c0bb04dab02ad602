"""A schedule on the emulators, with nothing in memory: posted, found by the tick, started from the queue, moved on.

Only the clock is the test's own.
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from chalicelib import schedules, service
from chalicelib.adapters.queues import READY, TIMEOUT
from chalicelib.processor import handle_batch
from chalicelib.runtime import Runtime
from chalicelib.ticks import tick
from tests.contract.backends import AwsBackend, aws_backend, until

NOON_MS = 1_793_620_800_000
DEFINITION: dict[str, Any] = {
    "id": "d",
    "schedule": [{"every": "15m", "input": {"n": 1}}, {"cron": "0 13 * * *", "timezone": "Europe/Vienna"}],
    "steps": [{"id": "a", "type": "pass", "end": True}],
}


class Clock:
    now_ms = NOON_MS - 60_000


@pytest.fixture(params=["ministack_url", "localstack_url"])
def backend(request: pytest.FixtureRequest) -> AwsBackend:
    return aws_backend(request.getfixturevalue(request.param))


def deliver(runtime: Runtime, backend: AwsBackend, queue: str) -> int:
    """Process what a queue shows now, as the event source does."""
    received = backend.receive(queue)
    records = [
        {
            "messageId": message.message_id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": {"ApproximateReceiveCount": str(message.receive_count)},
            "eventSourceARN": backend.arn(queue),
        }
        for message in received
    ]
    if records:
        handle_batch(runtime, {"Records": records})
        backend.queue.delete(backend.arn(queue), [message.receipt_handle for message in received])
    return len(records)


def test_a_schedule_from_posting_to_its_executions(backend: AwsBackend) -> None:
    clock = Clock()
    runtime = Runtime(
        settings=backend.clients.settings,
        store=backend.store,
        queue=backend.queue,
        tasks=None,  # type: ignore[arg-type] # no step makes a call
        now_ms=lambda: clock.now_ms,
        nonces=lambda: uuid.uuid4().hex[:16],
        sleep=lambda _: None,
    )
    service.post_definition(runtime, "123", DEFINITION)
    assert tick(runtime) == 0, "the moment is not before the next tick"
    clock.now_ms = NOON_MS
    assert tick(runtime) == tick(runtime) == 1
    handled: list[int] = []

    def both_came() -> bool:
        handled.append(deliver(runtime, backend, READY))
        return sum(handled) >= 2

    until(both_came)
    found = backend.store.list_executions("123", 10).items
    assert {execution.name: execution.input for execution in found} == {
        "schedule.0.20261102T120000Z": {"n": 1},
        "schedule.1.20261102T120000Z": {},
    }
    assert all(execution.ended for execution in found)
    assert [row["nextAt"] for row in schedules.upcoming(runtime, "123", "d")] == [
        "2026-11-02T12:15:00.000Z",
        "2026-11-03T12:00:00.000Z",
    ]
    assert backend.store.delete_definition("123", "d")
    clock.now_ms += 15 * 60_000
    assert tick(runtime) == 0
    assert backend.receive(READY) == backend.receive(TIMEOUT) == []
