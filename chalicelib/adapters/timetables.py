"""Timetables: one item for each scheduled definition, beside the heads, so that one query of `due` finds both.

It is written in the very transaction that writes the definition, and so is never of another version than the latest.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.adapters import keys
from chalicelib.adapters.aws import Clients, reaching_aws
from chalicelib.engine.timetable import Row, Timetable, timetable_id

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

_LOST = frozenset({"ConditionalCheckFailedException", "TransactionConflictException"})


class Timetables:
    """The timetables in the table `sedo_execution`."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._table = clients.settings.resource("execution")
        self._shards = clients.settings.index_shards

    def written_with(self, timetable: Timetable) -> TransactWriteItemTypeDef:
        """Return the part of a definition's transaction that replaces its timetable, or takes it away."""
        if timetable.rows:
            return {"Put": {"TableName": self._table, "Item": self._encoded(timetable)}}
        return {"Delete": {"TableName": self._table, "Key": {"id": {"S": timetable.id}}}}

    def load(self, tenant_id: str, definition_id: str) -> Timetable | None:
        """See Store.load_timetable."""
        key: dict[str, AttributeValueTypeDef] = {"id": {"S": timetable_id(tenant_id, definition_id)}}
        with reaching_aws():
            found = self._clients.dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        item: Any = found.get("Item")
        if item is None:
            return None
        return Timetable(
            tenant_id=tenant_id,
            definition_id=definition_id,
            definition_version=int(item["version"]["N"]),
            rows=tuple(Row(*row) for row in json.loads(item["schedules"]["S"])),
            revision=int(item["revision"]["N"]),
        )

    def save(self, timetable: Timetable) -> bool:
        """See Store.save_timetable."""
        try:
            with reaching_aws():
                self._clients.dynamodb.put_item(
                    TableName=self._table,
                    Item=self._encoded(timetable),
                    ConditionExpression="#version = :version AND revision = :before",
                    ExpressionAttributeNames={"#version": "version"},
                    ExpressionAttributeValues={
                        ":version": {"N": str(timetable.definition_version)},
                        ":before": {"N": str(timetable.revision - 1)},
                    },
                )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _LOST:
                raise
            return False
        return True

    def _encoded(self, timetable: Timetable) -> dict[str, AttributeValueTypeDef]:
        rows = [[row.rule, row.next_ms, row.last_ms] for row in timetable.rows]
        item: dict[str, AttributeValueTypeDef] = {
            "id": {"S": timetable.id},
            "tenantId": {"S": timetable.tenant_id},
            "version": {"N": str(timetable.definition_version)},
            "revision": {"N": str(timetable.revision)},
            "schedules": {"S": json.dumps(rows)},
        }
        if timetable.due_at_ms is not None:
            item["dueShard"] = {"S": str(keys.shard(timetable.id, self._shards))}
            item["dueKey"] = {"S": keys.timetable_due_key(timetable)}
        return item
