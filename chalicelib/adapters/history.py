"""Chunks of history events, keyed by their last seq: a late put of fewer events can cut nothing short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import Clients, reaching_aws
from chalicelib.adapters.codec import TooLarge, decode_events, encode_events
from chalicelib.adapters.payloads import Payloads
from chalicelib.engine.execution import Execution, is_of
from chalicelib.engine.history import HistoryEvent

PAGE = 8


class Chunks:
    """The table `sedo_execution_history`."""

    def __init__(self, clients: Clients, payloads: Payloads) -> None:
        self._clients = clients
        self._payloads = payloads
        self._table = clients.settings.resource("execution_history")

    def put(self, execution: Execution, events: Sequence[HistoryEvent]) -> None:
        """See Store.put_chunk; what is too large for one item goes into several. Raises TooLarge for a single event."""
        if not events:
            return
        taking = self._payloads.taking(execution)
        try:
            blob = encode_events(execution.id, events, taking)
        except TooLarge:
            if len(events) == 1:
                raise
            half = len(events) // 2
            self.put(execution, events[:half])
            self.put(execution, events[half:])
            return
        if taking.blobs:
            self._payloads.put(execution, taking.blobs)
        self._put(execution.id, events, blob)

    def _put(self, execution_id: str, events: Sequence[HistoryEvent], blob: bytes) -> None:
        try:
            with reaching_aws():
                self._clients.dynamodb.put_item(
                    TableName=self._table,
                    Item={
                        "executionId": {"S": execution_id},
                        "seq": {"N": str(events[-1].seq)},
                        "first": {"N": str(events[0].seq)},
                        "at": {"N": str(events[-1].at_ms)},
                        "body": {"B": blob},
                    },
                    # A committed event never changes, so the longer chunk holds the shorter one; but one of an earlier
                    # execution of this name, which has expired, holds nothing of this one.
                    ConditionExpression="attribute_not_exists(executionId) OR #first > :first OR #at < :at",
                    ExpressionAttributeNames={"#first": "first", "#at": "at"},
                    ExpressionAttributeValues={
                        ":first": {"N": str(events[0].seq)},
                        ":at": {"N": str(events[-1].at_ms)},
                    },
                )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def load(self, execution: Execution, after_seq: int, limit: int) -> list[HistoryEvent]:
        """See Store.load_chunks. Raises UnsupportedHead for a chunk that cannot be read."""
        found: dict[int, HistoryEvent] = {}
        gapless_until = after_seq
        for item in self._items(execution.id, after_seq):
            for event in decode_events(execution.id, bytes(item["body"]["B"])):
                if event.seq > after_seq and is_of(execution, event):
                    found[event.seq] = event
            while gapless_until + 1 in found:
                gapless_until += 1
            if gapless_until - after_seq >= limit:
                break
        return [found[seq] for seq in sorted(found)]

    def _items(self, execution_id: str, after_seq: int) -> Iterator[Any]:
        start: Any = None
        while True:
            with reaching_aws():
                answer = self._clients.dynamodb.query(
                    TableName=self._table,
                    KeyConditionExpression="executionId = :id AND seq > :after",
                    ExpressionAttributeValues={":id": {"S": execution_id}, ":after": {"N": str(after_seq)}},
                    ConsistentRead=True,
                    Limit=PAGE,
                    **({"ExclusiveStartKey": start} if start else {}),
                )
            yield from answer["Items"]
            start = answer.get("LastEvaluatedKey")
            if not start:
                return
