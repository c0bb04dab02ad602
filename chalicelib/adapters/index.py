"""The indexes of the heads: `by_tenant` and `inbox` for lists, `due` for time.

A list of executions is a merge of runs, one for each class of states and shard, all in the order of their start. The
index may lag behind the heads, so what is shown and filtered is the head as loaded.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from itertools import chain
from typing import Any

from chalicelib.adapters import keys
from chalicelib.adapters.aws import Clients, reaching_aws
from chalicelib.adapters.cursors import read_cursor
from chalicelib.adapters.listing import Load, fill_page
from chalicelib.engine.execution import Execution
from chalicelib.ports import DueEntry, Page

THREADS = 8
_DUE_PAGE = 100


class Index:
    """Queries of the execution table's indexes."""

    def __init__(self, clients: Clients, load: Load) -> None:
        self._clients = clients
        self._load = load
        self._table = clients.settings.resource("execution")
        self._shards = clients.settings.index_shards

    def executions(
        self, tenant_id: str, limit: int, cursor: str | None, states: Iterable[str] | None, definition_id: str | None
    ) -> Page[Execution]:
        """See Store.list_executions. A page may be short, or empty, and still have a next one: looking is bounded."""
        scope = f"executions\n{tenant_id}"
        wanted = None if states is None else frozenset(states)
        before = read_cursor(scope, cursor)
        merged = self._merged(tenant_id, keys.state_classes(wanted), before, limit)
        return fill_page(scope, merged, limit, self._load, wanted, definition_id)

    def _merged(self, tenant_id: str, classes: Sequence[str], before: str | None, limit: int) -> Iterator[str]:
        """Yield `started_key`s, newest first, once each; the first pages of all runs are fetched side by side."""
        partitions = [keys.tenant_key(tenant_id, name, shard) for name in classes for shard in range(self._shards)]
        size = min(limit + 1, max(8, 2 * limit // max(1, len(partitions))))
        firsts = [self._pool.submit(self._page, partition, before, size) for partition in partitions]
        last = None
        runs = [self._run(partition, first, size) for partition, first in zip(partitions, firsts, strict=True)]
        for key in heapq.merge(*runs, reverse=True):
            if key != last:  # while the index lags, an execution may stand in two classes
                yield key
            last = key

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(THREADS, thread_name_prefix="by_tenant")

    def _run(self, partition: str, first: Future[list[str]], size: int) -> Iterator[str]:
        found = first.result()
        while found:
            yield from found
            if len(found) < size:
                return
            found = self._page(partition, found[-1], size)

    def _page(self, partition: str, before: str | None, size: int) -> list[str]:
        values: dict[str, Any] = {":partition": {"S": partition}}
        condition = "tenantKey = :partition"
        if before is not None:
            values[":before"] = {"S": before}
            condition += " AND startedKey < :before"
        with reaching_aws():
            answer = self._clients.dynamodb.query(
                TableName=self._table,
                IndexName="by_tenant",
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ScanIndexForward=False,
                Limit=size,
            )
        return [item["startedKey"]["S"] for item in answer["Items"]]

    def inbox(self, tenant_id: str, limit: int, cursor: str | None) -> Page[Execution]:
        """See Store.list_inbox."""
        scope = f"inbox\n{tenant_id}"
        after = read_cursor(scope, cursor)
        size = limit + 1
        partitions = [keys.inbox_key(tenant_id, shard) for shard in range(self._shards)]
        runs = [self._inbox_run(partition, after, size) for partition in partitions]
        return fill_page(scope, heapq.merge(*runs), limit, self._load, None, None)

    def _inbox_run(self, partition: str, after: str | None, size: int) -> Iterator[str]:
        while True:
            values: dict[str, Any] = {":partition": {"S": partition}}
            condition = "inboxKey = :partition"
            if after is not None:
                values[":after"] = {"S": after}
                condition += " AND openedKey > :after"
            with reaching_aws():
                answer = self._clients.dynamodb.query(
                    TableName=self._table,
                    IndexName="inbox",
                    KeyConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    Limit=size,
                )
            found = [item["openedKey"]["S"] for item in answer["Items"]]
            yield from found
            if len(found) < size:
                return
            after = found[-1]

    def due(self, before_ms: int, limit_per_shard: int) -> Iterable[DueEntry]:
        """See Store.due; pages are fetched as they are asked for."""
        return chain.from_iterable(
            self._due_in_shard(str(shard), keys.due_before(before_ms), limit_per_shard) for shard in range(self._shards)
        )

    def _due_in_shard(self, shard: str, before: str, limit: int) -> Iterator[DueEntry]:
        left = limit
        start: Any = None
        while left > 0:
            with reaching_aws():
                answer = self._clients.dynamodb.query(
                    TableName=self._table,
                    IndexName="due",
                    KeyConditionExpression="dueShard = :shard AND dueKey < :before",
                    ExpressionAttributeValues={":shard": {"S": shard}, ":before": {"S": before}},
                    Limit=min(left, _DUE_PAGE),
                    **({"ExclusiveStartKey": start} if start else {}),
                )
            for item in answer["Items"]:
                yield keys.due_entry(item["dueKey"]["S"])
            left -= len(answer["Items"])
            start = answer.get("LastEvaluatedKey")
            if not start:
                return
