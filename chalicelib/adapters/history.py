"""Chunks of history events, keyed by their last seq: a late put of fewer events can cut nothing short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import Clients, reaching_aws
from chalicelib.adapters.codec import TooLarge, decode_events, encode_events
from chalicelib.engine.history import HistoryEvent

PAGE = 8


class Chunks:
    """The table `sedo_execution_history`."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._table = clients.settings.resource("execution_history")

    def put(self, execution_id: str, events: Sequence[HistoryEvent]) -> None:
        """See Store.put_chunk; what is too large for one item goes into several. Raises TooLarge for a single event."""
        if not events:
            return
        try:
            blob = encode_events(execution_id, events)
        except TooLarge:
            if len(events) == 1:
                raise
            half = len(events) // 2
            self.put(execution_id, events[:half])
            self.put(execution_id, events[half:])
            return
        self._put(execution_id, events[0].seq, events[-1].seq, blob)

    def _put(self, execution_id: str, first: int, last: int, blob: bytes) -> None:
        try:
            with reaching_aws():
                self._clients.dynamodb.put_item(
                    TableName=self._table,
                    Item={
                        "executionId": {"S": execution_id},
                        "seq": {"N": str(last)},
                        "first": {"N": str(first)},
                        "body": {"B": blob},
                    },
                    # A committed event never changes, so the longer chunk holds the shorter one.
                    ConditionExpression="attribute_not_exists(executionId) OR #first > :first",
                    ExpressionAttributeNames={"#first": "first"},
                    ExpressionAttributeValues={":first": {"N": str(first)}},
                )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def load(self, execution_id: str, after_seq: int, limit: int) -> list[HistoryEvent]:
        """See Store.load_chunks. Raises UnsupportedHead for a chunk that cannot be read."""
        found: dict[int, HistoryEvent] = {}
        gapless_until = after_seq
        for item in self._items(execution_id, after_seq):
            for event in decode_events(execution_id, bytes(item["body"]["B"])):
                if event.seq > after_seq:
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
