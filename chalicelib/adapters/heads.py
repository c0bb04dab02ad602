"""Heads of executions: consistent reads in batches, and the one conditional write that is a commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import Clients, reaching_aws, rounds
from chalicelib.adapters.codec import decode_head, encode_head
from chalicelib.engine.errors import SedoError, UnsupportedHead
from chalicelib.engine.execution import Execution
from chalicelib.ports import Committed, Conflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import PutItemInputTypeDef

BATCH = 100


class Heads:
    """The table `sedo_execution` by its key."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._table = clients.settings.resource("execution")
        self._shards = clients.settings.index_shards

    def load(self, execution_ids: Sequence[str]) -> dict[str, Execution | SedoError]:
        """See Store.load; more than 100 ids take more than one request."""
        ids = list(dict.fromkeys(execution_ids))
        found: dict[str, Execution | SedoError] = {}
        for start in range(0, len(ids), BATCH):
            for item in self._items(ids[start : start + BATCH]):
                found[item["id"]["S"]] = _decoded(item)
        return found

    def _items(self, ids: Sequence[str]) -> list[Any]:
        items: list[Any] = []
        wanted: Any = {self._table: {"Keys": [{"id": {"S": wanted_id}} for wanted_id in ids], "ConsistentRead": True}}
        for _ in rounds("load"):
            with reaching_aws():
                answer = self._clients.dynamodb.batch_get_item(RequestItems=wanted)
            items.extend(answer["Responses"].get(self._table, ()))
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                break
        return items

    def commit(self, execution: Execution, nonce: str) -> Committed | Conflict:
        """See Store.commit. Raises UnsupportedHead when the winner's head cannot be read, TooLarge before any write."""
        request: PutItemInputTypeDef = {
            "TableName": self._table,
            "Item": encode_head(execution, nonce, self._shards),
            "ConditionExpression": "attribute_not_exists(id)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if execution.version > 1:
            request["ConditionExpression"] = "#version = :before"
            request["ExpressionAttributeNames"] = {"#version": "version"}
            request["ExpressionAttributeValues"] = {":before": {"N": str(execution.version - 1)}}
        try:
            with reaching_aws():
                self._clients.dynamodb.put_item(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return _lost(error.response.get("Item"), nonce)
        return Committed()


def _lost(item: Any, nonce: str) -> Committed | Conflict:
    """Tell a lost race from a write whose answer was lost, by the item that stands there."""
    if not item:
        return Conflict(None)
    if item.get("nonce", {}).get("S") == nonce:
        return Committed()
    return Conflict(decode_head(item))


def _decoded(item: Any) -> Execution | SedoError:
    try:
        return decode_head(item)
    except UnsupportedHead as error:
        return error
