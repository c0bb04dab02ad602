"""What sedo reaches outside with: DynamoDB (dynamodb.py), SQS (sqs.py), outside calls (tasks.py, *_runner.py).

`connect` joins them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.ports import Clock, Nonces, Queue, Store, TaskRunner
from chalicelib.settings import Settings


@dataclass(frozen=True, slots=True)
class Outside:
    """All that a runtime needs from outside this process."""

    store: Store
    queue: Queue
    tasks: TaskRunner
    now_ms: Clock
    nonces: Nonces
    sleep: Callable[[float], None]


def connect(settings: Settings) -> Outside:
    """Return what is on AWS, or on what AWS_ENDPOINT_URL names. Clients are made with the first request."""
    import time  # noqa: PLC0415
    import uuid  # noqa: PLC0415

    from chalicelib.adapters.aws import Clients  # noqa: PLC0415 - boto3 is slow to import, and importing a codec needs none
    from chalicelib.adapters.dynamodb import DynamoStore  # noqa: PLC0415
    from chalicelib.adapters.sqs import SqsQueue  # noqa: PLC0415
    from chalicelib.adapters.tasks import connect_runners  # noqa: PLC0415

    def now_ms() -> int:
        return time.time_ns() // 1_000_000

    clients = Clients(settings)
    return Outside(
        store=DynamoStore(clients, now_ms),
        queue=SqsQueue(clients),
        tasks=connect_runners(clients),
        now_ms=now_ms,
        nonces=lambda: uuid.uuid4().hex[:16],
        sleep=time.sleep,
    )
