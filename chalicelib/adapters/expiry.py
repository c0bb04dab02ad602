"""When stored things go: the attribute `expiresAt`, in seconds, of the tables whose items expire.

DynamoDB deletes late (and emulators never), so that readers do not see what has expired.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import Clients, reaching_aws
from chalicelib.engine.execution import Execution

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import UpdateItemInputTypeDef

DAY_SECONDS = 86_400
CHILD_DAYS = 366
"""So much longer a child is kept that a parent waits for: it may live on, and still read what its child came to."""
_VERSIONS = 1_000_000_000
THREADS = 8


def expires_at(execution: Execution, default_days: int) -> int | None:
    """Return the second from which on an execution is unknown; None for one that lives."""
    if not execution.ended or execution.ended_at_ms is None:
        return None
    days = default_days if execution.retention_days is None else execution.retention_days
    if execution.parent is not None:
        days += CHILD_DAYS
    return execution.ended_at_ms // 1000 + days * DAY_SECONDS


def has_expired(item: Any, now_ms: int) -> bool:
    """Say whether an item is only still there because it was not deleted yet."""
    return "expiresAt" in item and int(item["expiresAt"]["N"]) * 1000 <= now_ms


def stamp_order(execution: Execution) -> int:
    """Return a number that grows with an execution's versions, and from one of an id to the next."""
    return execution.started_at_ms * _VERSIONS + execution.version


class Stamps:
    """Gives the items that belong to an execution the expiry of its head."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        resource = clients.settings.resource
        self._tables = ((resource("execution_history"), "seq"), (resource("payload"), "digest"))

    def stamp(self, execution_id: str, seconds: int | None, order: int) -> None:
        """Set `expiresAt` of all chunks and payloads, or take it away; what has the right one costs a read alone.

        `order` says which of two stamps is the later one: a slow process must not undo what a redrive has done.
        """
        jobs = [
            self._pool.submit(self._update, table, key, seconds, order)
            for table, sort_key in self._tables
            for key in self._wrong_keys(table, sort_key, execution_id, seconds, order)
        ]
        for job in jobs:
            job.result()

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(THREADS, thread_name_prefix="expiry")

    def _wrong_keys(
        self, table: str, sort_key: str, execution_id: str, seconds: int | None, order: int
    ) -> Iterator[Any]:
        wanted = None if seconds is None else str(seconds)
        start: Any = None
        while True:
            with reaching_aws():
                answer = self._clients.dynamodb.query(
                    TableName=table,
                    KeyConditionExpression="executionId = :id",
                    ExpressionAttributeValues={":id": {"S": execution_id}},
                    ExpressionAttributeNames={"#sort": sort_key},
                    ProjectionExpression="executionId, #sort, expiresAt, stampedBy",
                    ConsistentRead=True,
                    **({"ExclusiveStartKey": start} if start else {}),
                )
            for item in answer["Items"]:
                stamped_by = int(item.pop("stampedBy", {}).get("N", -1))
                right = item.pop("expiresAt", {}).get("N") == wanted and (wanted is not None or stamped_by >= order)
                if not right and stamped_by <= order:
                    yield item
            start = answer.get("LastEvaluatedKey")
            if not start:
                return

    def _update(self, table: str, key: Any, seconds: int | None, order: int) -> None:
        request: UpdateItemInputTypeDef = {
            "TableName": table,
            "Key": key,
            "UpdateExpression": "SET stampedBy = :order REMOVE expiresAt",
            "ConditionExpression": "attribute_exists(executionId) AND NOT stampedBy > :order",
            "ExpressionAttributeValues": {":order": {"N": str(order)}},
        }
        if seconds is not None:
            request["UpdateExpression"] = "SET stampedBy = :order, expiresAt = :at"
            request["ExpressionAttributeValues"] = {":order": {"N": str(order)}, ":at": {"N": str(seconds)}}
        try:
            with reaching_aws():
                self._clients.dynamodb.update_item(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
