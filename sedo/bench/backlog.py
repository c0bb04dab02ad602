"""Executions that all wait for the processor at once, in memory: what does one of them cost, and does memory grow?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from chalicelib import service
from chalicelib.engine.errors import SedoError
from chalicelib.engine.execution import Execution
from chalicelib.parallel import Job
from chalicelib.ports import Committed, Conflict, DueEntry, Outgoing
from chalicelib.processor import handle_batch
from chalicelib.runtime import Runtime
from chalicelib.settings import Settings
from chalicelib.ticks import tick
from sedo.bench import definitions
from sedo.memory import MemoryStore
from sedo.memory_queue import MemoryQueues, MemoryTaskRunner

TENANT = "bench"
TIMEOUT = "timeout-queue"
WAIT_SECONDS = 60
BATCH = 10
DUE_PAGE = 100


@dataclass
class Requests:
    """A count that store and queue share."""

    made: int = 0


@dataclass
class CountedStore(MemoryStore):
    """What would be a request to DynamoDB is counted."""

    requests: Requests = field(default_factory=Requests)

    def __post_init__(self) -> None:
        super().__init__()

    def load(self, execution_ids: Sequence[str], *, whole: bool = True) -> dict[str, Execution | SedoError]:
        """One BatchGetItem."""
        self.requests.made += 1
        return super().load(execution_ids, whole=whole)

    def commit(self, execution: Execution, nonce: str) -> Committed | Conflict:
        """One PutItem."""
        self.requests.made += 1
        return super().commit(execution, nonce)

    def due(self, before_ms: int, limit_per_shard: int) -> Iterable[DueEntry]:
        """A Query for each hundred, and one for each shard."""
        found = list(super().due(before_ms, limit_per_shard))
        self.requests.made += len(found) // DUE_PAGE + Settings().index_shards
        return found


class CountedQueues(MemoryQueues):
    """What would be a request to SQS is counted."""

    requests = Requests()

    def send(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """A batch for each ten."""
        self.requests.made += -(-len(messages) // BATCH)
        return super().send(messages)


class Backlog:
    """So many executions, all of whose waits end at the same moment."""

    def __init__(self, executions: int) -> None:
        self.now_ms = 1_800_000_000_000
        self.requests = Requests()
        self.queues = CountedQueues(lambda: self.now_ms)
        self.queues.requests = self.requests
        names = count()
        self.runtime = Runtime(
            settings=Settings(),
            store=CountedStore(self.requests),
            queue=self.queues,
            tasks=MemoryTaskRunner(),
            now_ms=lambda: self.now_ms,
            nonces=lambda: f"n{next(names)}",
            sleep=lambda _: None,
            run_all=_one_after_the_other,
        )
        definition_id = service.post_definition(self.runtime, TENANT, definitions.wait(WAIT_SECONDS))
        for _ in range(executions):
            service.start_execution(self.runtime, TENANT, definition_id, {"foo": "bar"}, actor="bench")
        self.now_ms += WAIT_SECONDS * 1000 + 1000

    def requests_per_execution(self, executions: int) -> float:
        """Process so many of the waiting ones, with one tick before, and return the requests that each took."""
        self.requests.made = 0
        tick(self.runtime)
        done = 0
        while done < executions:
            done += self.process_batch()
        return self.requests.made / done

    def process_batch(self) -> int:
        """One batch, as Lambda's poller hands it over; returns how many messages it had."""
        received = self.queues.receive(TIMEOUT, BATCH)
        self.requests.made += 2
        arn = self.queues.arn(TIMEOUT)
        records: list[dict[str, Any]] = [
            {
                "messageId": message.message_id,
                "receiptHandle": message.receipt_handle,
                "body": message.body,
                "attributes": {"ApproximateReceiveCount": str(message.receive_count)},
                "eventSourceARN": arn,
            }
            for message in received
        ]
        handle_batch(self.runtime, {"Records": records})
        self.queues.delete(arn, [message.receipt_handle for message in received])
        return len(received)


def _one_after_the_other(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job()
