"""The three implementations that one suite holds to the same promises, with what a test needs of the other side."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import boto3

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.sqs import SqsQueue
from chalicelib.ports import Queue, Store
from chalicelib.settings import Settings
from sedo.memory import MemoryStore
from sedo.memory_queue import MemoryQueues, Received

TEMPLATE = Path(__file__).parents[2] / "resources.json"
MAX_RECEIVE_COUNT = 2
NOW_MS = 1_795_000_000_000
"""The moment for all stores, so that what the samples end does not expire one day."""


class Backend(Protocol):
    """A store, its queues, and the far ends of both."""

    @property
    def store(self) -> Store: ...

    @property
    def queue(self) -> Queue: ...

    def arn(self, queue: str) -> str: ...

    def receive(self, queue: str) -> list[Received]: ...

    def release(self, queue: str, receipt_handle: str) -> None:
        """Show a received message again at once."""

    def let_pass(self, seconds: float) -> None:
        """Let time go by."""

    def damage(self, execution_id: str, tenant_id: str) -> None:
        """Put a head of a later format there, in version 1."""

    def store_at(self, now_ms: int) -> Store:
        """Return the same store as seen by somebody with another clock."""

    def payload_items(self, execution_id: str) -> list[tuple[str, int]]:
        """Return the keys and sizes of the items that hold an execution's payloads."""

    def expiries(self, execution_id: str) -> set[int | None]:
        """Return when chunks and payloads of an execution expire."""

    def break_payloads(self, execution_id: str, *, lose: bool) -> None:
        """Take the payloads of an execution away, or write something else into them."""


class MemoryBackend:
    def __init__(self) -> None:
        self.now = NOW_MS
        self.store = MemoryStore(now_ms=lambda: self.now)
        self.queue = MemoryQueues(lambda: self.now, max_receive_count=MAX_RECEIVE_COUNT)

    def arn(self, queue: str) -> str:
        return self.queue.arn(queue)

    def receive(self, queue: str) -> list[Received]:
        return self.queue.receive(queue, 10)

    def release(self, queue: str, receipt_handle: str) -> None:
        self.queue.change_visibility(queue, receipt_handle, 0)

    def let_pass(self, seconds: float) -> None:
        self.now += int(seconds * 1000)

    def damage(self, execution_id: str, tenant_id: str) -> None:
        self.store.damage(execution_id, tenant_id=tenant_id)

    def store_at(self, now_ms: int) -> Store:
        self.now = now_ms
        return self.store

    def payload_items(self, execution_id: str) -> list[tuple[str, int]]:
        return [(digest, len(blob)) for digest, blob in self.store.payloads(execution_id).items()]

    def expiries(self, execution_id: str) -> set[int | None]:
        return self.store.expiry_of_rest(execution_id)

    def break_payloads(self, execution_id: str, *, lose: bool) -> None:
        payloads = self.store.payloads(execution_id)
        for digest in list(payloads):
            payloads[digest] = payloads[digest][:-9]
        if lose:
            payloads.clear()


@dataclass
class AwsBackend:
    clients: Clients

    def __post_init__(self) -> None:
        self.store = DynamoStore(self.clients, lambda: NOW_MS)
        self.queue = SqsQueue(self.clients)

    def _url(self, queue: str) -> str:
        return self.clients.sqs.get_queue_url(QueueName=self.clients.settings.resource(queue))["QueueUrl"]

    def arn(self, queue: str) -> str:
        found = self.clients.sqs.get_queue_attributes(QueueUrl=self._url(queue), AttributeNames=["QueueArn"])
        return found["Attributes"]["QueueArn"]

    def receive(self, queue: str) -> list[Received]:
        answer = self.clients.sqs.receive_message(
            QueueUrl=self._url(queue), MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageSystemAttributeNames=["All"]
        )
        return [
            Received(
                body=message["Body"],
                receipt_handle=message["ReceiptHandle"],
                receive_count=int(message["Attributes"]["ApproximateReceiveCount"]),
                message_id=message["MessageId"],
                sent_at_ms=int(message["Attributes"]["SentTimestamp"]),
                group=message["Attributes"].get("MessageGroupId"),
            )
            for message in answer.get("Messages", [])
        ]

    def release(self, queue: str, receipt_handle: str) -> None:
        self.clients.sqs.change_message_visibility(
            QueueUrl=self._url(queue), ReceiptHandle=receipt_handle, VisibilityTimeout=0
        )

    def let_pass(self, seconds: float) -> None:
        time.sleep(seconds)

    def damage(self, execution_id: str, tenant_id: str) -> None:
        self.clients.dynamodb.put_item(
            TableName=self.clients.settings.resource("execution"),
            Item={
                "id": {"S": execution_id},
                "tenantId": {"S": tenant_id},
                "version": {"N": "1"},
                "format": {"N": "99"},
                "nonce": {"S": ""},
                "body": {"B": b"from the future"},
                "tenantKey": {"S": f"{tenant_id}#live#0"},
                "startedKey": {"S": f"{0:015d}#{execution_id}"},
            },
        )

    def store_at(self, now_ms: int) -> Store:
        return DynamoStore(self.clients, lambda: now_ms)

    def payload_items(self, execution_id: str) -> list[tuple[str, int]]:
        return [(item["digest"]["S"], len(item["body"]["B"])) for item in self._items("payload", execution_id)]

    def expiries(self, execution_id: str) -> set[int | None]:
        items = [item for table in ("payload", "execution_history") for item in self._items(table, execution_id)]
        return {int(item["expiresAt"]["N"]) if "expiresAt" in item else None for item in items}

    def break_payloads(self, execution_id: str, *, lose: bool) -> None:
        table = self.clients.settings.resource("payload")
        for item in self._items("payload", execution_id):
            key = {"executionId": item["executionId"], "digest": item["digest"]}
            if lose:
                self.clients.dynamodb.delete_item(TableName=table, Key=key)
            else:
                self.clients.dynamodb.put_item(TableName=table, Item=item | {"body": {"B": item["body"]["B"][:-9]}})

    def _items(self, table: str, execution_id: str) -> list[Any]:
        pages = self.clients.dynamodb.get_paginator("query").paginate(
            TableName=self.clients.settings.resource(table),
            KeyConditionExpression="executionId = :id",
            ExpressionAttributeValues={":id": {"S": execution_id}},
            ConsistentRead=True,
        )
        return [item for page in pages for item in page["Items"]]


def aws_backend(url: str, **settings: Any) -> AwsBackend:
    """Make a stack of this run's own on an emulator."""
    prefix = f"c{uuid.uuid4().hex[:6]}-"
    cloudformation = boto3.client("cloudformation", endpoint_url=url)
    cloudformation.create_stack(
        StackName=f"{prefix}sedo",
        TemplateBody=json.dumps(json.loads(TEMPLATE.read_text())),
        Parameters=[
            {"ParameterKey": "Prefix", "ParameterValue": prefix},
            {"ParameterKey": "Alarms", "ParameterValue": "false"},
            {"ParameterKey": "MaxReceiveCount", "ParameterValue": str(MAX_RECEIVE_COUNT)},
        ],
    )
    until(lambda: _status(cloudformation, f"{prefix}sedo") != "CREATE_IN_PROGRESS", seconds=60)
    assert _status(cloudformation, f"{prefix}sedo") == "CREATE_COMPLETE"
    return AwsBackend(Clients(Settings(prefix=prefix, **settings), endpoint_url=url))


def _status(cloudformation: Any, stack: str) -> str:
    return str(cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])


def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Wait for what an emulator does in its own time."""
    last = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < last, "this did not come about in time"
        time.sleep(0.05)
