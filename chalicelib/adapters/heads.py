"""Heads of executions: consistent reads in batches, and the one conditional write that is a commit.

What a head refers to is stored before it and fetched after it. A head that has expired is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import Clients, reaching_aws, rounds
from chalicelib.adapters.codec import OpenHead, encode_head, open_head
from chalicelib.adapters.expiry import expires_at, has_expired
from chalicelib.adapters.payloads import Payloads
from chalicelib.adapters.references import references_in
from chalicelib.engine.errors import SedoError, UnsupportedHead
from chalicelib.engine.execution import Execution
from chalicelib.ports import Clock, Committed, Conflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import PutItemInputTypeDef

BATCH = 100


class Heads:
    """The table `sedo_execution` by its key."""

    def __init__(self, clients: Clients, payloads: Payloads, now_ms: Clock) -> None:
        self._clients = clients
        self._payloads = payloads
        self._now_ms = now_ms
        self._table = clients.settings.resource("execution")
        self._shards = clients.settings.index_shards
        self._retention_days = clients.settings.retention_days

    def load(self, execution_ids: Sequence[str], *, whole: bool = True) -> dict[str, Execution | SedoError]:
        """See Store.load; more than 100 ids take more than one request."""
        ids = list(dict.fromkeys(execution_ids))
        opened: dict[str, OpenHead | SedoError] = {}
        for start in range(0, len(ids), BATCH):
            for item in self._items(ids[start : start + BATCH]):
                opened[item["id"]["S"]] = _opened(item)
        return self._executions(opened, whole=whole)

    def _executions(self, opened: dict[str, OpenHead | SedoError], *, whole: bool) -> dict[str, Execution | SedoError]:
        """Fetch what heads refer to, for all of them together."""
        heads = {name: head for name, head in opened.items() if isinstance(head, OpenHead)}
        wanted = {name: head.wanted() for name, head in heads.items() if whole and head.table}
        found = self._payloads.load(wanted) if any(wanted.values()) else {}
        results: dict[str, Execution | SedoError] = {}
        for name, head in opened.items():
            results[name] = _read(head, found.get(name, {}) if name in wanted else None)
            execution = results[name]
            if isinstance(head, OpenHead) and isinstance(execution, Execution):
                self._payloads.loaded(execution, head.references())
        return results

    def _items(self, ids: Sequence[str]) -> list[Any]:
        items: list[Any] = []
        wanted: Any = {self._table: {"Keys": [{"id": {"S": wanted_id}} for wanted_id in ids], "ConsistentRead": True}}
        for _ in rounds("load"):
            with reaching_aws():
                answer = self._clients.dynamodb.batch_get_item(RequestItems=wanted)
            found = answer["Responses"].get(self._table, ())
            items.extend(item for item in found if not has_expired(item, self._now_ms()))
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                break
        return items

    def commit(self, execution: Execution, nonce: str) -> Committed | Conflict:
        """See Store.commit. Raises UnsupportedHead when the winner's head cannot be read, TooLarge before any write."""
        taking = self._payloads.taking(execution)
        expiry = expires_at(execution, self._retention_days)
        item = encode_head(execution, nonce, self._shards, taking, expiry)
        if taking.blobs:
            self._payloads.put(execution, taking.blobs)
        request: PutItemInputTypeDef = {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(id) OR expiresAt <= :now",
            "ExpressionAttributeValues": {":now": {"N": str(self._now_ms() // 1000)}},
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
            return self._lost(error.response.get("Item"), nonce)
        return Committed()

    def _lost(self, item: Any, nonce: str) -> Committed | Conflict:
        """Tell a lost race from a write whose answer was lost, by the item that stands there."""
        if not item or has_expired(item, self._now_ms()):
            return Conflict(None)
        if item.get("nonce", {}).get("S") == nonce:
            return Committed()
        name = item["id"]["S"]
        current = self._executions({name: open_head(item)}, whole=True)[name]
        if isinstance(current, SedoError):
            raise current
        return Conflict(current)


def _opened(item: Any) -> OpenHead | SedoError:
    try:
        return open_head(item)
    except UnsupportedHead as error:
        return error


def _read(head: OpenHead | SedoError, found: dict[str, Any] | None) -> Execution | SedoError:
    if isinstance(head, SedoError):
        return head
    try:
        return head.execution(found)
    except UnsupportedHead as error:
        return _ended_without(head) if found is not None and head.ended else error


def _ended_without(head: OpenHead) -> Execution | SedoError:
    """Return one that has ended although payloads are lost, but for its output: nobody needs more of it."""
    try:
        execution = head.execution()
    except UnsupportedHead as error:
        return error
    if any(references_in(execution.output)):
        return UnsupportedHead(f"the output of {execution.id} is lost or damaged")
    return execution
