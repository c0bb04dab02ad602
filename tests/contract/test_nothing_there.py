"""A deployment whose tables and queues are still being made, or were taken away, is unavailable; nothing is broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.adapters.aws import Clients
from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.sqs import SqsQueue
from chalicelib.ports import Message, Outgoing, Unavailable
from chalicelib.settings import Settings
from tests.contract.backends import NOW_MS
from tests.contract.samples import head

CALLS: dict[str, Callable[[DynamoStore, SqsQueue], Any]] = {
    "load": lambda store, _: store.load(["123:d:x"]),
    "commit": lambda store, _: store.commit(head("123"), "n"),
    "put a definition": lambda store, _: store.put_definition("123", "d", {"id": "d"}, 0),
    "get a definition": lambda store, _: store.get_definition("123", "d"),
    "list": lambda store, _: store.list_executions("123", 10),
    "due": lambda store, _: list(store.due(1, 10)),
    "send": lambda _, queue: queue.send([Outgoing(Message("123:d:x", "1.1", "n"), "123", 0)]),
    "backlog": lambda _, queue: queue.backlog(),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("emulator", ["ministack", "localstack"])
def test_what_is_not_there_is_unavailable(request: pytest.FixtureRequest, emulator: str, call: str) -> None:
    url = request.getfixturevalue(f"{emulator}_url")
    clients = Clients(Settings(prefix="nowhere-"), endpoint_url=url)
    with pytest.raises(Unavailable):
        CALLS[call](DynamoStore(clients, lambda: NOW_MS), SqsQueue(clients))
