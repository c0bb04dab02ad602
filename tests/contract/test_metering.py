"""The meter counts what is really sent, and what DynamoDB says it cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.metering import meter_of_process
from chalicelib.adapters.sqs import SqsQueue
from chalicelib.ports import Unavailable
from tests.contract.backends import AwsBackend
from tests.contract.samples import after, ended, fresh_tenant, head, outgoing


def metered(backend: AwsBackend, **changes: str) -> Clients:
    settings = replace(backend.clients.settings, meter=True)
    return Clients(settings, endpoint_url=changes.get("endpoint_url", backend.clients.dynamodb.meta.endpoint_url))


def test_writes_and_reads_are_counted_with_their_units(ministack: AwsBackend) -> None:
    store = DynamoStore(metered(ministack), lambda: 0)
    first = head(fresh_tenant())
    meter_of_process().reset()
    store.commit(first, "n1")
    table = ministack.clients.settings.resource("execution")
    assert meter_of_process().snapshot().document() == {
        "requests": {"dynamodb.PutItem": 1},
        "calls": {f"PutItem.{table}": 1},
        "units": {f"write.{table}": 1.0, f"write.{table}/by_tenant": 1.0, f"write.{table}/due": 1.0},
    }
    store.commit(after(first, step="a"), "n2")
    store.commit(ended(after(first)), "n3")
    reading = meter_of_process().reset()
    assert reading.requests == {"dynamodb.PutItem": 3}
    assert reading.units == {
        f"write.{table}": 3.0,
        f"write.{table}/by_tenant": 3.0,  # a put at the start, a put and a delete at the end
        f"write.{table}/due": 2.0,  # a put at the start, a delete at the end
    }
    assert meter_of_process().snapshot().requests == {}


def test_messages_are_counted_by_request(ministack: AwsBackend) -> None:
    queue = SqsQueue(metered(ministack))
    meter_of_process().reset()
    queue.send([outgoing("m:d:1") for _ in range(12)])
    assert meter_of_process().reset().requests == {"sqs.GetQueueUrl": 1, "sqs.SendMessageBatch": 2}


def test_tries_that_failed_are_counted_too(ministack: AwsBackend) -> None:
    store = DynamoStore(metered(ministack, endpoint_url="http://127.0.0.1:9"), lambda: 0)
    meter_of_process().reset()
    with pytest.raises(Unavailable):
        store.load(["m:d:1"])
    assert meter_of_process().reset().requests["dynamodb.BatchGetItem"] > 1


def test_nothing_is_counted_when_it_is_off(ministack: AwsBackend) -> None:
    meter_of_process().reset()
    ministack.store.load(["m:d:1"])
    assert meter_of_process().reset().document() == {"requests": {}, "calls": {}, "units": {}}
