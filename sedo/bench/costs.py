"""Counts what one execution needs: real requests to an emulator, metered at the adapters, on a virtual clock.

Nothing is slept through: a delay of any length reaches the queue as one second, and the clock goes to the moment at
which the message was due. Receives and deletes, which Lambda's poller makes, are counted here, one of each per batch;
polls that find nothing and the tick's own queries serve all executions together and are left out.
Write units are those that the emulator answers. For reads its answers cannot be used (none for a batch, and one unit
whatever the size), so that each read counts as one unit: it is consistent, and of one item below 4 KB.
Children are counted with their parent. One process takes one batch after the other, each as full as the queue gives it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import boto3

from chalicelib import inbox, service
from chalicelib.adapters import connect
from chalicelib.adapters.aws import Clients
from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.metering import Reading, meter_of_process
from chalicelib.engine.effects import TaskResult
from chalicelib.engine.execution import Execution
from chalicelib.engine.places import task_token
from chalicelib.processor import handle_batch
from chalicelib.runtime import Runtime
from chalicelib.settings import Settings
from chalicelib.ticks import tick
from sandbox.events import sqs_event
from sedo.bench.instruments import CountedTasks, HastyQueue

TENANT = "bench"
STEP_MS = 1000
WORKING_QUEUES = ("execution-processor-queue", "timeout-queue")
MOST_BATCHES = 2000


@dataclass
class Counts:
    """What one execution took. `ticks` are invocations of the tick that found it; they serve others too.

    `waits_for_calls` counts calls that are made side by side once; `at_once` is how many were under way at a time at
    most; `seconds` are the laboratory's, with MiniStack on the same machine.
    """

    table: str
    reading: Reading
    messages: int
    receives: int
    deletes: int
    invocations: int
    calls: int
    waits_for_calls: int
    at_once: int
    ticks: int
    seconds: float

    def document(self) -> dict[str, Any]:
        """Return the counts by name."""
        units, requests = self.reading.units, self.reading.requests
        sends = requests["sqs.SendMessageBatch"]
        reads = requests["dynamodb.GetItem"] + requests["dynamodb.BatchGetItem"]
        return {
            "head_writes": self.reading.calls[f"PutItem.{self.table}"],
            "index_writes": round(self._units(f"write.{self.table}/")),
            "history_writes": self.reading.calls[f"PutItem.{self.table}_history"],
            "reads": reads,
            "messages": self.messages,
            "send_requests": sends,
            "sqs_requests": sends + self.receives + self.deletes,
            "invocations": self.invocations,
            "calls": self.calls,
            "waits_for_calls": self.waits_for_calls,
            "calls_at_once": self.at_once,
            "seconds": round(self.seconds, 2),
            "ticks": self.ticks,
            "write_units": self._units("write."),
            "read_units": float(reads),
            "units": {name: number for name, number in sorted(units.items()) if number},
            "dynamodb_requests": {name: n for name, n in requests.items() if name.startswith("dynamodb.")},
        }

    def _units(self, prefix: str) -> float:
        return sum(number for name, number in self.reading.units.items() if name.startswith(prefix))


class Laboratory:
    """sedo on an emulator that AWS_ENDPOINT_URL names, with a clock that is set by hand."""

    def __init__(self, settings: Settings) -> None:
        settings = replace(settings, meter=True)
        outside = connect(settings)
        self.now_ms = time.time_ns() // 1_000_000
        self.queue = HastyQueue(outside.queue)
        self.tasks = CountedTasks(outside.tasks)
        self.runtime = Runtime(
            settings=settings,
            store=outside.store,
            queue=self.queue,
            tasks=self.tasks,
            now_ms=lambda: self.now_ms,
            nonces=outside.nonces,
            sleep=outside.sleep,
            aside=self.tasks,
        )
        self._meter = meter_of_process()
        self._unmetered = DynamoStore(Clients(replace(settings, meter=False)), outside.now_ms)
        self._sqs = boto3.client("sqs")
        self._sources = [self._source(settings.resource(name)) for name in WORKING_QUEUES]

    def _source(self, name: str) -> tuple[str, str]:
        """Return URL and ARN of a queue."""
        url = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, found["Attributes"]["QueueArn"]

    def count(
        self, document: dict[str, Any], input: Any = None, *, others: Sequence[dict[str, Any]] = (), answer: Any = None
    ) -> tuple[Execution, Counts]:
        """Run one execution to its end; return its head and what it took, which does not hold the definitions' posts.

        `others` are definitions that it starts; its tasks get `answer`.
        """
        for other in others:
            service.post_definition(self.runtime, TENANT, other)
        definition_id = service.post_definition(self.runtime, TENANT, document)
        self._meter.reset()
        self.queue.reset()
        self.tasks.reset()
        began = time.monotonic()
        begun = service.start_execution(self.runtime, TENANT, definition_id, input, actor="bench")
        took: Counter[str] = Counter(invocations=1)
        shared = Reading()
        for _ in range(MOST_BATCHES):
            if self.queue.ready > 0:
                self.queue.received(self._invoke(took, self._sources[:1]))
                continue
            head = self.head(begun.id)
            if head.ended:
                break
            if not self._answer(head, answer, took):
                self._let_time_pass(head, took, shared)
                self._invoke(took, self._sources)
        seconds = time.monotonic() - began
        reading = self._meter.reset()
        reading.requests -= shared.requests
        for name, units in shared.units.items():
            reading.units[name] -= units
        return self.head(begun.id), Counts(
            self.runtime.settings.resource("execution"),
            reading,
            self.queue.sent,
            took["receives"],
            took["deletes"],
            took["invocations"],
            self.tasks.calls,
            self.tasks.waits,
            self.tasks.at_once,
            took["ticks"],
            seconds,
        )

    def head(self, execution_id: str) -> Execution:
        """Return a head without counting the read."""
        found = self._unmetered.load([execution_id])[execution_id]
        assert isinstance(found, Execution)
        return found

    def _answer(self, head: Execution, answer: Any, took: Counter[str]) -> bool:
        """Answer the tasks that are open, and say whether there were any."""
        tokens = [task_token(head, c.visit, c.attempt) for c in head.cursors if c.waits == "task"]
        for token in tokens:
            inbox.answer(self.runtime, TENANT, token, TaskResult(value=answer), actor="bench")
        took["invocations"] += len(tokens)
        return bool(tokens)

    def _let_time_pass(self, head: Execution, took: Counter[str], shared: Reading) -> None:
        """Go to the moment of the next message; where only the index knows it, a tick comes before."""
        due = min(cursor.due_at_ms for cursor in head.cursors)
        if all(cursor.in_index for cursor in head.cursors):
            self.now_ms = max(self.now_ms, due - 30 * STEP_MS)
            before = self._meter.snapshot()
            tick(self.runtime)
            after = self._meter.snapshot()
            took["ticks"] += 1
            for name in ("dynamodb.Query", "sqs.GetQueueAttributes", "sqs.GetQueueUrl"):
                shared.requests[name] += after.requests[name] - before.requests[name]
            for name in (name for name in after.units if name.startswith("read.")):
                shared.units[name] += after.units[name] - before.units.get(name, 0)
        self.now_ms = max(self.now_ms, due)

    def _invoke(self, took: Counter[str], sources: Sequence[tuple[str, str]]) -> int:
        """Receive one batch as Lambda's poller does, hand it over, delete it; return how many messages it had."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for url, arn in sources:
                answer = self._sqs.receive_message(
                    QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageSystemAttributeNames=["All"]
                )
                if messages := answer.get("Messages", []):
                    handle_batch(self.runtime, sqs_event(messages, arn))
                    self._sqs.delete_message_batch(
                        QueueUrl=url,
                        Entries=[{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)],
                    )
                    took.update(receives=1, deletes=1, invocations=1)
                    return len(messages)
            time.sleep(0.05)
        raise TimeoutError("no message came")
